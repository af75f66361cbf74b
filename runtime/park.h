/*
 * park.h - the parking lot: a user-level futex. Greenlets wait for an address; anybody wakes an address.
 *
 * Under mutex, condition variable, semaphore, rwlock, barrier, once and syscall(SYS_futex). The state stays where glibc keeps
 * it (a mutex is taken with real_pthread_mutex_trylock); only the waiting is ours. Waiting is first in, first out.
 */
#ifndef GP_PARK_H
#define GP_PARK_H

#include "sched.h"

#define GP_LOT_ANY 0xffffffffu /* FUTEX_BITSET_MATCH_ANY; as a number of waiters: all */

enum {
	GP_LOT_FRONT = 1, /* before those that wait already: somebody who was woken for nothing keeps his place */
	GP_LOT_CLAIM = 2, /* between the wake and the moment the woken one runs, gp_lot_claimed(addr) is true */
};

/* Lives on the waiter's stack. */
struct gp_lot_waiter {
	struct gp_wait wait;
	struct gp_lot_waiter *next, *prev;   /* ring of those on one address, oldest first */
	struct gp_lot_waiter *below, **slot; /* of the oldest alone: its place in the chain of its bucket */
	struct greenlet *g;
	const void *addr;
	uint32_t bits;
	bool linked, woken, claims, claimed;
};

enum { GP_LOT_BITS = 12 };
extern struct gp_lot_waiter *gp_lot_buckets[1u << GP_LOT_BITS]; /* by address; for gp_lot_wake, which mostly finds nobody there */
static inline struct gp_lot_waiter **gp_lot_bucket(const void *addr)
{
	return &gp_lot_buckets[(uintptr_t)addr * 0x9e3779b97f4a7c15ull >> (64 - GP_LOT_BITS)];
}

extern unsigned gp_lot_parked; /* waiters that are linked */
extern unsigned gp_lot_claims; /* of these: claims */
extern bool gp_lot_foreign;    /* a foreign kernel thread has used a lock: it may change what a greenlet has just tested */
extern bool gp_lot_unseen;     /* mutexes may be released without gp_lot_wake: by glibc in a foreign thread's pthread_cond_wait */

/*
 * Waiting in two steps, for a state that something else than a greenlet may change (a foreign thread where gp_lot_foreign is set, a
 * signal handler): prepare, test, then commit or abandon. No handler runs in between. Greenlet only.
 * commit's flags and results are gp_park's; 0 whenever a wake was spent on us, whatever else came.
 */
void gp_lot_prepare(struct gp_lot_waiter *w, const void *addr, uint32_t bits, unsigned lot_flags);
int gp_lot_commit(struct gp_lot_waiter *w, unsigned flags, const char *why, uint64_t deadline);
void gp_lot_abandon(struct gp_lot_waiter *w);

/* Both at once: no wake-up is lost between the caller's test and this call if only greenlets change the state. */
int gp_lot_wait(const void *addr, unsigned flags, const char *why, uint64_t deadline);
int gp_lot_wait_bits(const void *addr, uint32_t bits, unsigned flags, const char *why, uint64_t deadline);

/*
 * Wakes up to n greenlets that wait for addr, in order of arrival. From the greenlet thread it returns how many it woke. From a
 * foreign kernel thread, which has changed the state before, it hands the wake to the hub and returns 0. Signal handlers may
 * call it. With nobody parked on anything it costs one load.
 */
unsigned gp_lot_wake_bits(const void *addr, unsigned n, uint32_t bits);
unsigned gp_lot_wake_outside(const void *addr, unsigned n, uint32_t bits);
static inline unsigned gp_lot_wake(const void *addr, unsigned n)
{
	if (gp_likely(gp_self != NULL))
		return gp_likely(!gp_lot_parked || !*gp_lot_bucket(addr)) ? 0 : gp_lot_wake_bits(addr, n, GP_LOT_ANY);
	return gp_unlikely(gp_sched.live) ? gp_lot_wake_outside(addr, n, GP_LOT_ANY) : 0;
}

/* A foreign thread is about to use an object that greenlets may wait for. unseen: in a way that sets gp_lot_unseen. */
void gp_lot_meet(bool unseen);
static inline void gp_lot_outsider(bool unseen)
{
	if (gp_unlikely(gp_sched.live) && !gp_thread_is_ours && (!gp_lot_foreign || (unseen && !gp_lot_unseen)))
		gp_lot_meet(unseen);
}

/* FUTEX_REQUEUE: wakes up to n, moves up to m others to wait for `to`. Returns woken, *moved counts the others. */
unsigned gp_lot_requeue(const void *from, unsigned n, const void *to, unsigned m, unsigned *moved);

/* True if some greenlet is parked on addr; if addr was promised to one that has not run yet. Greenlet thread only. */
bool gp_lot_waits(const void *addr);
bool gp_lot_claimed_slow(const void *addr);
static inline bool gp_lot_claimed(const void *addr)
{
	return gp_unlikely(gp_lot_claims) && gp_lot_claimed_slow(addr);
}

/*
 * For an object that another process may change too: the time of the next look at it, 100 us to 5 ms ahead, doubling, or the
 * deadline where that is nearer.
 */
#define GP_LOT_TICK 100000ull
uint64_t gp_lot_look(uint64_t *tick, uint64_t deadline);

/* pthread_mutex_trylock of glibc, by a greenlet; and its pthread_mutex_unlock, by anybody. */
int gp_mutex_try(pthread_mutex_t *m);
int gp_mutex_unlock(pthread_mutex_t *m);
/*
 * The waiting half of pthread_mutex_lock and of pthread_cond_wait's way back: m was found busy. Returns the error number. No
 * greenlet waits for ever beside others that come and go: one that was woken and found the mutex taken again claims it the next
 * time.
 */
int gp_mutex_wait(pthread_mutex_t *m, const char *why, uint64_t deadline);

/* After fork: nobody is parked any more. */
void gp_lot_forget_all(void);

#endif
