// SPDX-License-Identifier: ISC
/*
 * Exceptions and interrupts: the IDT, a stub for each vector, and the three ways to C. Every stub
 * leaves struct regs on the stack; its two lowest words, rbp and rip, are a frame record.
 *
 * Ring 3 is a user task's code, or the guest of a vcpu, whose exit goes another way (vcpu_entry.S):
 * one comparison, once GS is the kernel's.
 *
 * GS: code of ring 3 enters with its own and swaps, by SYSCALL, too. NMI, #DB and #MC (and #DF,
 * which does not return) may also interrupt kernel code that has not swapped yet, so they compare
 * the GS base with the cpu's, which lies at the top of their stack, and put it back at the end. An
 * NMI on its way out may be sent back to paranoid_again: see nmi.c. It may have put GS back by then
 * or not, so what it found lies at the top of its stack, too.
 *
 * vectors is at a fixed address, so that the IDT is complete, and read-only, from the start.
 */
#include "asm_offsets.h"
#include "guest/arch/x86_64/layout.h"

	.macro	SAVE_REGS
	pushq	%rax
	pushq	%rbx
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	pushq	REGS_RIP - 16(%rsp)
	pushq	%rbp
	movq	%rsp, %rbp
	cld
	.endm

	/* Up to the machine's own frame. */
	.macro	RESTORE_REGS
	popq	%rbp
	popq	%r15	/* the copy of rip */
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rbx
	popq	%rax
	addq	$8, %rsp
	.endm

	.macro	STUB vector
	.balign	VECTOR_STRIDE
	.set	is_paranoid, 0
	.irp	v, VECTOR_DB, VECTOR_NMI, VECTOR_DF, VECTOR_MC
	.if	\vector - \v
	.else
	.set	is_paranoid, 1
	.endif
	.endr
	.set	has_error, 0
	.irp	v, 8, 10, 11, 12, 13, 14, 17, 21, 29, 30
	.if	\vector - \v
	.else
	.set	has_error, 1
	.endif
	.endr
	.if	has_error
	.else
	pushq	$0
	.endif
	/* The upper half of the error code's word is free. */
	movl	$\vector, 4(%rsp)
	.if	is_paranoid
	jmp	paranoid_entry
	.else
	.if	\vector - VECTOR_EXCEPTIONS >= 0
	jmp	interrupt_entry
	.else
	jmp	exception_entry
	.endif
	.endif
	.endm

	.section .text.vectors, "ax"
	.balign	4096
	.globl	vectors
vectors:
	.set	vector, 0
	.rept	256
	STUB	vector
	.set	vector, vector + 1
	.endr
	.balign	VECTOR_STRIDE

	.globl	layout_vectors_start
	.set	layout_vectors_start, VECTORS_START

	.globl	interrupt_entry, interrupt_from_user, return_to_user
interrupt_entry:
	SAVE_REGS
	testb	$3, REGS_CS(%rsp)
	jnz	interrupt_from_user
interrupt_call:
	movq	%rsp, %rdi
	call	interrupt_handle
	testb	$3, REGS_CS(%rsp)
	jnz	return_to_user
return_to_kernel:
	RESTORE_REGS
	iretq

interrupt_from_user:
	swapgs
	cmpq	$0, %gs:vcpu_entered
	je	interrupt_call
	jmp	vcpu_exit

	.globl	return_to_user
return_to_user:
	swapgs
	RESTORE_REGS
	.globl	iret_to_user
iret_to_user:
	iretq

	.globl	exception_entry, exception_from_user, exception_from_kernel
exception_entry:
	SAVE_REGS
	testb	$3, REGS_CS(%rsp)
	jz	exception_from_kernel
exception_from_user:
	swapgs
exception_of_user:
	cmpq	$0, %gs:vcpu_entered
	jne	vcpu_exit
exception_call:
	movq	%rsp, %rdi
	call	exception_handle
	testb	$3, REGS_CS(%rsp)
	jnz	return_to_user
	jmp	return_to_kernel

/* The IRETQ to ring 3 faults when GS is the user's already. */
exception_from_kernel:
	cmpq	$iret_to_user, REGS_RIP(%rsp)
	jne	exception_call
	swapgs
	cmpq	$0, %gs:vcpu_entered
	jne	vcpu_exit_failed
	jmp	exception_call

/*
 * SYSCALL: rip and rflags are in rcx and r11, the stack is the user's, interrupts are off. The C
 * function says whether SYSRET may return: it takes the same two registers, and the stack.
 */
	.globl	syscall_entry
syscall_entry:
	swapgs
	movq	%rsp, %gs:user_rsp
	movq	%gs:tss + TSS_RSP0, %rsp
	pushq	$SEL_USER_DS
	pushq	%gs:user_rsp
	pushq	%r11
	pushq	$SEL_USER_CS
	pushq	%rcx
	pushq	%rax	/* the number, in the place of error code and vector */
	SAVE_REGS
	cmpq	$0, %gs:vcpu_entered
	jne	vcpu_exit_syscall
	movq	%rsp, %rdi
	call	syscall_handle
	testb	%al, %al
	jz	return_to_user
	RESTORE_REGS
	movq	REGS_RSP - REGS_RIP(%rsp), %rsp
	swapgs
	sysretq

/*
 * SYSCALL of 32-bit code, which anybody may jump to, on the machines that have it: -ENOSYS, with
 * the GS and the stack of ring 3. What comes meanwhile is on a stack of its own.
 */
	.globl	syscall32_entry
syscall32_entry:
	movl	$-38, %eax
	sysretl

/*
 * bool syscall_probe(user_ip): to ring 3, at the address where it sees syscall_probe_user. Returns
 * whether SYSCALL enters ring 0. All registers but rcx and r11 stay as they are, rsp too. An
 * exception's frame lies over the one of the way there.
 */
	.globl	syscall_probe, syscall_probe_user, syscall_probe_entered, syscall_probe_faulted
	.balign	16
syscall_probe:
	movq	%rsp, %rax
	movq	%rax, %gs:tss + TSS_RSP0
	pushq	$SEL_USER_DS
	pushq	%rax
	pushq	$RFLAGS_FIXED
	pushq	$SEL_USER_CS
	pushq	%rdi
	swapgs
	iretq
	.balign	4	/* in one page */
syscall_probe_user:
	syscall
	ud2
syscall_probe_entered:
	swapgs
	movl	$1, %eax
	ret
syscall_probe_faulted:
	xorl	%eax, %eax
	ret

/* _Noreturn void user_enter_first(ip, stack, arg, stack_top): nothing of the kernel goes along. */
	.globl	user_enter_first
user_enter_first:
	movq	%rcx, %rsp
	pushq	$SEL_USER_DS
	pushq	%rsi
	pushq	$RFLAGS_IF + RFLAGS_FIXED
	pushq	$SEL_USER_CS
	pushq	%rdi
	pushq	$0
	movq	%rdx, %rdi
	xorl	%eax, %eax
	xorl	%ebx, %ebx
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	xorl	%esi, %esi
	xorl	%ebp, %ebp
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%r10d, %r10d
	xorl	%r11d, %r11d
	xorl	%r12d, %r12d
	xorl	%r13d, %r13d
	xorl	%r14d, %r14d
	xorl	%r15d, %r15d
	SAVE_REGS
	jmp	return_to_user

/* #DB of ring 3 is as any other exception of it: on the task's stack, which it may end on, or where
 * the guest's registers are. */
	.globl	debug_from_user
debug_from_user:
	swapgs
	movq	%rsp, %rsi
	movq	%gs:tss + TSS_RSP0, %rdi
	subq	$REGS_SIZE, %rdi
	movq	%rdi, %rsp
	movl	$REGS_SIZE / 8, %ecx
	rep movsq
	movq	%rsp, %rbp
	jmp	exception_of_user

	.globl	paranoid_entry, paranoid_gs, paranoid_again, paranoid_end
paranoid_entry:
	SAVE_REGS
	testb	$3, REGS_CS(%rsp)
	jz	paranoid_gs
	cmpl	$VECTOR_DB, REGS_VECTOR(%rsp)
	je	debug_from_user
paranoid_gs:
	movl	$MSR_GS_BASE, %ecx
	rdmsr
	shlq	$32, %rdx
	orq	%rdx, %rax
	movq	%rax, REGS_SIZE + 8(%rsp)
paranoid_again:
	movq	REGS_SIZE + 8(%rsp), %r12
	movq	REGS_SIZE(%rsp), %rbx
	cmpq	%rbx, %r12
	je	paranoid_call
	movl	$MSR_GS_BASE, %ecx
	movq	%rbx, %rax
	movq	%rbx, %rdx
	shrq	$32, %rdx
	wrmsr
paranoid_call:
	movq	%rsp, %rdi
	call	paranoid_handle
	cmpq	%rbx, %r12
	je	return_to_kernel
	movl	$MSR_GS_BASE, %ecx
	movq	%r12, %rax
	movq	%r12, %rdx
	shrq	$32, %rdx
	wrmsr
	jmp	return_to_kernel
paranoid_end:

	.section .percpu, "aw"
	.balign	8
user_rsp:
	.quad	0 /* while SYSCALL changes stacks; interrupts are off */

	.section .rodata
	.balign	4096
	.globl	idt
idt:
	.set	vector, 0
	.rept	256
	.set	address, VECTORS_START + vector * VECTOR_STRIDE
	.set	ist, 0
	.if	vector - VECTOR_NMI
	.else
	.set	ist, IST_NMI
	.endif
	.if	vector - VECTOR_DF
	.else
	.set	ist, IST_DF
	.endif
	.if	vector - VECTOR_MC
	.else
	.set	ist, IST_MC
	.endif
	.if	vector - VECTOR_DB
	.else
	.set	ist, IST_DB
	.endif
	.set	ring, 0
	.irp	v, VECTOR_BP, VECTOR_OF
	.if	vector - \v
	.else
	.set	ring, 3	/* its instructions are anybody's */
	.endif
	.endr
	/* Present, 64-bit interrupt gate. */
	.word	address & 0xffff, SEL_KERNEL_CS
	.byte	ist, 0x8e + (ring << 5)
	.word	(address >> 16) & 0xffff
	.long	(address >> 32) & 0xffffffff
	.long	0
	.set	vector, vector + 1
	.endr

	.section .note.GNU-stack, "", @progbits
