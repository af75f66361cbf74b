#include "signal.h"
#include "hub.h"
#include "real.h"
#include "sigmask.h"
#include "thread.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define NSIG_ALL 64
#define QUEUE    256
#define DEPTH    32  /* handlers that may stand on top of each other in one go */

/* A signal that has arrived and was not handled yet. */
struct noted {
	struct greenlet *g;   /* who handles it; NULL: not decided */
	bool process;         /* for any greenlet that accepts it; else for g alone */
	bool once;            /* SA_RESETHAND: the disposition went with the arrival, `act` is what it was */
	int sig;
	siginfo_t info;
	struct sigaction act;
};

volatile bool gp_signal_noted;

static struct sigaction action[NSIG_ALL + 1]; /* what the program installed */
static struct noted queue[QUEUE];             /* changed with all signals blocked, or by the wrapper */
static volatile int queued;
static bool wrapping;

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

static bool blocks(const struct greenlet *g, int sig)
{
	return g->sigmask & gp_sigbit(sig);
}

/* Linux, too, lets a thread in sigwait have what it waits for. */
static bool accepts(const struct greenlet *g, int sig)
{
	return g->state != GP_DEAD && !g->exited && (!blocks(g, sig) || (g->sigwait & gp_sigbit(sig)));
}

/* An older one of its kind is still to be handled here. */
static bool overtakes(const struct greenlet *g, int sig)
{
	for (int i = 0; i < queued; i++)
		if (queue[i].sig == sig && queue[i].g == g && !blocks(g, sig))
			return true;
	return false;
}

/* Who natively handles a signal of the process: main, the one that runs, or anybody. NULL: blocked everywhere. */
static struct greenlet *taker(int sig)
{
	struct greenlet *g = gp_sched.current;

	if (gp_main.pd && !gp_list_empty(&gp_main.all) && accepts(&gp_main, sig))
		return &gp_main;
	if (g && accepts(g, sig))
		return g;
	gp_list_for(l, &gp_sched.all) {
		g = gp_container(l, struct greenlet, all);
		if (accepts(g, sig))
			return g;
	}
	return NULL;
}

/* Standard signals do not queue: one pending of a kind is all there is. */
static bool note(struct greenlet *g, int sig, const siginfo_t *info, const struct sigaction *act)
{
	int n = queued;

	if (sig < SIGRTMIN)
		for (int i = 0; i < n; i++)
			if (queue[i].sig == sig && (g ? queue[i].g == g && !queue[i].process : queue[i].process))
				return true;
	if (n == QUEUE)
		return false;
	queue[n] = (struct noted){ .g = g, .process = !g, .sig = sig, .info = *info, .once = act && (act->sa_flags & SA_RESETHAND) };
	if (queue[n].once)
		queue[n].act = *act;
	queued = n + 1;
	gp_signal_noted = true;
	if (queued > QUEUE - 8)
		gp_sigmask_full(true); /* what comes now waits in the kernel, which has more room */
	return true;
}

static void drop(int i)
{
	memmove(&queue[i], &queue[i + 1], (size_t)(queued - i - 1) * sizeof(queue[0]));
	queued = queued - 1;
	if (queued == QUEUE / 2)
		gp_sigmask_full(false);
}

/* The handler runs on the greenlet's alternate stack if it asked for that; in no case on ours, which serves all greenlets. */
static void call(struct greenlet *g, const struct sigaction *act, int sig, siginfo_t *info, void *context, char *interrupted)
{
	void (*fn)(int, siginfo_t *, void *) = act->sa_sigaction; /* a plain handler does not look at the other two */
	void *here = __builtin_frame_address(0), *sp = NULL;

	if ((act->sa_flags & SA_ONSTACK) && g->altstack.ss_size && !gp_signal_on_stack(g, interrupted))
		sp = (char *)g->altstack.ss_sp + g->altstack.ss_size;
	else if (gp_overflow_stack(here))
		sp = interrupted - 128; /* the red zone */
	if (sp)
		gp_call_on((void *)((uintptr_t)sp & ~63ul), fn, sig, info, context);
	else
		fn(sig, info, context);
}

/* g's mask while the handler runs. */
static uint64_t inside(const struct greenlet *g, const struct sigaction *act, int sig)
{
	return g->sigmask | gp_sigset(&act->sa_mask) | (act->sa_flags & SA_NODEFER ? 0 : gp_sigbit(sig));
}

static char *stack_pointer(const ucontext_t *uc)
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
	/* Until sigreturn has put it in force nothing can come in between. */
	*(uint64_t *)&((ucontext_t *)context)->uc_sigmask = gp_signal_kernel_mask = gp_signal_want;
}

/* In the running greenlet, on its stack, at once. The handler sees and may change g's mask where natively its thread's is. */
static void deliver(struct greenlet *g, const struct sigaction *act, int sig, siginfo_t *info, ucontext_t *uc)
{
	uint64_t *outside = (uint64_t *)&uc->uc_sigmask;

	*outside = g->sigmask;
	g->handlers_ran++;
	gp_enter();
	gp_sigmask_change(g, inside(g, act, sig));
	gp_signal_sync();
	gp_leave();
	call(g, act, sig, info, uc, stack_pointer(uc));
	gp_sigmask_block();
	gp_sigmask_change(g, *outside);
	gp_signal_noted = queued; /* what was blocked meanwhile may be somebody's now */
	gp_signal_return(uc);
}

/* A thread that we know nothing of has its own mask and stack in the kernel. */
static void deliver_foreign(const struct sigaction *act, int sig, siginfo_t *info, ucontext_t *uc)
{
	uint64_t mask = *(uint64_t *)&uc->uc_sigmask | gp_sigset(&act->sa_mask) | (act->sa_flags & SA_NODEFER ? 0 : gp_sigbit(sig));

	real_syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
	act->sa_sigaction(sig, info, uc);
}

/* What the kernel calls, with all signals blocked. It may find any thread pointer of ours, or a foreign thread's. */
static void wrapper(int sig, siginfo_t *info, void *context)
{
	struct sigaction act = action[sig];
	ucontext_t *uc = context;
	struct greenlet *g = gp_self, *t;
	int saved = errno;
	bool mine;

	if (act.sa_flags & SA_RESETHAND)
		action[sig].sa_handler = SIG_DFL; /* as the kernel did when it called us */
	if (act.sa_handler == SIG_DFL || act.sa_handler == SIG_IGN)
		return;
	if (!gp_thread_is_ours) {
		deliver_foreign(&act, sig, info, uc);
	} else if (!g || (gp_critical && !synchronous(sig, info))) {
		mine = g && own(sig, info);
		note(mine ? g : NULL, sig, info, &act);
		if (gp_sigmask_is_full())
			*(uint64_t *)&uc->uc_sigmask = gp_signal_kernel_mask = gp_signal_want;
		if (!gp_sched.current)
			gp_hub_wake(); /* libuv goes on waiting after EINTR */
	} else {
		gp_signal_kernel_mask = ~0ull;
		mine = own(sig, info);
		t = mine ? g : taker(sig);
		/* abort() has unblocked its signal behind our back. With something linked elsewhere a handler must not jump away yet. */
		if (t == g && !overtakes(g, sig) && (!blocks(g, sig) || sig == SIGABRT || synchronous(sig, info)) && (!g->waits || synchronous(sig, info))) {
			deliver(g, &act, sig, info, uc);
		} else {
			note(mine ? g : NULL, sig, info, &act);
			g->budget = 0; /* and soon somebody else's turn */
			gp_signal_return(uc);
		}
	}
	errno = saved;
}

static bool handler(const struct sigaction *act)
{
	return act->sa_handler != SIG_DFL && act->sa_handler != SIG_IGN;
}

static bool ignored(const struct sigaction *act, int sig)
{
	return act->sa_handler == SIG_IGN ||
	       (act->sa_handler == SIG_DFL && (sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH || sig == SIGCONT));
}

static int install(int sig, const struct sigaction *act)
{
	struct sigaction w = *act;
	int r;

	if (handler(act)) {
		w.sa_sigaction = wrapper;
		w.sa_flags |= SA_SIGINFO;
		memset(&w.sa_mask, 0xff, sizeof(w.sa_mask));
		/* The kernel knows one alternate stack, ours: for faults, when the greenlet's own may have no room left. */
		if (sig != SIGSEGV && sig != SIGBUS)
			w.sa_flags &= ~SA_ONSTACK;
	}
	r = real_sigaction(sig, &w, NULL);
	if (!r && act->sa_handler == SIG_DFL)
		gp_overflow_watch(sig);
	return r;
}

void gp_signal_start(struct greenlet *main)
{
	gp_sigmask_start(main);
	gp_overflow_start(main);
	for (int sig = 1; sig <= NSIG_ALL; sig++) {
		struct sigaction now;

		if ((GP_SIGMASK_LIBC & gp_sigbit(sig)) || real_sigaction(sig, NULL, &now) || now.sa_sigaction == wrapper)
			continue; /* ours already: a child that starts again */
		if (!wrapping)
			action[sig] = now;
		if (handler(&action[sig]))
			install(sig, &action[sig]);
		else if (action[sig].sa_handler == SIG_DFL)
			gp_overflow_watch(sig);
	}
	wrapping = true;
}

int gp_signal_action(int sig, const struct sigaction *act, struct sigaction *old)
{
	struct sigaction before, new;
	int r = 0;

	if (!wrapping || sig < 1 || sig > NSIG_ALL || (GP_SIGMASK_LIBC & gp_sigbit(sig)))
		return real_sigaction(sig, act, old);
	if (!act) {
		*(old ? old : &before) = action[sig];
		return 0;
	}
	new = *act;
	gp_enter();
	gp_sigmask_block();
	before = action[sig];
	if (!(r = install(sig, &new))) {
		action[sig] = new;
		if (ignored(&new, sig)) /* as in the kernel: what is pending is gone */
			for (int i = queued - 1; i >= 0; i--)
				if (queue[i].sig == sig)
					drop(i);
	}
	gp_signal_sync();
	gp_leave();
	if (!r && old)
		*old = before;
	return r;
}

/* The lowest number that g may handle now, the oldest of that number. */
static bool take(struct greenlet *g, struct noted *out)
{
	int best = -1;

	gp_enter();
	gp_sigmask_block();
	for (int i = 0; i < queued; i++)
		if (queue[i].g == g && !blocks(g, queue[i].sig) && (best < 0 || queue[i].sig < queue[best].sig))
			best = i;
	if (best >= 0) {
		*out = queue[best];
		drop(best);
	}
	gp_signal_sync();
	gp_critical = gp_critical - 1; /* the caller looks again */
	return best >= 0;
}

static int run_all(struct greenlet *g, int depth);

static int run(struct greenlet *g, struct noted *n, int depth)
{
	struct sigaction act = n->once ? n->act : action[n->sig];
	ucontext_t context;

	if (act.sa_handler == SIG_IGN)
		return 0;
	if (act.sa_handler == SIG_DFL) { /* changed meanwhile, or noted with no handler: the kernel decides */
		real_syscall(SYS_tgkill, getpid(), real_syscall(SYS_gettid), n->sig);
		return 0;
	}
	if ((act.sa_flags & SA_RESETHAND) && !n->once) {
		struct sigaction dfl = { .sa_handler = SIG_DFL };

		gp_signal_action(n->sig, &dfl, NULL);
	}
	if (act.sa_flags & SA_SIGINFO)
		getcontext(&context);
	memcpy(&context.uc_sigmask, &g->sigmask, sizeof(g->sigmask));
	gp_enter();
	gp_sigmask_change(g, inside(g, &act, n->sig));
	gp_signal_sync();
	gp_leave();
	/* The kernel makes a frame for each pending signal before the first handler starts: the last one's runs first. */
	if (queued && depth < DEPTH)
		run_all(g, depth + 1);
	g->handlers_ran++;
	call(g, &act, n->sig, &n->info, &context, __builtin_frame_address(0));
	gp_enter();
	gp_sigmask_change(g, gp_sigset(&context.uc_sigmask));
	gp_signal_noted = true; /* what was blocked meanwhile may be somebody's now */
	gp_signal_sync();
	gp_critical = gp_critical - 1; /* the caller looks again */
	return act.sa_flags & SA_RESTART ? -ERESTART : -EINTR;
}

/* The first that is taken decides whether the call is restarted, as in the kernel. */
static int run_all(struct greenlet *g, int depth)
{
	struct noted n;
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

/* Decides who handles what was noted, and wakes them. What everybody blocks stays until somebody unblocks it. */
void gp_signal_dispatch(void)
{
	gp_signal_noted = false;
	for (int i = 0; i < queued; i++) {
		struct noted *n = &queue[i];

		if (n->process && !(n->g && accepts(n->g, n->sig)))
			n->g = taker(n->sig);
		if (!n->g || !accepts(n->g, n->sig))
			continue;
		n->g->signal_pending = 1;
		gp_ready(n->g, -EINTR);
	}
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

void gp_signal_mask(struct greenlet *g, uint64_t mask)
{
	gp_enter();
	gp_sigmask_change(g, mask);
	gp_signal_sync();
	if (queued)
		gp_signal_noted = true;
	gp_leave();
}

/* From a foreign kernel thread: the queue is the greenlet thread's. */
struct sent {
	struct gp_hub_call call;
	struct greenlet *g;
	int sig;
	siginfo_t info;
};

static void note_sent(struct gp_hub_call *call)
{
	struct sent *s = gp_container(call, struct sent, call);

	gp_signal_send(s->g, s->sig, &s->info);
	free(s);
}

static int send_from_outside(struct greenlet *g, int sig, const siginfo_t *info)
{
	struct sent *s = malloc(sizeof(*s));

	if (!s)
		return EAGAIN;
	*s = (struct sent){ { .fn = note_sent }, g, sig, *info };
	gp_hub_post(&s->call);
	return 0;
}

int gp_signal_send(struct greenlet *g, int sig, const siginfo_t *info)
{
	bool ok;

	if (sig < 0 || sig > NSIG_ALL || (sig && (GP_SIGMASK_LIBC & gp_sigbit(sig))))
		return EINVAL;
	if (!sig || gp_finished(g))
		return 0;
	if (!gp_thread_is_ours)
		return send_from_outside(g, sig, info);
	if (!handler(&action[sig]) && !blocks(g, sig) && !(g->sigwait & gp_sigbit(sig))) {
		/* The default action is the process's, whichever thread it was sent to. */
		return action[sig].sa_handler == SIG_IGN || real_syscall(SYS_tgkill, getpid(), real_syscall(SYS_gettid), sig) >= 0 ? 0 : errno;
	}
	gp_enter();
	gp_sigmask_block();
	ok = note(g, sig, info, NULL);
	gp_signal_sync();
	gp_leave();
	return ok ? 0 : EAGAIN;
}

int gp_signal_take(struct greenlet *g, uint64_t set, siginfo_t *info)
{
	int best = -1, sig = 0;

	if (!queued)
		return 0;
	gp_enter();
	gp_sigmask_block();
	for (int i = 0; i < queued; i++)
		if ((queue[i].g == g || (queue[i].process && !queue[i].g)) && (set & gp_sigbit(queue[i].sig)) &&
		    (best < 0 || queue[i].sig < queue[best].sig))
			best = i;
	if (best >= 0) {
		sig = queue[best].sig;
		*info = queue[best].info;
		drop(best);
	}
	gp_signal_sync();
	gp_leave();
	return sig;
}

uint64_t gp_signal_pending(struct greenlet *g)
{
	uint64_t set = 0;

	gp_enter();
	for (int i = 0; i < queued; i++)
		if (queue[i].process || queue[i].g == g)
			set |= gp_sigbit(queue[i].sig);
	gp_leave();
	return set & g->sigmask;
}

static void nothing(struct gp_wait *w)
{
	(void)w;
}

void gp_signal_suspend(const uint64_t *mask)
{
	struct greenlet *g = gp_self;
	uint64_t before = g->sigmask;
	unsigned ran = g->handlers_ran;
	struct gp_wait w;

	gp_cancel_point();
	if (mask)
		gp_signal_mask(g, *mask); /* may run handlers that were pending */
	for (;;) {
		/* While something is linked handlers run only in gp_park: none can slip in between the test and the wait. */
		gp_wait_push(&w, nothing);
		if (ran != g->handlers_ran)
			break;
		if (gp_park(GP_PARK_CANCEL, mask ? "sigsuspend" : "pause", NULL, GP_FOREVER) == -ECANCELED) {
			gp_wait_pop(&w);
			gp_signal_mask(g, before);
			gp_cancel_now();
		}
		gp_wait_pop(&w);
	}
	gp_wait_pop(&w);
	if (mask)
		gp_signal_mask(g, before);
}

void gp_signal_born(struct greenlet *g)
{
	gp_sigmask_enrol(g);
}

void gp_signal_gone(struct greenlet *g)
{
	gp_enter();
	if (queued) /* else nothing is g's: what arrives now is nobody's yet */
		gp_sigmask_block();
	for (int i = queued - 1; i >= 0; i--) {
		if (queue[i].g != g)
			continue;
		if (queue[i].process) {
			queue[i].g = NULL;
			gp_signal_noted = true;
		} else {
			drop(i);
		}
	}
	gp_sigmask_leave(g);
	gp_signal_sync();
	gp_leave();
}

/* No critical section: fork waits for locks inside libc. */
void gp_signal_forking(void)
{
	gp_sigmask_block();
}

void gp_signal_forked(struct greenlet *g)
{
	if (g) {
		queued = 0;
		gp_signal_noted = false;
		g->signal_pending = 0;
		gp_sigmask_alone(g);
	}
	gp_signal_sync();
}
