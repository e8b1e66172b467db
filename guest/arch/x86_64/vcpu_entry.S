// SPDX-License-Identifier: ISC
/*
 * Into a guest of ring 3, and the end of each way out. In between the C code that entered waits on
 * its stack. There are three ways out: entry.S sees that ring 3 was a guest; SYSCALL's entry does;
 * and an NMI's or machine check's return, which comes from a stack of its own.
 */
#include "asm_offsets.h"

	.text

/* struct regs *vcpu_enter_guest(struct arch_vcpu *vcpu) */
	.globl	vcpu_enter_guest
vcpu_enter_guest:
	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	movq	%rsp, VCPU_HOST_RSP(%rdi)
	movq	%rdi, %gs:vcpu_entered
	leaq	VCPU_REGS(%rdi), %rsp
	jmp	return_to_user

/* From SYSCALL: the number is in the place of error code and vector. */
	.globl	vcpu_exit_syscall
vcpu_exit_syscall:
	movl	$0, REGS_ERROR(%rsp)
	movl	$EXIT_SYSCALL, REGS_VECTOR(%rsp)

/* rsp: the registers; GS is the kernel's. */
	.globl	vcpu_exit
vcpu_exit:
	movq	%rsp, %rax
	movq	%gs:vcpu_entered, %rdx
1:	movq	$0, %gs:vcpu_entered
	movq	VCPU_HOST_RSP(%rdx), %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret

/* Of vcpu_leave_guest(): the registers are saved, and GS is the guest's still. */
	.globl	vcpu_exit_landing
vcpu_exit_landing:
	swapgs
	movq	%gs:vcpu_entered, %rdx
	leaq	VCPU_REGS(%rdx), %rax
	jmp	1b

	.section .note.GNU-stack, "", @progbits
