// SPDX-License-Identifier: ISC
/*
 * Points of points.h that are passed alike on the host architecture and inside the machine.
 */
#pragma once

#include "guest/bottom_half.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/spinlock.h"

/* The includer's; held by nobody else. */
extern struct raw_spinlock point_lock;

static inline void
point_preempt_enable(void)
{
	preempt_disable();
	preempt_enable();
}

static inline void
point_preempt_enable_notrace(void)
{
	preempt_disable_notrace();
	preempt_enable_notrace();
}

static inline void
point_spin_unlock(void)
{
	raw_spin_lock(&point_lock);
	raw_spin_unlock(&point_lock);
}

static inline void
point_spin_unlock_irqrestore(void)
{
	unsigned long flags = raw_spin_lock_irqsave(&point_lock);

	raw_spin_unlock_irqrestore(&point_lock, flags);
}

static inline void
point_local_bh_enable(void)
{
	local_bh_disable();
	local_bh_enable();
}

/* Not the lock and unlock around it: those are points of their own. */
static inline void
point_cond_resched_lock(void)
{
	ticket_lock(&point_lock);
	if (CONFIG_PREEMPT_COUNT) {
		preempt_count_add(PREEMPT_OFFSET);
	}
	cond_resched_lock(&point_lock);
	if (CONFIG_PREEMPT_COUNT) {
		preempt_count_sub(PREEMPT_OFFSET);
	}
	ticket_unlock(&point_lock);
}

static inline void
point_schedule_preempt_disabled(void)
{
	preempt_disable();
	schedule_preempt_disabled();
	preempt_enable_no_resched();
}
