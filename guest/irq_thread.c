// SPDX-License-Identifier: ISC
/*
 * The threads of handlers. Linux's kernel/irq/manage.c.
 *
 * RUNTHREAD of an action is set by its handler and then its thread woken; the thread sets its state
 * and then looks: each sees the other. threads_active counts the flags that are set and the rounds
 * that run.
 */
#include "guest/bottom_half.h"
#include "guest/bug.h"
#include "guest/errno.h"
#include "guest/irq_desc.h"
#include "guest/kthread.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/task.h"

#define IRQ_THREAD_PRIORITY 50 /* SCHED_FIFO */

enum irqreturn
irq_default_primary_handler(unsigned int irq, void *dev_id)
{
	(void)irq, (void)dev_id;
	return IRQ_WAKE_THREAD;
}

/* Only its thread is ever woken, by the forced one. */
enum irqreturn
irq_forced_secondary_handler(unsigned int irq, void *dev_id)
{
	(void)dev_id;
	panic("irq %u: the second half of a forced handler was called", irq);
}

void
irq_wake_action(struct irq_desc *desc, struct irqaction *action)
{
	uint32_t before;

	if (action->thread == NULL) {
		panic("irq %u handler %lx (%s) wakes a thread that it has not", action->irq,
		      (uintptr_t)action->handler, action->name);
	}
	before = atomic_fetch_or(&action->thread_flags, IRQTF_RUNTHREAD);
	if (before & IRQTF_RUNTHREAD) {
		return; /* it has not begun with the one before */
	}
	if (action->thread_mask != 0) {
		desc->threads_oneshot |= action->thread_mask;
	}
	atomic_fetch_add(&desc->threads_active, 1);
	wake_up_process(action->thread);
}

static bool
take_run_flag(struct irqaction *action)
{
	return atomic_fetch_and(&action->thread_flags, ~IRQTF_RUNTHREAD) & IRQTF_RUNTHREAD;
}

/* false: it is to end. Who ends it has waited for what it was woken for. */
static bool
wait_for_interrupt(struct irqaction *action)
{
	for (;;) { /* bounded: by interrupts, and in the end by free_irq() */
		bool early = bug(TEST_BEFORE_STATE) && take_run_flag(action);
		bool runs;

		set_current_state(TASK_INTERRUPTIBLE);
		runs = bug(TEST_BEFORE_STATE) ? early : take_run_flag(action);
		if (runs || kthread_should_stop()) {
			__set_current_state(TASK_RUNNING);
			return runs;
		}
		schedule();
	}
}

/*
 * The line may come again, if this was the last thread that it waited for. While handlers run
 * elsewhere this action's may be about to say so again; if it has, its next round unmasks.
 */
static void
finalize_oneshot(struct irq_desc *desc, struct irqaction *action)
{
	unsigned long flags;

	if (!(action->flags & IRQF_ONESHOT) || action->handler == irq_forced_secondary_handler) {
		return;
	}
	flags = raw_spin_lock_irqsave(&desc->lock);
	while (desc->state & IRQS_IN_PROGRESS && !bug(ONESHOT_ENDS_EARLY)) { /* bounded: they end */
		raw_spin_unlock_irqrestore(&desc->lock, flags);
		arch_cpu_relax();
		flags = raw_spin_lock_irqsave(&desc->lock);
	}
	if (!(atomic_load(&action->thread_flags) & IRQTF_RUNTHREAD)) {
		desc->threads_oneshot &= ~action->thread_mask;
		if (desc->threads_oneshot == 0 && desc->state & IRQS_MASKED) {
			irq_unmask_locked(desc, action->irq);
		}
	}
	raw_spin_unlock_irqrestore(&desc->lock, flags);
}

static uint32_t
run_thread_fn(struct irq_desc *desc, struct irqaction *action)
{
	uint32_t answer = action->thread_fn(action->irq, action->dev_id);

	if (answer & IRQ_HANDLED) {
		atomic_fetch_add(&desc->threads_handled, 1);
	}
	finalize_oneshot(desc, action);
	return answer;
}

/* It was written for hardirq: no softirq in between, and no interrupt. */
static uint32_t
run_forced(struct irq_desc *desc, struct irqaction *action)
{
	uint32_t answer;

	if (!bug(FORCED_HANDLER_BH_ON)) {
		local_bh_disable();
	}
	arch_irq_disable();
	answer = run_thread_fn(desc, action);
	arch_irq_enable();
	if (!bug(FORCED_HANDLER_BH_ON)) {
		local_bh_enable();
	}
	return answer;
}

static int
run_irq_thread(void *arg)
{
	struct irqaction *action = arg;
	struct irq_desc *desc = irq_to_desc(action->irq);

	while (wait_for_interrupt(action)) { /* bounded: free_irq() */
		uint32_t answer =
			action->is_forced ? run_forced(desc, action) : run_thread_fn(desc, action);

		if (preempt_count() != 0 || arch_irqs_disabled()) {
			panic("irq %u thread function %lx (%s): preempt_count %08x at its end",
			      action->irq, (uintptr_t)action->thread_fn, action->name,
			      preempt_count());
		}
		if (answer & IRQ_WAKE_THREAD) {
			ASSERT(action->secondary != NULL);
			irq_wake_action(desc, action->secondary);
		}
		if (atomic_fetch_sub(&desc->threads_active, 1) == 1) {
			wake_up_all(&desc->wait_for_threads);
		}
	}
	return 0;
}

static int
create_one(struct irqaction *action, const char *format)
{
	if (action->thread_fn == NULL) {
		return 0;
	}
	action->thread = kthread_create(run_irq_thread, action, format, action->irq, action->name);
	if (action->thread == NULL) {
		return -ENOMEM;
	}
	kthread_set_fifo(action->thread, IRQ_THREAD_PRIORITY);
	wake_up_process(action->thread);
	return 0;
}

int
irq_thread_create(struct irqaction *action)
{
	int error = create_one(action, "irq/%u-%s");

	if (error == 0 && action->secondary != NULL) {
		error = create_one(action->secondary, "irq/%u-s-%s");
		if (error != 0) {
			kthread_stop(action->thread);
		}
	}
	return error;
}

void
irq_thread_stop(struct irqaction *action)
{
	if (action->thread != NULL) {
		kthread_stop(action->thread);
	}
	if (action->secondary != NULL) {
		kthread_stop(action->secondary->thread);
	}
}
