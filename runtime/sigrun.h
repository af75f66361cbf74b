/* sigrun.h - calling a handler of the program. For the files of signal.h. */
#ifndef GP_SIGRUN_H
#define GP_SIGRUN_H

#include "signal.h"

/* g's mask while the handler runs, and the mask that its return brings back. */
uint64_t gp_sigrun_inside(const struct greenlet *g, const struct sigaction *act, int sig);
uint64_t gp_sigrun_outside(struct greenlet *g);

/*
 * On the greenlet's alternate stack if it asked for that; in no case on ours, which serves all greenlets. `interrupted` is where
 * the stack was.
 */
void gp_sigrun_call(struct greenlet *g, const struct sigaction *act, int sig, siginfo_t *info, void *context, char *interrupted);

#endif
