#include "fork.h"
#include "fdwait.h"
#include "hub.h"
#include "offload.h"
#include "park.h"
#include "preempt.h"
#include "sched.h"
#include "signal.h"
#include "thread.h"
#include "timer.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* The child may change flags of what it inherited, so from now on nothing is ours alone. */
static void parent(void)
{
	if (gp_sched.live)
		gp_fd_shared();
}

/*
 * The other greenlets do not exist here. Their stacks stay mapped (they may hold what the caller points at), their queue entries are
 * forgotten; the loop and epoll set are the parent's and are closed without being edited.
 */
static void child(void)
{
	bool in_greenlet = gp_self != NULL;

	if (!gp_sched.live)
		return;
	gp_pid = getpid();
	gp_timer_forget_all();
	gp_lot_forget_all();
	gp_offload_forget();
	if (in_greenlet)
		gp_greenlet_forked();
	gp_hub_forget();
	gp_preempt_start();
}

void gp_fork_init(void)
{
	pthread_atfork(NULL, parent, child);
}
