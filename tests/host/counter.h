// SPDX-License-Identifier: ISC
/*
 * What a variant of the preempt counter does at the birth of a task and at a switch: machine code
 * calls it, folded/ and generic/ each have one.
 */
#pragma once

#include <stdint.h>

struct arch_task;

/* Before the first code of this cpu runs. */
void counter_init_cpu(unsigned int cpu);

/* The count of a task that has not run is FORK_PREEMPT_COUNT. */
void counter_init_task(struct arch_task *task);

/* preempt_count_raw() of this cpu, which is no point: for trace records. */
uint32_t counter_peek(void);

/* prev is left for next on this cpu. irqs off. */
void counter_switch(struct arch_task *prev, const struct arch_task *next);
