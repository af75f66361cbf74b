/*
 * long gp_stoppable(volatile int *stop, const long call[7]): see stop.h. A signal that finds a thread between gp_stoppable and
 * gp_stoppable_end makes it go on at gp_stopped: nothing is on the stack that would have to be undone.
 */
	.text
	.globl	gp_stoppable, gp_stoppable_end, gp_stopped
	.hidden	gp_stoppable, gp_stoppable_end, gp_stopped
	.type	gp_stoppable, @function
	.p2align 4
gp_stoppable:
	.cfi_startproc
	endbr64
	cmpl	$0, (%rdi)
	jne	gp_stopped
	movq	(%rsi), %rax
	movq	8(%rsi), %rdi
	movq	24(%rsi), %rdx
	movq	32(%rsi), %r10
	movq	40(%rsi), %r8
	movq	48(%rsi), %r9
	movq	16(%rsi), %rsi
	syscall
gp_stoppable_end:
	ret
gp_stopped:
	movq	$-4, %rax	/* -EINTR */
	ret
	.cfi_endproc
	.size	gp_stoppable, . - gp_stoppable

	.section .note.GNU-stack,"",@progbits
