/*
 * gap.h - over case.h, for calls that could stop the whole process: from the first case to the last a thread sleeps a millisecond
 * at a time, and `ticker` at the end of the file tells whether it was ever held up. Also what these cases share of signals.
 */
#ifndef GAP_H
#define GAP_H

#include "case.h"

static atomic_bool gap_ends;
static uint64_t gap_largest;
static pthread_t gap_thread;

static void *gap_tick(void *arg)
{
	for (uint64_t last = now_ns(), now; !gap_ends; last = now) {
		pause_ms(1);
		now = now_ns();
		gap_largest = now - last > gap_largest ? now - last : gap_largest;
	}
	return arg;
}

/* Files sort their cases by line: these here come first. */
CASE(gap_begins)
{
	MUST(pthread_create(&gap_thread, NULL, gap_tick, NULL) == 0);
}

#define LAST_CASE                                                                                                              \
	CASE(ticker)                                                                                                           \
	{                                                                                                                      \
		gap_ends = true;                                                                                               \
		if (gap_thread)                                                                                                \
			pthread_join(gap_thread, NULL);                                                                        \
		/* Each TIMED tells shorter stops by its ticks; a machine under load makes gaps of a quarter second by itself. */   \
		printf("ticker=%s\n", gap_largest < 1000000000 ? "ok" : "held up");                                             \
	}

static atomic_int handled;

MAYBE void count_signal(int sig)
{
	(void)sig;
	handled++;
}

MAYBE void on_usr1(int flags)
{
	struct sigaction act = { .sa_handler = count_signal, .sa_flags = flags };

	handled = 0;
	MUST(sigaction(SIGUSR1, &act, NULL) == 0);
}

MAYBE void poke(long unused)
{
	(void)unused;
	pthread_kill(case_thread, SIGUSR1);
}

/* What a cancelled thread got done. */
MAYBE void say_end(pthread_t t)
{
	void *end = NULL;

	MUST(pthread_join(t, &end) == 0);
	say("%s handlers=%d", end == PTHREAD_CANCELED ? "cancelled" : "returned", (int)handled);
}

#endif
