// SPDX-License-Identifier: ISC
/*
 * The payload of the tour's vcpus, a flat image (payload_abi.h). One of an odd number waits for its
 * timer, as often as its parameter says, and is interrupted; one of an even number computes until
 * the next one is done, with a hypercall now and then.
 */
#include "asm_offsets.h"

#define TIMER_NS      10000000
#define COMPUTE_TURNS 3000000
#define VCPUS         8 /* at most */

	.section .rodata
	.balign	16
	.globl	tour_payload, tour_payload_end
tour_payload:
	movl	%edi, %r12d
	movq	%rdi, %r13
	shrq	$32, %r13
	leaq	handler(%rip), %rdi
	movl	$HYPERCALL_handler, %eax
	syscall
	leaq	done(%rip), %r15
	testl	$1, %r12d
	jnz	wait
compute:
	cmpl	$0, 4(%r15, %r12, 4)
	jne	shutdown
	movl	$COMPUTE_TURNS, %ecx
1:	decl	%ecx
	jnz	1b
	movl	$HYPERCALL_vcpus, %eax
	syscall
	jmp	compute
wait:
	movl	$TIMER_NS, %edi
	movl	$HYPERCALL_timer, %eax
	syscall
	sti
	hlt
	cli
	decl	%r13d
	jnz	wait
	movl	$1, (%r15, %r12, 4)
shutdown:
	xorl	%edi, %edi
	movl	$HYPERCALL_shutdown, %eax
	syscall
	ud2
handler:
	movl	$HYPERCALL_return, %eax
	syscall
	ud2

	.balign	4
done:
	.fill	VCPUS, 4, 0
tour_payload_end:

	.section .note.GNU-stack, "", @progbits
