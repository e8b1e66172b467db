// SPDX-License-Identifier: ISC
/*
 * Who waits is taken out of the queue by the one who grants it the lock, under wait_lock, and
 * looks there whether that has happened.
 *
 * With WAITERS set the count only falls but under wait_lock. A waiter sets it, then looks whether
 * the lock is free: either it finds what a holder gave back before, or that holder finds WAITERS
 * and grants.
 */
#include "guest/rwsem.h"

#include "guest/bug.h"
#include "guest/errno.h"
#include "guest/lockdep.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/task.h"
#include "guest/wake_q.h"

struct waiter {
	struct list node;
	struct task *task;
	bool writes;
};

void
__init_rwsem(struct rw_semaphore *rwsem, const char *name)
{
	*rwsem = (struct rw_semaphore)RWSEM_INIT(*rwsem);
	rwsem->name = name;
}

/* ---- without waiting ---- */

static inline bool
take_read(struct rw_semaphore *rwsem)
{
	uint32_t count = atomic_load(&rwsem->count);
	uint32_t obstacles = RWSEM_WRITER | (bug(RWSEM_READERS_PASS) ? 0 : RWSEM_WAITERS);

	while (!(count & obstacles)) { /* bounded: a turn more for each change by another cpu */
		if (atomic_try_cmpxchg(&rwsem->count, &count, count + RWSEM_READER)) {
			return true;
		}
	}
	return false;
}

static inline bool
take_write(struct rw_semaphore *rwsem)
{
	uint32_t expected = 0;

	return atomic_try_cmpxchg(&rwsem->count, &expected, RWSEM_WRITER);
}

/* ---- granting ---- */

static void
grant_one(struct rw_semaphore *rwsem, struct waiter *waiter, struct wake_q_head *wake)
{
	atomic_fetch_add(&rwsem->count, waiter->writes ? RWSEM_WRITER : RWSEM_READER);
	list_remove(&waiter->node);
	wake_q_add(wake, waiter->task); /* it cannot leave without wait_lock */
}

static void
grant_readers(struct rw_semaphore *rwsem, struct wake_q_head *wake)
{
	struct list *node = rwsem->waiters.next;

	while (node != &rwsem->waiters) { /* bounded: the queue's length */
		struct waiter *waiter = container_of(node, struct waiter, node);

		node = node->next;
		if (!waiter->writes) {
			grant_one(rwsem, waiter, wake);
			if (bug(RWSEM_GRANTS_ONE)) {
				return;
			}
		}
	}
}

/* Grants the lock to whom it can be granted now: the first, and if that reads, all readers. */
static void
grant_locked(struct rw_semaphore *rwsem, struct wake_q_head *wake)
{
	uint32_t count = atomic_load(&rwsem->count);
	struct waiter *first;

	if (list_empty(&rwsem->waiters) || (count & RWSEM_WRITER)) {
		return;
	}
	first = container_of(rwsem->waiters.next, struct waiter, node);
	if (!first->writes) {
		grant_readers(rwsem, wake);
	} else if (count < RWSEM_READER) {
		grant_one(rwsem, first, wake);
	}
	if (list_empty(&rwsem->waiters)) {
		atomic_fetch_and(&rwsem->count, ~RWSEM_WAITERS);
	}
}

/* Not preempted before it has woken those that it chose. */
static void
unlock_and_wake(struct rw_semaphore *rwsem, struct wake_q_head *wake)
{
	preempt_disable();
	raw_spin_unlock(&rwsem->wait_lock);
	wake_up_q(wake);
	preempt_enable();
}

static void
grant(struct rw_semaphore *rwsem)
{
	struct wake_q_head wake;

	wake_q_init(&wake);
	raw_spin_lock(&rwsem->wait_lock);
	grant_locked(rwsem, &wake);
	unlock_and_wake(rwsem, &wake);
}

/* ---- waiting ---- */

static void
enter_locked(struct rw_semaphore *rwsem, struct waiter *waiter, struct wake_q_head *wake)
{
	bool was_empty = list_empty(&rwsem->waiters);

	list_add_tail(&rwsem->waiters, &waiter->node);
	if (was_empty) {
		atomic_fetch_or(&rwsem->count, RWSEM_WAITERS);
	}
	if (!bug(RWSEM_NO_LAST_LOOK)) {
		grant_locked(rwsem, wake);
	}
}

/* Those behind may have waited for this one alone. */
static void
leave_locked(struct rw_semaphore *rwsem, struct waiter *waiter, struct wake_q_head *wake)
{
	list_remove(&waiter->node);
	if (list_empty(&rwsem->waiters)) {
		atomic_fetch_and(&rwsem->count, ~RWSEM_WAITERS);
	} else if (!bug(RWSEM_LEAVES_SILENTLY)) {
		grant_locked(rwsem, wake);
	}
}

static bool
interrupted(uint32_t state)
{
	return (state & TASK_INTERRUPTIBLE) && signal_pending(current);
}

/* What was granted goes before the signal: nobody else has it. */
static __attribute__((noinline)) int
wait(struct rw_semaphore *rwsem, bool writes, uint32_t state)
{
	struct waiter waiter = { .task = current, .writes = writes };
	struct wake_q_head wake;
	int error = 0;

	might_sleep();
	wake_q_init(&wake);
	raw_spin_lock(&rwsem->wait_lock);
	enter_locked(rwsem, &waiter, &wake);
	while (!list_empty(&waiter.node)) { /* bounded: those before */
		if (interrupted(state)) {
			leave_locked(rwsem, &waiter, &wake);
			error = -EINTR;
			break;
		}
		__set_current_state(bug(RWSEM_STATE_LATE) ? TASK_RUNNING : state);
		unlock_and_wake(rwsem, &wake);
		if (bug(RWSEM_STATE_LATE)) {
			set_current_state(state);
		}
		schedule();
		raw_spin_lock(&rwsem->wait_lock);
		if (bug(RWSEM_SIGNAL_FIRST) && interrupted(state)) {
			leave_locked(rwsem, &waiter, &wake);
			error = -EINTR;
		}
	}
	unlock_and_wake(rwsem, &wake);
	return error;
}

/* ---- the lock ---- */

/* Of the caller of this file's function, into which this is expanded. */
#define CALLER (uintptr_t) __builtin_return_address(0)

static inline __attribute__((always_inline)) int
read_lock(struct rw_semaphore *rwsem, uint32_t state)
{
	int error;

	might_sleep_fast();
	lock_acquire_shared(&rwsem->dep_map, 0, false, CALLER);
	error = __builtin_expect(take_read(rwsem), 1) ? 0 : wait(rwsem, false, state);
	if (CONFIG_LOCKDEP && error != 0) { /* else its wait is a tail call */
		lock_release(&rwsem->dep_map, CALLER);
	}
	return error;
}

static inline __attribute__((always_inline)) int
write_lock(struct rw_semaphore *rwsem, uint32_t state)
{
	int error = 0;

	might_sleep_fast();
	lock_acquire_exclusive(&rwsem->dep_map, 0, false, CALLER);
	if (!__builtin_expect(take_write(rwsem), 1)) {
		error = wait(rwsem, true, state);
	}
	if (error == 0) {
		rwsem->writer = current;
	} else {
		lock_release(&rwsem->dep_map, CALLER);
	}
	return error;
}

void
down_read(struct rw_semaphore *rwsem)
{
	read_lock(rwsem, TASK_UNINTERRUPTIBLE);
}

int
down_read_interruptible(struct rw_semaphore *rwsem)
{
	return read_lock(rwsem, TASK_INTERRUPTIBLE);
}

void
down_write(struct rw_semaphore *rwsem)
{
	write_lock(rwsem, TASK_UNINTERRUPTIBLE);
}

int
down_write_interruptible(struct rw_semaphore *rwsem)
{
	return write_lock(rwsem, TASK_INTERRUPTIBLE);
}

bool
down_read_trylock(struct rw_semaphore *rwsem)
{
	bool taken;

	ASSERT(in_task());
	taken = take_read(rwsem);
	if (taken) {
		lock_acquire_shared(&rwsem->dep_map, 0, true, CALLER);
	}
	return taken;
}

bool
down_write_trylock(struct rw_semaphore *rwsem)
{
	bool taken;

	ASSERT(in_task());
	taken = take_write(rwsem);
	if (taken) {
		lock_acquire_exclusive(&rwsem->dep_map, 0, true, CALLER);
		rwsem->writer = current;
	}
	return taken;
}

/* On the short paths, in debug images alone. */
static inline void
check_context(void)
{
	if (CONFIG_DEBUG) {
		ASSERT(in_task());
	}
}

void
up_read(struct rw_semaphore *rwsem)
{
	uint32_t count;

	check_context();
	lock_release(&rwsem->dep_map, CALLER);
	count = atomic_fetch_sub(&rwsem->count, RWSEM_READER);
	if (__builtin_expect(count < RWSEM_READER, 0)) {
		panic("rwsem %s: unlocked by task %s, pid %u, and no reader has it", rwsem->name,
		      current->comm, current->pid);
	}
	if (__builtin_expect(count == RWSEM_READER + RWSEM_WAITERS, 0)) {
		grant(rwsem);
	}
}

static inline void
check_writer(const struct rw_semaphore *rwsem)
{
	check_context();
	if (__builtin_expect(rwsem->writer != current, 0)) {
		panic("rwsem %s: unlocked by task %s, pid %u, and written by %s", rwsem->name,
		      current->comm, current->pid,
		      rwsem->writer == NULL ? "nobody" : rwsem->writer->comm);
	}
}

void
up_write(struct rw_semaphore *rwsem)
{
	check_writer(rwsem);
	lock_release(&rwsem->dep_map, CALLER);
	rwsem->writer = NULL;
	if (__builtin_expect(atomic_fetch_sub(&rwsem->count, RWSEM_WRITER) & RWSEM_WAITERS, 0)) {
		grant(rwsem);
	}
}

void
downgrade_write(struct rw_semaphore *rwsem)
{
	uint32_t count;

	check_writer(rwsem);
	lock_release(&rwsem->dep_map, CALLER);
	lock_acquire_shared(&rwsem->dep_map, 0, true, CALLER); /* it waits for nobody */
	rwsem->writer = NULL;
	count = atomic_fetch_add(&rwsem->count, RWSEM_READER - RWSEM_WRITER);
	if ((count & RWSEM_WAITERS) && !bug(RWSEM_DOWNGRADES_SILENTLY)) {
		grant(rwsem);
	}
}
