/*
 * switch.h - the contract of a context-switch backend. The only seam a port to another CPU must fill.
 *
 * A backend saves and restores what the ABI calls callee-saved (registers, the control bits of mxcsr and the x87 word),
 * the stack pointer and the thread pointer (FS base on x86-64). It must leave no system call on the fast path.
 * The signal mask is not part of a context: signal.c keeps the kernel's mask right, lazily.
 */
#ifndef GP_SWITCH_H
#define GP_SWITCH_H

#include <stddef.h>

struct gp_ctx {
	void *sp;   /* assembly backend: saved stack pointer; ucontext backend: its ucontext_t */
	void *tp;   /* thread pointer (struct pthread) */
};

struct gp_switch_ops {
	const char *name;
	/* Prepares ctx so that the first switch to it calls entry(arg) at the top of [stack, stack + size), 16-byte aligned,
	 * with an undefined return address (unwinders stop there). entry never returns. */
	void (*init)(struct gp_ctx *ctx, void *stack, size_t size, void *tp, void (*entry)(void *), void *arg);
	/* Leaves `from`, continues `to`; returns when somebody switches back to `from`. */
	void (*swap)(struct gp_ctx *from, struct gp_ctx *to);
	/* Releases what init allocated; the context will not run again. */
	void (*done)(struct gp_ctx *ctx);
};

extern const struct gp_switch_ops gp_switch_ucontext;
#ifdef __x86_64__
extern const struct gp_switch_ops gp_switch_asm;
#endif

#endif
