#include "sigmask.h"
#include "real.h"

#include <string.h>
#include <sys/syscall.h>

#define NEVER (gp_sigbit(SIGKILL) | gp_sigbit(SIGSTOP) | GP_SIGMASK_LIBC)

uint64_t gp_signal_kernel_mask, gp_signal_want;

static struct {
	uint64_t mask;
	unsigned n;
} kinds[16];
static unsigned others; /* greenlets whose mask found no place in the table */
static volatile bool full;

static void set_kernel(uint64_t mask)
{
	real_syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
	gp_signal_kernel_mask = mask;
}

void gp_sigmask_block(void)
{
	set_kernel(~0ull);
}

void gp_signal_sync(void)
{
	if (gp_signal_want != gp_signal_kernel_mask)
		set_kernel(gp_signal_want);
}

void gp_signal_expose(uint64_t mask)
{
	if (mask != gp_signal_kernel_mask)
		set_kernel(mask);
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
	gp_signal_want = all;
	if (full) /* now, not before: the wrapper may have come in between */
		gp_signal_want = ~NEVER;
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

void gp_sigmask_alone(struct greenlet *g)
{
	memset(kinds, 0, sizeof(kinds));
	others = 0;
	full = false;
	gp_sigmask_enrol(g);
}

void gp_sigmask_full(bool now)
{
	full = now;
	reckon();
	if (!now)
		gp_signal_kernel_mask = ~gp_signal_want; /* a handler may have come between a change and our note of it */
}

bool gp_sigmask_is_full(void)
{
	return full;
}

void gp_sigmask_start(struct greenlet *main)
{
	real_syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &main->sigmask, sizeof(main->sigmask));
	gp_signal_kernel_mask = main->sigmask;
	main->sigmask &= ~NEVER;
	gp_sigmask_alone(main);
}
