/* descriptors.c - close, dup and the reuse of numbers under waiting calls; eventfds, timerfds, inotify */
#include "case.h"
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>

CASE(close_errors)
{
	int fd = open("/dev/null", O_RDONLY);

	SHOW(close(fd));
	SHOW(close(fd));
	SHOW(close(-1));
	SHOW(close(INT32_MAX));
}

CASE(numbers)
{
	int p[2], a = open("/dev/null", O_RDONLY);

	pipes(p);
	close(a);
	say("%d %d %d", a, p[0], p[1]);
	say("%d %d", dup(p[1]), eventfd(0, 0));
	say("%d", dup2(p[1], 20));
	say("%d", fcntl(p[1], F_DUPFD, 19));
}

CASE(dup_errors)
{
	SHOW(dup(-1));
	SHOW(dup(77));
	SHOW(dup2(77, 5));
	SHOW(dup2(0, -1));
	SHOW(dup2(0, INT32_MAX));
	SHOW(dup2(77, 77));
	SHOW(dup2(0, 0));
	SHOW(dup3(0, 0, 0));
	SHOW(dup3(0, 9, O_NONBLOCK));
	SHOW(dup3(0, 9, O_CLOEXEC));
	SHOW(fcntl(9, F_GETFD));
}

CASE(close_range_errors)
{
	SHOW(close_range(9, 8, 0));
	SHOW(close_range(50, 60, 0));
	SHOW(close_range(50, 60, 0x100));
	SHOW(close_range(~0u, ~0u, 0));
}

CASE(close_range_closes)
{
	int p[2], q[2];

	pipes(p);
	pipes(q);
	SHOW(close_range((unsigned)p[1], (unsigned)q[0], 0));
	say("%d %d %d %d", fcntl(p[0], F_GETFD), fcntl(p[1], F_GETFD), fcntl(q[0], F_GETFD), fcntl(q[1], F_GETFD));
	SHOW(close_range((unsigned)p[0], ~0u, CLOSE_RANGE_CLOEXEC));
	say("%d %d", fcntl(p[0], F_GETFD), fcntl(q[1], F_GETFD));
	later(20, shut, q[1]);
	pipes(q);
	later(20, put, q[1]);
	TIMED(20, SHOW(read(q[0], buf, 9)));
	closefrom(3);
	say("%d %d", fcntl(q[0], F_GETFD), open("/dev/null", O_RDONLY));
}

CASE(closed_while_read)
{
	int p[2];

	pipes(p);
	later(0, note_read, p[0]);
	settle();
	SHOW(close(p[0]));
	settle();
	say("done=%d", (int)notes[0].done);
	put(p[1]);
	finish();
	TELL(0);
	SHOW(write(p[1], "x", 1));
}

CASE(number_reused_while_read)
{
	int p[2], q[2];

	pipes(p);
	later(0, note_read, p[0]);
	settle();
	close(p[0]);
	pipes(q);
	SHOW(q[0] - p[0]);
	SHOW(write(q[1], "wrong", 5));
	settle();
	SHOW(write(p[1], "right", 5));
	finish();
	TELL(0);
	SHOW_BYTES(buf, read(q[0], buf, 9));
}

CASE(dup2_over_what_is_read)
{
	int p[2], q[2];

	pipes(p);
	pipes(q);
	later(0, note_read, p[0]);
	settle();
	SHOW(dup2(q[0], p[0]) - p[0]);
	SHOW(write(q[1], "wrong", 5));
	settle();
	SHOW(write(p[1], "right", 5));
	finish();
	TELL(0);
	SHOW_BYTES(buf, read(p[0], buf, 9));
}

static void note_write_much(long fd)
{
	char *p = calloc(1, 1 << 20);

	NOTE(0, write((int)fd, p, 1 << 20) > 0 ? 1 : -1);
	free(p);
}

CASE(closed_while_written)
{
	int p[2];
	size_t got = 0;
	ssize_t n;

	pipes(p);
	later(0, note_write_much, p[1]);
	settle();
	SHOW(close(p[1]));
	while ((n = read(p[0], buf, sizeof(buf))) > 0)
		got += (size_t)n;
	finish();
	say("got=%zu", got);
	TELL(0);
}

CASE(duplicates_share)
{
	int p[2], d;

	pipes(p);
	d = dup(p[0]);
	later(0, note_read, d);
	settle();
	close(p[0]);
	put(p[1]);
	finish();
	TELL(0);
}

static int shared_fd;

static void read_slot(long slot)
{
	NOTE(slot, read(shared_fd, notes[slot].bytes, 1));
}

CASE(readers_get_one_each)
{
	int p[2], sum = 0;

	pipes(p);
	shared_fd = p[0];
	for (int i = 0; i < 5; i++)
		later(0, read_slot, i);
	settle();
	SHOW(write(p[1], "abcde", 5));
	finish();
	for (int i = 0; i < 5; i++)
		sum += notes[i].ret == 1 ? notes[i].bytes[0] : 1000;
	say("sum=%d", sum - 5 * 'a');
}

/* ---- eventfd, timerfd, inotify */

CASE(eventfd_waits)
{
	int e = eventfd(0, 0);
	uint64_t v = 0, two = 2;

	later(20, put, e); /* one byte: EINVAL, and nothing is counted */
	pause_ms(30);
	SHOW(write(e, &two, 8));
	SHOW(read(e, &v, 8));
	say("value=%lu", (unsigned long)v);
}

static void add_three(long fd)
{
	uint64_t three = 3;

	(void)!write((int)fd, &three, 8);
}

CASE(eventfd_wakes)
{
	int e = eventfd(0, 0);
	uint64_t v = 0;

	later(20, add_three, e);
	TIMED(20, SHOW(read(e, &v, 8)));
	say("value=%lu", (unsigned long)v);
}

CASE(eventfd_semaphore)
{
	int e = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
	uint64_t v = 0;

	SHOW(read(e, &v, 8));
	say("value=%lu", (unsigned long)v);
	SHOW(read(e, &v, 8));
	SHOW(read(e, &v, 8));
}

CASE(eventfd_errors)
{
	int e = eventfd(1, EFD_NONBLOCK);
	uint64_t v = ~0ull;

	SHOW(eventfd(0, 0x123));
	SHOW(read(e, &v, 7));
	SHOW(write(e, &v, 8));
	SHOW(write(e, &v, 4));
	v--;
	SHOW(write(e, &v, 8));
	SHOW(read(e, bad, 8));
	SHOW(write(e, bad, 8));
}

static void read_eight(long fd)
{
	uint64_t v;

	(void)!read((int)fd, &v, 8);
}

CASE(eventfd_full)
{
	int e = eventfd(0, 0);
	uint64_t v = ~0ull - 1;

	SHOW(write(e, &v, 8));
	v = 1;
	later(20, read_eight, e);
	TIMED(20, SHOW(write(e, &v, 8)));
	SHOW(eventfd_read(e, &v));
	say("value=%lu", (unsigned long)v);
	SHOW(eventfd_write(e, 5));
}

CASE(timerfd_waits)
{
	int t = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec when = { .it_value = { 0, 30000000 } };
	uint64_t v = 0;

	TIMED(30, timerfd_settime(t, 0, &when, NULL); SHOW(read(t, &v, 8)));
	say("value=%lu", (unsigned long)v);
}

CASE(timerfd_interval)
{
	int t = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec when = { { 0, 5000000 }, { 0, 5000000 } };
	uint64_t v, sum = 0;

	TIMED(20, {
		timerfd_settime(t, 0, &when, NULL);
		while (sum < 4 && read(t, &v, 8) == 8)
			sum += v;
	});
}

CASE(timerfd_nonblocking)
{
	int t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	uint64_t v;

	SHOW(read(t, &v, 8));
	SHOW(read(t, &v, 4));
	SHOW(write(t, &v, 8));
}

static char watched[] = "/tmp/gpatch-test-XXXXXX", made[sizeof(watched) + 8];

static void make_file(long arg)
{
	(void)arg;
	close(open(made, O_CREAT | O_WRONLY, 0600));
}

CASE(inotify_waits)
{
	int n = inotify_init1(0);
	struct inotify_event *e = (void *)buf;

	MUST(mkdtemp(watched) && inotify_add_watch(n, watched, IN_CREATE) >= 0);
	snprintf(made, sizeof(made), "%s/file", watched);
	later(20, make_file, 0);
	TIMED(20, SHOW(read(n, buf, 1000) > 0 ? 0 : -1));
	say("%s", e->name);
	unlink(made);
	rmdir(watched);
}
