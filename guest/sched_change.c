// SPDX-License-Identifier: ISC
/*
 * Whoever changes a task holds its pi_lock and the lock of its run queue, so that either is enough
 * to read. A task between two queues has on_rq MIGRATING and belongs to who moves it.
 */
#include "guest/sched_change.h"

#include "guest/errno.h"
#include "guest/kthread.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/task.h"

/*
 * Locks task->pi_lock and its run queue. Not while it is in a wake list: that may be this cpu's,
 * and want an interrupt.
 */
static struct rq *
task_rq_lock(struct task *task, unsigned long *flags)
{
	for (;;) { /* bounded: the rest of a wakeup */
		struct rq *rq;

		*flags = raw_spin_lock_irqsave(&task->pi_lock);
		rq = task_rq_lock_pi_held(task);
		if (atomic_load(&task->state) != TASK_WAKING) {
			return rq;
		}
		raw_spin_unlock(&rq->lock);
		raw_spin_unlock_irqrestore(&task->pi_lock, *flags);
		arch_cpu_relax();
	}
}

static void
task_rq_unlock(struct task *task, struct rq *rq, unsigned long flags)
{
	raw_spin_unlock(&rq->lock);
	raw_spin_unlock_irqrestore(&task->pi_lock, flags);
}

/* Leaves rq's lock for that of the new queue, and returns this one, locked. */
static struct rq *
move_queued_task(struct rq *rq, struct task *task)
{
	sched_detach(rq, task);
	raw_spin_unlock(&rq->lock);
	rq = &per_cpu(runqueue, atomic_load(&task->cpu));
	raw_spin_lock(&rq->lock);
	sched_attach(rq, task);
	return rq;
}

int
set_cpus_allowed(struct task *task, uint64_t cpus)
{
	bool asleep = task == current && atomic_load(&task->state) != TASK_RUNNING;
	unsigned long flags;
	struct rq *rq;

	ASSERT(preempt_count() == 0);
	ASSERT(!arch_irqs_disabled());
	ASSERT(!asleep); /* the move would be its sleep */
	cpus &= cpus_online;
	if (cpus == 0 || kthread_is_bound(task)) {
		return -EINVAL;
	}
	rq = task_rq_lock(task, &flags);
	task->cpus_allowed = cpus;
	if (!task_allowed_on(task, rq->cpu) && atomic_load(&task->on_rq)) {
		if (atomic_load(&task->on_cpu)) {
			resched_curr(rq); /* its own __schedule() moves it */
		} else {
			rq = move_queued_task(rq, task);
		}
	}
	task_rq_unlock(task, rq, flags);
	while (task == current && !task_allowed_on(task, raw_smp_processor_id())) {
		schedule(); /* bounded: once */
	}
	return 0;
}

void
set_user_nice(struct task *task, int nice)
{
	unsigned long flags;
	struct rq *rq;

	ASSERT(!arch_irqs_disabled());
	rq = task_rq_lock(task, &flags);
	ASSERT(task->class != NULL); /* whoever can reach a task finds it whole */
	if (task->class == &sched_class_fair) {
		sched_fair_set_nice(rq, task, nice);
	}
	task_rq_unlock(task, rq, flags);
}
