/* The assembly backend: arch/<cpu>/switch.S does the switch, this file lays out the first frame. */
#include "switch.h"
#include "tls.h"

#ifdef __x86_64__

void gp_switch_asm_swap(struct gp_ctx *from, struct gp_ctx *to);
void gp_switch_asm_boot(void);

/* What gp_switch_asm_swap pops, lowest address first. */
struct frame {
	uint32_t mxcsr, x87cw;
	uint64_t r15, r14, r13, r12, rbx, rbp, rip;
};

static void init(struct gp_ctx *ctx, void *stack, size_t size, void *tp, void (*entry)(void *), void *arg)
{
	uintptr_t top = ((uintptr_t)stack + size) & ~15ul;
	struct frame *f = (struct frame *)(top - sizeof(struct frame));

	/* After the pops and the jump rsp is `top`, 16-byte aligned; boot's call then gives entry the ABI's alignment. */
	*f = (struct frame){ .r12 = (uintptr_t)arg, .rbx = (uintptr_t)entry, .rip = (uintptr_t)gp_switch_asm_boot };
	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(f->mxcsr), "=m"(f->x87cw)); /* POSIX: inherited from the creator */
	f->x87cw &= 0xffff;
	ctx->sp = f;
	ctx->tp = tp;
}

static void done(struct gp_ctx *ctx)
{
	ctx->sp = NULL;
}

const struct gp_switch_ops gp_switch_asm = { "asm", init, gp_switch_asm_swap, done };

#endif
