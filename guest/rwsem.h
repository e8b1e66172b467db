// SPDX-License-Identifier: ISC
/*
 * Reader-writer semaphores: sleeping locks of many readers or one writer. Follow Linux 6.18's
 * kernel/locking/rwsem.c, but for its optimistic spinning of writers.
 *
 * While nobody waits, a compare-exchange of the count takes it. Who has to wait stands in a queue,
 * and nobody passes it: a writer that waits keeps new readers out. Who gives the lock back hands
 * it to the first of the queue: to a writer alone, or to a reader and with it to all readers that
 * wait, wherever they stand, as in Linux; so each reader waits for at most one writer that came
 * after it, and a writer for the readers that came before the one of its turn. Lock order:
 * wait_lock, then task->pi_lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/list.h"
#include "guest/lockdep.h"
#include "guest/spinlock.h"

struct task;

#define RWSEM_WRITER  0x01u
#define RWSEM_WAITERS 0x02u  /* the queue is not empty: nobody takes it but from the queue */
#define RWSEM_READER  0x100u /* one reader; their number stands above */

struct rw_semaphore {
	struct atomic count;
	struct raw_spinlock wait_lock;
	struct list waiters; /* wait_lock; in the order in which they came */
	const char *name;
	const struct task *writer; /* the writer's; for reports */
	struct lockdep_map dep_map;
};

#define RWSEM_INIT(variable)                                                              \
	{                                                                                 \
		ATOMIC_INIT(0), RAW_SPINLOCK_NAMED(#variable ".wait_lock", LD_WAIT_SPIN), \
			LIST_INIT((variable).waiters), #variable, NULL,                   \
			LOCKDEP_MAP_INIT(#variable, LD_WAIT_SLEEP)                        \
	}

#define DECLARE_RWSEM(variable) struct rw_semaphore variable = RWSEM_INIT(variable)

/* Free, with a class for this place. Before first use. */
#define init_rwsem(rwsem)                           \
	do {                                        \
		__init_rwsem(rwsem, #rwsem);        \
		LOCKDEP_INIT(rwsem, LD_WAIT_SLEEP); \
	} while (0)
void __init_rwsem(struct rw_semaphore *rwsem, const char *name);

/*
 * Takes it among other readers, or alone. A reader must not take it again: a writer that came
 * meanwhile would be between the two. Count 0, irqs on: they may sleep. The interruptible ones
 * return 0, or -EINTR if a signal ended the wait.
 */
void down_read(struct rw_semaphore *rwsem);
void down_write(struct rw_semaphore *rwsem);
int down_read_interruptible(struct rw_semaphore *rwsem);
int down_write_interruptible(struct rw_semaphore *rwsem);

/* The same if it can be had at once; return whether it could. Never sleep. Task context. */
bool down_read_trylock(struct rw_semaphore *rwsem);
bool down_write_trylock(struct rw_semaphore *rwsem);

/* Give it back, in the task that took it. Never sleep. Task context. */
void up_read(struct rw_semaphore *rwsem);
void up_write(struct rw_semaphore *rwsem);

/* The writer goes on as a reader; lets waiting readers in if one is the first. As up_write(). */
void downgrade_write(struct rw_semaphore *rwsem);

/* Does anybody hold it? At once out of date. Any context. */
static inline bool
rwsem_is_locked(const struct rw_semaphore *rwsem)
{
	return (atomic_load(&rwsem->count) & ~RWSEM_WAITERS) != 0;
}
