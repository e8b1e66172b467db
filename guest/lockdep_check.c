// SPDX-License-Identifier: ISC
/*
 * What others ask of the locks that current holds: assertions, and the places where there must be
 * none, or the same as before. What cannot be known is taken to be as it should.
 */
#include "guest/lockdep_internal.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/task.h"

#include "arch_lockdep.h"

static const struct held_lock *
newest_held(const struct task *task, const struct lockdep_map *map)
{
	for (unsigned int n = task->lockdep.depth; n != 0; n--) {
		if (task->lockdep.held[n - 1].map == map) {
			return &task->lockdep.held[n - 1];
		}
	}
	return NULL;
}

static bool
is_held(const struct lockdep_map *map, bool write, bool otherwise)
{
	unsigned long flags = arch_lockdep_enter();
	bool held = otherwise;

	if (lockdep_is_on() && current != NULL && !(preempt_count() & NMI_MASK)) {
		const struct held_lock *lock = newest_held(current, map);

		held = lock != NULL && (!write || lock->read == LOCKDEP_WRITE);
	}
	arch_lockdep_exit(flags);
	return held;
}

bool
lock_is_held(const struct lockdep_map *map)
{
	return is_held(map, false, true);
}

bool
lock_is_held_write(const struct lockdep_map *map)
{
	return is_held(map, true, true);
}

void
lockdep_assert(const struct lockdep_map *map, bool held, bool write)
{
	if (is_held(map, write, held) != held) {
		lockdep_report_held(
			lockdep_known_class(map, 0), (uintptr_t)__builtin_return_address(0),
			held ? "is not held%s, and should be" : "is held%s, and should not be",
			write ? " by a writer" : "");
	}
}

unsigned int
lockdep_irq_enter(bool irqs_on, bool threadable)
{
	unsigned long flags = arch_lockdep_enter();
	unsigned int entered = 0;

	if (lockdep_is_on() && current != NULL) {
		struct lockdep_task *self = &current->lockdep;

		if (irqs_on) {
			lockdep_mark_held(self, !(preempt_count() & SOFTIRQ_MASK));
		}
		entered = self->depth | (self->raw_irq ? 0x100u : 0);
		self->raw_irq = !threadable;
	}
	arch_lockdep_exit(flags);
	return entered;
}

void
lockdep_irq_exit(unsigned int entered)
{
	unsigned long flags = arch_lockdep_enter();

	if (lockdep_is_on() && current != NULL) {
		struct lockdep_task *self = &current->lockdep;

		if (self->depth > (entered & 0xff)) {
			const struct held_lock *lock = &self->held[self->depth - 1];

			lockdep_report_held(lock->class, lock->ip,
			                    "is held at the end of an interrupt that took it");
		}
		self->raw_irq = entered >> 8;
	}
	arch_lockdep_exit(flags);
}

void
lockdep_softirqs_on(void)
{
	unsigned long flags = arch_lockdep_enter();

	if (lockdep_is_on() && current != NULL && arch_lockdep_irqs_on(flags)) {
		lockdep_mark_held(&current->lockdep, true);
	}
	arch_lockdep_exit(flags);
}

void
lockdep_check_sleep(void)
{
	unsigned long flags = arch_lockdep_enter();

	for (unsigned int n = lockdep_is_on() ? current->lockdep.depth : 0; n != 0; n--) {
		const struct held_lock *lock = &current->lockdep.held[n - 1];
		uint8_t inner = lock_classes[lock->class].wait_inner;

		if (inner != LD_WAIT_INV && inner < LD_WAIT_SLEEP) {
			lockdep_report_held(lock->class, lock->ip, "is held by a task that sleeps");
		}
	}
	arch_lockdep_exit(flags);
}

void
lockdep_check_exit(void)
{
	unsigned long flags = arch_lockdep_enter();

	if (lockdep_is_on() && current->lockdep.depth != 0) {
		const struct held_lock *lock = &current->lockdep.held[current->lockdep.depth - 1];

		lockdep_report_held(lock->class, lock->ip, "is held by a task that ends");
	}
	arch_lockdep_exit(flags);
}

/* A lock of current's in this memory, or NULL. */
static const struct held_lock *
held_in(const void *memory, size_t size)
{
	if (!lockdep_is_on() || current == NULL) {
		return NULL;
	}
	for (unsigned int n = current->lockdep.depth; n != 0; n--) {
		const struct held_lock *lock = &current->lockdep.held[n - 1];

		if ((uintptr_t)lock->map - (uintptr_t)memory < size) {
			return lock;
		}
	}
	return NULL;
}

void
lockdep_check_free(const void *memory, size_t size)
{
	unsigned long flags = arch_lockdep_enter();
	const struct held_lock *lock = held_in(memory, size);

	if (lock != NULL) {
		lockdep_report_held(lock->class, lock->ip, "is held, and in memory that is freed");
	}
	arch_lockdep_exit(flags);
}

void
lockdep_init_map(struct lockdep_map *map, const char *name, const struct lock_class_key *key,
                 enum lockdep_wait outer, enum lockdep_wait inner)
{
	unsigned long flags = arch_lockdep_enter();
	const struct held_lock *lock = held_in(map, sizeof(*map));

	if (lock != NULL) {
		lockdep_report_held(lock->class, lock->ip, "is held, and initialized again");
	}
	arch_lockdep_exit(flags);
	*map = (struct lockdep_map){
		.name = name,
		.key = key,
		.wait_outer = (uint8_t)outer,
		.wait_inner = (uint8_t)inner,
	};
}
