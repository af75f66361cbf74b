/* Dispositions: what the program installed, behind one handler of ours. */
#include "sigaction.h"
#include "fork.h"
#include "real.h"
#include "sigmask.h"
#include "sigqueue.h"

#include <string.h>

struct sigaction gp_sigaction[GP_SIGNALS + 1];

static bool wrapping;

static bool ignored(const struct sigaction *act, int sig)
{
	return act->sa_handler == SIG_IGN ||
	       (act->sa_handler == SIG_DFL && (sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH || sig == SIGCONT));
}

static int install(int sig, const struct sigaction *act)
{
	struct sigaction w = *act;
	int r;

	if (gp_sigaction_handles(act)) {
		w.sa_sigaction = gp_signal_wrapper;
		w.sa_flags |= SA_SIGINFO;
		w.sa_flags &= ~SA_RESETHAND; /* that is for when the program's handler is called */
		memset(&w.sa_mask, 0xff, sizeof(w.sa_mask));
	}
	r = real_sigaction(sig, &w, NULL);
	if (!r && act->sa_handler == SIG_DFL)
		gp_overflow_watch(sig);
	return r;
}

void gp_sigaction_called(int sig, const struct sigaction *act)
{
	int saved = errno;

	if (!(act->sa_flags & SA_RESETHAND))
		return;
	gp_sigaction[sig].sa_handler = SIG_DFL;
	install(sig, &gp_sigaction[sig]);
	errno = saved;
}

void gp_sigaction_start(void)
{
	for (int sig = 1; sig <= GP_SIGNALS; sig++) {
		struct sigaction now;

		if ((GP_SIGMASK_LIBC & gp_sigbit(sig)) || real_sigaction(sig, NULL, &now) || now.sa_sigaction == gp_signal_wrapper)
			continue; /* ours already: a child that starts again */
		if (!wrapping)
			gp_sigaction[sig] = now;
		if (gp_sigaction_handles(&gp_sigaction[sig]))
			install(sig, &gp_sigaction[sig]);
		else if (gp_sigaction[sig].sa_handler == SIG_DFL)
			gp_overflow_watch(sig);
	}
	wrapping = true;
}

/* The table is the parent's. */
static int action_of_vforked(int sig, const struct sigaction *act, struct sigaction *old)
{
	int r = real_sigaction(sig, act, old);

	if (!r && old && old->sa_sigaction == gp_signal_wrapper)
		*old = gp_sigaction[sig];
	return r;
}

int gp_signal_action(int sig, const struct sigaction *act, struct sigaction *old)
{
	struct sigaction before, new;
	int r = 0;

	if (!wrapping || sig < 1 || sig > GP_SIGNALS || (GP_SIGMASK_LIBC & gp_sigbit(sig)))
		return real_sigaction(sig, act, old);
	if (gp_unlikely(gp_vforked))
		return action_of_vforked(sig, act, old);
	if (!act) {
		*(old ? old : &before) = gp_sigaction[sig];
		return 0;
	}
	new = *act;
	gp_enter();
	gp_sigmask_block();
	before = gp_sigaction[sig];
	if (!(r = install(sig, &new))) {
		gp_sigaction[sig] = new;
		if (ignored(&new, sig)) /* as in the kernel: what is pending is gone */
			gp_sigqueue_ignore(sig);
	}
	gp_signal_sync();
	gp_leave();
	if (!r && old)
		*old = before;
	return r;
}
