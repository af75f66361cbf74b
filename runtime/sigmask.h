/*
 * sigmask.h - one kernel mask for many greenlets: it holds back what none of them accepts, and what has to wait behind a signal of
 * its number that was noted. For the files of signal.h.
 *
 * Greenlets of equal masks are counted together, so that a change costs as many steps as there are different masks: two or three.
 */
#ifndef GP_SIGMASK_H
#define GP_SIGMASK_H

#include "signal.h"

/* glibc's own: cancellation and setuid. */
#define GP_SIGMASK_LIBC (gp_sigbit(32) | gp_sigbit(33))

void gp_sigmask_start(struct greenlet *main);
void gp_sigmask_enrol(struct greenlet *g);
void gp_sigmask_leave(struct greenlet *g);
void gp_sigmask_change(struct greenlet *g, uint64_t mask);
/* g waits for `set` in sigwait, or no longer (0). */
void gp_sigmask_wait(struct greenlet *g, uint64_t set);
/* The default action, now. 0 or -1. */
int gp_sigmask_act(int sig);
/* After fork. */
void gp_sigmask_alone(struct greenlet *g);
/* No signal arrives at all until gp_signal_sync. */
void gp_sigmask_block(void);
/* No greenlet has it unblocked. */
bool gp_sigmask_refused(int sig);

/*
 * The next of its number waits in the kernel, which keeps order and has room, until gp_sigmask_release. *frame is the mask that
 * the caller, a handler of the kernel's, will return to.
 */
void gp_sigmask_hold(int sig, uint64_t *frame);
void gp_sigmask_release(int sig);
/* The caller, a handler of the kernel's with all signals blocked, returns to the mask that is wanted now. */
void gp_sigmask_return(uint64_t *frame);

#endif
