/* pthread_mutex.c - every kind of mutex, its error codes and its time-outs */
#include "case.h"

static pthread_mutex_t m;

static void make(int type)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	MUST(pthread_mutexattr_settype(&a, type) == 0);
	pthread_mutex_init(&m, &a);
	pthread_mutexattr_destroy(&a);
}

static void make_with(int robust, int protocol, int shared)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	MUST(pthread_mutexattr_setrobust(&a, robust) == 0 && pthread_mutexattr_setprotocol(&a, protocol) == 0 &&
	     pthread_mutexattr_setpshared(&a, shared) == 0);
	pthread_mutex_init(&m, &a);
	pthread_mutexattr_destroy(&a);
}

static void unlock_after_lock(long ms)
{
	pthread_mutex_lock(&m);
	notes[9].done = true;
	pause_ms(ms);
	pthread_mutex_unlock(&m);
}

/* A helper holds m when this returns, for some ms more. */
static void held_for(long ms)
{
	notes[9].done = false;
	later(0, unlock_after_lock, ms);
	while (!notes[9].done)
		pause_ms(1);
}

static void try_in_helper(long slot)
{
	NOTE(slot, pthread_mutex_trylock(&m));
	if (!notes[slot].ret)
		pthread_mutex_unlock(&m);
}

/* What another thread gets from trylock. */
static void other_tries(void)
{
	later(0, try_in_helper, 0);
	finish();
	say("the other gets %s", errname((int)notes[0].ret));
}

static void unlock_in_helper(long slot)
{
	NOTE(slot, pthread_mutex_unlock(&m));
}

static void other_unlocks(void)
{
	later(0, unlock_in_helper, 0);
	finish();
	say("the other gets %s", errname((int)notes[0].ret));
}

CASE(normal)
{
	make(PTHREAD_MUTEX_NORMAL);
	SHOW_RC(pthread_mutex_lock(&m));
	SHOW_RC(pthread_mutex_trylock(&m));
	other_tries();
	SHOW_RC(pthread_mutex_unlock(&m));
	other_tries();
	SHOW_RC(pthread_mutex_trylock(&m));
	SHOW_RC(pthread_mutex_destroy(&m));
	SHOW_RC(pthread_mutex_unlock(&m));
	SHOW_RC(pthread_mutex_destroy(&m));
}

CASE(lock_waits)
{
	make(PTHREAD_MUTEX_NORMAL);
	held_for(80);
	TIMED(20, SHOW_RC(pthread_mutex_lock(&m)));
	SHOW_RC(pthread_mutex_unlock(&m));
}

CASE(normal_self_deadlock_times_out)
{
	make(PTHREAD_MUTEX_NORMAL);
	SHOW_RC(pthread_mutex_lock(&m));
	TIMED(30, SHOW_RC(pthread_mutex_timedlock(&m, AT(CLOCK_REALTIME, 30))));
	SHOW_RC(pthread_mutex_unlock(&m));
}

CASE(recursive)
{
	make(PTHREAD_MUTEX_RECURSIVE);
	SHOW_RC(pthread_mutex_lock(&m));
	SHOW_RC(pthread_mutex_lock(&m));
	SHOW_RC(pthread_mutex_trylock(&m));
	SHOW_RC(pthread_mutex_timedlock(&m, MS(0)));
	other_tries();
	other_unlocks();
	for (int i = 0; i < 3; i++)
		SHOW_RC(pthread_mutex_unlock(&m));
	other_tries();
	SHOW_RC(pthread_mutex_unlock(&m));
	other_tries();
	SHOW_RC(pthread_mutex_unlock(&m));
}

CASE(errorcheck)
{
	make(PTHREAD_MUTEX_ERRORCHECK);
	SHOW_RC(pthread_mutex_unlock(&m));
	SHOW_RC(pthread_mutex_lock(&m));
	SHOW_RC(pthread_mutex_lock(&m));
	SHOW_RC(pthread_mutex_trylock(&m));
	SHOW_RC(pthread_mutex_timedlock(&m, AT(CLOCK_REALTIME, 1000)));
	SHOW_RC(pthread_mutex_timedlock(&m, &(struct timespec){ 0, -1 }));
	SHOW_RC(pthread_mutex_clocklock(&m, CLOCK_MONOTONIC, MS(0)));
	other_unlocks();
	other_tries();
	SHOW_RC(pthread_mutex_unlock(&m));
	SHOW_RC(pthread_mutex_unlock(&m));
}

CASE(errorcheck_waits)
{
	make(PTHREAD_MUTEX_ERRORCHECK);
	held_for(80);
	TIMED(20, SHOW_RC(pthread_mutex_lock(&m)));
	SHOW_RC(pthread_mutex_unlock(&m));
}

CASE(recursive_waits)
{
	make(PTHREAD_MUTEX_RECURSIVE);
	held_for(80);
	TIMED(20, SHOW_RC(pthread_mutex_lock(&m)));
	SHOW_RC(pthread_mutex_lock(&m));
	SHOW_RC(pthread_mutex_unlock(&m));
	other_tries();
	SHOW_RC(pthread_mutex_unlock(&m));
}

CASE(adaptive)
{
	make(PTHREAD_MUTEX_ADAPTIVE_NP);
	held_for(80);
	TIMED(20, SHOW_RC(pthread_mutex_lock(&m)));
	SHOW_RC(pthread_mutex_trylock(&m));
	SHOW_RC(pthread_mutex_unlock(&m));
}

CASE(static_initialisers)
{
	static pthread_mutex_t n = PTHREAD_MUTEX_INITIALIZER, r = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
			       e = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP, zero;

	SHOW_RC(pthread_mutex_lock(&n));
	SHOW_RC(pthread_mutex_trylock(&n));
	SHOW_RC(pthread_mutex_lock(&r));
	SHOW_RC(pthread_mutex_lock(&r));
	SHOW_RC(pthread_mutex_lock(&e));
	SHOW_RC(pthread_mutex_lock(&e));
	SHOW_RC(pthread_mutex_lock(&zero));
	SHOW_RC(pthread_mutex_trylock(&zero));
}

/* ---- time-outs */

CASE(timedlock_times_out)
{
	make(PTHREAD_MUTEX_NORMAL);
	held_for(200);
	TIMED(30, SHOW_RC(pthread_mutex_timedlock(&m, AT(CLOCK_REALTIME, 30))));
	TIMED(30, SHOW_RC(pthread_mutex_clocklock(&m, CLOCK_MONOTONIC, AT(CLOCK_MONOTONIC, 30))));
	TIMED(30, SHOW_RC(pthread_mutex_clocklock(&m, CLOCK_REALTIME, AT(CLOCK_REALTIME, 30))));
}

CASE(timedlock_gets_it)
{
	make(PTHREAD_MUTEX_NORMAL);
	held_for(80);
	TIMED(20, SHOW_RC(pthread_mutex_timedlock(&m, AT(CLOCK_REALTIME, 10000))));
	SHOW_RC(pthread_mutex_unlock(&m));
	finish();
	held_for(80);
	TIMED(20, SHOW_RC(pthread_mutex_clocklock(&m, CLOCK_MONOTONIC, AT(CLOCK_MONOTONIC, 10000))));
	SHOW_RC(pthread_mutex_unlock(&m));
}

CASE(timedlock_expired)
{
	make(PTHREAD_MUTEX_NORMAL);
	held_for(150);
	SHOW_RC(pthread_mutex_timedlock(&m, MS(0)));
	SHOW_RC(pthread_mutex_timedlock(&m, &(struct timespec){ -1, 0 }));
	SHOW_RC(pthread_mutex_clocklock(&m, CLOCK_MONOTONIC, MS(1)));
}

CASE(timedlock_invalid)
{
	make(PTHREAD_MUTEX_NORMAL);
	held_for(150);
	SHOW_RC(pthread_mutex_timedlock(&m, &(struct timespec){ 0, -1 }));
	SHOW_RC(pthread_mutex_timedlock(&m, &(struct timespec){ 0, 1000000000 }));
	SHOW_RC(pthread_mutex_clocklock(&m, CLOCK_MONOTONIC, &(struct timespec){ 5, 1000000000 }));
	SHOW_RC(pthread_mutex_clocklock(&m, CLOCK_PROCESS_CPUTIME_ID, MS(0)));
	SHOW_RC(pthread_mutex_clocklock(&m, 99, MS(0)));
}

CASE(free_mutex_does_not_look_at_the_time)
{
	make(PTHREAD_MUTEX_NORMAL);
	SHOW_RC(pthread_mutex_timedlock(&m, &(struct timespec){ 0, -1 }));
	SHOW_RC(pthread_mutex_unlock(&m));
	SHOW_RC(pthread_mutex_timedlock(&m, MS(0)));
	SHOW_RC(pthread_mutex_unlock(&m));
	SHOW_RC(pthread_mutex_clocklock(&m, CLOCK_PROCESS_CPUTIME_ID, MS(0)));
}

/* ---- robust, priority inheritance, shared */

static void die_holding(long arg)
{
	(void)arg;
	NOTE(1, pthread_mutex_lock(&m));
	pause_ms(20);
}

static void lock_in_helper(long slot)
{
	NOTE(slot, pthread_mutex_lock(&m));
}

static void owner_dies(void)
{
	later(0, die_holding, 0);
	finish();
}

CASE(owner_died)
{
	make_with(PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE, PTHREAD_PROCESS_PRIVATE);
	owner_dies();
	SHOW_RC(pthread_mutex_lock(&m));
	other_tries();
	SHOW_RC(pthread_mutex_consistent(&m));
	SHOW_RC(pthread_mutex_unlock(&m));
	SHOW_RC(pthread_mutex_lock(&m));
	SHOW_RC(pthread_mutex_consistent(&m));
	SHOW_RC(pthread_mutex_unlock(&m));
}

CASE(owner_died_and_not_repaired)
{
	make_with(PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE, PTHREAD_PROCESS_PRIVATE);
	owner_dies();
	SHOW_RC(pthread_mutex_trylock(&m));
	SHOW_RC(pthread_mutex_unlock(&m));
	SHOW_RC(pthread_mutex_lock(&m));
	SHOW_RC(pthread_mutex_lock(&m));
	SHOW_RC(pthread_mutex_timedlock(&m, AT(CLOCK_REALTIME, 1000)));
	later(0, lock_in_helper, 2);
	finish();
	say("the other gets %s", errname((int)notes[2].ret));
}

CASE(owner_dies_under_a_waiter)
{
	make_with(PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE, PTHREAD_PROCESS_PRIVATE);
	later(0, die_holding, 0);
	while (!notes[1].done)
		pause_ms(1);
	SHOW_RC(pthread_mutex_lock(&m));
	SHOW_RC(pthread_mutex_consistent(&m));
	SHOW_RC(pthread_mutex_unlock(&m));
}

CASE(owner_dies_under_a_timed_waiter)
{
	make_with(PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE, PTHREAD_PROCESS_PRIVATE);
	later(0, die_holding, 0);
	while (!notes[1].done)
		pause_ms(1);
	SHOW_RC(pthread_mutex_timedlock(&m, AT(CLOCK_REALTIME, 10000)));
	SHOW_RC(pthread_mutex_unlock(&m));
	SHOW_RC(pthread_mutex_lock(&m));
}

CASE(robust_in_use)
{
	make_with(PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE, PTHREAD_PROCESS_SHARED);
	SHOW_RC(pthread_mutex_lock(&m));
	SHOW_RC(pthread_mutex_trylock(&m));
	other_tries();
	other_unlocks();
	SHOW_RC(pthread_mutex_unlock(&m));
	held_for(80);
	TIMED(20, SHOW_RC(pthread_mutex_lock(&m)));
	SHOW_RC(pthread_mutex_unlock(&m));
	SHOW_RC(pthread_mutex_consistent(&m));
}

CASE(priority_inheritance)
{
	make_with(PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT, PTHREAD_PROCESS_PRIVATE);
	SHOW_RC(pthread_mutex_lock(&m));
	SHOW_RC(pthread_mutex_trylock(&m));
	other_tries();
	SHOW_RC(pthread_mutex_unlock(&m));
	held_for(80);
	TIMED(20, SHOW_RC(pthread_mutex_lock(&m)));
	SHOW_RC(pthread_mutex_unlock(&m));
	finish();
	held_for(100);
	TIMED(30, SHOW_RC(pthread_mutex_timedlock(&m, AT(CLOCK_REALTIME, 30))));
}

CASE(shared)
{
	make_with(PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE, PTHREAD_PROCESS_SHARED);
	held_for(80);
	TIMED(20, SHOW_RC(pthread_mutex_lock(&m)));
	SHOW_RC(pthread_mutex_unlock(&m));
	finish();
	held_for(80);
	TIMED(30, SHOW_RC(pthread_mutex_timedlock(&m, AT(CLOCK_REALTIME, 30))));
}

CASE(attributes)
{
	pthread_mutexattr_t a;
	int v = -1;

	SHOW_RC(pthread_mutexattr_init(&a));
	SHOW_RC(pthread_mutexattr_settype(&a, 77));
	SHOW_RC(pthread_mutexattr_setpshared(&a, 77));
	SHOW_RC(pthread_mutexattr_setrobust(&a, 77));
	SHOW_RC(pthread_mutexattr_setprotocol(&a, 77));
	SHOW_RC(pthread_mutexattr_gettype(&a, &v));
	say("type=%d", v);
	SHOW_RC(pthread_mutexattr_destroy(&a));
	make(PTHREAD_MUTEX_NORMAL);
	SHOW_RC(pthread_mutex_consistent(&m));
}

/* ---- contention */

static long counter;

static void increment(long n)
{
	for (long i = 0; i < n; i++) {
		pthread_mutex_lock(&m);
		long was = counter;
		if (i % 64 == 0)
			sched_yield();
		counter = was + 1;
		pthread_mutex_unlock(&m);
	}
}

static void contend(int type)
{
	make(type);
	counter = 0;
	for (int i = 0; i < 8; i++)
		later(0, increment, 1000);
	finish();
	say("counter=%ld", counter);
}

CASE(contended)
{
	contend(PTHREAD_MUTEX_NORMAL);
	contend(PTHREAD_MUTEX_RECURSIVE);
	contend(PTHREAD_MUTEX_ERRORCHECK);
	contend(PTHREAD_MUTEX_ADAPTIVE_NP);
}

static void sleep_inside(long n)
{
	for (long i = 0; i < n; i++) {
		pthread_mutex_lock(&m);
		long was = counter;
		pause_ms(1);
		counter = was + 1;
		pthread_mutex_unlock(&m);
	}
}

CASE(held_over_sleeps)
{
	make(PTHREAD_MUTEX_NORMAL);
	counter = 0;
	for (int i = 0; i < 8; i++)
		later(0, sleep_inside, 5);
	TIMED(40, finish());
	say("counter=%ld", counter);
}

static void timed_increment(long n)
{
	for (long i = 0; i < n;) {
		if (pthread_mutex_timedlock(&m, AT(CLOCK_REALTIME, 1)))
			continue;
		long was = counter;
		if (i % 4 == 0)
			pause_ms(1);
		counter = was + 1;
		pthread_mutex_unlock(&m);
		i++;
	}
}

/* Time-outs and hand-overs race: none may be lost, or the rest would wait for ever. */
CASE(time_outs_race_with_unlocks)
{
	make(PTHREAD_MUTEX_NORMAL);
	counter = 0;
	for (int i = 0; i < 6; i++)
		later(0, timed_increment, 20);
	finish();
	say("counter=%ld", counter);
}

static void spin_on_trylock(long arg)
{
	(void)arg;
	while (pthread_mutex_trylock(&m))
		;
	counter++;
	pthread_mutex_unlock(&m);
}

CASE(spin_on_trylock)
{
	make(PTHREAD_MUTEX_NORMAL);
	counter = 0;
	pthread_mutex_lock(&m);
	for (int i = 0; i < 3; i++)
		later(0, spin_on_trylock, 0);
	pause_ms(10);
	pthread_mutex_unlock(&m);
	finish();
	say("counter=%ld", counter);
}

/* ---- spin locks */

static pthread_spinlock_t spin;

static void spin_increment(long n)
{
	for (long i = 0; i < n; i++) {
		pthread_spin_lock(&spin);
		long was = counter;
		if (i % 32 == 0)
			sched_yield();
		counter = was + 1;
		pthread_spin_unlock(&spin);
	}
}

CASE(spin_locks)
{
	SHOW_RC(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE));
	SHOW_RC(pthread_spin_lock(&spin));
	SHOW_RC(pthread_spin_trylock(&spin));
	SHOW_RC(pthread_spin_unlock(&spin));
	SHOW_RC(pthread_spin_trylock(&spin));
	SHOW_RC(pthread_spin_unlock(&spin));
	counter = 0;
	for (int i = 0; i < 4; i++)
		later(0, spin_increment, 200);
	finish();
	say("counter=%ld", counter);
	SHOW_RC(pthread_spin_destroy(&spin));
}
