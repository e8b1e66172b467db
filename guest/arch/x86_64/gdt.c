// SPDX-License-Identifier: ISC
/*
 * Segments. The GDT is complete at link time but for the TSS's address, so that head.S and the
 * trampoline load cpu 0's as it lies in the image; accessed bits are preset.
 *
 * Below each stack of the interrupt stack table lies a hole of the same size. At the top of each is
 * the cpu's GS base, by which the paranoid entry knows whether GS is the kernel's, and room for the
 * one that it finds.
 */
#include "guest/arch/x86_64/gdt.h"

#include "guest/arch.h"
#include "guest/page.h"
#include "guest/panic.h"

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

extern const uint64_t idt[2 * 256];

DEFINE_PER_CPU(struct gdt, gdt)
__attribute__((aligned(64))) = {
	.kernel32_cs = 0x00cf9b000000ffff,
	.kernel_cs = 0x00af9b000000ffff,
	.kernel_ds = 0x00cf93000000ffff,
	.user32_cs = 0x00cffb000000ffff,
	.user_ds = 0x00cff3000000ffff,
	.user_cs = 0x00affb000000ffff,
};
_Static_assert(offsetof(struct gdt, kernel_cs) == SEL_KERNEL_CS, "selector");
_Static_assert(offsetof(struct gdt, kernel_ds) == SEL_KERNEL_DS, "selector");
_Static_assert(offsetof(struct gdt, user32_cs) == (SEL_USER32_CS & ~3), "selector");
_Static_assert(offsetof(struct gdt, user_ds) == (SEL_USER_DS & ~3), "selector");
_Static_assert(offsetof(struct gdt, user_cs) == (SEL_USER_CS & ~3), "selector");
_Static_assert(offsetof(struct gdt, tss) == SEL_TSS, "selector");

/*
 * What every IST stack starts as: one makeshift for the few hundred instructions before mmu_init().
 */
static struct {
	uint8_t stack[PAGE_SIZE - 16];
	uint64_t top[2]; /* GS base of cpu 0, which is 0 */
} boot_ist __attribute__((aligned(16)));

DEFINE_PER_CPU(struct tss, tss) __attribute__((aligned(64))) = {
	.ist = {
		[IST_NMI - 1] = (uintptr_t)boot_ist.top,
		[IST_DF - 1] = (uintptr_t)boot_ist.top,
		[IST_MC - 1] = (uintptr_t)boot_ist.top,
		[IST_DB - 1] = (uintptr_t)boot_ist.top,
		[IST_NMI_OTHER - 1] = (uintptr_t)boot_ist.top,
	},
	.io_bitmap = sizeof(struct tss),
};

void
gdt_init(unsigned int cpu)
{
	struct gdt *table = per_cpu_ptr(&gdt, cpu);
	uint64_t base = (uintptr_t)per_cpu_ptr(&tss, cpu);
	struct table_pointer gdt_pointer = { sizeof(*table) - 1, (uintptr_t)table };
	struct table_pointer idt_pointer = { sizeof(idt) - 1, (uintptr_t)idt };

	/* An available 64-bit TSS; written whole, since a copy of cpu 0's would be busy. */
	table->tss[0] = (sizeof(struct tss) - 1) | (base & 0xffffff) << 16 | (uint64_t)0x89 << 40 |
	                (base >> 24 & 0xff) << 56;
	table->tss[1] = base >> 32;

	__asm__ volatile("lgdt %0" : : "m"(gdt_pointer));
	__asm__ volatile("lidt %0" : : "m"(idt_pointer));
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
}

void
gdt_init_ist(unsigned int cpu)
{
	struct tss *own = per_cpu_ptr(&tss, cpu);
	uintptr_t va = IST_AREA + cpu * (2 * IST_SIZE * IST_COUNT);

	for (unsigned int i = 0; i < IST_COUNT; i++, va += 2 * IST_SIZE) {
		uint64_t pages[IST_PAGES];
		uint64_t *top = (uint64_t *)(va + 2 * IST_SIZE) - 2;

		for (unsigned int page = 0; page < IST_PAGES; page++) {
			void *memory = page_alloc();

			if (!memory) {
				panic("no memory for the exception stacks of cpu %u", cpu);
			}
			pages[page] = arch_virt_to_phys(memory);
		}
		arch_map_pages((void *)(va + IST_SIZE), pages, IST_PAGES);
		top[0] = percpu_offset[cpu];
		own->ist[i] = (uintptr_t)top;
	}
}

/* Interrupt stacks are written from the top. */
bool
gdt_is_on_stack(uint64_t top, uint64_t sp)
{
	return sp <= top && sp > top - IST_SIZE;
}

uint64_t
gdt_other_nmi_stack(uint64_t sp)
{
	const struct tss *own = this_cpu_ptr(&tss);

	return own
	        ->ist[gdt_is_on_stack(own->ist[IST_NMI - 1], sp) ? IST_NMI_OTHER - 1 : IST_NMI - 1];
}

/* Only this cpu's NMIs change its entries, and none comes before this one has. */
void
gdt_set_nmi_stack(uint64_t top)
{
	struct tss *own = this_cpu_ptr(&tss);

	if (own->ist[IST_NMI - 1] != top) {
		own->ist[IST_NMI_OTHER - 1] = own->ist[IST_NMI - 1];
		own->ist[IST_NMI - 1] = top;
	}
}
