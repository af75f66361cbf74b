#include "unit.h"
#include "../../runtime/offload.h"

#include <netdb.h>
#include <signal.h>
#include <sys/time.h>

TestSuite(offload, .timeout = 10);

static int gate[2]; /* jobs are stuck until it is closed */

static long stuck(void *value)
{
	char c;

	while (read(gate[0], &c, 1) > 0)
		;
	return (long)value;
}

static long where(void *tid)
{
	sigset_t blocked;
	long odd = gp_self != NULL || gp_on_greenlet_thread();

	*(pid_t *)tid = (pid_t)syscall(SYS_gettid);
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		odd += sig != SIGKILL && sig != SIGSTOP && (sig < 32 || sig > 33) && !sigismember(&blocked, sig);
	odd += errno != 12 ? 1000 : 0;
	errno = 34;
	h_errno = 56;
	return odd;
}

Both(offload, what_a_job_sees_and_leaves)
{
	pid_t tid = 0;

	cr_assert_eq(gp_greenlets_start(), 0);
	cr_assert_eq(gp_offload_threads, 0u, "nothing is made in advance");
	errno = 12;
	cr_assert_eq(gp_offload(where, &tid, "where"), 0);
	cr_assert_eq(errno, 34);
	cr_assert_eq(h_errno, 56);
	cr_assert(tid && tid != getpid());
	cr_assert_eq(gp_offload_threads, 1u);
}

static void *offload_stuck(void *value)
{
	return (void *)gp_offload(stuck, value, "stuck");
}

static long quick(void *value)
{
	return (long)value * 2;
}

Both(offload, stuck_jobs_do_not_stop_the_next)
{
	struct greenlet *g[60];
	uint64_t begin;

	cr_assert_eq(pipe(gate), 0);
	for (uintptr_t i = 0; i < 60; i++)
		g[i] = spawn(offload_stuck, (void *)i);
	rest(5 * MS);
	cr_assert_eq(gp_offload_threads, 60u);
	begin = gp_now();
	cr_assert_eq(gp_offload(quick, (void *)21, "quick"), 42);
	cr_assert_lt(gp_now() - begin, 5 * GP_NSEC);
	cr_assert_eq(gp_offload_threads_max, 61u);
	close(gate[1]);
	for (uintptr_t i = 0; i < 60; i++)
		cr_assert_eq((uintptr_t)join(g[i]), i);
}

Both(offload, idle_workers_take_the_next)
{
	cr_assert_eq(gp_greenlets_start(), 0);
	for (long i = 0; i < 500; i++) {
		cr_assert_eq(gp_offload(quick, (void *)i, "quick"), 2 * i);
		if (i % 10 == 0)
			rest(MS / 10);
	}
	cr_assert_leq(gp_offload_threads_max, 3u, "%u", gp_offload_threads_max);
}

static void *many_quick(void *value)
{
	for (long i = 0; i < 50; i++)
		if (gp_offload(quick, (void *)((long)value + i), "quick") != 2 * ((long)value + i))
			return NULL;
	return "right";
}

Both(offload, each_gets_its_own_answer)
{
	struct greenlet *g[40];

	for (uintptr_t i = 0; i < 40; i++)
		g[i] = spawn(many_quick, (void *)(i * 1000));
	for (uintptr_t i = 0; i < 40; i++)
		cr_assert_not_null(join(g[i]));
}

/* IDLE_SECS in a shorter time. */
static int impatient(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until)
{
	struct timespec soon;

	(void)until;
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 5000000;
	if (soon.tv_nsec >= 1000000000) {
		soon.tv_sec++;
		soon.tv_nsec -= 1000000000;
	}
	return pthread_cond_timedwait(cond, mutex, &soon);
}

Both(offload, workers_end_when_idle)
{
	unsigned left = 1;

	cr_assert_eq(gp_greenlets_start(), 0);
	gp_real_redirect("pthread_cond_timedwait", (void *)impatient);
	for (int round = 0; round < 3; round++) {
		cr_assert_eq(gp_offload(quick, (void *)1, "quick"), 2);
		left = 1;
		for (int i = 0; i < 1000 && left; i++) {
			rest(2 * MS);
			left = __atomic_load_n(&gp_offload_threads, __ATOMIC_SEQ_CST);
		}
		cr_assert_eq(left, 0u);
	}
}

static int no_thread(pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	(void)t, (void)attr, (void)fn, (void)arg;
	return EAGAIN;
}

static void *from_foreign(void *tid)
{
	errno = 12;
	gp_offload(where, tid, "where");
	return tid;
}

Test(offload, where_no_worker_is_to_be_had)
{
	pid_t tid = 0;
	pthread_t t;

	gp_offload(where, &tid, "where");
	cr_assert_eq(tid, getpid(), "no greenlet, no wait");
	cr_assert_eq(gp_greenlets_start(), 0);
	pthread_create(&t, NULL, from_foreign, &tid);
	pthread_join(t, NULL);
	cr_assert_neq(tid, getpid());
	cr_assert_eq(gp_offload_threads_max, 0u, "a foreign thread waits for itself");
	gp_real_redirect("pthread_create", (void *)no_thread);
	gp_offload(where, &tid, "where");
	cr_assert_eq(tid, getpid());
	cr_assert_eq(gp_offload_threads, 0u);
}

static unsigned handled;

static void on_alarm(int sig)
{
	(void)sig;
	handled++;
}

static long slow(void *value)
{
	usleep(40000);
	return (long)value;
}

/* Its arguments lie on the caller's stack: neither signals, nor time-outs, nor cancellation bring the caller back early. */
Both(offload, nothing_ends_it_early)
{
	struct sigaction act = { .sa_handler = on_alarm };
	struct itimerval soon = { .it_value = { 0, 10000 } };
	struct greenlet *g;

	cr_assert_eq(gp_greenlets_start(), 0);
	gp_signal_action(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	gp_self->deadline = gp_now() + 5 * MS;
	cr_assert_eq(gp_offload(slow, (void *)9, "slow"), 9);
	cr_assert_eq(handled, 1u);
	gp_self->deadline = GP_FOREVER;
	cr_assert_eq(pipe(gate), 0);
	g = spawn(offload_stuck, (void *)5);
	rest(2 * MS);
	gp_cancel(g);
	rest(2 * MS);
	cr_assert_eq(g->state, GP_PARKED);
	close(gate[1]);
	cr_assert_eq((long)join(g), 5);
}
