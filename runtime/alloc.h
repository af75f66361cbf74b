/*
 * alloc.h - memory for what the runtime does in the program's calls and in the hub. Greenlet thread only. Unlike malloc it may be
 * called, and jumped out of, by handlers, and waits for nobody.
 */
#ifndef GP_ALLOC_H
#define GP_ALLOC_H

#include <stddef.h>

/* As malloc, realloc, calloc and free, of which they know nothing. NULL without memory. */
void *gp_alloc(size_t size);
void *gp_realloc(void *p, size_t size);
void *gp_calloc(size_t n, size_t size);
void gp_free(void *p);

/* The child of a fork by a thread that is not ours: it may have come in the middle of one of these. */
void gp_alloc_forget(void);

#endif
