/* void gp_call_on(void *sp, void (*fn)(int, siginfo_t *, void *), int sig, siginfo_t *info, void *context): calls fn on another stack. */
	.text

	.globl	gp_call_on
	.hidden	gp_call_on
	.type	gp_call_on, @function
	.p2align 4
gp_call_on:
	.cfi_startproc
	endbr64
	pushq	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbp, 0
	movq	%rsp, %rbp
	.cfi_def_cfa_register rbp
	movq	%rdi, %rsp
	movq	%rsi, %rax
	movl	%edx, %edi
	movq	%rcx, %rsi
	movq	%r8, %rdx
	call	*%rax
	leave
	.cfi_def_cfa rsp, 8
	ret
	.cfi_endproc
	.size	gp_call_on, . - gp_call_on

	.section .note.GNU-stack,"",@progbits
