// SPDX-License-Identifier: ISC
/*
 * The points at which the running kernel may be preempted, and what each asks of the model. The
 * switch itself is sched.c's.
 */
#include "guest/preempt.h"

#include "guest/bug.h"
#include "guest/irq_stack.h"
#include "guest/panic.h"
#include "guest/preempt_model.h"
#include "guest/preempt_policy.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/spinlock.h"
#include "guest/task.h"

/* In Linux's order: the counter keeps the loop's tail from preempting itself. */
static void
preempt_current(enum sched_reason reason, uint32_t policy)
{
	do { /* bounded: a turn for each request that came while switched out */
		preempt_disable();
		schedule_preempted(reason, policy);
		preempt_enable_no_resched();
	} while (need_resched());
}

uintptr_t
preempt_disable_ip(void)
{
	if (!CONFIG_DEBUG || current == NULL || !(preempt_count() & PREEMPT_DISABLES_MASK)) {
		return 0;
	}
	return current->preempt_disable_ip;
}

void
preempt_schedule(void)
{
	uint32_t policy = preempt_policy();
	bool can = preemptible() || (bug(ENABLE_IRQS_OFF) && !in_atomic());

	if (can && (policy & POLICY_PREEMPT_SCHEDULE) && !bug(ENABLE_IGNORES_REQUEST)) {
		preempt_current(SCHED_REASON_PREEMPT_ENABLE, policy);
	}
}

/* A tracer's own: the same, with nothing that it could be told of. */
void
preempt_schedule_notrace(void)
{
	uint32_t policy = preempt_policy();

	if (!preemptible() || !(policy & POLICY_PREEMPT_SCHEDULE)) {
		return;
	}
	do { /* bounded: a turn for each request that came while switched out */
		preempt_disable_notrace();
		schedule_preempted(SCHED_REASON_PREEMPT_ENABLE, policy);
		preempt_enable_no_resched_notrace();
	} while (need_resched());
}

void
preempt_schedule_irq(uint32_t policy)
{
	DEBUG_ASSERT(preempt_count() == 0); /* in all images __schedule() looks */
	DEBUG_ASSERT(arch_irqs_disabled());
	ASSERT(!irq_stack_in_use());
	do { /* bounded: as above */
		preempt_disable();
		arch_irq_enable();
		schedule_preempted(SCHED_REASON_IRQ_RETURN, policy);
		arch_irq_disable();
		preempt_enable_no_resched();
	} while (need_resched());
}

/* B3's conditions 3 to 5. */
static bool
irq_return_wanted(void)
{
	if (bug(IRQ_RETURN_IN_ATOMIC) && need_resched()) {
		return true;
	}
	if (bug(IRQ_RETURN_UNASKED) && preempt_count() == 0) {
		return true;
	}
	return should_resched(0) && (arch_irqentry_may_resched() || bug(IRQ_RETURN_VETO_UNHEARD));
}

void
irqentry_exit_cond_resched(void)
{
	uint32_t policy;

	DEBUG_ASSERT(arch_irqs_disabled());
	if (!irq_return_wanted()) {
		return;
	}
	policy = preempt_policy();
	if (policy & POLICY_IRQ_RETURN) {
		preempt_schedule_irq(policy);
	}
}

/* Linux once forgot the interrupt flag here (82c387ef7568). */
static bool
resched_at(enum sched_reason reason, uint32_t policy_bit)
{
	uint32_t policy;

	if (__builtin_expect(!should_resched(0), 1)) {
		return false;
	}
	policy = preempt_policy();
	if (!(policy & policy_bit)) {
		return false;
	}
	if (arch_irqs_disabled() && !bug(COND_RESCHED_IRQS_OFF)) {
		return false;
	}
	preempt_current(reason, policy);
	return true;
}

bool
cond_resched(void)
{
	return resched_at(SCHED_REASON_COND_RESCHED, POLICY_COND_RESCHED);
}

/* A model that preempts the kernel need not wait for a request: the lock's other waiters count. */
static bool
spin_needbreak(const struct raw_spinlock *lock)
{
	return (preempt_policy() & POLICY_PREEMPT_SCHEDULE) && raw_spin_is_contended(lock);
}

/* Linux once compared with a depth that is never reached here (fe32d3cd5e8e). */
bool
cond_resched_lock(struct raw_spinlock *lock)
{
	bool due = should_resched(bug(RESCHED_LOCK_DEPTH) ? 0 : PREEMPT_DISABLE_OFFSET);

	ASSERT(raw_spin_is_locked(lock));
	ASSERT(preempt_count() == PREEMPT_DISABLE_OFFSET);
	if (!due && !spin_needbreak(lock)) {
		return false;
	}
	raw_spin_unlock(lock);
	cond_resched();
	raw_spin_lock(lock); /* tickets: who waited has had it by then */
	return true;
}

/* What forbids to sleep here, or NULL. */
static const char *
sleep_obstacle(void)
{
	return preempt_count() != 0                           ? "in atomic"
	       : arch_irqs_disabled()                         ? "interrupts are off"
	       : rcu_preempt_depth() != 0                     ? "in an RCU reader"
	       : task_is_idle(current)                        ? "the idle task"
	       : atomic_load(&current->state) != TASK_RUNNING ? "its state is set already"
	                                                      : NULL;
}

void
might_sleep(void)
{
	const char *obstacle = sleep_obstacle();

	if (obstacle != NULL) {
		panic("sleeping function called from invalid context: %s; task %s, pid %u",
		      obstacle, current->comm, current->pid);
	}
	lockdep_check_sleep();
	resched_at(SCHED_REASON_MIGHT_SLEEP, POLICY_MIGHT_RESCHED);
}
