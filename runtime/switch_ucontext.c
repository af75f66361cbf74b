/*
 * The portable backend. swapcontext() sets a signal mask with a system call, which is its whole cost. The kernel's mask is one for
 * all greenlets and no part of a context: each context is entered with all signals blocked, a mask that cannot be out of date, and
 * sched.c then sets the one that is wanted. The mask of when the context was left would let in what is held back since.
 */
#include "switch.h"
#include "real.h"
#include "tls.h"

#include <string.h>
#include <ucontext.h>

struct first {
	ucontext_t uc;
	void (*entry)(void *);
	void *arg;
};

/* makecontext passes ints only: the pointer goes in two halves. */
__attribute__((no_sanitize_address)) static void boot(unsigned low, unsigned high)
{
	struct first *f = (struct first *)((uintptr_t)low | (uintptr_t)high << 32);

	f->entry(f->arg);
	__builtin_trap();
}

static void init(struct gp_ctx *ctx, void *stack, size_t size, void *tp, void (*entry)(void *), void *arg)
{
	struct first *f = (struct first *)(((uintptr_t)stack + size - sizeof(*f)) & ~63ul);

	real_getcontext(&f->uc);
	f->uc.uc_stack.ss_sp = stack;
	f->uc.uc_stack.ss_size = (size_t)((char *)f - (char *)stack);
	f->uc.uc_link = NULL;
	f->entry = entry;
	f->arg = arg;
	makecontext(&f->uc, (void (*)(void))boot, 2, (unsigned)(uintptr_t)f, (unsigned)((uintptr_t)f >> 32));
	ctx->sp = &f->uc;
	ctx->tp = tp;
}

static void swap(struct gp_ctx *from, struct gp_ctx *to)
{
	ucontext_t here; /* lives as long as this context is suspended */

	from->sp = &here;
	memset(&((ucontext_t *)to->sp)->uc_sigmask, 0xff, sizeof(sigset_t)); /* sigfillset leaves some out */
	if (to->tp != from->tp)
		gp_tls_use(to->tp);
	real_swapcontext(&here, to->sp);
}

static void done(struct gp_ctx *ctx)
{
	ctx->sp = NULL;
}

const struct gp_switch_ops gp_switch_ucontext = { "ucontext", init, swap, done };
