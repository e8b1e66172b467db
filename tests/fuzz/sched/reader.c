// SPDX-License-Identifier: ISC
#include "tests/fuzz/sched/reader.h"

#include "guest/atomic.h"
#include "guest/object.h"
#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/spinlock.h"
#include "guest/srcu.h"
#include "tests/host/machine.h"

HOST_STATE DEFINE_SEQLOCK(reader_seqlock);

static HOST_STATE struct srcu_struct srcu;
static HOST_STATE struct atomic seq_data[2];
static HOST_STATE DEFINE_RAW_SPINLOCK(latch_lock); /* of writers */
static HOST_STATE struct seqcount_latch latch;
static HOST_STATE struct atomic latch_data[2][2]; /* each copy is two equal words */

/* What readers of RCU and SRCU find. */
#define ALIVE 0xa11fe5u
struct guarded {
	struct rcu_head rcu;
	struct atomic alive;
};
static HOST_STATE struct atomic_ptr guarded;
static HOST_STATE struct atomic_ptr srcu_guarded;
static HOST_STATE struct atomic guarded_count; /* that are not freed */

/* ---- RCU and SRCU ---- */

const void *
reader_begin_rcu(unsigned int form)
{
	if (form == 1) {
		rcu_read_lock_sched();
	} else if (form == 2) {
		rcu_read_lock_bh();
	} else {
		rcu_read_lock();
	}
	return rcu_dereference(&guarded);
}

static void
check_alive(const struct guarded *object)
{
	if (atomic_load(&object->alive) != ALIVE) {
		host_fail("a reader sees freed memory");
	}
}

void
reader_end_rcu(unsigned int form, const void *object)
{
	check_alive(object);
	if (form == 1) {
		rcu_read_unlock_sched();
	} else if (form == 2) {
		rcu_read_unlock_bh();
	} else {
		rcu_read_unlock();
	}
}

const void *
reader_begin_srcu(int *index)
{
	*index = srcu_read_lock(&srcu);
	return rcu_dereference(&srcu_guarded);
}

void
reader_end_srcu(int index, const void *object)
{
	check_alive(object);
	srcu_read_unlock(&srcu, index);
}

static struct guarded *
make_guarded(void)
{
	struct guarded *object = object_alloc(sizeof(*object));

	HOST_EXPECT(object != NULL);
	atomic_store(&object->alive, ALIVE);
	atomic_fetch_add(&guarded_count, 1);
	return object;
}

static void
free_guarded(struct guarded *object)
{
	HOST_EXPECT(atomic_load(&object->alive) == ALIVE);
	atomic_store(&object->alive, 0);
	object_free(object, sizeof(*object));
	atomic_fetch_sub(&guarded_count, 1);
}

static void
free_by_rcu(struct rcu_head *head)
{
	free_guarded(container_of(head, struct guarded, rcu));
}

void
reader_update_rcu(unsigned int form, bool may_sleep)
{
	struct guarded *old = atomic_xchg(&guarded, make_guarded());

	if (form == 0 && may_sleep) {
		synchronize_rcu();
		free_guarded(old);
	} else if (form == 1 && may_sleep) {
		synchronize_rcu_expedited();
		free_guarded(old);
	} else {
		call_rcu(&old->rcu, free_by_rcu);
		if (form == 2 && may_sleep) {
			rcu_barrier();
		}
	}
}

void
reader_update_srcu(void)
{
	struct guarded *old = atomic_xchg(&srcu_guarded, make_guarded());

	synchronize_srcu(&srcu);
	free_guarded(old);
}

/* ---- sequences ---- */

void
reader_seq_written_first(void)
{
	atomic_store(&seq_data[0], atomic_load(&seq_data[0]) + 1);
}

void
reader_seq_written_last(void)
{
	atomic_store(&seq_data[1], atomic_load(&seq_data[0]));
}

void
reader_read_seq(void)
{
	uint32_t sequence;
	uint32_t first;
	uint32_t second;

	do { /* bounded: writers end */
		sequence = read_seqbegin(&reader_seqlock);
		first = atomic_load(&seq_data[0]);
		second = atomic_load(&seq_data[1]);
	} while (read_seqretry(&reader_seqlock, sequence));
	if (first != second) {
		host_fail("a reader sees data that is torn");
	}
}

static void
write_copy(unsigned int copy, uint32_t value)
{
	atomic_store(&latch_data[copy][0], value);
	atomic_store(&latch_data[copy][1], value);
}

void
reader_write_latch(void)
{
	unsigned long flags = raw_spin_lock_irqsave(&latch_lock);
	uint32_t value = atomic_load(&latch_data[0][0]) + 1;

	write_seqcount_latch(&latch);
	write_copy(0, value);
	write_seqcount_latch(&latch);
	write_copy(1, value);
	raw_spin_unlock_irqrestore(&latch_lock, flags);
}

void
reader_read_latch(void)
{
	uint32_t sequence;
	uint32_t first;
	uint32_t second;

	do { /* bounded: writers end */
		const struct atomic *copy;

		sequence = read_seqcount_latch(&latch);
		copy = latch_data[sequence & 1];
		first = atomic_load(&copy[0]);
		second = atomic_load(&copy[1]);
	} while (read_seqcount_latch_retry(&latch, sequence));
	if (first != second) {
		host_fail("a reader sees data that is torn");
	}
}

/* ---- the runs ---- */

void
reader_boot(void)
{
	HOST_EXPECT(init_srcu_struct(&srcu) == 0);
	atomic_store(&guarded, make_guarded());
	atomic_store(&srcu_guarded, make_guarded());
}

void
reader_check(void)
{
	HOST_EXPECT(!spin_is_locked(&reader_seqlock.lock));
	HOST_EXPECT(atomic_load(&guarded_count) == 2);
}
