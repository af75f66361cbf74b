/*
 * preempt.h - the last resort against `while (!flag);`. A greenlet that computes without ever calling libc would stop all others for
 * good; native threads would not be stopped. After a time slice of CPU time such a greenlet is made to yield.
 *
 * It costs nothing when idle (the timer counts CPU time of the one thread) and one signal per slice when busy. The signal is
 * number 32, which glibc keeps for itself: programs can neither see nor block it. GPATCH_PREEMPT=0 turns this off, for runs that
 * must be deterministic even where they spin.
 */
#ifndef GP_PREEMPT_H
#define GP_PREEMPT_H

/* When there are two greenlets. Does nothing where it has been done. */
void gp_preempt_start(void);
/* In the child of a fork, which inherits no timers and is alone. */
void gp_preempt_forget(void);
/* The hub is about to wait: no fast ticks meanwhile. */
void gp_preempt_idle(void);

/* A greenlet has an alternate signal stack: from now on ticks begin on ours (sigframe.c). */
void gp_preempt_onstack(void);
void gp_preempt_never(void);

#endif
