/* semaphore.c */
#include "case.h"
#include <semaphore.h>

static sem_t s;
static atomic_int through;

static void take(long ms)
{
	(void)ms;
	if (sem_wait(&s) == 0)
		through++;
}

static void post(long arg)
{
	(void)arg;
	sem_post(&s);
}

static int value(void)
{
	int v = -99;

	sem_getvalue(&s, &v);
	return v;
}

CASE(counts)
{
	SHOW(sem_init(&s, 0, 2));
	SHOW(sem_wait(&s));
	SHOW(sem_trywait(&s));
	SHOW(sem_trywait(&s));
	say("value=%d", value());
	SHOW(sem_post(&s));
	say("value=%d", value());
	SHOW(sem_wait(&s));
	SHOW(sem_destroy(&s));
}

CASE(errors)
{
	SHOW(sem_init(&s, 0, HIDDEN((unsigned)SEM_VALUE_MAX + 1)));
	SHOW(sem_init(&s, 0, SEM_VALUE_MAX));
	SHOW(sem_post(&s));
	say("max=%d", value() == SEM_VALUE_MAX);
}

CASE(wait_waits)
{
	sem_init(&s, 0, 0);
	later(30, post, 0);
	TIMED(30, SHOW(sem_wait(&s)));
	say("value=%d", value());
}

CASE(timedwait_times_out)
{
	sem_init(&s, 0, 0);
	TIMED(30, SHOW(sem_timedwait(&s, AT(CLOCK_REALTIME, 30))));
	TIMED(30, SHOW(sem_clockwait(&s, CLOCK_MONOTONIC, AT(CLOCK_MONOTONIC, 30))));
	TIMED(30, SHOW(sem_clockwait(&s, CLOCK_REALTIME, AT(CLOCK_REALTIME, 30))));
	say("value=%d", value());
}

CASE(timedwait_in_time)
{
	sem_init(&s, 0, 0);
	later(30, post, 0);
	TIMED(30, SHOW(sem_timedwait(&s, AT(CLOCK_REALTIME, 10000))));
	later(30, post, 0);
	TIMED(30, SHOW(sem_clockwait(&s, CLOCK_MONOTONIC, AT(CLOCK_MONOTONIC, 10000))));
}

CASE(timedwait_expired)
{
	sem_init(&s, 0, 0);
	SHOW(sem_timedwait(&s, MS(0)));
	SHOW(sem_timedwait(&s, &(struct timespec){ -1, 0 }));
	SHOW(sem_clockwait(&s, CLOCK_MONOTONIC, MS(1)));
}

CASE(timedwait_invalid)
{
	sem_init(&s, 0, 0);
	SHOW(sem_timedwait(&s, &(struct timespec){ 0, -1 }));
	SHOW(sem_timedwait(&s, &(struct timespec){ 0, 1000000000 }));
	SHOW(sem_clockwait(&s, CLOCK_PROCESS_CPUTIME_ID, MS(0)));
	SHOW(sem_clockwait(&s, 99, MS(0)));
}

CASE(available_all_the_same)
{
	sem_init(&s, 0, 2);
	SHOW(sem_timedwait(&s, MS(0)));
	SHOW(sem_timedwait(&s, &(struct timespec){ 0, -1 }));
	sem_post(&s);
	SHOW(sem_clockwait(&s, CLOCK_MONOTONIC, MS(0)));
}

CASE(one_post_one_waiter)
{
	sem_init(&s, 0, 0);
	through = 0;
	for (int i = 0; i < 4; i++)
		later(0, take, 0);
	settle();
	for (int i = 1; i <= 4; i++) {
		SHOW(sem_post(&s));
		pause_ms(30);
		say("through=%d value=%d", (int)through, value());
	}
}

CASE(posts_are_kept)
{
	sem_init(&s, 0, 0);
	through = 0;
	for (int i = 0; i < 5; i++)
		sem_post(&s);
	for (int i = 0; i < 5; i++)
		later(0, take, 0);
	finish();
	say("through=%d value=%d", (int)through, value());
}

CASE(shared)
{
	SHOW(sem_init(&s, 1, 0));
	later(30, post, 0);
	TIMED(30, SHOW(sem_wait(&s)));
	TIMED(20, SHOW(sem_timedwait(&s, AT(CLOCK_REALTIME, 20))));
}

CASE(named)
{
	char name[40];
	sem_t *n;

	snprintf(name, sizeof(name), "/gpatch-test-%d", (int)getpid());
	n = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
	say("made=%d", n != SEM_FAILED);
	SHOW(sem_open(name, O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED ? -1 : 0);
	SHOW(sem_wait(n));
	TIMED(20, SHOW(sem_timedwait(n, AT(CLOCK_REALTIME, 20))));
	SHOW(sem_unlink(name));
	SHOW(sem_unlink(name));
	SHOW(sem_open(name, 0) == SEM_FAILED ? -1 : 0);
	SHOW(sem_close(n));
}

static sem_t full, empty;
static int queue, sum;

static void produce(long n)
{
	for (long i = 1; i <= n; i++) {
		sem_wait(&empty);
		queue = (int)i;
		sem_post(&full);
	}
}

CASE(producer_consumer)
{
	sem_init(&full, 0, 0);
	sem_init(&empty, 0, 1);
	sum = 0;
	later(0, produce, 1000);
	for (int i = 0; i < 1000; i++) {
		sem_wait(&full);
		sum += queue;
		sem_post(&empty);
	}
	say("sum=%d", sum);
}

static void timed_takes(long n)
{
	for (long i = 0; i < n;)
		if (sem_timedwait(&s, AT(CLOCK_REALTIME, 1)) == 0) {
			through++;
			i++;
		}
}

/* Time-outs race with posts: none may be lost. */
CASE(time_outs_race_with_posts)
{
	sem_init(&s, 0, 0);
	through = 0;
	for (int i = 0; i < 4; i++)
		later(0, timed_takes, 50);
	for (int i = 0; i < 200; i++) {
		if (i % 8 == 0)
			pause_ms(1);
		sem_post(&s);
	}
	finish();
	say("through=%d value=%d", (int)through, value());
}

static void *cancelled(void *arg)
{
	sem_wait(&s);
	return arg;
}

CASE(cancelled_waiter)
{
	pthread_t t;
	void *v;

	sem_init(&s, 0, 0);
	pthread_create(&t, NULL, cancelled, NULL);
	settle();
	pthread_cancel(t);
	pthread_join(t, &v);
	say("cancelled=%d", v == PTHREAD_CANCELED);
	later(0, take, 0);
	settle();
	SHOW(sem_post(&s));
	finish();
	say("value=%d", value());
}

CASE(spin_on_trywait)
{
	sem_init(&s, 0, 0);
	later(0, post, 0);
	while (sem_trywait(&s))
		;
	say("got it");
}
