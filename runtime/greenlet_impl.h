/*
 * greenlet_impl.h - struct greenlet, for the files of runtime/ and for shim/pthread*.c.
 *
 * A greenlet is a pthread of glibc in every respect but one: it has no kernel thread of its own. It lies at the top of its
 * stack mapping, above its TCB (struct pthread of glibc, "pd") and static TLS:
 *
 *      low  [guard][ stack ............ ][ static TLS ][ pd ][ struct greenlet ]  high
 *
 * The main thread's greenlet is static and uses the TCB that ld.so made.
 */
#ifndef GP_GREENLET_IMPL_H
#define GP_GREENLET_IMPL_H

#include "rt.h"
#include "switch.h"
#include "timer.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <resolv.h>

/* See sched.h. */
struct gp_wait {
	struct gp_wait *next;
	void (*unlink)(struct gp_wait *);
};

/* Signals, by number and age: sigqueue.h. */
struct gp_sigqueue {
	struct gp_noted *first, *last;
};

/* GP_GONE: joined, or detached and dead; what a program still holds is the id of no thread, until the memory has its next one. */
enum gp_state { GP_READY, GP_RUNNING, GP_PARKED, GP_DEAD, GP_GONE };

struct greenlet {
	/* What each switch and each parked call touches: two cache lines, of a thousand greenlets that take turns. */
	struct gp_ctx ctx;
	struct gp_list run;      /* run queue */
	uint8_t state;           /* enum gp_state */
	uint8_t park_flags;      /* GP_PARK_* of the current park */
	uint8_t cancel_async;    /* pthread_setcanceltype(ASYNCHRONOUS) was asked for */
	uint8_t cancel_pending;  /* pthread_cancel or greenlet_kill was called */
	uint8_t signal_pending;  /* signals wait to be handled here: look before parking and after */
	uint8_t detached, main, user_stack;
	uint8_t exited;          /* main, after pthread_exit */
	uint8_t named;           /* has a name of its own */
	uint8_t mask_saved;      /* ppoll, sigsuspend: `saved_mask` comes back with the first handler, or at the end */
	uint8_t sched_set, sched_policy, sched_priority, nice_set; /* wishes.h: kept, not applied */
	int8_t nice;
	int budget;              /* calls that may still succeed without waiting before it must yield */
	int wake_result;         /* what gp_ready() handed over */
	uint64_t deadline;       /* greenlet_timeout(): caps the next park; GP_FOREVER for none */
	struct gp_wait *waits;   /* what it has linked elsewhere: sched.h */
	const char *why;         /* "recv", "pthread_mutex_lock": what a dump shows */
	const void *on;          /* address or (void *)fd it waits for */
	uint64_t since;          /* when it parked (gp_now); 0 unless GPATCH_TRACE asks for times */
	unsigned handlers_ran;   /* counts, for sigsuspend */

	struct gp_timer timer;   /* the deadline of the current park */
	struct gp_sigqueue signals; /* sent to it alone, and not handled yet */
	void *pd;                /* the TCB; equals pthread_self() in this greenlet */
	struct gp_list all;      /* every live or joinable greenlet, for gp_dump */

	/* birth and death */
	void *(*start)(void *);
	void *arg;
	void *result;
	struct greenlet *joiner; /* parked in join on us */
	struct gp_list exit_waiters; /* greenlet_join()/joinall(): parked until we are dead, any number */
	void *stack_map;         /* lowest address of our mapping (guard included), or of the user's stack */
	size_t stack_size, guard_size;
	cpu_set_t *affinity;     /* wishes.h; NULL: none of its own */
	uint64_t sigmask;        /* kernel form: bit n-1 is signal n */
	uint64_t saved_mask;
	uint64_t sigwait;        /* what it waits for in sigwait() */
	void *clear_tid;         /* of set_tid_address: zeroed and woken when it ends */
	uint32_t tid;            /* the fake tid in pd->tid: over pid_max, so never a kernel thread's */
	uint32_t id;             /* 0 main, 1, 2, ... in order of birth, never reused */
	uint64_t start_at;       /* greenlet_spawn_later() */
	stack_t altstack;        /* sigaltstack(); size 0: none */
	struct gp_wait mask_wait; /* pollwait.c */
	struct __res_state res;  /* _res of this thread: DNS sockets and servers */
	char name[16];           /* pthread_setname_np; TASK_COMM_LEN of the kernel */
};

_Static_assert(offsetof(struct greenlet, timer) <= 128, "two cache lines");

/* The greenlet that runs, or NULL: in the hub, in foreign kernel threads, and before the first greenlet was made. */
extern __thread struct greenlet *gp_self __attribute__((tls_model("initial-exec")));

#endif
