#include "sched.h"
#include "config.h"
#include "fork.h"
#include "hub.h"
#include "patch.h"
#include "real.h"
#include "signal.h"
#include "thread.h"
#include "tls.h"

#include <pthread.h>

/* Between two looks at the kernel: this many switches, or about 200 us of cycles, whichever comes first. */
#define TURN_SWITCHES 128
#define TURN_CYCLES   500000ull
#define BUDGET        256 /* GP_TICK_* */

/* While eight turns last less than this, about 2 us, the clock is read for one of them: that costs as much as a quarter of a switch. */
#define SHORT_CYCLES  5000ull
#define SHORT_RUN     8u

/* Greenlets in line for which no more events are fetched, while half as many are as had their turn. */
#define ROOM          32

struct gp_sched gp_sched = {
	.ready = { &gp_sched.ready, &gp_sched.ready },
	.yielded = { &gp_sched.yielded, &gp_sched.yielded },
	.all = { &gp_sched.all, &gp_sched.all },
};
__thread struct greenlet *gp_self __attribute__((tls_model("initial-exec")));
__thread bool gp_thread_is_ours __attribute__((tls_model("initial-exec")));
const struct gp_switch_ops *gp_switch;
volatile int gp_critical;

uint64_t gp_slice_start;

static unsigned since_turn, short_turns;
static uint64_t last_turn;

bool gp_on_greenlet_thread(void)
{
	return gp_thread_is_ours;
}

int gp_sched_room(void)
{
	return gp_sched.nready < ROOM ? ROOM : 1 + (int)since_turn / 2;
}

/*
 * GPATCH_CHAOS, for tests: nothing that no scheduler promises can be relied on. A turn ends after a few calls, whoever is ready comes in any
 * order. The same seed throws the same numbers; what the kernel does meanwhile is its own affair.
 */
static uint32_t dice(void)
{
	static uint32_t x;

	x = x ? x : gp_config.chaos;
	x ^= x << 13;
	x ^= x >> 17;
	return x ^= x << 5;
}

static void shuffle(void)
{
	for (unsigned i = gp_sched.nready; i; i--) {
		struct gp_list *n = gp_sched.ready.next;

		gp_list_remove(n);
		gp_list_append(dice() & 1 ? &gp_sched.ready : gp_sched.ready.prev, n); /* last, or last but one */
	}
}

void gp_sched_turned(void)
{
	since_turn = gp_unlikely(gp_config.chaos) ? TURN_SWITCHES - 1 - dice() % 4 : 0;
	if (gp_unlikely(gp_config.chaos))
		shuffle();
	last_turn = gp_slice_start = gp_cycles();
}

void gp_sched_first(struct greenlet *main)
{
	gp_sched_turned();
	main->budget = BUDGET;
}

/*
 * BUDGET on average, never the same twice in a row: a loop that holds a lock at every 64th call would else give way with that lock
 * taken each time, and whoever waits for it would find it so for ever.
 */
static int fresh_budget(void)
{
	static uint32_t x;

	if (gp_unlikely(gp_config.chaos))
		return (int)(dice() % 24);
	x += 2654435769u; /* 2^32 over the golden ratio: all values come, evenly */
	return BUDGET / 2 + (int)(x >> 24);
}

static bool turn_due(void)
{
	uint64_t now;

	if (++since_turn >= TURN_SWITCHES)
		return true;
	if (short_turns >= SHORT_RUN && since_turn % SHORT_RUN)
		return false;
	now = gp_cycles();
	short_turns = now - gp_slice_start < SHORT_CYCLES ? short_turns + 1 : 0;
	gp_slice_start = now;
	return now - last_turn > TURN_CYCLES;
}

struct greenlet *gp_sched_pop(void)
{
	struct gp_list *n = gp_sched.ready.next;
	struct greenlet *g;

	if (n == &gp_sched.ready)
		return NULL;
	gp_list_remove(n);
	gp_sched.nready--;
	g = gp_container(n, struct greenlet, run);
	g->state = GP_RUNNING;
	g->budget = fresh_budget();
	return g;
}

static void push(struct greenlet *g)
{
	g->state = GP_READY;
	gp_list_append(&gp_sched.ready, &g->run);
	gp_sched.nready++;
}

/*
 * Where no instruction loads a TCB (FSGSBASE) a system call does, which costs more than all the rest of a switch. So the hub runs on the
 * TCB of whoever leaves for it, unless that one is dead, and its TCB about to be somebody else's. In there gp_self is NULL and errno
 * is the hub's, as on its own TCB; where libc is patched it comes to no cancellation point, of which the owner's could be due.
 */
static void leave_for_hub(struct greenlet *g)
{
	bool lend = !gp_tls_fsgsbase && gp_patched && g->state != GP_DEAD;
	int saved = lend ? errno : 0;

	gp_hub_ctx.tp = lend ? g->pd : gp_hub_pd;
	if (lend)
		gp_self = NULL;
	gp_switch->swap(&g->ctx, &gp_hub_ctx);
	if (lend) {
		gp_self = g;
		errno = saved;
	}
}

/* Leaves the current context for the next ready greenlet, or for the hub when none is or a look at the kernel is due. */
void gp_sched_leave(struct greenlet *g)
{
	struct greenlet *n = gp_sched.nready && !turn_due() ? gp_sched_pop() : NULL;
	int critical = gp_critical;

	if (n == g)
		return;
	gp_sched.switches++;
	gp_sched.current = n;
	if (n)
		gp_switch->swap(&g->ctx, &n->ctx);
	else
		leave_for_hub(g);
	gp_critical = critical;
	gp_sched_arrived(g);
}

/* The first thing on a context that was switched to. */
void gp_sched_arrived(struct greenlet *g)
{
	if (gp_switch == &gp_switch_ucontext)
		gp_signal_kernel_mask = ~0ull; /* so switch_ucontext.c leaves it */
	gp_signal_resume();
	if (gp_unlikely(gp_sched.zombie != NULL))
		gp_greenlet_reap_zombie();
	if (g && gp_unlikely(g->signal_pending))
		gp_signal_noted = true; /* the way out of the critical section looks */
}

void gp_sched_fed(bool more)
{
	gp_sched.more = more;
	while (!more && !gp_list_empty(&gp_sched.yielded)) {
		struct gp_list *n = gp_sched.yielded.next;

		gp_list_remove(n);
		push(gp_container(n, struct greenlet, run));
	}
}

void gp_sched_forget(void)
{
	gp_list_init(&gp_sched.ready);
	gp_list_init(&gp_sched.yielded);
	gp_list_init(&gp_sched.all);
	gp_sched.live = gp_sched.nready = 0;
	gp_sched.more = false;
}

void gp_make_ready(struct greenlet *g, int result)
{
	if (g->state == GP_PARKED) {
		g->wake_result = result;
		push(g);
	}
}

void gp_ready(struct greenlet *g, int result)
{
	gp_enter();
	gp_make_ready(g, result);
	gp_leave();
}

void gp_sched_stopped(void)
{
	gp_list_for(n, &gp_sched.all) {
		struct greenlet *g = gp_container(n, struct greenlet, all);

		if (g->park_flags & (GP_PARK_STOP | GP_PARK_ANEW))
			gp_ready(g, g->park_flags & GP_PARK_STOP ? -EINTR : -ERESTART);
	}
}

void gp_yield(void)
{
	struct greenlet *g = gp_self;

	if (!g || gp_critical) /* malloc, called by the runtime, may end in a hook that ticks */
		return;
	gp_enter();
	if ((gp_sched.nready || gp_sched.more || turn_due()) && !gp_fork_missed()) {
		if (gp_unlikely(gp_sched.more)) {
			g->state = GP_READY;
			gp_list_append(&gp_sched.yielded, &g->run);
		} else {
			push(g);
		}
		gp_sched_leave(g);
	}
	g->budget = fresh_budget();
	gp_leave();
}

static void deadline_passed(struct gp_timer *t)
{
	gp_ready(gp_container(t, struct greenlet, timer), -ETIMEDOUT);
}

static bool cancelled(struct greenlet *g, unsigned flags)
{
	return gp_unlikely(g->cancel_pending) && ((flags & GP_PARK_CANCEL) || g->cancel_async) && gp_tls_cancel_due();
}

void gp_wait_nothing(struct gp_wait *w)
{
	(void)w;
}

/* True if something was still linked: the wait is over then, whatever it was for. */
static bool unlink_all(struct greenlet *g)
{
	bool any = g->waits != NULL;

	gp_enter();
	for (struct gp_wait *w = g->waits; w; w = w->next)
		w->unlink(w);
	g->waits = NULL;
	gp_critical = gp_critical - 1; /* not gp_leave: the handlers are the caller's to run, and to report */
	return any;
}

int gp_park(unsigned flags, const char *why, const void *on, uint64_t deadline)
{
	struct greenlet *g = gp_self;
	bool capped = false;
	int r;

	if (cancelled(g, flags))
		return -ECANCELED;
	if (gp_unlikely(gp_fork_missed()))
		return -ERESTART; /* nothing that the caller linked exists any more */
	if (gp_unlikely(g->deadline < deadline) && !(flags & GP_PARK_NOTIME)) {
		deadline = g->deadline;
		capped = true;
	}
	gp_enter();
	if (gp_unlikely(g->signal_pending)) { /* before parking: natively, too, the handler runs first and the call then sees EINTR */
		bool unlinked = unlink_all(g);

		gp_critical = gp_critical - 1;
		if ((r = gp_signal_handle(g)) || unlinked)
			return r ? r : -ERESTART;
		gp_enter();
	}
	if (deadline != GP_FOREVER && gp_timer_start(&g->timer, deadline, deadline_passed)) {
		gp_leave();
		return -ENOMEM;
	}
	g->state = GP_PARKED;
	g->park_flags = (uint8_t)flags;
	g->why = why;
	g->on = on;
	g->since = gp_config.verbose ? gp_now() : 0;
	gp_sched_leave(g);
	g->why = NULL;
	if (deadline != GP_FOREVER)
		gp_timer_cancel(&g->timer);
	r = g->wake_result;
	if (capped && r == -ETIMEDOUT)
		g->deadline = GP_FOREVER; /* it strikes once, or loops that wait again would spin */
	gp_critical = gp_critical - 1; /* not gp_leave: the handlers' verdict is wanted here */
	if (gp_unlikely(gp_signal_noted))
		gp_signal_look();
	if (gp_unlikely(g->signal_pending) && r != -ECANCELED) {
		bool unlinked = unlink_all(g);
		int s = gp_signal_handle(g);

		/* Those who wait in turns that end by a clock must hear of it, too. */
		if (unlinked || r == -EINTR || (s && r == -ETIMEDOUT))
			r = s ? s : -ERESTART;
	}
	return r == -ECANCELED && !cancelled(g, flags) ? -ERESTART : r;
}

void gp_cancel_point(void)
{
	struct greenlet *g = gp_self;

	if (g && gp_unlikely(g->cancel_pending) && gp_tls_cancel_due()) {
		if (g->main)
			gp_main_ends();
		pthread_testcancel();
	}
}
