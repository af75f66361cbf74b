/*
 * stack.h - stack mappings with guards. A mapping is never given back: it holds a TCB, and TCBs are kept (greenlet.c recycles them).
 */
#ifndef GP_STACK_H
#define GP_STACK_H

#include "rt.h"

/*
 * A zeroed mapping of `size` bytes (a multiple of the page) whose lowest `guard` bytes fault. NULL with -errno in *err: -EAGAIN
 * where the kernel has no room or too many maps are in use (pthread_create's errno).
 */
void *gp_stack_map(size_t size, size_t guard, int *err);

/* Gives the pages of a dead stack back to the kernel, all but the `keep` highest bytes. */
void gp_stack_trim(void *map, size_t size, size_t guard, size_t keep);

/* RLIMIT_STACK rounded as glibc rounds it, for a thread without attributes. */
size_t gp_page(void);

void gp_stack_forget(void); /* child of fork: glibc may reuse the parent's other stacks */

#endif
