// SPDX-License-Identifier: ISC
/*
 * The page allocator: ranges of memory that this kernel has not touched yet, and a list of freed
 * pages. What the host gives zeroed is not cleared again. page_lock guards everything here.
 */
#include "guest/page.h"

#include "guest/arch.h"
#include "guest/panic.h"
#include "guest/spinlock.h"

#define RANGES_MAX 64

struct free_page {
	struct free_page *next;
};

struct fresh_range {
	uint64_t addr;
	uint64_t size; /* bytes */
	bool is_zero;
};

static DEFINE_RAW_SPINLOCK(page_lock);
static struct fresh_range fresh[RANGES_MAX];
static size_t fresh_count;
static struct free_page *freed;
static size_t freed_count;

void
page_add_range(uint64_t addr, uint64_t size, bool is_zero)
{
	ASSERT(addr % PAGE_SIZE == 0);
	ASSERT(size % PAGE_SIZE == 0);
	ASSERT(fresh_count < RANGES_MAX);
	fresh[fresh_count++] = (struct fresh_range){ addr, size, is_zero };
}

static void *
take_fresh_locked(uint64_t size, bool *is_zero)
{
	for (size_t i = 0; i < fresh_count; i++) {
		if (fresh[i].size >= size) {
			uint64_t addr = fresh[i].addr;

			fresh[i].addr += size;
			fresh[i].size -= size;
			*is_zero = fresh[i].is_zero;
			return arch_phys_to_virt(addr);
		}
	}
	*is_zero = true; /* nothing to clear */
	return NULL;
}

static void *
take_freed_locked(void)
{
	struct free_page *page = freed;

	if (page != NULL) {
		freed = page->next;
		freed_count--;
	}
	return page;
}

void *
page_alloc(void)
{
	unsigned long flags = raw_spin_lock_irqsave(&page_lock);
	void *page = take_freed_locked();
	bool is_zero = false;

	if (page == NULL) {
		page = take_fresh_locked(PAGE_SIZE, &is_zero);
	}
	raw_spin_unlock_irqrestore(&page_lock, flags);
	if (!is_zero) {
		arch_clear_pages(page, 1);
	}
	return page;
}

void *
page_alloc_contiguous(size_t count)
{
	unsigned long flags = raw_spin_lock_irqsave(&page_lock);
	bool is_zero;
	void *pages = take_fresh_locked((uint64_t)count * PAGE_SIZE, &is_zero);

	raw_spin_unlock_irqrestore(&page_lock, flags);
	if (!is_zero) {
		arch_clear_pages(pages, count);
	}
	return pages;
}

void
page_free(void *pointer)
{
	struct free_page *page = pointer;
	unsigned long flags;

	ASSERT((uintptr_t)page % PAGE_SIZE == 0);
	lockdep_check_free(page, PAGE_SIZE);
	flags = raw_spin_lock_irqsave(&page_lock);
	page->next = freed;
	freed = page;
	freed_count++;
	raw_spin_unlock_irqrestore(&page_lock, flags);
}

size_t
page_count_free(void)
{
	unsigned long flags = raw_spin_lock_irqsave(&page_lock);
	size_t count = freed_count;

	for (size_t i = 0; i < fresh_count; i++) {
		count += fresh[i].size / PAGE_SIZE;
	}
	raw_spin_unlock_irqrestore(&page_lock, flags);
	return count;
}
