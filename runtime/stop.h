/*
 * stop.h - a system call in a worker that the greenlet thread can end.
 *
 * The signal is number 32, SIGCANCEL of glibc, which programs can neither see nor block; what else comes by it (glibc's own
 * cancellation of native threads, preempt.c) goes on to the handler that was there. The handler moves a worker that it finds
 * before or in the system call past it, so that a signal can neither come too early nor be lost, and a call that has been made
 * keeps its result.
 */
#ifndef GP_STOP_H
#define GP_STOP_H

#include "rt.h"

/*
 * In a worker: makes the system call call[0] with six arguments, unless *stop is set. Its result, or -errno; -EINTR where it was
 * ended.
 */
long gp_stoppable(volatile int *stop, const long call[7]);

/* In a worker, once, before its first call. */
void gp_stop_worker(void);

/* Greenlet thread: ends what the worker with this tid does in gp_stoppable, whose *stop the caller has set. */
void gp_stop_thread(pid_t tid);

/*
 * Greenlet thread: a call that by all appearances will not wait, where there is no way to ask it not to. If it does wait it is ended
 * after less than a millisecond, and -EINTR is the answer.
 */
long gp_stop_soon(const long call[7]);

/* Child of fork: timers are not inherited. */
void gp_stop_forget(void);

#endif
