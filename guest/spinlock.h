// SPDX-License-Identifier: ISC
/*
 * Spinning locks: fair (tickets), preemption off while held.
 *
 * struct raw_spinlock never sleeps, in any kernel; struct spinlock need not promise that, though
 * here it is the same. The forms of both are Linux's: _irq, _irqsave and _bh say what the holder
 * has off besides (hold.h). A try that fails has given back what it took, and is a preemption point
 * like an unlock.
 *
 * Lock order: a completion's, a semaphore's, a wait queue's, a futex bucket's (of two the lower
 * first), a task's siglock, or the wait_lock of a mutex or rwsem; then task->pi_lock, then
 * rq->lock, of which a cpu holds one at most. Object and stack allocators, then pages. Each by
 * itself: timer base, list of tasks, preemption model, console. Locks that interrupts take are
 * taken with irqs off. Debug images check it (lockdep.h), and their shell's command `lockdep` tells
 * the order that they have seen.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/bug.h"
#include "guest/hold.h"
#include "guest/lockdep.h"
#include "guest/preempt.h"

struct raw_spinlock {
	struct atomic next;  /* ticket of the next to come */
	struct atomic owner; /* ticket being served */
	struct lockdep_map dep_map;
};

#define RAW_SPINLOCK_NAMED(name, wait)                                       \
	{                                                                    \
		ATOMIC_INIT(0), ATOMIC_INIT(0), LOCKDEP_MAP_INIT(name, wait) \
	}

#define RAW_SPINLOCK_INIT RAW_SPINLOCK_NAMED(LOCKDEP_SITE, LD_WAIT_SPIN)

#define DEFINE_RAW_SPINLOCK(lock) struct raw_spinlock lock = RAW_SPINLOCK_NAMED(#lock, LD_WAIT_SPIN)

/* Free, with a class for this place. Before first use. */
#define raw_spin_lock_init(lock)                                                        \
	do {                                                                            \
		*(lock) = (struct raw_spinlock)RAW_SPINLOCK_NAMED(#lock, LD_WAIT_SPIN); \
		LOCKDEP_INIT(lock, LD_WAIT_SPIN);                                       \
	} while (0)

/* Spins until this ticket is served. */
void ticket_wait(const struct raw_spinlock *lock, uint32_t ticket);

/* The lock itself, without the preempt count, and unknown to lockdep: the inside of other locks. */
static inline void
ticket_take(struct raw_spinlock *lock)
{
	uint32_t ticket = atomic_fetch_add(&lock->next, 1);

	if (__builtin_expect(atomic_load_acquire(&lock->owner) != ticket, 0)) {
		ticket_wait(lock, ticket);
	}
}

/* Only the holder writes owner. */
static inline void
ticket_give(struct raw_spinlock *lock)
{
	atomic_inc_release_sole(&lock->owner);
}

/*
 * The lock without the preempt count: for callers that keep count of their own. subclass: of a lock
 * that nests in one of its class, not 0.
 */
static inline void
ticket_lock_nested(struct raw_spinlock *lock, unsigned int subclass)
{
	lock_acquire_exclusive(&lock->dep_map, subclass, false, 0);
	ticket_take(lock);
}

static inline void
ticket_lock(struct raw_spinlock *lock)
{
	ticket_lock_nested(lock, 0);
}

/* Whoever is served draws: nobody is passed. */
static inline bool
ticket_trylock(struct raw_spinlock *lock)
{
	uint32_t ticket = atomic_load(&lock->owner);

	if (!atomic_try_cmpxchg(&lock->next, &ticket, ticket + 1)) {
		return false;
	}
	lock_acquire_exclusive(&lock->dep_map, 0, true, 0);
	return true;
}

static inline void
ticket_unlock(struct raw_spinlock *lock)
{
	lock_release(&lock->dep_map, 0);
	ticket_give(lock);
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

/* Under another lock of the same class. */
static inline void
raw_spin_lock_nested(struct raw_spinlock *lock, unsigned int subclass)
{
	preempt_disable();
	ticket_lock_nested(lock, subclass);
}

static inline bool
raw_spin_trylock(struct raw_spinlock *lock)
{
	preempt_disable();
	if (ticket_trylock(lock)) {
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

static inline unsigned long
raw_spin_lock_irqsave(struct raw_spinlock *lock)
{
	unsigned long flags = hold_begin_irqsave();

	ticket_lock(lock);
	return flags;
}

static inline bool
raw_spin_trylock_irqsave(struct raw_spinlock *lock, unsigned long *flags)
{
	*flags = hold_begin_irqsave();
	if (ticket_trylock(lock)) {
		return true;
	}
	hold_end_irqrestore(*flags);
	return false;
}

static inline void
raw_spin_unlock_irqrestore(struct raw_spinlock *lock, unsigned long flags)
{
	ticket_unlock(lock);
	hold_end_irqrestore(flags);
}

static inline void
raw_spin_lock_irq(struct raw_spinlock *lock)
{
	hold_begin_irq();
	ticket_lock(lock);
}

static inline bool
raw_spin_trylock_irq(struct raw_spinlock *lock)
{
	hold_begin_irq();
	if (ticket_trylock(lock)) {
		return true;
	}
	hold_end_irq();
	return false;
}

static inline void
raw_spin_unlock_irq(struct raw_spinlock *lock)
{
	ticket_unlock(lock);
	hold_end_irq();
}

static inline void
raw_spin_lock_bh(struct raw_spinlock *lock)
{
	hold_begin_bh();
	ticket_lock(lock);
}

static inline bool
raw_spin_trylock_bh(struct raw_spinlock *lock)
{
	hold_begin_bh();
	if (ticket_trylock(lock)) {
		return true;
	}
	hold_end_bh();
	return false;
}

static inline void
raw_spin_unlock_bh(struct raw_spinlock *lock)
{
	ticket_unlock(lock);
	hold_end_bh();
}

/* ---- struct spinlock: Linux's spinlock_t ---- */

struct spinlock {
	struct raw_spinlock raw;
};

#define SPINLOCK_NAMED(name)                             \
	{                                                \
		RAW_SPINLOCK_NAMED(name, LD_WAIT_CONFIG) \
	}

#define SPINLOCK_INIT SPINLOCK_NAMED(LOCKDEP_SITE)

#define DEFINE_SPINLOCK(lock) struct spinlock lock = SPINLOCK_NAMED(#lock)

/* As above. */
#define spin_lock_init(lock)                                      \
	do {                                                      \
		*(lock) = (struct spinlock)SPINLOCK_NAMED(#lock); \
		LOCKDEP_INIT(&(lock)->raw, LD_WAIT_CONFIG);       \
	} while (0)

static inline bool
spin_is_locked(const struct spinlock *lock)
{
	return raw_spin_is_locked(&lock->raw);
}

static inline bool
spin_is_contended(const struct spinlock *lock)
{
	return raw_spin_is_contended(&lock->raw);
}

static inline void
spin_lock(struct spinlock *lock)
{
	raw_spin_lock(&lock->raw);
}

static inline bool
spin_trylock(struct spinlock *lock)
{
	return raw_spin_trylock(&lock->raw);
}

static inline void
spin_unlock(struct spinlock *lock)
{
	raw_spin_unlock(&lock->raw);
}

static inline void
spin_lock_irq(struct spinlock *lock)
{
	raw_spin_lock_irq(&lock->raw);
}

static inline bool
spin_trylock_irq(struct spinlock *lock)
{
	return raw_spin_trylock_irq(&lock->raw);
}

static inline void
spin_unlock_irq(struct spinlock *lock)
{
	raw_spin_unlock_irq(&lock->raw);
}

static inline void
spin_lock_bh(struct spinlock *lock)
{
	raw_spin_lock_bh(&lock->raw);
}

static inline bool
spin_trylock_bh(struct spinlock *lock)
{
	return raw_spin_trylock_bh(&lock->raw);
}

static inline void
spin_unlock_bh(struct spinlock *lock)
{
	raw_spin_unlock_bh(&lock->raw);
}

static inline unsigned long
spin_lock_irqsave(struct spinlock *lock)
{
	return raw_spin_lock_irqsave(&lock->raw);
}

static inline bool
spin_trylock_irqsave(struct spinlock *lock, unsigned long *flags)
{
	return raw_spin_trylock_irqsave(&lock->raw, flags);
}

static inline void
spin_unlock_irqrestore(struct spinlock *lock, unsigned long flags)
{
	raw_spin_unlock_irqrestore(&lock->raw, flags);
}
