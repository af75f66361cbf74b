/* pthread_rwlock.c - many readers or one writer */
#include "case.h"

static pthread_rwlock_t l;
static atomic_int readers, most, done;

static void fresh(void)
{
	pthread_rwlock_init(&l, NULL);
	readers = most = done = 0;
}

static void prefer(int kind)
{
	pthread_rwlockattr_t a;

	pthread_rwlockattr_init(&a);
	MUST(pthread_rwlockattr_setkind_np(&a, kind) == 0);
	pthread_rwlock_init(&l, &a);
	readers = most = done = 0;
}

static void read_for(long ms)
{
	pthread_rwlock_rdlock(&l);
	if (++readers > most)
		most = (int)readers;
	pause_ms(ms);
	readers--;
	pthread_rwlock_unlock(&l);
	done++;
}

/* All eight are inside before one leaves, however late some come; if they cannot be, the first ones give up. */
static void read_together(long unused)
{
	(void)unused;
	pthread_rwlock_rdlock(&l);
	if (++readers > most)
		most = (int)readers;
	for (int i = 0; i < 5000 && most < 8; i++)
		pause_ms(1);
	readers--;
	pthread_rwlock_unlock(&l);
	done++;
}

static void write_for(long ms)
{
	pthread_rwlock_wrlock(&l);
	notes[9].done = true;
	pause_ms(ms);
	pthread_rwlock_unlock(&l);
	done++;
}

static void try_both(long arg)
{
	(void)arg;
	NOTE(0, pthread_rwlock_tryrdlock(&l));
	if (!notes[0].ret)
		pthread_rwlock_unlock(&l);
	NOTE(1, pthread_rwlock_trywrlock(&l));
	if (!notes[1].ret)
		pthread_rwlock_unlock(&l);
}

static void other_tries(void)
{
	later(0, try_both, 0);
	finish();
	say("the other gets read=%s", errname((int)notes[0].ret));
	say("the other gets write=%s", errname((int)notes[1].ret));
}

/* A helper has the lock when this returns, for some ms more. */
static void written_for(long ms)
{
	notes[9].done = false;
	later(0, write_for, ms);
	while (!notes[9].done)
		pause_ms(1);
}

static void being_read_for(long ms)
{
	later(0, read_for, ms);
	while (!readers)
		pause_ms(1);
}

CASE(rules)
{
	fresh();
	other_tries();
	SHOW_RC(pthread_rwlock_rdlock(&l));
	SHOW_RC(pthread_rwlock_rdlock(&l));
	other_tries();
	SHOW_RC(pthread_rwlock_trywrlock(&l));
	SHOW_RC(pthread_rwlock_unlock(&l));
	other_tries();
	SHOW_RC(pthread_rwlock_unlock(&l));
	SHOW_RC(pthread_rwlock_wrlock(&l));
	other_tries();
	SHOW_RC(pthread_rwlock_unlock(&l));
	SHOW_RC(pthread_rwlock_destroy(&l));
}

CASE(own_write_lock)
{
	fresh();
	SHOW_RC(pthread_rwlock_wrlock(&l));
	SHOW_RC(pthread_rwlock_wrlock(&l));
	SHOW_RC(pthread_rwlock_rdlock(&l));
	SHOW_RC(pthread_rwlock_trywrlock(&l));
	SHOW_RC(pthread_rwlock_tryrdlock(&l));
	SHOW_RC(pthread_rwlock_timedwrlock(&l, AT(CLOCK_REALTIME, 1000)));
	SHOW_RC(pthread_rwlock_timedrdlock(&l, AT(CLOCK_REALTIME, 1000)));
	SHOW_RC(pthread_rwlock_clockrdlock(&l, CLOCK_MONOTONIC, MS(0)));
	SHOW_RC(pthread_rwlock_clockwrlock(&l, CLOCK_MONOTONIC, MS(0)));
	SHOW_RC(pthread_rwlock_unlock(&l));
}

CASE(own_read_lock_times_out)
{
	fresh();
	SHOW_RC(pthread_rwlock_rdlock(&l));
	TIMED(30, SHOW_RC(pthread_rwlock_timedwrlock(&l, AT(CLOCK_REALTIME, 30))));
	SHOW_RC(pthread_rwlock_rdlock(&l));
	SHOW_RC(pthread_rwlock_unlock(&l));
	SHOW_RC(pthread_rwlock_unlock(&l));
	other_tries();
}

CASE(writer_waits_for_readers)
{
	fresh();
	being_read_for(80);
	TIMED(20, SHOW_RC(pthread_rwlock_wrlock(&l)));
	other_tries();
	SHOW_RC(pthread_rwlock_unlock(&l));
}

CASE(reader_waits_for_the_writer)
{
	fresh();
	written_for(80);
	TIMED(20, SHOW_RC(pthread_rwlock_rdlock(&l)));
	other_tries();
	SHOW_RC(pthread_rwlock_unlock(&l));
}

CASE(writer_waits_for_the_writer)
{
	fresh();
	written_for(80);
	TIMED(20, SHOW_RC(pthread_rwlock_wrlock(&l)));
	SHOW_RC(pthread_rwlock_unlock(&l));
}

CASE(readers_at_once)
{
	fresh();
	for (int i = 0; i < 8; i++)
		later(0, read_together, 0);
	finish();
	say("most=%d", (int)most);
}

CASE(all_readers_wake)
{
	fresh();
	SHOW_RC(pthread_rwlock_wrlock(&l));
	for (int i = 0; i < 8; i++)
		later(0, read_together, 0);
	settle();
	say("readers=%d", (int)readers);
	SHOW_RC(pthread_rwlock_unlock(&l));
	finish();
	say("most=%d", (int)most);
}

/* ---- time-outs */

CASE(timed_out)
{
	fresh();
	written_for(300);
	TIMED(30, SHOW_RC(pthread_rwlock_timedrdlock(&l, AT(CLOCK_REALTIME, 30))));
	TIMED(30, SHOW_RC(pthread_rwlock_timedwrlock(&l, AT(CLOCK_REALTIME, 30))));
	TIMED(30, SHOW_RC(pthread_rwlock_clockrdlock(&l, CLOCK_MONOTONIC, AT(CLOCK_MONOTONIC, 30))));
	TIMED(30, SHOW_RC(pthread_rwlock_clockwrlock(&l, CLOCK_MONOTONIC, AT(CLOCK_MONOTONIC, 30))));
	SHOW_RC(pthread_rwlock_timedrdlock(&l, MS(0)));
	SHOW_RC(pthread_rwlock_timedwrlock(&l, &(struct timespec){ -1, 0 }));
}

CASE(in_time)
{
	fresh();
	written_for(80);
	TIMED(20, SHOW_RC(pthread_rwlock_timedrdlock(&l, AT(CLOCK_REALTIME, 10000))));
	SHOW_RC(pthread_rwlock_unlock(&l));
	finish();
	written_for(80);
	TIMED(20, SHOW_RC(pthread_rwlock_clockwrlock(&l, CLOCK_MONOTONIC, AT(CLOCK_MONOTONIC, 10000))));
	SHOW_RC(pthread_rwlock_unlock(&l));
}

CASE(writer_that_timed_out_leaves_no_trace)
{
	fresh();
	being_read_for(80);
	SHOW_RC(pthread_rwlock_timedwrlock(&l, AT(CLOCK_REALTIME, 10)));
	SHOW_RC(pthread_rwlock_tryrdlock(&l));
	SHOW_RC(pthread_rwlock_unlock(&l));
	finish();
	SHOW_RC(pthread_rwlock_wrlock(&l));
	SHOW_RC(pthread_rwlock_unlock(&l));
}

CASE(invalid_times)
{
	fresh();
	SHOW_RC(pthread_rwlock_timedrdlock(&l, &(struct timespec){ 0, -1 }));
	SHOW_RC(pthread_rwlock_timedwrlock(&l, &(struct timespec){ 0, 1000000000 }));
	SHOW_RC(pthread_rwlock_clockrdlock(&l, CLOCK_PROCESS_CPUTIME_ID, MS(0)));
	SHOW_RC(pthread_rwlock_clockwrlock(&l, 99, MS(0)));
	SHOW_RC(pthread_rwlock_timedrdlock(&l, MS(0)));
	SHOW_RC(pthread_rwlock_unlock(&l));
	SHOW_RC(pthread_rwlock_timedwrlock(&l, MS(0)));
	SHOW_RC(pthread_rwlock_timedrdlock(&l, &(struct timespec){ 0, -1 }));
	SHOW_RC(pthread_rwlock_unlock(&l));
}

/* ---- preference */

static void wait_to_write(long arg)
{
	(void)arg;
	NOTE(2, pthread_rwlock_wrlock(&l));
	pthread_rwlock_unlock(&l);
}

static void newcomer(int kind)
{
	prefer(kind);
	being_read_for(250);
	later(0, wait_to_write, 0);
	settle();
	SHOW_RC(pthread_rwlock_timedrdlock(&l, AT(CLOCK_REALTIME, 1000)));
	say("writer is done=%d", (int)notes[2].done);
	SHOW_RC(pthread_rwlock_unlock(&l));
	finish();
}

CASE(reader_passes_a_waiting_writer)
{
	newcomer(PTHREAD_RWLOCK_PREFER_READER_NP);
}

CASE(writer_goes_first_where_it_is_preferred)
{
	newcomer(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
}

CASE(attributes)
{
	pthread_rwlockattr_t a;
	int kind = -1;

	SHOW_RC(pthread_rwlockattr_init(&a));
	SHOW_RC(pthread_rwlockattr_setkind_np(&a, 77));
	SHOW_RC(pthread_rwlockattr_setpshared(&a, 77));
	SHOW_RC(pthread_rwlockattr_getkind_np(&a, &kind));
	say("kind=%d", kind);
}

CASE(static_initialisers)
{
	static pthread_rwlock_t s = PTHREAD_RWLOCK_INITIALIZER, w = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP, zero;

	SHOW_RC(pthread_rwlock_wrlock(&s));
	SHOW_RC(pthread_rwlock_tryrdlock(&s));
	SHOW_RC(pthread_rwlock_rdlock(&w));
	SHOW_RC(pthread_rwlock_trywrlock(&w));
	SHOW_RC(pthread_rwlock_wrlock(&zero));
	SHOW_RC(pthread_rwlock_trywrlock(&zero));
}

CASE(shared)
{
	pthread_rwlockattr_t a;

	pthread_rwlockattr_init(&a);
	pthread_rwlockattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_rwlock_init(&l, &a);
	written_for(80);
	TIMED(20, SHOW_RC(pthread_rwlock_rdlock(&l)));
	SHOW_RC(pthread_rwlock_unlock(&l));
}

/* ---- contention */

static long a, b;
static atomic_int torn;

static void mixed(long seed)
{
	for (int i = 0; i < 300; i++, seed = seed * 1103515245 + 12345) {
		if (seed >> 8 & 3) {
			pthread_rwlock_rdlock(&l);
			torn += a != b;
		} else {
			pthread_rwlock_wrlock(&l);
			a++;
			if (seed >> 12 & 1)
				sched_yield();
			b++;
			done++;
		}
		pthread_rwlock_unlock(&l);
	}
}

static void contend(int kind)
{
	prefer(kind);
	a = b = 0;
	torn = 0;
	for (int i = 0; i < 6; i++)
		later(0, mixed, i + 1);
	finish();
	say("torn=%d equal=%d writes=%d", (int)torn, a == b, a == done);
}

CASE(contended)
{
	contend(PTHREAD_RWLOCK_PREFER_READER_NP);
	contend(PTHREAD_RWLOCK_PREFER_WRITER_NP);
	contend(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
}
