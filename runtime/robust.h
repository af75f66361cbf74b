/*
 * Robust mutexes shared with other processes. The kernel tells the others of an owner's death when a process ends: of mutexes in the
 * list of its one thread that it knows, with that thread's tid in them. Those of all greenlets are therefore taken in that name; and
 * those with priority inheritance, whose waiters the kernel keeps: it looks for the owner by that tid.
 */
#ifndef GP_ROBUST_H
#define GP_ROBUST_H

#include "greenlet_impl.h"

#include <pthread.h>
#include <stdbool.h>

enum { GP_MUTEX_ROBUST = 16, GP_MUTEX_PI = 32, GP_MUTEX_SHARED = 128 }; /* of __kind, in every glibc (pthreadP.h) */

static inline bool gp_mutex_left_to_others(const pthread_mutex_t *m)
{
	return (m->__data.__kind & GP_MUTEX_SHARED) && (m->__data.__kind & (GP_MUTEX_ROBUST | GP_MUTEX_PI));
}

/* As glibc's, for gp_self. */
int gp_robust_trylock(pthread_mutex_t *m);
int gp_robust_unlock(pthread_mutex_t *m);

/* g has ended; in the child of a fork nobody holds any. */
void gp_robust_gone(struct greenlet *g);
void gp_robust_forget(void);

#endif
