// SPDX-License-Identifier: ISC
/*
 * What the holder of a spinning lock has off, whatever the kind of lock: preemption, and with it
 * interrupts or bottom halves. The orders are said here once, as Linux 6.18 has them
 * (include/linux/spinlock_api_smp.h):
 *
 *   begin   interrupts, then preemption; the lock is taken after it
 *   end     the lock has been released; interrupts as they were, then preemption, so that a request
 *           that came meanwhile is answered there
 *
 * Each end is a preemption point like preempt_enable().
 */
#pragma once

#include "guest/bottom_half.h"
#include "guest/bug.h"
#include "guest/preempt.h"

/* Any context. */
static inline void
hold_begin(void)
{
	preempt_disable();
}

static inline void
hold_end(void)
{
	preempt_enable();
}

/* Any context; end: of a begin with interrupts on. */
static inline void
hold_begin_irq(void)
{
	arch_irq_disable();
	preempt_disable();
}

static inline void
hold_end_irq(void)
{
	if (bug(UNLOCK_BEFORE_IRQS)) {
		preempt_enable();
		arch_irq_enable();
		return;
	}
	arch_irq_enable();
	preempt_enable();
}

/* Any context. Returns what end restores. */
static inline unsigned long
hold_begin_irqsave(void)
{
	unsigned long flags = arch_irq_save();

	if (bug(IRQSAVE_LEAVES_IRQS_ON)) {
		arch_irq_restore(flags);
	}
	preempt_disable();
	return flags;
}

static inline void
hold_end_irqrestore(unsigned long flags)
{
	if (bug(UNLOCK_BEFORE_IRQS)) {
		preempt_enable();
		arch_irq_restore(flags);
		return;
	}
	arch_irq_restore(flags);
	preempt_enable();
}

/* Both in one step. Not in hardirq; end: irqs on. */
static inline void
hold_begin_bh(void)
{
	local_bh_disable_by(SOFTIRQ_LOCK_OFFSET);
}

static inline void
hold_end_bh(void)
{
	local_bh_enable_by(SOFTIRQ_LOCK_OFFSET);
}
