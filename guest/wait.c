// SPDX-License-Identifier: ISC
/*
 * The list and the count of a queue change under its lock. A waker takes a woken entry off, and its
 * last store to it is `queued`: a waiter that sees 0 there leaves without the lock, with the entry.
 */
#include "guest/wait.h"

#include "guest/bug.h"
#include "guest/errno.h"
#include "guest/panic.h"
#include "guest/signal.h"

void
init_waitqueue_head(struct wait_queue_head *head)
{
	*head = (struct wait_queue_head){ .lock = RAW_SPINLOCK_INIT };
	list_init(&head->entries);
}

static void
init_entry(struct wait_queue_entry *entry, struct task *task,
           int (*func)(struct wait_queue_entry *, uint32_t, void *))
{
	*entry = (struct wait_queue_entry){ .task = task, .func = func };
	list_init(&entry->node);
}

void
init_waitqueue_entry(struct wait_queue_entry *entry, struct task *task)
{
	init_entry(entry, task, default_wake_function);
}

void
init_waitqueue_func_entry(struct wait_queue_entry *entry,
                          int (*func)(struct wait_queue_entry *, uint32_t, void *))
{
	init_entry(entry, NULL, func);
}

void
init_wait_entry(struct wait_queue_entry *entry, uint32_t flags)
{
	init_entry(entry, current, autoremove_wake_function);
	entry->flags = flags;
}

/* ---- the queue ---- */

static void
add_locked(struct wait_queue_head *head, struct wait_queue_entry *entry)
{
	ASSERT(!atomic_load(&entry->queued));
	if ((entry->flags & WQ_FLAG_EXCLUSIVE) || bug(WAITER_ADDED_BEHIND)) {
		list_add_tail(&head->entries, &entry->node);
	} else {
		list_insert_before(head->entries.next, &entry->node);
	}
	atomic_store(&head->count, atomic_load(&head->count) + 1);
	entry->head = head;
	atomic_store(&entry->queued, 1);
}

static void
remove_locked(struct wait_queue_entry *entry)
{
	struct wait_queue_head *head = entry->head;

	ASSERT(raw_spin_is_locked(&head->lock));
	list_remove(&entry->node);
	atomic_store(&head->count, atomic_load(&head->count) - 1);
	atomic_store_release(&entry->queued, 0); /* pairs with finish_wait() */
}

static void
add(struct wait_queue_head *head, struct wait_queue_entry *entry)
{
	unsigned long flags = raw_spin_lock_irqsave(&head->lock);

	ASSERT(!in_nmi());
	add_locked(head, entry);
	raw_spin_unlock_irqrestore(&head->lock, flags);
}

void
add_wait_queue(struct wait_queue_head *head, struct wait_queue_entry *entry)
{
	entry->flags &= ~WQ_FLAG_EXCLUSIVE;
	add(head, entry);
}

void
add_wait_queue_exclusive(struct wait_queue_head *head, struct wait_queue_entry *entry)
{
	entry->flags |= WQ_FLAG_EXCLUSIVE;
	add(head, entry);
}

void
remove_wait_queue(struct wait_queue_head *head, struct wait_queue_entry *entry)
{
	unsigned long flags = raw_spin_lock_irqsave(&head->lock);

	ASSERT(!in_nmi());
	ASSERT(atomic_load(&entry->queued));
	remove_locked(entry);
	raw_spin_unlock_irqrestore(&head->lock, flags);
}

/* ---- waking ---- */

int
default_wake_function(struct wait_queue_entry *entry, uint32_t states, void *key)
{
	(void)key;
	ASSERT(entry->task != NULL); /* or its waiter has gone, and the entry with it */
	return wake_up_state(entry->task, states);
}

/* The waiter may leave with the entry as soon as it is off: the wakeup comes first. */
int
autoremove_wake_function(struct wait_queue_entry *entry, uint32_t states, void *key)
{
	if (bug(WAITER_OFF_BEFORE_WAKE)) {
		remove_locked(entry);
		smp_mb();
		return default_wake_function(entry, states, key);
	}
	if (!default_wake_function(entry, states, key)) {
		return 0;
	}
	remove_locked(entry);
	return 1;
}

unsigned int
__wake_up_locked(struct wait_queue_head *head, uint32_t states, unsigned int exclusive, void *key)
{
	struct list *node = head->entries.next;
	unsigned int woken = 0;

	ASSERT(raw_spin_is_locked(&head->lock));
	while (node != &head->entries) { /* bounded: the entries */
		struct wait_queue_entry *entry = container_of(node, struct wait_queue_entry, node);
		bool counts = entry->flags & WQ_FLAG_EXCLUSIVE; /* it may be gone afterwards */
		int result;

		node = node->next;
		result = entry->func(entry, states, key);
		if (result < 0) {
			break;
		}
		if ((result > 0 || bug(WAKE_COUNTS_AWAKE)) && counts && ++woken == exclusive) {
			break;
		}
	}
	return woken;
}

unsigned int
__wake_up(struct wait_queue_head *head, uint32_t states, unsigned int exclusive, void *key)
{
	unsigned long flags = raw_spin_lock_irqsave(&head->lock);
	unsigned int woken;

	ASSERT(!in_nmi());
	woken = __wake_up_locked(head, states, exclusive, key);
	raw_spin_unlock_irqrestore(&head->lock, flags);
	return woken;
}

/* ---- waiting ---- */

/* The barrier pairs with wq_has_sleeper(): the count before the condition. */
static void
prepare_locked(struct wait_queue_head *head, struct wait_queue_entry *entry, uint32_t state)
{
	if (!atomic_load(&entry->queued)) {
		add_locked(head, entry);
	}
	if (bug(WAIT_STATE_UNORDERED)) {
		__set_current_state(state);
	} else {
		set_current_state(state);
	}
}

void
prepare_to_wait(struct wait_queue_head *head, struct wait_queue_entry *entry, uint32_t state)
{
	unsigned long flags;

	ASSERT(entry->task == current);
	entry->flags &= ~WQ_FLAG_EXCLUSIVE;
	flags = raw_spin_lock_irqsave(&head->lock);
	prepare_locked(head, entry, state);
	raw_spin_unlock_irqrestore(&head->lock, flags);
}

bool
prepare_to_wait_exclusive(struct wait_queue_head *head, struct wait_queue_entry *entry,
                          uint32_t state)
{
	unsigned long flags;
	bool was_empty;

	ASSERT(entry->task == current);
	entry->flags |= WQ_FLAG_EXCLUSIVE;
	flags = raw_spin_lock_irqsave(&head->lock);
	was_empty = list_empty(&head->entries);
	prepare_locked(head, entry, state);
	raw_spin_unlock_irqrestore(&head->lock, flags);
	return was_empty;
}

/* Whoever leaves is off the queue before the caller's last look: no wakeup chooses it after that.
 */
int
prepare_to_wait_until(struct wait_queue_head *head, struct wait_queue_entry *entry, uint32_t state,
                      int64_t left_ns)
{
	unsigned long flags;
	int error;

	ASSERT(entry->task == current);
	flags = raw_spin_lock_irqsave(&head->lock);
	error = signal_pending_state(state, current) ? -EINTR : left_ns == 0 ? -ETIMEDOUT : 0;
	if (error == 0 || bug(WAITER_LEAVES_LATE)) {
		prepare_locked(head, entry, state);
	} else if (atomic_load(&entry->queued)) {
		remove_locked(entry);
	}
	raw_spin_unlock_irqrestore(&head->lock, flags);
	return error;
}

void
finish_wait(struct wait_queue_head *head, struct wait_queue_entry *entry)
{
	unsigned long flags;

	ASSERT(!in_nmi());
	__set_current_state(TASK_RUNNING);
	if (!atomic_load_acquire(&entry->queued)) { /* pairs with remove_locked() */
		return;
	}
	flags = raw_spin_lock_irqsave(&head->lock);
	if (atomic_load(&entry->queued)) {
		remove_locked(entry);
	}
	raw_spin_unlock_irqrestore(&head->lock, flags);
}
