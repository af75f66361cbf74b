/*
 * Where a handler's frame lies. The kernel knows one alternate stack, ours (overflow.c), so a handler that asked for its thread's own
 * begins there, and its frame goes to where it belongs before anything can park on it: the next signal comes to the same place.
 * Erlang's and Go's stacks have no room for a frame, which is why they ask.
 */
#include "config.h"
#include "signal.h"

#include <stddef.h>
#include <string.h>
#include <ucontext.h>

bool gp_sigframe_stays;

#ifdef __x86_64__

#define UCONTEXT   (offsetof(ucontext_t, uc_sigmask) + sizeof(uint64_t)) /* the kernel's ends with its mask */
#define RED_ZONE   128
#define FXSAVE     512
#define XSTATE_AT  464        /* in it: what the kernel has put behind it */
#define XSTATE     0x46505853 /* FP_XSTATE_MAGIC1 */

/* As the kernel lays it out; the state of the FPU stands above, at a multiple of 64. */
struct frame {
	void (*restorer)(void);
	char context[UCONTEXT];
	siginfo_t info;
};

static size_t fpu_size(const char *fpu)
{
	const uint32_t *x = (const uint32_t *)(fpu + XSTATE_AT);

	return x[0] == XSTATE ? x[1] : FXSAVE;
}

static char *room(const struct greenlet *g, bool onstack, char *sp)
{
	bool own = g->altstack.ss_size && onstack && !gp_signal_on_stack(g, sp);

	return own ? (char *)g->altstack.ss_sp + g->altstack.ss_size : sp - RED_ZONE;
}

bool gp_sigframe_move(const struct greenlet *g, bool onstack, int sig, siginfo_t *info, void *context,
		      void (*fn)(int, siginfo_t *, void *))
{
	ucontext_t *uc = context;
	char *from = gp_signal_sp(uc), *fpu = (char *)uc->uc_mcontext.fpregs, *to;
	struct frame *f;

	if (gp_sigframe_stays || gp_config.valgrind /* its frames have more to them */ || !gp_overflow_stack(context) || gp_overflow_stack(from) || (char *)info != (char *)context + UCONTEXT || !fpu)
		return false;
	to = (char *)((uintptr_t)(room(g, onstack, from) - fpu_size(fpu)) & ~63ul);
	f = (struct frame *)(((uintptr_t)(to - sizeof(*f)) & ~15ul) - sizeof(void *));
	memcpy(to, fpu, fpu_size(fpu));
	memcpy(f->context, context, UCONTEXT);
	f->info = *info;
	f->restorer = gp_restorer;
	uc = (ucontext_t *)f->context;
	uc->uc_mcontext.fpregs = (fpregset_t)(void *)to;
	__asm__ volatile("movq %0, %%rsp; jmp *%1"
			 : : "r"(f), "r"(fn), "D"(sig), "S"(&f->info), "d"(uc) : "memory");
	__builtin_unreachable();
}

#else

bool gp_sigframe_move(const struct greenlet *g, bool onstack, int sig, siginfo_t *info, void *context,
		      void (*fn)(int, siginfo_t *, void *))
{
	(void)g, (void)onstack, (void)sig, (void)info, (void)context, (void)fn;
	return false;
}

#endif
