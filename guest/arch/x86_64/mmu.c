// SPDX-License-Identifier: ISC
/*
 * Completing the tables that page_tables.S begins. Tables are reached through the direct map, the
 * image's too. Until memory has been added, new tables come from a few spare ones in the image.
 */
#include "guest/arch/x86_64/mmu.h"

#include <stddef.h>

#include "guest/arch.h"
#include "guest/arch/x86_64/boot_info.h"
#include "guest/arch/x86_64/doorbell.h"
#include "guest/arch/x86_64/insn.h"
#include "guest/boot_info.h"
#include "guest/page.h"
#include "guest/panic.h"

#define TABLE_ENTRIES 512u

#define MIB 0x100000ull
#define GIB 0x40000000ull

#define LARGE_PAGE_SIZE (2 * MIB)

#define BOOT_PT_SIZE (2 * LARGE_PAGE_SIZE) /* what boot_pt maps, from 0 on */
_Static_assert(BOOT_PT_SIZE == IMAGE_PHYS + IMAGE_SIZE_MAX, "the image ends where boot_pt does");

#define SPARE_TABLES 4u

/* page_tables.S */
extern uint64_t kernel_pml4[TABLE_ENTRIES];
extern uint64_t direct_pdpt[TABLE_ENTRIES];
extern uint64_t stack_pdpt[TABLE_ENTRIES];
extern uint64_t device_pt[TABLE_ENTRIES];
extern uint64_t boot_pt[2 * TABLE_ENTRIES];

/* head.S, guest.lds */
extern char boot_stack_guard[];
extern char __text_start[];
extern char __text_end[];
extern char __rodata_start[];
extern char __rodata_end[];

static uint64_t spare_tables[SPARE_TABLES][TABLE_ENTRIES] __attribute__((aligned(PAGE_SIZE)));
static unsigned int spare_tables_used;
static unsigned int device_pages_used = 1; /* the first stays a hole */

static uint64_t
image_phys(const void *symbol)
{
	return (uintptr_t)symbol - KERNEL_BASE;
}

static uint64_t
new_table(void)
{
	void *table = page_alloc();

	if (table) {
		return arch_virt_to_phys(table);
	}
	if (spare_tables_used == SPARE_TABLES) {
		panic("no memory for page tables");
	}
	return image_phys(spare_tables[spare_tables_used++]);
}

/* The table below an entry, made if there is none. */
static uint64_t *
descend(uint64_t *entry)
{
	if (!(*entry & PTE_PRESENT)) {
		*entry = new_table() | PTE_TABLE;
	}
	return arch_phys_to_virt(*entry & PTE_ADDR);
}

static uint64_t
lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Parts of one 2 MiB page. */
static void
map_small_pages(uint64_t *pd, uint64_t start, uint64_t end)
{
	uint64_t *pt;

	if (start == end) {
		return;
	}
	pt = descend(&pd[start / LARGE_PAGE_SIZE % TABLE_ENTRIES]);
	for (uint64_t addr = start; addr < end; addr += PAGE_SIZE) {
		pt[addr / PAGE_SIZE % TABLE_ENTRIES] = addr | PTE_RW;
	}
}

/* Within one GiB: large pages, and small ones at the ends. */
static void
map_within_gib(uint64_t *pd, uint64_t start, uint64_t end)
{
	uint64_t first = (start + LARGE_PAGE_SIZE - 1) / LARGE_PAGE_SIZE * LARGE_PAGE_SIZE;
	uint64_t last = end / LARGE_PAGE_SIZE * LARGE_PAGE_SIZE;

	map_small_pages(pd, start, lesser(first, end));
	for (uint64_t addr = first; addr < last; addr += LARGE_PAGE_SIZE) {
		pd[addr / LARGE_PAGE_SIZE % TABLE_ENTRIES] = addr | PTE_RW | PTE_LARGE;
	}
	if (last >= first) {
		map_small_pages(pd, last, end);
	}
}

static void
map_direct(uint64_t start, uint64_t end, bool gigabyte_pages)
{
	while (start < end) { /* bounded: by the size of memory */
		uint64_t next = lesser(end, (start / GIB + 1) * GIB);
		uint64_t *pdpte = &direct_pdpt[start / GIB];

		if (gigabyte_pages && next - start == GIB) {
			*pdpte = start | PTE_RW | PTE_LARGE;
		} else {
			map_within_gib(descend(pdpte), start, next);
		}
		start = next;
	}
}

static void
unmap_boot_pages(uint64_t start, uint64_t end)
{
	for (uint64_t addr = start; addr < end && addr < BOOT_PT_SIZE; addr += PAGE_SIZE) {
		boot_pt[addr / PAGE_SIZE] = 0;
	}
}

/* boot_pt comes full: what is not RAM goes. */
static void
unmap_boot_holes(const struct boot_info *info)
{
	uint64_t hole = 0;

	for (uint32_t i = 0; i < info->memory_count; i++) {
		unmap_boot_pages(hole, info->memory[i].addr);
		hole = info->memory[i].addr + info->memory[i].size;
	}
	unmap_boot_pages(hole, BOOT_PT_SIZE);
}

static void
protect_image(const char *start, const char *end, uint64_t flags)
{
	for (uint64_t addr = image_phys(start); addr < image_phys(end); addr += PAGE_SIZE) {
		boot_pt[addr / PAGE_SIZE] = addr | flags;
	}
}

/* Our VMM gives zeroed memory; other machines' firmware has been there before us. */
static void
add_free_pages(uint64_t start, uint64_t end)
{
	if (start < MIB) {
		start = MIB;
	}
	for (uint32_t i = 0; i < boot_keep.count && start < end; i++) {
		uint64_t kept = boot_keep.ranges[i].addr;
		uint64_t kept_end = kept + boot_keep.ranges[i].size;

		if (kept >= end) {
			break;
		}
		if (kept > start) {
			page_add_range(start, kept - start, doorbell_is_there());
		}
		if (kept_end > start) {
			start = kept_end;
		}
	}
	if (start < end) {
		page_add_range(start, end - start, doorbell_is_there());
	}
}

/*
 * In two parts: the first GiB needs hardly a table that the image does not have, and brings the
 * memory for the tables of the rest.
 */
static void
add_memory(uint64_t start, uint64_t end, bool gigabyte_pages)
{
	uint64_t middle = start < GIB && end > GIB ? GIB : end;

	map_direct(start < BOOT_PT_SIZE ? BOOT_PT_SIZE : start, middle, gigabyte_pages);
	add_free_pages(start, middle);
	map_direct(middle, end, gigabyte_pages);
	add_free_pages(middle, end);
}

void
mmu_init(const struct boot_info *info)
{
	bool gigabyte_pages = cpuid(0x80000001, 0).edx & 1u << 26;

	unmap_boot_holes(info);
	protect_image(__text_start, __text_end, PTE_RO);
	protect_image(__rodata_start, __rodata_end, PTE_RO | PTE_NX);
	unmap_boot_pages(image_phys(boot_stack_guard), image_phys(boot_stack_guard) + PAGE_SIZE);
	write_cr3(image_phys(kernel_pml4));
	for (uint32_t i = 0; i < info->memory_count; i++) {
		add_memory(info->memory[i].addr, info->memory[i].addr + info->memory[i].size,
		           gigabyte_pages);
	}
}

volatile void *
mmu_map_device(uint64_t addr)
{
	unsigned int page = device_pages_used++;

	ASSERT(page < TABLE_ENTRIES);
	device_pt[page] = (addr & PTE_ADDR) | PTE_RW | PTE_UNCACHED;
	return (volatile void *)(KERNEL_BASE + (uintptr_t)page * PAGE_SIZE + addr % PAGE_SIZE);
}

void
arch_map_pages(void *va, const uint64_t *pages, unsigned int count)
{
	uint64_t offset = (uintptr_t)va - STACK_AREA;

	ASSERT(offset % PAGE_SIZE == 0);
	ASSERT(offset < TABLE_ENTRIES * GIB);
	for (unsigned int i = 0; i < count; i++, offset += PAGE_SIZE) {
		uint64_t *pd = descend(&stack_pdpt[offset / GIB % TABLE_ENTRIES]);
		uint64_t *pt = descend(&pd[offset / LARGE_PAGE_SIZE % TABLE_ENTRIES]);
		uint64_t *entry = &pt[offset / PAGE_SIZE % TABLE_ENTRIES];

		ASSERT(!(*entry & PTE_PRESENT));
		*entry = pages[i] | PTE_RW;
	}
}

bool
mmu_stack_is_mapped(uintptr_t va)
{
	uint64_t offset = va - STACK_AREA;
	uint64_t entry;

	if (offset >= TABLE_ENTRIES * GIB) {
		return false;
	}
	entry = stack_pdpt[offset / GIB];
	if (entry & PTE_PRESENT) {
		const uint64_t *pd = arch_phys_to_virt(entry & PTE_ADDR);

		entry = pd[offset / LARGE_PAGE_SIZE % TABLE_ENTRIES];
	}
	if (entry & PTE_PRESENT) {
		const uint64_t *pt = arch_phys_to_virt(entry & PTE_ADDR);

		entry = pt[offset / PAGE_SIZE % TABLE_ENTRIES];
	}
	return entry & PTE_PRESENT;
}
