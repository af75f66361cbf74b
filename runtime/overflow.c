/*
 * A greenlet that runs into its guard says so in one line before the default action. And the alternate signal stack: the kernel knows
 * one for each kernel thread, so that one is ours; those of the program's threads are kept here and entered by signal.c.
 */
#include "signal.h"
#include "preempt.h"
#include "real.h"
#include "thread.h"

#include <sys/syscall.h>
#include <unistd.h>

#define KERNEL_MIN   2048u     /* MINSIGSTKSZ; the header's asks the CPU */

static char stack[64 << 10] __attribute__((aligned(64))); /* its pages do not exist before the first fault */

bool gp_overflow_stack(const void *sp)
{
	return (const char *)sp >= stack && (const char *)sp < stack + sizeof(stack);
}

char *gp_overflow_top(void)
{
	return stack + sizeof(stack);
}

/* Tells, and leaves the rest to the kernel: the instruction faults again, now for the core file. */
static void fault(int sig, siginfo_t *info, void *context)
{
	struct greenlet *g = gp_thread_is_ours ? gp_self : NULL;
	char *at = info->si_addr;

	(void)context;
	if (g && info->si_code > 0 && g->guard_size && at >= (char *)g->stack_map && at < (char *)g->stack_map + g->guard_size)
		gp_say("stack overflow in greenlet %u (%s), stack %zu bytes", g->id, g->name, g->stack_size - g->guard_size);
	real_sigaction(sig, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	if (info->si_code <= 0) /* sent by somebody: it waits until we return */
		real_syscall(SYS_tgkill, getpid(), real_syscall(SYS_gettid), sig);
}

void gp_overflow_watch(int sig)
{
	struct sigaction act = { .sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	if (sig == SIGSEGV)
		real_sigaction(sig, &act, NULL);
}

void gp_overflow_start(struct greenlet *main)
{
	stack_t mine = { .ss_sp = stack, .ss_size = sizeof(stack) };

	real_sigaltstack(&mine, &main->altstack); /* refused where main is on its own just now: faults then run there */
	if (main->altstack.ss_flags & SS_DISABLE || main->altstack.ss_sp == stack)
		main->altstack = (stack_t){ 0 };
}

bool gp_signal_on_stack(const struct greenlet *g, const void *sp)
{
	return (uintptr_t)sp - (uintptr_t)g->altstack.ss_sp - 1 < g->altstack.ss_size;
}

int gp_signal_stack(struct greenlet *g, const stack_t *ss, stack_t *old, const void *sp)
{
	stack_t now = g->altstack, new;
	int disarms = now.ss_flags & GP_AUTODISARM, mode;
	bool in_use = !disarms && gp_signal_on_stack(g, sp);

	if (ss && gp_copy_in(&new, ss, sizeof(new)))
		return -EFAULT;
	if (ss) {
		mode = new.ss_flags & ~GP_AUTODISARM;
		if (in_use)
			return -EPERM;
		if (mode != SS_DISABLE && mode != SS_ONSTACK && mode)
			return -EINVAL;
		if (mode != SS_DISABLE && new.ss_size < KERNEL_MIN)
			return -ENOMEM;
		g->altstack = mode == SS_DISABLE ? (stack_t){ 0 } : new;
		if (g->altstack.ss_size && g != &gp_main)
			gp_preempt_onstack();
	}
	now.ss_flags = (!now.ss_size ? SS_DISABLE : in_use ? SS_ONSTACK : 0) | disarms;
	return old ? gp_copy_out(old, &now, sizeof(now)) : 0;
}

#ifndef __x86_64__
void gp_call_on(void *sp, void (*fn)(int, siginfo_t *, void *), int sig, siginfo_t *info, void *context)
{
	(void)sp;
	fn(sig, info, context);
}
#endif
