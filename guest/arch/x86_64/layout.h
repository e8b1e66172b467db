// SPDX-License-Identifier: ISC
/*
 * Where things are in the address space, and the selectors: numbers for C and for assembly.
 * guest.lds repeats KERNEL_BASE and IMAGE_PHYS and asserts that they agree.
 *
 *   DIRECT_MAP_BASE  all RAM, at its physical address plus this
 *   STACK_AREA       kernel stacks below, the interrupt stack table's stacks from IST_AREA on
 *   KERNEL_BASE      2 MiB of device pages, then the image at its physical address plus this
 *
 * The lower half is empty here: it belongs to ring 3 (user_mm.c).
 */
#pragma once

#define PAGE_SHIFT 12

#define KERNEL_BASE     0xffffffff80000000
#define IMAGE_PHYS      0x200000
#define IMAGE_SIZE_MAX  0x200000
#define DIRECT_MAP_BASE 0xffff888000000000
#define DIRECT_MAP_SIZE 0x8000000000
#define STACK_AREA      0xffffc90000000000
#define STACK_AREA_SIZE 0x4000000000
#define IST_AREA        0xffffc94000000000

/* The tables of head.S and of the trampoline map this much, from physical 0. */
#define EARLY_MAP_SIZE 0x100000000

/* The first byte of the image: where the IDT's gates point to. */
#define VECTORS_START (KERNEL_BASE + IMAGE_PHYS)
#define VECTOR_STRIDE 16

/* Page table entries. ACCESSED and DIRTY are set from the start: nobody looks at them. */
#define PTE_PRESENT  0x001
#define PTE_WRITE    0x002
#define PTE_USER     0x004
#define PTE_UNCACHED 0x018
#define PTE_ACCESSED 0x020
#define PTE_DIRTY    0x040
#define PTE_LARGE    0x080
#define PTE_NX       0x8000000000000000
#define PTE_ADDR     0x000ffffffffff000

#define PTE_TABLE (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED)
#define PTE_RO    (PTE_PRESENT | PTE_ACCESSED)
#define PTE_RW    (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY)

/* Linux's selectors: the software KVM host runs ring 3 natively only with these. */
#define SEL_KERNEL_CS 0x10
#define SEL_KERNEL_DS 0x18
#define SEL_USER32_CS 0x23
#define SEL_USER_DS   0x2b
#define SEL_USER_CS   0x33
#define SEL_TSS       0x40

/* Control registers. */
#define CR0_PE  0x00000001
#define CR0_ET  0x00000010
#define CR0_NE  0x00000020
#define CR0_WP  0x00010000
#define CR0_PG  0x80000000
#define CR4_PAE 0x00000020
#define CR4_MCE 0x00000040

/* FXSAVE saves SSE's registers, and SIMD errors have a vector of their own. */
#define CR4_OSFXSR     0x00000200
#define CR4_OSXMMEXCPT 0x00000400

#define CR4_FSGSBASE 0x00010000 /* ring 3 may write the bases of FS and GS */

#define CR0_KERNEL (CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_PE)

#define MSR_APIC_BASE    0x1b
#define MSR_MCG_CAP      0x179
#define MSR_MCG_STATUS   0x17a
#define MSR_MC0_STATUS   0x401 /* the next bank's is 4 behind */
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC       0x800
#define MSR_EFER         0xc0000080
#define MSR_STAR         0xc0000081
#define MSR_LSTAR        0xc0000082
#define MSR_CSTAR        0xc0000083
#define MSR_SFMASK       0xc0000084
#define MSR_FS_BASE      0xc0000100
#define MSR_GS_BASE      0xc0000101
#define MSR_KERNEL_GS    0xc0000102

#define EFER_SCE 0x001
#define EFER_LME 0x100
#define EFER_NXE 0x800

#define EFER_KERNEL (EFER_LME | EFER_NXE | EFER_SCE)

/* Vectors. The exceptions' are the machine's, the others' are Linux's. */
#define VECTOR_DB         1
#define VECTOR_NMI        2
#define VECTOR_BP         3
#define VECTOR_OF         4
#define VECTOR_UD         6
#define VECTOR_DF         8
#define VECTOR_GP         13
#define VECTOR_PF         14
#define VECTOR_MC         18
#define VECTOR_EXCEPTIONS 32
#define VECTOR_SOFT0      0x30 /* of the lines without a device */
#define VECTOR_SOFT1      0x31
#define VECTOR_TIMER      0xec
#define VECTOR_EVENT      0xf3
#define VECTOR_WORK       0xf6
#define VECTOR_CALL       0xfc
#define VECTOR_RESCHEDULE 0xfd
#define VECTOR_SPURIOUS   0xff
#define VECTOR_SYSCALL    0x100 /* none: where a guest's SYSCALL is told as an exit */

/* The interrupt stack table. The last is named by no gate: NMI's two stacks take turns. */
#define IST_NMI       1
#define IST_DF        2
#define IST_MC        3
#define IST_DB        4
#define IST_NMI_OTHER 5
#define IST_COUNT     5
