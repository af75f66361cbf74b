/*
 * greenlet.h - greenlets by their own name, for programs that want more than <pthread.h>. Link with -lgpatch (pkg-config gpatch).
 *
 * A greenlet is a pthread without a kernel thread of its own; all greenlets of a process share one kernel thread, exactly one runs
 * at any time, and it gives way where it waits. Inside one, every function of libc and of <pthread.h> may be used:
 * pthread_self(), pthread_getspecific(), errno, thread-local variables are its own. The names follow gevent.
 *
 * Unless a function says otherwise it may be called from main and from any greenlet, and not from signal handlers or from native
 * kernel threads. Times are nanoseconds on CLOCK_MONOTONIC, 0 to GREENLET_FOREVER; nothing ends early.
 * Functions that return int return 0 or an error number, as <pthread.h> does; errno is left alone.
 */
#ifndef GPATCH_GREENLET_H
#define GPATCH_GREENLET_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GREENLET_FOREVER UINT64_MAX

/* A handle. It is valid until greenlet_release() or pthread_join()/pthread_detach() on it. */
typedef struct greenlet_handle greenlet_t;

/*
 * Makes a greenlet that runs fn(arg); it starts when the caller next waits or yields. NULL with errno EAGAIN (no memory, maps or
 * descriptors), or ENOTSUP (this libc is not known, or the caller is a native kernel thread).
 */
greenlet_t *greenlet_spawn(void *(*fn)(void *), void *arg);

/* The same, but fn is called `ns` from now, not earlier. */
greenlet_t *greenlet_spawn_later(uint64_t ns, void *(*fn)(void *), void *arg);

/*
 * Waits until g has finished, at most timeout ns (0: only looks). Any number of greenlets may join the same one, before and after its
 * end; the handle stays valid. value may be NULL. ETIMEDOUT; EDEADLK where g is the caller. A cancellation point.
 */
int greenlet_join(greenlet_t *g, void **value, uint64_t timeout);

/* Waits until all n have finished, at most timeout ns in all. Returns how many have. A cancellation point. */
size_t greenlet_joinall(greenlet_t *const *gs, size_t n, uint64_t timeout);

/*
 * Asks g to end, as pthread_cancel() does: at its next cancellation point, after its cleanup handlers. Its value is then
 * PTHREAD_CANCELED. Returns at once: join it to wait for the end.
 */
int greenlet_kill(greenlet_t *g);

/* The handle is not needed any more: what g holds is given back when it has finished. It may still run. */
void greenlet_release(greenlet_t *g);

/* Lets the others run for at least ns. 0, or EINTR after a signal handler ran. A cancellation point. */
int greenlet_sleep(uint64_t ns);

/* Lets every other ready greenlet run once. */
void greenlet_yield(void);

/* The caller's handle; NULL in main before the first spawn and in native kernel threads. Not to be released. */
greenlet_t *greenlet_self(void);

/* g as a pthread_t and back: pthread_t of this process that are greenlets only. */
static inline pthread_t greenlet_pthread(greenlet_t *g)
{
	return (pthread_t)g;
}
static inline greenlet_t *greenlet_of(pthread_t thread)
{
	return (greenlet_t *)thread;
}

/* What fn returned (or pthread_exit() was given): 0, or EBUSY while g runs. */
int greenlet_value(greenlet_t *g, void **value);

/* At most 15 characters (TASK_COMM_LEN of the kernel), shown by dumps: 0 or ERANGE. The string is valid until the next call. */
int greenlet_set_name(greenlet_t *g, const char *name);
const char *greenlet_name(greenlet_t *g);

/*
 * A time-out on the current greenlet: the wait that is going on `ns` from now, or else the next one, ends as if its own
 * time-out had passed (recv: EAGAIN, sem_wait: ETIMEDOUT, greenlet_sleep: ETIMEDOUT...). It strikes once. GREENLET_FOREVER
 * takes it off. Returns EPERM outside a greenlet.
 */
int greenlet_timeout(uint64_t ns);

#ifdef __cplusplus
}
#endif

#endif
