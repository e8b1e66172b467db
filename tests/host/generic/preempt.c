// SPDX-License-Identifier: ISC
#include "guest/preempt.h"

#include "guest/sched.h"
#include "guest/task.h"
#include "tests/host/counter.h"

static uint32_t boot_counts[HOST_CPUS_MAX] = { [0 ... HOST_CPUS_MAX - 1] = INIT_PREEMPT_COUNT };

DEFINE_PER_CPU(uint32_t *, preempt_count_at) = &boot_counts[0];

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
	per_cpu(preempt_count_at, cpu) = &boot_counts[cpu];
}

void
counter_init_task(struct arch_task *task)
{
	task->count = FORK_PREEMPT_COUNT;
	task->count_at = &task->count;
}

uint32_t
counter_peek(void)
{
	const struct task *task = HOST_PER_CPU(current_task);
	bool asked = task != NULL && (task->flags.value & TIF_NEED_RESCHED);

	return *HOST_PER_CPU(preempt_count_at) | (asked ? 0 : PREEMPT_NEED_RESCHED);
}

void
counter_switch(struct arch_task *prev, const struct arch_task *next)
{
	prev->count_at = this_cpu_read(preempt_count_at);
	this_cpu_write(preempt_count_at, next->count_at);
}
