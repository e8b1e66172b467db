// SPDX-License-Identifier: ISC
/*
 * The object allocator: one free list a size class, filled a page at a time. Pages stay with their
 * class. A free object carries a mark, so that freeing twice or writing after the free is noticed.
 * object_lock guards the lists; page_lock nests inside.
 */
#include "guest/object.h"

#include <stdint.h>

#include "guest/page.h"
#include "guest/panic.h"
#include "guest/spinlock.h"
#include "guest/string.h"

#define CLASS_SIZE_MIN 32u
#define CLASS_COUNT    7 /* 32 ... 2048 */
#define FREE_MARK      0xf4eef4eef4eef4eeull

struct free_object {
	struct free_object *next;
	uint64_t mark;
};

static DEFINE_RAW_SPINLOCK(object_lock);
static struct free_object *free_objects[CLASS_COUNT];

static unsigned int
class_of(size_t size)
{
	unsigned int class = 0;

	ASSERT(size != 0 && size <= OBJECT_SIZE_MAX);
	while ((CLASS_SIZE_MIN << class) < size) {
		class ++;
	}
	return class;
}

static void
push_locked(unsigned int class, void *object)
{
	struct free_object *free = object;

	free->next = free_objects[class];
	free->mark = FREE_MARK;
	free_objects[class] = free;
}

static bool
refill_locked(unsigned int class)
{
	size_t size = CLASS_SIZE_MIN << class;
	char *page = page_alloc();

	if (page == NULL) {
		return false;
	}
	for (size_t offset = PAGE_SIZE; offset != 0; offset -= size) {
		push_locked(class, page + offset - size);
	}
	return true;
}

void *
object_alloc(size_t size)
{
	unsigned int class = class_of(size);
	unsigned long flags = raw_spin_lock_irqsave(&object_lock);
	struct free_object *object = NULL;

	if (free_objects[class] != NULL || refill_locked(class)) {
		object = free_objects[class];
		ASSERT(object->mark == FREE_MARK);
		free_objects[class] = object->next;
		object->mark = 0; /* what is asked for may be too small to cover it */
	}
	raw_spin_unlock_irqrestore(&object_lock, flags);
	return object != NULL ? memset(object, 0, size) : NULL;
}

void
object_free(void *object, size_t size)
{
	unsigned int class = class_of(size);
	unsigned long flags;

	ASSERT(((struct free_object *)object)->mark != FREE_MARK);
	lockdep_check_free(object, size);
	flags = raw_spin_lock_irqsave(&object_lock);
	push_locked(class, object);
	raw_spin_unlock_irqrestore(&object_lock, flags);
}
