/*
 * tls.h - what makes a greenlet a real pthread: its own static TLS and TCB (struct pthread), made by ld.so itself.
 *
 * All offsets are found at run time through what glibc exports for debuggers (_thread_db_*), never by version. The layout of
 * the public part of the TCB (tcbhead_t) is ABI. Anything missing makes gp_tls_init fail and the program stays native.
 */
#ifndef GP_TLS_H
#define GP_TLS_H

#include "rt.h"
#include <pthread.h>
#include <resolv.h>

/* Finds everything; to be called once on the main thread. 0, or -ENOTSUP with *missing naming what was not found. */
int gp_tls_init(const char **missing);

/* Bytes that TLS and TCB need at the top of a stack, alignment included. */
size_t gp_tls_size(void);

/* The TCB for a block that ends at `top`; *stack_top is where the stack begins (grows down from), 64-byte aligned. */
void *gp_tls_place(void *top, void **stack_top);

/* Allocates the TLS of a zeroed TCB: 0 or -ENOMEM. May call malloc. */
int gp_tls_alloc(void *pd);

/* The TLS of a dead thread's TCB becomes that of a new thread: initial images again, libc's malloc cache kept. 0 or -ENOMEM. */
int gp_tls_renew(void *pd);

/* Gives back what alloc took, for a TCB in memory that is not ours to keep. */
void gp_tls_free(void *pd);

/* Tells the TCB who it is. `stack` and `size` as pthread_getattr_np reports them plus the guard (glibc's own convention). */
void gp_tls_identify(void *pd, uint32_t tid, void *stack, size_t size, size_t guard, size_t reported_guard);

/* First and last code on the new thread itself. `last` runs C++ thread_local and pthread key destructors, frees per-thread state. */
void gp_tls_first(struct __res_state *res); /* res: zeroed storage for the thread's resolver state */
void gp_tls_last(void);

/* Sets glibc's cancellation bit of a thread: must it act on that now? And: must the caller? */
bool gp_tls_set_cancelled(void *pd);
bool gp_tls_cancel_due(void);

/* What get_robust_list(2) tells of the thread; *size is that of the head. */
void *gp_tls_robust_head(void *pd, size_t *size);
/* The tid by which glibc knows the thread; gp_tls_identify sets it for good. */
void gp_tls_rename(void *pd, uint32_t tid);

/* The kernel's struct robust_list_head. */
struct gp_robust_head { void *list; long futex_offset; void *pending; };

/* The greenlet's own mutexes that it held when it died: robust ones become EOWNERDEAD. Calls wake for each futex word. */
void gp_tls_robust_exit(void *pd, void (*wake)(void *futex));

/* Puts the TCB in ld.so's list of threads (dlopen initialises static TLS of later libraries through it), or takes it out. */
void gp_tls_link(void *pd);
void gp_tls_unlink(void *pd);
/* The TCB that goes with the kernel thread: the only one whose tid the kernel knows. */
void *gp_tls_carrier(void);
/* In the child of fork glibc has emptied that list: of who is not there any more, and of the caller. */
void gp_tls_left(void *pd);
void gp_tls_forked(void);

/* Loads the thread pointer: wrfsbase where CPU and kernel have it, else arch_prctl. */
void gp_tls_use(void *pd);
extern bool gp_tls_fsgsbase;

#endif
