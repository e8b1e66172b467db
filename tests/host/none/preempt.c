// SPDX-License-Identifier: ISC
#include "guest/preempt.h"

#include "guest/task.h"
#include "tests/host/counter.h"

DEFINE_PER_CPU(uint32_t, preempt_count_word) = INIT_PREEMPT_COUNT;

/* Before the boot code is a task, there is nobody to ask. */
bool
counter_need_resched(void)
{
	const struct task *task = current;

	return task != NULL && (atomic_load(&task->flags) & TIF_NEED_RESCHED);
}

void
counter_init_cpu(unsigned int cpu)
{
	(void)cpu;
}

void
counter_init_task(struct arch_task *task)
{
	(void)task;
}

uint32_t
counter_peek(void)
{
	const struct task *task = HOST_PER_CPU(current_task);
	bool asked = task != NULL && (task->flags.value & TIF_NEED_RESCHED);

	return HOST_PER_CPU(preempt_count_word) | (asked ? 0 : PREEMPT_NEED_RESCHED);
}

void
counter_switch(struct arch_task *prev, const struct arch_task *next)
{
	(void)prev;
	(void)next;
}
