// SPDX-License-Identifier: ISC
/*
 * Read-copy-update, preemptible: readers that cost next to nothing, and updaters who wait until
 * every reader that could still see what they unlinked is gone. Follows Linux 6.18's
 * include/linux/rcupdate.h, with PREEMPT_RCU.
 *
 * A reader is what lies between rcu_read_lock() and rcu_read_unlock(), which nest; and any code
 * with preemption, bottom halves or interrupts off. Readers that overlap are one. A reader may be
 * preempted, but may not sleep: that stops debug images, as it warns in Linux. cond_resched() in a
 * reader is a preemption, in the models that have it: the reader goes on being waited for.
 * might_sleep() in a reader is an error in each image.
 *
 * The nesting is the task's, interrupts that it takes included. It is one word with the inverted
 * bit RCU_NO_SPECIAL folded in, as preempt_count has its request: the outermost unlock that has
 * something to do is one decrement that comes to zero.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/bottom_half.h"
#include "guest/context_tracking.h"
#include "guest/llist.h"
#include "guest/lockdep.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/task.h"

/* task->rcu_nesting: clear says that the outermost unlock has something to do. */
#define RCU_NO_SPECIAL 0x80000000u

struct rcu_head {
	struct llist_node node;
	void (*fn)(struct rcu_head *head);
};

/* Of all readers by rcu_read_lock(). What may not be in one has reports of its own. */
extern struct lockdep_map rcu_lock_map;

/* How many readers deep current is, by rcu_read_lock(). Any context. */
static inline uint32_t
rcu_preempt_depth(void)
{
	return current->rcu_nesting & ~RCU_NO_SPECIAL;
}

/* rcu_read.c: the rest of an outermost unlock. */
void rcu_read_unlock_special(void);

/* Any context in which RCU watches. */
static inline void
rcu_read_lock(void)
{
	CT_CHECK_WATCHING();
	local_inc(&current->rcu_nesting);
	lock_map_acquire_read(&rcu_lock_map);
	barrier();
}

/* Any context, in the one of its rcu_read_lock(); the scheduler's locks may be held. */
static inline void
rcu_read_unlock(void)
{
	if (CONFIG_DEBUG) {
		uint32_t depth = rcu_preempt_depth();

		ASSERT(depth != 0);
	}
	lock_map_release(&rcu_lock_map);
	barrier();
	if (__builtin_expect(local_dec_and_test(&current->rcu_nesting), 0)) {
		rcu_read_unlock_special();
	}
}

/* A reader by preemption alone. Any context in which RCU watches. */
static inline void
rcu_read_lock_sched(void)
{
	CT_CHECK_WATCHING();
	preempt_disable();
}

static inline void
rcu_read_unlock_sched(void)
{
	preempt_enable();
}

/* A reader by bottom halves alone. Any context but hardirq in which RCU watches. */
static inline void
rcu_read_lock_bh(void)
{
	CT_CHECK_WATCHING();
	local_bh_disable();
}

/* Not in hardirq, irqs on. */
static inline void
rcu_read_unlock_bh(void)
{
	local_bh_enable();
}

/*
 * Of a struct atomic_ptr: publishes what v points to, and reads it in a reader. The compiler knows
 * no order by dependency, so the load is an acquire.
 */
#define rcu_assign_pointer(p, v) atomic_store_release(p, v)
#define rcu_dereference(p)       atomic_load_acquire(p)

/*
 * Returns when every reader that had begun before is over: a full barrier before it looks, and
 * behind its last look. May sleep; not in a reader. A few ticks, or, expedited, by an interrupt of
 * each cpu that may hold a reader.
 */
void synchronize_rcu(void);
void synchronize_rcu_expedited(void);

/*
 * Has fn(head) called once, after every reader is over that had begun before: in a task, with
 * preemption off, in the order of the calls. It may free head. Any context.
 */
void call_rcu(struct rcu_head *head, void (*fn)(struct rcu_head *head));

/* Returns when every callback is done that was queued before. May sleep. */
void rcu_barrier(void);

/* The task that calls back. Boot, when tasks can be made, before any of the above. */
void rcu_init(void);

/* ---- for the scheduler, interrupts and idle ---- */

/*
 * task, current, enters the scheduler as a reader, or with something left to do for one. voluntary:
 * by itself. irqs off.
 */
void rcu_note_schedule(struct task *task, bool voluntary);

/*
 * A tick, and the interrupt by which an expedited grace period asks: this cpu says whether the
 * interrupted code was a reader, or sees to it that its end is noticed. hardirq, no lock held.
 */
void rcu_tick(void);
void rcu_answer(void);

DECLARE_PER_CPU(bool, rcu_wakeup_deferred);
void rcu_do_deferred_wakeup(void);

/*
 * Wakes who calls back, if that had to be put off. Before the last look for a request of whoever is
 * about to leave the kernel or to halt. irqs off, no lock held.
 */
static inline void
rcu_flush_deferred_wakeup(void)
{
	if (__builtin_expect(this_cpu_read(rcu_wakeup_deferred), 0)) {
		rcu_do_deferred_wakeup();
	}
}

/* A grace period this many ticks old says once who holds it up; 0: never. */
extern uint32_t rcu_stall_ticks;
