// SPDX-License-Identifier: ISC
/*
 * struct rwlock, Linux's rwlock_t: readers share, a writer is alone, nobody sleeps, preemption is
 * off while held. Follows Linux 6.18's queued rwlock (kernel/locking/qrwlock.c).
 *
 * Who does not find it free waits in a queue and gets it in order. A task that reads may therefore
 * not read again inside: a writer may wait in between. Interrupts may, whatever waits, so that they
 * need no care of their readers; where an interrupt reads, tasks write with interrupts off. Unlike
 * Linux's, code with bottom halves off is a task and queues.
 *
 * The forms are those of spinlock.h, of what the holder has off.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/bug.h"
#include "guest/hold.h"
#include "guest/lockdep.h"
#include "guest/spinlock.h"

#define RWLOCK_WRITER  0x1u /* held by a writer */
#define RWLOCK_WAITING 0x2u /* a writer at the head of the queue waits for the readers' end */
#define RWLOCK_READER  0x4u /* a unit for each reader */

struct rwlock {
	struct atomic state;
	struct raw_spinlock queue;  /* its holder is the head, the only one to wait for state */
	struct lockdep_map dep_map; /* the queue's too */
};

#define RWLOCK_NAMED(name)                                                                \
	{                                                                                 \
		ATOMIC_INIT(0), RAW_SPINLOCK_INIT, LOCKDEP_MAP_INIT(name, LD_WAIT_CONFIG) \
	}

#define RWLOCK_INIT RWLOCK_NAMED(LOCKDEP_SITE)

#define DEFINE_RWLOCK(lock) struct rwlock lock = RWLOCK_NAMED(#lock)

/* Free, with a class for this place. Before first use. */
#define rwlock_init(lock)                                     \
	do {                                                  \
		*(lock) = (struct rwlock)RWLOCK_NAMED(#lock); \
		LOCKDEP_INIT(lock, LD_WAIT_CONFIG);           \
	} while (0)

/* Held by anybody, or about to be: for assertions. Any context. */
static inline bool
rwlock_is_locked(const struct rwlock *lock)
{
	return atomic_load(&lock->state) != 0;
}

/* Does anybody wait in the queue? Any context. */
static inline bool
rwlock_is_contended(const struct rwlock *lock)
{
	return raw_spin_is_locked(&lock->queue);
}

/* ---- the lock itself: the caller holds (hold.h) ---- */

/* The slow halves. read_wait: the caller's unit is in state already. */
void rwlock_read_wait(struct rwlock *lock);
void rwlock_write_wait(struct rwlock *lock);

/* Readers in interrupts pass whoever waits. */
static inline void
rwlock_read_acquire(struct rwlock *lock, bool trylock)
{
	if (CONFIG_LOCKDEP) {
		lock_acquire(&lock->dep_map, 0, trylock,
		             in_task() ? LOCKDEP_READ : LOCKDEP_READ_RECURSIVE, 0);
	}
}

static inline void
rwlock_read_take(struct rwlock *lock)
{
	uint32_t before;

	rwlock_read_acquire(lock, false);
	before = atomic_fetch_add(&lock->state, RWLOCK_READER);
	if (__builtin_expect(before & (RWLOCK_WRITER | RWLOCK_WAITING), 0)) {
		rwlock_read_wait(lock);
	}
}

/* Fails for writers only, not for other readers that come or go. */
static inline bool
rwlock_read_try(struct rwlock *lock)
{
	uint32_t bar = RWLOCK_WRITER | (bug(READERS_PASS_WRITER) ? 0 : RWLOCK_WAITING);
	uint32_t state = atomic_load(&lock->state);

	do { /* bounded: a turn more for each change by others */
		if (state & bar) {
			return false;
		}
	} while (!atomic_try_cmpxchg(&lock->state, &state, state + RWLOCK_READER));
	rwlock_read_acquire(lock, true);
	return true;
}

static inline void
rwlock_read_drop(struct rwlock *lock)
{
	lock_release(&lock->dep_map, 0);
	atomic_fetch_sub(&lock->state, RWLOCK_READER);
}

static inline bool
rwlock_write_take_free(struct rwlock *lock)
{
	uint32_t state = 0;

	return atomic_try_cmpxchg(&lock->state, &state, RWLOCK_WRITER);
}

static inline bool
rwlock_write_try(struct rwlock *lock)
{
	if (!rwlock_write_take_free(lock)) {
		return false;
	}
	lock_acquire_exclusive(&lock->dep_map, 0, true, 0);
	return true;
}

static inline void
rwlock_write_take(struct rwlock *lock)
{
	lock_acquire_exclusive(&lock->dep_map, 0, false, 0);
	if (__builtin_expect(!rwlock_write_take_free(lock), 0)) {
		rwlock_write_wait(lock);
	}
}

/* Not a store: readers in interrupts may be counted beside the writer. */
static inline void
rwlock_write_drop(struct rwlock *lock)
{
	lock_release(&lock->dep_map, 0);
	atomic_fetch_sub(&lock->state, RWLOCK_WRITER);
}

/* ---- readers ---- */

static inline void
read_lock(struct rwlock *lock)
{
	hold_begin();
	rwlock_read_take(lock);
}

static inline bool
read_trylock(struct rwlock *lock)
{
	hold_begin();
	if (rwlock_read_try(lock)) {
		return true;
	}
	hold_end();
	return false;
}

static inline void
read_unlock(struct rwlock *lock)
{
	rwlock_read_drop(lock);
	hold_end();
}

static inline void
read_lock_irq(struct rwlock *lock)
{
	hold_begin_irq();
	rwlock_read_take(lock);
}

static inline bool
read_trylock_irq(struct rwlock *lock)
{
	hold_begin_irq();
	if (rwlock_read_try(lock)) {
		return true;
	}
	hold_end_irq();
	return false;
}

static inline void
read_unlock_irq(struct rwlock *lock)
{
	rwlock_read_drop(lock);
	hold_end_irq();
}

static inline void
read_lock_bh(struct rwlock *lock)
{
	hold_begin_bh();
	rwlock_read_take(lock);
}

static inline bool
read_trylock_bh(struct rwlock *lock)
{
	hold_begin_bh();
	if (rwlock_read_try(lock)) {
		return true;
	}
	hold_end_bh();
	return false;
}

static inline void
read_unlock_bh(struct rwlock *lock)
{
	rwlock_read_drop(lock);
	hold_end_bh();
}

static inline unsigned long
read_lock_irqsave(struct rwlock *lock)
{
	unsigned long flags = hold_begin_irqsave();

	rwlock_read_take(lock);
	return flags;
}

static inline bool
read_trylock_irqsave(struct rwlock *lock, unsigned long *flags)
{
	*flags = hold_begin_irqsave();
	if (rwlock_read_try(lock)) {
		return true;
	}
	hold_end_irqrestore(*flags);
	return false;
}

static inline void
read_unlock_irqrestore(struct rwlock *lock, unsigned long flags)
{
	rwlock_read_drop(lock);
	hold_end_irqrestore(flags);
}

/* ---- writeers ---- */

static inline void
write_lock(struct rwlock *lock)
{
	hold_begin();
	rwlock_write_take(lock);
}

static inline bool
write_trylock(struct rwlock *lock)
{
	hold_begin();
	if (rwlock_write_try(lock)) {
		return true;
	}
	hold_end();
	return false;
}

static inline void
write_unlock(struct rwlock *lock)
{
	rwlock_write_drop(lock);
	hold_end();
}

static inline void
write_lock_irq(struct rwlock *lock)
{
	hold_begin_irq();
	rwlock_write_take(lock);
}

static inline bool
write_trylock_irq(struct rwlock *lock)
{
	hold_begin_irq();
	if (rwlock_write_try(lock)) {
		return true;
	}
	hold_end_irq();
	return false;
}

static inline void
write_unlock_irq(struct rwlock *lock)
{
	rwlock_write_drop(lock);
	hold_end_irq();
}

static inline void
write_lock_bh(struct rwlock *lock)
{
	hold_begin_bh();
	rwlock_write_take(lock);
}

static inline bool
write_trylock_bh(struct rwlock *lock)
{
	hold_begin_bh();
	if (rwlock_write_try(lock)) {
		return true;
	}
	hold_end_bh();
	return false;
}

static inline void
write_unlock_bh(struct rwlock *lock)
{
	rwlock_write_drop(lock);
	hold_end_bh();
}

static inline unsigned long
write_lock_irqsave(struct rwlock *lock)
{
	unsigned long flags = hold_begin_irqsave();

	rwlock_write_take(lock);
	return flags;
}

static inline bool
write_trylock_irqsave(struct rwlock *lock, unsigned long *flags)
{
	*flags = hold_begin_irqsave();
	if (rwlock_write_try(lock)) {
		return true;
	}
	hold_end_irqrestore(*flags);
	return false;
}

static inline void
write_unlock_irqrestore(struct rwlock *lock, unsigned long flags)
{
	rwlock_write_drop(lock);
	hold_end_irqrestore(flags);
}
