/* stats.h - what GPATCH_STATS reports at exit, and gp_dump(). */
#ifndef GP_STATS_H
#define GP_STATS_H

#include "rt.h"

/* A thread was asked for, in whatever mode. */
void gp_stats_thread(void);
/* At exit, where GPATCH_STATS asks for it. */
void gp_stats_report(void);
/* Every greenlet on stderr: number, name, entry, state, what it waits for and since when. For gdb: call (void)gp_dump(). */
void gp_dump(void);

#endif
