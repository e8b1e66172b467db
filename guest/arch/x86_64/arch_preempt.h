// SPDX-License-Identifier: ISC
/*
 * The preempt counter on x86-64: one word per cpu at a GS offset, with the inverted need-resched
 * bit folded in as bit 31. Only the owning cpu writes it, so no operation carries a lock prefix.
 * Follows Linux's arch/x86/include/asm/preempt.h. All any context.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/bug.h"
#include "guest/percpu.h"
#include "guest/preempt_count.h"

DECLARE_PER_CPU(uint32_t, preempt_count_word);

/* The word itself: 0 means that nothing forbids preemption and somebody asked for it. */
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

/* Keeps the folded bit: an interrupt may fold between the load and the store. */
static inline void
preempt_count_set(uint32_t count)
{
	uint32_t old = preempt_count_raw();
	bool done;

	do {
		uint32_t kept = bug(PLAIN_COUNT_SET) ? PREEMPT_ENABLED : old & PREEMPT_NEED_RESCHED;
		uint32_t new = kept | count;

		__asm__ volatile("cmpxchgl %3, %%gs:%1"
		                 : "=@ccz"(done), "+m"(preempt_count_word), "+a"(old)
		                 : "r"(new)
		                 : "memory");
	} while (!done); /* bounded: one turn more for each interrupt that folds here */
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

/* Adds, and returns the word after it. One instruction. */
static inline uint32_t
__preempt_count_add_return(uint32_t value)
{
	uint32_t old = value;

	if (bug(TWO_STEP_COUNT)) {
		uint32_t *word = raw_cpu_ptr(&preempt_count_word);

		barrier();
		return *word += value;
	}
	__asm__ volatile("xaddl %0, %%gs:%1"
	                 : "+r"(old), "+m"(preempt_count_word)
	                 :
	                 : "memory", "cc");
	return old + value;
}

/* Decrements by one; true iff the word is 0 then: outermost, and need-resched folded. */
static inline bool
__preempt_count_dec_and_test(void)
{
	bool zero;

	__asm__ volatile("decl %%gs:%1" : "=@ccz"(zero), "+m"(preempt_count_word) : : "memory");
	return zero;
}

static inline void
set_preempt_need_resched(void)
{
	__asm__ volatile("andl %1, %%gs:%0"
	                 : "+m"(preempt_count_word)
	                 : "i"(~PREEMPT_NEED_RESCHED)
	                 : "cc");
}

static inline void
clear_preempt_need_resched(void)
{
	__asm__ volatile("orl %1, %%gs:%0"
	                 : "+m"(preempt_count_word)
	                 : "i"(PREEMPT_NEED_RESCHED)
	                 : "cc");
}

static inline bool
test_preempt_need_resched(void)
{
	return !(preempt_count_raw() & PREEMPT_NEED_RESCHED);
}

/* True iff the depth is exactly `offset` and need-resched is folded. */
static inline bool
should_resched(uint32_t offset)
{
	return preempt_count_raw() == offset;
}

/* preempt_schedule() through a thunk that keeps every register: preempt_enable() is inline. */
static inline void
arch_preempt_schedule(void)
{
	__asm__ volatile("call preempt_schedule_thunk" ::: "memory", "cc");
}

static inline void
arch_preempt_schedule_notrace(void)
{
	__asm__ volatile("call preempt_schedule_notrace_thunk" ::: "memory", "cc");
}
