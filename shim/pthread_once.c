/*
 * <pthread.h>: pthread_once and spin locks.
 *
 * glibc's pthread_once runs the routine, with its cleanup for cancellation and C++ exceptions and its memory of forks; a greenlet
 * only keeps out of it while another runs the routine. That one may leave by an exception, unseen: so waiters look now and then.
 */
#include "shim.h"
#include "../runtime/park.h"

#include <pthread.h>

enum { IN_PROGRESS = 1, /* or-ed with the number of forks, which glibc keeps to itself */ DONE = 2 };

static __thread pthread_once_t probe;
static __thread int probed;

static void look_at_probe(void)
{
	probed = probe;
}

/* In progress, and not left so by a thread that was lost in a fork. */
static bool running(pthread_once_t *once)
{
	int now = __atomic_load_n(once, __ATOMIC_ACQUIRE);

	if (!(now & IN_PROGRESS))
		return false;
	probe = PTHREAD_ONCE_INIT;
	real_pthread_once(&probe, look_at_probe);
	return now == probed;
}

GP_EXPORT int pthread_once(pthread_once_t *once, void (*routine)(void))
{
	uint64_t tick = GP_LOT_TICK;
	int r;

	if (gp_likely(__atomic_load_n(once, __ATOMIC_ACQUIRE) == DONE))
		return 0;
	gp_lot_outsider(false);
	while (gp_coop_sync(GP_F_SYNC) && running(once))
		if (gp_lot_wait(once, GP_PARK_NOTIME, "pthread_once", gp_lot_look(&tick, GP_FOREVER)) == -ECANCELED)
			gp_cancel_now();
	r = real_pthread_once(once, routine);
	gp_lot_wake(once, GP_LOT_ANY);
	return r;
}
GP_ALIAS_OF(__pthread_once, pthread_once);

/* On one kernel thread nobody lets go while we spin. */
GP_EXPORT int pthread_spin_lock(pthread_spinlock_t *lock)
{
	if (!gp_coop_sync(GP_F_SYNC))
		return real_pthread_spin_lock(lock);
	while (real_pthread_spin_trylock(lock))
		gp_yield();
	return 0;
}

GP_EXPORT int pthread_spin_trylock(pthread_spinlock_t *lock)
{
	int r = real_pthread_spin_trylock(lock);

	if (r && gp_coop_sync(GP_F_SYNC))
		gp_tick();
	return r;
}
