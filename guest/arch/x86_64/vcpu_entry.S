// SPDX-License-Identifier: ISC
/*
 * Into a guest of ring 3, and the end of each way out. In between the C code that entered waits on
 * its stack. There are three ways out: entry.S sees that ring 3 was a guest; SYSCALL's entry does;
 * and an NMI's or machine check's return, which comes from a stack of its own.
 */
#include "asm_offsets.h"

	.text

/* Of vcpu_enter_guest(): vcpu in rdi; returns its registers in rax, and keeps nothing but rbp. */
	.globl	vcpu_enter_by_iret
vcpu_enter_by_iret:
	pushq	%rbp
	movq	%rsp, VCPU_HOST_RSP(%rdi)
	movq	%rdi, %gs:vcpu_entered
	leaq	VCPU_REGS(%rdi), %rsp
	jmp	return_to_user

/* From SYSCALL: the number is in the place of the error code. */
	.globl	vcpu_exit_syscall
vcpu_exit_syscall:
	movl	$EXIT_SYSCALL, REGS_VECTOR(%rsp)

/* rsp: the registers, where they belong; GS is the kernel's. */
	.globl	vcpu_exit
vcpu_exit:
	movq	%rsp, %rax
	movq	$0, %gs:vcpu_entered
	movq	VCPU_HOST_RSP - VCPU_REGS(%rsp), %rsp
	popq	%rbp
	ret

/* rsp: the registers, below where they belong. */
	.globl	vcpu_exit_failed
vcpu_exit_failed:
	movq	%rsp, %rsi
	movq	%gs:vcpu_entered, %rdi
	movq	VCPU_HOST_RSP(%rdi), %rsp
	call	vcpu_take_failed_return
vcpu_exit_saved:
	movq	%gs:vcpu_entered, %rsp
	addq	$VCPU_REGS, %rsp
	jmp	vcpu_exit

/* Of vcpu_leave_guest(): the registers are saved, and GS is the guest's still. */
	.globl	vcpu_exit_landing
vcpu_exit_landing:
	swapgs
	jmp	vcpu_exit_saved

	.section .note.GNU-stack, "", @progbits
