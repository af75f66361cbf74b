#include "fork.h"
#include "alloc.h"
#include "aiocopy.h"
#include "fdwait.h"
#include "hub.h"
#include "notify.h"
#include "offload.h"
#include "park.h"
#include "preempt.h"
#include "real.h"
#include "robust.h"
#include "sched.h"
#include "sigmask.h"
#include "signal.h"
#include "stop.h"
#include "thread.h"
#include "timer.h"
#include "watch.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile char always = 1;
volatile char *gp_fork_mark = &always;

bool gp_vforked;
static bool one_table; /* the child's descriptors are not copies */

static struct {
	struct greenlet *self;
	unsigned live;
} suspended; /* what the child of vfork has put away */

enum { AS_FORK, AS_VFORK, AS_LIBC };

/* For vfork.S: what is it to be? With signals blocked neither side handles one before it is what it should be. */
int gp_vfork_prepare(void)
{
	if (gp_vforked)
		return AS_LIBC;
	if (!gp_self)
		return AS_FORK;
	gp_enter();
	gp_sigmask_block();
	return AS_VFORK;
}

static void resume(void)
{
	if (!gp_vforked)
		return;
	gp_self = suspended.self;
	gp_sched.live = suspended.live;
	gp_thread_is_ours = true;
	gp_vforked = false;
}

/*
 * In the child, which runs on the memory of its parent until it execs or ends: for its hooks there are no greenlets, and so nothing
 * that they could change. Then in the parent, which was stopped meanwhile.
 */
int gp_vfork_return(long r)
{
	if (!r) {
		suspended.self = gp_self;
		suspended.live = gp_sched.live;
		gp_vforked = true;
		gp_thread_is_ours = false;
		gp_sched.live = 0;
		gp_self = NULL;
		real_syscall(SYS_rt_sigprocmask, SIG_SETMASK, &suspended.self->sigmask, NULL, sizeof(uint64_t));
		return 0;
	}
	resume();
	gp_fd_shared();
	gp_signal_sync();
	gp_leave();
	if (r > 0)
		return (int)r;
	errno = (int)-r;
	return -1;
}

/* No handler may find the child half made. */
static void prepare(void)
{
	if (gp_sched.live && gp_self)
		gp_signal_forking();
	if (!gp_sched.live)
		gp_fd_shared();
}

/* The child may change flags of what it inherited, so from now on nothing is ours alone. */
static void parent(void)
{
	if (!gp_sched.live)
		return;
	if (gp_self)
		gp_signal_sync();
	gp_fd_shared();
}

/*
 * The other greenlets do not exist here. Their stacks stay mapped (they may hold what the caller points at), their queue entries are
 * forgotten; the loop and epoll set are the parent's and are closed without being edited.
 */
void gp_fork_child(void)
{
	if (gp_vforked) { /* by the child of a vfork */
		resume();
		gp_critical = 0;
	}
	if (!gp_sched.live)
		return;
	*gp_fork_mark = 1;
	gp_fd_own_stay = one_table;
	one_table = false;
	gp_pid = getpid();
	gp_timer_forget_all();
	gp_lot_forget_all();
	gp_robust_forget();
	gp_offload_forget();
	gp_notice_forget();
	gp_aio_forget();
	gp_stop_forget();
	if (!gp_self) { /* a foreign thread: should it make greenlets, it becomes their main */
		gp_sched_forget();
		gp_alloc_forget();
		gp_main.state = GP_DEAD;
	} else {
		gp_greenlet_forked();
		if (gp_self != &gp_main)
			gp_main.state = GP_DEAD;
		gp_signal_forked(gp_self);
	}
	gp_hub_forget();
	gp_preempt_forget();
	gp_watch_forget();
}

long gp_fork_raw(long pid, bool shares_table)
{
	if (!pid) {
		one_table = shares_table;
		gp_fork_child();
	}
	if (pid > 0 && gp_self)
		gp_fd_shared();
	return pid;
}

/* A handler of a library that the loader began with has run: if it made a thread, the rest is done, and twice would forget that thread. */
static void child(void)
{
	if (!gp_fork_missed() && gp_fork_mark == &always)
		gp_fork_child();
}

void gp_fork_init(void)
{
	pthread_atfork(prepare, parent, child);
}

void gp_fork_watch(void)
{
	long page = sysconf(_SC_PAGESIZE);
	void *p;

	if (gp_fork_mark != &always)
		return;
	p = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || madvise(p, (size_t)page, MADV_WIPEONFORK))
		return;
	*(volatile char *)p = 1;
	gp_fork_mark = p;
}
