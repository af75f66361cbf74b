/*
 * <pthread.h>: readers and writers. glibc's try functions and unlock keep the state; readers park on the lock's address, writers on
 * the one beside it.
 *
 * As natively, a lock that becomes free is handed over: to a writer when the last reader leaves, to all waiting readers when a
 * writer leaves (to the next writer where the lock prefers writers). Until those who were woken have run, nobody else gets in.
 */
#include "shim.h"
#include "../runtime/park.h"

#include <pthread.h>

enum { READERS_SHIFT = 3 }; /* of __readers: three bits of flags below the count */

static const void *readers(const pthread_rwlock_t *rw)
{
	return rw;
}

static const void *writers(const pthread_rwlock_t *rw)
{
	return (const char *)rw + 4;
}

/* The only kind that keeps readers out while a writer waits: so their locks must not be recursive. */
static bool prefers_writers(const pthread_rwlock_t *rw)
{
	return rw->__data.__flags == PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP;
}

/* The lock was promised to others, or a writer waits whom this kind prefers. */
static bool stand_back(const pthread_rwlock_t *rw, bool write)
{
	if (gp_likely(!gp_lot_parked))
		return false;
	if (gp_lot_claimed(writers(rw)))
		return true;
	return write ? gp_lot_claimed(readers(rw)) : prefers_writers(rw) && gp_lot_waits(writers(rw));
}

static int take(pthread_rwlock_t *rw, bool write)
{
	return write ? real_pthread_rwlock_trywrlock(rw) : real_pthread_rwlock_tryrdlock(rw);
}

static int try_lock(pthread_rwlock_t *rw, bool write)
{
	return stand_back(rw, write) ? EBUSY : take(rw, write);
}

static void hand_over(pthread_rwlock_t *rw, bool writer_left)
{
	bool r = gp_lot_waits(readers(rw)), w = gp_lot_waits(writers(rw));

	if (w && (!r || !writer_left || prefers_writers(rw))) {
		if (!(rw->__data.__readers >> READERS_SHIFT))
			gp_lot_wake(writers(rw), 1);
	} else if (r) {
		gp_lot_wake(readers(rw), GP_LOT_ANY);
	}
}

static int wait_for(pthread_rwlock_t *rw, bool write, const char *why, uint64_t deadline)
{
	const void *key = write ? writers(rw) : readers(rw);
	uint64_t tick = GP_LOT_TICK, until;
	struct gp_lot_waiter w;
	unsigned place = 0;
	int r, p;

	do {
		until = rw->__data.__shared ? gp_lot_look(&tick, deadline) : deadline;
		gp_lot_prepare(&w, key, GP_LOT_ANY, place | GP_LOT_CLAIM);
		if (gp_lot_foreign && (r = take(rw, write)) != EBUSY) {
			gp_lot_abandon(&w);
			return r;
		}
		p = gp_lot_commit(&w, GP_PARK_NOTIME, why, until);
		if (p == -ECANCELED)
			gp_cancel_now();
		r = p ? try_lock(rw, write) : take(rw, write);
		place = p ? 0 : GP_LOT_FRONT;
		if (!p && r == EBUSY && write)
			gp_lot_wake(readers(rw), GP_LOT_ANY); /* a foreign reader was quicker: others may read with it */
	} while (r == EBUSY && (p != -ETIMEDOUT || until != deadline));
	if (r == EBUSY && write)
		hand_over(rw, false); /* readers may have waited for us alone */
	return r == EBUSY ? ETIMEDOUT : r;
}

static int lock(pthread_rwlock_t *rw, bool write, const char *why, clockid_t clock, const struct timespec *abstime)
{
	int r;

	if (abstime && (!gp_timespec_ok(abstime) || (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)))
		return EINVAL;
	if (rw->__data.__cur_writer == (int)gp_self->tid)
		return EDEADLK;
	r = try_lock(rw, write);
	return gp_likely(r != EBUSY) ? r : wait_for(rw, write, why, abstime ? gp_deadline(abstime, clock, false) : GP_FOREVER);
}

static bool coop(void)
{
	if (gp_coop_sync(GP_F_SYNC))
		return true;
	gp_lot_outsider(false);
	return false;
}

GP_EXPORT int pthread_rwlock_rdlock(pthread_rwlock_t *rw)
{
	return coop() ? lock(rw, false, "pthread_rwlock_rdlock", 0, NULL) : real_pthread_rwlock_rdlock(rw);
}
GP_ALIAS_OF(__pthread_rwlock_rdlock, pthread_rwlock_rdlock);

GP_EXPORT int pthread_rwlock_wrlock(pthread_rwlock_t *rw)
{
	return coop() ? lock(rw, true, "pthread_rwlock_wrlock", 0, NULL) : real_pthread_rwlock_wrlock(rw);
}
GP_ALIAS_OF(__pthread_rwlock_wrlock, pthread_rwlock_wrlock);

GP_EXPORT int pthread_rwlock_timedrdlock(pthread_rwlock_t *restrict rw, const struct timespec *restrict abstime)
{
	if (!coop())
		return real_pthread_rwlock_timedrdlock(rw, abstime);
	return lock(rw, false, "pthread_rwlock_timedrdlock", CLOCK_REALTIME, abstime);
}

GP_EXPORT int pthread_rwlock_timedwrlock(pthread_rwlock_t *restrict rw, const struct timespec *restrict abstime)
{
	if (!coop())
		return real_pthread_rwlock_timedwrlock(rw, abstime);
	return lock(rw, true, "pthread_rwlock_timedwrlock", CLOCK_REALTIME, abstime);
}

GP_EXPORT int pthread_rwlock_clockrdlock(pthread_rwlock_t *restrict rw, clockid_t clock, const struct timespec *restrict abstime)
{
	if (!coop())
		return real_pthread_rwlock_clockrdlock(rw, clock, abstime);
	return lock(rw, false, "pthread_rwlock_clockrdlock", clock, abstime);
}

GP_EXPORT int pthread_rwlock_clockwrlock(pthread_rwlock_t *restrict rw, clockid_t clock, const struct timespec *restrict abstime)
{
	if (!coop())
		return real_pthread_rwlock_clockwrlock(rw, clock, abstime);
	return lock(rw, true, "pthread_rwlock_clockwrlock", clock, abstime);
}

static int try_once(pthread_rwlock_t *rw, bool write)
{
	int r = try_lock(rw, write);

	if (r == EBUSY)
		gp_tick();
	return r;
}

GP_EXPORT int pthread_rwlock_tryrdlock(pthread_rwlock_t *rw)
{
	return coop() ? try_once(rw, false) : real_pthread_rwlock_tryrdlock(rw);
}
GP_ALIAS_OF(__pthread_rwlock_tryrdlock, pthread_rwlock_tryrdlock);

GP_EXPORT int pthread_rwlock_trywrlock(pthread_rwlock_t *rw)
{
	return coop() ? try_once(rw, true) : real_pthread_rwlock_trywrlock(rw);
}
GP_ALIAS_OF(__pthread_rwlock_trywrlock, pthread_rwlock_trywrlock);

GP_EXPORT int pthread_rwlock_unlock(pthread_rwlock_t *rw)
{
	bool writer;
	int r;

	if (!gp_self) { /* it cannot see who waits */
		r = real_pthread_rwlock_unlock(rw);
		gp_lot_wake(writers(rw), 1);
		gp_lot_wake(readers(rw), GP_LOT_ANY);
		return r;
	}
	writer = rw->__data.__cur_writer == (int)gp_self->tid;
	r = real_pthread_rwlock_unlock(rw);
	if (gp_unlikely(gp_lot_parked))
		hand_over(rw, writer);
	gp_tick_lock();
	return r;
}
GP_ALIAS_OF(__pthread_rwlock_unlock, pthread_rwlock_unlock);
