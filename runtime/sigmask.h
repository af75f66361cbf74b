/*
 * sigmask.h - one kernel mask for many greenlets: it holds back what none of them accepts. For signal.c.
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
/* After fork. */
void gp_sigmask_alone(struct greenlet *g);
/* No signal arrives at all until gp_signal_sync. */
void gp_sigmask_block(void);
/* No room for more: everything is held back until there is. */
void gp_sigmask_full(bool full);
bool gp_sigmask_is_full(void);

#endif
