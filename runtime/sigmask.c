#include "sigmask.h"
#include "real.h"
#include "thread.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NEVER (gp_sigbit(SIGKILL) | gp_sigbit(SIGSTOP) | GP_SIGMASK_LIBC)
/* Faults: the kernel kills where one of these is blocked. */
#define FAULTS (gp_sigbit(SIGSEGV) | gp_sigbit(SIGBUS) | gp_sigbit(SIGFPE) | gp_sigbit(SIGILL) | gp_sigbit(SIGTRAP) | gp_sigbit(SIGSYS))

uint64_t gp_signal_kernel_mask, gp_signal_want;

static struct {
	uint64_t mask;
	unsigned n;
} kinds[16];
static unsigned others; /* greenlets whose mask found no place in the table */
static uint64_t refused; /* by every greenlet */
static volatile uint64_t held;
static volatile unsigned changes; /* of the kernel's mask, by handlers on their return */
static volatile bool exposed;

static void set_kernel(uint64_t mask)
{
	real_syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
	gp_signal_kernel_mask = mask;
}

void gp_sigmask_block(void)
{
	if (~gp_signal_kernel_mask)
		set_kernel(~0ull);
}

/* A handler that comes between the system call and the note of it has changed both, and the note is wrong: once more. */
void gp_signal_sync(void)
{
	unsigned before;

	exposed = false;
	do {
		before = changes;
		if (gp_signal_want != gp_signal_kernel_mask)
			set_kernel(gp_signal_want);
	} while (before != changes);
}

void gp_signal_expose(uint64_t mask)
{
	exposed = true;
	if (mask != gp_signal_kernel_mask)
		set_kernel(mask);
}

/* As above: one that comes in between holds back one more. */
static void settle(void)
{
	uint64_t h;

	do
		gp_signal_want = refused | (h = held);
	while (h != held);
}

void gp_sigmask_hold(int sig, uint64_t *frame)
{
	if (gp_sigbit(sig) & FAULTS)
		return;
	held |= gp_sigbit(sig);
	gp_signal_want = refused | held;
	if (exposed) /* a child is to inherit this mask as it is */
		return;
	*frame |= gp_sigbit(sig);
	gp_signal_kernel_mask = *frame;
	changes++;
}

void gp_sigmask_release(int sig)
{
	held &= ~gp_sigbit(sig);
	settle();
}

void gp_sigmask_return(uint64_t *frame)
{
	*frame = gp_signal_kernel_mask = gp_signal_want;
	changes++;
}

bool gp_sigmask_refused(int sig)
{
	return refused & gp_sigbit(sig);
}

static void reckon(void)
{
	uint64_t all = ~NEVER;

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].n)
			all &= kinds[i].mask;
	if (others)
		gp_list_for(l, &gp_sched.all) {
			struct greenlet *g = gp_container(l, struct greenlet, all);

			if (g->state != GP_DEAD && !g->exited)
				all &= g->sigmask;
		}
	if (gp_main.pd) /* Linux asks the first thread first: what it waits for goes to no other, whose mask may let it kill */
		all |= gp_main.sigwait & gp_main.sigmask & ~(NEVER | FAULTS);
	refused = all;
	settle();
}

/* True if there was none of that mask. */
static bool count(uint64_t mask)
{
	unsigned i, empty = sizeof(kinds) / sizeof(kinds[0]);

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].n && kinds[i].mask == mask) {
			kinds[i].n++;
			return false;
		}
		if (!kinds[i].n)
			empty = i;
	}
	if (empty == i) {
		others++;
		return true;
	}
	kinds[empty].mask = mask;
	kinds[empty].n = 1;
	return true;
}

/* True if none of that mask is left. */
static bool uncount(uint64_t mask)
{
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].n && kinds[i].mask == mask)
			return !--kinds[i].n;
	others--;
	return true;
}

void gp_sigmask_enrol(struct greenlet *g)
{
	if (count(g->sigmask))
		reckon();
}

void gp_sigmask_leave(struct greenlet *g)
{
	if (uncount(g->sigmask))
		reckon();
}

void gp_sigmask_change(struct greenlet *g, uint64_t mask)
{
	mask &= ~NEVER;
	if (mask == g->sigmask)
		return;
	uncount(g->sigmask);
	g->sigmask = mask;
	count(mask);
	reckon();
}

void gp_sigmask_wait(struct greenlet *g, uint64_t set)
{
	g->sigwait = set;
	if (g == &gp_main)
		reckon();
}

/* Whatever the kernel holds back now; it holds it back again where the action was not the end. */
int gp_sigmask_act(int sig)
{
	uint64_t before = gp_signal_kernel_mask;
	int r;

	set_kernel(before & ~gp_sigbit(sig));
	r = (int)real_syscall(SYS_tgkill, getpid(), real_syscall(SYS_gettid), sig);
	set_kernel(before);
	return r;
}

void gp_sigmask_alone(struct greenlet *g)
{
	memset(kinds, 0, sizeof(kinds));
	others = 0;
	held = 0;
	gp_sigmask_enrol(g);
}

void gp_sigmask_start(struct greenlet *main)
{
	real_syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &main->sigmask, sizeof(main->sigmask));
	gp_signal_kernel_mask = main->sigmask;
	main->sigmask &= ~NEVER;
	gp_sigmask_alone(main);
}
