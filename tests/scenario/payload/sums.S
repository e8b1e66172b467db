// SPDX-License-Identifier: ISC
/*
 * Sums in every XMM register, two in each, of steps that are the vcpu's own; every 1,024 additions
 * it exits, so that exits, too, must leave them alone. All are integers that doubles hold exactly:
 * a single bit of another vcpu's, or of the kernel's, is seen in the end.
 */
#include "tests/scenario/payload/programs.h"

#define ROUNDS 100000 /* 5,050 in steps of the last register: 505,000,000 is exact */

	.text
	.globl _start
_start:
	movq %rdi, %r15
	shrq $32, %r15 /* the parameter: how many rounds */
	jnz 1f
	movl $ROUNDS, %r15d
1:	movl %edi, %edi
	incq %rdi

	/* Of register n, on the stack: vcpu + 1 + n, and (vcpu + 1) * (n + 1). */
	subq $16 * 16, %rsp
	andq $-16, %rsp
	xorl %ecx, %ecx
2:	leaq (%rdi, %rcx), %rax
	cvtsi2sdq %rax, %xmm0
	leaq 1(%rcx), %rax
	imulq %rdi, %rax
	cvtsi2sdq %rax, %xmm1
	movl %ecx, %eax
	shll $4, %eax
	movsd %xmm0, (%rsp, %rax)
	movsd %xmm1, 8(%rsp, %rax)
	incl %ecx
	cmpl $16, %ecx
	jne 2b

	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	xorpd %xmm\n, %xmm\n
	.endr
	movq %r15, %rbx
3:	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	addpd 16 * \n(%rsp), %xmm\n
	.endr
	testl $1023, %ebx
	jnz 4f
	outb %al, $0x80
4:	decq %rbx
	jnz 3b

	/* What it is, bit by bit, and what it must be: its step times the rounds. */
	movq %rsp, %rbp
	subq $16 * 16, %rsp
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movapd %xmm\n, 16 * \n(%rsp)
	.endr
	cvtsi2sdq %r15, %xmm2
	xorl %edi, %edi
	xorl %ecx, %ecx
5:	movsd (%rbp, %rcx, 8), %xmm0
	mulsd %xmm2, %xmm0
	movq %xmm0, %rax
	cmpq (%rsp, %rcx, 8), %rax
	je 6f
	movl $PAYLOAD_WRONG, %edi
6:	incl %ecx
	cmpl $32, %ecx
	jne 5b

	xorl %eax, %eax /* HYPERCALL_shutdown */
	syscall
	ud2

	.section .note.GNU-stack, "", @progbits
