// SPDX-License-Identifier: ISC
/*
 * Making tasks runnable: Linux's try_to_wake_up() and wake_up_new_task(), in the order of its
 * kernel/sched/core.c. Lock order: task->pi_lock, which serializes the wakeups of a task, then
 * rq->lock.
 */
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/task.h"
#include "guest/trace.h"

/* task has become runnable on rq: does it preempt what runs there? */
static void
wakeup_preempt(struct rq *rq, struct task *task)
{
	if (task->class == rq->curr->class) {
		task->class->wakeup_preempt(rq, task);
	} else if (task->class->rank < rq->curr->class->rank) {
		resched_curr(rq);
	}
}

static uint64_t
wakeup_fields(const struct task *task)
{
	return task->prio | (uint64_t)atomic_load(&task->cpu) << 8;
}

/* The cpu that it ran on if that idles, else one that idles, else the one that it ran on. */
static unsigned int
select_cpu(const struct task *task)
{
	unsigned int prev = atomic_load(&task->cpu);
	bool prev_allowed = task->cpus_allowed >> prev & 1;
	unsigned int allowed = CPUS_MAX;

	if (prev_allowed && atomic_load(&per_cpu(runqueue, prev).nr_running) == 0) {
		return prev;
	}
	for_each_cpu (cpu) {
		if (!(task->cpus_allowed >> cpu & 1)) {
			continue;
		}
		if (atomic_load(&per_cpu(runqueue, cpu).nr_running) == 0) {
			return cpu;
		}
		allowed = cpu;
	}
	ASSERT(allowed != CPUS_MAX);
	return prev_allowed ? prev : allowed;
}

/* A queued task (it set its state and did not get to block): just running again. */
static bool
wake_queued(struct task *task)
{
	struct rq *rq = &per_cpu(runqueue, atomic_load(&task->cpu));
	bool queued;

	raw_spin_lock(&rq->lock);
	queued = atomic_load(&task->on_rq);
	if (queued) {
		if (!atomic_load(&task->on_cpu)) {
			wakeup_preempt(rq, task);
		}
		atomic_store(&task->state, TASK_RUNNING);
		trace(TRACE_sched_wakeup, task->pid, wakeup_fields(task));
	}
	raw_spin_unlock(&rq->lock);
	return queued;
}

static void
enqueue_woken(struct task *task, enum trace_event event)
{
	struct rq *rq = &per_cpu(runqueue, atomic_load(&task->cpu));

	raw_spin_lock(&rq->lock);
	rq_activate(rq, task);
	wakeup_preempt(rq, task);
	atomic_store(&task->state, TASK_RUNNING);
	trace(event, task->pid, wakeup_fields(task));
	raw_spin_unlock(&rq->lock);
}

/* pi_lock held. The lock's atomic operation is the full barrier before the state is read. */
static bool
wake_up_locked(struct task *task, uint32_t states)
{
	if (!(atomic_load(&task->state) & states)) {
		return false;
	}
	trace(TRACE_sched_waking, task->pid, wakeup_fields(task));
	smp_rmb(); /* state before on_rq: pairs with the rq lock in the sleeper's __schedule() */
	if (atomic_load(&task->on_rq) && wake_queued(task)) {
		return true;
	}
	atomic_store(&task->state, TASK_WAKING);
	while (atomic_load_acquire(&task->on_cpu)) { /* bounded: the rest of its switch */
		arch_cpu_relax();
	}
	atomic_store(&task->cpu, select_cpu(task));
	enqueue_woken(task, TRACE_sched_wakeup);
	return true;
}

/* The task is awake, so nobody else can dequeue it: no lock is needed. */
static bool
wake_up_current(uint32_t states)
{
	if (!(atomic_load(&current->state) & states)) {
		return false;
	}
	trace(TRACE_sched_waking, current->pid, wakeup_fields(current));
	atomic_store(&current->state, TASK_RUNNING);
	trace(TRACE_sched_wakeup, current->pid, wakeup_fields(current));
	return true;
}

bool
task_wake_up(struct task *task, uint32_t states)
{
	unsigned long flags;
	bool woken;

	ASSERT(!in_nmi());
	preempt_disable();
	if (task == current) {
		woken = wake_up_current(states);
	} else {
		flags = raw_spin_lock_irqsave(&task->pi_lock);
		woken = wake_up_locked(task, states);
		raw_spin_unlock_irqrestore(&task->pi_lock, flags);
	}
	preempt_enable();
	return woken;
}

void
task_wake_up_new(struct task *task)
{
	unsigned long flags;

	ASSERT(!in_nmi());
	flags = raw_spin_lock_irqsave(&task->pi_lock);
	ASSERT(atomic_load(&task->state) == TASK_NEW);
	atomic_store(&task->cpu, select_cpu(task));
	enqueue_woken(task, TRACE_sched_wakeup_new);
	raw_spin_unlock_irqrestore(&task->pi_lock, flags);
}
