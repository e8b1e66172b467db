// SPDX-License-Identifier: ISC
/*
 * The first instructions of an application processor: from real mode to the stack of its idle task.
 * ap.c copies ap_trampoline to a page below 640 KiB and leaves the rest in the words below.
 */
#include "asm_offsets.h"
#include "guest/arch/x86_64/layout.h"

#define PHYS(symbol) ((symbol) - KERNEL_BASE)

	.section .rodata
	.code16
	.globl	ap_trampoline, ap_trampoline_end
ap_trampoline:
	movw	%cs, %ax
	movw	%ax, %ds
	lgdtl	gdt_pointer - ap_trampoline
	movl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$PHYS(early_pml4), %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	movl	$EFER_KERNEL, %eax
	xorl	%edx, %edx
	wrmsr
	/* Protection and paging at once: straight into long mode. */
	movl	$CR0_KERNEL, %eax
	movl	%eax, %cr0
	ljmpl	$SEL_KERNEL_CS, $PHYS(ap_start64)
gdt_pointer:
	.word	GDT_SIZE - 1
	.long	PHYS(gdt)
ap_trampoline_end:

	.text
	.code64
ap_start64:
	movq	$ap_start_high, %rax
	jmp	*%rax
ap_start_high:
	movl	$SEL_KERNEL_DS, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	/* Whoever comes uncalled, or late, finds nothing here and stops. */
	xchgl	%eax, ap_ticket(%rip)
	testl	%eax, %eax
	jz	ap_stop
	movl	$PHYS(kernel_pml4), %eax
	movq	%rax, %cr3
	movl	ap_cpu(%rip), %edi
	movq	ap_stack_top(%rip), %rsp
	xorl	%ebp, %ebp
	call	ap_main
ap_stop:
	cli
	hlt
	jmp	ap_stop

	.section .note.GNU-stack, "", @progbits
