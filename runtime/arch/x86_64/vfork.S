/*
 * vfork. While no greenlet exists it is libc's own, entered by a jump since no frame of ours may lie between it and its caller. With
 * greenlets its child would run our hooks on the parent's memory, so it becomes fork, as POSIX allows.
 */
	.text
	.globl	vfork
	.type	vfork, @function
	.globl	__vfork
	.type	__vfork, @function
	.p2align 4
vfork:
__vfork:
	.cfi_startproc
	endbr64
	cmpl	$0, gp_vfork_is_fork(%rip)
	jne	1f
	jmp	real_vfork
1:	jmp	fork@PLT
	.cfi_endproc
	.size	vfork, . - vfork
	.size	__vfork, . - __vfork

	.section .note.GNU-stack,"",@progbits
