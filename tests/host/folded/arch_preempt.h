// SPDX-License-Identifier: ISC
/*
 * The preempt counter as x86 has it: one word per cpu, with the inverted need-resched bit folded
 * in. Each operation is one step.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/percpu.h"
#include "guest/preempt_count.h"

#define HOST_FOLDS true /* the need-resched bit is part of the count */

DECLARE_PER_CPU(uint32_t, preempt_count_word);

static inline uint32_t
preempt_count_raw(void)
{
	return this_cpu_read(preempt_count_word);
}

static inline uint32_t
preempt_count(void)
{
	return preempt_count_raw() & ~PREEMPT_NEED_RESCHED;
}

/* A compare-exchange: an interrupt that folds comes before or after it. */
static inline void
preempt_count_set(uint32_t count)
{
	host_point_local();
	HOST_PER_CPU(preempt_count_word) =
		(HOST_PER_CPU(preempt_count_word) & PREEMPT_NEED_RESCHED) | count;
}

static inline void
preempt_count_add(uint32_t value)
{
	this_cpu_add(preempt_count_word, value);
}

static inline void
preempt_count_sub(uint32_t value)
{
	this_cpu_add(preempt_count_word, -value);
}

static inline bool
preempt_count_dec_and_test(void)
{
	return this_cpu_fetch_add(preempt_count_word, -1u) == 1;
}

static inline void
set_preempt_need_resched(void)
{
	host_point_local();
	HOST_PER_CPU(preempt_count_word) &= ~PREEMPT_NEED_RESCHED;
}

static inline void
clear_preempt_need_resched(void)
{
	host_point_local();
	HOST_PER_CPU(preempt_count_word) |= PREEMPT_NEED_RESCHED;
}

static inline bool
test_preempt_need_resched(void)
{
	return !(preempt_count_raw() & PREEMPT_NEED_RESCHED);
}

static inline bool
should_resched(uint32_t offset)
{
	return preempt_count_raw() == offset;
}

static inline void
arch_preempt_schedule(void)
{
	void preempt_schedule(void);

	preempt_schedule();
}
