/* link: -lrt */
/*
 * What a signal does to a call that waits: signal(7)'s table for SA_RESTART and not; a handler that returns, one that jumps away, and
 * a signal that is ignored. Here by pthread_kill to the thread that waits; signal_main.c has the process's signals.
 */
#include "signal_calls.h"
#include <setjmp.h>

#ifndef JUMPS_TOO
#define JUMPS_TOO(call) true /* else what it holds is lost */
#endif

#define SIGNAL_AT  150 /* ms after all of them have begun to wait */
#define RELEASE_AT 350 /* and not before all handlers have run */

enum { RETURNS, JUMPS, IGNORED };

static struct waiter {
	const struct call *call;
	struct env env;
	pthread_t thread;
	long ret;
	int error;
	atomic_int ran, begun;
	bool jumped, by_release;
	sigset_t mask;
} waiters[LENGTH(calls)];

static _Thread_local struct waiter *self;
static _Thread_local sigjmp_buf away;
static atomic_bool released;
static int kind;

static void handle(int sig)
{
	(void)sig;
	self->ran++;
	if (kind == JUMPS && !no_jump(self->call) && JUMPS_TOO(self->call))
		siglongjmp(away, 1);
}

static void *wait_in(void *arg)
{
	struct waiter *w = self = arg;

	w->begun = 1;
	if (sigsetjmp(away, 1)) {
		w->jumped = true;
	} else {
		errno = 0;
		w->ret = w->call->wait(&w->env);
		w->error = errno;
	}
	w->by_release = released;
	pthread_sigmask(SIG_BLOCK, NULL, &w->mask);
	return NULL;
}

static void round_of(int how, int flags)
{
	struct sigaction act = { .sa_handler = how == IGNORED ? SIG_IGN : handle, .sa_flags = flags };

	kind = how;
	blocked_ms = 1000;
	released = false;
	sigaction(SIGUSR1, &act, NULL);
	memset(waiters, 0, sizeof(waiters));
	for (int i = 0; i < LENGTH(calls); i++) {
		waiters[i].call = &calls[i];
		calls[i].begin(&waiters[i].env);
	}
	for (int i = 0; i < LENGTH(calls); i++)
		MUST(pthread_create(&waiters[i].thread, NULL, wait_in, &waiters[i]) == 0);
	for (int i = 0; i < LENGTH(calls); i++)
		while (!waiters[i].begun)
			pause_ms(1);
	pause_ms(SIGNAL_AT);
	for (int i = 0; i < LENGTH(calls); i++)
		pthread_kill(waiters[i].thread, SIGUSR1);
	for (int i = 0; i < LENGTH(calls) && how != IGNORED; i++)
		for (int k = 0; k < 5000 && !waiters[i].ran; k++)
			pause_ms(1);
	pause_ms(RELEASE_AT - SIGNAL_AT);
	released = true;
	for (int i = 0; i < LENGTH(calls); i++)
		calls[i].release(&waiters[i].env);
	for (int i = 0; i < LENGTH(calls); i++) {
		struct waiter *w = &waiters[i];

		pthread_join(w->thread, NULL);
		calls[i].end(&w->env);
		say("%s %s: ret=%ld errno=%s ran=%d jumped=%d end=%s blocked=%d", calls[i].name, flags ? "restart" : "plain", w->ret,
		    errname(w->error), (int)w->ran, w->jumped, w->by_release ? "late" : "signal", sigismember(&w->mask, SIGUSR1));
	}
}

CASE(handler_plain) { round_of(RETURNS, 0); }
CASE(handler_restart) { round_of(RETURNS, SA_RESTART); }
CASE(jump_plain) { round_of(JUMPS, 0); }
CASE(jump_restart) { round_of(JUMPS, SA_RESTART); }
CASE(ignored_plain) { round_of(IGNORED, 0); }
CASE(ignored_restart) { round_of(IGNORED, SA_RESTART); }
