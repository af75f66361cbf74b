/* epoll.c - the program's own epoll sets: level, edge, one-shot, nested, shared by threads */
#include "case.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

static struct epoll_event ev[16];

static int set_of(int fd, unsigned what)
{
	struct epoll_event e = { what, { .u32 = (unsigned)fd } };
	int ep = epoll_create1(0);

	MUST(ep >= 0);
	MUST(fd < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0);
	return ep;
}

static int control(int ep, int op, int fd, unsigned what)
{
	struct epoll_event e = { what, { .u32 = (unsigned)fd } };

	return epoll_ctl(ep, op, fd, &e);
}

static void wait_for(int ep, int timeout)
{
	int n;

	memset(ev, 0, sizeof(ev));
	errno = 0;
	n = epoll_wait(ep, ev, LENGTH(ev), timeout);
	say("ret=%d errno=%s events=%#x %#x", n, errname(errno), n > 0 ? ev[0].events : 0, n > 1 ? ev[1].events : 0);
}

CASE(empty_set_expires)
{
	TIMED(30, wait_for(set_of(-1, 0), 30));
	wait_for(set_of(-1, 0), 0);
}

CASE(silent_pipe_expires)
{
	int p[2];

	pipes(p);
	TIMED(30, wait_for(set_of(p[0], EPOLLIN), 30));
}

CASE(readable)
{
	int p[2];

	pipes(p);
	later(30, put, p[1]);
	TIMED(30, wait_for(set_of(p[0], EPOLLIN), -1));
	say("data is the fd=%d", ev[0].data.u32 == (unsigned)p[0]);
}

CASE(writable)
{
	int p[2];

	pipes(p);
	wait_for(set_of(p[1], EPOLLOUT), -1);
	stuff(p[1]);
	wait_for(set_of(p[1], EPOLLOUT), 20);
}

CASE(level_tells_again)
{
	int p[2], ep;

	pipes(p);
	put(p[1]);
	ep = set_of(p[0], EPOLLIN);
	wait_for(ep, 1000);
	wait_for(ep, 1000);
	SHOW(read(p[0], buf, 1));
	wait_for(ep, 0);
}

CASE(edge_tells_once)
{
	int p[2], ep;

	pipes(p);
	ep = set_of(p[0], EPOLLIN | EPOLLET);
	later(20, put, p[1]);
	wait_for(ep, 5000);
	wait_for(ep, 20);
	put(p[1]);
	wait_for(ep, 1000);
	wait_for(ep, 0);
}

CASE(edge_of_data_that_was_there)
{
	int p[2], ep;

	pipes(p);
	put(p[1]);
	ep = set_of(p[0], EPOLLIN | EPOLLET);
	wait_for(ep, 1000);
	wait_for(ep, 0);
}

/* Our own watching of the same pipe must not eat the program's edge. */
CASE(edge_while_another_thread_reads)
{
	int p[2], ep;

	pipes(p);
	ep = set_of(p[0], EPOLLIN | EPOLLET);
	later(0, note_read, p[0]);
	settle();
	put(p[1]);
	finish();
	TELL(0);
	put(p[1]);
	wait_for(ep, 1000);
}

CASE(one_shot)
{
	int p[2], ep;

	pipes(p);
	put(p[1]);
	ep = set_of(p[0], EPOLLIN | EPOLLONESHOT);
	wait_for(ep, 1000);
	wait_for(ep, 20);
	SHOW(control(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT));
	wait_for(ep, 1000);
	wait_for(ep, 0);
}

CASE(hang_up)
{
	int p[2];

	pipes(p);
	later(20, shut, p[1]);
	wait_for(set_of(p[0], EPOLLIN), 5000);
	wait_for(set_of(p[0], 0), 0);
}

CASE(half_closed)
{
	int s[2];

	tcp(s);
	later(20, end_writing, s[0]);
	wait_for(set_of(s[1], EPOLLIN | EPOLLRDHUP), 5000);
}

CASE(broken_pipe)
{
	int p[2];

	pipes(p);
	later(20, shut, p[0]);
	wait_for(set_of(p[1], 0), 5000);
}

CASE(max_events)
{
	int p[2], ep = set_of(-1, 0), n = 0;
	unsigned seen = 0;

	for (int i = 0; i < 6; i++) {
		pipes(p);
		put(p[1]);
		control(ep, EPOLL_CTL_ADD, p[0], EPOLLIN);
	}
	SHOW(epoll_wait(ep, ev, 4, 1000));
	for (int i = 0; i < 4; i++) { /* one at a time: the set goes round */
		n += epoll_wait(ep, ev, 1, 1000);
		seen |= 1u << (ev[0].data.u32 & 31);
	}
	say("n=%d different=%d", n, __builtin_popcount(seen));
}

CASE(bad_max_events)
{
	int ep = set_of(-1, 0);

	SHOW(epoll_wait(ep, ev, 0, 0));
	SHOW(epoll_wait(ep, ev, HIDDEN(-1), 0));
	SHOW(epoll_wait(ep, ev, HIDDEN(INT32_MAX), 0));
}

CASE(bad_fds)
{
	SHOW(epoll_wait(-1, ev, 1, 0));
	SHOW(epoll_wait(77, ev, 1, 100));
	SHOW(epoll_wait(0, ev, 1, 100));
	SHOW(epoll_wait(bound(SOCK_DGRAM), ev, 1, 0));
}

CASE(fault)
{
	int p[2], ep;

	pipes(p);
	put(p[1]);
	ep = set_of(p[0], EPOLLIN);
	SHOW(epoll_wait(ep, (void *)bad, 1, 100));
	SHOW(epoll_wait(ep, nil, 1, 100));
}

CASE(fault_after_a_wait)
{
	int p[2];

	pipes(p);
	later(20, put, p[1]);
	SHOW(epoll_wait(set_of(p[0], EPOLLIN), (void *)(bad + 65536), 1, 5000));
}

CASE(control_errors)
{
	int p[2], ep;

	pipes(p);
	ep = set_of(p[0], EPOLLIN);
	SHOW(control(ep, EPOLL_CTL_ADD, p[0], EPOLLIN));
	SHOW(control(ep, EPOLL_CTL_MOD, p[1], EPOLLOUT));
	SHOW(control(ep, EPOLL_CTL_DEL, p[1], 0));
	SHOW(control(ep, EPOLL_CTL_ADD, 77, EPOLLIN));
	SHOW(control(ep, EPOLL_CTL_ADD, ep, EPOLLIN));
	SHOW(control(ep, 9, p[1], EPOLLIN));
	SHOW(control(ep, EPOLL_CTL_ADD, open("/etc/passwd", O_RDONLY), EPOLLIN));
	SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, p[1], nil));
}

CASE(create_errors)
{
	SHOW(epoll_create(0));
	SHOW(epoll_create(-1));
	SHOW(epoll_create1(12345));
	SHOW_OK(epoll_create(1));
}

static int pipe_to_add[2], set_to_change;

static void add_it(long arg)
{
	(void)arg;
	control(set_to_change, EPOLL_CTL_ADD, pipe_to_add[0], EPOLLIN);
}

CASE(added_while_waited_for)
{
	pipes(pipe_to_add);
	put(pipe_to_add[1]);
	set_to_change = set_of(-1, 0);
	later(30, add_it, 0);
	TIMED(30, wait_for(set_to_change, 5000));
}

CASE(changed_while_waited_for)
{
	int s[2];

	pair(s, SOCK_STREAM);
	pipe_to_add[0] = s[0];
	set_to_change = set_of(-1, 0);
	later(30, add_it, 0);
	later(60, put, s[1]);
	TIMED(60, wait_for(set_to_change, 5000));
}

CASE(closed_fd_leaves)
{
	int p[2], ep;

	pipes(p);
	put(p[1]);
	ep = set_of(p[0], EPOLLIN);
	wait_for(ep, 100);
	close(p[0]);
	wait_for(ep, 10);
}

CASE(duplicate_stays)
{
	int p[2], ep, d;

	pipes(p);
	put(p[1]);
	ep = set_of(p[0], EPOLLIN);
	d = dup(p[0]);
	close(p[0]);
	wait_for(ep, 10);
	close(d);
	wait_for(ep, 10);
}

CASE(nested)
{
	int p[2], inner;

	pipes(p);
	inner = set_of(p[0], EPOLLIN);
	later(30, put, p[1]);
	TIMED(30, wait_for(set_of(inner, EPOLLIN), 5000));
	wait_for(inner, 0);
}

CASE(polled)
{
	struct pollfd p;
	int fds[2];

	pipes(fds);
	p = (struct pollfd){ set_of(fds[0], EPOLLIN), POLLIN, 0 };
	later(30, put, fds[1]);
	TIMED(30, SHOW(poll(&p, 1, 5000)));
	say("revents=%#x", (unsigned)p.revents);
}

static int shared_set;

static void waiter(long slot)
{
	struct epoll_event e;

	NOTE(slot, epoll_wait(shared_set, &e, 1, 5000));
}

CASE(edges_go_to_one_thread_each)
{
	int a[2], b[2];

	pipes(a);
	pipes(b);
	shared_set = set_of(a[0], EPOLLIN | EPOLLET);
	control(shared_set, EPOLL_CTL_ADD, b[0], EPOLLIN | EPOLLET);
	later(0, waiter, 0);
	later(0, waiter, 1);
	settle();
	put(a[1]);
	settle();
	say("woken=%d", notes[0].done + notes[1].done);
	put(b[1]);
	finish();
	TELL(0);
	TELL(1);
}

CASE(event_loop)
{
	int s[8][2], ep = set_of(-1, 0), echoed = 0;

	for (int i = 0; i < 8; i++) {
		pair(s[i], SOCK_STREAM);
		set_nonblock(s[i][0]);
		control(ep, EPOLL_CTL_ADD, s[i][0], EPOLLIN | EPOLLET);
		later(5 + 5 * i, put, s[i][1]);
	}
	while (echoed < 8) {
		int n = epoll_wait(ep, ev, LENGTH(ev), 5000);

		if (n <= 0)
			break;
		for (int i = 0; i < n; i++)
			while (read((int)ev[i].data.u32, buf, 10) == 1)
				echoed++;
	}
	say("echoed=%d", echoed);
}

CASE(eventfd_in_set)
{
	int e = eventfd(0, 0);
	uint64_t one = 1;

	wait_for(set_of(e, EPOLLIN), 10);
	SHOW(write(e, &one, 8));
	wait_for(set_of(e, EPOLLIN | EPOLLOUT), 10);
}

CASE(pwait)
{
	int p[2], ep;

	pipes(p);
	ep = set_of(p[0], EPOLLIN);
	TIMED(20, SHOW(epoll_pwait(ep, ev, 1, 20, NULL)));
	later(20, put, p[1]);
	TIMED(20, SHOW(epoll_pwait(ep, ev, 1, -1, NULL)));
	SHOW(epoll_pwait(ep, ev, 1, 0, (void *)bad));
}

CASE(pwait2)
{
	struct timespec ts = { 0, 20300000 };
	int p[2], ep;
	uint64_t begin = now_ns();

	pipes(p);
	ep = set_of(p[0], EPOLLIN);
	SHOW(epoll_pwait2(ep, ev, 1, &ts, NULL));
	say("early=%d ts=%ld.%09ld", now_ns() - begin < 20300000, (long)ts.tv_sec, ts.tv_nsec);
	later(20, put, p[1]);
	TIMED(20, SHOW(epoll_pwait2(ep, ev, 1, NULL, NULL)));
	SHOW(epoll_pwait2(ep, ev, 1, &(struct timespec){ 0, -1 }, NULL));
	SHOW(epoll_pwait2(ep, ev, 1, (void *)bad, NULL));
	SHOW(epoll_pwait2(77, ev, 1, MS(0), NULL));
}
