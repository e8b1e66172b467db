// SPDX-License-Identifier: ISC
/*
 * A waiter stands in the list, on its own stack, with its state set under the lock; whoever
 * completes takes it off under the lock. A waiter that sees a count takes the lock to take it: so
 * it leaves after the completer, whose unlock is its last use of the completion.
 */
#include "guest/completion.h"

#include "guest/bug.h"
#include "guest/errno.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/signal.h"
#include "guest/sleep.h"
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
reinit_completion(struct completion *completion)
{
	ASSERT(list_empty(&completion->waiters));
	completion->done = 0;
}

static void
wake_first_locked(struct completion *completion)
{
	struct waiter *first = container_of(completion->waiters.next, struct waiter, node);

	list_remove(&first->node);
	wake_up_process(first->task);
}

void
complete(struct completion *completion)
{
	unsigned long flags = raw_spin_lock_irqsave(&completion->lock);

	ASSERT(!in_nmi());
	if (completion->done != UINT32_MAX || bug(COMPLETE_ALL_WRAPS)) {
		completion->done++;
	}
	if (!list_empty(&completion->waiters)) {
		wake_first_locked(completion);
	}
	raw_spin_unlock_irqrestore(&completion->lock, flags);
}

void
complete_all(struct completion *completion)
{
	unsigned long flags = raw_spin_lock_irqsave(&completion->lock);

	ASSERT(!in_nmi());
	completion->done = UINT32_MAX;
	while (!list_empty(&completion->waiters)) { /* bounded: the waiters */
		wake_first_locked(completion);
	}
	raw_spin_unlock_irqrestore(&completion->lock, flags);
}

static void
take_locked(struct completion *completion)
{
	if (completion->done != UINT32_MAX) {
		completion->done--;
	}
}

/*
 * Until one is done; returns what is left of the timeout, or -EINTR. A waiter that complete() has
 * chosen finds it done, whatever else has come, or somebody has taken it.
 */
static int64_t
sleep_locked(struct completion *completion, int64_t timeout_ns, uint32_t state)
{
	struct waiter waiter = { .task = current };

	list_init(&waiter.node);
	do { /* bounded: somebody completes */
		if (signal_pending_state(state, current)) {
			timeout_ns = -EINTR;
			break;
		}
		if (list_empty(&waiter.node)) {
			list_add_tail(&completion->waiters, &waiter.node);
		}
		__set_current_state(state); /* the lock orders it: complete() takes it, too */
		raw_spin_unlock_irq(&completion->lock);
		timeout_ns = schedule_timeout(timeout_ns);
		raw_spin_lock_irq(&completion->lock);
		if (bug(COMPLETION_LEFT_TO_SIGNAL) && signal_pending_state(state, current)) {
			timeout_ns = -EINTR;
			break;
		}
	} while (completion->done == 0 && timeout_ns != 0);
	list_remove(&waiter.node);
	return timeout_ns;
}

/* Linux's do_wait_for_common. Returns at least 1 if one was done and taken. */
static int64_t
wait_common(struct completion *completion, int64_t timeout_ns, uint32_t state)
{
	might_sleep();
	if (bug(COMPLETION_SEEN_UNLOCKED) && completion->done != 0) {
		completion->done--;
		return timeout_ns;
	}
	raw_spin_lock_irq(&completion->lock);
	if (completion->done == 0) {
		timeout_ns = sleep_locked(completion, timeout_ns, state);
	}
	if (completion->done != 0 && !(bug(COMPLETION_LEFT_TO_SIGNAL) && timeout_ns < 0)) {
		take_locked(completion);
		timeout_ns = timeout_ns > 0 ? timeout_ns : 1;
	}
	raw_spin_unlock_irq(&completion->lock);
	return timeout_ns;
}

void
wait_for_completion(struct completion *completion)
{
	wait_common(completion, MAX_SCHEDULE_TIMEOUT, TASK_UNINTERRUPTIBLE);
}

int
wait_for_completion_interruptible(struct completion *completion)
{
	int64_t left = wait_common(completion, MAX_SCHEDULE_TIMEOUT, TASK_INTERRUPTIBLE);

	return left < 0 ? (int)left : 0;
}

int
wait_for_completion_killable(struct completion *completion)
{
	int64_t left = wait_common(completion, MAX_SCHEDULE_TIMEOUT, TASK_KILLABLE);

	return left < 0 ? (int)left : 0;
}

int64_t
wait_for_completion_timeout(struct completion *completion, int64_t timeout_ns)
{
	return wait_common(completion, timeout_ns, TASK_UNINTERRUPTIBLE);
}

int64_t
wait_for_completion_interruptible_timeout(struct completion *completion, int64_t timeout_ns)
{
	return wait_common(completion, timeout_ns, TASK_INTERRUPTIBLE);
}

int64_t
wait_for_completion_killable_timeout(struct completion *completion, int64_t timeout_ns)
{
	return wait_common(completion, timeout_ns, TASK_KILLABLE);
}

bool
try_wait_for_completion(struct completion *completion)
{
	unsigned long flags = raw_spin_lock_irqsave(&completion->lock);
	bool done = completion->done != 0;

	if (done) {
		take_locked(completion);
	}
	raw_spin_unlock_irqrestore(&completion->lock, flags);
	return done;
}

bool
completion_done(struct completion *completion)
{
	unsigned long flags = raw_spin_lock_irqsave(&completion->lock);
	bool done = completion->done != 0;

	raw_spin_unlock_irqrestore(&completion->lock, flags);
	return done;
}
