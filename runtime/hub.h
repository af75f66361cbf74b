/*
 * hub.h - the libuv loop, on a context of its own. hub.c and this header's user offload.c are the only ones that know libuv.
 */
#ifndef GP_HUB_H
#define GP_HUB_H

#include "sched.h"

/* Makes the hub (loop, epoll set, timerfd). 0 or -errno. Called with the first greenlet. */
int gp_hub_start(void);
/* Wakes the hub, from any thread or signal handler. */
void gp_hub_wake(void);
/* Runs fn(arg) in the hub soon; any thread, not a signal handler. The node must live until it ran. */
struct gp_hub_call {
	struct gp_hub_call *next;
	void (*fn)(struct gp_hub_call *);
};
void gp_hub_post(struct gp_hub_call *c);
/* The hub's own marks in our epoll set, told to gp_hub_event. */
#define GP_HUB_TIMER UINT64_MAX
#define GP_HUB_ASYNC (UINT64_MAX - 1)
void gp_hub_event(uint64_t what);
/* One turn without waiting: harvest events, fire timers, run posted calls. */
void gp_hub_turn(void);
/*
 * Is fd one of the loop's? All of them get new numbers: false where there are none. And: those that a raw system call of the program
 * has closed are made again; false where none was.
 */
bool gp_hub_uses(int fd);
bool gp_hub_move(void);
bool gp_hub_repair(void);

/* In the child of fork: forget the parent's loop without touching what the two share. */
void gp_hub_forget(void);

extern struct gp_ctx gp_hub_ctx;
extern void *gp_hub_pd; /* its own TCB: sched.c says when it runs on another */

/*
 * The kernel refuses what libuv cannot do without (no memory for its set; a filter of system calls that came after the start): the hub
 * then does without libuv, looking at descriptors and clocks a hundred times a second.
 */
extern bool gp_hub_deaf;
bool gp_hub_deafen(void); /* false before the loop has started: it cannot start then */
/* uvglue.c: what libuv would abort without. 0 or -errno. */
int gp_uv_prepare(void);

#endif
