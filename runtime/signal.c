#include "signal.h"
#include "hub.h"
#include "real.h"
#include "thread.h"

#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define NSIG_ALL 64
#define QUEUE    256
/* glibc's own: cancellation and setuid. */
#define RESERVED (gp_sigbit(32) | gp_sigbit(33))

/* A signal that has arrived and was not handled yet. g: directed at one greenlet; NULL: at the process. */
struct noted {
	struct greenlet *g;
	int sig;
	siginfo_t info;
};

uint64_t gp_signal_kernel_mask;
volatile bool gp_signal_noted;

static struct sigaction action[NSIG_ALL + 1]; /* what the program installed */
static struct noted queue[QUEUE];
static volatile int queued;
static bool wrapping, masks_differ;

static void set_kernel(uint64_t mask)
{
	real_syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
}

void gp_signal_set_mask(uint64_t mask)
{
	set_kernel(mask);
	gp_signal_kernel_mask = mask;
}

static bool synchronous(int sig, const siginfo_t *info)
{
	return info->si_code > 0 && (sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL || sig == SIGTRAP || sig == SIGSYS);
}

/* Standard signals do not queue: one pending of a kind is all there is. */
static void note(struct greenlet *g, int sig, const siginfo_t *info)
{
	int n = queued;

	if (sig < SIGRTMIN)
		for (int i = 0; i < n; i++)
			if (queue[i].sig == sig && queue[i].g == g)
				return;
	if (n == QUEUE) /* the kernel, too, has an end (RLIMIT_SIGPENDING) */
		return;
	queue[n].g = g;
	queue[n].sig = sig;
	queue[n].info = *info;
	queued = n + 1;
	gp_signal_noted = true;
}

static void call(const struct sigaction *act, int sig, siginfo_t *info, void *context)
{
	if (act->sa_flags & SA_SIGINFO)
		act->sa_sigaction(sig, info, context);
	else
		act->sa_handler(sig);
}

/* What the kernel calls. It may find any thread pointer of ours, or a foreign thread's. */
static void wrapper(int sig, siginfo_t *info, void *context)
{
	struct sigaction act = action[sig];
	int saved = errno;

	if (act.sa_flags & SA_RESETHAND)
		action[sig].sa_handler = SIG_DFL; /* as the kernel did when it called us */
	if (act.sa_handler == SIG_DFL || act.sa_handler == SIG_IGN)
		return;
	if (!gp_thread_is_ours || synchronous(sig, info)) {
		call(&act, sig, info, context);
	} else if (gp_self && !gp_critical && !gp_self->waits) { /* linked, and about to park: gp_park runs it */
		struct greenlet *g = gp_self;
		const uint64_t *outside = (uint64_t *)&((ucontext_t *)context)->uc_sigmask;
		void *outer;

		/* Should the handler park, the others must know which mask the kernel has now. */
		g->sigmask = gp_signal_kernel_mask = *outside | gp_sigset(&act.sa_mask) | (act.sa_flags & SA_NODEFER ? 0 : gp_sigbit(sig));
		g->handlers_ran++;
		outer = g->handler_frame;
		g->handler_frame = __builtin_frame_address(0);
		call(&act, sig, info, context);
		g->handler_frame = outer;
		g->sigmask = gp_signal_kernel_mask = *outside; /* what sigreturn will restore */
	} else {
		note(NULL, sig, info);
		if (!gp_sched.current)
			gp_hub_wake(); /* libuv goes on waiting after EINTR */
	}
	errno = saved;
}

static bool handled(int sig)
{
	return action[sig].sa_handler != SIG_DFL && action[sig].sa_handler != SIG_IGN;
}

static void install(int sig, const struct sigaction *act)
{
	struct sigaction w = *act;

	w.sa_sigaction = wrapper;
	w.sa_flags |= SA_SIGINFO;
	real_sigaction(sig, &w, NULL);
}

void gp_signal_start(struct greenlet *main)
{
	real_syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &main->sigmask, sizeof(main->sigmask));
	gp_signal_kernel_mask = main->sigmask;
	for (int sig = 1; sig <= NSIG_ALL; sig++) {
		if ((RESERVED & gp_sigbit(sig)) || real_sigaction(sig, NULL, &action[sig]))
			continue;
		if (action[sig].sa_sigaction == wrapper) /* a child that forks on: the parent's are there already */
			continue;
		if (handled(sig))
			install(sig, &action[sig]);
	}
	wrapping = true;
}

int gp_signal_action(int sig, const struct sigaction *act, struct sigaction *old)
{
	struct sigaction before, wrapped;
	int r;

	if (!wrapping || sig < 1 || sig > NSIG_ALL || (RESERVED & gp_sigbit(sig)))
		return real_sigaction(sig, act, old);
	if (act) {
		wrapped = *act;
		if (act->sa_handler != SIG_DFL && act->sa_handler != SIG_IGN) {
			wrapped.sa_sigaction = wrapper;
			wrapped.sa_flags |= SA_SIGINFO;
		}
	}
	gp_enter();
	before = action[sig];
	if (act)
		action[sig] = *act; /* first: the wrapper may run at once */
	r = real_sigaction(sig, act ? &wrapped : NULL, old);
	if (r && act)
		action[sig] = before;
	gp_leave();
	if (!r && old && old->sa_sigaction == wrapper)
		*old = before;
	return r;
}

static void drop(int i)
{
	memmove(&queue[i], &queue[i + 1], (size_t)(queued - i - 1) * sizeof(queue[0]));
	queued = queued - 1;
}

static bool for_me(struct greenlet *g, struct noted *n)
{
	return (!n->g || n->g == g) && !(g->sigmask & gp_sigbit(n->sig));
}

/* The queue is also written by the wrapper, which never runs a handler while gp_critical is set. */
static bool take(struct greenlet *g, struct noted *out)
{
	bool found = false;

	set_kernel(~0ull);
	for (int i = 0; i < queued && !found; i++)
		if (for_me(g, &queue[i])) {
			*out = queue[i];
			drop(i);
			found = true;
		}
	if (!queued)
		gp_signal_noted = false;
	set_kernel(gp_signal_kernel_mask);
	return found;
}

static int run(struct greenlet *g, struct noted *n)
{
	struct sigaction act = action[n->sig];
	uint64_t before = g->sigmask;
	ucontext_t context;

	if (act.sa_handler == SIG_IGN)
		return 0;
	if (act.sa_handler == SIG_DFL) { /* changed meanwhile: the kernel decides */
		real_syscall(SYS_tgkill, getpid(), real_syscall(SYS_gettid), n->sig);
		return 0;
	}
	if (act.sa_flags & SA_RESETHAND) {
		action[n->sig].sa_handler = SIG_DFL;
		real_sigaction(n->sig, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	}
	g->sigmask |= gp_sigset(&act.sa_mask) | (act.sa_flags & SA_NODEFER ? 0 : gp_sigbit(n->sig));
	gp_signal_set_mask(g->sigmask);
	getcontext(&context);
	memcpy(&context.uc_sigmask, &before, sizeof(before));
	call(&act, n->sig, &n->info, &context);
	g->sigmask = before;
	gp_signal_set_mask(before);
	g->handlers_ran++;
	return act.sa_flags & SA_RESTART ? -ERESTART : -EINTR;
}

int gp_signal_handle(struct greenlet *g)
{
	struct noted n;
	int r = 0, saved = errno;

	g->signal_pending = 0;
	while (gp_signal_noted && take(g, &n)) {
		int s = run(g, &n);

		r = s == -EINTR || !r ? s : r;
	}
	errno = saved;
	return r;
}

static struct greenlet *choose(struct noted *n)
{
	if (n->g)
		return n->g->sigmask & gp_sigbit(n->sig) ? NULL : n->g;
	if (gp_main.state != GP_DEAD && !gp_list_empty(&gp_main.all) && !(gp_main.sigmask & gp_sigbit(n->sig)))
		return &gp_main;
	gp_list_for(l, &gp_sched.all) {
		struct greenlet *g = gp_container(l, struct greenlet, all);

		if (g->state != GP_DEAD && !(g->sigmask & gp_sigbit(n->sig)))
			return g;
	}
	return NULL;
}

void gp_signal_dispatch(void)
{
	gp_signal_noted = false;
	for (int i = 0; i < queued; i++) {
		struct greenlet *g = choose(&queue[i]);

		if (!g)
			continue; /* blocked everywhere: stays noted until somebody unblocks it */
		gp_signal_noted = true;
		g->signal_pending = 1;
		gp_ready(g, -EINTR);
	}
}

void gp_signal_deferred(void)
{
	struct greenlet *g = gp_self;

	if (!g || gp_critical)
		return;
	gp_enter();
	gp_signal_dispatch();
	gp_critical = gp_critical - 1; /* not gp_leave: that would come back here */
	/* With something linked elsewhere it waits for the park that follows (a handler may jump away). */
	if (g->signal_pending && !g->waits)
		gp_signal_handle(g);
}

void gp_signal_mask(struct greenlet *g, uint64_t mask)
{
	g->sigmask = mask & ~(gp_sigbit(SIGKILL) | gp_sigbit(SIGSTOP) | RESERVED);
	gp_signal_set_mask(g->sigmask);
	masks_differ = true;
	if (queued) {
		gp_signal_noted = true;
		gp_signal_deferred();
	}
}

void gp_signal_idle(void)
{
	uint64_t all = ~0ull;

	if (!masks_differ)
		return;
	gp_list_for(l, &gp_sched.all) {
		struct greenlet *g = gp_container(l, struct greenlet, all);

		if (g->state != GP_DEAD)
			all &= g->sigmask;
	}
	if (all != gp_signal_kernel_mask)
		gp_signal_set_mask(all);
}

int gp_signal_send(struct greenlet *g, int sig, const siginfo_t *info)
{
	if (sig < 0 || sig > NSIG_ALL)
		return EINVAL;
	if (!sig || g->state == GP_DEAD)
		return 0;
	if (!handled(sig) && !(g->sigmask & gp_sigbit(sig))) {
		/* The default action is the process's, whichever thread it was sent to. */
		return action[sig].sa_handler == SIG_IGN || real_syscall(SYS_kill, getpid(), sig) >= 0 ? 0 : errno;
	}
	gp_enter();
	set_kernel(~0ull);
	note(g, sig, info);
	set_kernel(gp_signal_kernel_mask);
	if (g->sigwait & gp_sigbit(sig))
		gp_ready(g, 0);
	gp_leave();
	return 0;
}

int gp_signal_take(struct greenlet *g, uint64_t set, siginfo_t *info)
{
	int sig = 0;

	gp_enter();
	set_kernel(~0ull);
	for (int i = 0; i < queued && !sig; i++)
		if ((!queue[i].g || queue[i].g == g) && (set & gp_sigbit(queue[i].sig))) {
			sig = queue[i].sig;
			*info = queue[i].info;
			drop(i);
		}
	set_kernel(gp_signal_kernel_mask);
	gp_leave();
	return sig;
}

uint64_t gp_signal_pending(struct greenlet *g)
{
	uint64_t set = 0;

	gp_enter();
	for (int i = 0; i < queued; i++)
		if (!queue[i].g || queue[i].g == g)
			set |= gp_sigbit(queue[i].sig);
	gp_leave();
	return set;
}

void gp_signal_suspend(const uint64_t *mask)
{
	struct greenlet *g = gp_self;
	uint64_t before = g->sigmask;
	unsigned ran = g->handlers_ran;

	if (mask)
		gp_signal_mask(g, *mask); /* may run handlers that were pending */
	while (ran == g->handlers_ran) {
		int r = gp_park(GP_PARK_CANCEL, mask ? "sigsuspend" : "pause", NULL, GP_FOREVER);

		if (r == -ECANCELED) {
			gp_signal_mask(g, before);
			gp_cancel_now();
		}
	}
	if (mask)
		gp_signal_mask(g, before);
}
