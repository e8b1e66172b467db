// SPDX-License-Identifier: ISC
/*
 * struct local_lock, Linux's local_lock_t: a name for what preempt_disable() guards, and
 * arch_irq_disable() in its other forms: a per-CPU variable's data, against others on its cpu. Each
 * cpu has a lock beside the data. In this kernel it costs nothing more; debug images know the owner
 * and stop if there is one. Follows Linux 6.18's include/linux/local_lock_internal.h, without RT.
 *
 * Arguments are the per-CPU variable's own address (&name, not this_cpu_ptr(&name)).
 */
#pragma once

#include "guest/hold.h"
#include "guest/lockdep.h"
#include "guest/panic.h"
#include "guest/percpu.h"
#include "guest/task.h"

struct local_lock {
	struct task *owner; /* debug images: who is in; an interrupt is its task */
	struct lockdep_map dep_map;
};

#define INIT_LOCAL_LOCK(name)                                 \
	{                                                     \
		NULL, LOCKDEP_MAP_INIT(#name, LD_WAIT_CONFIG) \
	}

/* The caller is pinned to the cpu: after the begin, before the end of the holding. */
static inline void
local_lock_enter(struct local_lock *lock)
{
	if (CONFIG_DEBUG) {
		struct local_lock *own = this_cpu_ptr(lock);

		ASSERT(own->owner == NULL);
		lock_acquire_exclusive(&own->dep_map, 0, false, 0);
		own->owner = current;
	}
}

static inline void
local_lock_leave(struct local_lock *lock)
{
	if (CONFIG_DEBUG) {
		struct local_lock *own = this_cpu_ptr(lock);

		ASSERT(own->owner == current);
		lock_release(&own->dep_map, 0);
		own->owner = NULL;
	}
}

/* Against other tasks of this cpu. Task context. */
static inline void
local_lock(struct local_lock *lock)
{
	hold_begin();
	local_lock_enter(lock);
}

static inline void
local_unlock(struct local_lock *lock)
{
	local_lock_leave(lock);
	hold_end();
}

/* Against interrupts of this cpu too. Any context but NMI; _irq: irqs on. */
static inline void
local_lock_irq(struct local_lock *lock)
{
	hold_begin_irq();
	local_lock_enter(lock);
}

static inline void
local_unlock_irq(struct local_lock *lock)
{
	local_lock_leave(lock);
	hold_end_irq();
}

static inline unsigned long
local_lock_irqsave(struct local_lock *lock)
{
	unsigned long flags = hold_begin_irqsave();

	local_lock_enter(lock);
	return flags;
}

static inline void
local_unlock_irqrestore(struct local_lock *lock, unsigned long flags)
{
	local_lock_leave(lock);
	hold_end_irqrestore(flags);
}
