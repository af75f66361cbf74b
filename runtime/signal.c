/* What the kernel calls when a signal arrives. */
#include "signal.h"
#include "hub.h"
#include "real.h"
#include "sigaction.h"
#include "sigmask.h"
#include "sigqueue.h"
#include "sigrun.h"
#include "thread.h"

#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

volatile unsigned gp_handlers_ran;

static bool synchronous(int sig, const siginfo_t *info)
{
	return info->si_code > 0 && (sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL || sig == SIGTRAP || sig == SIGSYS);
}

/*
 * Is it the running greenlet's own doing? raise and tgkill; faults; SIGPIPE and SIGXFSZ, which the kernel sends to the caller as if
 * by kill; CPU time that it used up. All else natively goes to the main thread if that one accepts it.
 */
static bool own(int sig, const siginfo_t *info)
{
	if (synchronous(sig, info))
		return true;
	if (info->si_code == SI_TKILL)
		return info->si_pid == getpid();
	if (sig == SIGPIPE || sig == SIGXFSZ)
		return info->si_code == SI_USER && info->si_pid == getpid();
	return (sig == SIGPROF || sig == SIGVTALRM) && info->si_code != SI_USER && info->si_code != SI_QUEUE;
}

static uint64_t *mask_of(ucontext_t *uc)
{
	return (uint64_t *)&uc->uc_sigmask;
}

char *gp_signal_sp(const ucontext_t *uc)
{
#ifdef __x86_64__
	return (char *)uc->uc_mcontext.gregs[REG_RSP];
#else
	return (char *)uc->uc_mcontext.sp;
#endif
}

static bool due(struct greenlet *g)
{
	if (gp_signal_noted)
		gp_signal_dispatch();
	return g->signal_pending && !g->waits;
}

void gp_signal_return(void *context)
{
	struct greenlet *g = gp_self;

	for (;;) {
		gp_sigmask_block();
		if (!due(g))
			break;
		gp_enter();
		gp_signal_sync();
		gp_critical = gp_critical - 1; /* gp_signal_handle looks */
		gp_signal_handle(g);
	}
	gp_sigmask_return(mask_of(context)); /* until sigreturn has put it in force nothing can come in between */
}

/* In the running greenlet, on its stack, at once. The handler sees and may change g's mask where natively its thread's is. */
static void deliver(struct greenlet *g, const struct sigaction *act, int sig, siginfo_t *info, ucontext_t *uc)
{
	*mask_of(uc) = gp_sigrun_outside(g);
	gp_sigaction_called(sig, act);
	gp_enter();
	gp_sigmask_change(g, gp_sigrun_inside(g, act, sig));
	gp_signal_sync();
	gp_leave();
	gp_sigrun_call(g, act, sig, info, uc, gp_signal_sp(uc));
	gp_sigmask_block();
	gp_sigmask_change(g, *mask_of(uc));
	gp_signal_noted = gp_sigqueue_any(g); /* what was blocked meanwhile may be somebody's now */
	gp_signal_return(uc);
}

/* A thread that we know nothing of has its own mask and stack in the kernel. A fault in the hub is ours, and goes the same way. */
static void deliver_foreign(const struct sigaction *act, int sig, siginfo_t *info, ucontext_t *uc)
{
	uint64_t mask = *mask_of(uc) | gp_sigset(&act->sa_mask) | (act->sa_flags & SA_NODEFER ? 0 : gp_sigbit(sig));

	gp_sigaction_called(sig, act);
	real_syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
	act->sa_sigaction(sig, info, uc);
}

/* Not now: the scheduler or the runtime is in the middle of something. */
static void keep(struct greenlet *g, int sig, siginfo_t *info, ucontext_t *uc)
{
	gp_sigqueue_add(g, sig, info);
	if (!g)
		gp_sigmask_hold(sig, mask_of(uc));
	if (!gp_sched.current)
		gp_hub_wake(); /* libuv goes on waiting after EINTR */
}

/* In the program's code, or in libc. The kernel has all signals blocked. */
static void arrive(struct greenlet *g, const struct sigaction *act, int sig, siginfo_t *info, ucontext_t *uc)
{
	bool mine = own(sig, info), fault = synchronous(sig, info), awaited = g->sigwait & gp_sigbit(sig);

	gp_signal_kernel_mask = ~0ull;
	/* abort() has unblocked its signal behind our back. With something linked elsewhere a handler must not jump away yet. */
	if (fault || ((mine || gp_sigqueue_taker(sig) == g) && (!(g->sigmask & gp_sigbit(sig)) || sig == SIGABRT) && !awaited && !g->waits &&
		      !g->signal_pending && !gp_signal_noted)) {
		deliver(g, act, sig, info, uc);
		return;
	}
	gp_sigqueue_add(mine ? g : NULL, sig, info);
	if (!mine)
		gp_sigmask_hold(sig, mask_of(uc));
	g->budget = 0; /* and soon somebody else's turn */
	gp_signal_return(uc);
}

/* It may find any thread pointer of ours, or a foreign thread's. */
void gp_signal_wrapper(int sig, siginfo_t *info, void *context)
{
	struct sigaction act = gp_sigaction[sig];
	struct greenlet *g = gp_self;
	int saved = errno;

	gp_handlers_ran++;
	if (!gp_sigaction_handles(&act))
		return;
	if (!gp_thread_is_ours || (!g && synchronous(sig, info)))
		deliver_foreign(&act, sig, info, context);
	else if (!g || (gp_critical && !synchronous(sig, info)))
		keep(g && own(sig, info) ? g : NULL, sig, info, context);
	else if (!gp_sigframe_move(g, act.sa_flags & SA_ONSTACK, sig, info, context, gp_signal_wrapper))
		arrive(g, &act, sig, info, context);
	errno = saved;
}
