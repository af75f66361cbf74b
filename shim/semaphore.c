/* <semaphore.h>. The count stays in glibc's sem_t; greenlets that find it 0 park on its address. */
#include "shim.h"
#include "../runtime/park.h"

#include <semaphore.h>

/* glibc since 2.21, 64 bits: count and waiters, then 0 for a private semaphore or FUTEX_PRIVATE_FLAG (sic) for a shared one. */
static bool is_shared(const sem_t *s)
{
	return ((const int *)s)[2] != 0;
}

static int count(sem_t *s)
{
	int n = 0;

	sem_getvalue(s, &n);
	return n;
}

/*
 * signal(7) says that all of these go on after a handler with SA_RESTART; but futex(2) with a time-out does not, so EINTR it is for
 * the timed ones. A handler that posts does not change that.
 */
static int wait_for(sem_t *s, const char *why, uint64_t deadline)
{
	uint64_t tick = GP_LOT_TICK, until;
	int saved = errno, how;
	struct gp_lot_waiter w;
	unsigned place = 0;

	for (;;) {
		until = is_shared(s) ? gp_lot_look(&tick, deadline) : deadline;
		gp_lot_prepare(&w, s, GP_LOT_ANY, place);
		if (count(s) > 0 && !gp_lot_claimed(s)) { /* a handler or a foreign thread has posted since the last look */
			gp_lot_abandon(&w);
			how = 0;
		} else {
			how = gp_lot_commit(&w, GP_PARK_CANCEL, why, until);
		}
		if (how == -ECANCELED)
			gp_cancel_now();
		if ((!how || how == -ETIMEDOUT) && !real_sem_trywait(s)) {
			if (count(s) > 0)
				gp_lot_wake(s, 1); /* somebody may have stood back for us */
			errno = saved;
			return 0;
		}
		place = how ? 0 : GP_LOT_FRONT | GP_LOT_CLAIM;
		if (how == -EINTR || (how == -ETIMEDOUT && until == deadline) || (how == -ERESTART && deadline != GP_FOREVER))
			break;
	}
	errno = saved;
	return how == -ETIMEDOUT ? -ETIMEDOUT : -EINTR;
}

static int acquire(sem_t *s, const char *why, clockid_t clock, const struct timespec *abstime)
{
	int saved = errno;

	if (abstime && !gp_timespec_ok(abstime))
		return (int)gp_ret(-EINVAL);
	gp_cancel_point();
	if (gp_likely(!gp_lot_claimed(s)) && !real_sem_trywait(s)) {
		gp_tick_lock();
		return 0;
	}
	errno = saved;
	return (int)gp_ret(wait_for(s, why, abstime ? gp_deadline(abstime, clock, false) : GP_FOREVER));
}

static bool coop(void)
{
	if (gp_coop_sync(GP_F_SYNC))
		return true;
	gp_lot_outsider(false);
	return false;
}

GP_EXPORT int sem_wait(sem_t *s)
{
	return coop() ? acquire(s, "sem_wait", 0, NULL) : real_sem_wait(s);
}

GP_EXPORT int sem_timedwait(sem_t *restrict s, const struct timespec *restrict abstime)
{
	return coop() ? acquire(s, "sem_timedwait", CLOCK_REALTIME, abstime) : real_sem_timedwait(s, abstime);
}

GP_EXPORT int sem_clockwait(sem_t *restrict s, clockid_t clock, const struct timespec *restrict abstime)
{
	if (!coop())
		return real_sem_clockwait(s, clock, abstime);
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return (int)gp_ret(-EINVAL);
	return acquire(s, "sem_clockwait", clock, abstime);
}

GP_EXPORT int sem_trywait(sem_t *s)
{
	int r = real_sem_trywait(s);

	if (r && gp_coop_sync(GP_F_SYNC))
		gp_tick();
	return r;
}

GP_EXPORT int sem_post(sem_t *s)
{
	int r = real_sem_post(s);

	gp_lot_wake(s, 1);
	gp_tick_lock();
	return r;
}
