// SPDX-License-Identifier: ISC
/*
 * What readers do that is not free: to be preempted, and to answer a grace period that waits for
 * their cpu. Nobody is woken here and no lock is taken, so that an unlock may be anywhere, in the
 * scheduler too: grace periods come and look.
 */
#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/rcu_gp.h"
#include "guest/sched.h"

struct lockdep_map rcu_lock_map = LOCKDEP_MAP_INIT_WAIT("rcu_read_lock", LD_WAIT_FREE, LD_WAIT_INV);

static uint32_t
depth_of(const struct task *task)
{
	return task->rcu_nesting & ~RCU_NO_SPECIAL;
}

/* Current is no reader any more, and neither is what it runs in. irqs off. */
static void
leave(struct task *task)
{
	uint32_t blocked = atomic_load(&task->rcu_blocked);

	local_or(&task->rcu_nesting, RCU_NO_SPECIAL);
	if (blocked != 0) {
		atomic_fetch_sub(&rcu_blocked[blocked - 1], 1);
		atomic_store(&task->rcu_blocked, 0);
	}
}

/* Current, a reader, may leave this cpu: it is counted once, until leave(). irqs off. */
static void
enlist(struct task *task)
{
	local_and(&task->rcu_nesting, ~RCU_NO_SPECIAL);
	if (atomic_load(&task->rcu_blocked) == 0) {
		uint32_t index = atomic_load(&rcu_blocked_index);

		atomic_store(&task->rcu_blocked, 1 + index);
		atomic_fetch_add(&rcu_blocked[index], 1);
	}
}

/* This cpu holds no reader at this moment. The question is taken back before it is answered. */
static void
pass_if_asked(void)
{
	struct rcu_cpu *rcu = this_cpu_ptr(&rcu_cpu);

	if (atomic_load(&rcu->asked) != RCU_ASKED_NOTHING) {
		atomic_store(&rcu->asked, RCU_ASKED_NOTHING);
		ct_pass();
	}
}

/* By flag and fold, as for a request on the own cpu, but without the queue's lock. */
static void
request_schedule(struct task *task)
{
	set_tsk_need_resched(task);
	set_preempt_need_resched();
}

/*
 * Code with preemption or interrupts off goes on being a reader: the scheduler, which it comes to
 * as soon as it can, does the rest. An interrupt to ourselves would come back here, without end,
 * and a wakeup could want a lock that we hold.
 */
void
rcu_read_unlock_special(void)
{
	bool may_leave = preemptible() || bug(RCU_LEAVES_EARLY);
	unsigned long flags = arch_irq_save();
	struct task *task = current;

	if (may_leave) {
		leave(task);
		pass_if_asked();
	} else if (!in_nmi()) {
		request_schedule(task);
		if (bug(RCU_UNLOCK_WAKES)) {
			rcu_flush_deferred_wakeup();
		}
	}
	arch_irq_restore(flags);
}

void
rcu_note_schedule(struct task *task, bool voluntary)
{
	ASSERT(arch_irqs_disabled());
	if (depth_of(task) == 0) {
		leave(task);
	} else {
		if (CONFIG_DEBUG && voluntary) {
			panic("an RCU reader sleeps or yields: task %s, pid %u, depth %u",
			      task->comm, task->pid, depth_of(task));
		}
		enlist(task);
	}
	pass_if_asked();
}

/* Without PREEMPT_COUNT nobody knows whether preemption is off: the scheduler will. */
static bool
interrupted_no_reader(const struct task *task)
{
	bool is_on = preempt_count() == HARDIRQ_OFFSET || bug(RCU_COUNT_IGNORED);

	return CONFIG_PREEMPT_COUNT && is_on && depth_of(task) == 0;
}

/* Idle is not asked: its cpu's context changes when the interrupt ends. */
void
rcu_answer(void)
{
	struct task *task = current;
	uint32_t asked = atomic_load(&this_cpu_ptr(&rcu_cpu)->asked);

	ASSERT(in_hardirq());
	if (asked == RCU_ASKED_NOTHING || ct_context() != CT_KERNEL) {
		return;
	}
	if (asked == RCU_ASKED_TO_TELL) {
		rcu_stall_tell();
	}
	if (interrupted_no_reader(task)) {
		leave(task);
		pass_if_asked();
		return;
	}
	local_and(&task->rcu_nesting, ~RCU_NO_SPECIAL);
	if (depth_of(task) == 0) {
		request_schedule(task);
	}
}

void
rcu_tick(void)
{
	rcu_flush_deferred_wakeup();
	rcu_answer();
}
