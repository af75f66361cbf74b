/*
 * The hub: libuv's loop on a context of its own, with a TCB in which gp_self is NULL.
 *
 * libuv waits for one descriptor of ours, the epoll set of fdwait.c, and for wake-ups from other kernel threads. Deadlines go
 * through a timerfd in that set, since libuv's timers count milliseconds. While greenlets are ready, and in the pauses of a busy
 * program, the hub looks at the set directly: one system call for a whole batch of events, where libuv's wait needs two. The set
 * therefore knows libuv's own wake-up, too.
 */
#include "hub.h"
#include "alloc.h"
#include "fdwait.h"
#include "pool.h"
#include "preempt.h"
#include "real.h"
#include "signal.h"
#include "stack.h"
#include "tls.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#define HUB_STACK (256u << 10)
#define TICK      10000000ull /* ns */
#define DEAF_MS   10
#define BRISK     1000000u /* ns: after a pause that was over sooner, the next is waited out in our own set */
#define SHORT     12000u   /* ns: after such a pause the next is likely to be as short, */
#define AWAKE     6000u    /* ns: and is waited for awake, */
#define ENOUGH    4u       /* unless that was in vain so many times, */
#define FORGOTTEN 32u      /* of which nothing is known after so many pauses */

struct gp_ctx gp_hub_ctx;
void *gp_hub_pd;
bool gp_hub_deaf;

static uv_loop_t loop;
static uv_poll_t epoll_handle;
static uv_async_t async;
static int timer_fd = -1;
static uint64_t armed = GP_FOREVER;
static struct gp_hub_call *posted; /* last posted first */
static bool started;
static bool brisk;         /* the last pause was short */
static uint64_t last_pause = GP_FOREVER;
static unsigned vain;      /* pauses in a row that were not over while awake */
static bool for_libuv;     /* its wake-up has come */
static char *stack; /* survives a fork: the child makes its new hub on it */
static int sending;        /* kernel threads inside uv_async_send */

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
	gp_fd_harvest(0, gp_sched_room());
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
	/* libfaketime rewrites the times of the named one */
	while (real_syscall(SYS_timerfd_settime, timer_fd, TFD_TIMER_ABSTIME, &when, NULL))
		if (errno != EBADF || !gp_hub_repair()) {
			gp_hub_deafen();
			return;
		}
	armed = next;
}

bool gp_hub_deafen(void)
{
	return gp_hub_deaf |= started;
}

void gp_hub_event(uint64_t what)
{
	for_libuv |= what == GP_HUB_ASYNC;
}

static void look(int ms)
{
	/* libuv, harvesting for us, may have found its own wake-up: that edge does not come again. */
	gp_fd_harvest(for_libuv ? 0 : ms, gp_sched_room());
	if (gp_unlikely(for_libuv)) {
		for_libuv = false;
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	run_timers();
}

static bool begun(void);

void gp_hub_turn(void)
{
	if (gp_unlikely(!begun())) {
		run_posted();
		run_timers();
		return;
	}
	if (__atomic_load_n(&posted, __ATOMIC_RELAXED))
		run_posted();
	look(0);
}

/*
 * Bulk data come every few microseconds, and to sleep in between costs more than they take, on both sides. Not looking at once lets
 * them gather: half as many reads.
 */
static bool came_at_once(void)
{
	uint64_t since = gp_now();

	while (gp_now() - since < AWAKE)
		;
	look(0);
	return gp_sched.nready;
}

static void wait_for_something(void)
{
	uint64_t since;

	run_timers();
	if (gp_sched.nready)
		return;
	if (gp_sched.more) {
		look(0);
		return;
	}
	if (gp_unlikely(gp_sched.untrimmed)) {
		gp_pool_trim();
		look(0);
		return;
	}
	if (vain < ENOUGH && last_pause < SHORT && came_at_once()) {
		vain = 0;
		return;
	}
	vain = vain < FORGOTTEN ? vain + 1 : ENOUGH - 1;
	gp_preempt_idle();
	arm_timer();
	if (gp_unlikely(gp_hub_deaf)) {
		look(DEAF_MS);
		run_posted();
		return;
	}
	since = gp_now();
	if (brisk)
		look(-1);
	else
		uv_run(&loop, UV_RUN_ONCE);
	last_pause = gp_now() - since;
	brisk = last_pause < BRISK;
	run_timers();
}

static void close_own(int fd)
{
	gp_fd_disown(fd);
	real_close(fd);
}

static void watch(int set, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };

	epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev); /* EEXIST: it was not gone */
}

static int make_loop(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.u64 = GP_HUB_TIMER };
	int r = gp_uv_prepare();

	if (r || (r = uv_replace_allocator(gp_alloc, gp_realloc, gp_calloc, gp_free)) || (r = uv_loop_init(&loop)))
		return r;
	timer_fd = gp_fd_adopt(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
	if (timer_fd < 0 || gp_fd_epoll() < 0 || epoll_ctl(gp_fd_epoll(), EPOLL_CTL_ADD, timer_fd, &ev))
		return -EMFILE;
	if ((r = uv_async_init(&loop, &async, on_async)) || (r = uv_poll_init(&loop, &epoll_handle, gp_fd_epoll())))
		return r;
	watch(gp_fd_epoll(), loop.async_io_watcher.fd, EPOLLIN | EPOLLET, GP_HUB_ASYNC);
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
	struct rlimit was;
	int r;

	gp_fd_widen(&was);
	r = make_loop();
	gp_fd_narrow(&was);
	if (r) {
		forget_loop();
		return r;
	}
	armed = GP_FOREVER;
	__atomic_store_n(&started, true, __ATOMIC_SEQ_CST);
	return 0;
}

/* The child of a fork makes its own when something first waits. */
static bool begun(void)
{
	if (gp_likely(started))
		return true;
	if (start_loop())
		return false;
	gp_hub_wake(); /* for what was posted before */
	return true;
}

/* The child of a fork, short of descriptors: who waits for one looks at it now and then (fdwait.c). */
static void wait_without_loop(void)
{
	uint64_t now = gp_now(), next = gp_timer_next(), ns = next < now ? 0 : next - now < TICK ? next - now : TICK;
	struct timespec pause = { 0, (long)ns };

	real_clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	run_posted();
	run_timers();
}

static void hub_main(void *arg)
{
	struct greenlet *n;

	(void)arg;
	gp_critical = 1; /* no handler runs here */
	for (;;) {
		gp_critical = 1;
		gp_sched_arrived(NULL);
		if (gp_unlikely(gp_signal_noted))
			gp_signal_look();
		if (gp_sched.nready)
			gp_hub_turn();
		while (!gp_sched.nready) {
			if (begun())
				wait_for_something();
			else
				wait_without_loop();
			if (gp_unlikely(gp_signal_noted))
				gp_signal_look();
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
		gp_hub_pd = gp_tls_place(stack + HUB_STACK, &top);
		if ((r = gp_tcb_for_hub(gp_hub_pd)))
			return r;
	}
	gp_tls_place(stack + HUB_STACK, &top);
	gp_switch->init(&gp_hub_ctx, stack + guard, (size_t)((char *)top - stack) - guard, gp_hub_pd, hub_main, NULL);
	return 0;
}

int gp_hub_start(void)
{
	int r;

	if (started)
		return 0;
	/* A descriptor or memory is missing: nothing of the program has changed yet, so the caller may try again later. */
	if ((r = gp_timer_room() ? make_context() : -ENOMEM) || (r = start_loop()))
		return r == -ENOMEM ? -EAGAIN : r;
	return 0;
}

void gp_hub_wake(void)
{
	__atomic_fetch_add(&sending, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&started, __ATOMIC_SEQ_CST))
		uv_async_send(&async);
	__atomic_fetch_sub(&sending, 1, __ATOMIC_SEQ_CST);
}

/* What the loop has open. */
static int descriptors(int fds[6])
{
	int all[6] = { gp_fd_epoll(), timer_fd, loop.backend_fd, loop.async_io_watcher.fd, loop.signal_pipefd[0], loop.signal_pipefd[1] }, n = 0;

	for (int i = 0; i < 6; i++)
		if (all[i] >= 0)
			fds[n++] = all[i];
	return n;
}

bool gp_hub_uses(int fd)
{
	int fds[6], n = started ? descriptors(fds) : 0;

	while (n--)
		if (fds[n] == fd)
			return true;
	return false;
}

/* The old loop stays open until the new one has all it needs, and so has other numbers. Its memory is left behind. */
bool gp_hub_move(void)
{
	uv_loop_t old = loop;
	uv_async_t old_async = async;
	uv_poll_t old_handle = epoll_handle;
	struct rlimit was;
	int fds[6], n = descriptors(fds), old_epoll = gp_fd_epoll(), old_timer = timer_fd, r;

	gp_enter();
	__atomic_store_n(&started, false, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&sending, __ATOMIC_SEQ_CST)) /* other kernel threads, on their way out */
		;
	loop = (uv_loop_t){ 0 };
	gp_fd_widen(&was);
	r = gp_fd_new_epoll(-1) ? make_loop() : -EMFILE;
	gp_fd_narrow(&was);
	if (r) {
		int more[6], m = descriptors(more);

		while (m--)
			close_own(more[m]);
		loop = old;
		async = old_async;
		epoll_handle = old_handle;
		timer_fd = old_timer;
		gp_fd_new_epoll(old_epoll);
	} else {
		while (n--)
			close_own(fds[n]);
	}
	armed = GP_FOREVER;
	started = true;
	gp_hub_wake(); /* for what was posted meanwhile */
	gp_leave();
	return !r;
}

/* At the number where it was, if that is still free: libuv keeps it in many places. */
static bool repair_one(int number, int new)
{
	bool ok = new >= 0 && real_dup3(new, number, O_CLOEXEC) == number;

	if (new >= 0)
		real_close(new);
	return ok;
}

bool gp_hub_repair(void)
{
	int fds[6], n = started ? descriptors(fds) : 0, saved = errno, done = 0;

	while (n--) {
		int fd = fds[n];

		if (real_fcntl(fd, F_GETFD) >= 0)
			continue;
		done += fd == gp_fd_epoll() || fd == loop.backend_fd ? repair_one(fd, epoll_create1(0)) :
			fd == timer_fd ? repair_one(fd, timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)) :
			fd == loop.async_io_watcher.fd ? repair_one(fd, real_eventfd(1, EFD_NONBLOCK)) : 0;
	}
	if (done) {
		watch(gp_fd_epoll(), timer_fd, EPOLLIN | EPOLLET, GP_HUB_TIMER);
		watch(gp_fd_epoll(), loop.async_io_watcher.fd, EPOLLIN | EPOLLET, GP_HUB_ASYNC);
		watch(loop.backend_fd, gp_fd_epoll(), EPOLLIN, (uint64_t)gp_fd_epoll());
		watch(loop.backend_fd, loop.async_io_watcher.fd, EPOLLIN, (uint64_t)loop.async_io_watcher.fd);
		if (gp_thread_is_ours)
			gp_fd_new_epoll(gp_fd_epoll());
		armed = GP_FOREVER;
	}
	errno = saved;
	return done;
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
