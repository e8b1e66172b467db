// SPDX-License-Identifier: ISC
#include "guest/preempt.h"

#include "guest/sched.h"
#include "guest/task.h"
#include "tests/host/counter.h"

static union packed_count boot_counts[HOST_CPUS_MAX] = {
	[0 ... HOST_CPUS_MAX - 1] = { .count = INIT_PREEMPT_COUNT, .need_resched = 1 }
};

DEFINE_PER_CPU(union packed_count *, preempt_count_at) = &boot_counts[0];

void
counter_init_cpu(unsigned int cpu)
{
	per_cpu(preempt_count_at, cpu) = &boot_counts[cpu];
}

void
counter_init_task(struct arch_task *task)
{
	union packed_count first = { .count = FORK_PREEMPT_COUNT, .need_resched = 1 };

	task->count = first.word;
	task->count_at = &task->count;
}

uint32_t
counter_peek(void)
{
	return packed_raw(*HOST_PER_CPU(preempt_count_at));
}

/* The flag is of the task that is left: it has been cleared; that of the next one is clear. */
void
counter_switch(struct arch_task *prev, const struct arch_task *next)
{
	prev->count_at = this_cpu_read(preempt_count_at);
	this_cpu_write(preempt_count_at, next->count_at);
}
