/* unfit.h - programs and threads that make their system calls without libc: greenlets would wait for them for ever. */
#ifndef GP_UNFIT_H
#define GP_UNFIT_H

#include <stdbool.h>

/* Why the program's threads have to stay native, or NULL. GPATCH_FORCE=1: always NULL. */
const char *gp_unfit(void);

/* Does the thread belong to Go's runtime, in a library of the program's? */
bool gp_unfit_thread(void *(*start)(void *));

#endif
