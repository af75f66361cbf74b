/*
 * A hash table of addresses. The oldest waiter of an address stands in its bucket's chain; those after it hang on it in a ring, so
 * that ten thousand on one mutex are one step for everybody else, and linking, waking and leaving take constant time.
 *
 * A claim is a woken waiter moved to an address of its own (the odd one beside the object's) until it runs.
 */
#include "park.h"
#include "hub.h"
#include "real.h"
#include "robust.h"

#include <linux/futex.h>

#include <string.h>

#define TICK_MAX 5000000ull

unsigned gp_lot_parked, gp_lot_claims;
bool gp_lot_foreign, gp_lot_unseen;

struct gp_lot_waiter *gp_lot_buckets[1u << GP_LOT_BITS];

static const void *claim_of(const void *addr)
{
	return (const char *)addr + 1;
}

static struct gp_lot_waiter *oldest(const void *addr)
{
	struct gp_lot_waiter *w = *gp_lot_bucket(addr);

	while (w && w->addr != addr)
		w = w->below;
	return w;
}

static void place(struct gp_lot_waiter *w, struct gp_lot_waiter **slot, struct gp_lot_waiter *below)
{
	w->slot = slot;
	w->below = below;
	*slot = w;
	if (below)
		below->slot = &w->below;
}

static void insert(struct gp_lot_waiter *w, bool front)
{
	struct gp_lot_waiter *head = oldest(w->addr);

	w->slot = NULL;
	w->next = w->prev = w;
	if (head) {
		w->next = head;
		w->prev = head->prev;
		w->prev->next = head->prev = w;
	}
	if (!head) {
		place(w, gp_lot_bucket(w->addr), *gp_lot_bucket(w->addr));
	} else if (front) {
		place(w, head->slot, head->below);
		head->slot = NULL;
	}
	w->linked = true;
	gp_lot_parked++;
}

static void take_out(struct gp_lot_waiter *w)
{
	if (w->slot && w->next != w) {
		place(w->next, w->slot, w->below);
	} else if (w->slot) {
		*w->slot = w->below;
		if (w->below)
			w->below->slot = w->slot;
	}
	w->prev->next = w->next;
	w->next->prev = w->prev;
	w->linked = false;
	gp_lot_parked--;
	if (w->claimed) {
		w->claimed = false;
		gp_lot_claims--;
	}
}

/* gp_park is about to run handlers, which may jump away from the waiter's frame. */
static void unlink_waiter(struct gp_wait *wait)
{
	struct gp_lot_waiter *w = gp_container(wait, struct gp_lot_waiter, wait);

	if (w->linked)
		take_out(w);
}

void gp_lot_prepare(struct gp_lot_waiter *w, const void *addr, uint32_t bits, unsigned lot_flags)
{
	w->g = gp_self;
	w->addr = addr;
	w->bits = bits;
	w->woken = w->claimed = false;
	w->claims = lot_flags & GP_LOT_CLAIM;
	gp_enter();
	insert(w, lot_flags & GP_LOT_FRONT);
	gp_wait_push(&w->wait, unlink_waiter);
	/* Either the caller's test sees what a foreign thread has done, or that thread sees us in gp_lot_parked. */
	if (gp_unlikely(gp_lot_foreign))
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void gp_lot_abandon(struct gp_lot_waiter *w)
{
	unlink_waiter(&w->wait);
	gp_wait_pop(&w->wait);
	gp_leave();
}

int gp_lot_commit(struct gp_lot_waiter *w, unsigned flags, const char *why, uint64_t deadline)
{
	int r;

	__asm__ volatile("" ::: "memory");
	gp_critical = gp_critical - 1; /* not gp_leave: no handler may run while we are linked, and gp_park looks at once */
	r = gp_park(flags, why, w->addr, deadline);
	if (gp_likely(w->woken && !w->linked && w->g->waits == &w->wait)) {
		w->g->waits = w->wait.next;
		if (gp_unlikely(gp_signal_noted)) { /* what came meanwhile had to wait, as we were linked */
			gp_enter();
			gp_leave();
		}
		return 0;
	}
	gp_enter();
	unlink_waiter(&w->wait);
	gp_wait_pop(&w->wait);
	gp_leave();
	if (w->woken)
		return 0;
	if (gp_unlikely(r == -ENOMEM)) { /* no room for the deadline: the caller looks again and again */
		gp_yield();
		return gp_now() >= deadline ? -ETIMEDOUT : -ERESTART;
	}
	return r;
}

int gp_lot_wait_bits(const void *addr, uint32_t bits, unsigned flags, const char *why, uint64_t deadline)
{
	struct gp_lot_waiter w;

	gp_lot_prepare(&w, addr, bits, 0);
	return gp_lot_commit(&w, flags, why, deadline);
}

int gp_lot_wait(const void *addr, unsigned flags, const char *why, uint64_t deadline)
{
	return gp_lot_wait_bits(addr, GP_LOT_ANY, flags, why, deadline);
}

/* One whose deadline has just passed, too, may be woken as long as it has not run: it then reports the wake. */
static void wake(struct gp_lot_waiter *w)
{
	take_out(w);
	w->woken = true;
	if (w->claims) {
		w->addr = claim_of(w->addr);
		w->claimed = true;
		gp_lot_claims++;
		insert(w, false);
	}
	gp_make_ready(w->g, 0);
}

unsigned gp_lot_wake_bits(const void *addr, unsigned n, uint32_t bits)
{
	struct gp_lot_waiter *w, *last, *next;
	unsigned woken = 0;

	if (gp_unlikely(!gp_self && !gp_thread_is_ours))
		return gp_lot_wake_outside(addr, n, bits);
	gp_enter();
	w = oldest(addr);
	last = w ? w->prev : NULL;
	for (; w && woken < n; w = next) {
		next = w == last ? NULL : w->next;
		if (w->bits & bits) {
			wake(w);
			woken++;
		}
	}
	gp_leave();
	return woken;
}

unsigned gp_lot_requeue(const void *from, unsigned n, const void *to, unsigned m, unsigned *moved)
{
	unsigned woken = gp_lot_wake_bits(from, n, GP_LOT_ANY);
	struct gp_lot_waiter *w;

	gp_enter();
	for (*moved = 0; *moved < m && from != to && (w = oldest(from)); ++*moved) {
		take_out(w);
		w->addr = to;
		insert(w, false);
	}
	gp_leave();
	return woken;
}

bool gp_lot_waits(const void *addr)
{
	return gp_lot_parked && oldest(addr);
}

bool gp_lot_claimed_slow(const void *addr)
{
	return oldest(claim_of(addr)) != NULL;
}

enum { FREE, FILLING, FULL };

/*
 * Wakes from foreign threads, where malloc is no choice: the caller may be a signal handler. Out of slots, all are woken; whoever
 * waits tests again or is allowed to come back for nothing.
 */
static struct order {
	int state;
	unsigned n;
	uint32_t bits;
	const void *addr;
} orders[64];
static bool everybody, posted;

static void carry_out(struct gp_hub_call *c)
{
	(void)c;
	__atomic_store_n(&posted, false, __ATOMIC_SEQ_CST);
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct order o;

		if (__atomic_load_n(&orders[i].state, __ATOMIC_ACQUIRE) != FULL)
			continue;
		o = orders[i];
		__atomic_store_n(&orders[i].state, FREE, __ATOMIC_RELEASE);
		gp_lot_wake_bits(o.addr, o.n, o.bits);
	}
	if (__atomic_exchange_n(&everybody, false, __ATOMIC_SEQ_CST))
		for (size_t i = 0; i < 1u << GP_LOT_BITS; i++)
			for (struct gp_lot_waiter *w = gp_lot_buckets[i], *below; w; w = below) {
				below = w->below; /* a claim that comes back into this chain comes in before w */
				if (!w->claimed)
					gp_lot_wake_bits(w->addr, GP_LOT_ANY, GP_LOT_ANY);
			}
}

static void post(void)
{
	static struct gp_hub_call call = { .fn = carry_out };

	if (!__atomic_exchange_n(&posted, true, __ATOMIC_SEQ_CST))
		gp_hub_post(&call);
}

unsigned gp_lot_wake_outside(const void *addr, unsigned n, uint32_t bits)
{
	if (gp_thread_is_ours)
		return gp_lot_parked ? gp_lot_wake_bits(addr, n, bits) : 0;
	gp_lot_outsider(false);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&gp_lot_parked, __ATOMIC_RELAXED))
		return 0;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		int expected = FREE;

		if (!__atomic_compare_exchange_n(&orders[i].state, &expected, FILLING, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			continue;
		orders[i].addr = addr;
		orders[i].n = n;
		orders[i].bits = bits;
		__atomic_store_n(&orders[i].state, FULL, __ATOMIC_RELEASE);
		post();
		return 0;
	}
	__atomic_store_n(&everybody, true, __ATOMIC_SEQ_CST);
	post();
	return 0;
}

/* Greenlets that parked before they could know of foreign threads come back once, and park again as the flags now say. */
void gp_lot_meet(bool unseen)
{
	__atomic_store_n(&gp_lot_foreign, true, __ATOMIC_SEQ_CST);
	if (unseen)
		__atomic_store_n(&gp_lot_unseen, true, __ATOMIC_SEQ_CST);
	__atomic_store_n(&everybody, true, __ATOMIC_SEQ_CST);
	post();
}

int gp_mutex_unlock(pthread_mutex_t *m)
{
	return gp_unlikely(gp_mutex_left_to_others(m)) && gp_self ? gp_robust_unlock(m) : real_pthread_mutex_unlock(m);
}

uint64_t gp_lot_look(uint64_t *tick, uint64_t deadline)
{
	uint64_t at = gp_now() + *tick;

	if (*tick * 2 <= TICK_MAX)
		*tick *= 2;
	return at < deadline ? at : deadline;
}

static bool unlocks_unseen(const pthread_mutex_t *m)
{
	return gp_lot_unseen || (m->__data.__kind & GP_MUTEX_SHARED) || (gp_lot_foreign && (m->__data.__kind & GP_MUTEX_ROBUST));
}

/* glibc leaves the dead owner of such a mutex to the kernel, which knows neither him nor his heir. Without priorities it is a robust one. */
static bool left_by_the_dead(const pthread_mutex_t *m)
{
	return (m->__data.__kind & (GP_MUTEX_ROBUST | GP_MUTEX_PI)) == (GP_MUTEX_ROBUST | GP_MUTEX_PI) &&
	       ((uint32_t)m->__data.__lock & (FUTEX_OWNER_DIED | FUTEX_WAITERS)) == FUTEX_OWNER_DIED; /* nobody waits in the kernel */
}

int gp_mutex_try(pthread_mutex_t *m)
{
	bool dead = left_by_the_dead(m);
	int r;

	if (gp_unlikely(dead))
		m->__data.__kind &= ~GP_MUTEX_PI;
	r = gp_unlikely(gp_mutex_left_to_others(m)) ? gp_robust_trylock(m) : real_pthread_mutex_trylock(m);
	if (gp_unlikely(dead))
		m->__data.__kind |= GP_MUTEX_PI;
	/* glibc's trylock (2.36) keeps the lock word of a mutex that it declares unrecoverable; its lock gives it back. */
	if (gp_unlikely(r == ENOTRECOVERABLE) && ((uint32_t)m->__data.__lock & FUTEX_TID_MASK) == gp_self->tid)
		__atomic_store_n(&m->__data.__lock, 0, __ATOMIC_RELEASE);
	return r;
}

/* A handler is about to run in the one that looks, and may wait itself: the next in line looks meanwhile. */
static void stop_looking(struct gp_wait *wait)
{
	struct gp_lot_waiter *w = gp_container(wait, struct gp_lot_waiter, wait);

	unlink_waiter(wait);
	gp_lot_wake_bits(w->addr, 1, GP_LOT_ANY);
}

int gp_mutex_wait(pthread_mutex_t *m, const char *why, uint64_t deadline)
{
	uint64_t tick = GP_LOT_TICK, until;
	unsigned place = 0;
	struct gp_lot_waiter w;
	bool look;
	int r, p;

	do {
		/* Of those that wait for a mutex whose release we may miss, the first in line looks; his own unlock wakes the
		 * next. */
		look = unlocks_unseen(m) && (place || !gp_lot_waits(m));
		until = look ? gp_lot_look(&tick, deadline) : deadline;
		gp_lot_prepare(&w, m, GP_LOT_ANY, place);
		if (gp_lot_foreign && (r = gp_mutex_try(m)) != EBUSY) {
			gp_lot_abandon(&w);
			return r;
		}
		if (look)
			w.wait.unlink = stop_looking;
		p = gp_lot_commit(&w, GP_PARK_NOTIME, why, until);
		if (p == -ECANCELED)
			gp_cancel_now();
		place = !p ? GP_LOT_FRONT | GP_LOT_CLAIM : look ? place | GP_LOT_FRONT : 0;
	} while ((r = gp_mutex_try(m)) == EBUSY && (p != -ETIMEDOUT || until != deadline));
	if (r == EBUSY) {
		gp_lot_wake(m, look); /* somebody else must look from now on */
		return ETIMEDOUT;
	}
	if (r == ENOTRECOVERABLE)
		gp_lot_wake(m, GP_LOT_ANY); /* it will never be unlocked again */
	return r;
}

/* Records on stacks that no longer exist. */
void gp_lot_forget_all(void)
{
	memset(gp_lot_buckets, 0, sizeof(gp_lot_buckets));
	memset(orders, 0, sizeof(orders));
	gp_lot_parked = gp_lot_claims = 0;
	gp_lot_foreign = gp_lot_unseen = everybody = posted = false;
}
