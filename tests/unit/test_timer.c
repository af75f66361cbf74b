#include "../../runtime/timer.h"

#include <criterion/criterion.h>
#include <stdlib.h>

struct timer {
	struct gp_timer t;
	unsigned id;
};

static unsigned fired[64], nfired;
static uint64_t last;

static void note(struct gp_timer *t)
{
	fired[nfired++ % 64] = gp_container(t, struct timer, t)->id;
}

static void in_order(struct gp_timer *t)
{
	cr_assert_geq(t->deadline, last);
	cr_assert_eq(t->slot, 0u);
	last = t->deadline;
	nfired++;
}

Test(timer, empty_heap_has_no_deadline)
{
	cr_assert_eq(gp_timer_next(), GP_FOREVER);
	cr_assert_eq(gp_timer_run(UINT64_MAX - 1), 0u);
}

Test(timer, fires_what_is_due_and_no_more)
{
	struct timer a = { .id = 1 }, b = { .id = 2 }, c = { .id = 3 };

	gp_timer_start(&c.t, 300, note);
	gp_timer_start(&a.t, 100, note);
	gp_timer_start(&b.t, 200, note);
	cr_assert_eq(gp_timer_next(), 100u);
	cr_assert_eq(gp_timer_run(99), 0u);
	cr_assert_eq(gp_timer_run(200), 2u);
	cr_assert_eq(fired[0], 1u);
	cr_assert_eq(fired[1], 2u);
	cr_assert_eq(gp_timer_next(), 300u);
	cr_assert_eq(gp_timer_run(300), 1u);
	cr_assert_eq(gp_timer_next(), GP_FOREVER);
}

Test(timer, equal_deadlines_fire_in_order_of_start)
{
	struct timer t[50];

	for (unsigned i = 0; i < 50; i++) {
		t[i] = (struct timer){ .id = i };
		gp_timer_start(&t[i].t, 7, note);
	}
	for (unsigned i = 0; i < 50; i += 5)
		gp_timer_cancel(&t[i].t);
	for (unsigned i = 0; i < 50; i += 5)
		gp_timer_start(&t[i].t, 7, note);
	cr_assert_eq(gp_timer_run(7), 50u);
	for (unsigned n = 0, i = 0; i < 50; i++)
		if (i % 5)
			cr_assert_eq(fired[n++], i);
	for (unsigned n = 40, i = 0; i < 50; i += 5)
		cr_assert_eq(fired[n++], i);
}

Test(timer, cancel_is_idempotent_and_leaves_the_rest)
{
	struct timer a = { .id = 1 }, b = { .id = 2 };

	gp_timer_cancel(&a.t);
	gp_timer_start(&a.t, 1, note);
	gp_timer_start(&b.t, 2, note);
	gp_timer_cancel(&a.t);
	gp_timer_cancel(&a.t);
	cr_assert_eq(gp_timer_next(), 2u);
	cr_assert_eq(gp_timer_run(2), 1u);
	cr_assert_eq(fired[0], 2u);
}

static void again(struct gp_timer *t)
{
	if (++nfired < 3)
		cr_assert_eq(gp_timer_start(t, t->deadline + 10, again), 0);
}

Test(timer, may_be_started_again_by_its_own_function)
{
	struct timer a = { 0 };

	gp_timer_start(&a.t, 10, again);
	cr_assert_eq(gp_timer_run(20), 2u);
	cr_assert_eq(gp_timer_next(), 30u);
	cr_assert_eq(gp_timer_run(30), 1u);
	cr_assert_eq(gp_timer_next(), GP_FOREVER);
}

Test(timer, forget_all_touches_no_timer)
{
	struct timer *gone = malloc(sizeof(*gone)), a = { .id = 1 };

	*gone = (struct timer){ 0 };
	gp_timer_start(&gone->t, 5, note);
	free(gone);
	gp_timer_forget_all();
	cr_assert_eq(gp_timer_next(), GP_FOREVER);
	gp_timer_start(&a.t, 6, note);
	cr_assert_eq(gp_timer_run(6), 1u);
}

/* Random starts and cancels: what fires comes in order, and everything that was not cancelled fires. */
Test(timer, a_million, .timeout = 30)
{
	enum { N = 1000000 };
	struct timer *t = calloc(N, sizeof(*t));
	uint64_t x = 88172645463325252ull, begin = gp_now();
	unsigned left = N;

	for (unsigned i = 0; i < N; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		cr_assert_eq(gp_timer_start(&t[i].t, x % 1000000, in_order), 0);
	}
	for (unsigned i = 0; i < N; i += 3, left--)
		gp_timer_cancel(&t[i].t);
	for (uint64_t now = 0; now < 1000000; now += 50000)
		gp_timer_run(now);
	gp_timer_run(1000000);
	cr_assert_eq(nfired, left);
	cr_assert_eq(gp_timer_next(), GP_FOREVER);
	cr_assert_lt(gp_now() - begin, 20 * GP_NSEC); /* O(n) work a timer would take hours */
	free(t);
}
