// SPDX-License-Identifier: ISC
/*
 * The preempt counter as arm64 has it: 64 bits of the task, the count in the low half, the inverted
 * need-resched flag in the high one. The count is loaded and stored in two steps; whether the whole
 * word is 0 is therefore looked at again after the store: an interrupt may have folded in between.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/bug.h"
#include "guest/percpu.h"
#include "guest/preempt_count.h"

#define HOST_FOLDS  true /* the need-resched bit is part of the count */
#define HOST_PACKED true /* in halves */

union packed_count {
	uint64_t word;
	struct {
		uint32_t count;
		uint32_t need_resched; /* 0: wanted */
	};
};

/* Of the running task; a cpu's idle task has the word that the cpu booted with. */
DECLARE_PER_CPU(union packed_count *, preempt_count_at);

/* Its address cannot change under the task that asks. */
static inline union packed_count *
packed_count(void)
{
	return this_cpu_read(preempt_count_at);
}

/* On a big-endian machine assembly once took the other half (7faa313f05ca). */
static inline uint32_t
preempt_count(void)
{
	const union packed_count *packed = packed_count();

	return bug(PACKED_WRONG_HALF) ? packed->need_resched : packed->count;
}

static inline uint32_t
packed_raw(union packed_count packed)
{
	return packed.count | (packed.need_resched ? PREEMPT_NEED_RESCHED : 0);
}

/* As x86 has it in one word, for traces. */
static inline uint32_t
preempt_count_raw(void)
{
	return packed_raw(*packed_count());
}

/* The other half keeps what an interrupt folds. */
static inline void
preempt_count_set(uint32_t count)
{
	packed_count()->count = count;
}

static inline void
__preempt_count_add(uint32_t value)
{
	uint32_t count = packed_count()->count;

	host_point_local();
	packed_count()->count = count + value;
}

static inline void
__preempt_count_sub(uint32_t value)
{
	__preempt_count_add(-value);
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
	return packed_count()->word == offset;
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
	packed_count()->need_resched = 0;
}

static inline void
clear_preempt_need_resched(void)
{
	packed_count()->need_resched = 1;
}

static inline bool
test_preempt_need_resched(void)
{
	return packed_count()->need_resched == 0;
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
