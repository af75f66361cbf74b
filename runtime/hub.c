/*
 * The hub: libuv's loop on a context of its own, with a TCB of its own in which gp_self is NULL.
 *
 * libuv waits for one descriptor of ours, the epoll set of fdwait.c, and for wake-ups from other kernel threads. Deadlines go
 * through a timerfd in that set, since libuv's timers count milliseconds. While greenlets are ready the hub looks at the
 * set directly: one system call for a whole batch of events.
 */
#include "hub.h"
#include "fdwait.h"
#include "preempt.h"
#include "real.h"
#include "signal.h"
#include "stack.h"
#include "tls.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#define HUB_STACK (256u << 10)
#define UV_EVERY  16 /* turns with ready greenlets between two looks at libuv itself */

struct gp_ctx gp_hub_ctx;

static uv_loop_t loop;
static uv_poll_t epoll_handle;
static uv_async_t async;
static int timer_fd = -1;
static uint64_t armed = GP_FOREVER;
static struct gp_hub_call *posted; /* last posted first */
static bool started, busy;
static char *stack; /* survives a fork: the child makes its new hub on it */
static void *hub_pd;
static unsigned turns;

static void run_posted(void)
{
	struct gp_hub_call *c = __atomic_exchange_n(&posted, NULL, __ATOMIC_ACQ_REL), *first = NULL, *next;

	for (; c; c = next) { /* back into the order of posting */
		next = c->next;
		c->next = first;
		first = c;
	}
	for (; first; first = next) {
		next = first->next;
		first->fn(first);
	}
}

static void on_async(uv_async_t *h)
{
	(void)h;
	run_posted();
}

static void on_epoll(uv_poll_t *h, int status, int events)
{
	(void)h, (void)status, (void)events;
	busy = gp_fd_harvest() > 1;
}

static void run_timers(void)
{
	if (gp_timer_next() != GP_FOREVER)
		gp_timer_run(gp_now());
}

static void arm_timer(void)
{
	uint64_t next = gp_timer_next();
	struct itimerspec when = { .it_value = { (time_t)(next / GP_NSEC), (long)(next % GP_NSEC) } };

	/* Later than armed: the early expiry costs one turn, less than setting it each time. */
	if (next == GP_FOREVER || next == armed || (next > armed && armed > gp_now()))
		return;
	if (!next)
		when.it_value.tv_nsec = 1; /* zero would disarm */
	real_syscall(SYS_timerfd_settime, timer_fd, TFD_TIMER_ABSTIME, &when, NULL); /* libfaketime rewrites the times of the named one */
	armed = next;
}

void gp_hub_turn(void)
{
	if (__atomic_load_n(&posted, __ATOMIC_RELAXED))
		run_posted();
	busy = gp_fd_harvest() > 0;
	if (++turns % UV_EVERY == 0)
		uv_run(&loop, UV_RUN_NOWAIT);
	run_timers();
}

static void wait_for_something(void)
{
	if (busy) { /* the last look brought something: another costs less than libuv's wait */
		gp_hub_turn();
		if (gp_sched.nready)
			return;
	}
	run_timers();
	if (gp_sched.nready)
		return;
	if (gp_unlikely(gp_sched.untrimmed))
		gp_trim_some();
	gp_preempt_idle();
	arm_timer();
	uv_run(&loop, UV_RUN_ONCE);
	run_timers();
}

static int make_loop(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.u64 = UINT64_MAX };
	int r = uv_loop_init(&loop);

	if (r)
		return r;
	timer_fd = gp_fd_adopt(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
	if (timer_fd < 0 || gp_fd_epoll() < 0 || epoll_ctl(gp_fd_epoll(), EPOLL_CTL_ADD, timer_fd, &ev))
		return -EMFILE;
	if ((r = uv_async_init(&loop, &async, on_async)) || (r = uv_poll_init(&loop, &epoll_handle, gp_fd_epoll())))
		return r;
	return uv_poll_start(&epoll_handle, UV_READABLE, on_epoll);
}

/* The set and libuv's descriptors may be shared with a parent: they are closed, never edited. libuv's memory is left behind. */
static void forget_loop(void)
{
	gp_fd_forget_all();
	loop = (uv_loop_t){ 0 };
	posted = NULL;
	timer_fd = -1;
	armed = GP_FOREVER;
	started = false;
}

static int start_loop(void)
{
	int r = make_loop();

	if (r)
		return r;
	armed = GP_FOREVER;
	started = true;
	return 0;
}

static void hub_main(void *arg)
{
	struct greenlet *n;

	(void)arg;
	gp_critical = 1; /* no handler runs here */
	while (!started && start_loop()) { /* the child of a fork, short of descriptors: it goes on as soon as there are some */
		struct timespec pause = { 0, 10000000 };

		real_clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	for (;;) {
		gp_critical = 1;
		gp_sched_arrived(NULL);
		if (gp_unlikely(gp_signal_noted))
			gp_signal_dispatch();
		if (gp_sched.nready)
			gp_hub_turn();
		while (!gp_sched.nready) {
			wait_for_something();
			if (gp_unlikely(gp_signal_noted))
				gp_signal_dispatch();
		}
		gp_sched_turned();
		n = gp_sched_pop();
		gp_sched.current = n;
		gp_switch->swap(&gp_hub_ctx, &n->ctx);
	}
}

static int make_context(void)
{
	size_t guard = gp_page();
	void *top;
	int err, r;

	if (!stack) {
		if (!(stack = gp_stack_map(HUB_STACK, guard, &err)))
			return err;
		hub_pd = gp_tls_place(stack + HUB_STACK, &top);
		if ((r = gp_tcb_for_hub(hub_pd)))
			return r;
	}
	gp_tls_place(stack + HUB_STACK, &top);
	gp_switch->init(&gp_hub_ctx, stack + guard, (size_t)((char *)top - stack) - guard, hub_pd, hub_main, NULL);
	return 0;
}

int gp_hub_start(void)
{
	int r;

	if (started)
		return 0;
	/* A descriptor or memory is missing: nothing of the program has changed yet, so the caller may try again later. */
	if ((r = make_context()) || (r = start_loop())) {
		forget_loop();
		return r == -ENOMEM || r == -EMFILE || r == -ENFILE ? -EAGAIN : r;
	}
	return 0;
}

void gp_hub_wake(void)
{
	if (started)
		uv_async_send(&async);
}

void gp_hub_post(struct gp_hub_call *c)
{
	c->next = __atomic_load_n(&posted, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&posted, &c->next, c, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		;
	gp_hub_wake();
}

/* The child makes its own loop when something first waits: most children exec. */
void gp_hub_forget(void)
{
	forget_loop();
	make_context();
}
