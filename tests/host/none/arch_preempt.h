// SPDX-License-Identifier: ISC
/*
 * A kernel without PREEMPT_COUNT: preempt_disable() is nothing, the count tells of interrupts only,
 * and nothing is folded. Such a kernel is never preempted but where it says so itself.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/percpu.h"
#include "guest/preempt_count.h"

#define HOST_FOLDS  false /* the need-resched bit is part of the count */
#define HOST_PACKED false

/* Zero whenever a task is switched, so it may stay with the cpu. */
DECLARE_PER_CPU(uint32_t, preempt_count_word);

/* The running task's TIF_NEED_RESCHED. */
bool counter_need_resched(void);

static inline uint32_t
preempt_count(void)
{
	return this_cpu_read(preempt_count_word);
}

static inline uint32_t
preempt_count_raw(void)
{
	return preempt_count() | (counter_need_resched() ? 0 : PREEMPT_NEED_RESCHED);
}

static inline void
preempt_count_set(uint32_t count)
{
	this_cpu_write(preempt_count_word, count);
}

static inline void
__preempt_count_add(uint32_t value)
{
	this_cpu_add(preempt_count_word, value);
}

static inline void
__preempt_count_sub(uint32_t value)
{
	this_cpu_add(preempt_count_word, -value);
}

static inline uint32_t
__preempt_count_add_return(uint32_t value)
{
	__preempt_count_add(value);
	return preempt_count_raw();
}

static inline bool
should_resched(uint32_t offset)
{
	return preempt_count() == offset && counter_need_resched();
}

static inline bool
__preempt_count_dec_and_test(void)
{
	__preempt_count_sub(1);
	return should_resched(0);
}

static inline void
set_preempt_need_resched(void)
{
}

static inline void
clear_preempt_need_resched(void)
{
}

static inline bool
test_preempt_need_resched(void)
{
	return counter_need_resched();
}

/* preempt_enable() never asks. */
static inline void
arch_preempt_schedule(void)
{
}

static inline void
arch_preempt_schedule_notrace(void)
{
}
