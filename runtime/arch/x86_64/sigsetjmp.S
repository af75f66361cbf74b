/*
 * sigsetjmp saves the mask by a system call, so the kernel's, which is not the greenlet's: sigthread.c notes that one beside it
 * first. It returns twice, so nothing of ours may stay on the stack: libc's is entered by a jump.
 */
	.text
	.globl	setjmp
	.type	setjmp, @function
	.globl	__sigsetjmp
	.type	__sigsetjmp, @function
	.p2align 4
setjmp:			/* the function, not the macro, which does not save it */
	.cfi_startproc
	endbr64
	movl	$1, %esi
	jmp	1f
	.p2align 4
__sigsetjmp:
	endbr64
	testl	%esi, %esi
	je	2f
1:	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	pushq	%rsi
	.cfi_adjust_cfa_offset 8
	subq	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	gp_sigsetjmp
	addq	$8, %rsp
	.cfi_adjust_cfa_offset -8
	popq	%rsi
	.cfi_adjust_cfa_offset -8
	popq	%rdi
	.cfi_adjust_cfa_offset -8
2:	jmp	real___sigsetjmp
	.cfi_endproc
	.size	setjmp, . - setjmp
	.size	__sigsetjmp, . - __sigsetjmp

	.section .note.GNU-stack,"",@progbits
