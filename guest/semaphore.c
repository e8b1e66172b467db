// SPDX-License-Identifier: ISC
/*
 * A waiter stands in the queue, on its own stack, until it is given a count: then it is in none.
 * It sets its state under the lock, which up() takes before it wakes it.
 */
#include "guest/semaphore.h"

#include "guest/bug.h"
#include "guest/errno.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/task.h"
#include "guest/wake_q.h"

struct waiter {
	struct list node;
	struct task *task;
};

void
sema_init(struct semaphore *semaphore, uint32_t count)
{
	*semaphore = (struct semaphore)SEMAPHORE_INIT(*semaphore, count);
}

static bool
interrupted(uint32_t state)
{
	return (state & TASK_INTERRUPTIBLE) && signal_pending(current);
}

/*
 * The lock is held at entry, and free at return. What was given goes before the signal: nobody else
 * has it. A signal that comes after the look at it is schedule()'s to see.
 */
static __attribute__((noinline)) int
wait_and_unlock(struct semaphore *semaphore, uint32_t state)
{
	struct waiter waiter = { .task = current };
	int error = 0;

	list_add_tail(&semaphore->waiters, &waiter.node);
	while (!list_empty(&waiter.node)) { /* bounded: somebody gives one */
		if (interrupted(state)) {
			list_remove(&waiter.node);
			error = -EINTR;
			break;
		}
		__set_current_state(bug(SEMAPHORE_STATE_LATE) ? TASK_RUNNING : state);
		raw_spin_unlock_irq(&semaphore->lock);
		if (bug(SEMAPHORE_STATE_LATE)) {
			set_current_state(state);
		}
		schedule();
		raw_spin_lock_irq(&semaphore->lock);
		if (bug(SEMAPHORE_SIGNAL_FIRST) && interrupted(state)) {
			list_remove(&waiter.node);
			error = -EINTR;
		}
	}
	raw_spin_unlock_irq(&semaphore->lock);
	return error;
}

static inline int
take(struct semaphore *semaphore, uint32_t state)
{
	might_sleep_fast();
	raw_spin_lock_irq(&semaphore->lock);
	if (__builtin_expect(semaphore->count == 0, 0)) {
		return wait_and_unlock(semaphore, state);
	}
	semaphore->count--;
	raw_spin_unlock_irq(&semaphore->lock);
	return 0;
}

void
down(struct semaphore *semaphore)
{
	take(semaphore, TASK_UNINTERRUPTIBLE);
}

int
down_interruptible(struct semaphore *semaphore)
{
	return take(semaphore, TASK_INTERRUPTIBLE);
}

int
down_trylock(struct semaphore *semaphore)
{
	unsigned long flags;
	bool taken;

	ASSERT(!in_nmi());
	flags = raw_spin_lock_irqsave(&semaphore->lock);
	taken = semaphore->count != 0;
	semaphore->count -= taken;
	raw_spin_unlock_irqrestore(&semaphore->lock, flags);
	return !taken;
}

/* Not counted: whoever came before the waiter has run would take it. */
static struct task *
give_to_first(struct semaphore *semaphore)
{
	struct waiter *first = container_of(semaphore->waiters.next, struct waiter, node);

	list_remove(&first->node);
	if (bug(SEMAPHORE_COUNTS_GIVEN)) {
		semaphore->count++;
	}
	return first->task;
}

/* The waiter leaves under the lock only, so it is there until it is in the queue of the woken. */
static __attribute__((noinline)) void
up_contended(struct semaphore *semaphore, unsigned long flags)
{
	struct wake_q_head wake;

	wake_q_init(&wake);
	wake_q_add(&wake, give_to_first(semaphore));
	preempt_disable(); /* until it is woken */
	raw_spin_unlock_irqrestore(&semaphore->lock, flags);
	wake_up_q(&wake);
	preempt_enable();
}

void
up(struct semaphore *semaphore)
{
	unsigned long flags;

	ASSERT(!in_nmi());
	flags = raw_spin_lock_irqsave(&semaphore->lock);
	if (__builtin_expect(!list_empty(&semaphore->waiters), 0)) {
		up_contended(semaphore, flags);
		return;
	}
	semaphore->count++;
	raw_spin_unlock_irqrestore(&semaphore->lock, flags);
}
