#include "unit.h"
#include "../../runtime/pollwait.h"

#include <signal.h>
#include <sys/time.h>

TestSuite(pollwait, .timeout = 10);

enum { N = 40 }; /* more than fit on the stack */
static int p[N][2];

static void make_pipes(int n)
{
	signal(SIGPIPE, SIG_IGN);
	cr_assert_eq(gp_greenlets_start(), 0);
	for (int i = 0; i < n; i++) {
		cr_assert_eq(pipe(p[i]), 0);
		gp_fd_opened(p[i][0], true, 0);
		gp_fd_opened(p[i][1], true, 0);
	}
}

static uint64_t in_ms(uint64_t ms)
{
	return gp_now() + ms * MS;
}

static void *write_later(void *fd)
{
	rest(2 * MS);
	cr_expect_eq(write((int)(intptr_t)fd, "x", 1), 1);
	return NULL;
}

Both(pollwait, one_of_several)
{
	struct pollfd f[3];

	make_pipes(3);
	for (int i = 0; i < 3; i++)
		f[i] = (struct pollfd){ p[i][0], POLLIN, 0 };
	spawn(write_later, (void *)(intptr_t)p[1][1]);
	errno = 9;
	cr_assert_eq(gp_pollwait(f, 3, gp_handlers_ran, false, "poll", GP_FOREVER), 1);
	cr_assert(!f[0].revents && f[1].revents == POLLIN && !f[2].revents);
	cr_assert_eq(errno, 9);
	for (int i = 0; i < 3; i++)
		cr_assert(gp_list_empty(&gp_fd(p[i][0])->waiters));
	cr_assert_null(gp_self->waits);
}

Both(pollwait, many)
{
	struct pollfd f[N];
	int count = 0;

	make_pipes(N);
	for (int i = 0; i < N; i++)
		f[i] = (struct pollfd){ p[i][0], POLLIN, 0 };
	spawn(write_later, (void *)(intptr_t)p[N - 1][1]);
	spawn(write_later, (void *)(intptr_t)p[0][1]);
	spawn(write_later, (void *)(intptr_t)p[17][1]);
	while (count < 3) {
		int ready = gp_pollwait(f, N, gp_handlers_ran, false, "poll", in_ms(5000));

		cr_assert_gt(ready, 0);
		count += ready;
		for (int i = 0; i < N; i++) /* what is ready is not waited for again */
			f[i].fd = f[i].revents ? -1 : f[i].fd;
	}
	for (int i = 0; i < N; i++)
		cr_assert_eq(f[i].fd == -1, i == 0 || i == 17 || i == N - 1);
}

Both(pollwait, never_early)
{
	struct pollfd f[2] = { { -1, POLLIN, 77 }, { -5, POLLIN, 0 } };

	make_pipes(1);
	f[1].fd = p[0][0];
	for (uint64_t us = 1; us < 20000; us = us * 3 + 7) {
		uint64_t deadline = gp_now() + us * 1000;

		cr_assert_eq(gp_pollwait(f, 2, gp_handlers_ran, false, "poll", deadline), 0);
		cr_assert_geq(gp_now(), deadline);
	}
	cr_assert(!f[0].revents && !f[1].revents);
	cr_assert_eq(gp_pollwait(f, 0, gp_handlers_ran, false, "poll", in_ms(1)), 0);
	cr_assert_eq(gp_pollwait(f, 2, gp_handlers_ran, false, "poll", 0), 0);
}

Both(pollwait, the_same_descriptor_twice)
{
	struct pollfd f[2];

	cr_assert_eq(gp_greenlets_start(), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, p[0]), 0);
	f[0] = f[1] = (struct pollfd){ p[0][0], POLLIN, 0 };
	f[1].events = POLLIN | POLLRDNORM;
	spawn(write_later, (void *)(intptr_t)p[0][1]);
	cr_assert_eq(gp_pollwait(f, 2, gp_handlers_ran, false, "poll", GP_FOREVER), 2);
}

static void *close_later(void *fd)
{
	rest(2 * MS);
	gp_fd_closing((int)(intptr_t)fd);
	close((int)(intptr_t)fd);
	return NULL;
}

Both(pollwait, a_hangup)
{
	struct pollfd f = { 0, 0, 0 };

	make_pipes(1);
	f.fd = p[0][0];
	spawn(close_later, (void *)(intptr_t)p[0][1]);
	cr_assert_eq(gp_pollwait(&f, 1, gp_handlers_ran, false, "poll", GP_FOREVER), 1, "though nothing was asked for");
	cr_assert_eq(f.revents, POLLHUP);
	cr_assert_eq(gp_pollwait(&f, 1, gp_handlers_ran, true, "select", in_ms(3)), 0);
	f.events = POLLPRI;
	cr_assert_eq(gp_pollwait(&f, 1, gp_handlers_ran, true, "select", in_ms(3)), 0);
	f.events = POLLIN;
	cr_assert_eq(gp_pollwait(&f, 1, gp_handlers_ran, true, "select", in_ms(3)), 1);
}

/* do_poll holds the file, and looks at the number again when something wakes it. */
Both(pollwait, closed_in_the_middle)
{
	struct pollfd f = { 0, POLLIN, 0 };
	int fd;

	make_pipes(1);
	f.fd = fd = p[0][0];
	spawn(close_later, (void *)(intptr_t)fd);
	cr_assert_eq(gp_pollwait(&f, 1, gp_handlers_ran, false, "poll", in_ms(15)), 1);
	cr_assert_eq(f.revents, POLLNVAL);
	cr_assert_eq(write(p[0][1], "x", 1), -1, "the hidden duplicate is still open");
}

static unsigned handled;

static void on_alarm(int sig)
{
	(void)sig;
	handled++;
}

Both(pollwait, signals_end_it_restartable_or_not)
{
	struct pollfd f = { 0, POLLIN, 0 };
	struct itimerval soon = { .it_value = { 0, 5000 } };

	make_pipes(1);
	f.fd = p[0][0];
	for (int flags = 0; handled < 2; flags = SA_RESTART) {
		struct sigaction act = { .sa_handler = on_alarm, .sa_flags = flags };

		gp_signal_action(SIGALRM, &act, NULL);
		setitimer(ITIMER_REAL, &soon, NULL);
		cr_assert_eq(gp_pollwait(&f, 1, gp_handlers_ran, false, "poll", GP_FOREVER), -EINTR);
		cr_assert_null(gp_self->waits);
	}
}

static int result;

static void *poll_forever(void *unused)
{
	struct pollfd f = { p[0][0], POLLIN, 0 };

	(void)unused;
	result = gp_pollwait(&f, 1, gp_handlers_ran, false, "poll", GP_FOREVER);
	return NULL;
}

Both(pollwait, cancellation_and_the_greenlets_own_timeout)
{
	struct pollfd f = { 0, POLLIN, 0 };
	struct greenlet *g;

	make_pipes(1);
	f.fd = p[0][0];
	g = spawn(poll_forever, NULL);
	rest(MS);
	gp_cancel(g);
	join(g);
	cr_assert_eq(result, -ECANCELED);
	gp_self->deadline = in_ms(3);
	cr_assert_eq(gp_pollwait(&f, 1, gp_handlers_ran, false, "poll", GP_FOREVER), -ETIMEDOUT);
	cr_assert(gp_list_empty(&gp_fd(p[0][0])->waiters));
}

/* An event that another greenlet consumes first: the wait goes on. */
static void *steal(void *unused)
{
	int fd = p[0][0];
	char c;

	(void)unused;
	cr_expect_eq(gp_fdwait(&fd, POLLIN, gp_handlers_ran, 0, "steal", GP_FOREVER), 0);
	cr_expect_eq(read(fd, &c, 1), 1);
	gp_fd(fd)->drained = 1;
	gp_fd_done(fd, POLLIN);
	return NULL;
}

Both(pollwait, an_event_that_somebody_else_took)
{
	struct pollfd f = { 0, POLLIN, 0 };
	uint64_t deadline;

	make_pipes(1);
	f.fd = p[0][0];
	spawn(steal, NULL);
	rest(MS);
	spawn(write_later, (void *)(intptr_t)p[0][1]);
	deadline = in_ms(150); /* far behind the write: else a machine that stalls brings both in one turn, the byte still there */
	cr_assert_eq(gp_pollwait(&f, 1, gp_handlers_ran, false, "poll", deadline), 0);
	cr_assert_geq(gp_now(), deadline);
}

Both(pollwait, the_mask_lets_a_pending_signal_in)
{
	sigset_t block, none;

	sigemptyset(&none);
	sigemptyset(&block);
	sigaddset(&block, SIGUSR1);
	cr_assert_eq(gp_greenlets_start(), 0);
	gp_signal_action(SIGUSR1, &(struct sigaction){ .sa_handler = on_alarm }, NULL);
	gp_signal_mask(gp_self, gp_sigset(&block));
	cr_assert(gp_pollwait_mask(&none));
	gp_pollwait_unmask(&none);
	cr_assert_eq(gp_self->sigmask, gp_sigset(&block));
	raise(SIGUSR1);
	cr_assert_eq(handled, 0u);
	cr_assert(gp_pollwait_mask(NULL));
	gp_pollwait_unmask(NULL);
	cr_assert_eq(handled, 0u);
	cr_assert(!gp_pollwait_mask(&none));
	cr_assert_eq(handled, 1u);
	gp_pollwait_unmask(&none);
	cr_assert_eq(gp_self->sigmask, gp_sigset(&block));
}
