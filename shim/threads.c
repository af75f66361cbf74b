/*
 * <threads.h>: C11 threads are pthreads under other names, with other error numbers. libc's own versions call its pthread code
 * without passing a symbol, hence this file. The types are the same, as in libc.
 */
#include "shim.h"

#include <pthread.h>
#include <threads.h>

_Static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t) &&
	       sizeof(once_flag) == sizeof(pthread_once_t), "as in libc");

#define MUTEX(m) ((pthread_mutex_t *)(m))
#define COND(c)  ((pthread_cond_t *)(c))

static int c11(int err)
{
	switch (err) {
	case 0:         return thrd_success;
	case ENOMEM:    return thrd_nomem;
	case ETIMEDOUT: return thrd_timedout;
	case EBUSY:     return thrd_busy;
	default:        return thrd_error;
	}
}

/* The int comes back in the low half of the register that a void * would fill; thrd_join reads no more of it. */
GP_EXPORT int thrd_create(thrd_t *thread, thrd_start_t start, void *arg)
{
	return c11(pthread_create(thread, NULL, (void *(*)(void *))(void (*)(void))start, arg));
}

GP_EXPORT int thrd_join(thrd_t thread, int *value)
{
	void *p;
	int r = pthread_join(thread, &p);

	if (!r && value)
		*value = (int)(intptr_t)p;
	return c11(r);
}

GP_EXPORT int thrd_detach(thrd_t thread)
{
	return c11(pthread_detach(thread));
}

GP_EXPORT void thrd_exit(int value)
{
	pthread_exit((void *)(intptr_t)value);
}

GP_EXPORT int thrd_sleep(const struct timespec *ts, struct timespec *rem)
{
	int r = clock_nanosleep(CLOCK_REALTIME, 0, ts, rem);

	return !r ? 0 : r == EINTR ? -1 : -2;
}

GP_EXPORT void thrd_yield(void)
{
	sched_yield();
}

GP_EXPORT int mtx_lock(mtx_t *m)
{
	return c11(pthread_mutex_lock(MUTEX(m)));
}

GP_EXPORT int mtx_trylock(mtx_t *m)
{
	return c11(pthread_mutex_trylock(MUTEX(m)));
}

GP_EXPORT int mtx_timedlock(mtx_t *restrict m, const struct timespec *restrict abstime)
{
	return c11(pthread_mutex_timedlock(MUTEX(m), abstime));
}

GP_EXPORT int mtx_unlock(mtx_t *m)
{
	return c11(pthread_mutex_unlock(MUTEX(m)));
}

GP_EXPORT int cnd_wait(cnd_t *c, mtx_t *m)
{
	return c11(pthread_cond_wait(COND(c), MUTEX(m)));
}

GP_EXPORT int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m, const struct timespec *restrict abstime)
{
	return c11(pthread_cond_timedwait(COND(c), MUTEX(m), abstime));
}

GP_EXPORT int cnd_signal(cnd_t *c)
{
	return c11(pthread_cond_signal(COND(c)));
}

GP_EXPORT int cnd_broadcast(cnd_t *c)
{
	return c11(pthread_cond_broadcast(COND(c)));
}

GP_EXPORT void cnd_destroy(cnd_t *c)
{
	pthread_cond_destroy(COND(c));
}

GP_EXPORT void call_once(once_flag *flag, void (*routine)(void))
{
	pthread_once((pthread_once_t *)flag, routine);
}
