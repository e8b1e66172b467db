// SPDX-License-Identifier: ISC
/*
 * Segments: each cpu's GDT with Linux's selectors, and its task state segment.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/arch/x86_64/layout.h"
#include "guest/page.h"
#include "guest/percpu.h"
#include "guest/stack.h"

#define IST_PAGES 2u
#define IST_SIZE  (IST_PAGES * PAGE_SIZE) /* of each stack of the table */

struct gdt {
	uint64_t null;
	uint64_t kernel32_cs;
	uint64_t kernel_cs;
	uint64_t kernel_ds;
	uint64_t user32_cs;
	uint64_t user_ds;
	uint64_t user_cs;
	uint64_t unused;
	uint64_t tss[2];
};

struct tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7]; /* ist[0] is IST_NMI's, the first */
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_bitmap;
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "the machine's layout");

DECLARE_PER_CPU(struct gdt, gdt);
DECLARE_PER_CPU(struct tss, tss); /* rsp[0]: the user task's stack, since it was switched in */

/*
 * The calling cpu, whose GS base is set: loads GDT, IDT and TSS. Boot and AP start, before anything
 * may fault.
 */
void gdt_init(unsigned int cpu);

/*
 * Gives the cpu its own stacks for NMI (two), #DF, #MC and #DB, each above a hole. Before the cpu
 * runs, or on it. The boot cpu has a makeshift one until then. Boot cpu, after mmu_init().
 */
void gdt_init_ist(unsigned int cpu);

/* Does sp lie on the stack of the table that ends at top? Any context. */
bool gdt_is_on_stack(uint64_t top, uint64_t sp);

/* The top of that of this cpu's NMI stacks which sp does not lie on. NMI. */
uint64_t gdt_other_nmi_stack(uint64_t sp);

/* This cpu's next NMI comes on the stack that ends at top, one of the two. NMI. */
void gdt_set_nmi_stack(uint64_t top);
