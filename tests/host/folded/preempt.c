// SPDX-License-Identifier: ISC
#include "guest/preempt.h"

#include "tests/host/counter.h"

DEFINE_PER_CPU(uint32_t, preempt_count_word) = INIT_PREEMPT_COUNT | PREEMPT_ENABLED;

/* The word stays with the cpu. */
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
	return HOST_PER_CPU(preempt_count_word);
}

void
counter_switch(struct arch_task *prev, const struct arch_task *next)
{
	(void)prev;
	(void)next;
}
