/* select.c - select and pselect: sets and time-out are updated in place as the kernel does it */
#include "case.h"
#include <sys/select.h>

static fd_set r, w, x;

/* FD_SET of a fortified build refuses numbers from 1024 up. */
static void put_bit(void *set, int fd)
{
	((unsigned long *)set)[fd / 64] |= 1ul << fd % 64;
}

static int has_bit(const void *set, int fd)
{
	return (int)(((const unsigned long *)set)[fd / 64] >> fd % 64 & 1);
}

static void only(fd_set *set, int fd)
{
	FD_ZERO(set);
	if (fd >= 0)
		put_bit(set, fd);
}

static void sets(int fd)
{
	say("r=%d w=%d x=%d", has_bit(&r, fd), has_bit(&w, fd), has_bit(&x, fd));
}

CASE(no_fds_expire)
{
	struct timeval tv = *TV(30);

	TIMED(30, SHOW(select(0, NULL, NULL, NULL, &tv)));
	say("tv=%ld.%06ld", (long)tv.tv_sec, (long)tv.tv_usec);
}

CASE(zero_timeout)
{
	struct timeval tv = { 0, 0 };

	SHOW(select(0, NULL, NULL, NULL, &tv));
	say("tv=%ld.%06ld", (long)tv.tv_sec, (long)tv.tv_usec);
}

CASE(silent_pipe_expires)
{
	int p[2];
	struct timeval tv = *TV(30);

	pipes(p);
	only(&r, p[0]);
	TIMED(30, SHOW(select(p[0] + 1, &r, NULL, NULL, &tv)));
	say("r=%d tv=%ld.%06ld", has_bit(&r, p[0]), (long)tv.tv_sec, (long)tv.tv_usec);
}

CASE(rest_of_timeout)
{
	int p[2];
	struct timeval tv = { 10, 0 };

	pipes(p);
	only(&r, p[0]);
	later(30, put, p[1]);
	TIMED(30, SHOW(select(p[0] + 1, &r, NULL, NULL, &tv)));
	say("rest below 9.971=%d over 7=%d", tv.tv_sec * 1000000 + tv.tv_usec < 9971000, tv.tv_sec >= 7);
}

CASE(ready_at_once_keeps_timeout)
{
	int p[2];
	struct timeval tv = { 10, 0 };

	pipes(p);
	put(p[1]);
	only(&r, p[0]);
	SHOW(select(p[0] + 1, &r, NULL, NULL, &tv));
	say("rest over 8=%d", tv.tv_sec >= 8);
}

CASE(no_timeout)
{
	int p[2];

	pipes(p);
	only(&r, p[0]);
	later(30, put, p[1]);
	TIMED(30, SHOW(select(p[0] + 1, &r, NULL, NULL, NULL)));
}

CASE(negative_timeout)
{
	SHOW(select(0, NULL, NULL, NULL, &(struct timeval){ -1, 0 }));
	SHOW(select(0, NULL, NULL, NULL, &(struct timeval){ 0, -1 }));
}

CASE(microseconds_over_a_second)
{
	struct timeval tv = { 0, 1000001 };
	int p[2];

	pipes(p);
	put(p[1]);
	only(&r, p[0]);
	SHOW(select(p[0] + 1, &r, NULL, NULL, &tv));
	say("rest is one second=%d", tv.tv_sec == 1 || (tv.tv_sec == 0 && tv.tv_usec > 500000));
}

CASE(huge_timeout)
{
	struct timeval tv = { INT64_MAX, 999999 };
	int p[2];

	pipes(p);
	only(&r, p[0]);
	later(20, put, p[1]);
	SHOW(select(p[0] + 1, &r, NULL, NULL, &tv));
}

CASE(negative_nfds)
{
	SHOW(select(-1, NULL, NULL, NULL, TV(0)));
}

CASE(writable)
{
	int p[2];

	pipes(p);
	only(&w, p[1]);
	SHOW(select(p[1] + 1, NULL, &w, NULL, NULL));
}

CASE(full_pipe_drained)
{
	int p[2];

	pipes(p);
	stuff(p[1]);
	only(&w, p[1]);
	SHOW(select(p[1] + 1, NULL, &w, NULL, TV(20)));
	only(&w, p[1]);
	later(20, drain, p[0]);
	TIMED(20, SHOW(select(p[1] + 1, NULL, &w, NULL, TV(5000))));
	close(p[1]);
}

CASE(eof_is_readable)
{
	int p[2];

	pipes(p);
	only(&r, p[0]);
	later(30, shut, p[1]);
	TIMED(30, SHOW(select(p[0] + 1, &r, NULL, NULL, TV(5000))));
	sets(p[0]);
}

CASE(broken_pipe_is_writable)
{
	int p[2];

	pipes(p);
	stuff(p[1]);
	only(&w, p[1]);
	FD_ZERO(&r);
	FD_ZERO(&x);
	later(30, shut, p[0]);
	SHOW(select(p[1] + 1, &r, &w, &x, TV(5000)));
	sets(p[1]);
}

CASE(counts_bits)
{
	int s[2];

	pair(s, SOCK_STREAM);
	put(s[1]);
	only(&r, s[0]);
	only(&w, s[0]);
	only(&x, s[0]);
	SHOW(select(s[0] + 1, &r, &w, &x, TV(1000)));
	sets(s[0]);
}

CASE(clears_what_is_not_ready)
{
	int p[2], q[2];

	pipes(p);
	pipes(q);
	put(q[1]);
	only(&r, p[0]);
	put_bit(&r, q[0]);
	only(&w, q[0]);
	SHOW(select(q[0] + 1, &r, &w, NULL, TV(1000)));
	say("p=%d q=%d w=%d", has_bit(&r, p[0]), has_bit(&r, q[0]), has_bit(&w, q[0]));
}

CASE(bad_fd)
{
	only(&r, 50); /* below 64: the kernel looks at no more than its table has */
	SHOW(select(51, &r, NULL, NULL, TV(0)));
	say("r=%d", has_bit(&r, 50));
}

CASE(bad_fd_beside_a_ready_one)
{
	int p[2];
	struct timeval tv = { 1, 0 };

	pipes(p);
	put(p[1]);
	only(&r, p[0]);
	put_bit(&r, 60);
	SHOW(select(61, &r, NULL, NULL, &tv));
	say("r=%d %d", has_bit(&r, p[0]), has_bit(&r, 60));
}

CASE(bits_from_nfds_up_do_not_count)
{
	int p[2];

	pipes(p);
	put(p[1]);
	only(&r, p[0]);
	put_bit(&r, 99);
	SHOW(select(p[0] + 1, &r, NULL, NULL, TV(100)));
	say("r=%d %d", has_bit(&r, p[0]), has_bit(&r, 99));
}

CASE(fault)
{
	SHOW(select(10, (void *)bad, NULL, NULL, TV(0)));
	SHOW(select(10, NULL, (void *)bad, NULL, TV(0)));
	SHOW(select(10, NULL, NULL, (void *)bad, NULL));
}

CASE(fault_without_fds)
{
	SHOW(select(0, (void *)bad, (void *)bad, NULL, TV(10)));
}

CASE(big_numbers)
{
	static fd_set many[4];
	struct rlimit old, limit;
	int p[2], fd;

	getrlimit(RLIMIT_NOFILE, &old);
	limit = old;
	limit.rlim_cur = limit.rlim_max < 2048 ? limit.rlim_max : 2048;
	setrlimit(RLIMIT_NOFILE, &limit);
	pipes(p);
	fd = fcntl(p[0], F_DUPFD, 1500);
	memset(many, 0, sizeof(many));
	if (fd >= 0)
		put_bit(many, fd);
	later(20, put, p[1]);
	SHOW(fd >= 0 ? select(fd + 1, many, NULL, NULL, TV(5000)) : 1);
	say("fd=%d bit=%d", fd, fd >= 0 && has_bit(many, fd));
	setrlimit(RLIMIT_NOFILE, &old);
}

CASE(nfds_beyond_the_limit)
{
	static unsigned long all[1 << 15];
	int p[2];

	pipes(p);
	memset(all, 0, sizeof(all));
	put_bit(all, p[0]);
	put(p[1]);
	SHOW(select(LENGTH(all) * 64, (void *)all, NULL, NULL, TV(1000)));
	SHOW(select(INT32_MAX, NULL, NULL, NULL, TV(10)));
}

CASE(regular_file_is_ready)
{
	int fd = open("/etc/passwd", O_RDONLY);

	only(&r, fd);
	only(&w, fd);
	FD_ZERO(&x);
	SHOW(select(fd + 1, &r, &w, &x, NULL));
	sets(fd);
}

CASE(out_of_band)
{
	int s[2];

	tcp(s);
	only(&x, s[1]);
	only(&r, s[1]);
	only(&w, -1);
	SHOW(send(s[0], "!", 1, MSG_OOB));
	SHOW(select(s[1] + 1, NULL, NULL, &x, TV(2000)));
	sets(s[1]);
}

CASE(listener_gets_a_connection)
{
	int l = listener(4), c = socket(AF_INET, SOCK_STREAM, 0);

	only(&r, l);
	SHOW(select(l + 1, &r, NULL, NULL, TV(20)));
	connect_to(c, l);
	only(&r, l);
	SHOW(select(l + 1, &r, NULL, NULL, TV(2000)));
}

CASE(connection_is_made)
{
	int l = listener(4), c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	SHOW(connect_to(c, l));
	only(&w, c);
	SHOW(select(c + 1, NULL, &w, NULL, TV(2000)));
}

static int shared_fd;

static void selector(long slot)
{
	fd_set set;

	only(&set, shared_fd);
	NOTE(slot, select(shared_fd + 1, &set, NULL, NULL, TV(5000)));
}

CASE(all_selectors_wake)
{
	int p[2];

	pipes(p);
	shared_fd = p[0];
	for (int i = 0; i < 5; i++)
		later(0, selector, i);
	settle();
	put(p[1]);
	finish();
	for (int i = 0; i < 5; i++)
		TELL(i);
}

CASE(closed_while_selected)
{
	int p[2];

	pipes(p);
	only(&r, p[0]);
	later(10, shut, p[0]);
	TIMED(60, SHOW(select(p[0] + 1, &r, NULL, NULL, TV(60))));
	say("r=%d", has_bit(&r, p[0]));
}

CASE(pselect_expires)
{
	struct timespec ts = *MS(30);

	TIMED(30, SHOW(pselect(0, NULL, NULL, NULL, &ts, NULL)));
	say("ts=%ld.%09ld", (long)ts.tv_sec, ts.tv_nsec);
}

CASE(pselect_wakes)
{
	struct timespec ts = { 5, 0 };
	int p[2];

	pipes(p);
	only(&r, p[0]);
	later(20, put, p[1]);
	TIMED(20, SHOW(pselect(p[0] + 1, &r, NULL, NULL, &ts, NULL)));
	say("ts=%ld.%09ld", (long)ts.tv_sec, ts.tv_nsec);
}

CASE(pselect_invalid)
{
	SHOW(pselect(0, NULL, NULL, NULL, &(struct timespec){ 0, 1000000000 }, NULL));
	SHOW(pselect(0, NULL, NULL, NULL, &(struct timespec){ -1, 0 }, NULL));
	SHOW(pselect(-1, NULL, NULL, NULL, MS(0), NULL));
}

CASE(pselect_fault)
{
	SHOW(pselect(9, (void *)bad, NULL, NULL, MS(0), NULL));
	SHOW(pselect(0, NULL, NULL, NULL, MS(0), (void *)bad));
}

CASE(three_take_turns)
{
	int p[3][2], got[3] = { 0 };

	for (int i = 0; i < 3; i++)
		pipes(p[i]);
	later(120, put, p[0][1]);
	later(10, put, p[2][1]);
	later(60, put, p[1][1]);
	for (int n = 0; n < 3; n++) {
		only(&r, -1);
		for (int i = 0; i < 3; i++)
			put_bit(&r, p[i][0]);
		select(p[2][1], &r, NULL, NULL, TV(5000));
		for (int i = 0; i < 3; i++)
			if (has_bit(&r, p[i][0]) && read(p[i][0], buf, 1) == 1)
				got[n] = i;
	}
	say("%d %d %d", got[0], got[1], got[2]);
}
