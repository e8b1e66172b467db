// SPDX-License-Identifier: ISC
/*
 * Changes of stack: task switch, first run of a task, and the preemption of C code that expects to
 * keep all its registers.
 */
#include "asm_offsets.h"

	.text

/* Of arch_switch_to(): prev in rdi, which stays there, next in rsi; keeps nothing else but rbp. */
	.globl	switch_stacks
switch_stacks:
	pushq	%rbp
	movq	%rsp, TASK_RSP(%rdi)
	movq	TASK_RSP(%rsi), %rsp
	popq	%rbp
	ret

/* What arch_task_init() makes switch_stacks return to: fn and arg are on the stack, rbp is 0. */
	.globl	task_first_run
task_first_run:
	popq	%rsi
	popq	%rdx
	call	task_entry
	ud2

/* void arch_start_on_stack(void *stack_top, void (*fn)(void)) */
	.globl	arch_start_on_stack
arch_start_on_stack:
	movq	%rdi, %rsp
	xorl	%ebp, %ebp
	call	*%rsi
	ud2

/* void arch_call_on_stack(void *arg, void (*fn)(void *), void *stack_top) */
	.globl	arch_call_on_stack
arch_call_on_stack:
	pushq	%rbp
	movq	%rsp, %rbp
	movq	%rdx, %rsp
	call	*%rsi
	leave
	ret

/* function() for inline code in the midst of anything: clobbers nothing but the flags. */
	.macro	THUNK name, function
	.globl	\name
\name:
	pushq	%rbp
	movq	%rsp, %rbp
	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	call	\function
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rax
	popq	%rbp
	ret
	.endm

	THUNK	preempt_schedule_thunk, preempt_schedule
	THUNK	preempt_schedule_notrace_thunk, preempt_schedule_notrace

	.section .note.GNU-stack, "", @progbits
