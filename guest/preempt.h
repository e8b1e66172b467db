// SPDX-License-Identifier: ISC
/*
 * preempt_disable() and preempt_enable(), the predicates of the counter, and the points at which
 * the preemption model decides. Follows Linux 6.18's include/linux/preempt.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/preempt_count.h"

#include "arch_preempt.h"
#include "guest/arch.h"

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

/* Task context, with bottom halves on or off. */
static inline bool
in_task(void)
{
	return !(preempt_count() & (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_OFFSET));
}

static inline bool
in_atomic(void)
{
	return preempt_count() != 0;
}

static inline bool
preemptible(void)
{
	return preempt_count() == 0 && !arch_irqs_disabled();
}

/* Any context. Nests to 255. Pins the caller to this cpu. */
static inline void
preempt_disable(void)
{
	preempt_count_add(PREEMPT_OFFSET);
	barrier();
}

/*
 * Undoes one preempt_disable(). The outermost one, with irqs on and a reschedule folded, schedules
 * before it returns if the model preempts the kernel (full).
 */
static inline void
preempt_enable(void)
{
	barrier();
	if (__builtin_expect(preempt_count_dec_and_test(), 0)) {
		arch_preempt_schedule();
	}
}

/* The caller reaches a schedule point itself, at once. */
static inline void
preempt_enable_no_resched(void)
{
	barrier();
	preempt_count_sub(PREEMPT_OFFSET);
}

/*
 * Slow half of preempt_enable(). Returns without a switch unless preemptible() and the model
 * preempts.
 */
void preempt_schedule(void);

/*
 * The return from an interrupt to kernel code that had irqs on and was not idle: switches if the
 * count is 0, a reschedule is folded, and the model preempts. irqs off at entry and at exit.
 */
void irqentry_exit_cond_resched(void);

/*
 * A point in a long loop that may be given up. Returns whether it switched. Models none and
 * voluntary; under full it is nothing. Task context; with irqs off or in atomic it does nothing.
 */
bool cond_resched(void);

/*
 * The caller may sleep below: count 0, irqs on, state running, not idle, else panic. Under
 * voluntary it is a preemption point.
 */
void might_sleep(void);
