/*
 * mutex_zoo.c - proves the answers of mutexes of every kind and of condition variables: to the owner, to others, with each timed
 * variant on each clock (none early), after the death of an owner, and that signal wakes one and broadcast all.
 */
#include "check.h"
#include <sched.h>

#define TIMES_OUT(clock, call)                                                                                                 \
	do {                                                                                                                   \
		struct timespec until = in_ms(clock, 15);                                                                      \
		CHECK_EQ(call, ETIMEDOUT);                                                                                     \
		CHECK(clock_ns(clock) >= ts_ns(until));                                                                        \
	} while (0)

enum { N = 8, TURNS = 200 };

static void make(pthread_mutex_t *m, int type, int robust, int protocol)
{
	pthread_mutexattr_t attr;

	CHECK_EQ(pthread_mutexattr_init(&attr), 0);
	CHECK_EQ(pthread_mutexattr_settype(&attr, type), 0);
	CHECK_EQ(pthread_mutexattr_setrobust(&attr, robust), 0);
	CHECK_EQ(pthread_mutexattr_setprotocol(&attr, protocol), 0);
	CHECK_EQ(pthread_mutex_init(m, &attr), 0);
	CHECK_EQ(pthread_mutexattr_destroy(&attr), 0);
}

static void *finds_it_locked(void *m)
{
	struct timespec bad = { 0, 1000000000 }, past = { 0 };

	CHECK_EQ(pthread_mutex_trylock(m), EBUSY);
	TIMES_OUT(CLOCK_REALTIME, pthread_mutex_timedlock(m, &until));
	TIMES_OUT(CLOCK_REALTIME, pthread_mutex_clocklock(m, CLOCK_REALTIME, &until));
	CHECK_EQ(pthread_mutex_timedlock(m, &past), ETIMEDOUT);
	CHECK_EQ(pthread_mutex_timedlock(m, &bad), EINVAL);
	return NULL;
}

static void *finds_it_locked_monotonic(void *m)
{
	TIMES_OUT(CLOCK_MONOTONIC, pthread_mutex_clocklock(m, CLOCK_MONOTONIC, &until));
	return NULL;
}

static void *may_not_unlock(void *m)
{
	CHECK_EQ(pthread_mutex_unlock(m), EPERM);
	return NULL;
}

static void *locks_soon(void *m)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 5000);

	CHECK_EQ(pthread_mutex_timedlock(m, &until), 0);
	CHECK_EQ(pthread_mutex_unlock(m), 0);
	return NULL;
}

static void kinds(void)
{
	pthread_mutex_t m;
	pthread_t waiter;

	make(&m, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
	CHECK_EQ(pthread_mutex_lock(&m), 0);
	CHECK_EQ(pthread_mutex_trylock(&m), EBUSY);
	join(spawn(finds_it_locked, &m));
	join(spawn(finds_it_locked_monotonic, &m));
	waiter = spawn(locks_soon, &m);
	TIMES_OUT(CLOCK_REALTIME, pthread_mutex_timedlock(&m, &until)); /* deadlock with itself, until the time is over */
	CHECK_EQ(pthread_mutex_unlock(&m), 0);
	join(waiter);
	CHECK_EQ(pthread_mutex_destroy(&m), 0);

	make(&m, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
	CHECK_EQ(pthread_mutex_unlock(&m), EPERM);
	CHECK_EQ(pthread_mutex_lock(&m), 0);
	CHECK_EQ(pthread_mutex_lock(&m), EDEADLK);
	CHECK_EQ(pthread_mutex_trylock(&m), EBUSY);
	CHECK_EQ(pthread_mutex_destroy(&m), EBUSY);
	join(spawn(may_not_unlock, &m));
	join(spawn(finds_it_locked, &m));
	CHECK_EQ(pthread_mutex_unlock(&m), 0);
	CHECK_EQ(pthread_mutex_destroy(&m), 0);

	make(&m, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(i % 2 ? pthread_mutex_trylock(&m) : pthread_mutex_lock(&m), 0);
	for (int i = 0; i < 3; i++) {
		join(spawn(finds_it_locked, &m));
		join(spawn(may_not_unlock, &m));
		CHECK_EQ(pthread_mutex_unlock(&m), 0);
	}
	CHECK_EQ(pthread_mutex_unlock(&m), EPERM);
	CHECK_EQ(pthread_mutex_destroy(&m), 0);

	make(&m, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT);
	CHECK_EQ(pthread_mutex_lock(&m), 0);
	join(spawn(finds_it_locked, &m));
	waiter = spawn(locks_soon, &m);
	sched_yield();
	CHECK_EQ(pthread_mutex_unlock(&m), 0);
	join(waiter);
	CHECK_EQ(pthread_mutex_destroy(&m), 0);
}

static void *dies_with_it(void *m)
{
	CHECK_EQ(pthread_mutex_lock(m), 0);
	return NULL;
}

static void robust(void)
{
	pthread_mutex_t m;

	make(&m, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
	join(spawn(dies_with_it, &m));
	CHECK_EQ(pthread_mutex_lock(&m), EOWNERDEAD);
	CHECK_EQ(pthread_mutex_consistent(&m), 0);
	CHECK_EQ(pthread_mutex_unlock(&m), 0);
	join(spawn(dies_with_it, &m));
	CHECK_EQ(pthread_mutex_trylock(&m), EOWNERDEAD);
	CHECK_EQ(pthread_mutex_unlock(&m), 0);
	CHECK_EQ(pthread_mutex_lock(&m), ENOTRECOVERABLE);
	CHECK_EQ(pthread_mutex_destroy(&m), 0);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, monotonic, arrived = PTHREAD_COND_INITIALIZER;
static int counter, waiting, tickets, woken;

static void *counts(void *arg)
{
	for (int i = 0; i < TURNS; i++) {
		int before;

		CHECK_EQ(pthread_mutex_lock(&lock), 0);
		before = counter;
		if (i % 16 == 0)
			sched_yield();
		counter = before + 1;
		CHECK_EQ(pthread_mutex_unlock(&lock), 0);
	}
	return arg;
}

static void exclusion(void)
{
	pthread_t threads[N];

	for (int i = 0; i < N; i++)
		threads[i] = spawn(counts, NULL);
	for (int i = 0; i < N; i++)
		join(threads[i]);
	CHECK_EQ(counter, N * TURNS);
}

static void *takes_ticket(void *arg)
{
	struct timespec until = in_ms(CLOCK_MONOTONIC, 10000);

	CHECK_EQ(pthread_mutex_lock(&lock), 0);
	waiting++;
	CHECK_EQ(pthread_cond_signal(&arrived), 0);
	while (!tickets)
		CHECK_EQ(arg ? pthread_cond_wait(&cond, &lock) : pthread_cond_clockwait(&cond, &lock, CLOCK_MONOTONIC, &until), 0);
	tickets--;
	woken++;
	CHECK_EQ(pthread_cond_signal(&arrived), 0);
	CHECK_EQ(pthread_mutex_unlock(&lock), 0);
	return arg;
}

static void wake_ups(void)
{
	pthread_t threads[N];

	for (int i = 0; i < N; i++)
		threads[i] = spawn(takes_ticket, i % 2 ? &lock : NULL);
	CHECK_EQ(pthread_mutex_lock(&lock), 0);
	while (waiting < N)
		CHECK_EQ(pthread_cond_wait(&arrived, &lock), 0);
	for (int i = 1; i <= N / 2; i++) {
		tickets = 1;
		CHECK_EQ(pthread_cond_signal(&cond), 0);
		while (woken < i)
			CHECK_EQ(pthread_cond_wait(&arrived, &lock), 0);
		CHECK_EQ(tickets, 0);
	}
	tickets = N / 2;
	CHECK_EQ(pthread_cond_broadcast(&cond), 0);
	CHECK_EQ(pthread_mutex_unlock(&lock), 0);
	for (int i = 0; i < N; i++)
		join(threads[i]);
	CHECK_EQ(woken, N);
}

static void *finds_it_busy(void *m)
{
	CHECK_EQ(pthread_mutex_trylock(m), EBUSY);
	return NULL;
}

static void timed_conditions(void)
{
	struct timespec bad = { 0, 1000000000 }, past = { 0 };
	pthread_condattr_t attr;

	CHECK_EQ(pthread_condattr_init(&attr), 0);
	CHECK_EQ(pthread_condattr_setclock(&attr, CLOCK_PROCESS_CPUTIME_ID), EINVAL);
	CHECK_EQ(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), 0);
	CHECK_EQ(pthread_cond_init(&monotonic, &attr), 0);
	CHECK_EQ(pthread_mutex_lock(&lock), 0);
	TIMES_OUT(CLOCK_REALTIME, pthread_cond_timedwait(&cond, &lock, &until));
	TIMES_OUT(CLOCK_MONOTONIC, pthread_cond_timedwait(&monotonic, &lock, &until));
	TIMES_OUT(CLOCK_MONOTONIC, pthread_cond_clockwait(&cond, &lock, CLOCK_MONOTONIC, &until));
	TIMES_OUT(CLOCK_REALTIME, pthread_cond_clockwait(&monotonic, &lock, CLOCK_REALTIME, &until));
	CHECK_EQ(pthread_cond_timedwait(&cond, &lock, &past), ETIMEDOUT);
	CHECK_EQ(pthread_cond_timedwait(&cond, &lock, &bad), EINVAL);
	join(spawn(finds_it_busy, &lock)); /* each wait came back with the mutex */
	CHECK_EQ(pthread_mutex_unlock(&lock), 0);
	CHECK_EQ(pthread_cond_destroy(&monotonic), 0);
	CHECK_EQ(pthread_cond_destroy(&cond), 0);
}

int main(void)
{
	kinds();
	robust();
	exclusion();
	wake_ups();
	timed_conditions();
	printf("mutex_zoo: every kind of mutex, conditions on both clocks\n");
	return 0;
}
