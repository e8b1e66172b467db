/* SPDX-License-Identifier: ISC */
/*
 * Changing stacks, as the guest's own switch does it.
 */
	.text

/* void fiber_swap(void **save, void *load) */
	.globl	fiber_swap
	.type	fiber_swap, @function
fiber_swap:
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret

/* What fiber_prepare() makes fiber_swap() return to: fn in r12, rbp 0. */
	.globl	fiber_first
	.type	fiber_first, @function
fiber_first:
	call	*%r12
	ud2

	.section .note.GNU-stack, "", @progbits
