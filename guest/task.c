// SPDX-License-Identifier: ISC
/*
 * Creating tasks, their first and last moments, and who frees them. A dead task is freed by whoever
 * drops the last reference; the scheduler drops its own after the switch away from it, when the
 * stack is idle.
 */
#include "guest/task.h"

#include "guest/bug.h"
#include "guest/format.h"
#include "guest/object.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/stack.h"
#include "guest/string.h"
#include "guest/trace.h"

#define REFERENCES 2 /* the creator's and the scheduler's */

static struct atomic last_pid; /* 0 is every idle task's */

static struct task *
alloc_task(const char *comm)
{
	struct task *task = object_alloc(sizeof(*task));
	void *stack;

	if (task == NULL) {
		return NULL;
	}
	stack = stack_alloc();
	if (stack == NULL) {
		object_free(task, sizeof(*task));
		return NULL;
	}
	task->stack = stack;
	init_completion(&task->exited);
	atomic_store(&task->refcount, REFERENCES);
	format_string(task->comm, sizeof(task->comm), "%s", comm);
	return task;
}

static void
trace_comm(const struct task *task)
{
	uint64_t comm = 0;

	memcpy(&comm, task->comm, sizeof(comm));
	trace(TRACE_task_comm, task->pid, comm);
}

struct task *
task_create(const struct task_params *params)
{
	struct task *task = alloc_task(params->comm);

	if (task == NULL) {
		return NULL;
	}
	task->pid = atomic_fetch_add(&last_pid, 1) + 1;
	task->cpus_allowed = params->cpus_allowed != 0 ? params->cpus_allowed : UINT64_MAX;
	atomic_store(&task->cpu, raw_smp_processor_id()); /* a hint: it is placed when it is woken */
	atomic_store(&task->state, TASK_NEW);
	sched_init_task(task, params);
	arch_task_init(task, params->fn, params->arg);
	trace_comm(task);
	return task;
}

struct task *
task_create_idle(unsigned int cpu)
{
	struct task *task = alloc_task("");

	if (task == NULL) {
		panic("no memory for the idle task of cpu %u", cpu);
	}
	format_string(task->comm, sizeof(task->comm), "idle/%u", cpu);
	task->prio = IDLE_PRIO;
	task->class = &sched_class_idle;
	task->cpus_allowed = 1ull << cpu;
	atomic_store(&task->cpu, cpu);
	atomic_store(&task->on_cpu, 1);
	return task;
}

void
task_put(struct task *task)
{
	uint32_t references = atomic_fetch_sub(&task->refcount, 1);

	ASSERT(references != 0);
	if (references == 1) {
		ASSERT(atomic_load(&task->state) == TASK_DEAD);
		ASSERT(!atomic_load(&task->on_cpu));
		stack_free(task->stack);
		object_free(task, sizeof(*task));
	}
}

struct task *
task_run(const struct task_params *params)
{
	struct task *task = task_create(params);

	if (task == NULL) {
		panic("no memory for task %s", params->comm);
	}
	task_wake_up_new(task);
	return task;
}

/* Linux's schedule_tail: the switch that brought us here took the count to 2. */
void
task_entry(struct task *prev, void (*fn)(void *), void *arg)
{
	sched_finish_switch(prev);
	preempt_enable();
	fn(arg);
	task_exit();
}

void
task_exit(void)
{
	struct task *task = current;

	if (preempt_count() != 0) {
		panic("task %s, pid %u, ends with preempt_count %08x", task->comm, task->pid,
		      preempt_count());
	}
	ASSERT(!arch_irqs_disabled());
	trace(TRACE_sched_process_exit, task->pid, task->prio);
	preempt_disable(); /* the joiner may drop its reference now, but ours keeps the stack */
	complete(&task->exited);
	if (bug(DEAD_TASK_PREEMPTIBLE)) {
		__set_current_state(TASK_DEAD);
		preempt_enable();
		preempt_disable();
	}
	schedule_dead();
}

void
task_join(struct task *task)
{
	wait_for_completion(&task->exited);
	task_put(task);
}
