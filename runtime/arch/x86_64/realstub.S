/*
 * realstub.S - real_NAME for every original of real.def: a jump through a slot, as a PLT entry is, but one that this library
 * fills itself (real.c). A slot that was not filled yet points at code that fills them all and jumps again, so an original
 * may be called before any constructor ran and there is no test on the way.
 *
 * Three tables lie in the order of real.def: slots, and the names with their versions as text (no pointers: nothing to relocate).
 */
#define GP_ALIAS(name)

	.text
#define GP_SHIMV(name, version) \
	.globl real_##name; .hidden real_##name; .type real_##name, @function; .p2align 4; \
real_##name: \
	.cfi_startproc; \
	endbr64; \
	jmp *slot_##name(%rip); \
	.cfi_endproc; \
	.size real_##name, . - real_##name;
#define GP_SHIM(name) GP_SHIMV(name, "")
#include "../../real.def"
#undef GP_SHIMV

#define GP_SHIMV(name, version) \
first_##name: \
	endbr64; \
	lea slot_##name(%rip), %r11; \
	jmp first_call;
#include "../../real.def"
#undef GP_SHIMV

/* Keeps every register that carries an argument: the six, r10 (static chain) and al (variadic). No original takes a float, and
 * gp_real_init touches no vector register. errno is kept by gp_real_init. */
	.p2align 4
	.type first_call, @function
first_call:
	.cfi_startproc
	.irp reg, rdi, rsi, rdx, rcx, r8, r9, rax, r10, r11
	push %\reg
	.cfi_adjust_cfa_offset 8
	.endr
	call gp_real_init
	.irp reg, r11, r10, rax, r9, r8, rcx, rdx, rsi, rdi
	pop %\reg
	.cfi_adjust_cfa_offset -8
	.endr
	jmp *(%r11)
	.cfi_endproc
	.size first_call, . - first_call

	.data
	.globl gp_real_slots
	.hidden gp_real_slots
	.type gp_real_slots, @object
	.p2align 6
gp_real_slots:
#define GP_SHIMV(name, version) slot_##name: .quad first_##name;
#include "../../real.def"
#undef GP_SHIMV
	.size gp_real_slots, . - gp_real_slots

	.section .rodata
	.globl gp_real_names
	.hidden gp_real_names
	.type gp_real_names, @object
gp_real_names:
#define GP_SHIMV(name, version) .asciz #name; .asciz version;
#include "../../real.def"
#undef GP_SHIMV
	.byte 0
	.size gp_real_names, . - gp_real_names

	.section .note.GNU-stack, "", @progbits
