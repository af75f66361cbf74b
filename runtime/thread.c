#include "thread.h"
#include "fork.h"
#include "park.h"
#include "pool.h"
#include "preempt.h"
#include "real.h"
#include "robust.h"
#include "signal.h"
#include "stack.h"
#include "tls.h"
#include "watch.h"
#include "wishes.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

int gp_pid;

static uint32_t next_id = 1;
/* Whose TCB this is, also while the hub runs on it, in which gp_self is NULL. */
static __thread struct greenlet *owner __attribute__((tls_model("initial-exec")));
static ptrdiff_t self_offset, owner_offset, ours_offset; /* of gp_self, owner and gp_thread_is_ours, from any TCB */

void gp_tcb_init(void)
{
	self_offset = (char *)&gp_self - (char *)pthread_self();
	owner_offset = (char *)&owner - (char *)pthread_self();
	ours_offset = (char *)&gp_thread_is_ours - (char *)pthread_self();
}

struct greenlet *gp_greenlet_of(pthread_t thread)
{
	if (!gp_sched.live || !thread)
		return NULL;
	return *(struct greenlet **)((char *)thread + owner_offset);
}

/*
 * A shared mutex or rwlock names its owner by tid, so those of two processes must not meet: the second would take it for its own. Each
 * process counts from a place of its own; steps of the golden ratio keep the places of any run of pids as far apart as can be.
 */
static uint32_t next_tid(unsigned id)
{
	return GP_FIRST_TID + 1 + (((uint32_t)gp_pid * 0x9e3779b1u >> 4) + id) % 0x0fffffffu; /* the first is the hub's */
}

struct greenlet *gp_greenlet_by_tid(pid_t tid)
{
	gp_list_for(n, &gp_sched.all) {
		struct greenlet *g = gp_container(n, struct greenlet, all);

		if (g->tid == (uint32_t)tid && g->state < GP_DEAD)
			return g;
	}
	return NULL;
}

void gp_tcb_mark(void *pd, struct greenlet *g)
{
	*(struct greenlet **)((char *)pd + self_offset) = g;
	*(struct greenlet **)((char *)pd + owner_offset) = g;
	*((bool *)pd + ours_offset) = true;
}

/* A TCB of the runtime's own: the hub's. */
int gp_tcb_for_hub(void *pd)
{
	int r = gp_tls_alloc(pd);

	if (r)
		return r;
	gp_tcb_mark(pd, NULL);
	gp_tls_identify(pd, GP_FIRST_TID, NULL, 0, 0, 0);
	gp_tls_link(pd);
	return 0;
}

size_t gp_stack_min(void)
{
	return gp_tls_size() + sizeof(struct greenlet) + 2048;
}

/* The boot frame: the first on a greenlet's stack, what pthread_exit and cancellation unwind to. It is never left: ASan must not fence it. */
__attribute__((no_sanitize_address)) static void boot(void *arg)
{
	struct greenlet *g = arg;
	__pthread_unwind_buf_t buf;
	struct __jmp_buf_tag *env = (void *)buf.__cancel_jmp_buf;

	__asm__("" : "+r"(env)); /* as in <pthread.h>: a jmp_buf without room for a mask, which is not saved */
	gp_critical = 1;
	gp_sched_arrived(g);
	gp_leave();
	gp_tls_first(&g->res);
	g->result = PTHREAD_CANCELED; /* what it stays if nobody returns or calls pthread_exit */
	if (!__sigsetjmp(env, 0)) {
		__pthread_register_cancel(&buf);
		while (g->start_at && g->start_at > gp_now() && gp_park(GP_PARK_CANCEL, "greenlet_spawn_later", NULL, g->start_at) != -ETIMEDOUT)
			gp_cancel_point();
		g->result = g->start(g->arg);
	}
	gp_finish(g);
}

void gp_spawn_round(struct gp_spawn *how)
{
	size_t page = gp_page();

	if (how->stack)
		return;
	how->guard_size = (how->guard_size + page - 1) & ~(page - 1);
	how->stack_size = (how->stack_size + page - 1) & ~(page - 1);
	/* PTHREAD_STACK_MIN leaves too little beside a large static TLS. */
	if (how->stack_size < gp_stack_min() + page)
		how->stack_size = (gp_stack_min() + 2 * page - 1) & ~(page - 1);
}

/* Without memory the wish is forgotten: nothing is bound by it. */
static cpu_set_t *affinity_of(const cpu_set_t *set)
{
	cpu_set_t *own = set ? malloc(sizeof(*own)) : NULL;

	if (own)
		*own = *set;
	return own;
}

int gp_spawn(struct greenlet **out, const struct gp_spawn *how, void *(*start)(void *), void *arg)
{
	struct gp_spawn h = *how;
	struct greenlet *g, *parent;
	void *top;
	int err;

	gp_fork_missed(); /* else what is made now would be forgotten with the parent's */
	if (!h.from_hub && (err = gp_greenlets_start()))
		return err;
	gp_enter();
	gp_preempt_start();
	gp_watch_start();
	if (h.stack_size < gp_stack_min())
		err = -EINVAL;
	else if ((g = gp_pool_get(&h, &err))) {
		void *pd = g->pd, *map = g->stack_map;

		parent = h.from_hub ? &gp_main : gp_self;
		gp_tls_place(g, &top);
		memset(g, 0, offsetof(struct greenlet, start));
		g->pd = pd;
		g->start = start;
		g->arg = arg;
		g->joiner = NULL;
		g->detached = h.detached;
		g->user_stack = h.stack != NULL;
		g->sched_set = h.sched_set || parent->sched_set;
		g->sched_policy = h.sched_set ? h.sched_policy : parent->sched_policy;
		g->sched_priority = h.sched_set ? h.sched_priority : parent->sched_priority;
		g->nice_set = parent->nice_set;
		g->nice = parent->nice;
		g->sigmask = h.mask_set ? h.sigmask : parent->sigmask; /* POSIX: inherited; the pending set is empty */
		g->affinity = affinity_of(h.affinity ? h.affinity : parent->affinity);
		g->deadline = GP_FOREVER;
		g->start_at = 0;
		g->altstack = (stack_t){ 0 };
		g->id = next_id++;
		g->tid = next_tid(g->id);
		memcpy(g->name, parent->name, sizeof(g->name));
		g->named = parent->named;
		gp_list_init(&g->run);
		gp_list_init(&g->exit_waiters);
		gp_tcb_mark(pd, g);
		gp_tls_identify(pd, g->tid, map, g->stack_size, g->guard_size, g->guard_size);
		gp_tls_link(pd);
		gp_switch->init(&g->ctx, (char *)map + g->guard_size, (size_t)((char *)top - (char *)map) - g->guard_size, pd, boot, g);
		gp_list_append(&gp_sched.all, &g->all);
		gp_signal_born(g);
		gp_sched.made++;
		if (++gp_sched.live > gp_sched.live_max)
			gp_sched.live_max = gp_sched.live;
		g->state = GP_PARKED;
		gp_ready(g, 0);
		*out = g;
	}
	gp_leave();
	return err;
}

void gp_greenlet_reap_zombie(void)
{
	struct greenlet *g = gp_sched.zombie;

	gp_sched.zombie = NULL;
	gp_pool_put(g);
}

static void wake_futex(void *futex)
{
	gp_lot_wake(gp_container(futex, pthread_mutex_t, __data.__lock), 1);
}

/* The kernel does it for a thread of its own when that has left its stack; we are still on it, and a word there is nobody else's. */
static void clear_tid(struct greenlet *g)
{
	void *word = g->clear_tid;
	struct iovec zero = { &(int){ 0 }, sizeof(int) }, its = { word, sizeof(int) };

	g->clear_tid = NULL;
	if (!word || gp_carries(g) || (word >= g->stack_map && word < g->pd))
		return;
	/* As the kernel does it: where the word is no more, nothing happens. gp_copy_out would write on what lies beside it. */
	if (real_syscall(SYS_process_vm_writev, gp_pid, &zero, 1, &its, 1, 0) == sizeof(int))
		gp_lot_wake(word, 1);
}

_Noreturn void gp_finish(struct greenlet *g)
{
	gp_tls_last();
	gp_end(g);
}

_Noreturn void gp_end(struct greenlet *g)
{
	if (gp_sched.live == 1) /* the child of a fork, which has no main: the last thread ends the process */
		exit(0);
	gp_tls_robust_exit(g->pd, wake_futex);
	clear_tid(g);
	gp_robust_gone(g);
	free(g->affinity);
	g->affinity = NULL;
	gp_signal_gone(g);
	gp_enter();
	g->state = GP_DEAD;
	gp_sched.live--;
	if (g->joiner)
		gp_ready(g->joiner, 0);
	gp_lot_wake(&g->exit_waiters, GP_LOT_ANY);
	if (gp_sched.live == 1 && gp_main.state == GP_PARKED)
		gp_lot_wake(&gp_sched.live, 1); /* gp_wait_for_others */
	if (g->detached)
		gp_sched.zombie = g;
	gp_sched_leave(g);
	gp_assert(!"a dead greenlet was resumed");
	__builtin_unreachable();
}

/* Each would wait for the other, or one for itself, for ever, unless a cancellation ends one wait. (glibc 2.36 means to tell, and hangs.) */
static bool deadlock(const struct greenlet *g)
{
	return (g == gp_self || (gp_self->joiner == g && !g->cancel_pending)) && !(gp_self->cancel_pending && gp_tls_cancel_due());
}

int gp_join(struct greenlet *g, void **value, uint64_t deadline)
{
	int r = 0;

	if (g == gp_self && deadlock(g))
		return -EDEADLK;
	if (g->state == GP_GONE && !g->detached)
		return deadline ? -ESRCH : -EBUSY; /* glibc's tryjoin looks at another field than its join */
	if (g->detached || g->joiner)
		return -EINVAL;
	if (deadlock(g))
		return -EDEADLK;
	if (!gp_finished(g)) /* glibc's join is no cancellation point where it need not wait */
		gp_cancel_point();
	while (!gp_finished(g)) {
		if (!deadline)
			return -EBUSY;
		g->joiner = gp_self;
		r = gp_park(GP_PARK_CANCEL, "pthread_join", g->pd, deadline);
		g->joiner = NULL;
		if (r == -ECANCELED)
			gp_cancel_now();
		if (r == -ETIMEDOUT && !gp_finished(g))
			return r;
	}
	if (value)
		*value = g->result;
	if (g->main) { /* its stack and TCB stay: exit() will run on them */
		g->detached = 1;
		return 0;
	}
	gp_enter();
	gp_pool_put(g);
	gp_leave();
	return 0;
}

int gp_detach(struct greenlet *g)
{
	if (g->detached)
		return -EINVAL;
	if (g->state == GP_GONE)
		return -ESRCH;
	gp_enter();
	g->detached = 1;
	if (g->state == GP_DEAD)
		gp_pool_put(g);
	gp_leave();
	return 0;
}

void gp_cancel(struct greenlet *g)
{
	bool due = gp_tls_set_cancelled(g->pd);

	g->cancel_pending = 1;
	if (g->main)
		gp_main_waits_at_its_end(); /* which may come inside libc's own code */
	if (!due) /* disabled: a wait that ended for this would have to give a reason of its own, and poll's could only be EINTR */
		return;
	if ((g->park_flags & GP_PARK_CANCEL) || g->cancel_async)
		gp_ready(g, -ECANCELED);
}

void gp_greenlet_forked(void)
{
	struct greenlet *me = gp_self;

	gp_list_for(n, &gp_sched.all) { /* a join of another finds him ended: so glibc leaves it */
		struct greenlet *g = gp_container(n, struct greenlet, all);

		gp_list_init(&g->all);
		g->joiner = NULL;
		if (g == me)
			continue;
		gp_tls_left(g->pd);
		g->result = g->state < GP_DEAD ? NULL : g->result;
		g->state = GP_DEAD;
	}
	gp_pool_forget();
	gp_sched_forget();
	gp_list_init(&me->run);
	gp_list_append(&gp_sched.all, &me->all);
	gp_sched.live = 1;
	gp_sched.zombie = NULL;
	me->tid = (uint32_t)getpid(); /* glibc has written it into the TCB */
	gp_wishes_apply(me);
	me->waits = NULL;
	gp_tls_forked();
	gp_stack_forget();
}
