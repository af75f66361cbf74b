/*
 * signal.h - handlers run on the stack and with the TLS of a greenlet, never in the hub; every greenlet has a mask of its own.
 *
 * From the first greenlet on every handler of the program is installed behind a wrapper. A signal that arrives while a greenlet runs
 * the program's code is handled there and then, as natively. One that arrives in the hub or in a critical section is noted and
 * handled by a greenlet that has it unblocked: main, or else the oldest; if that one is parked its call ends with EINTR or goes
 * on, by SA_RESTART. The kernel's mask is the running greenlet's; while the hub waits it is what all greenlets block.
 */
#ifndef GP_SIGNAL_H
#define GP_SIGNAL_H

#include "sched.h"
#include <signal.h>

/* The mask the kernel has for the greenlet thread (bit n-1: signal n). It follows the running greenlet's lazily. */
extern uint64_t gp_signal_kernel_mask;
void gp_signal_set_mask(uint64_t mask);

/* g has just been switched to: the kernel gets its mask where it differs. */
static inline void gp_signal_resume(struct greenlet *g)
{
	if (gp_unlikely(g->sigmask != gp_signal_kernel_mask))
		gp_signal_set_mask(g->sigmask);
}

/* The hub is about to wait: only what every greenlet blocks may stay blocked. */
void gp_signal_idle(void);

/* Runs the handlers that are due in g, which is the caller. 0: none ran; -EINTR or -ERESTART as in gp_park. */
int gp_signal_handle(struct greenlet *g);

/* The first greenlet is being made: main's mask is read, the program's handlers go behind the wrapper. */
void gp_signal_start(struct greenlet *main);

/* sigaction(2) for the program: errno-style, 0 or -1. */
int gp_signal_action(int sig, const struct sigaction *act, struct sigaction *old);

/* g's mask, which is the caller's, becomes `mask`; signals that become deliverable are handled before it returns. */
void gp_signal_mask(struct greenlet *g, uint64_t mask);

/* pthread_kill on a greenlet other than the caller. 0 or an error number. */
int gp_signal_send(struct greenlet *g, int sig, const siginfo_t *info);

/* Takes a signal of `set` that is pending for g alone; 0: none. */
int gp_signal_take(struct greenlet *g, uint64_t set, siginfo_t *info);

/* What is noted and blocked: the part of sigpending(2) that the kernel has already handed over. */
uint64_t gp_signal_pending(struct greenlet *g);

/* Waits until a handler has run in the caller, with its mask replaced by *mask meanwhile (NULL: unchanged). */
void gp_signal_suspend(const uint64_t *mask);

static inline uint64_t gp_sigset(const sigset_t *set)
{
	return *(const uint64_t *)set;
}
#define gp_sigbit(sig) (1ull << ((sig)-1))

#endif
