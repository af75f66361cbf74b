/*
 * watch.h - GPATCH_WATCH: names what stops all the others. Where one greenlet has been at the same thing for that long, in a system call
 * or computing while others are ready, one line on stderr says which, where, and who called it; each place once.
 *
 * A native thread looks four times in that while. It exists only where it was asked for.
 */
#ifndef GP_WATCH_H
#define GP_WATCH_H

/* When there are two greenlets; greenlet thread only. Does nothing where it has been done. */
void gp_watch_start(void);
/* In the child of a fork, which did not inherit the thread. */
void gp_watch_forget(void);

#endif
