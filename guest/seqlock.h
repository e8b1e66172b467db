// SPDX-License-Identifier: ISC
/*
 * Sequence counts and locks: readers take nothing, look at a count before and after, and read again
 * if a writer was there meanwhile; writers never wait for readers. Linux 6.18's
 * include/linux/seqlock.h.
 *
 * What is read inside is not yet to be believed, and changes under the reader: it is kept in
 * atomics, read and written without order (atomic_load, atomic_store), and nothing that it points
 * at is touched before the retry has said no.
 *
 * Four barriers: what a reader accepts was written before the end whose count it began with (end's
 * release, begin's acquire); if it read anything that a writer wrote later, it sees the count of
 * that writer's begin (begin's smp_wmb, retry's smp_rmb).
 *
 * A count is odd while a writer is at it. A reader on the writer's cpu would wait for it forever:
 * writers are not preempted, and keep out the interrupts that read (write_seqlock_irq).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/spinlock.h"

/* ---- struct seqcount: Linux's seqcount_t; its writers exclude each other by other means ---- */

struct seqcount {
	struct atomic sequence;
};

#define SEQCOUNT_INIT          \
	{                      \
		ATOMIC_INIT(0) \
	}

static inline void
seqcount_init(struct seqcount *count)
{
	*count = (struct seqcount)SEQCOUNT_INIT;
}

/* The count to begin with, once no writer is at it. Any context that no writer is below. */
static inline uint32_t
read_seqcount_begin(const struct seqcount *count)
{
	for (;;) { /* bounded: the writer */
		uint32_t sequence = bug(SEQ_BEGIN_UNORDERED)
		                            ? atomic_load(&count->sequence)
		                            : atomic_load_acquire(&count->sequence);

		if (!(sequence & 1) || bug(SEQ_ODD_ACCEPTED)) {
			return sequence;
		}
		arch_cpu_relax();
	}
}

/* Must what was read since be read again? Any context. */
static inline bool
read_seqcount_retry(const struct seqcount *count, uint32_t begun_with)
{
	if (!bug(SEQ_RETRY_UNORDERED)) {
		smp_rmb();
	}
	return atomic_load(&count->sequence) != begun_with;
}

/* Not preempted until the end, and the only writer. */
static inline void
write_seqcount_begin(struct seqcount *count)
{
	ASSERT(!preemptible());
	if (!bug(SEQ_COUNTED_ONCE)) {
		atomic_store(&count->sequence, atomic_load(&count->sequence) + 1);
	}
	if (!bug(SEQ_WRITE_UNORDERED)) {
		smp_wmb();
	}
}

static inline void
write_seqcount_end(struct seqcount *count)
{
	if (bug(SEQ_END_UNORDERED)) {
		atomic_store(&count->sequence, atomic_load(&count->sequence) + 1);
		return;
	}
	if (bug(SEQ_COUNTED_ONCE)) {
		atomic_inc_release_sole(&count->sequence);
	}
	atomic_inc_release_sole(&count->sequence);
}

/* ---- struct seqcount_latch: Linux's seqcount_latch_t, of data that is kept twice ---- */

/*
 * Readers never wait, so that they may stand on the writer, NMIs too. They read the copy of the
 * sequence's lowest bit; the writer, alone and not preempted, sends them to copy 1, changes copy 0,
 * sends them back, and changes copy 1.
 */
struct seqcount_latch {
	struct atomic sequence;
};

static inline uint32_t
read_seqcount_latch(const struct seqcount_latch *latch)
{
	return atomic_load_acquire(&latch->sequence);
}

static inline bool
read_seqcount_latch_retry(const struct seqcount_latch *latch, uint32_t begun_with)
{
	smp_rmb();
	return atomic_load(&latch->sequence) != begun_with;
}

/* Sends readers to the other copy: what was changed comes before it, what will be after. */
static inline void
write_seqcount_latch(struct seqcount_latch *latch)
{
	ASSERT(!preemptible());
	if (!bug(LATCH_STUCK)) {
		atomic_inc_release_sole(&latch->sequence);
	}
	smp_wmb();
}

/* ---- struct seqlock: Linux's seqlock_t, the count with a lock for its writers ---- */

struct seqlock {
	struct seqcount seqcount;
	struct spinlock lock;
};

#define SEQLOCK_INIT                         \
	{                                    \
		SEQCOUNT_INIT, SPINLOCK_INIT \
	}

#define DEFINE_SEQLOCK(name) struct seqlock name = SEQLOCK_INIT

static inline void
seqlock_init(struct seqlock *lock)
{
	*lock = (struct seqlock)SEQLOCK_INIT;
}

static inline uint32_t
read_seqbegin(const struct seqlock *lock)
{
	return read_seqcount_begin(&lock->seqcount);
}

static inline bool
read_seqretry(const struct seqlock *lock, uint32_t begun_with)
{
	return read_seqcount_retry(&lock->seqcount, begun_with);
}

/* Writers hold as in spinlock.h. */
static inline void
write_seqlock(struct seqlock *lock)
{
	spin_lock(&lock->lock);
	write_seqcount_begin(&lock->seqcount);
}

static inline void
write_sequnlock(struct seqlock *lock)
{
	write_seqcount_end(&lock->seqcount);
	spin_unlock(&lock->lock);
}

static inline void
write_seqlock_irq(struct seqlock *lock)
{
	spin_lock_irq(&lock->lock);
	write_seqcount_begin(&lock->seqcount);
}

static inline void
write_sequnlock_irq(struct seqlock *lock)
{
	write_seqcount_end(&lock->seqcount);
	spin_unlock_irq(&lock->lock);
}

static inline void
write_seqlock_bh(struct seqlock *lock)
{
	spin_lock_bh(&lock->lock);
	write_seqcount_begin(&lock->seqcount);
}

static inline void
write_sequnlock_bh(struct seqlock *lock)
{
	write_seqcount_end(&lock->seqcount);
	spin_unlock_bh(&lock->lock);
}

static inline unsigned long
write_seqlock_irqsave(struct seqlock *lock)
{
	unsigned long flags = spin_lock_irqsave(&lock->lock);

	write_seqcount_begin(&lock->seqcount);
	return flags;
}

static inline void
write_sequnlock_irqrestore(struct seqlock *lock, unsigned long flags)
{
	write_seqcount_end(&lock->seqcount);
	spin_unlock_irqrestore(&lock->lock, flags);
}

/* Readers that keep writers and each other out, and need no retry; other readers go on. */
static inline void
read_seqlock_excl(struct seqlock *lock)
{
	spin_lock(&lock->lock);
}

static inline void
read_sequnlock_excl(struct seqlock *lock)
{
	spin_unlock(&lock->lock);
}

static inline void
read_seqlock_excl_irq(struct seqlock *lock)
{
	spin_lock_irq(&lock->lock);
}

static inline void
read_sequnlock_excl_irq(struct seqlock *lock)
{
	spin_unlock_irq(&lock->lock);
}

static inline void
read_seqlock_excl_bh(struct seqlock *lock)
{
	spin_lock_bh(&lock->lock);
}

static inline void
read_sequnlock_excl_bh(struct seqlock *lock)
{
	spin_unlock_bh(&lock->lock);
}

static inline unsigned long
read_seqlock_excl_irqsave(struct seqlock *lock)
{
	return spin_lock_irqsave(&lock->lock);
}

static inline void
read_sequnlock_excl_irqrestore(struct seqlock *lock, unsigned long flags)
{
	spin_unlock_irqrestore(&lock->lock, flags);
}
