/* <signal.h>: the calls of System V and BSD that change a mask. */
#include "shim.h"
#include "../runtime/signal.h"

#include <signal.h>

static bool bad(int sig)
{
	return sig < 1 || sig > 64;
}

/* The mask before. */
static uint64_t change(int how, uint64_t set)
{
	struct greenlet *g = gp_self;
	uint64_t before;
	sigset_t old;

	if (!g) {
		real_sigprocmask(how, (const sigset_t *)&(sigset_t){ { set } }, &old);
		return gp_sigset(&old);
	}
	before = g->sigmask;
	gp_signal_mask(g, how == SIG_BLOCK ? before | set : how == SIG_UNBLOCK ? before & ~set : set);
	return before;
}

GP_EXPORT int sighold(int sig)
{
	if (bad(sig))
		return (int)gp_ret(-EINVAL);
	change(SIG_BLOCK, gp_sigbit(sig));
	return 0;
}

GP_EXPORT int sigrelse(int sig)
{
	if (bad(sig))
		return (int)gp_ret(-EINVAL);
	change(SIG_UNBLOCK, gp_sigbit(sig));
	return 0;
}

GP_EXPORT int sigignore(int sig)
{
	struct sigaction act = { .sa_handler = SIG_IGN };

	return gp_signal_action(sig, &act, NULL);
}

GP_EXPORT sighandler_t sigset(int sig, sighandler_t disposition)
{
	struct sigaction act = { .sa_handler = disposition }, old;
	uint64_t before;

	if (disposition == SIG_ERR || bad(sig))
		return (sighandler_t)gp_ret(-EINVAL);
	if (disposition == SIG_HOLD) {
		before = change(SIG_BLOCK, gp_sigbit(sig));
		if (before & gp_sigbit(sig))
			return SIG_HOLD;
		return gp_signal_action(sig, NULL, &old) ? SIG_ERR : old.sa_handler;
	}
	if (gp_signal_action(sig, &act, &old))
		return SIG_ERR;
	before = change(SIG_UNBLOCK, gp_sigbit(sig));
	return before & gp_sigbit(sig) ? SIG_HOLD : old.sa_handler;
}

static int suspend(uint64_t mask)
{
	if (!gp_self)
		return real_sigsuspend(&(sigset_t){ { mask } });
	gp_signal_suspend(&mask);
	return (int)gp_ret(-EINTR);
}

static uint64_t now(void)
{
	return change(SIG_BLOCK, 0);
}

GP_EXPORT int __sigpause(int sig_or_mask, int is_sig);
GP_EXPORT int __sigpause(int sig_or_mask, int is_sig)
{
	if (is_sig && bad(sig_or_mask))
		return (int)gp_ret(-EINVAL);
	return suspend(is_sig ? now() & ~gp_sigbit(sig_or_mask) : (unsigned)sig_or_mask);
}

/* The header turns one name into the other. */
GP_EXPORT int gp_sigpause(int mask) __asm__("sigpause");
int gp_sigpause(int mask)
{
	return suspend((unsigned)mask);
}

GP_EXPORT int gp_xpg_sigpause(int sig) __asm__("__xpg_sigpause");
int gp_xpg_sigpause(int sig)
{
	return bad(sig) ? (int)gp_ret(-EINVAL) : suspend(now() & ~gp_sigbit(sig));
}

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
GP_EXPORT int sigblock(int mask)
{
	return (int)change(SIG_BLOCK, (unsigned)mask);
}

GP_EXPORT int sigsetmask(int mask)
{
	return (int)change(SIG_SETMASK, (unsigned)mask);
}

GP_EXPORT int siggetmask(void)
{
	return (int)now();
}
