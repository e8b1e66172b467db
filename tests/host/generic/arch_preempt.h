// SPDX-License-Identifier: ISC
/*
 * The preempt counter as Linux's asm-generic has it: a word of the task, nothing folded in; the
 * task's own flag is asked instead. An operation is a load and a store, not one step: an interrupt
 * in between leaves the count as it found it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/percpu.h"
#include "guest/preempt_count.h"

#define HOST_FOLDS  false /* the need-resched bit is part of the count */
#define HOST_PACKED false

/* Of the running task; a cpu's idle task has the word that the cpu booted with. */
DECLARE_PER_CPU(uint32_t *, preempt_count_at);

/* The running task's TIF_NEED_RESCHED. */
bool counter_need_resched(void);

/* Its address cannot change under the task that asks. */
static inline uint32_t *
preempt_count_word(void)
{
	return this_cpu_read(preempt_count_at);
}

static inline uint32_t
preempt_count(void)
{
	return *preempt_count_word();
}

static inline uint32_t
preempt_count_raw(void)
{
	return preempt_count() | (counter_need_resched() ? 0 : PREEMPT_NEED_RESCHED);
}

static inline void
preempt_count_set(uint32_t count)
{
	*preempt_count_word() = count;
}

static inline void
__preempt_count_add(uint32_t value)
{
	uint32_t count = preempt_count();

	host_point_local();
	*preempt_count_word() = count + value;
}

static inline void
__preempt_count_sub(uint32_t value)
{
	__preempt_count_add(-value);
}

/* The flag is read after the store: it may have been set since the load. */
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
