/*
 * signal.h - handlers run on the stack and with the TLS of a greenlet, never in the hub; every greenlet has a mask of its own.
 *
 * From the first greenlet on every handler of the program is installed behind a wrapper (sigaction.c), and the kernel's mask is what
 * no greenlet accepts (sigmask.c): switches change nothing. A signal for the running greenlet is handled there and then, as natively
 * (signal.c). Any other is noted (sigqueue.c): one that arrives in the hub, in a critical section, or while the one that natively
 * takes it (main, where it accepts the signal) is not the one that runs. Its greenlet then handles it before anything else (sigrun.c);
 * a call that it waits in ends with EINTR or goes on, by SA_RESTART. What a thread does with masks and signals is in sigthread.c.
 */
#ifndef GP_SIGNAL_H
#define GP_SIGNAL_H

#include "sched.h"
#include <signal.h>

/* What rt_sigaction(2) takes: glibc's sigaction refuses its own numbers, and knows another layout. */
struct gp_kernel_action {
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};
void gp_restorer(void); /* arch: the system call that returns from a handler; glibc does not export its own */

/* The mask that the kernel has for the greenlet thread (bit n-1: signal n), and the one that it should have. */
extern uint64_t gp_signal_kernel_mask, gp_signal_want;
void gp_signal_sync(void);

/* On every context that was just switched to: a handler that gave way had raised the kernel's mask. */
static inline void gp_signal_resume(void)
{
	if (gp_unlikely(gp_signal_want != gp_signal_kernel_mask))
		gp_signal_sync();
}

/* A signal frame that other greenlets ran on top of is about to return: it must not bring back the mask of then. */
void gp_signal_return(void *context);

/* The kernel shall have this mask, a greenlet's own, for what a child inherits, until gp_signal_sync. */
void gp_signal_expose(uint64_t mask);

/* libc is about to change the kernel's mask, or has: it is set anew at the next switch. SIGKILL: equal to no mask that there is. */
static inline void gp_signal_unsure(void)
{
	gp_signal_kernel_mask = ~gp_signal_want & ~(1ull << (SIGKILL - 1));
}

/* Decides who handles what was noted; what nobody accepts any more goes back to the kernel. */
void gp_signal_look(void);

/* Runs the handlers that are due in g, which is the caller. 0: none ran; -EINTR or -ERESTART as in gp_park. */
int gp_signal_handle(struct greenlet *g);

/* The first greenlet is being made: main's mask is read, the program's handlers go behind the wrapper. */
void gp_signal_start(struct greenlet *main);

/* g takes part from now on (its mask is set), or no longer. */
void gp_signal_born(struct greenlet *g);
void gp_signal_gone(struct greenlet *g);

/* Around fork. In the child g, which was the caller, is alone and nothing is pending. */
void gp_signal_forking(void);
void gp_signal_forked(struct greenlet *g);

/* sigaction(2) for the program: errno-style, 0 or -1. */
int gp_signal_action(int sig, const struct sigaction *act, struct sigaction *old);

/* g's mask, which is the caller's, becomes `mask`; signals that become deliverable are handled before it returns. */
void gp_signal_mask(struct greenlet *g, uint64_t mask);
/* sigsetjmp.S: notes the caller's mask in *env, which is about to get the kernel's. And what it noted; else the kernel's. */
struct __jmp_buf_tag;
void gp_sigsetjmp(struct __jmp_buf_tag *env);
/* Before a jump or a change of context, which may lead out of a handler that interrupted one of our functions. */
void gp_signal_leave_handler(void);
/* context.S; setcontext as libc has it, for its patched entry. */
int gp_setcontext_raw(const ucontext_t *uc);
bool gp_context_save(ucontext_t *uc);
bool gp_context_mask(const ucontext_t *uc);
int gp_context_failed(int err);
uint64_t gp_signal_saved_by_jump(const struct __jmp_buf_tag *env);
/* g, which is the caller, waits in sigwait() for `set` from now on; 0: no longer. */
void gp_signal_wait(struct greenlet *g, uint64_t set);

/*
 * For the time of a call g's mask is `mask`. As natively the first handler that this lets in returns to the mask from before, so
 * that a second signal of its kind waits for the next such call.
 */
void gp_signal_swap(struct greenlet *g, uint64_t mask);
void gp_signal_unswap(struct greenlet *g);

/* A signal for g alone: pthread_kill, raise. 0 or an error number. */
int gp_signal_send(struct greenlet *g, int sig, const siginfo_t *info);

/* Takes a signal of `set` that was noted and that g may have; 0: none. For sigwait. */
int gp_signal_take(struct greenlet *g, uint64_t set, siginfo_t *info);

/* What is noted and blocked: the part of sigpending(2) that the kernel has already handed over. */
uint64_t gp_signal_pending(struct greenlet *g);

/* Waits until a handler has run in the caller, with its mask replaced by *mask meanwhile (NULL: unchanged). */
void gp_signal_suspend(const uint64_t *mask);

#define GP_AUTODISARM (1 << 31) /* SS_AUTODISARM: while a handler runs there is no alternate stack */
/* sigaltstack(2) for g: 0 or -errno. */
int gp_signal_stack(struct greenlet *g, const stack_t *ss, stack_t *old, const void *sp);
bool gp_signal_on_stack(const struct greenlet *g, const void *sp);

/* The system call `nr` of a greenlet, where it is about signals: *r is its result or -errno. False: the kernel's. */
bool gp_signal_call(long nr, const long a[4], long *r);

/* setxid.c: setuid and its kin work in every thread that libc knows. Before libc is told that there are threads. */
void gp_setxid_start(void);

/* onstack.S, overflow.c */
void gp_call_on(void *sp, void (*fn)(int, siginfo_t *, void *), int sig, siginfo_t *info, void *context);
void gp_overflow_start(struct greenlet *main);
void gp_overflow_watch(int sig);
bool gp_overflow_stack(const void *sp);
char *gp_overflow_top(void);
/* Where the stack of what was interrupted ends. */
char *gp_signal_sp(const ucontext_t *uc);

/*
 * sigframe.c: a handler that the kernel began on our alternate stack goes on in fn, its frame on g's own (`onstack`) or where it was
 * interrupted; does not return then. False: it may stay where it is, or has to.
 */
bool gp_sigframe_move(const struct greenlet *g, bool onstack, int sig, siginfo_t *info, void *context,
		      void (*fn)(int, siginfo_t *, void *));
/* Go's runtime is here: it takes the kernel's alternate stack for its own, and dies where its handlers find themselves elsewhere. */
extern bool gp_sigframe_stays;

static inline uint64_t gp_sigset(const sigset_t *set)
{
	return *(const uint64_t *)set;
}
#define gp_sigbit(sig) (1ull << ((sig)-1))

#endif
