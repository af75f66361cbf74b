/*
 * The context switch on x86-64: void gp_switch_asm_swap(struct gp_ctx *from, struct gp_ctx *to)
 *
 * Saved are the callee-saved registers and the control words (mxcsr, x87), as the psABI asks. The thread pointer is loaded after
 * the stack: signal.c keeps handlers out of the instructions in between. The way out is a ret, not a jump: nearly all switches are
 * made in one place (gp_sched_leave), so the CPU's stack of return addresses, which holds the other context's callers, is right for
 * this one too, and for the returns that follow. After a jump each of these would mispredict.
 */
	.text

	.globl	gp_switch_asm_swap
	.hidden	gp_switch_asm_swap
	.type	gp_switch_asm_swap, @function
	.p2align 4
gp_switch_asm_swap:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	pushq	%rbx
	.cfi_adjust_cfa_offset 8
	pushq	%r12
	.cfi_adjust_cfa_offset 8
	pushq	%r13
	.cfi_adjust_cfa_offset 8
	pushq	%r14
	.cfi_adjust_cfa_offset 8
	pushq	%r15
	.cfi_adjust_cfa_offset 8
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	movl	(%rsp), %eax	/* read as it was written: a wider load would wait for both stores */
	movzwl	4(%rsp), %ecx

	movq	%rsp, (%rdi)
	movq	(%rsi), %rsp
	movq	8(%rsi), %rdx
	cmpb	$0, gp_tls_fsgsbase(%rip)
	je	2f
	wrfsbase %rdx
1:
	cmpl	(%rsp), %eax
	jne	3f
	cmpw	4(%rsp), %cx
	jne	3f
4:
	addq	$8, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret
2:
	cmpq	%rdx, 8(%rdi)	/* the hub runs on the other's TCB: sched.c */
	je	1b
	movl	$158, %eax	/* arch_prctl */
	movl	$0x1002, %edi	/* ARCH_SET_FS */
	movq	%rdx, %rsi
	syscall
	jmp	3f		/* the registers with the control words are gone: load the others */
3:
	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	jmp	4b
	.cfi_endproc
	.size	gp_switch_asm_swap, . - gp_switch_asm_swap

/* Where the first switch to a context lands: rbx is the entry, r12 its argument. An unwinder must stop here. */
	.globl	gp_switch_asm_boot
	.hidden	gp_switch_asm_boot
	.type	gp_switch_asm_boot, @function
	.p2align 4
gp_switch_asm_boot:
	.cfi_startproc
	.cfi_undefined rip
	endbr64
	movq	%r12, %rdi
	xorl	%ebp, %ebp
	call	*%rbx
	ud2
	.cfi_endproc
	.size	gp_switch_asm_boot, . - gp_switch_asm_boot

/* Returns from a signal handler. Unwinders and gdb know a signal frame by these very bytes. */
	.globl	gp_restorer
	.hidden	gp_restorer
	.type	gp_restorer, @function
	.p2align 4
	nop
gp_restorer:
	movq	$15, %rax	/* rt_sigreturn */
	syscall
	.size	gp_restorer, . - gp_restorer

	.section .note.GNU-stack,"",@progbits
