// SPDX-License-Identifier: ISC
/*
 * The preempt counter as x86 has it: one word per cpu, with the inverted need-resched bit folded
 * in. Each operation is one step.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/bug.h"
#include "guest/percpu.h"
#include "guest/preempt_count.h"

#define HOST_FOLDS  true /* the need-resched bit is part of the count */
#define HOST_PACKED false

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

/* Keeps the folded bit: an interrupt may fold between the load and the compare-exchange. */
static inline void
preempt_count_set(uint32_t count)
{
	uint32_t old;
	uint32_t new;

	do { /* bounded: one turn more for each interrupt that folds here */
		old = preempt_count_raw();
		new = (bug(PLAIN_COUNT_SET) ? PREEMPT_ENABLED : old & PREEMPT_NEED_RESCHED) | count;
		host_point_local();
	} while (HOST_PER_CPU(preempt_count_word) != old && !bug(PLAIN_COUNT_SET));
	HOST_PER_CPU(preempt_count_word) = new;
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
	if (bug(TWO_STEP_COUNT)) {
		uint32_t *word = raw_cpu_ptr(&preempt_count_word);

		host_point_local();
		return *word += value;
	}
	return this_cpu_fetch_add(preempt_count_word, value) + value;
}

static inline bool
__preempt_count_dec_and_test(void)
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

static inline void
arch_preempt_schedule_notrace(void)
{
	void preempt_schedule_notrace(void);

	preempt_schedule_notrace();
}
