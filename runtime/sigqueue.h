/*
 * sigqueue.h - signals that have arrived and were not handled yet. For the files of signal.h; the caller has all signals blocked.
 *
 * A signal for one greenlet (pthread_kill) waits on that greenlet. One for the process waits in the kernel as long as nobody can
 * take it; here only from the moment that the kernel could not keep it (it woke the hub, or came in a critical section) until its
 * greenlet runs, the first of each number at most: the rest wait behind it in the kernel, in order.
 */
#ifndef GP_SIGQUEUE_H
#define GP_SIGQUEUE_H

#include "signal.h"

struct gp_noted {
	struct gp_noted *next;
	struct greenlet *g; /* of the process: who handles it; NULL: not decided */
	bool process;
	int sig;
	siginfo_t info;
};

/* Who natively handles a signal of the process: main, the one that runs, or anybody. NULL: blocked everywhere. */
struct greenlet *gp_sigqueue_taker(int sig);

/* For g, or for the process (NULL). False: no room. */
bool gp_sigqueue_add(struct greenlet *g, int sig, const siginfo_t *info);

/*
 * The oldest of the lowest number in `set` that is g's, what was sent to g before what came to the process; with `any` of the
 * process's also what is nobody's yet. It is then no longer noted.
 */
bool gp_sigqueue_take(struct greenlet *g, uint64_t set, bool any, struct gp_noted *out);

/* Something waits that g may have to handle. */
bool gp_sigqueue_any(const struct greenlet *g);

/* What g could take, and what is nobody's. */
uint64_t gp_sigqueue_set(const struct greenlet *g);

/* The disposition says that they are ignored. */
void gp_sigqueue_ignore(int sig);

/* g is no more: what was sent to it is gone, what it was to handle for the process is somebody else's. */
void gp_sigqueue_leave(struct greenlet *g);

/* After fork. */
void gp_sigqueue_forget(struct greenlet *g);

#endif
