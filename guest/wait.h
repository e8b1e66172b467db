// SPDX-License-Identifier: ISC
/*
 * Wait queues: tasks that wait for any condition, and the functions that wake them. Linux's
 * include/linux/wait.h, with timeouts in ns, -EINTR for an interrupted wait, and no wake_up_sync(),
 * a hint that this scheduler would not take.
 *
 * A waiter is in the queue, and has its state set with a full barrier behind it, before it tests
 * its condition; a waker makes it true before it takes the queue's lock.
 *
 * Exclusive waiters stand behind the others. One that leaves by a signal or a timeout is off the
 * queue before its last test of the condition: a wakeup that chose it earlier made that true, a
 * later one chooses another. Linux does so for signals only.
 *
 * An entry may live on its waiter's stack; the queue may not: its waker may have the lock still.
 * Lock order: what the caller holds, head->lock, task->pi_lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/bug.h"
#include "guest/errno.h"
#include "guest/list.h"
#include "guest/preempt.h"
#include "guest/sleep.h"
#include "guest/spinlock.h"
#include "guest/task.h"

#define WQ_FLAG_EXCLUSIVE 0x01u

struct wait_queue_head {
	struct raw_spinlock lock;
	struct atomic count; /* of the entries, written under lock; read by any cpu */
	struct list entries;
};

struct wait_queue_entry {
	uint32_t flags;
	struct task *task; /* for its function */
	/*
	 * Returns whether it woke somebody, or -E... to end the whole wakeup. It may take this
	 * entry off the queue, and no other. head->lock held, irqs off.
	 */
	int (*func)(struct wait_queue_entry *entry, uint32_t states, void *key);
	struct wait_queue_head *head; /* whose it is */
	struct atomic queued; /* the last store of who takes it off: then the entry may be gone */
	struct list node;
};

#define WAIT_QUEUE_HEAD_INIT(name)                                  \
	{                                                           \
		.lock = RAW_SPINLOCK_INIT, .count = ATOMIC_INIT(0), \
		.entries = LIST_INIT((name).entries)                \
	}

#define DECLARE_WAIT_QUEUE_HEAD(name) struct wait_queue_head name = WAIT_QUEUE_HEAD_INIT(name)

/* Nobody waits. Before first use. */
void init_waitqueue_head(struct wait_queue_head *head);

/* An entry of current's that a wakeup takes off the queue, for the prepare_to_wait() functions. */
void init_wait_entry(struct wait_queue_entry *entry, uint32_t flags);

#define DEFINE_WAIT(name)             \
	struct wait_queue_entry name; \
	init_wait_entry(&name, 0)

/* An entry that stays until remove_wait_queue(): wakes task, or calls func. */
void init_waitqueue_entry(struct wait_queue_entry *entry, struct task *task);
void init_waitqueue_func_entry(struct wait_queue_entry *entry,
                               int (*func)(struct wait_queue_entry *, uint32_t, void *));

/* An entry that is in no queue, to the front or to the exclusive ones; off it. Any context but NMI.
 */
void add_wait_queue(struct wait_queue_head *head, struct wait_queue_entry *entry);
void add_wait_queue_exclusive(struct wait_queue_head *head, struct wait_queue_entry *entry);
void remove_wait_queue(struct wait_queue_head *head, struct wait_queue_entry *entry);

/* Functions of entries: wake the task; and take the entry off the queue if that woke it. */
int default_wake_function(struct wait_queue_entry *entry, uint32_t states, void *key);
int autoremove_wake_function(struct wait_queue_entry *entry, uint32_t states, void *key);

/* ---- waking ---- */

/*
 * Calls the functions of the entries from the front, until `exclusive` exclusive ones have woken
 * somebody; 0: all. What the caller stored before is seen by whoever is woken, and by whoever is
 * not because he was not in the queue yet. Returns how many exclusive ones have. Any context but
 * NMI.
 */
unsigned int __wake_up(struct wait_queue_head *head, uint32_t states, unsigned int exclusive,
                       void *key);

/* The same. head->lock held, irqs off. */
unsigned int __wake_up_locked(struct wait_queue_head *head, uint32_t states, unsigned int exclusive,
                              void *key);

#define wake_up(head)                   __wake_up(head, TASK_NORMAL, 1, NULL)
#define wake_up_nr(head, nr)            __wake_up(head, TASK_NORMAL, nr, NULL)
#define wake_up_all(head)               __wake_up(head, TASK_NORMAL, 0, NULL)
#define wake_up_locked(head)            __wake_up_locked(head, TASK_NORMAL, 1, NULL)
#define wake_up_all_locked(head)        __wake_up_locked(head, TASK_NORMAL, 0, NULL)
#define wake_up_interruptible(head)     __wake_up(head, TASK_INTERRUPTIBLE, 1, NULL)
#define wake_up_interruptible_all(head) __wake_up(head, TASK_INTERRUPTIBLE, 0, NULL)

/*
 * Does anybody wait? Without the lock: who has just stored the condition needs a full barrier in
 * between, or a waiter that came meanwhile is missed. Any context.
 */
static inline bool
waitqueue_active(const struct wait_queue_head *head)
{
	return atomic_load(&head->count) != 0;
}

/* The same with the barrier, which pairs with set_current_state() in prepare_to_wait(). */
static inline bool
wq_has_sleeper(const struct wait_queue_head *head)
{
	if (!bug(WAIT_LOOK_UNORDERED)) {
		smp_mb();
	}
	return waitqueue_active(head);
}

/* ---- waiting, by steps ---- */

/*
 * Puts current's entry into the queue, if it is not there, and sets the state, with a full barrier
 * behind it. _exclusive returns whether the queue was empty. Count and irqs as they are; no sleep.
 */
void prepare_to_wait(struct wait_queue_head *head, struct wait_queue_entry *entry, uint32_t state);
bool prepare_to_wait_exclusive(struct wait_queue_head *head, struct wait_queue_entry *entry,
                               uint32_t state);

/*
 * The same, unless a signal is pending that ends this state, or nothing is left of the timeout:
 * then takes the entry off, and returns -EINTR, or -ETIMEDOUT. The caller tests its condition after
 * this in any case, and has succeeded if it is true. Exclusive by the entry's flag. Returns 0
 * otherwise.
 */
int prepare_to_wait_until(struct wait_queue_head *head, struct wait_queue_entry *entry,
                          uint32_t state, int64_t left_ns);

static inline int
prepare_to_wait_event(struct wait_queue_head *head, struct wait_queue_entry *entry, uint32_t state)
{
	return prepare_to_wait_until(head, entry, state, MAX_SCHEDULE_TIMEOUT);
}

/* RUNNING again, and the entry off the queue: then it may go. Any context but NMI. */
void finish_wait(struct wait_queue_head *head, struct wait_queue_entry *entry);

/* ---- waiting for a condition ---- */

/*
 * All of these: `condition` is an expression that is evaluated again after each wakeup; head is the
 * queue itself. They return at once if it is true. Count 0, irqs on.
 *
 * The loop: returns what is left of the timeout, at least 1, if the condition was true; else 0, or
 * -EINTR. leave and enter surround the sleep.
 */
#define ___wait_event(wq_head, condition, state, flags, timeout_ns, leave, enter)                 \
	({                                                                                        \
		struct wait_queue_entry __entry;                                                  \
		int64_t __left = (timeout_ns);                                                    \
                                                                                                  \
		init_wait_entry(&__entry, flags);                                                 \
		for (;;) { /* bounded: by who makes it true */                                    \
			bool __early = bug(TEST_BEFORE_STATE) && (condition);                     \
			int __error = prepare_to_wait_until(&(wq_head), &__entry, state, __left); \
                                                                                                  \
			if (bug(TEST_BEFORE_STATE) ? __early : (condition)) {                     \
				__left = __left != 0 ? __left : 1;                                \
				break;                                                            \
			}                                                                         \
			if (__error != 0) {                                                       \
				__left = __error == -ETIMEDOUT ? 0 : __error;                     \
				break;                                                            \
			}                                                                         \
			leave;                                                                    \
			__left = schedule_timeout(__left);                                        \
			enter;                                                                    \
		}                                                                                 \
		finish_wait(&(wq_head), &__entry);                                                \
		__left;                                                                           \
	})

#define __wait_event_until(wq_head, condition, state, flags, timeout_ns)                     \
	({                                                                                   \
		int64_t __result = (timeout_ns);                                             \
                                                                                             \
		might_sleep();                                                               \
		if (condition) {                                                             \
			__result = __result != 0 ? __result : 1;                             \
		} else {                                                                     \
			__result = ___wait_event(wq_head, condition, state, flags, __result, \
			                         (void)0, (void)0);                          \
		}                                                                            \
		__result;                                                                    \
	})

/* 0 or -EINTR, of a wait without a timeout. */
static inline int
wait_event_error(int64_t left_ns)
{
	return left_ns < 0 ? (int)left_ns : 0;
}

/* Until the condition is true. */
#define wait_event(wq_head, condition)                                         \
	((void)__wait_event_until(wq_head, condition, TASK_UNINTERRUPTIBLE, 0, \
	                          MAX_SCHEDULE_TIMEOUT))

#define wait_event_exclusive(wq_head, condition)                                               \
	((void)__wait_event_until(wq_head, condition, TASK_UNINTERRUPTIBLE, WQ_FLAG_EXCLUSIVE, \
	                          MAX_SCHEDULE_TIMEOUT))

/* Until it is, or a signal comes, or a fatal one. 0 or -EINTR. */
#define wait_event_interruptible(wq_head, condition)                                   \
	wait_event_error(__wait_event_until(wq_head, condition, TASK_INTERRUPTIBLE, 0, \
	                                    MAX_SCHEDULE_TIMEOUT))

#define wait_event_interruptible_exclusive(wq_head, condition)                      \
	wait_event_error(__wait_event_until(wq_head, condition, TASK_INTERRUPTIBLE, \
	                                    WQ_FLAG_EXCLUSIVE, MAX_SCHEDULE_TIMEOUT))

#define wait_event_killable(wq_head, condition) \
	wait_event_error(                       \
		__wait_event_until(wq_head, condition, TASK_KILLABLE, 0, MAX_SCHEDULE_TIMEOUT))

/* Until it is, or the timeout has passed. What is left, at least 1, or 0; or -EINTR. */
#define wait_event_timeout(wq_head, condition, timeout_ns) \
	__wait_event_until(wq_head, condition, TASK_UNINTERRUPTIBLE, 0, timeout_ns)

#define wait_event_exclusive_timeout(wq_head, condition, timeout_ns) \
	__wait_event_until(wq_head, condition, TASK_UNINTERRUPTIBLE, WQ_FLAG_EXCLUSIVE, timeout_ns)

#define wait_event_interruptible_timeout(wq_head, condition, timeout_ns) \
	__wait_event_until(wq_head, condition, TASK_INTERRUPTIBLE, 0, timeout_ns)

#define wait_event_killable_timeout(wq_head, condition, timeout_ns) \
	__wait_event_until(wq_head, condition, TASK_KILLABLE, 0, timeout_ns)

/*
 * The condition is tested under a raw spinlock, which is held at entry (taken with _irq), given up
 * around the sleep, and held at return.
 */
#define wait_event_lock_irq(wq_head, condition, lock)                                        \
	do {                                                                                 \
		if (!(condition)) {                                                          \
			(void)___wait_event(wq_head, condition, TASK_UNINTERRUPTIBLE, 0,     \
			                    MAX_SCHEDULE_TIMEOUT, raw_spin_unlock_irq(lock), \
			                    raw_spin_lock_irq(lock));                        \
		}                                                                            \
	} while (0)
