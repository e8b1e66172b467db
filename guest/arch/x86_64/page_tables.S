// SPDX-License-Identifier: ISC
/*
 * Page tables that exist before the first instruction, so that boot need not fill them.
 *
 * early_*: the first 4 GiB by 2 MiB pages, at 0, at DIRECT_MAP_BASE and, the first of them, at
 * KERNEL_BASE. For the boot cpu until mmu_init(), for each other cpu until it leaves the
 * trampoline.
 *
 * kernel_pml4 and below: the skeleton of the final tables, which mmu.c completes.
 *   boot_pt  physical 0 to 4 MiB by 4 KiB pages. Its second half, the image's, serves both the
 *            direct map and KERNEL_BASE. mmu.c removes what is not RAM and protects the image.
 */
#include "guest/arch/x86_64/layout.h"

#define TABLE(symbol, flags) .quad (symbol) - KERNEL_BASE + (flags)

#define PML4_SLOT(address) (((address) >> 39) & 511)

	.section .data.page, "aw"
	.balign	4096
	.globl	kernel_pml4
kernel_pml4:
	.fill	PML4_SLOT(DIRECT_MAP_BASE), 8, 0
	TABLE(direct_pdpt, PTE_TABLE + PTE_NX)
	.fill	PML4_SLOT(STACK_AREA) - PML4_SLOT(DIRECT_MAP_BASE) - 1, 8, 0
	TABLE(stack_pdpt, PTE_TABLE + PTE_NX)
	.fill	510 - PML4_SLOT(STACK_AREA), 8, 0
	TABLE(kernel_pdpt, PTE_TABLE)

kernel_pdpt:
	.fill	510, 8, 0
	TABLE(kernel_pd, PTE_TABLE)
	.quad	0

kernel_pd:
	TABLE(device_pt, PTE_TABLE + PTE_NX)
	TABLE(boot_pt + 4096, PTE_TABLE)
	.fill	510, 8, 0

	.globl	direct_pdpt
direct_pdpt:
	TABLE(direct_pd, PTE_TABLE)
	.fill	511, 8, 0

direct_pd:
	TABLE(boot_pt, PTE_TABLE)
	TABLE(boot_pt + 4096, PTE_TABLE)
	.fill	510, 8, 0

	.globl	boot_pt
boot_pt:
	.set	page, 0
	.rept	1024
	.quad	page + PTE_RW + PTE_NX
	.set	page, page + 4096
	.endr

	.section .bss.page, "aw", @nobits
	.balign	4096
	.globl	stack_pdpt, device_pt
stack_pdpt:
	.skip	4096
device_pt:
	.skip	4096

	.section .rodata
	.balign	4096
	.globl	early_pml4
early_pml4:
	TABLE(early_pdpt, PTE_TABLE)
	.fill	PML4_SLOT(DIRECT_MAP_BASE) - 1, 8, 0
	TABLE(early_pdpt, PTE_TABLE)
	.fill	510 - PML4_SLOT(DIRECT_MAP_BASE), 8, 0
	TABLE(early_kernel_pdpt, PTE_TABLE)

early_pdpt:
	TABLE(early_pd, PTE_TABLE)
	TABLE(early_pd + 4096, PTE_TABLE)
	TABLE(early_pd + 8192, PTE_TABLE)
	TABLE(early_pd + 12288, PTE_TABLE)
	.fill	508, 8, 0

early_kernel_pdpt:
	.fill	510, 8, 0
	TABLE(early_pd, PTE_TABLE)
	.quad	0

early_pd:
	.set	page, 0
	.rept	2048
	.quad	page + PTE_RW + PTE_LARGE
	.set	page, page + 0x200000
	.endr

	.section .note.GNU-stack, "", @progbits
