// SPDX-License-Identifier: ISC
/*
 * Kernel stacks in ARCH_STACK_AREA: slots of twice STACK_SIZE, the lower half never mapped.
 * stack_lock guards the list of freed stacks and the number of slots; page_lock nests inside.
 */
#include "guest/stack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/arch.h"
#include "guest/page.h"
#include "guest/panic.h"
#include "guest/spinlock.h"

#define STACK_PAGES (STACK_SIZE / PAGE_SIZE)

struct free_stack {
	uint64_t canary;
	struct free_stack *next;
};

static DEFINE_RAW_SPINLOCK(stack_lock);
static struct free_stack *freed;
static size_t slot_count;

/* Pages of a failed attempt go back. */
static bool
take_pages(uint64_t *pages)
{
	for (unsigned int i = 0; i < STACK_PAGES; i++) {
		void *page = page_alloc();

		if (page == NULL) {
			while (i-- != 0) {
				page_free(arch_phys_to_virt(pages[i]));
			}
			return false;
		}
		pages[i] = arch_virt_to_phys(page);
	}
	return true;
}

static void *
map_slot_locked(void)
{
	char *stack = (char *)ARCH_STACK_AREA + slot_count * 2 * STACK_SIZE + STACK_SIZE;
	uint64_t pages[STACK_PAGES];

	if (!take_pages(pages)) {
		return NULL;
	}
	arch_map_pages(stack, pages, STACK_PAGES);
	slot_count++;
	*(uint64_t *)stack = STACK_CANARY;
	return stack;
}

void *
stack_alloc(void)
{
	unsigned long flags = raw_spin_lock_irqsave(&stack_lock);
	void *stack = freed;

	if (freed != NULL) {
		freed = freed->next;
	} else {
		stack = map_slot_locked();
	}
	raw_spin_unlock_irqrestore(&stack_lock, flags);
	return stack;
}

void
stack_free(void *stack)
{
	struct free_stack *free = stack;
	unsigned long flags;

	ASSERT(stack_intact(stack));
	flags = raw_spin_lock_irqsave(&stack_lock);
	free->next = freed;
	freed = free;
	raw_spin_unlock_irqrestore(&stack_lock, flags);
}
