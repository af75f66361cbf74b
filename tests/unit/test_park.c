#include "../../runtime/park.h"
#include "../../runtime/thread.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

static char x, y;
static char log_[64];
static unsigned ended;

static struct greenlet *spawn(void *(*fn)(void *), const void *arg)
{
	struct gp_spawn how = { .stack_size = 64 << 10, .guard_size = 4096 };
	struct greenlet *g;

	cr_assert_eq(gp_greenlets_start(), 0);
	cr_assert_eq(gp_spawn(&g, &how, fn, (void *)arg), 0);
	return g;
}

static void *wait_x(void *name)
{
	gp_lot_wait(&x, 0, "x", GP_FOREVER);
	strcat(log_, name);
	ended++;
	return NULL;
}

static void *wait_y(void *name)
{
	gp_lot_wait(&y, 0, "y", GP_FOREVER);
	strcat(log_, name);
	ended++;
	return NULL;
}

static void settle(void)
{
	for (int i = 0; i < 4; i++)
		gp_yield();
}

Test(park, first_in_first_out)
{
	spawn(wait_x, "a");
	spawn(wait_y, "Y");
	spawn(wait_x, "b");
	spawn(wait_x, "c");
	cr_assert_eq(gp_lot_wake(&x, 1), 0u, "nobody waits yet");
	settle();
	cr_assert_eq(gp_lot_parked, 4u);
	cr_assert_eq(gp_lot_wake(&x, 1), 1u);
	cr_assert(gp_lot_waits(&x));
	settle();
	cr_assert_str_eq(log_, "a");
	cr_assert_eq(gp_lot_wake(&x, GP_LOT_ANY), 2u);
	cr_assert(!gp_lot_waits(&x) && gp_lot_waits(&y));
	settle();
	cr_assert_str_eq(log_, "abc");
	cr_assert_eq(gp_lot_wake(&x, 1), 0u);
	cr_assert_eq(gp_lot_wake(&y, 5), 1u);
	settle();
	cr_assert_str_eq(log_, "abcY");
	cr_assert_eq(gp_lot_parked, 0u);
}

static void *wait_front(void *name)
{
	struct gp_lot_waiter w;

	gp_lot_prepare(&w, &x, GP_LOT_ANY, GP_LOT_FRONT);
	cr_assert_eq(gp_lot_commit(&w, 0, "x", GP_FOREVER), 0);
	strcat(log_, name);
	return NULL;
}

Test(park, the_front_of_the_line)
{
	spawn(wait_x, "a");
	spawn(wait_x, "b");
	spawn(wait_front, "f");
	settle();
	for (int i = 0; i < 3; i++) {
		gp_lot_wake(&x, 1);
		settle();
	}
	cr_assert_str_eq(log_, "fab");
}

static void *wait_claim(void *name)
{
	struct gp_lot_waiter w;

	gp_lot_prepare(&w, &x, GP_LOT_ANY, GP_LOT_CLAIM);
	gp_lot_commit(&w, 0, "x", GP_FOREVER);
	cr_assert(!gp_lot_claimed(&x), "whoever runs has no claim any more");
	strcat(log_, name);
	return NULL;
}

Test(park, a_claim_holds_from_the_wake_until_the_woken_one_runs)
{
	spawn(wait_claim, "a");
	settle();
	cr_assert(!gp_lot_claimed(&x));
	gp_lot_wake(&x, 1);
	cr_assert(gp_lot_claimed(&x) && !gp_lot_claimed(&y) && !gp_lot_waits(&x));
	cr_assert_eq(gp_lot_wake(&x, 1), 0u, "a claim is not woken twice");
	settle();
	cr_assert_str_eq(log_, "a");
	cr_assert(!gp_lot_claimed(&x) && !gp_lot_claims && !gp_lot_parked);
}

static void *wait_bits(void *bits)
{
	gp_lot_wait_bits(&x, (uint32_t)(uintptr_t)bits, 0, "x", GP_FOREVER);
	strcat(log_, (char[2]){ (char)('0' + (uintptr_t)bits), 0 });
	return NULL;
}

Test(park, bits_choose_among_the_waiters)
{
	spawn(wait_bits, (void *)1);
	spawn(wait_bits, (void *)2);
	spawn(wait_bits, (void *)3);
	settle();
	cr_assert_eq(gp_lot_wake_bits(&x, 9, 4), 0u);
	cr_assert_eq(gp_lot_wake_bits(&x, 1, 2), 1u);
	settle();
	cr_assert_eq(gp_lot_wake_bits(&x, 9, 1), 2u);
	settle();
	cr_assert_str_eq(log_, "213");
}

Test(park, requeue)
{
	unsigned moved;

	spawn(wait_x, "a");
	spawn(wait_x, "b");
	spawn(wait_x, "c");
	spawn(wait_x, "d");
	settle();
	cr_assert_eq(gp_lot_requeue(&x, 1, &y, 2, &moved), 1u);
	cr_assert_eq(moved, 2u);
	settle();
	cr_assert_str_eq(log_, "a");
	cr_assert_eq(gp_lot_wake(&y, GP_LOT_ANY), 2u);
	settle();
	cr_assert_str_eq(log_, "abc");
	cr_assert_eq(gp_lot_wake(&x, GP_LOT_ANY), 1u);
	settle();
	cr_assert_str_eq(log_, "abcd");
}

static int result = 1;

static void *wait_until(void *deadline)
{
	result = gp_lot_wait(&x, 0, "x", *(uint64_t *)deadline);
	return NULL;
}

Test(park, a_deadline_takes_the_waiter_out)
{
	uint64_t deadline = gp_now() + 1000000;

	spawn(wait_until, &deadline);
	gp_yield();
	gp_park(0, "test", NULL, deadline + 1000000);
	cr_assert_eq(result, -ETIMEDOUT);
	cr_assert(!gp_lot_waits(&x) && !gp_lot_parked);
}

/* The deadline has passed but the waiter has not run yet: a wake that picks it is not lost. */
Test(park, a_wake_spent_on_one_that_has_just_timed_out_counts)
{
	for (int tries = 0;; tries++) {
		uint64_t deadline = gp_now() + 2000000;
		struct greenlet *g = spawn(wait_until, &deadline);

		gp_yield();
		gp_park(0, "test", NULL, deadline - 1);
		if (g->state == GP_READY) {
			cr_assert_eq(gp_lot_wake(&x, 1), 1u);
			settle();
			cr_assert_eq(result, 0);
			return;
		}
		gp_park(0, "test", NULL, deadline + 1000000);
		cr_assert(tries < 100, "the timers never fired together");
	}
}

static void *cancel_me(void *unused)
{
	(void)unused;
	gp_lot_wait(&x, GP_PARK_CANCEL, "x", GP_FOREVER);
	gp_cancel_now();
	strcat(log_, "not cancelled");
	return NULL;
}

Test(park, cancellation_takes_the_waiter_out)
{
	struct greenlet *g = spawn(cancel_me, NULL);

	settle();
	gp_cancel(g);
	settle();
	cr_assert_eq(g->state, GP_DEAD);
	cr_assert_str_eq(log_, "");
	cr_assert_eq(gp_lot_wake(&x, 1), 0u);
}

Test(park, abandon_leaves_nothing_behind)
{
	struct gp_lot_waiter w;

	cr_assert_eq(gp_greenlets_start(), 0);
	gp_lot_prepare(&w, &x, GP_LOT_ANY, 0);
	cr_assert(gp_lot_waits(&x));
	gp_lot_abandon(&w);
	cr_assert(!gp_lot_waits(&x) && !gp_lot_parked && !gp_self->waits && !gp_critical);
}

enum { MANY = 5000 };
static char many[MANY];
static unsigned out_of_turn;

static void *wait_one(void *p)
{
	gp_lot_wait(p, 0, "one of many", GP_FOREVER);
	out_of_turn += (size_t)((char *)p - many) != ended++;
	return NULL;
}

Test(park, addresses_that_share_a_bucket_do_not_mix)
{
	for (int i = 0; i < MANY; i++)
		spawn(wait_one, &many[i]);
	settle();
	cr_assert_eq(gp_lot_parked, (unsigned)MANY);
	for (int i = 0; i < MANY; i++) {
		cr_assert_eq(gp_lot_wake(&many[i], GP_LOT_ANY), 1u);
		gp_yield();
	}
	settle();
	cr_assert_eq(ended, (unsigned)MANY);
	cr_assert_eq(out_of_turn, 0u);
	cr_assert_eq(gp_lot_parked, 0u);
}

static uint32_t tickets;

/* A semaphore, as its users write it; a wake for nothing only makes it look again. */
static void *take_ticket(void *unused)
{
	struct gp_lot_waiter w;

	(void)unused;
	for (;;) {
		gp_lot_prepare(&w, &tickets, GP_LOT_ANY, 0);
		if (__atomic_load_n(&tickets, __ATOMIC_SEQ_CST)) {
			gp_lot_abandon(&w);
			break;
		}
		gp_lot_commit(&w, 0, "ticket", GP_FOREVER);
	}
	__atomic_fetch_sub(&tickets, 1, __ATOMIC_SEQ_CST);
	ended++;
	return NULL;
}

static void *post_tickets(void *unused)
{
	(void)unused;
	for (int i = 0; i < MANY; i++) {
		__atomic_fetch_add(&tickets, 1, __ATOMIC_SEQ_CST);
		gp_lot_wake(&tickets, 1);
	}
	return NULL;
}

static void *introduce(void *unused)
{
	(void)unused;
	gp_lot_wake(&x, 1);
	return NULL;
}

static void from_foreign_thread(bool meanwhile)
{
	pthread_t t;

	for (int i = 0; i < MANY; i++)
		spawn(take_ticket, NULL);
	cr_assert_eq(pthread_create(&t, NULL, introduce, NULL), 0);
	cr_assert_eq(pthread_join(t, NULL), 0);
	gp_park(0, "test", NULL, gp_now() + 20000000);
	cr_assert(gp_lot_foreign);
	cr_assert_eq(gp_lot_parked, (unsigned)MANY);
	cr_assert_eq(pthread_create(&t, NULL, post_tickets, NULL), 0);
	if (!meanwhile)
		cr_assert_eq(pthread_join(t, NULL), 0);
	while (ended < MANY)
		gp_park(0, "test", NULL, gp_now() + 1000000);
	if (meanwhile)
		cr_assert_eq(pthread_join(t, NULL), 0);
	cr_assert_eq(gp_lot_parked, 0u);
}

Test(park, wakes_from_a_foreign_thread, .timeout = 20)
{
	from_foreign_thread(true);
}

/* The hub does not come to look before all have been given: more than its table of orders holds. */
Test(park, more_wakes_from_a_foreign_thread_than_can_be_noted, .timeout = 20)
{
	from_foreign_thread(false);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static bool stop;

static void lock(void)
{
	int r = gp_lot_claimed(&mutex) ? EBUSY : pthread_mutex_trylock(&mutex);

	if (r)
		cr_assert_eq(gp_mutex_wait(&mutex, "mutex", GP_FOREVER), 0);
}

/* Always with the mutex in hand when somebody else runs. */
static void *hog(void *unused)
{
	(void)unused;
	for (int i = 0; i < 100000 && !stop; i++) {
		lock();
		gp_yield();
		pthread_mutex_unlock(&mutex);
		gp_lot_wake(&mutex, 1);
	}
	return NULL;
}

static void *once_each(void *unused)
{
	(void)unused;
	lock();
	ended++;
	gp_yield();
	pthread_mutex_unlock(&mutex);
	gp_lot_wake(&mutex, 1);
	return NULL;
}

Test(park, nobody_starves_behind_one_that_comes_back_at_once)
{
	spawn(hog, NULL);
	for (int i = 0; i < 10; i++)
		spawn(once_each, NULL);
	for (int i = 0; i < 1000 && ended < 10; i++)
		gp_yield();
	stop = true;
	settle();
	cr_assert_eq(ended, 10u);
}

Test(park, a_mutex_has_a_deadline)
{
	cr_assert_eq(gp_greenlets_start(), 0);
	cr_assert_eq(pthread_mutex_lock(&mutex), 0);
	cr_assert_eq(gp_mutex_wait(&mutex, "mutex", gp_now() + 1000000), ETIMEDOUT);
	cr_assert_eq(gp_mutex_wait(&mutex, "mutex", gp_now()), ETIMEDOUT);
	pthread_mutex_unlock(&mutex);
	cr_assert_eq(gp_mutex_wait(&mutex, "mutex", gp_now()), 0, "free: not even a deadline in the past matters");
}

static void *foreign_unlock(void *unused)
{
	struct timespec pause = { 0, 20000000 };

	(void)unused;
	nanosleep(&pause, NULL);
	pthread_mutex_unlock(&mutex); /* and no gp_lot_wake: as glibc's pthread_cond_wait does */
	return NULL;
}

Test(park, an_unseen_unlock_is_found, .timeout = 20)
{
	pthread_t t;

	cr_assert_eq(gp_greenlets_start(), 0);
	pthread_mutex_lock(&mutex);
	gp_lot_unseen = true;
	cr_assert_eq(pthread_create(&t, NULL, foreign_unlock, NULL), 0);
	cr_assert_eq(gp_mutex_wait(&mutex, "mutex", GP_FOREVER), 0);
	pthread_join(t, NULL);
}

Test(park, fork_forgets_the_waiters)
{
	spawn(wait_x, "a");
	settle();
	gp_lot_forget_all();
	cr_assert(!gp_lot_waits(&x) && !gp_lot_parked);
	cr_assert_eq(gp_lot_wake(&x, 1), 0u);
}
