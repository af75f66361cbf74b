/* childwait.h - the end of one child, for what waits inside libc where that is not patched: system, pclose. */
#ifndef GP_CHILDWAIT_H
#define GP_CHILDWAIT_H

#include "rt.h"

/*
 * Parks the caller, a greenlet, until its child pid has ended, and leaves it to be reaped. 0 (also where there is no such child), or
 * -ECANCELED where flags have GP_PARK_CANCEL; signals do not end it.
 */
int gp_child_wait(pid_t pid, unsigned flags, const char *why);

#endif
