#include "unit.h"
#include "../../runtime/hub.h"

#include <signal.h>
#include <sys/time.h>

TestSuite(sched, .timeout = 10);

static char log_[256];

static void *note(void *name)
{
	strcat(log_, name);
	return NULL;
}

Both(sched, first_in_first_out)
{
	spawn(note, "a");
	spawn(note, "b");
	spawn(note, "c");
	cr_assert_str_eq(log_, "", "a new greenlet waits for its turn");
	gp_yield();
	cr_assert_str_eq(log_, "abc");
}

static void *note_thrice(void *name)
{
	for (int i = 0; i < 3; i++) {
		strcat(log_, name);
		gp_yield();
	}
	return NULL;
}

Both(sched, yield_alternates)
{
	spawn(note_thrice, "foo ");
	spawn(note_thrice, "bar ");
	for (int i = 0; i < 3; i++)
		gp_yield();
	cr_assert_str_eq(log_, "foo bar foo bar foo bar ");
}

static int result = 99;
static uint64_t early;

static void *park_for_good(void *flags)
{
	errno = 33;
	result = gp_park((unsigned)(uintptr_t)flags, "for good", NULL, GP_FOREVER);
	cr_expect_eq(errno, 33);
	return NULL;
}

Both(sched, a_park_gives_what_ready_hands_over)
{
	static const int values[] = { 0, -EIO, 12345 };

	for (int i = 0; i < 3; i++) {
		struct greenlet *g = spawn(park_for_good, NULL);

		gp_yield();
		cr_assert_eq(g->state, GP_PARKED);
		cr_assert_str_eq(g->why, "for good");
		gp_ready(g, values[i]);
		gp_ready(g, 77); /* it is not parked any more */
		cr_assert_eq(gp_sched.nready, 1u);
		join(g);
		cr_assert_eq(result, values[i]);
	}
}

static void *park_until(void *after)
{
	uint64_t deadline = gp_now() + (uintptr_t)after;

	for (int i = 0; i < 20; i++, deadline = gp_now() + (uintptr_t)after) {
		result = gp_park(0, "until", NULL, deadline);
		early += gp_now() < deadline;
		cr_expect_eq(result, -ETIMEDOUT);
	}
	return NULL;
}

Both(sched, deadlines_are_never_early)
{
	static const uint64_t times[] = { 1, 1000, 54321, 333333, 1000000, 2999999 };
	struct greenlet *g[6];

	for (int i = 0; i < 6; i++)
		g[i] = spawn(park_until, (void *)times[i]);
	errno = 44;
	for (int i = 0; i < 6; i++)
		join(g[i]);
	cr_assert_eq(errno, 44);
	cr_assert_eq(early, 0u);
}

Both(sched, a_deadline_in_the_past_lets_the_others_run)
{
	cr_assert_eq(gp_greenlets_start(), 0);
	spawn(note, "a");
	cr_assert_eq(gp_park(0, "past", NULL, 1), -ETIMEDOUT);
	cr_assert_str_eq(log_, "a");
	cr_assert_eq(gp_park(0, "past", NULL, 0), -ETIMEDOUT);
}

Both(sched, cancellation_ends_a_park_that_is_a_cancellation_point)
{
	struct greenlet *g = spawn(park_for_good, (void *)GP_PARK_CANCEL);

	gp_yield();
	gp_cancel(g);
	join(g);
	cr_assert_eq(result, -ECANCELED);
}

Both(sched, and_no_other)
{
	struct greenlet *g = spawn(park_for_good, NULL);

	gp_yield();
	gp_cancel(g);
	settle();
	cr_assert_eq(g->state, GP_PARKED);
	gp_ready(g, 5);
	join(g);
	cr_assert_eq(result, 5);
}

static void *already_cancelled(void *unused)
{
	(void)unused;
	gp_yield();
	result = gp_park(GP_PARK_CANCEL, "cancelled", NULL, GP_FOREVER);
	return NULL;
}

Both(sched, a_cancellation_that_came_before)
{
	struct greenlet *g = spawn(already_cancelled, NULL);

	gp_yield();
	gp_cancel(g);
	join(g);
	cr_assert_eq(result, -ECANCELED);
}

static void *disabled(void *unused)
{
	(void)unused;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	result = gp_park(GP_PARK_CANCEL, "disabled", NULL, gp_now() + 10 * MS);
	while (result == -ERESTART) /* allowed: every waiter tries again */
		result = gp_park(GP_PARK_CANCEL, "disabled", NULL, gp_now() + 10 * MS);
	return NULL;
}

Both(sched, cancellation_can_be_disabled)
{
	struct greenlet *g = spawn(disabled, NULL);

	gp_yield();
	gp_cancel(g);
	join(g);
	cr_assert_eq(result, -ETIMEDOUT);
}

static unsigned handled, handled_by;

static void handler(int sig)
{
	(void)sig;
	handled++;
	handled_by = gp_self ? gp_self->id : 1000;
}

static int park_with_alarm(int flags)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags };
	struct itimerval soon = { .it_value = { 0, 20000 } };
	int r;

	cr_assert_eq(gp_greenlets_start(), 0);
	cr_assert_eq(gp_signal_action(SIGALRM, &act, NULL), 0);
	setitimer(ITIMER_REAL, &soon, NULL);
	errno = 55;
	r = gp_park(0, "signal", NULL, gp_now() + 8 * GP_NSEC);
	cr_assert_eq(errno, 55);
	cr_assert_eq(handled, 1u);
	cr_assert_eq(handled_by, 0u, "a handler runs on a greenlet, not in the hub");
	return r;
}

Both(sched, a_handler_without_restart)
{
	int r = park_with_alarm(0);

	cr_assert_eq(r, -EINTR, "%d", r);
}

Both(sched, a_handler_with_restart)
{
	int r = park_with_alarm(SA_RESTART);

	cr_assert_eq(r, -ERESTART, "%d", r);
}

/* A wait with something linked, as every wait for a descriptor or an address is. */
static void nothing(struct gp_wait *w)
{
	(void)w;
}

static int wait_with_alarm(int flags)
{
	struct gp_wait w;

	cr_assert_eq(gp_greenlets_start(), 0);
	gp_wait_push(&w, nothing);
	return park_with_alarm(flags);
}

Both(sched, a_wait_and_a_handler_without_restart)
{
	int r = wait_with_alarm(0);

	cr_assert_eq(r, -EINTR, "%d", r);
}

Both(sched, a_wait_and_a_handler_with_restart)
{
	int r = wait_with_alarm(SA_RESTART);

	cr_assert_eq(r, -ERESTART, "%d", r);
}

static unsigned unlinked_before;

static void unlink_it(struct gp_wait *w)
{
	(void)w;
	unlinked_before = handled + 1;
}

static void raise_and_wake(struct gp_hub_call *c)
{
	(void)c;
	raise(SIGALRM);
	gp_ready(&gp_main, 0);
}

/* A handler may jump out of the frame that holds the links. Woken and interrupted at once, the wait counts as interrupted. */
Both(sched, what_is_linked_is_unlinked_before_a_handler_runs)
{
	struct sigaction act = { .sa_handler = handler };
	struct gp_hub_call call = { .fn = raise_and_wake };
	struct gp_wait w;
	int r;

	sigaction(SIGALRM, &act, NULL);
	cr_assert_eq(gp_greenlets_start(), 0);
	gp_wait_push(&w, unlink_it);
	gp_hub_post(&call);
	r = gp_park(0, "signal", NULL, GP_FOREVER);
	cr_assert(r == -EINTR || r == -ERESTART, "%d", r);
	cr_assert_eq(handled, 1u);
	cr_assert_eq(unlinked_before, 1u, "after the handler, or never");
	cr_assert_null(gp_self->waits);
}

Both(sched, a_timeout_on_the_greenlet_strikes_once)
{
	uint64_t begin;

	cr_assert_eq(gp_greenlets_start(), 0);
	begin = gp_now();
	gp_self->deadline = begin + 5 * MS;
	cr_assert_eq(gp_park(GP_PARK_NOTIME, "mine", NULL, begin + 10 * MS), -ETIMEDOUT);
	cr_assert_geq(gp_now(), begin + 10 * MS);
	cr_assert_neq(gp_self->deadline, GP_FOREVER);
	cr_assert_eq(gp_park(0, "capped", NULL, GP_FOREVER), -ETIMEDOUT);
	cr_assert_eq(gp_self->deadline, GP_FOREVER);
	begin = gp_now();
	cr_assert_eq(gp_park(0, "mine", NULL, begin + 10 * MS), -ETIMEDOUT);
	cr_assert_geq(gp_now(), begin + 10 * MS);
}

static bool stop;

static void *tick_on(void *unused)
{
	long n = 0;

	(void)unused;
	while (!stop && n < 100000) {
		gp_tick();
		n++;
	}
	return (void *)n;
}

static void *stop_it(void *unused)
{
	(void)unused;
	stop = true;
	return NULL;
}

Both(sched, a_call_that_never_waits_gives_way)
{
	struct greenlet *g = spawn(tick_on, NULL);

	spawn(stop_it, NULL);
	cr_assert_lt((long)join(g), 1000);
}

static void *spin(void *unused)
{
	(void)unused;
	while (!stop)
		gp_yield();
	return NULL;
}

Both(sched, deadlines_and_events_come_while_others_yield)
{
	struct greenlet *g[3];
	uint64_t begin;

	for (int i = 0; i < 3; i++)
		g[i] = spawn(spin, NULL);
	begin = gp_now();
	cr_assert_eq(gp_park(0, "among spinners", NULL, begin + 5 * MS), -ETIMEDOUT);
	cr_assert_lt(gp_now() - begin, 5 * GP_NSEC);
	stop = true;
	for (int i = 0; i < 3; i++)
		join(g[i]);
}

static void *foreign(void *unused)
{
	(void)unused;
	gp_yield();
	gp_tick();
	gp_cancel_point();
	return gp_self || gp_on_greenlet_thread() || gp_coop(GP_F_ALL) ? (void *)1 : NULL;
}

Both(sched, other_kernel_threads_are_no_greenlets)
{
	pthread_t t;
	void *value;

	cr_assert(!gp_self && !gp_on_greenlet_thread());
	gp_yield();
	cr_assert_eq(gp_greenlets_start(), 0);
	cr_assert(gp_self == &gp_main && gp_on_greenlet_thread() && gp_coop(GP_F_IO));
	pthread_create(&t, NULL, foreign, NULL);
	pthread_join(t, &value);
	cr_assert_null(value);
}

static void *count_up(void *n)
{
	for (int i = 0; i < 10; i++) {
		++*(int *)n;
		gp_yield();
	}
	return NULL;
}

Both(sched, ten_thousand)
{
	int n = 0;

	for (int i = 0; i < 10000; i++)
		spawn(count_up, &n);
	cr_assert_eq(gp_sched.live, 10001u);
	for (int i = 1; i <= 10; i++) {
		gp_yield();
		cr_assert_eq(n, 10000 * i);
	}
	gp_yield();
	cr_assert_eq(gp_sched.live, 1u);
	cr_assert_eq(gp_sched.live_max, 10001u);
}
