/*
 * sched.h - the run queue and the one function that waits.
 *
 * Everything that waits (fdwait.h, park.h, timers) ends in gp_park(). Only a greenlet may call it: gp_self != NULL.
 * A waiter first links itself where its waker will look, then parks; whoever wakes it unlinks it and calls gp_ready(g, 0).
 * On any other result the waiter is still linked and unlinks itself.
 */
#ifndef GP_SCHED_H
#define GP_SCHED_H

#include "greenlet_impl.h"

/*
 * What a greenlet has linked elsewhere while it waits. A signal handler that runs in the middle of a wait may siglongjmp away from
 * the frame that holds the links, so gp_park calls every unlink before it runs handlers, and then never returns 0.
 * Push when linking, pop when unlinked by the waiter itself; records are on the waiter's stack, innermost first.
 */
static inline void gp_wait_push(struct gp_wait *w, void (*unlink)(struct gp_wait *))
{
	w->unlink = unlink;
	w->next = gp_self->waits;
	gp_self->waits = w;
}
void gp_wait_nothing(struct gp_wait *w); /* an unlink with nothing to unlink: handlers just wait for the park */
static inline void gp_wait_pop(struct gp_wait *w)
{
	struct gp_wait **p = &gp_self->waits;
	while (*p && *p != w)
		p = &(*p)->next;
	if (*p)
		*p = w->next;
}

enum {
	GP_PARK_CANCEL = 1, /* a cancellation point: pthread_cancel ends the park with -ECANCELED */
	GP_PARK_NOTIME = 2, /* greenlet_timeout() does not end this wait: what it waits for lives on the caller's stack */
	GP_PARK_STOP = 4,   /* signal(7): a stop of the process ends this call with EINTR once it goes on, though no handler ran */
	GP_PARK_ANEW = 8,   /* and this one begins anew then: -ERESTART */
};

/*
 * Parks the calling greenlet. `why` is a constant string that dumps show; `on` the address or fd waited for.
 *   0            woken by gp_ready(g, 0)
 *   -ETIMEDOUT   the deadline passed (a deadline in the past still lets the others run once)
 *   -EINTR       a signal handler without SA_RESTART ran in this greenlet
 *   -ERESTART    a handler with SA_RESTART ran: a call that POSIX lets restart waits again, any other gives EINTR
 *   -ECANCELED   GP_PARK_CANCEL was given and the greenlet has been cancelled: clean up, then call gp_cancel_now()
 *   other        what gp_ready handed over
 * errno is preserved.
 */
int gp_park(unsigned flags, const char *why, const void *on, uint64_t deadline);

/* Makes a parked greenlet ready. Greenlet thread only (hub included); does nothing where g is not parked. */
void gp_ready(struct greenlet *g, int result);

/* The same in a critical section. */
void gp_make_ready(struct greenlet *g, int result);

/* The hub, whose wait the kernel has ended for no handler: the process was stopped, and now goes on. */
void gp_sched_stopped(void);

/* Lets every other ready greenlet run, then comes back. No-op where gp_self is NULL. */
void gp_yield(void);

enum { GP_TICK_CALL = 4, GP_TICK_LOCK = 1 }; /* parts of the budget; a lock costs a fraction of a system call */
static inline void gp_tick_by(int cost)
{
	struct greenlet *g = gp_self;
	if (g && gp_unlikely((g->budget -= cost) < 0))
		gp_yield();
}
/* Counts a call that succeeded without waiting, and yields when the budget is spent. Call once per such call. */
static inline void gp_tick(void)
{
	gp_tick_by(GP_TICK_CALL);
}
/* The same for what succeeds without a system call: nobody who waits for another greenlet may come here again and again. */
static inline void gp_tick_lock(void)
{
	gp_tick_by(GP_TICK_LOCK);
}

/* Time stamps for fairness only: cheap, of no unit (some GHz). */
static inline uint64_t gp_cycles(void)
{
#ifdef __x86_64__
	return __builtin_ia32_rdtsc();
#else
	return gp_now();
#endif
}
extern uint64_t gp_slice_start; /* when the running greenlet was switched to, or a little before */
#define GP_SLICE_CYCLES 2000000ull /* somewhat under 1 ms */

/* For calls that cost a system call anyway: a greenlet that computes between them has no 64 of them before its turn is over. */
static inline void gp_tick_io(void)
{
	struct greenlet *g = gp_self;
	if (g && gp_unlikely((g->budget -= GP_TICK_CALL) < 0 || gp_cycles() - gp_slice_start > GP_SLICE_CYCLES))
		gp_yield();
}

/* Acts on a pending cancellation where it is enabled; called at the start of each cancellation point and after -ECANCELED.
 * Does not return if it acts. */
void gp_cancel_point(void);
#define gp_cancel_now() gp_cancel_point()

/* Greenlet thread: is this the kernel thread that carries the greenlets (hub or greenlet)? Foreign threads: false. */
bool gp_on_greenlet_thread(void);

extern struct gp_sched {
	struct gp_list ready;
	unsigned nready;
	struct gp_list yielded;  /* ready, but what the kernel holds was ready before them */
	bool more;               /* it does */
	uint64_t switches, made, preempted; /* statistics */
	unsigned live;           /* greenlets that have not finished, main included; 0 before the first was made */
	unsigned live_max;
	struct gp_list all;
	struct greenlet *current; /* NULL: the hub */
	bool untrimmed;          /* dead stacks hold memory: gp_pool_trim() when idle */
	struct greenlet *zombie; /* detached and dead: its stack is free once somebody else runs */
} gp_sched;

/*
 * Around every change of state that a signal handler could see half done. Handlers that arrive meanwhile are noted and run when the
 * greenlet leaves. A counter, not TLS: the thread pointer changes in the middle of a switch.
 */
extern volatile int gp_critical;
void gp_signal_deferred(void); /* in a greenlet: handle what was noted */
void gp_signal_dispatch(void); /* in the hub: pick greenlets for it */
extern volatile bool gp_signal_noted;
extern volatile unsigned gp_handlers_ran; /* ours, in any thread: EINTR for no handler means that the process was stopped */
static inline void gp_enter(void)
{
	gp_critical = gp_critical + 1;
	__asm__ volatile("" ::: "memory");
}
static inline void gp_leave(void)
{
	__asm__ volatile("" ::: "memory");
	gp_critical = gp_critical - 1;
	if (gp_unlikely(gp_signal_noted) && !gp_critical)
		gp_signal_deferred();
}

/* For hub.c and greenlet.c. */
extern const struct gp_switch_ops *gp_switch;
extern __thread bool gp_thread_is_ours __attribute__((tls_model("initial-exec")));
struct greenlet *gp_sched_pop(void);
void gp_sched_leave(struct greenlet *g);
void gp_sched_arrived(struct greenlet *g);
void gp_sched_turned(void);
void gp_sched_forget(void); /* nobody is ready, nobody is alive */
/*
 * How many events the hub may take from the kernel now. The kernel's queue is as fair as ours, and who waits there touches nothing; who
 * waits long in ours has left the cache again when his turn comes.
 */
int gp_sched_room(void);
/* After each harvest: does the kernel hold more that was ready before those who have yielded since? They wait for it. */
void gp_sched_fed(bool more);
void gp_sched_first(struct greenlet *main); /* its turn has just begun */
void gp_greenlet_reap_zombie(void);
int gp_tcb_for_hub(void *pd);

#ifndef ERESTART
#define ERESTART 85
#endif

#endif
