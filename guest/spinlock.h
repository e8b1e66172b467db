// SPDX-License-Identifier: ISC
/*
 * Raw spinlocks: fair (tickets), never sleeping, preemption off while held.
 *
 * Lock order: a completion's, then task->pi_lock, then rq->lock, of which a cpu holds one at most.
 * Object and stack allocators, then pages. Each by itself: timer base, list of tasks, preemption
 * model, console. Locks that interrupts take are taken with irqs off.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/bug.h"
#include "guest/preempt.h"

struct raw_spinlock {
	struct atomic next;  /* ticket of the next to come */
	struct atomic owner; /* ticket being served */
};

#define RAW_SPINLOCK_INIT                      \
	{                                      \
		ATOMIC_INIT(0), ATOMIC_INIT(0) \
	}

/* Spins until this ticket is served. */
void ticket_wait(const struct raw_spinlock *lock, uint32_t ticket);

/* The lock itself, without the preempt count: for callers that keep count of their own. */
static inline void
ticket_lock(struct raw_spinlock *lock)
{
	uint32_t ticket = atomic_fetch_add(&lock->next, 1);

	if (__builtin_expect(atomic_load_acquire(&lock->owner) != ticket, 0)) {
		ticket_wait(lock, ticket);
	}
}

/* Only the holder writes owner. */
static inline void
ticket_unlock(struct raw_spinlock *lock)
{
	atomic_inc_release_sole(&lock->owner);
}

/* Held by somebody: for assertions. Any context. */
static inline bool
raw_spin_is_locked(const struct raw_spinlock *lock)
{
	return atomic_load(&lock->owner) != atomic_load(&lock->next);
}

/* Does anybody wait for it? Any context. */
static inline bool
raw_spin_is_contended(const struct raw_spinlock *lock)
{
	return atomic_load(&lock->next) - atomic_load(&lock->owner) > 1;
}

static inline void
raw_spin_lock(struct raw_spinlock *lock)
{
	preempt_disable();
	ticket_lock(lock);
}

static inline bool
raw_spin_trylock(struct raw_spinlock *lock)
{
	uint32_t ticket;

	preempt_disable();
	ticket = atomic_load(&lock->owner);
	if (atomic_try_cmpxchg(&lock->next, &ticket, ticket + 1)) {
		return true;
	}
	preempt_enable();
	return false;
}

static inline void
raw_spin_unlock(struct raw_spinlock *lock)
{
	ticket_unlock(lock);
	preempt_enable();
}

/* Interrupts off first, then preemption, then the lock; undone so that a reschedule can happen. */
static inline unsigned long
raw_spin_lock_irqsave(struct raw_spinlock *lock)
{
	unsigned long flags = arch_irq_save();

	raw_spin_lock(lock);
	return flags;
}

static inline void
raw_spin_unlock_irqrestore(struct raw_spinlock *lock, unsigned long flags)
{
	ticket_unlock(lock);
	if (bug(UNLOCK_BEFORE_IRQS)) {
		preempt_enable();
		arch_irq_restore(flags);
		return;
	}
	arch_irq_restore(flags);
	preempt_enable();
}

static inline void
raw_spin_lock_irq(struct raw_spinlock *lock)
{
	arch_irq_disable();
	raw_spin_lock(lock);
}

static inline void
raw_spin_unlock_irq(struct raw_spinlock *lock)
{
	ticket_unlock(lock);
	arch_irq_enable();
	preempt_enable();
}
