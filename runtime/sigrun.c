/* Handlers of what was noted, run by their greenlet as if the signals came just now. */
#include "sigrun.h"
#include "real.h"
#include "sigaction.h"
#include "sigmask.h"
#include "sigqueue.h"

#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define DEPTH 32 /* handlers that may stand on top of each other in one go */

uint64_t gp_sigrun_inside(const struct greenlet *g, const struct sigaction *act, int sig)
{
	return g->sigmask | gp_sigset(&act->sa_mask) | (act->sa_flags & SA_NODEFER ? 0 : gp_sigbit(sig));
}

uint64_t gp_sigrun_outside(struct greenlet *g)
{
	uint64_t mask = g->mask_saved ? g->saved_mask : g->sigmask;

	g->mask_saved = false;
	return mask;
}

void gp_sigrun_call(struct greenlet *g, const struct sigaction *act, int sig, siginfo_t *info, void *context, char *interrupted)
{
	void (*fn)(int, siginfo_t *, void *) = act->sa_sigaction; /* a plain handler does not look at the other two */
	void *here = __builtin_frame_address(0), *sp = NULL;
	stack_t armed = g->altstack;

	g->handlers_ran++;
	if ((act->sa_flags & SA_ONSTACK) && g->altstack.ss_size && !gp_signal_on_stack(g, here))
		sp = (char *)g->altstack.ss_sp + g->altstack.ss_size;
	else if (gp_sigframe_stays && (act->sa_flags & SA_ONSTACK))
		sp = gp_overflow_stack(here) ? NULL : gp_overflow_top();
	else if (gp_overflow_stack(here))
		sp = interrupted - 128; /* the red zone */
	if (armed.ss_flags & GP_AUTODISARM)
		g->altstack = (stack_t){ 0 };
	if (sp)
		gp_call_on((void *)((uintptr_t)sp & ~63ul), fn, sig, info, context);
	else
		fn(sig, info, context);
	if (armed.ss_flags & GP_AUTODISARM) /* as sigreturn does; who jumps away has none any more */
		g->altstack = armed;
}

/* If true it is in a critical section and all signals are blocked: the next may come when its mask is set. */
static bool take(struct greenlet *g, struct gp_noted *out)
{
	if (!gp_sigqueue_any(g))
		return false;
	gp_enter();
	gp_sigmask_block();
	if (gp_sigqueue_take(g, ~(g->sigmask | g->sigwait), false, out)) /* sigwait takes what is not blocked, too */
		return true;
	gp_signal_sync();
	gp_critical = gp_critical - 1; /* the caller looks again */
	return false;
}

static int run_all(struct greenlet *g, int depth);

static int run(struct greenlet *g, struct gp_noted *n, int depth)
{
	struct sigaction act = gp_sigaction[n->sig];
	ucontext_t context;
	uint64_t outside;

	if (!gp_sigaction_handles(&act)) { /* changed meanwhile, or noted with no handler: the kernel decides */
		gp_signal_sync();
		gp_critical = gp_critical - 1;
		if (act.sa_handler == SIG_DFL)
			gp_sigmask_act(n->sig);
		return 0;
	}
	gp_sigaction_called(n->sig, &act);
	if (act.sa_flags & SA_SIGINFO)
		real_getcontext(&context);
	outside = gp_sigrun_outside(g);
	memcpy(&context.uc_sigmask, &outside, sizeof(outside));
	gp_sigmask_change(g, gp_sigrun_inside(g, &act, n->sig));
	gp_signal_sync();
	gp_critical = gp_critical - 1;
	/* The kernel makes a frame for each pending signal before the first handler starts: the last one's runs first. */
	if (depth < DEPTH)
		run_all(g, depth + 1);
	gp_sigrun_call(g, &act, n->sig, &n->info, &context, __builtin_frame_address(0));
	gp_enter();
	gp_sigmask_change(g, gp_sigset(&context.uc_sigmask));
	gp_signal_noted = gp_sigqueue_any(g); /* what was blocked meanwhile may be somebody's now */
	gp_signal_sync();
	gp_critical = gp_critical - 1; /* the caller looks again */
	return act.sa_flags & SA_RESTART ? -ERESTART : -EINTR;
}

/* The first that is taken decides whether the call is restarted, as in the kernel. */
static int run_all(struct greenlet *g, int depth)
{
	struct gp_noted n;
	int r = 0;

	for (;;) {
		int s;

		if (gp_signal_noted)
			gp_signal_look();
		if (!take(g, &n))
			return r;
		s = run(g, &n, depth);
		r = r ? r : s;
	}
}

int gp_signal_handle(struct greenlet *g)
{
	int saved = errno, r = run_all(g, 0);

	g->signal_pending = 0;
	errno = saved;
	return r;
}

void gp_signal_look(void)
{
	gp_enter();
	gp_sigmask_block();
	gp_signal_dispatch();
	gp_signal_sync();
	gp_critical = gp_critical - 1; /* not gp_leave: that would come back here */
}

void gp_signal_deferred(void)
{
	struct greenlet *g = gp_self;

	if (!g || gp_critical)
		return;
	gp_signal_look();
	/* With something linked elsewhere it waits for the park that follows (a handler may jump away). */
	if (g->signal_pending && !g->waits)
		gp_signal_handle(g);
}
