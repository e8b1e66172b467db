// SPDX-License-Identifier: ISC
/*
 * The task's pi_lock keeps it in its queue, or out of one, while that queue is locked
 * (5d808c78d972: without it the task had moved).
 */
#include "guest/yield_to.h"

#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched.h"

/* irqs off, rq->lock and pi_lock held. The next pick takes it, if no other class has one. */
static bool
bring_forward(struct rq *rq, struct task *task)
{
	if (atomic_load(&task->on_rq) != TASK_ON_RQ_QUEUED || atomic_load(&task->on_cpu) ||
	    task->class != &sched_class_fair) {
		return false;
	}
	ASSERT(atomic_load(&task->cpu) == rq->cpu);
	list_remove(&task->run_node);
	list_insert_before(rq->fair.queue.next, &task->run_node);
	return true;
}

bool
yield_to(struct task *task)
{
	bool given;
	unsigned long flags;
	struct rq *rq;

	ASSERT(preempt_count() == 0);
	ASSERT(!arch_irqs_disabled());
	if (task == current || current->class != &sched_class_fair) {
		return false;
	}
	flags = raw_spin_lock_irqsave(&task->pi_lock);
	rq = task_rq_lock_pi_held(task);
	if (bug(YIELD_TO_UNPINNED)) {
		raw_spin_unlock(&rq->lock);
		raw_spin_unlock(&task->pi_lock);
		raw_spin_lock(&rq->lock);
	}
	given = bring_forward(rq, task);
	if (given && rq->curr != current) {
		(bug(YIELD_TO_LAZILY) ? resched_curr_lazy : resched_curr)(rq);
	}
	raw_spin_unlock(&rq->lock);
	if (bug(YIELD_TO_UNPINNED)) {
		raw_spin_lock(&task->pi_lock);
	}
	raw_spin_unlock_irqrestore(&task->pi_lock, flags);
	if (given) {
		yield();
	}
	return given;
}
