// SPDX-License-Identifier: ISC
/*
 * The image's entry (PVH: 32-bit protected mode, paging off, EBX = start info), the way of both
 * kinds of cpu into long mode, and the notes by which loaders know the image.
 */
#include "asm_offsets.h"
#include "guest/arch/x86_64/layout.h"

#define PHYS(symbol) ((symbol) - KERNEL_BASE)

	.text
	.code32
	.globl	pvh_start
pvh_start:
	cld
	rdtsc
	movl	%eax, PHYS(arch_boot_cycles)
	movl	%edx, PHYS(arch_boot_cycles) + 4
	movl	%ebx, %edi
	movl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$PHYS(early_pml4), %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	movl	$EFER_KERNEL, %eax
	xorl	%edx, %edx
	wrmsr
	movl	$CR0_KERNEL, %eax
	movl	%eax, %cr0
	lgdt	PHYS(early_gdt_pointer)
	ljmpl	$SEL_KERNEL_CS, $PHYS(start64)

	.code64
start64:
	movl	$SEL_KERNEL_DS, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	/* GS base: cpu 0's offset is 0. */
	movl	$MSR_GS_BASE, %ecx
	xorl	%edx, %edx
	wrmsr
	movl	%edi, %edi
	xorl	%ebp, %ebp
	movq	$boot_stack_top, %rsp
	pushq	$0
	/* An absolute jump: from physical to virtual addresses. */
	movq	$boot_main, %rax
	jmp	*%rax

	.section .rodata
	.globl	early_gdt_pointer
early_gdt_pointer:
	.word	GDT_SIZE - 1
	.long	PHYS(gdt)

	.section .bss.page, "aw", @nobits
	.balign	4096
	.globl	boot_stack_guard, boot_stack, boot_stack_top
boot_stack_guard:
	.skip	4096
boot_stack:
	.skip	BOOT_STACK_SIZE
boot_stack_top:

	/* Owner's and descriptor's length, type; see shared/boot_abi.h. */
	.section .note.overtake, "a", @note
	.balign	4
	.long	4, 4, 18
	.asciz	"Xen"
	.long	PHYS(pvh_start)

	.balign	4
	.long	9, 4, 1
	.asciz	"Overtake"
	.balign	4
	.long	1

	.section .note.GNU-stack, "", @progbits
