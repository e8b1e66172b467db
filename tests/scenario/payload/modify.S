// SPDX-License-Identifier: ISC
/*
 * A flat image that changes its own code: the constant that an instruction adds, each time around.
 * The code is one vcpu's; the others leave it alone.
 */
#include "tests/scenario/payload/programs.h"

#define ROUNDS 1000

	.text
	.globl _start
_start:
	testl %edi, %edi
	movl $PAYLOAD_RIGHT, %edi
	jnz 2f
	xorl %ebx, %ebx
	movl $1, %ecx
1:	movl %ecx, add + 2(%rip)
	jmp add /* a jump, as the architecture wants between the two */
add:	.byte 0x81, 0xc3 /* addl $..., %ebx */
	.long 0
	incl %ecx
	cmpl $ROUNDS + 1, %ecx
	jne 1b

	xorl %edi, %edi
	cmpl $ROUNDS * (ROUNDS + 1) / 2, %ebx
	setne %dil /* PAYLOAD_WRONG */
2:	xorl %eax, %eax /* HYPERCALL_shutdown */
	syscall
	ud2

	.section .note.GNU-stack, "", @progbits
