// SPDX-License-Identifier: ISC
#include "guest/mm.h"

#include "guest/bug.h"
#include "guest/object.h"
#include "guest/page.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/task.h"

#define STACK_BYTES (ARCH_USER_STACK_PAGES * PAGE_SIZE)
#define SLOT_BYTES  (STACK_BYTES + PAGE_SIZE) /* and its guard, below */

static DEFINE_PER_CPU(struct mm *, loaded_mm); /* NULL: the kernel's own tables; irqs off */

struct mm *
mm_create(void)
{
	struct mm *mm = object_alloc(sizeof(*mm));

	if (mm == NULL) {
		return NULL;
	}
	if (!arch_mm_init(&mm->arch)) {
		object_free(mm, sizeof(*mm));
		return NULL;
	}
	atomic_store(&mm->refcount, 1);
	LOCKDEP_INIT(&mm->lock, LD_WAIT_SPIN);
	return mm;
}

void
mm_get(struct mm *mm)
{
	uint32_t references = atomic_fetch_add(&mm->refcount, 1);

	ASSERT(references != 0);
}

void
mm_put(struct mm *mm)
{
	uint32_t references = atomic_fetch_sub(&mm->refcount, 1);

	ASSERT(references != 0);
	ASSERT(!in_nmi());
	if (references == 1) {
		arch_mm_free(&mm->arch);
		object_free(mm, sizeof(*mm));
	}
}

void *
mm_map_page(struct mm *mm, uintptr_t va, unsigned int prot)
{
	ASSERT((prot & (ARCH_PROT_WRITE | ARCH_PROT_EXEC)) != (ARCH_PROT_WRITE | ARCH_PROT_EXEC));
	return mm_map_guest_page(mm, va, prot);
}

void *
mm_map_guest_page(struct mm *mm, uintptr_t va, unsigned int prot)
{
	unsigned long flags;
	void *page;

	ASSERT(va % PAGE_SIZE == 0);
	ASSERT(va >= PAGE_SIZE && va < ARCH_USER_END);
	flags = raw_spin_lock_irqsave(&mm->lock);
	page = arch_mm_map(&mm->arch, va, prot);
	raw_spin_unlock_irqrestore(&mm->lock, flags);
	return page;
}

static uintptr_t
stack_top(unsigned int number)
{
	return ARCH_USER_END - PAGE_SIZE - (uintptr_t)number * SLOT_BYTES;
}

static unsigned int
free_stack_locked(const struct mm *mm)
{
	unsigned int number = 0;

	while (number < MM_STACKS_MAX && (mm->stacks >> number & 1)) {
		number++;
	}
	return number;
}

/* Another task of the program may have been there first, or a stack that was given back. */
static bool
has_page_locked(struct mm *mm, uintptr_t va)
{
	return (!bug(STACK_GROWS_UNSEEN) && arch_mm_find(&mm->arch, va, true) != NULL) ||
	       arch_mm_map(&mm->arch, va, ARCH_PROT_WRITE) != NULL;
}

uintptr_t
mm_map_stack(struct mm *mm)
{
	unsigned long flags = raw_spin_lock_irqsave(&mm->lock);
	unsigned int number = free_stack_locked(mm);
	bool is_mapped =
		number < MM_STACKS_MAX && has_page_locked(mm, stack_top(number) - PAGE_SIZE);

	if (is_mapped) {
		mm->stacks |= 1ull << number;
	}
	raw_spin_unlock_irqrestore(&mm->lock, flags);
	return is_mapped ? stack_top(number) : 0;
}

/* From the top of the first stack; all that is above comes out as far below. */
static uintptr_t
depth_of(uintptr_t addr)
{
	return stack_top(0) - 1 - addr;
}

void
mm_put_stack(struct mm *mm, uintptr_t top)
{
	unsigned long flags = raw_spin_lock_irqsave(&mm->lock);

	mm->stacks &= ~(1ull << depth_of(top - 1) / SLOT_BYTES);
	raw_spin_unlock_irqrestore(&mm->lock, flags);
}

bool
mm_is_stack_guard(uintptr_t addr)
{
	return depth_of(addr) / SLOT_BYTES < MM_STACKS_MAX &&
	       depth_of(addr) % SLOT_BYTES >= STACK_BYTES;
}

bool
mm_grow_stack(struct mm *mm, uintptr_t addr)
{
	unsigned long flags = raw_spin_lock_irqsave(&mm->lock);
	bool grows = depth_of(addr) / SLOT_BYTES < MM_STACKS_MAX &&
	             (mm->stacks >> depth_of(addr) / SLOT_BYTES & 1) &&
	             (depth_of(addr) % SLOT_BYTES < STACK_BYTES || bug(STACK_GROWS_ON)) &&
	             has_page_locked(mm, addr / PAGE_SIZE * PAGE_SIZE);

	raw_spin_unlock_irqrestore(&mm->lock, flags);
	return grows;
}

void *
mm_find(const struct mm *mm, uintptr_t va, bool write)
{
	return va < ARCH_USER_END ? arch_mm_find(&mm->arch, va, write) : NULL;
}

/* Freeing takes long, and this is no place for it; but it may be the second one before next ran. */
static void
retire(struct task *next, struct mm *old)
{
	if (next->retired_mm != NULL) {
		mm_put(old);
		return;
	}
	next->retired_mm = old;
	atomic_fetch_or(&next->flags, TIF_NOTIFY_RESUME);
}

static void
load(struct task *next)
{
	struct mm *old = this_cpu_read(loaded_mm);

	if (old == next->mm) {
		return; /* it was only lent to kernel threads */
	}
	if (!bug(MM_LOADED_UNCOUNTED)) {
		mm_get(next->mm);
	}
	arch_mm_load(&next->mm->arch);
	this_cpu_write(loaded_mm, next->mm);
	if (old != NULL && !bug(MM_LOADED_UNCOUNTED)) {
		retire(next, old);
	}
}

void
mm_switch(struct task *prev, struct task *next)
{
	ASSERT(arch_irqs_disabled());
	if (prev->mm != NULL && !bug(USER_STATE_UNSAVED)) {
		arch_user_save(prev);
	}
	if (next->mm != NULL) {
		load(next);
		arch_user_restore(next);
		if (!bug(USER_SWITCH_UNORDERED)) {
			smp_mb(); /* next->on_cpu before its flags; pairs with kick_process()'s
			             caller */
		}
	}
}

void
mm_put_retired(void)
{
	struct mm *mm = current->retired_mm;

	ASSERT(preempt_count() == 0);
	if (mm != NULL) {
		current->retired_mm = NULL;
		mm_put(mm);
	}
}

static struct mm *
unload(void)
{
	struct mm *mm = this_cpu_read(loaded_mm);

	ASSERT(arch_irqs_disabled());
	arch_mm_load(NULL);
	this_cpu_write(loaded_mm, NULL);
	return mm;
}

void
mm_exit(void)
{
	struct mm *mm = current->mm;
	struct mm *loaded;

	ASSERT(preempt_count() == 0);
	arch_irq_disable();
	current->mm = NULL; /* from here on it is a kernel thread */
	loaded = unload();
	arch_irq_enable();
	mm_put_retired();
	ASSERT(loaded == mm);
	if (!bug(MM_LOADED_UNCOUNTED)) {
		mm_put(loaded);
	}
	mm_put(mm);
}

void
leave_mm(void)
{
	struct mm *loaded;

	ASSERT(current->mm == NULL);
	arch_irq_disable();
	loaded = unload();
	arch_irq_enable();
	if (loaded != NULL) {
		mm_put(loaded);
	}
}
