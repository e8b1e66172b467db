// SPDX-License-Identifier: ISC
/*
 * preempt_disable() and preempt_enable(), the predicates of the counter, and the points at which
 * the preemption model decides. Follows Linux 6.18's include/linux/preempt.h.
 *
 * In debug images each change of the count goes through preempt_debug.c, which stops the kernel at
 * the first wrong one, and remembers where the outermost disable was.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/bug.h"
#include "guest/preempt_count.h"

#include "arch_preempt.h"
#include "guest/arch.h"

struct raw_spinlock;

static inline bool
in_nmi(void)
{
	return preempt_count() & NMI_MASK;
}

static inline bool
in_hardirq(void)
{
	return preempt_count() & HARDIRQ_MASK;
}

/* Executing a softirq's handler; softirq_count() is also that of code with bottom halves off. */
static inline bool
in_serving_softirq(void)
{
	return preempt_count() & SOFTIRQ_OFFSET;
}

static inline uint32_t
softirq_count(void)
{
	return preempt_count() & SOFTIRQ_MASK;
}

/* Of interrupts of all kinds, code with bottom halves off included. */
static inline uint32_t
irq_count(void)
{
	return preempt_count() & (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_MASK);
}

/* Task context, with bottom halves on or off. */
static inline bool
in_task(void)
{
	return !(preempt_count() & (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_OFFSET));
}

/* 0 task, 1 softirq, 2 hardirq, 3 NMI. */
static inline unsigned int
interrupt_context_level(void)
{
	uint32_t count = preempt_count();

	return !!(count & NMI_MASK) + !!(count & (NMI_MASK | HARDIRQ_MASK)) +
	       !!(count & (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_OFFSET));
}

static inline bool
in_atomic(void)
{
	return preempt_count() != 0;
}

/* May a preemption happen here? Never where the count does not tell. */
static inline bool
preemptible(void)
{
	return CONFIG_PREEMPT_COUNT && preempt_count() == 0 && !arch_irqs_disabled();
}

/* preempt_debug.c, debug images: the same, and a panic at the first impossible count. */
void preempt_count_add_checked(uint32_t value);
bool preempt_count_sub_checked(uint32_t value); /* is the word 0 then? */

/*
 * Where the outermost disable that is still in force was called, 0: unknown, or none is. Debug
 * images know it. Any context.
 */
uintptr_t preempt_disable_ip(void);

/* Any amount, fields as in preempt_count.h. Any context. */
static inline void
preempt_count_add(uint32_t value)
{
	if (CONFIG_DEBUG) {
		preempt_count_add_checked(value);
	} else {
		__preempt_count_add(value);
	}
}

static inline void
preempt_count_sub(uint32_t value)
{
	if (CONFIG_DEBUG) {
		preempt_count_sub_checked(value);
	} else {
		__preempt_count_sub(value);
	}
}

/* Decrements by one; true iff that was the outermost, and a reschedule is folded. */
static inline bool
preempt_count_dec_and_test(void)
{
	return CONFIG_DEBUG ? preempt_count_sub_checked(PREEMPT_OFFSET)
	                    : __preempt_count_dec_and_test();
}

/* Any context. Nests to 244, below the width of the field as in Linux. Pins the caller to this cpu.
 */
static inline void
preempt_disable(void)
{
	if (CONFIG_PREEMPT_COUNT) {
		preempt_count_add(PREEMPT_OFFSET);
	}
	barrier();
}

/*
 * Undoes one preempt_disable(). The outermost one, with irqs on and a reschedule folded, schedules
 * before it returns if the model preempts the kernel (full, lazy).
 */
static inline void
preempt_enable(void)
{
	bool asked = bug(TEST_BEFORE_ENABLE) && test_preempt_need_resched();

	barrier();
	if (!CONFIG_PREEMPT_COUNT) {
		return;
	}
	if (bug(TEST_BEFORE_ENABLE)) {
		preempt_count_sub(PREEMPT_OFFSET);
		if (!asked) {
			return;
		}
		arch_preempt_schedule();
	} else if (__builtin_expect(preempt_count_dec_and_test(), 0)) {
		arch_preempt_schedule();
	}
}

/* The caller reaches a schedule point itself, at once. */
static inline void
preempt_enable_no_resched(void)
{
	barrier();
	if (CONFIG_PREEMPT_COUNT) {
		preempt_count_sub(PREEMPT_OFFSET);
	}
}

/* The same three for tracers: unchecked and unrecorded, so that what records them may call them. */
static inline void
preempt_disable_notrace(void)
{
	if (CONFIG_PREEMPT_COUNT) {
		__preempt_count_add(PREEMPT_OFFSET);
	}
	barrier();
}

static inline void
preempt_enable_notrace(void)
{
	barrier();
	if (CONFIG_PREEMPT_COUNT && __builtin_expect(__preempt_count_dec_and_test(), 0)) {
		arch_preempt_schedule_notrace();
	}
}

static inline void
preempt_enable_no_resched_notrace(void)
{
	barrier();
	if (CONFIG_PREEMPT_COUNT) {
		__preempt_count_sub(PREEMPT_OFFSET);
	}
}

/* This cpu's number, and staying on it until put_cpu(). Any context. */
static inline unsigned int
get_cpu(void)
{
	preempt_disable();
	return smp_processor_id();
}

static inline void
put_cpu(void)
{
	preempt_enable();
}

/*
 * Slow halves of preempt_enable() and preempt_enable_notrace(). Return without a switch unless
 * preemptible() and the model preempts.
 */
void preempt_schedule(void);
void preempt_schedule_notrace(void);

/*
 * The preemption of interrupted kernel code, policy: the word that allowed it. Count 0 and irqs
 * off, at entry and at exit.
 */
void preempt_schedule_irq(uint32_t policy);

/*
 * The return from an interrupt to kernel code that had irqs on and was not idle: switches if the
 * count is 0, a reschedule is folded, and the model preempts. irqs off at entry and at exit.
 */
void irqentry_exit_cond_resched(void);

/*
 * A point in a long loop that may be given up. Returns whether it switched. Models none and
 * voluntary; under full and lazy it is nothing. Task context; with irqs off or in atomic it does
 * nothing.
 */
bool cond_resched(void);

/*
 * The same in a loop that holds a lock: drops it if a reschedule is due, or, in a model that
 * preempts the kernel, if somebody waits for it; takes it again. Returns whether it dropped it.
 * Count 1, by this lock; irqs on.
 */
bool cond_resched_lock(struct raw_spinlock *lock);

/*
 * The caller may sleep below: count 0, irqs on, state running, not idle, else panic. Under
 * voluntary it is a preemption point.
 */
void might_sleep(void);

/*
 * The same on fast paths: images without debug look at the counter's word alone, which tells of an
 * atomic section and of a request, and leave the rest to might_sleep() where the path is slow.
 */
static inline void
might_sleep_fast(void)
{
	if (CONFIG_DEBUG || __builtin_expect(preempt_count_raw() != PREEMPT_ENABLED, 0)) {
		might_sleep();
	}
}
