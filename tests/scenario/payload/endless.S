// SPDX-License-Identifier: ISC
/*
 * A flat image that counts for ever, and never exits by itself: only interrupts of the host end it.
 * The counter of vcpu n is 64 bits in the n-th line of the page behind.
 */
	.text
	.globl _start
_start:
	movl %edi, %edi
	shlq $6, %rdi
	leaq counters(%rip), %rax
	addq %rax, %rdi
1:	incq (%rdi)
	jmp 1b

	.balign 4096
counters:
	.fill 4096, 1, 0

	.section .note.GNU-stack, "", @progbits
