/*
 * <pthread.h>: condition variables. Greenlets wait in the parking lot; foreign kernel threads in glibc's own, under the same
 * address. A signal goes to a greenlet if one waits, else to glibc.
 *
 * After a handler the wait goes on, as natively, unless the variable was signalled meanwhile. The wait on a process-shared variable
 * returns 0 ("spuriously") now and then, as POSIX allows.
 */
#include "shim.h"
#include "../runtime/offload.h"
#include "../runtime/park.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { COND_SHARED = 1, COND_MONOTONIC = 2 }; /* of __wrefs; the rest counts glibc's own waiters, from bit 3 on */

enum { MUTEX_BY_TID = 16 | 32 }; /* of __kind: robust and PI mutexes hold the owner's tid in the lock word itself */
#define SLICE 500000000u /* ns */

/* How long the next wait on a shared variable with such a mutex pauses: longer while the program does nothing but wait for it. */
static struct pace {
	const pthread_cond_t *cond;
	uint64_t tick, last;
} paces[64];

static struct pace *pace_of(const pthread_cond_t *c)
{
	struct pace *p = &paces[(uintptr_t)c / sizeof(*c) % (sizeof(paces) / sizeof(paces[0]))];

	if (p->cond != c || gp_now() - p->last > GP_LOT_TICK)
		*p = (struct pace){ .cond = c, .tick = GP_LOT_TICK };
	return p;
}

/* Counts what might have woken a waiter while it was not in line, by address. */
static unsigned *signals_of(const pthread_cond_t *c)
{
	static unsigned count[256];

	return &count[(uintptr_t)c / 16 % (sizeof(count) / sizeof(count[0]))];
}

/* Of two at once one may be lost, not both. Where all threads are native there is nothing to count, and drd would see them race. */
static void signalled(const pthread_cond_t *c)
{
	unsigned *n = signals_of(c);

	if (gp_self)
		__atomic_store_n(n, __atomic_load_n(n, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
	else if (gp_sched.live)
		__atomic_fetch_add(n, 1, __ATOMIC_RELAXED);
}

/* Back to the mutex; nothing ends this, not even asynchronous cancellation. */
static int relock(pthread_mutex_t *m)
{
	uint8_t async = gp_self->cancel_async;
	int r = gp_lot_claimed(m) && m->__data.__owner != (int)gp_self->tid ? EBUSY : gp_mutex_try(m);

	if (r == EBUSY) {
		gp_self->cancel_async = 0;
		r = gp_mutex_wait(m, "pthread_cond_wait: mutex", GP_FOREVER);
		gp_self->cancel_async = async;
	}
	return r;
}

/*
 * A process-shared variable: only a waiter that glibc knows of is woken by another process, so a worker waits, with the mutex in its
 * name. It comes back now and then (a spurious wake-up), lest a thread that a handler jumped out of keeps it for ever.
 */
struct shared_wait {
	pthread_cond_t *c;
	pthread_mutex_t *m;
	uint64_t until;
	uint32_t owner;
};

static long shared_wait(void *arg)
{
	struct shared_wait *w = arg;
	struct timespec ts = { (time_t)(w->until / GP_NSEC), (long)(w->until % GP_NSEC) };
	int r;

	w->m->__data.__owner = (int)real_syscall(SYS_gettid);
	r = real_pthread_cond_clockwait(w->c, w->m, CLOCK_MONOTONIC, &ts);
	w->m->__data.__owner = (int)w->owner;
	return r;
}

/* All that wait for it, in whatever process, look up: POSIX allows that, and nothing else ends one wait alone. */
static void wake_all(void *arg)
{
	real_pthread_cond_broadcast(((struct shared_wait *)arg)->c);
}

static int wait_shared(pthread_cond_t *c, pthread_mutex_t *m, const char *why, uint64_t deadline)
{
	uint64_t slice = gp_now() + SLICE;
	struct shared_wait w = { c, m, deadline < slice ? deadline : slice, gp_self->tid };
	int r;

	gp_cancel_point();
	if (!gp_lot_unseen)
		gp_lot_meet(true);
	gp_lot_wake(m, 1); /* glibc releases the mutex in there, and nobody tells who waits for it: the first in line must look */
	r = (int)gp_offload_until_cancelled(shared_wait, &w, why, wake_all);
	gp_cancel_point();
	return r == ETIMEDOUT && gp_now() < deadline ? 0 : r;
}

static int wait_on(pthread_cond_t *c, pthread_mutex_t *m, const char *why, uint64_t deadline)
{
	struct pace *pace = c->__data.__wrefs & COND_SHARED ? pace_of(c) : NULL;
	uint64_t until = pace ? gp_lot_look(&pace->tick, deadline) : deadline;
	unsigned seen = *signals_of(c);
	struct gp_lot_waiter w;
	int r, locked;

	if (pace && !(m->__data.__kind & MUTEX_BY_TID))
		return wait_shared(c, m, why, deadline);
	gp_cancel_point();
	gp_lot_prepare(&w, c, GP_LOT_ANY, 0);
	m->__data.__nusers++; /* pthread_mutex_destroy says EBUSY while somebody will come back to it */
	r = gp_mutex_unlock(m);
	if (r) {
		m->__data.__nusers--;
		gp_lot_abandon(&w);
		return r;
	}
	gp_lot_wake(m, 1);
	r = gp_lot_commit(&w, GP_PARK_CANCEL, why, until);
	while ((r == -ERESTART || r == -EINTR) && !pace && seen == *signals_of(c)) {
		gp_lot_prepare(&w, c, GP_LOT_ANY, GP_LOT_FRONT);
		r = gp_lot_commit(&w, GP_PARK_CANCEL, why, until);
	}
	locked = relock(m);
	m->__data.__nusers--;
	if (r == -ECANCELED)
		gp_cancel_now();
	if (pace)
		pace->last = gp_now();
	if (locked)
		return locked;
	return r == -ETIMEDOUT && (until == deadline || gp_now() >= deadline) ? ETIMEDOUT : 0;
}

GP_EXPORT int pthread_cond_init(pthread_cond_t *restrict c, const pthread_condattr_t *restrict attr)
{
	return real_pthread_cond_init(c, attr);
}

GP_EXPORT int pthread_cond_wait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m)
{
	if (!gp_coop_sync(GP_F_SYNC)) {
		gp_lot_outsider(true);
		return real_pthread_cond_wait(c, m);
	}
	return wait_on(c, m, "pthread_cond_wait", GP_FOREVER);
}

GP_EXPORT int pthread_cond_timedwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m,
				     const struct timespec *restrict abstime)
{
	clockid_t clock = CLOCK_REALTIME;

	if (!gp_coop_sync(GP_F_SYNC)) {
		gp_lot_outsider(true);
		return real_pthread_cond_timedwait(c, m, abstime);
	}
	if (!gp_timespec_ok(abstime))
		return EINVAL;
	if (c->__data.__wrefs & COND_MONOTONIC)
		clock = CLOCK_MONOTONIC;
	return wait_on(c, m, "pthread_cond_timedwait", gp_deadline(abstime, clock, false));
}

GP_EXPORT int pthread_cond_clockwait(pthread_cond_t *restrict c, pthread_mutex_t *restrict m, clockid_t clock,
				     const struct timespec *restrict abstime)
{
	if (!gp_coop_sync(GP_F_SYNC)) {
		gp_lot_outsider(true);
		return real_pthread_cond_clockwait(c, m, clock, abstime);
	}
	if (!gp_timespec_ok(abstime) || (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC))
		return EINVAL;
	return wait_on(c, m, "pthread_cond_clockwait", gp_deadline(abstime, clock, false));
}

/* A foreign thread cannot know whether a greenlet waits, nor anybody whether another process does: then both kinds are woken. */
GP_EXPORT int pthread_cond_signal(pthread_cond_t *c)
{
	bool shared = c->__data.__wrefs & COND_SHARED;

	signalled(c);
	if (gp_lot_wake(c, 1) && !shared)
		return 0;
	if (shared && gp_self)
		pace_of(c)->tick = GP_LOT_TICK; /* the program gets on */
	gp_tick_lock();
	return real_pthread_cond_signal(c);
}

GP_EXPORT int pthread_cond_broadcast(pthread_cond_t *c)
{
	signalled(c);
	if (!gp_lot_wake(c, GP_LOT_ANY))
		gp_tick_lock();
	return real_pthread_cond_broadcast(c);
}

static long destroy(void *c)
{
	return real_pthread_cond_destroy(c);
}

/* It waits for foreign threads that were woken and have not left yet. */
GP_EXPORT int pthread_cond_destroy(pthread_cond_t *c)
{
	if (gp_coop_sync(GP_F_SYNC) && c->__data.__wrefs >> 3)
		return (int)gp_offload(destroy, c, "pthread_cond_destroy");
	return real_pthread_cond_destroy(c);
}
