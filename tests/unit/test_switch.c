#include "unit.h"
#include "../../runtime/tls.h"

#include <execinfo.h>
#include <fenv.h>
#include <sys/mman.h>
#include <sys/wait.h>

TestSuite(switch, .timeout = 10);

#ifdef __x86_64__
enum { STACK = 64 << 10 };
static char stack[STACK] __attribute__((aligned(64))), stack2[STACK] __attribute__((aligned(64)));
static struct gp_ctx here, there, third;
static const struct gp_switch_ops *ops;
static uintptr_t entry_sp;
static void *got;
static unsigned count;

static void make(struct gp_ctx *ctx, char *at, void (*entry)(void *), void *arg)
{
	const char *missing;

	ops = gp_config.ucontext ? &gp_switch_ucontext : &gp_switch_asm;
	cr_assert_eq(gp_tls_init(&missing), 0);
	here.tp = (void *)pthread_self();
	ops->init(ctx, at, STACK, here.tp, entry, arg);
}

static void forth(void)
{
	ops->swap(&here, &there);
}

static void back(void)
{
	ops->swap(&there, &here);
}

__attribute__((used)) static void noted(void *arg)
{
	got = arg;
	for (;;) {
		count++;
		back();
	}
}

__attribute__((naked)) static void entry(void *arg)
{
	(void)arg;
	__asm__("movq %%rsp, %0\n\tjmp noted" : "=m"(entry_sp));
}

Both(switch, the_entry_is_called_as_the_abi_says)
{
	make(&there, stack, entry, stack + 5);
	for (unsigned i = 1; i < 1000; i++) {
		forth();
		cr_assert_eq(count, i);
	}
	cr_assert_eq(got, stack + 5);
	cr_assert_eq(entry_sp % 16, 8u, "rsp is %#lx", entry_sp);
	cr_assert(entry_sp > (uintptr_t)stack + STACK - 4096 && entry_sp < (uintptr_t)stack + STACK, "not at the top");
	ops->done(&there);
}

Both(switch, a_stack_that_ends_anywhere)
{
	make(&there, stack, entry, NULL);
	for (size_t odd = 0; odd < 64; odd += 7) {
		ops->init(&there, stack, STACK - odd, here.tp, entry, NULL);
		forth();
		cr_assert_eq(entry_sp % 16, 8u, "%zu short: rsp is %#lx", odd, entry_sp);
		cr_assert_lt(entry_sp, (uintptr_t)stack + STACK - odd);
	}
}

/* Switches with the six callee-saved registers set to regs, and brings back what is in them afterwards. */
__attribute__((naked)) static void swap_with(struct gp_ctx *from, struct gp_ctx *to, void *swap, uint64_t regs[6])
{
	(void)from, (void)to, (void)swap, (void)regs;
	__asm__("pushq %rbx; pushq %rbp; pushq %r12; pushq %r13; pushq %r14; pushq %r15; pushq %rcx\n\t"
		"movq (%rcx), %rbx; movq 8(%rcx), %rbp; movq 16(%rcx), %r12\n\t"
		"movq 24(%rcx), %r13; movq 32(%rcx), %r14; movq 40(%rcx), %r15\n\t"
		"call *%rdx\n\t"
		"popq %rcx\n\t"
		"movq %rbx, (%rcx); movq %rbp, 8(%rcx); movq %r12, 16(%rcx)\n\t"
		"movq %r13, 24(%rcx); movq %r14, 32(%rcx); movq %r15, 40(%rcx)\n\t"
		"popq %r15; popq %r14; popq %r13; popq %r12; popq %rbp; popq %rbx; ret");
}

static void check_registers(struct gp_ctx *from, struct gp_ctx *to, uint64_t seed)
{
	uint64_t regs[6], want[6];

	for (unsigned i = 0; i < 6; i++)
		want[i] = regs[i] = seed * (i + 1);
	swap_with(from, to, (void *)ops->swap, regs);
	for (unsigned i = 0; i < 6; i++)
		cr_expect_eq(regs[i], want[i], "register %u of rbx rbp r12 r13 r14 r15: %#lx, not %#lx", i, regs[i], want[i]);
}

static void other_registers(void *unused)
{
	(void)unused;
	for (;;)
		check_registers(&there, &here, 0x0123456789abcdefull);
}

Both(switch, registers_are_kept)
{
	make(&there, stack, other_registers, NULL);
	for (int i = 0; i < 3; i++)
		check_registers(&here, &there, 0xfedcba9876543ull);
}

static unsigned control(void)
{
	uint32_t mxcsr;
	uint16_t cw;

	__asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(mxcsr), "=m"(cw));
	return (mxcsr & 0xffc0) << 16 | cw;
}

static void set_control(uint32_t rounding, uint16_t precision)
{
	uint32_t mxcsr = 0x1f80 | rounding << 13;
	uint16_t cw = (uint16_t)(0x3f | precision << 8 | rounding << 10);

	__asm__ volatile("ldmxcsr %0; fldcw %1" ::"m"(mxcsr), "m"(cw));
}

static unsigned theirs;

static void other_control(void *unused)
{
	(void)unused;
	theirs = control();
	back();
	set_control(2, 0);
	for (;;) {
		theirs = control();
		back();
	}
}

Both(switch, control_words_belong_to_a_context)
{
	unsigned inherited, ours;

	set_control(1, 2);
	inherited = control();
	make(&there, stack, other_control, NULL);
	set_control(3, 3);
	ours = control();
	forth();
	cr_assert_eq(theirs, inherited, "a context starts with its creator's: %#x, not %#x", theirs, inherited);
	cr_assert_eq(control(), ours);
	forth();
	inherited = theirs;
	cr_assert_neq(theirs, ours);
	cr_assert_eq(control(), ours);
	set_control(0, 3);
	forth();
	cr_assert_eq(theirs, inherited);
	set_control(0, 3);
}

static int depth;

static void look_up(void *unused)
{
	void *frames[64];

	(void)unused;
	depth = backtrace(frames, 64);
	back();
}

/* Above the stack lies what looks like return addresses, in a function that an unwinder can step out of with a pop. */
Both(switch, unwinders_stop_at_the_entry)
{
	uint64_t *top = (uint64_t *)(stack + STACK - 512);

	for (int i = 0; i < 64; i++)
		top[i] = (uintptr_t)swap_with + 1;
	make(&there, stack, look_up, NULL);
	ops->init(&there, stack, STACK - 512, here.tp, look_up, NULL);
	forth();
	cr_assert(depth >= 2 && depth <= 4, "%d frames", depth);
}

static __thread int local = 5;
static pthread_t whom;
static int theirs_local;

static void other_thread_pointer(void *unused)
{
	(void)unused;
	for (;;) {
		whom = pthread_self();
		theirs_local = local++;
		back();
	}
}

static void check_thread_pointer(bool by_system_call)
{
	void *pd, *top;

	make(&there, stack, other_thread_pointer, NULL);
	if (by_system_call)
		gp_tls_fsgsbase = false;
	pd = gp_tls_place(stack + STACK, &top);
	cr_assert_eq(gp_tls_alloc(pd), 0);
	ops->init(&there, stack, (size_t)((char *)top - stack), pd, other_thread_pointer, NULL);
	local = 70;
	for (int i = 0; i < 3; i++) {
		forth();
		cr_assert_eq((void *)whom, pd);
		cr_assert_eq((void *)pthread_self(), here.tp);
		cr_assert_eq(theirs_local, 5 + i);
		cr_assert_eq(local, 70);
	}
}

Both(switch, the_thread_pointer_is_part_of_a_context)
{
	check_thread_pointer(false);
}

Both(switch, where_cpu_or_kernel_have_no_wrfsbase)
{
	check_thread_pointer(true);
	make(&third, stack2, other_registers, NULL);
	there = third;
	gp_tls_fsgsbase = false;
	set_control(1, 2);
	for (int i = 0; i < 3; i++)
		check_registers(&here, &there, 0x1111ull);
	cr_assert_eq(control() & 0xc00, 0x400u);
	set_control(0, 3);
}

static void next(void *unused)
{
	(void)unused;
	for (;;) {
		count = count * 3 + 1;
		ops->swap(&there, &third);
	}
}

static void last(void *unused)
{
	(void)unused;
	for (;;) {
		count = count * 5 + 2;
		ops->swap(&third, &here);
	}
}

Both(switch, a_ring_of_contexts)
{
	unsigned want = 0;

	make(&there, stack, next, NULL);
	make(&third, stack2, last, NULL);
	for (int i = 0; i < 100; i++) {
		forth();
		want = (want * 3 + 1) * 5 + 2;
		cr_assert_eq(count, want);
	}
}

Test(switch, no_system_call_on_the_fast_path)
{
	int status;
	pid_t pid;

	make(&there, stack, entry, NULL);
	if (!gp_tls_fsgsbase)
		cr_skip("no wrfsbase here");
	if (!(pid = fork())) {
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
		for (int i = 0; i < 1000; i++)
			forth();
		syscall(SYS_exit, count == 1000 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	cr_assert_eq(status, 0, "status %#x", status);
}
#endif
