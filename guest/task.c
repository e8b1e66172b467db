// SPDX-License-Identifier: ISC
/*
 * Creating tasks, their first and last moments, and who frees them. A dead task is freed by whoever
 * drops the last reference; the scheduler drops its own after the switch away from it, when the
 * stack is idle.
 */
#include "guest/task.h"

#include "guest/bug.h"
#include "guest/format.h"
#include "guest/kthread.h"
#include "guest/object.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/preempt_notifier.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/stack.h"
#include "guest/string.h"
#include "guest/trace.h"

#define REFERENCES 2 /* the creator's and the scheduler's */

static struct atomic last_pid; /* 0 is every idle task's */

/* A task leaves the list with its last reference. */
static DEFINE_RAW_SPINLOCK(all_lock);
static struct list all_tasks = LIST_INIT(all_tasks);

/* The youngest last. A spinner may still be looking at the on_cpu of one (mutex.c). */
static struct list retired_tasks = LIST_INIT(retired_tasks);

static void
list_task(struct task *task)
{
	unsigned long flags = raw_spin_lock_irqsave(&all_lock);

	list_add_tail(&all_tasks, &task->all_node);
	raw_spin_unlock_irqrestore(&all_lock, flags);
}

/* Out of the list, and kept for the next task to come. */
static void
retire_task(struct task *task)
{
	unsigned long flags = raw_spin_lock_irqsave(&all_lock);

	list_remove(&task->all_node);
	if (bug(TASK_MEMORY_REUSED)) {
		object_free(task, sizeof(*task));
	} else {
		list_add_tail(&retired_tasks, &task->all_node);
	}
	raw_spin_unlock_irqrestore(&all_lock, flags);
}

static struct task *
take_retired_task(void)
{
	unsigned long flags = raw_spin_lock_irqsave(&all_lock);
	struct task *task = NULL;

	if (!list_empty(&retired_tasks)) {
		task = container_of(retired_tasks.prev, struct task, all_node);
		list_remove(&task->all_node);
	}
	raw_spin_unlock_irqrestore(&all_lock, flags);
	return task;
}

/* A listed task may be past its last reference, on its way out of the list. */
static bool
try_get(struct task *task)
{
	uint32_t references = atomic_load(&task->refcount);

	while (references != 0) { /* bounded: one turn more for each change by another cpu */
		if (atomic_try_cmpxchg(&task->refcount, &references, references + 1)) {
			return true;
		}
	}
	return false;
}

/* The next task behind this node, with a reference, or NULL. */
static struct task *
next_listed(const struct list *node)
{
	unsigned long flags = raw_spin_lock_irqsave(&all_lock);
	struct task *found = NULL;

	for (node = node->next; node != &all_tasks && found == NULL; node = node->next) {
		struct task *task = container_of(node, struct task, all_node);

		found = try_get(task) ? task : NULL;
	}
	raw_spin_unlock_irqrestore(&all_lock, flags);
	return found;
}

void
task_for_each(void (*each)(struct task *task, void *cookie), void *cookie)
{
	struct task *task;

	ASSERT(preempt_count() == 0);
	ASSERT(!arch_irqs_disabled());
	task = next_listed(&all_tasks);
	while (task != NULL) { /* bounded: the list's length */
		struct task *next;

		each(task, cookie);
		next = next_listed(&task->all_node);
		task_put(task);
		task = next;
	}
}

/* All but on_cpu, which is 0. */
static void
clear_task(struct task *task)
{
	size_t behind = offsetof(struct task, on_cpu) + sizeof(task->on_cpu);

	memset(task, 0, offsetof(struct task, on_cpu));
	memset((char *)task + behind, 0, sizeof(*task) - behind);
}

static struct task *
alloc_task(const char *comm)
{
	struct task *task = take_retired_task();
	void *stack;

	if (task != NULL) {
		clear_task(task);
	} else {
		task = object_alloc(sizeof(*task));
	}
	if (task == NULL) {
		return NULL;
	}
	list_init(&task->all_node);
	stack = stack_alloc();
	if (stack == NULL) {
		retire_task(task);
		return NULL;
	}
	task->stack = stack;
	task->rcu_nesting = RCU_NO_SPECIAL;
	LOCKDEP_INIT(&task->pi_lock, LD_WAIT_SPIN);
	LOCKDEP_INIT(&task->siglock, LD_WAIT_SPIN);
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
	atomic_store(&task->cpu,
	             raw_smp_processor_id()); /* a hint: it is placed when it is woken */
	atomic_store(&task->state, TASK_NEW);
	if (bug(LISTED_EARLY)) {
		list_task(task);
	}
	if (bug(NOTIFIER_INHERITED)) {
		task->preempt_notifiers = current->preempt_notifiers;
	}
	sched_init_task(task, params);
	arch_task_init(task, params->fn, params->arg);
	if (!bug(LISTED_EARLY)) {
		list_task(task); /* others find it whole, or not (b1e8206582f9) */
	}
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
task_get(struct task *task)
{
	uint32_t references = atomic_fetch_add(&task->refcount, 1);

	ASSERT(references != 0);
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
		kthread_free(task->kthread);
		retire_task(task);
	}
}

struct task *
task_run(const struct task_params *params)
{
	struct task *task = task_create(params);

	if (task == NULL) {
		panic("no memory for task %s", params->comm);
	}
	wake_up_new_task(task);
	return task;
}

/* Linux's schedule_tail: the switch that brought us here took the count to 2. */
void
task_entry(struct task *prev, void (*fn)(void *), void *arg)
{
	sched_finish_switch(prev);
	if (!bug(FIRST_RUN_LEAK)) {
		preempt_enable();
	}
	ASSERT(preempt_count() == 0);
	fn(arg);
	task_exit();
}

void
task_check_end(void)
{
	if (preempt_count() != 0) {
		panic("task %s, pid %u, ends with preempt_count %08x", current->comm, current->pid,
		      preempt_count());
	}
	ASSERT(!arch_irqs_disabled());
	lockdep_check_exit();
}

void
task_exit(void)
{
	struct task *task = current;

	task_check_end();
	preempt_notifier_check_exit();
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

int
task_join(struct task *task)
{
	int status;

	wait_for_completion(&task->exited);
	status = task->exit_status;
	task_put(task);
	return status;
}
