/*
 * vfork. While no greenlet exists it is libc's own, entered by a jump. With greenlets it is made here: the child returns into its
 * caller and from then on overwrites what lies below that frame, so the return address is kept in a register, of which each side has
 * its own. What its hooks may do on the parent's memory is in fork.c.
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
	cmpl	$0, gp_vfork_ours(%rip)
	jne	1f
	movb	$1, gp_fd_early_lost(%rip)
	jmp	real_vfork
1:	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	gp_vfork_prepare
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	cmpl	$1, %eax
	jb	2f
	ja	real_vfork
	popq	%rdi
	.cfi_adjust_cfa_offset -8
	.cfi_register rip, rdi
	movl	$58, %eax	/* vfork */
	syscall
	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rip, 0
	movq	%rax, %rdi
	jmp	gp_vfork_return
2:	jmp	fork@PLT
	.cfi_endproc
	.size	vfork, . - vfork
	.size	__vfork, . - __vfork

	.section .note.GNU-stack,"",@progbits
