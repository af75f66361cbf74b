/* pthread_once.c - once, and only once */
#include "case.h"

static pthread_once_t once[10];
static atomic_int ran, seen;
static int current;

static void count(void)
{
	ran++;
}

static void slowly(void)
{
	pause_ms(40);
	ran++;
}

static void nested(void)
{
	SHOW_RC(pthread_once(&once[2], count));
	ran += 10;
}

static void call_slow(long i)
{
	pthread_once(&once[i], slowly);
	seen += ran >= 1;
}

CASE(runs_once)
{
	ran = 0;
	SHOW_RC(pthread_once(&once[0], count));
	SHOW_RC(pthread_once(&once[0], count));
	say("ran=%d", (int)ran);
}

CASE(inside_another)
{
	ran = 0;
	SHOW_RC(pthread_once(&once[1], nested));
	say("ran=%d", (int)ran);
}

CASE(others_wait_until_it_is_done)
{
	ran = seen = 0;
	for (int i = 0; i < 10; i++)
		later(0, call_slow, 3);
	TIMED(40, finish());
	say("ran=%d seen=%d", (int)ran, (int)seen);
}

CASE(two_at_once)
{
	ran = seen = 0;
	for (int i = 0; i < 6; i++)
		later(0, call_slow, 4 + i % 2);
	finish();
	say("ran=%d", (int)ran);
}

static void for_ever(void)
{
	ran++;
	if (current == 0)
		for (;;)
			sleep(1000);
}

static void *first_caller(void *arg)
{
	pthread_once(&once[6], for_ever);
	return arg;
}

static void second_caller(long arg)
{
	(void)arg;
	NOTE(0, pthread_once(&once[6], for_ever));
}

/* The routine is cancelled: the next caller runs it again. */
CASE(cancelled_in_the_middle)
{
	pthread_t t;
	void *v;

	ran = current = 0;
	pthread_create(&t, NULL, first_caller, NULL);
	settle();
	later(0, second_caller, 0);
	settle();
	say("ran=%d", (int)ran);
	current = 1;
	SHOW_RC(pthread_cancel(t));
	SHOW_RC(pthread_join(t, &v));
	finish();
	say("ran=%d cancelled=%d", (int)ran, v == PTHREAD_CANCELED);
	TELL(0);
}
