// SPDX-License-Identifier: ISC
/*
 * A waiter stands in the list, on its own stack, with its state set under the lock; whoever
 * completes takes it off under the lock, so that the waiter may leave as soon as it sees a count.
 */
#include "guest/completion.h"

#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/task.h"

struct waiter {
	struct list node;
	struct task *task;
};

void
init_completion(struct completion *completion)
{
	*completion = (struct completion){ .lock = RAW_SPINLOCK_INIT };
	list_init(&completion->waiters);
}

void
complete(struct completion *completion)
{
	unsigned long flags = raw_spin_lock_irqsave(&completion->lock);

	completion->done++;
	if (!list_empty(&completion->waiters)) {
		struct waiter *first = container_of(completion->waiters.next, struct waiter, node);

		list_remove(&first->node);
		wake_up_state(first->task, TASK_UNINTERRUPTIBLE);
	}
	raw_spin_unlock_irqrestore(&completion->lock, flags);
}

void
wait_for_completion(struct completion *completion)
{
	struct waiter waiter = { .task = current };

	might_sleep();
	list_init(&waiter.node);
	raw_spin_lock_irq(&completion->lock);
	while (completion->done == 0) { /* bounded: somebody completes */
		if (list_empty(&waiter.node)) {
			list_add_tail(&completion->waiters, &waiter.node);
		}
		set_current_state(TASK_UNINTERRUPTIBLE);
		raw_spin_unlock_irq(&completion->lock);
		schedule();
		raw_spin_lock_irq(&completion->lock);
	}
	__set_current_state(TASK_RUNNING);
	completion->done--;
	list_remove(&waiter.node);
	raw_spin_unlock_irq(&completion->lock);
}

bool
completion_done(struct completion *completion)
{
	unsigned long flags = raw_spin_lock_irqsave(&completion->lock);
	bool done = completion->done != 0;

	raw_spin_unlock_irqrestore(&completion->lock, flags);
	return done;
}
