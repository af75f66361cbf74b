#include "fork.h"
#include "aiocopy.h"
#include "fdwait.h"
#include "hub.h"
#include "notify.h"
#include "offload.h"
#include "park.h"
#include "preempt.h"
#include "sched.h"
#include "signal.h"
#include "stop.h"
#include "thread.h"
#include "timer.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile char always = 1;
volatile char *gp_fork_mark = &always;
#include <unistd.h>

/* No handler may find the child half made. */
static void prepare(void)
{
	if (gp_sched.live && gp_self)
		gp_signal_forking();
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
	if (!gp_sched.live)
		return;
	*gp_fork_mark = 1;
	gp_timer_forget_all();
	gp_lot_forget_all();
	gp_offload_forget();
	gp_notice_forget();
	gp_aio_forget();
	gp_stop_forget();
	if (!gp_self) { /* a foreign thread: should it make greenlets, it becomes their main */
		gp_sched.live = gp_sched.nready = 0;
		gp_list_init(&gp_sched.all);
		gp_list_init(&gp_sched.ready);
		gp_main.state = GP_DEAD;
	} else {
		gp_greenlet_forked();
		if (gp_self != &gp_main)
			gp_main.state = GP_DEAD;
		gp_signal_forked(gp_self);
	}
	gp_hub_forget();
	if (gp_self)
		gp_preempt_start();
}

void gp_fork_init(void)
{
	pthread_atfork(prepare, parent, gp_fork_child);
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
