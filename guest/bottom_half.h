// SPDX-License-Identifier: ISC
/*
 * Bottom halves off: what softirqs share with tasks is guarded by this on one cpu, and by the _bh
 * forms of the locks among cpus. Linux 6.18's include/linux/bottom_half.h.
 *
 * A disable counts two units of the softirq field, so that its lowest bit tells of a softirq that
 * runs: code with bottom halves off is in_task(), and not preempted.
 */
#pragma once

#include <stdint.h>

#include "guest/bug.h"
#include "guest/preempt.h"

/* Adds to the count: SOFTIRQ_DISABLE_OFFSET or SOFTIRQ_LOCK_OFFSET. Any context but hardirq. */
static inline void
local_bh_disable_by(uint32_t offset)
{
	preempt_count_add(bug(BH_AS_SOFTIRQ) ? offset - SOFTIRQ_OFFSET : offset);
	barrier();
}

/*
 * Undoes it. The outermost one serves the softirqs that are pending, with preemption off; then,
 * with a reschedule folded, it schedules before it returns if the model preempts the kernel (full,
 * lazy). Not in hardirq, irqs on, bottom halves off.
 */
void local_bh_enable_by(uint32_t offset);

/* They nest, to 127. */
static inline void
local_bh_disable(void)
{
	local_bh_disable_by(SOFTIRQ_DISABLE_OFFSET);
}

static inline void
local_bh_enable(void)
{
	local_bh_enable_by(SOFTIRQ_DISABLE_OFFSET);
}

/*
 * The same without serving, and without a switch: for callers at whose end something else looks at
 * what is pending. Not in hardirq, irqs off, bottom halves off.
 */
void _local_bh_enable(void);
