/*
 * getcontext, setcontext and swapcontext save and set the mask by a system call inside libc, so the kernel's, which is not the
 * greenlet's. Here they are libc's code with that call replaced (sigthread.c). They return twice or nowhere, so what is read of a
 * context is read of the program's own: a copy on the stack being left could be overwritten by a handler half-way.
 */
#define RBX 0x80
#define RBP 0x78
#define R12 0x48
#define R13 0x50
#define R14 0x58
#define R15 0x60
#define RDI 0x68
#define RSI 0x70
#define RDX 0x88
#define RCX 0x98
#define R8 0x28
#define R9 0x30
#define RIP 0xa8
#define RSP 0xa0
#define FPREGS 0xe0
#define FPMEM 0x1a8
#define MXCSR 0x1c0
#define SIGMASK 0x128

	.macro	save
	movq	%rbx, RBX(%rdi)
	movq	%rbp, RBP(%rdi)
	movq	%r12, R12(%rdi)
	movq	%r13, R13(%rdi)
	movq	%r14, R14(%rdi)
	movq	%r15, R15(%rdi)
	movq	%rdi, RDI(%rdi)
	movq	%rsi, RSI(%rdi)
	movq	%rdx, RDX(%rdi)
	movq	%rcx, RCX(%rdi)
	movq	%r8, R8(%rdi)
	movq	%r9, R9(%rdi)
	movq	(%rsp), %rcx
	movq	%rcx, RIP(%rdi)
	leaq	8(%rsp), %rcx
	movq	%rcx, RSP(%rdi)
	leaq	FPMEM(%rdi), %rcx
	movq	%rcx, FPREGS(%rdi)
	fnstenv	(%rcx)
	fldenv	(%rcx)
	stmxcsr	MXCSR(%rdi)
	.endm

	.macro	function name
	.globl	\name
	.type	\name, @function
	.p2align 4
\name:
	.cfi_startproc
	endbr64
	.endm

	.macro	end name
	.cfi_endproc
	.size	\name, . - \name
	.endm

	/* the argument and one more are kept; false (ZF) where this thread has no mask but the kernel's */
	.macro	ask helper
	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	pushq	%rsi
	.cfi_adjust_cfa_offset 8
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	\helper
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%rsi
	.cfi_adjust_cfa_offset -8
	popq	%rdi
	.cfi_adjust_cfa_offset -8
	testb	%al, %al
	.endm

	.text
function getcontext
	save
	ask	gp_context_save
	je	real_getcontext
	xorl	%eax, %eax
	ret
end getcontext

function swapcontext
	save
	ask	gp_context_save
	je	real_swapcontext
	movq	%rsi, %rdi
	jmp	set
end swapcontext

	/* libc's own for the end of a makecontext function, and the original behind its patched entry */
	.hidden	gp_setcontext_raw
function gp_setcontext_raw
	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	leaq	SIGMASK(%rdi), %rsi
	xorl	%edx, %edx
	movl	$2, %edi
	movl	$8, %r10d
	movl	$14, %eax
	syscall
	popq	%rdi
	.cfi_adjust_cfa_offset -8
	testq	%rax, %rax
	je	restore
	movl	%eax, %edi
	jmp	gp_context_failed
end gp_setcontext_raw

function setcontext
set:
	ask	gp_context_mask
	je	real_setcontext
restore:
	movq	%rdi, %rdx
	movq	FPREGS(%rdx), %rcx
	fldenv	(%rcx)
	ldmxcsr	MXCSR(%rdx)
	movq	RSP(%rdx), %rsp
	movq	RBX(%rdx), %rbx
	movq	RBP(%rdx), %rbp
	movq	R12(%rdx), %r12
	movq	R13(%rdx), %r13
	movq	R14(%rdx), %r14
	movq	R15(%rdx), %r15
	pushq	RIP(%rdx)
	movq	RDI(%rdx), %rdi
	movq	RSI(%rdx), %rsi
	movq	RCX(%rdx), %rcx
	movq	R8(%rdx), %r8
	movq	R9(%rdx), %r9
	movq	RDX(%rdx), %rdx
	xorl	%eax, %eax
	ret
end setcontext

	.section .note.GNU-stack,"",@progbits
