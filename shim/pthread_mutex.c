/*
 * <pthread.h>: mutexes. glibc's trylock and unlock keep the state: greenlets have thread ids of their own, so recursion, error
 * checks, robustness and ownership mean what they mean natively. A greenlet that finds a mutex taken parks and tries again.
 *
 * As natively, whoever runs may overtake one that was woken; once. See gp_mutex_wait.
 */
#include "shim.h"
#include "../runtime/park.h"

#include <pthread.h>

enum { MUTEX_PI = 32 }; /* of __kind */

static int try_lock(pthread_mutex_t *m)
{
	int r = gp_mutex_try(m);

	/* A priority ceiling: glibc asks the kernel about a thread id it does not know. The answer for a thread without
	 * priority: */
	return gp_unlikely(r == ESRCH) ? EINVAL : r;
}

/* m was promised to one that waits longer. Never true for the owner, who may have got in by trylock and locks again. */
static bool promised(pthread_mutex_t *m)
{
	return gp_lot_claimed(m) && m->__data.__owner != (int)gp_self->tid;
}

static int lock(pthread_mutex_t *m, const char *why, clockid_t clock, const struct timespec *abstime)
{
	uint64_t deadline = GP_FOREVER;
	int r = promised(m) ? EBUSY : try_lock(m);

	if (gp_likely(r != EBUSY))
		return r;
	if ((m->__data.__kind & 3) == PTHREAD_MUTEX_ERRORCHECK_NP && m->__data.__owner == (int)gp_self->tid)
		return EDEADLK;
	if (abstime) {
		/* Only here: glibc looks at the time when it has to wait. FUTEX_LOCK_PI wants no negative one. */
		if (!gp_timespec_ok(abstime) || (abstime->tv_sec < 0 && (m->__data.__kind & MUTEX_PI)))
			return EINVAL;
		deadline = gp_deadline(abstime, clock, false);
	}
	return gp_mutex_wait(m, why, deadline);
}

GP_EXPORT int pthread_mutex_lock(pthread_mutex_t *m)
{
	if (gp_unlikely(!gp_coop_sync(GP_F_SYNC))) {
		gp_lot_outsider(false);
		return real_pthread_mutex_lock(m);
	}
	return lock(m, "pthread_mutex_lock", 0, NULL);
}
GP_ALIAS_OF(__pthread_mutex_lock, pthread_mutex_lock);

GP_EXPORT int pthread_mutex_timedlock(pthread_mutex_t *m, const struct timespec *abstime)
{
	if (!gp_coop_sync(GP_F_SYNC)) {
		gp_lot_outsider(false);
		return real_pthread_mutex_timedlock(m, abstime);
	}
	return lock(m, "pthread_mutex_timedlock", CLOCK_REALTIME, abstime);
}

GP_EXPORT int pthread_mutex_clocklock(pthread_mutex_t *m, clockid_t clock, const struct timespec *abstime)
{
	if (!gp_coop_sync(GP_F_SYNC)) {
		gp_lot_outsider(false);
		return real_pthread_mutex_clocklock(m, clock, abstime);
	}
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return EINVAL;
	return lock(m, "pthread_mutex_clocklock", clock, abstime);
}

GP_EXPORT int pthread_mutex_trylock(pthread_mutex_t *m)
{
	int r;

	if (!gp_coop_sync(GP_F_SYNC)) {
		gp_lot_outsider(false);
		return real_pthread_mutex_trylock(m);
	}
	r = try_lock(m);
	if (r == EBUSY)
		gp_tick(); /* it may be a loop that waits for another greenlet */
	return r;
}
GP_ALIAS_OF(__pthread_mutex_trylock, pthread_mutex_trylock);

/* The budget is counted here and not in lock: who yields with the mutex in his hands makes the others wake for nothing. */
GP_EXPORT int pthread_mutex_unlock(pthread_mutex_t *m)
{
	bool nested = (m->__data.__kind & 3) == PTHREAD_MUTEX_RECURSIVE_NP && m->__data.__count > 1;
	int r = gp_mutex_unlock(m);

	if (gp_likely(!nested))
		gp_lot_wake(m, 1);
	gp_tick_lock();
	return r;
}
GP_ALIAS_OF(__pthread_mutex_unlock, pthread_mutex_unlock);
