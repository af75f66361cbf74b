/* pthread_barrier.c */
#include "case.h"

static pthread_barrier_t b;
static atomic_int serial, arrived, wrong;

static void arrive(long rounds)
{
	for (long i = 0; i < rounds; i++) {
		arrived++;
		int rc = pthread_barrier_wait(&b);
		serial += rc == PTHREAD_BARRIER_SERIAL_THREAD;
		wrong += rc && rc != PTHREAD_BARRIER_SERIAL_THREAD;
	}
}

static void fresh(unsigned n)
{
	serial = arrived = wrong = 0;
	SHOW_RC(pthread_barrier_init(&b, NULL, n));
}

CASE(bad_count)
{
	SHOW_RC(pthread_barrier_init(&b, NULL, 0));
	SHOW_RC(pthread_barrier_init(&b, NULL, ~0u));
}

CASE(alone)
{
	fresh(1);
	SHOW(pthread_barrier_wait(&b));
	SHOW(pthread_barrier_wait(&b));
	SHOW_RC(pthread_barrier_destroy(&b));
}

CASE(waits_for_all)
{
	fresh(5);
	for (int i = 0; i < 4; i++)
		later(0, arrive, 1);
	settle();
	say("arrived=%d passed=%d", (int)arrived, (int)serial);
	arrive(1);
	finish();
	say("serial=%d wrong=%d", (int)serial, (int)wrong);
	SHOW_RC(pthread_barrier_destroy(&b));
}

CASE(many_rounds)
{
	fresh(6);
	for (int i = 0; i < 5; i++)
		later(0, arrive, 100);
	arrive(100);
	finish();
	say("serial=%d wrong=%d arrived=%d", (int)serial, (int)wrong, (int)arrived);
}

static long phase[4];
static atomic_int mixed;

static void in_step(long me)
{
	for (long i = 1; i <= 50; i++) {
		phase[me] = i;
		pthread_barrier_wait(&b);
		for (int j = 0; j < 4; j++)
			mixed += phase[j] != i;
		pthread_barrier_wait(&b);
	}
}

CASE(in_step)
{
	mixed = 0;
	fresh(4);
	for (int i = 0; i < 4; i++)
		later(0, in_step, i);
	finish();
	say("mixed=%d", (int)mixed);
}

CASE(destroyed_at_once)
{
	for (int i = 0; i < 20; i++) {
		pthread_barrier_init(&b, NULL, 3);
		later(0, arrive, 1);
		later(0, arrive, 1);
		arrive(1);
		if (pthread_barrier_destroy(&b))
			say("destroy failed");
		memset(&b, 0xff, sizeof(b));
		finish();
	}
	say("done");
}

CASE(shared)
{
	pthread_barrierattr_t a;

	pthread_barrierattr_init(&a);
	SHOW_RC(pthread_barrierattr_setpshared(&a, 77));
	SHOW_RC(pthread_barrierattr_setpshared(&a, PTHREAD_PROCESS_SHARED));
	serial = wrong = 0;
	SHOW_RC(pthread_barrier_init(&b, &a, 2));
	later(20, arrive, 1);
	TIMED(20, arrive(1));
	finish();
	say("serial=%d wrong=%d", (int)serial, (int)wrong);
}

static void arrive_twice_late(long ms)
{
	pause_ms(ms);
	arrive(1);
}

CASE(last_one_frees_the_others)
{
	fresh(3);
	later(0, arrive, 1);
	later(0, arrive_twice_late, 40);
	TIMED(40, arrive(1));
}
