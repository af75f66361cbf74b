/*
 * gp_gomp_inline: stands for a syscall instruction of libgomp's. Arguments are where the kernel takes them, and all registers but rax,
 * rcx and r11 survive, as after the instruction. The upper halves of vector registers do not: libgomp is built without AVX.
 */
	.text

	.globl	gp_gomp_inline
	.hidden	gp_gomp_inline
	.type	gp_gomp_inline, @function
	.p2align 4
gp_gomp_inline:
	.cfi_startproc
	.cfi_undefined rip	/* the detour that calls this has no frame of its own */
	endbr64
	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%rdi
	pushq	%rsi
	pushq	%rdx
	pushq	%r8
	pushq	%r9
	pushq	%r10
	subq	$272, %rsp
	andq	$-16, %rsp
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movaps	%xmm\n, 16 + 16 * \n(%rsp)
	.endr
	movq	%r9, (%rsp)
	movq	%r8, %r9
	movq	%r10, %r8
	movq	%rdx, %rcx
	movq	%rsi, %rdx
	movq	%rdi, %rsi
	movq	%rax, %rdi
	cld
	call	*gp_gomp_call(%rip)
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movaps	16 + 16 * \n(%rsp), %xmm\n
	.endr
	leaq	-48(%rbp), %rsp
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdx
	popq	%rsi
	popq	%rdi
	popq	%rbp
	ret
	.cfi_endproc
	.size	gp_gomp_inline, . - gp_gomp_inline

	.section .note.GNU-stack,"",@progbits
