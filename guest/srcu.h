// SPDX-License-Identifier: ISC
/*
 * Sleepable read-copy-update: readers of one domain, who may sleep, and updaters who wait for those
 * of their domain alone. Follows Linux 6.18's kernel/rcu/srcutree.c.
 *
 * Readers count themselves in and out, per cpu, at one of two indices. An updater waits until the
 * index that is not in use is empty, turns to it, and waits for the other: so newcomers do not hold
 * it up, and one who read the index long ago and was slow to count is found all the same.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/completion.h"
#include "guest/llist.h"
#include "guest/lockdep.h"

/* A cache line each. */
struct srcu_cpu {
	struct atomic locks[2];
	struct atomic unlocks[2];
} __attribute__((aligned(64)));

struct srcu_struct {
	struct atomic index;    /* bit 0: at which readers come in; above it: how often it turned */
	struct completion turn; /* one is done: no updater has it */
	struct srcu_cpu *cpus;
	struct lockdep_map dep_map;
};

/* -ENOMEM, or 0, with a class for this place. Task context. */
#define init_srcu_struct(srcu)                         \
	({                                             \
		int error_ = __init_srcu_struct(srcu); \
                                                       \
		LOCKDEP_INIT(srcu, LD_WAIT_INV);       \
		error_;                                \
	})
int __init_srcu_struct(struct srcu_struct *srcu);

/* No reader is left, and none comes. Task context. */
void cleanup_srcu_struct(struct srcu_struct *srcu);

/*
 * Readers nest; each unlock gets the index of its lock, and may be on another cpu, but is its
 * task's. A full barrier each. Any context in which RCU watches.
 */
int srcu_read_lock(struct srcu_struct *srcu);
void srcu_read_unlock(struct srcu_struct *srcu, int index);

/* The same without a word to lockdep: for who has told it, and gives the section up for a moment.
 */
int srcu_read_lock_notrace(struct srcu_struct *srcu);
void srcu_read_unlock_notrace(struct srcu_struct *srcu, int index);

/*
 * Returns when every reader of the domain that had begun before is over: full barriers as of
 * synchronize_rcu(). May sleep; not in a reader of the domain, nor with a lock for which one waits.
 */
void synchronize_srcu(struct srcu_struct *srcu);

/* The wait itself, for one updater at a time. May sleep. */
void srcu_grace_period(struct srcu_struct *srcu);
