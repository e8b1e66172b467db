// SPDX-License-Identifier: ISC
/*
 * Sets breakpoints of its own: MOV to debug registers traps, and is carried out. Each vcpu has
 * other ones, at a place and on a variable; its handler counts them. Where breakpoints of ring 3 do
 * not fire it stops with PAYLOAD_NOT_RAISED.
 */
#include "tests/scenario/payload/programs.h"

#define ROUNDS 50

#define HYPERCALL_SHUTDOWN 0
#define HYPERCALL_HANDLER  1
#define HYPERCALL_RETURN   2

#define DR7_EXECUTE_0 0x1      /* enabled; of execution */
#define DR7_WRITE_1   0xd00004 /* enabled; of a write of four bytes */

	.text
	.globl _start
_start:
	movl %edi, %r12d
	movl $HYPERCALL_HANDLER, %eax
	leaq handler(%rip), %rdi
	syscall

	/* Of vcpu n, the n-th of the places and of the variables. */
	movl %r12d, %ebx
	andl $7, %ebx
	leaq places(%rip), %rax
	leaq (%rax, %rbx, 2), %rax
	movq %rax, %dr0
	leaq variables(%rip), %r13
	leaq (%r13, %rbx, 4), %rax
	movq %rax, %dr1
	movl $DR7_EXECUTE_0 | DR7_WRITE_1, %eax
	movq %rax, %dr7
	xorl %r14d, %r14d /* how often by execution */
	xorl %r15d, %r15d /* how often by a write */

	/* All eight places and all eight variables, each round: one of each is its own. */
	movl $ROUNDS, %ebp
1:	jmp places
2:	xorl %ecx, %ecx
3:	movl %ebp, (%r13, %rcx, 4)
	incl %ecx
	cmpl $8, %ecx
	jne 3b
	testl $7, %ebp
	jnz 4f
	outb %al, $0x80 /* an exit in between */
4:	decl %ebp
	jnz 1b

	movl $PAYLOAD_RIGHT, %edi
	cmpl $ROUNDS, %r14d
	jne 5f
	cmpl $ROUNDS, %r15d
	je 7f
5:	movl $PAYLOAD_WRONG, %edi
	movl %r14d, %eax
	orl %r15d, %eax
	jnz 7f
	movl $PAYLOAD_NOT_RAISED, %edi
7:	movl $HYPERCALL_SHUTDOWN, %eax
	syscall
	ud2

places:
	.rept 8
	.byte 0x66, 0x90 /* a NOP of two bytes */
	.endr
	jmp 2b

/*
 * Registers of the handler are its own, so it counts in those that it saves: the breakpoint of an
 * execution would come anew at once, so its instruction, a NOP, is left out.
 */
handler:
	cmpl $1, %edi
	jne 9f
	movq %dr6, %rbx
	xorl %eax, %eax
	movq %rax, %dr6
	testl $1, %ebx
	jz 8f
	movl $3, %eax /* saved: rip */
	movl $16, %edi
	syscall
	leaq 2(%rax), %rsi
	movl $4, %eax /* set_saved */
	movl $16, %edi
	syscall
	movl $14, %edi
	jmp count
8:	testl $2, %ebx
	jz 9f
	movl $15, %edi
count:
	movl %edi, %ebx
	movl $3, %eax
	syscall
	leaq 1(%rax), %rsi
	movl $4, %eax
	movl %ebx, %edi
	syscall
9:	movl $HYPERCALL_RETURN, %eax
	syscall
	ud2

	.data
	.balign 64
variables:
	.fill 8, 4, 0

	.section .note.GNU-stack, "", @progbits
