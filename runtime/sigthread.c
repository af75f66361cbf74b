/* What a thread does with signals: its mask, waiting with another one, sending to a thread; and threads that begin and end. */
#include "signal.h"
#include "hub.h"
#include "real.h"
#include "sigaction.h"
#include "sigmask.h"
#include "sigqueue.h"
#include "thread.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

void gp_signal_mask(struct greenlet *g, uint64_t mask)
{
	gp_enter();
	gp_sigmask_change(g, mask);
	gp_signal_sync();
	if (gp_sigqueue_any(g))
		gp_signal_noted = true;
	gp_leave();
}

void gp_signal_wait(struct greenlet *g, uint64_t set)
{
	gp_enter();
	gp_sigmask_wait(g, set);
	if (gp_sigqueue_any(g))
		gp_signal_noted = true; /* what was left to it is for a handler again, or for somebody else */
	gp_signal_sync();
	gp_leave();
}

#define OURS 0x67726565736d6173ul

/* Of the 1024 signals that a jmp_buf has room for, Linux has 64. */
void gp_sigsetjmp(struct __jmp_buf_tag *env)
{
	env->__saved_mask.__val[14] = gp_self ? gp_self->sigmask : 0;
	env->__saved_mask.__val[15] = gp_self ? OURS : 0;
}

void gp_signal_leave_handler(void)
{
	gp_critical = 0;
	/* It will not come back to say that it is done: the next wait with a time limit would end for it. */
	gp_signal_noted |= gp_self->signal_pending;
	gp_self->signal_pending = 0;
	if (gp_self->sigwait)
		gp_signal_wait(gp_self, 0);
}

/* context.S: false, and nothing is done, where the kernel's mask is the thread's. The kernel, too, reads and writes 64 bits of it. */
bool gp_context_save(ucontext_t *uc)
{
	if (!gp_self)
		return false;
	memcpy(&uc->uc_sigmask, &gp_self->sigmask, sizeof(gp_self->sigmask));
	return true;
}

bool gp_context_mask(const ucontext_t *uc)
{
	uint64_t mask;

	if (!gp_self)
		return false;
	memcpy(&mask, &uc->uc_sigmask, sizeof(mask));
	gp_signal_leave_handler();
	gp_signal_mask(gp_self, mask);
	return true;
}

int gp_context_failed(int err)
{
	errno = -err;
	return -1;
}

uint64_t gp_signal_saved_by_jump(const struct __jmp_buf_tag *env)
{
	return env->__saved_mask.__val[env->__saved_mask.__val[15] == OURS ? 14 : 0];
}

void gp_signal_swap(struct greenlet *g, uint64_t mask)
{
	g->saved_mask = g->sigmask;
	g->mask_saved = true;
	gp_signal_mask(g, mask);
}

void gp_signal_unswap(struct greenlet *g)
{
	if (!g->mask_saved)
		return;
	g->mask_saved = false;
	gp_signal_mask(g, g->saved_mask);
}

void gp_signal_suspend(const uint64_t *mask)
{
	struct greenlet *g = gp_self;
	unsigned ran = g->handlers_ran;
	struct gp_wait w;
	int r = 0;

	gp_cancel_point();
	if (mask)
		gp_signal_swap(g, *mask); /* may run handlers that were pending */
	do {
		/* While something is linked handlers run only in gp_park: none can slip in between the test and the wait. */
		gp_wait_push(&w, gp_wait_nothing);
		if (ran == g->handlers_ran)
			r = gp_park(GP_PARK_CANCEL, mask ? "sigsuspend" : "pause", NULL, GP_FOREVER);
		gp_wait_pop(&w);
	} while (ran == g->handlers_ran && r != -ECANCELED);
	gp_signal_unswap(g);
	if (r == -ECANCELED)
		gp_cancel_now();
}

/* From a foreign kernel thread: the queues are the greenlet thread's. */
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

static bool wants(const struct greenlet *g, int sig)
{
	return !(g->sigmask & gp_sigbit(sig)) || (g->sigwait & gp_sigbit(sig));
}

int gp_signal_send(struct greenlet *g, int sig, const siginfo_t *info)
{
	bool ok;

	if (sig < 0 || sig > GP_SIGNALS || (sig && (GP_SIGMASK_LIBC & gp_sigbit(sig))))
		return EINVAL;
	if (!sig || gp_finished(g))
		return 0;
	if (!gp_thread_is_ours)
		return send_from_outside(g, sig, info);
	if (!gp_sigaction_handles(&gp_sigaction[sig]) && !((g->sigmask | g->sigwait) & gp_sigbit(sig))) {
		/* The default action is the process's, whichever thread it was sent to. */
		return gp_sigaction[sig].sa_handler == SIG_IGN || gp_sigmask_act(sig) >= 0 ? 0 : errno;
	}
	gp_enter();
	gp_sigmask_block();
	ok = gp_sigqueue_add(g, sig, info);
	if (ok && wants(g, sig)) {
		g->signal_pending = 1;
		gp_ready(g, -EINTR);
	}
	gp_signal_sync();
	gp_leave();
	return ok ? 0 : EAGAIN;
}

int gp_signal_take(struct greenlet *g, uint64_t set, siginfo_t *info)
{
	struct gp_noted n;
	bool found;

	if (!gp_sigqueue_any(g))
		return 0;
	gp_enter();
	gp_sigmask_block();
	if ((found = gp_sigqueue_take(g, set, true, &n)))
		*info = n.info;
	gp_signal_sync();
	gp_leave();
	return found ? n.sig : 0;
}

uint64_t gp_signal_pending(struct greenlet *g)
{
	uint64_t set;

	if (!gp_sigqueue_any(g))
		return 0;
	gp_enter();
	gp_sigmask_block();
	set = gp_sigqueue_set(g);
	gp_signal_sync();
	gp_leave();
	return set;
}

/* What the kernel holds for this one thread; 0 also where /proc is not to be had. */
static uint64_t pending_here(void)
{
	char text[4096], *at = NULL;
	int fd = real_open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : real_read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		real_close(fd);
	text[n > 0 ? n : 0] = '\0';
	at = strstr(text, "\nSigPnd:");
	return at ? strtoull(at + sizeof("\nSigPnd:") - 1, NULL, 16) : 0;
}

/* What was sent to main alone while it was alone: in the kernel it would now be pending for every greenlet. */
static void take_own(struct greenlet *main)
{
	static const struct timespec zero;
	uint64_t set = 0;
	int saved = errno;

	if (!real_syscall(SYS_rt_sigpending, &set, sizeof(set)))
		while (set && (set = pending_here() & main->sigmask)) {
			uint64_t one = set & -set;
			siginfo_t info;
			long sig = real_syscall(SYS_rt_sigtimedwait, &one, &info, &zero, sizeof(one));

			if (sig <= 0 || !gp_sigqueue_add(main, (int)sig, &info))
				break;
		}
	errno = saved;
}

void gp_signal_start(struct greenlet *main)
{
	gp_sigmask_start(main);
	gp_overflow_start(main);
	gp_sigaction_start();
	take_own(main);
}

void gp_signal_born(struct greenlet *g)
{
	gp_sigmask_enrol(g);
}

void gp_signal_gone(struct greenlet *g)
{
	gp_enter();
	if (gp_sigqueue_any(g)) { /* else nothing is g's: what arrives now is nobody's yet */
		gp_sigmask_block();
		gp_sigqueue_leave(g);
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
		gp_sigmask_block(); /* after a fork that we had no word of */
		gp_sigmask_alone(g);
		gp_sigqueue_forget(g);
	}
	gp_signal_sync();
}
