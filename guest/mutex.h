// SPDX-License-Identifier: ISC
/*
 * Mutexes: sleeping locks with one owner, who alone may unlock. Follow Linux 6.18's
 * kernel/locking/mutex.c.
 *
 * The owner word is the owner's task, with flags in the low bits. A free mutex without waiters is
 * taken and given back by one compare-exchange each. Who finds it taken spins as long as the owner
 * runs, one task at a time for the mutex and the others behind it in their order, and else sleeps
 * in a queue. The first sleeper that was woken and finds the mutex stolen has it handed over next.
 *
 * Misuse stops the kernel in every image where it is found for nothing: an unlock by another task,
 * a second lock by the owner. Debug images know the order of mutexes (lockdep.h), and that a task
 * that ends holds none. Lock order: mutex, then its wait_lock, which nests outside task->pi_lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/bug.h"
#include "guest/list.h"
#include "guest/lockdep.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/spinlock.h"
#include "guest/task.h"

#define MUTEX_WAITERS 1u /* the queue is not empty: unlock wakes its first */
#define MUTEX_HANDOFF 2u /* unlock hands over to the first */
#define MUTEX_PICKUP  4u /* handed over: the task of the word is to take it, no one else */
#define MUTEX_FLAGS   7u

struct mutex {
	struct atomic64 owner;
	struct raw_spinlock wait_lock;
	const char *name;

	/* wait_lock */
	struct list waiters;  /* in the order in which they came */
	struct list spinners; /* likewise: the first may take the mutex */

	struct lockdep_map dep_map;
};

#define MUTEX_INIT(variable)                                                                      \
	{                                                                                         \
		ATOMIC_INIT(0), RAW_SPINLOCK_NAMED(#variable ".wait_lock", LD_WAIT_SPIN),         \
			#variable, LIST_INIT((variable).waiters), LIST_INIT((variable).spinners), \
			LOCKDEP_MAP_INIT(#variable, LD_WAIT_SLEEP)                                \
	}

#define DEFINE_MUTEX(variable) struct mutex variable = MUTEX_INIT(variable)

/* Free, with a class for this place. Before first use. */
#define mutex_init(mutex)                           \
	do {                                        \
		__mutex_init(mutex, #mutex);        \
		LOCKDEP_INIT(mutex, LD_WAIT_SLEEP); \
	} while (0)
void __mutex_init(struct mutex *mutex, const char *name);

/* The rest of the functions below, where the first compare-exchange fails. */
void mutex_lock_slow(struct mutex *mutex);
int mutex_lock_interruptible_slow(struct mutex *mutex);
void mutex_unlock_slow(struct mutex *mutex);

/* A mutex that is free and has no waiters. */
static inline bool
mutex_take_idle(struct mutex *mutex)
{
	uint64_t expected = 0;

	return __builtin_expect(atomic_try_cmpxchg(&mutex->owner, &expected, (uintptr_t)current),
	                        1);
}

/* Count 0, irqs on, not held by current: it may sleep. */
static inline void
mutex_lock(struct mutex *mutex)
{
	might_sleep_fast();
	lock_acquire_exclusive(&mutex->dep_map, 0, false, 0);
	if (!mutex_take_idle(mutex)) {
		mutex_lock_slow(mutex);
	}
}

/* The same, but a signal ends the wait: 0, or -EINTR and not locked. */
static inline int
mutex_lock_interruptible(struct mutex *mutex)
{
	int error = 0;

	might_sleep_fast();
	lock_acquire_exclusive(&mutex->dep_map, 0, false, 0);
	if (!mutex_take_idle(mutex)) {
		error = mutex_lock_interruptible_slow(mutex);
	}
	if (error != 0) {
		lock_release(&mutex->dep_map, 0);
	}
	return error;
}

/* Takes it if it is free; returns whether it did. Never sleeps. Task context, in any atomic state.
 */
bool mutex_trylock(struct mutex *mutex);

/* Gives back one without waiters. In two steps a waiter that comes between them would be lost. */
static inline bool
mutex_give_back_idle(struct mutex *mutex)
{
	uint64_t expected = (uintptr_t)current;

	if (bug(MUTEX_UNLOCK_BLIND) && atomic_load(&mutex->owner) == expected) {
		atomic_store_release(&mutex->owner, 0);
		return true;
	}
	return __builtin_expect(atomic_try_cmpxchg(&mutex->owner, &expected, 0), 1);
}

/*
 * By the owner. Never sleeps. Task context, in any atomic state. The mutex must stay until it has
 * returned: the next owner may not free it before.
 */
static inline void
mutex_unlock(struct mutex *mutex)
{
	if (CONFIG_DEBUG) {
		ASSERT(in_task());
	}
	lock_release(&mutex->dep_map, 0);
	if (!mutex_give_back_idle(mutex)) {
		mutex_unlock_slow(mutex);
	}
}

/* Does anybody hold it? At once out of date, but for the owner. Any context. */
static inline bool
mutex_is_locked(const struct mutex *mutex)
{
	return (atomic_load(&mutex->owner) & ~(uint64_t)MUTEX_FLAGS) != 0;
}
