/*
 * offload.h - a pool of kernel threads for calls that can neither be polled nor tried (getaddrinfo, flock, a FIFO's open).
 *
 * The pool grows by one whenever a job finds no idle worker, so that any number of stuck jobs never stops the next; a worker that
 * was idle for a while ends. Workers block all signals, are foreign threads (gp_self is NULL in them) and have small stacks.
 * A program's signals never reach them, so what a signal must interrupt goes through gp_offload_call.
 */
#ifndef GP_OFFLOAD_H
#define GP_OFFLOAD_H

#include "sched.h"

/*
 * Runs fn(arg) on a worker while the caller parks, and returns what fn returned with errno as fn left it.
 * Not interruptible and no cancellation point: fn's arguments usually live on the caller's stack.
 * In a foreign thread, or where no worker can be made, it calls fn directly.
 */
long gp_offload(long (*fn)(void *), void *arg, const char *why);

/*
 * The same, by a greenlet, for what waits where wake(arg) ends its wait: cancellation calls that, once or more often. Still no
 * cancellation point: the caller looks when it has put things in order.
 */
long gp_offload_until_cancelled(long (*fn)(void *), void *arg, const char *why, void (*wake)(void *));

/*
 * The system call call[0] with six arguments, on a worker while the caller, a greenlet, parks: its result or -errno; errno stays.
 * Where a handler is to run in the caller, where it is cancelled (GP_PARK_CANCEL in flags) or greenlet_timeout() strikes, the call
 * is ended first, before the handler runs. If it has happened by then, its result is the answer; else nothing of it is left
 * behind and the answer is the park's: -EINTR, -ERESTART (a handler with SA_RESTART ran: make it again where signal(7) would),
 * -ECANCELED (then gp_cancel_now()) or -ETIMEDOUT.
 */
long gp_offload_call(unsigned flags, const char *why, const long call[7]);

/* The caller is about to share its descriptors or directories no longer: workers that were made before then are not used any more. */
void gp_offload_renew(void);

/* A native thread, detached, with every signal blocked from its first instruction on: handlers belong to greenlets. False: none. */
bool gp_native_thread(void *(*fn)(void *), void *arg);

/* Kernel threads of the pool that exist now, and the most there ever were. */
extern unsigned gp_offload_threads, gp_offload_threads_max;

void gp_offload_forget(void); /* child of fork: the workers are gone */

#endif
