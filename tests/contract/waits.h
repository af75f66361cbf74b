/*
 * waits.h - over case.h: one case for each function of libc that waits, beside a ticker that sleeps a millisecond at a time.
 *
 *	WAITS(recv)
 *	{
 *		...
 *		elsewhere(put, fds[1]);
 *		SHOW_BYTES(buf, recv(fds[0], buf, 100, 0));
 *	}
 *
 * What it waits for is done by another process, when the ticker has ticked TICKS times more: so a call that stops the kernel thread
 * fails on any machine, however slow, and none fails because the machine is. `within` does it in a thread, for what other
 * processes cannot do; there a call that stops the others waits for ever. `by_itself` is for time-outs.
 *
 * scripts/check-contract finds the names after WAITS.
 */
#ifndef WAITS_H
#define WAITS_H

#include "case.h"

#include <sys/wait.h>

enum { TICKS = 10, PATIENCE_MS = 3000 };

/* Shared with the processes that help. */
static struct meeting {
	atomic_ulong ticks;
	atomic_bool ends, ready;
	atomic_int done; /* 1: the others went on meanwhile; 2: they did not */
} *meeting;

static atomic_uint_fast64_t largest_gap;
static uint64_t began;
static unsigned long asked_ticks;
static int done_then; /* at RETURNED, where more is done after the call than printing; -1: not said */
static pid_t helper_process;
MAYBE int not_theirs; /* a descriptor that the next helping process is not to have */
static pthread_t gap_thread;

static void *gap_tick(void *arg)
{
	for (uint64_t last = now_ns(), now; !meeting->ends; last = now) {
		pause_ms(1);
		now = now_ns();
		meeting->ticks++;
		if (now - last > largest_gap)
			largest_gap = now - last;
	}
	return arg;
}

/* USR1 is for those who wait for it: every thread is born with it blocked. */
__attribute__((constructor)) static void block_usr1(void)
{
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
}

static void meet(void)
{
	if (!meeting)
		meeting = mmap(NULL, sizeof(*meeting), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(meeting != MAP_FAILED);
}

static void begin_wait(void)
{
	meet();
	if (!gap_thread)
		MUST(pthread_create(&gap_thread, NULL, gap_tick, NULL) == 0);
	meeting->done = 0;
	meeting->ready = false;
	helper_process = 0;
	asked_ticks = 0;
	done_then = -1;
	largest_gap = 0;
	began = now_ns();
}

/* Returns when the ticker has ticked enough, or will not. */
static void let_others_run(void)
{
	unsigned long then = meeting->ticks;
	int ms = 0;

	while (meeting->ticks - then < TICKS && ms++ < PATIENCE_MS)
		pause_ms(1);
	meeting->done = meeting->ticks - then < TICKS ? 2 : 1;
}

/* fn(arg) in a child, which has copies of the descriptors. */
MAYBE pid_t elsewhere(void (*fn)(long), long arg)
{
	pid_t parent = getpid();

	helper_process = fork();
	MUST(helper_process >= 0);
	if (helper_process) {
		while (!meeting->ready)
			pause_ms(1);
		not_theirs = 0;
		return helper_process;
	}
	if (not_theirs)
		close(not_theirs);
	meeting->ready = true;
	let_others_run();
	if (getppid() == parent)
		fn(arg);
	_exit(0);
}

static void (*within_fn)(long);

static void let_and_do(long arg)
{
	let_others_run();
	within_fn(arg);
}

MAYBE void within(void (*fn)(long), long arg)
{
	within_fn = fn;
	alarm(10 + PATIENCE_MS / 1000);
	later(0, let_and_do, arg);
}

/* The call ends by itself after some 100 ms; where it stops the others they have one tick meanwhile, at most. */
MAYBE void by_itself(void)
{
	began = now_ns();
	asked_ticks = meeting->ticks + 3;
}

#define RETURNED (done_then = meeting->done)

static void end_wait(void)
{
	uint64_t took = now_ns() - began;
	int done = done_then < 0 ? meeting->done : done_then;

	if (asked_ticks)
		done = meeting->ticks >= asked_ticks ? 1 : 2;
	alarm(0);
	say("%s others=%s", done ? "waited" : "DID NOT WAIT", done == 2 ? "stopped" : "ran");
	fprintf(stderr, "%s: %.1f ms, largest gap of the ticker %.1f ms\n", case_name, (double)took / 1e6, (double)largest_gap / 1e6);
	if (helper_process > 0)
		waitpid(helper_process, NULL, 0);
	finish();
	if (!done)
		exit(1); /* a case that does not wait proves nothing */
}

#define WAITS(n)                                                                                                               \
	static void waits_##n(void);                                                                                           \
	CASE(n)                                                                                                                \
	{                                                                                                                      \
		begin_wait();                                                                                                  \
		waits_##n();                                                                                                   \
		end_wait();                                                                                                    \
	}                                                                                                                      \
	static void waits_##n(void)

#define LAST_CASE                                                                                                              \
	CASE(ends)                                                                                                             \
	{                                                                                                                      \
		meeting->ends = true;                                                                                          \
		pthread_join(gap_thread, NULL);                                                                                \
	}

#endif
