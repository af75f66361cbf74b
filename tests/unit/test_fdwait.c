#include "unit.h"
#include "../../runtime/fdwait.h"
#include "../../runtime/hub.h"

#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/time.h>

TestSuite(fdwait, .timeout = 10);

static int p[2];

/* A pipe that the runtime knows as the program's own, as the shim says of each it makes. */
static void make_pipe(int fds[2])
{
	signal(SIGPIPE, SIG_IGN);
	cr_assert_eq(gp_greenlets_start(), 0);
	cr_assert_eq(pipe2(fds, O_NONBLOCK), 0);
	gp_fd_opened(fds[0], true, 0);
	gp_fd_opened(fds[1], true, 0);
}

static int wait_on(int *fd, short event, uint64_t ms)
{
	int r = gp_fdwait(fd, event, gp_handlers_ran, GP_PARK_CANCEL, "test", ms ? gp_now() + ms * MS : GP_FOREVER);

	return r;
}

static char log_[64];
static unsigned woken;

static void *write_one(void *fd)
{
	cr_expect_eq(write((int)(intptr_t)fd, "x", 1), 1);
	return NULL;
}

Both(fdwait, data_that_is_there_already)
{
	make_pipe(p);
	write_one((void *)(intptr_t)p[1]);
	cr_assert_eq(wait_on(&p[0], POLLIN, 0), 0);
	gp_fd_done(p[0], POLLIN);
	cr_assert_eq(wait_on(&p[1], POLLOUT, 0), 0);
}

Both(fdwait, data_that_comes_later)
{
	make_pipe(p);
	for (int i = 0; i < 100; i++) {
		char c;

		spawn(write_one, (void *)(intptr_t)p[1]);
		cr_assert_eq(wait_on(&p[0], POLLIN, 0), 0);
		cr_assert_eq(read(p[0], &c, 1), 1);
		gp_fd_done(p[0], POLLIN);
		cr_assert_eq(read(p[0], &c, 1), -1);
	}
}

static void *write_from_thread(void *fd)
{
	usleep(20000);
	return write_one(fd);
}

Both(fdwait, data_from_outside)
{
	pthread_t t;

	make_pipe(p);
	pthread_create(&t, NULL, write_from_thread, (void *)(intptr_t)p[1]);
	cr_assert_eq(wait_on(&p[0], POLLIN, 0), 0);
	pthread_join(t, NULL);
}

Both(fdwait, what_ends_a_wait)
{
	uint64_t begin;
	int fd;

	make_pipe(p);
	begin = gp_now();
	cr_assert_eq(wait_on(&p[0], POLLIN, 5), -ETIMEDOUT);
	cr_assert_geq(gp_now() - begin, 5 * MS);
	fd = 900;
	cr_assert_eq(wait_on(&fd, POLLIN, 5), -EBADF);
	fd = -1;
	cr_assert_eq(wait_on(&fd, POLLIN, 5), -EBADF);
	fd = open("/proc/self/exe", O_RDONLY);
	cr_assert_eq(wait_on(&fd, POLLIN, 5), -EPERM);
	cr_assert(gp_list_empty(&gp_fd(p[0])->waiters) && !gp_self->waits);
	errno = 66;
	close(p[1]);
	cr_assert_eq(wait_on(&p[0], POLLIN, 5000), 0, "the end of file is an event");
	cr_assert_eq(errno, 66);
}

static void *consume(void *name)
{
	int fd = p[0];
	char c;

	do
		cr_expect_eq(wait_on(&fd, POLLIN, 0), 0);
	while (read(fd, &c, 1) < 0); /* the baton of the last one may find nothing */
	strcat(log_, name);
	woken++;
	gp_yield(); /* still at it */
	gp_fd_done(fd, POLLIN);
	return NULL;
}

Both(fdwait, one_edge_serves_all_consumers_one_after_the_other)
{
	struct greenlet *g[4];

	make_pipe(p);
	for (int i = 0; i < 4; i++)
		g[i] = spawn(consume, (const char *[]){ "a", "b", "c", "d" }[i]);
	settle();
	cr_assert_eq(write(p[1], "123", 3), 3);
	rest(2 * MS);
	rest(2 * MS);
	cr_assert_str_eq(log_, "abc");
	write_one((void *)(intptr_t)p[1]);
	for (int i = 0; i < 4; i++)
		join(g[i]);
	cr_assert_eq(woken, 4u);
}

static bool release;

static void *consume_slowly(void *name)
{
	int fd = p[0];

	cr_expect_eq(wait_on(&fd, POLLIN, 0), 0);
	strcat(log_, name);
	while (!release)
		rest(MS);
	gp_fd_done(fd, POLLIN);
	return NULL;
}

Both(fdwait, an_edge_wakes_one_consumer)
{
	struct greenlet *a, *b;

	make_pipe(p);
	a = spawn(consume_slowly, "a");
	b = spawn(consume_slowly, "b");
	settle();
	write_one((void *)(intptr_t)p[1]);
	rest(5 * MS);
	cr_assert_str_eq(log_, "a");
	release = true; /* it leaves without having read: the other must be told */
	join(a);
	join(b);
	cr_assert_str_eq(log_, "ab");
}

Both(fdwait, no_baton_where_nothing_is_left)
{
	struct greenlet *a, *b;

	make_pipe(p);
	a = spawn(consume_slowly, "a");
	b = spawn(consume_slowly, "b");
	settle();
	write_one((void *)(intptr_t)p[1]);
	rest(2 * MS);
	gp_fd(p[0])->drained = 1; /* what io.c notes after a short read */
	release = true;
	join(a);
	rest(2 * MS);
	cr_assert_str_eq(log_, "a");
	write_one((void *)(intptr_t)p[1]);
	join(b);
}

static void *both_directions(void *event)
{
	int fd = p[0];

	cr_expect_eq(wait_on(&fd, (short)(intptr_t)event, 0), 0);
	strcat(log_, (intptr_t)event == POLLIN ? "in " : "out ");
	gp_fd_done(fd, (short)(intptr_t)event);
	return NULL;
}

static void fill(int fd)
{
	static char block[4096];

	while (write(fd, block, sizeof(block)) > 0)
		;
}

static void empty(int fd)
{
	static char block[65536];

	while (read(fd, block, sizeof(block)) > 0)
		;
}

Both(fdwait, reader_and_writer_of_one_descriptor)
{
	struct greenlet *in, *out;

	cr_assert_eq(gp_greenlets_start(), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p), 0);
	fill(p[0]);
	in = spawn(both_directions, (void *)POLLIN);
	out = spawn(both_directions, (void *)POLLOUT);
	rest(2 * MS);
	cr_assert_str_eq(log_, "");
	empty(p[1]);
	join(out);
	cr_assert_str_eq(log_, "out ");
	write_one((void *)(intptr_t)p[1]);
	join(in);
	cr_assert_str_eq(log_, "out in ");
}

static void *poll_one(void *name)
{
	struct gp_fdwaiter w;

	cr_expect_eq(gp_fd_watch(&w, p[0], POLLIN), 0);
	cr_expect_eq(gp_park(GP_PARK_CANCEL, "poll", NULL, GP_FOREVER), 0);
	gp_fd_unwatch(&w);
	strcat(log_, name);
	return NULL;
}

Both(fdwait, all_pollers_are_woken)
{
	struct greenlet *g[3];

	make_pipe(p);
	for (int i = 0; i < 3; i++)
		g[i] = spawn(poll_one, (const char *[]){ "a", "b", "c" }[i]);
	settle();
	write_one((void *)(intptr_t)p[1]);
	for (int i = 0; i < 3; i++)
		join(g[i]);
	cr_assert_str_eq(log_, "abc");
	cr_assert(gp_list_empty(&gp_fd(p[0])->waiters));
}

/* The consumer may leave something, and nobody would tell the poller of it. */
Both(fdwait, a_poller_behind_a_consumer_is_woken_too)
{
	struct greenlet *a, *b;

	make_pipe(p);
	a = spawn(consume_slowly, "c");
	b = spawn(poll_one, "p");
	settle();
	cr_assert_eq(write(p[1], "12", 2), 2);
	rest(5 * MS);
	cr_assert_str_eq(log_, "cp");
	release = true;
	join(a);
	join(b);
}

static int waited_on;
static char got;

static void *read_one(void *unused)
{
	int fd = p[0], r = wait_on(&fd, POLLIN, 0);

	(void)unused;
	cr_expect_eq(r, 0, "%d", r);
	waited_on = fd;
	cr_expect_eq(read(fd, &got, 1), 1);
	gp_fd_done(fd, POLLIN);
	return NULL;
}

/* Closes p[0] and puts another pipe in its place. */
static void replace(int other[2])
{
	int fd = p[0];

	make_pipe(other);
	gp_fd_closing(fd);
	cr_assert_eq(dup2(other[0], fd), fd);
	close(other[0]);
	gp_fd_opened(fd, true, 0);
	other[0] = fd;
}

Both(fdwait, a_waiter_keeps_the_file_that_is_closed_under_it)
{
	int other[2];
	struct greenlet *g;

	make_pipe(p);
	g = spawn(read_one, NULL);
	rest(MS);
	replace(other);
	cr_assert_eq(write(other[1], "n", 1), 1);
	rest(2 * MS);
	cr_assert_eq(g->state, GP_PARKED, "woken by the new file of that number");
	cr_assert_eq(write(p[1], "o", 1), 1);
	join(g);
	cr_assert_eq(got, 'o');
	cr_assert_neq(waited_on, p[0]);
	cr_assert_eq(fcntl(waited_on, F_GETFD), -1, "the duplicate stays open");
	cr_assert(!gp_fd_is_ours(waited_on));
	cr_assert_eq(write(p[1], "o", 1), -1, "nobody holds the old pipe any more: EPIPE");
}

/* Woken, but it has not run yet: Linux would have handed it the data of the old file. */
Both(fdwait, a_waiter_that_is_woken_and_then_the_file_is_closed)
{
	int other[2];
	struct greenlet *g;

	make_pipe(p);
	g = spawn(read_one, NULL);
	rest(MS);
	cr_assert_eq(write(p[1], "o", 1), 1);
	gp_fd_harvest(0, 1);
	cr_assert_eq(g->state, GP_READY);
	replace(other);
	cr_assert_eq(write(other[1], "n", 1), 1);
	join(g);
	cr_assert_eq(got, 'o', "it read of a file that it never waited for");
}

static void *wait_briefly(void *ms)
{
	uint64_t deadline = gp_now() + (uintptr_t)ms * MS;
	int fd = p[0], r;

	do
		r = gp_fdwait(&fd, POLLIN, gp_handlers_ran, 0, "test", deadline);
	while (!r); /* the baton of the other */
	cr_expect_eq(r, -ETIMEDOUT);
	waited_on = fd;
	gp_fd_done(fd, POLLIN);
	return NULL;
}

Both(fdwait, hidden_duplicates_go_with_the_last_waiter)
{
	struct greenlet *a, *b;
	int other[2];

	make_pipe(p);
	a = spawn(wait_briefly, (void *)10);
	b = spawn(wait_briefly, (void *)200);
	rest(MS);
	replace(other);
	join(a);
	cr_assert(gp_fd_is_ours(waited_on));
	join(b);
	cr_assert(!gp_fd_is_ours(waited_on));
	cr_assert_eq(fcntl(waited_on, F_GETFD), -1);
}

Both(fdwait, a_poller_whose_file_is_closed_is_not_lost)
{
	struct greenlet *g;
	int other[2], old;

	make_pipe(p);
	g = spawn(poll_one, "a");
	rest(MS);
	old = p[1];
	replace(other);
	write_one((void *)(intptr_t)old);
	join(g);
	cr_assert_str_eq(log_, "a");
	cr_assert_eq(write(old, "o", 1), -1);
}

/* A duplicate that we were not told of keeps the registration of the closed number alive. */
Both(fdwait, events_of_an_earlier_life_are_ignored)
{
	int other[2], secret, fd;

	make_pipe(p);
	cr_assert_eq(wait_on(&p[0], POLLIN, 1), -ETIMEDOUT);
	secret = (int)syscall(SYS_dup, p[0]);
	replace(other);
	write_one((void *)(intptr_t)p[1]);
	fd = other[0];
	cr_assert_eq(wait_on(&fd, POLLIN, 5), -ETIMEDOUT);
	write_one((void *)(intptr_t)other[1]);
	cr_assert_eq(wait_on(&fd, POLLIN, 5000), 0);
	close(secret);
}

static void *ping(void *unused)
{
	char c;

	(void)unused;
	for (int i = 0; i < 1000; i++) {
		while (read(p[0], &c, 1) < 0)
			cr_expect_eq(wait_on(&p[0], POLLIN, 0), 0);
		gp_fd_done(p[0], POLLIN);
		cr_expect_eq(write(p[0], "x", 1), 1);
	}
	return NULL;
}

Both(fdwait, no_epoll_ctl_in_the_steady_state)
{
	struct greenlet *g;
	char c;

	cr_assert_eq(gp_greenlets_start(), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p), 0);
	g = spawn(ping, NULL);
	for (int i = 0; i < 1000; i++) {
		cr_assert_eq(write(p[1], "x", 1), 1);
		while (read(p[1], &c, 1) < 0)
			cr_assert_eq(wait_on(&p[1], POLLIN, 0), 0);
		gp_fd_done(p[1], POLLIN);
		if (i == 2)
			refuse(SYS_epoll_ctl, -1, 0, 0);
	}
	join(g);
}

Test(fdwait, kinds)
{
	int s[2];
	struct { int fd; enum gp_fdkind kind; } cases[] = {
		{ 0, GP_FD_STREAM }, { 0, GP_FD_SOCKET }, { 0, GP_FD_SOCKET }, { 0, GP_FD_PIPE }, { 0, GP_FD_POLL }, { 0, GP_FD_FILE },
		{ 0, GP_FD_FILE }, { 0, GP_FD_FILE },
	};

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	cases[0].fd = s[0];
	cases[1].fd = socket(AF_INET, SOCK_DGRAM, 0);
	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s);
	cases[2].fd = s[0];
	cr_assert_eq(pipe(s), 0);
	cases[3].fd = s[0];
	cases[4].fd = eventfd(0, 0);
	cases[5].fd = open("/dev/null", O_RDWR);
	cases[6].fd = open("/proc/self/exe", O_RDONLY);
	cases[7].fd = open("/", O_RDONLY | O_DIRECTORY);
	for (int again = 0; again < 2; again++) {
		for (int i = 0; i < 8; i++)
			cr_assert_eq(gp_fd_kind(cases[i].fd, gp_fd(cases[i].fd)), cases[i].kind, "case %d", i);
		refuse(SYS_fstat, -1, 0, EBADF); /* the kernel is asked once */
		refuse(SYS_newfstatat, -1, 0, EBADF);
	}
	cr_assert_eq(gp_fd_kind(800, gp_fd(800)), GP_FD_UNKNOWN);
}

Test(fdwait, records)
{
	cr_assert_null(gp_fd(-1));
	cr_assert_null(gp_fd(INT32_MAX));
	cr_assert_not_null(gp_fd(700));
	cr_assert_eq(gp_fd_top(), 701);
	cr_assert_eq(gp_fd(5) + 1, gp_fd(6));
	cr_assert_eq(gp_fd_top(), 701);
}

static bool nonblock(int fd)
{
	return gp_fd_nonblock(fd, gp_fd(fd));
}

/* What is remembered shows where it differs from the truth. */
Test(fdwait, flags_are_remembered_while_nobody_else_can_change_them)
{
	int fd, copy;

	make_pipe(p);
	fd = p[0];
	cr_assert(gp_fd_owned(gp_fd(fd)) && !nonblock(fd));
	gp_fd_opened(fd, true, 1);
	cr_assert(nonblock(fd));
	fcntl(fd, F_SETFL, 0);
	cr_assert(nonblock(fd), "one more system call for each");
	gp_fd_changed(fd);
	cr_assert(!nonblock(fd));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	cr_assert(!nonblock(fd));
	gp_fd_shared();
	cr_assert(!gp_fd_owned(gp_fd(fd)) && nonblock(fd));
	fcntl(fd, F_SETFL, 0);
	cr_assert(!nonblock(fd), "another process may change it");

	gp_fd_opened(fd, true, -1);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	cr_assert(gp_fd_owned(gp_fd(fd)) && nonblock(fd), "unknown: to be asked");
	copy = dup(fd);
	gp_fd_opened(copy, true, 1);
	gp_fd_duped(fd, copy);
	fcntl(fd, F_SETFL, 0);
	cr_assert(!gp_fd_owned(gp_fd(fd)) && !gp_fd_owned(gp_fd(copy)) && !nonblock(fd) && !nonblock(copy));

	gp_fd_opened(fd, false, 1);
	cr_assert(!nonblock(fd));
	gp_fd_opened(fd, true, 1);
	gp_fd_closing(fd);
	cr_assert(!gp_fd_owned(gp_fd(fd)) && !nonblock(fd));
}

static uint64_t timeo(int fd, short event)
{
	return gp_fd_timeo(fd, gp_fd(fd), event);
}

Test(fdwait, socket_timeouts)
{
	struct timeval tv = { 2, 500000 };

	make_pipe(p);
	cr_assert_eq(timeo(p[0], POLLIN), GP_FOREVER);
	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	gp_fd_opened(p[0], true, 0);
	cr_assert_eq(timeo(p[0], POLLIN), GP_FOREVER);
	setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	gp_fd_changed(p[0]);
	cr_assert_eq(timeo(p[0], POLLIN), 2500 * MS);
	cr_assert_eq(timeo(p[0], POLLOUT), GP_FOREVER);
	gp_fd_shared();
	tv.tv_usec = 0;
	setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(p[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	cr_assert_eq(timeo(p[0], POLLIN), 2000 * MS);
	cr_assert_eq(timeo(p[0], POLLOUT), 2000 * MS);
}

static void on_alarm(int sig)
{
	(void)sig;
}

Both(fdwait, a_signal_handler_ends_it)
{
	struct itimerval soon = { .it_value = { 0, 10000 } };

	for (int flags = 0;; flags = SA_RESTART) {
		struct sigaction act = { .sa_handler = on_alarm, .sa_flags = flags };

		make_pipe(p);
		gp_signal_action(SIGALRM, &act, NULL);
		setitimer(ITIMER_REAL, &soon, NULL);
		cr_assert_eq(wait_on(&p[0], POLLIN, 0), flags ? -ERESTART : -EINTR);
		cr_assert(gp_list_empty(&gp_fd(p[0])->waiters) && !gp_self->waits);
		if (flags)
			break;
	}
}

Both(fdwait, many_descriptors_at_once)
{
	enum { N = 5 * GP_HARVEST }; /* more than one harvest takes at a time */
	static int fds[N][2];
	struct greenlet *g[N];
	int all = 0, n;

	for (int i = 0; i < N; i++) {
		make_pipe(fds[i]);
		memcpy(p, fds[i], sizeof(p));
		g[i] = spawn(read_one, NULL);
		gp_yield();
	}
	for (int i = 0; i < N; i++)
		cr_assert_eq(write(fds[i][1], "z", 1), 1);
	while ((n = gp_fd_harvest(0, 2 * GP_HARVEST))) {
		cr_assert_leq(n, GP_HARVEST);
		all += n;
	}
	cr_assert_geq(all, N);
	for (int i = 0; i < N; i++)
		join(g[i]);
}

static int have_come;

static void *wait_and_count(void *p)
{
	int fd = *(int *)p;

	cr_assert_eq(wait_on(&fd, POLLIN, 0), 0);
	have_come++;
	return NULL;
}

/* The kernel's queue and ours are one line. A greenlet that computes between its calls had a turn after every few answers of a server. */
Both(fdwait, who_yields_lets_all_go_that_were_ready_before)
{
	enum { N = 5 * GP_HARVEST };
	static int fds[N][2];
	struct greenlet *g[N];

	have_come = 0;
	for (int i = 0; i < N; i++) {
		make_pipe(fds[i]);
		g[i] = spawn(wait_and_count, fds[i]);
		gp_yield();
	}
	for (int i = 0; i < N; i++)
		cr_assert_eq(write(fds[i][1], "z", 1), 1);
	while (!have_come)
		gp_yield();
	cr_assert_eq(have_come, N);
	for (int i = 0; i < N; i++)
		join(g[i]);
}
