// SPDX-License-Identifier: ISC
/*
 * A task's way into a run queue, out of it, and from one to another. A queued task is in the queue
 * of its class and of its cpu; on_rq is the last thing that is written of one that leaves.
 */
#include "guest/sched.h"

#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/smp.h"

struct rq *
task_rq_lock_pi_held(struct task *task)
{
	for (;;) { /* bounded: the rest of a move */
		struct rq *rq = &per_cpu(runqueue, atomic_load(&task->cpu));

		raw_spin_lock(&rq->lock);
		if (rq->cpu == atomic_load(&task->cpu) &&
		    atomic_load(&task->on_rq) != TASK_ON_RQ_MIGRATING) {
			return rq;
		}
		raw_spin_unlock(&rq->lock);
		while (atomic_load(&task->on_rq) == TASK_ON_RQ_MIGRATING) { /* bounded: the same */
			arch_cpu_relax();
		}
	}
}

void
rq_deactivate(struct rq *rq, struct task *task)
{
	lockdep_assert_held(&rq->lock);
	ASSERT(atomic_load(&task->on_rq) == TASK_ON_RQ_QUEUED);
	task->class->dequeue(rq, task);
	atomic_store(&rq->nr_running, atomic_load(&rq->nr_running) - 1);
	atomic_store_release(&task->on_rq, 0); /* last: from here on it may be another cpu's */
}

/* It is MIGRATING before it leaves the queue: who sees that waits (b55945c500c5). */
void
sched_detach(struct rq *rq, struct task *task)
{
	ASSERT(raw_spin_is_locked(&rq->lock));
	ASSERT(atomic_load(&task->on_rq) == TASK_ON_RQ_QUEUED);
	atomic_store(&task->on_rq, bug(DETACHED_TOO_EARLY) ? 0 : TASK_ON_RQ_MIGRATING);
	task->class->dequeue(rq, task);
	atomic_store(&rq->nr_running, atomic_load(&rq->nr_running) - 1);
	atomic_store(&task->cpu, select_task_rq(task));
	if (bug(DETACHED_TOO_EARLY)) {
		atomic_store(&task->on_rq, TASK_ON_RQ_MIGRATING);
	}
}

void
sched_attach(struct rq *rq, struct task *task)
{
	rq_activate(rq, task);
	wakeup_preempt(rq, task);
}

uint32_t
sched_nr_uninterruptible(void)
{
	uint32_t count = 0;

	for_each_cpu (cpu) {
		count += atomic_load(&per_cpu(runqueue, cpu).nr_uninterruptible);
	}
	return count;
}
