/*
 * thread.h - birth, death and lookup of greenlets (thread.c), the main thread's beginning and end (mainthread.c): for shim/pthread*.c
 * and greenlet.h's own functions.
 */
#ifndef GP_THREAD_H
#define GP_THREAD_H

#include "sched.h"

extern struct greenlet gp_main;
/* The process that the runtime's memory belongs to: a child of posix_spawn shares it and is another. */
extern int gp_pid;

/* Makes the hub and turns main into a greenlet, if that has not happened: 0, -EAGAIN, or -ENOTSUP (threads must be native). */
int gp_greenlets_start(void);

struct gp_spawn {
	size_t stack_size;    /* 0: the default */
	size_t guard_size;
	void *stack;          /* lowest address of the program's own stack, or NULL */
	bool detached;
	bool from_hub;        /* the hub makes it, for nobody: with main's name */
	bool mask_set;        /* with this mask; else with its maker's */
	uint64_t sigmask;
	const cpu_set_t *affinity; /* NULL: as its maker's */
	bool sched_set;       /* PTHREAD_EXPLICIT_SCHED, with what follows; else as its maker's */
	uint8_t sched_policy, sched_priority;
};

/* Sizes as glibc makes them of what was asked for: whole pages, the guard on top; and room for our own needs. */
void gp_spawn_round(struct gp_spawn *how);

/*
 * Makes a greenlet that will run start(arg); it runs when the caller parks or yields. 0, or -EAGAIN (no memory, fds or maps), -EINVAL (stack too small).
 * -ENOTSUP: greenlets cannot be here (unknown libc, a foreign kernel thread): make a native thread.
 */
int gp_spawn(struct greenlet **out, const struct gp_spawn *how, void *(*start)(void *), void *arg);

/* The greenlet of a pthread_t, NULL where it is a native thread's. Undefined, as in POSIX, for one that was joined. */
struct greenlet *gp_greenlet_of(pthread_t thread);

#define GP_FIRST_TID 0x20000000u /* above any pid_max (2^22), below FUTEX_TID_MASK */
/* What the kernel makes of a tid of process pid that may be a greenlet's there: the whole process hears. */
static inline pid_t gp_tid_elsewhere(pid_t pid, pid_t tid)
{
	return (uint32_t)tid >= GP_FIRST_TID && tid > 0 ? pid : tid;
}
/* What gettid() tells of itself as `tid`; NULL: no living greenlet does. Takes as long as there are many. */
struct greenlet *gp_greenlet_by_tid(pid_t tid);
/* Its tid is that of the kernel thread: main, or in the child of a fork whoever called it. */
static inline bool gp_carries(const struct greenlet *g)
{
	return g->tid == (uint32_t)gp_pid;
}

/*
 * pthread_join and its kin. 0 with *value set; -EDEADLK, -EINVAL (detached, or somebody joins already), -ESRCH (was joined),
 * -EBUSY (deadline 0), -ETIMEDOUT, -ECANCELED.
 */
int gp_join(struct greenlet *g, void **value, uint64_t deadline);
int gp_detach(struct greenlet *g);

/* Over for everybody who joins it. main that called pthread_exit goes on to wait for the others. */
static inline bool gp_finished(const struct greenlet *g)
{
	return g->state >= GP_DEAD || g->exited;
}

/* Dead, joined or not: what glibc would ask the kernel about such a thread, the kernel would not know. */
static inline bool gp_ended(const struct greenlet *g)
{
	return g && g->state >= GP_DEAD;
}

/* Requests cancellation. Any greenlet may call it on any. */
void gp_cancel(struct greenlet *g);

/* Ends the calling greenlet after its cleanup handlers have run: called by the boot frame and by nobody else. */
_Noreturn void gp_finish(struct greenlet *g);
/* The same at once, as the kernel ends a thread: no handler, no destructor. */
_Noreturn void gp_end(struct greenlet *g);

/* pthread_exit in main: waits until every other greenlet is gone; for ever where libc has a thread that never ends, as for timers. */
void gp_wait_for_others(void);
extern bool gp_stays;
/* To be called where main begins to unwind for good: the process goes on until the last has ended. */
void gp_main_ends(void);
/* The same, for a main that may begin so at any moment, inside libc's own code. False: no key is left for that. */
bool gp_main_waits_at_its_end(void);

/* Smallest stack that can be made: TLS, TCB and a margin. */
size_t gp_stack_min(void);
/* The words in every TCB by which its greenlet is known: where they are, and what they are in this one (NULL: the hub's). */
void gp_tcb_init(void);
void gp_tcb_mark(void *pd, struct greenlet *g);
/* In the child of fork: only the caller goes on. */
void gp_greenlet_forked(void);

#endif
