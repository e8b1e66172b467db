// SPDX-License-Identifier: ISC
/*
 * Page tables of user tasks. The upper half of the top one is a copy of the kernel's, whose entries
 * there never change; the tables below are the kernel's own.
 */
#include <stddef.h>

#include "guest/arch.h"
#include "guest/arch/x86_64/extable.h"
#include "guest/arch/x86_64/insn.h"
#include "guest/bug.h"
#include "guest/page.h"
#include "guest/panic.h"
#include "guest/string.h"

#define TABLE_ENTRIES 512u
#define USER_ENTRIES  (TABLE_ENTRIES / 2) /* of the top table */
#define LEVELS        4u
#define LEVEL_BITS    9u

extern uint64_t kernel_pml4[TABLE_ENTRIES];

static unsigned int
index_at(uintptr_t va, unsigned int level)
{
	return va >> (PAGE_SHIFT + LEVEL_BITS * level) & (TABLE_ENTRIES - 1);
}

bool
arch_mm_init(struct arch_mm *mm)
{
	mm->pml4 = page_alloc();
	if (mm->pml4 == NULL) {
		return false;
	}
	memcpy(mm->pml4 + USER_ENTRIES, kernel_pml4 + USER_ENTRIES,
	       USER_ENTRIES * sizeof(uint64_t));
	return true;
}

/* A page table and the pages in it. */
static void
free_pt(uint64_t *pt)
{
	for (unsigned int i = 0; i < TABLE_ENTRIES; i++) {
		if (pt[i] & PTE_PRESENT) {
			page_free(arch_phys_to_virt(pt[i] & PTE_ADDR));
		}
	}
	page_free(pt);
}

static void
free_pd(uint64_t *pd)
{
	for (unsigned int i = 0; i < TABLE_ENTRIES; i++) {
		if (pd[i] & PTE_PRESENT) {
			free_pt(arch_phys_to_virt(pd[i] & PTE_ADDR));
		}
	}
	page_free(pd);
}

static void
free_pdpt(uint64_t *pdpt)
{
	for (unsigned int i = 0; i < TABLE_ENTRIES; i++) {
		if (pdpt[i] & PTE_PRESENT) {
			free_pd(arch_phys_to_virt(pdpt[i] & PTE_ADDR));
		}
	}
	page_free(pdpt);
}

void
arch_mm_free(struct arch_mm *mm)
{
	ASSERT((read_cr3() & PTE_ADDR) != arch_virt_to_phys(mm->pml4));
	for (unsigned int i = 0; i < USER_ENTRIES; i++) {
		if (mm->pml4[i] & PTE_PRESENT) {
			free_pdpt(arch_phys_to_virt(mm->pml4[i] & PTE_ADDR));
		}
	}
	page_free(mm->pml4);
	mm->pml4 = NULL;
}

void *
arch_mm_map(struct arch_mm *mm, uintptr_t va, unsigned int prot)
{
	uint64_t *table = mm->pml4;
	uint64_t *entry;
	void *page;

	for (unsigned int level = LEVELS - 1; level > 0; level--) {
		entry = &table[index_at(va, level)];
		if (!(*entry & PTE_PRESENT)) {
			page = page_alloc();
			if (page == NULL) {
				return NULL;
			}
			*entry = arch_virt_to_phys(page) | PTE_TABLE | PTE_USER;
		}
		table = arch_phys_to_virt(*entry & PTE_ADDR);
	}
	entry = &table[index_at(va, 0)];
	ASSERT(!(*entry & PTE_PRESENT));
	page = page_alloc();
	if (page != NULL) {
		*entry = arch_virt_to_phys(page) | PTE_USER |
		         (prot & ARCH_PROT_WRITE ? PTE_RW : PTE_RO) |
		         (prot & ARCH_PROT_EXEC ? 0 : PTE_NX);
	}
	return page;
}

void *
arch_mm_find(const struct arch_mm *mm, uintptr_t va, bool write)
{
	const uint64_t *table = mm->pml4;
	uint64_t entry = 0;

	for (unsigned int level = LEVELS; level > 0; level--) {
		entry = table[index_at(va, level - 1)];
		if (!(entry & PTE_PRESENT)) {
			return NULL;
		}
		table = arch_phys_to_virt(entry & PTE_ADDR);
	}
	if (write && !(entry & PTE_WRITE)) {
		return NULL;
	}
	return (char *)arch_phys_to_virt(entry & PTE_ADDR) + va % PAGE_SIZE;
}

void
arch_mm_load(const struct arch_mm *mm)
{
	write_cr3(mm != NULL ? arch_virt_to_phys(mm->pml4) : (uintptr_t)kernel_pml4 - KERNEL_BASE);
}

/* ---- copies ---- */

/* A fault leaves in size what is left. */
static size_t
copy(void *to, const void *from, size_t size)
{
	__asm__ volatile("1: rep movsb\n"
	                 "2:\n" ASM_EXTABLE("1b", "2b")
	                 : "+D"(to), "+S"(from), "+c"(size)
	                 :
	                 : "memory");
	return size;
}

size_t
arch_copy_from_user(void *to, uintptr_t from, size_t size)
{
	return copy(to, (const void *)from, size);
}

size_t
arch_copy_to_user(uintptr_t to, const void *from, size_t size)
{
	return copy((void *)to, from, size);
}
