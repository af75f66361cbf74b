/*
 * pool.h - the memory of greenlets: stack, struct greenlet, TLS and TCB in one mapping, kept for the next when one is dead.
 */
#ifndef GP_POOL_H
#define GP_POOL_H

#include "thread.h"

/* A greenlet with memory, TCB and TLS as for a new thread, the rest of it undefined; NULL with *err -EAGAIN, -ENOMEM. */
struct greenlet *gp_pool_get(const struct gp_spawn *how, int *err);
/* Its stack is nobody's any more. */
void gp_pool_put(struct greenlet *g);
/* Called by the hub when it has nothing to do: memory of a burst of greenlets goes back to the kernel, a little at a time. */
void gp_pool_trim(void);
/* In the child of fork: what belonged to the others is left behind. */
void gp_pool_forget(void);

#endif
