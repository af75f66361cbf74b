/*
 * timer.h - deadlines: a binary heap of absolute nanoseconds. Start and cancel are O(log n). Greenlet thread only.
 */
#ifndef GP_TIMER_H
#define GP_TIMER_H

#include "rt.h"

struct gp_timer {
	uint64_t deadline;
	size_t slot;                    /* 1-based place in the heap; 0 when not started */
	void (*fire)(struct gp_timer *);/* called from the hub, once, after the timer was taken off the heap */
};

/* Makes room for one more. The hub asks at its start: who sleeps first may do so where memory has run out, and sleep needs none. */
bool gp_timer_room(void);
/* 0, or -ENOMEM where the heap cannot grow. The timer must not be running. */
int gp_timer_start(struct gp_timer *t, uint64_t deadline, void (*fire)(struct gp_timer *));
/* Does nothing where it is not running. */
void gp_timer_cancel(struct gp_timer *t);
/* The earliest deadline, or GP_FOREVER. */
uint64_t gp_timer_next(void);
/* Fires all that are due at `now`, in order of their deadlines. Returns how many. */
unsigned gp_timer_run(uint64_t now);
/* After fork: forgets every timer without touching it. */
void gp_timer_forget_all(void);

#endif
