// SPDX-License-Identifier: ISC
/*
 * A list a cpu, which any cpu adds to, and its interrupt empties. Whoever makes it not empty sends
 * the interrupt.
 */
#include "guest/irq_work.h"

#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/list.h"
#include "guest/panic.h"
#include "guest/percpu.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"

static DEFINE_PER_CPU(struct atomic_ptr, queued);

/*
 * A full barrier, claimed or not: what the caller stored is seen by the run. Pairs with the one in
 * run_one().
 */
static bool
claim(struct irq_work *work)
{
	return !(atomic_fetch_or(&work->flags, IRQ_WORK_CLAIMED) & IRQ_WORK_PENDING);
}

/* Pinned. */
static void
queue_claimed(struct irq_work *work, unsigned int cpu)
{
	bool first = llist_add(&per_cpu(queued, cpu), &work->node);

	if (first && !bug(IRQ_WORK_UNSENT)) {
		arch_ipi_send(cpu, IRQ_WORK);
	}
}

bool
irq_work_queue(struct irq_work *work)
{
	if (!claim(work)) {
		return false;
	}
	preempt_disable();
	queue_claimed(work, smp_processor_id());
	preempt_enable();
	return true;
}

/* An NMI may have interrupted who is just adding here; but not one that is sending there. */
bool
irq_work_queue_on(struct irq_work *work, unsigned int cpu)
{
	ASSERT(!in_nmi());
	ASSERT(cpu < cpu_count);
	if (!claim(work)) {
		return false;
	}
	preempt_disable();
	queue_claimed(work, cpu);
	preempt_enable();
	return true;
}

/* A full barrier: whoever still found it pending stored before, and the function sees it. */
static uint32_t
clear_pending(struct irq_work *work)
{
	if (bug(IRQ_WORK_UNORDERED)) {
		atomic_store(&work->flags, IRQ_WORK_BUSY);
		return IRQ_WORK_CLAIMED;
	}
	return atomic_fetch_and(&work->flags, ~IRQ_WORK_PENDING);
}

static void
call(struct irq_work *work)
{
	void (*fn)(struct irq_work *) = work->fn;
	uint32_t count = preempt_count();

	fn(work);
	if (preempt_count() != count) {
		panic("irq_work %lx: preempt_count %08x at its end, %08x at its start",
		      (uintptr_t)fn, preempt_count(), count);
	}
}

/* Pending before the function is called: what is queued meanwhile is another run. */
static void
run_one(struct irq_work *work)
{
	uint32_t flags = bug(IRQ_WORK_CLEARED_LATE) ? IRQ_WORK_CLAIMED : clear_pending(work);

	ASSERT(flags & IRQ_WORK_PENDING);
	flags = IRQ_WORK_BUSY;
	call(work);
	if (bug(IRQ_WORK_CLEARED_LATE)) {
		clear_pending(work);
	}
	if (bug(IRQ_WORK_BUSY_FORCED)) {
		atomic_store_release(&work->flags, 0);
		return;
	}
	atomic_try_cmpxchg(&work->flags, &flags, 0); /* or it is queued again, and stays busy */
}

uint32_t
irq_work_run(void)
{
	uint32_t count = 0;
	struct llist_node *node;

	ASSERT(in_hardirq());
	ASSERT(arch_irqs_disabled());
	node = llist_reverse_order(llist_del_all(this_cpu_ptr(&queued)));
	while (node != NULL) { /* bounded: the list's length */
		struct irq_work *work = container_of(node, struct irq_work, node);

		node = node->next; /* it may be queued elsewhere once it is not pending */
		run_one(work);
		count++;
	}
	return count;
}

void
irq_work_sync(const struct irq_work *work)
{
	ASSERT(in_task());
	ASSERT(!arch_irqs_disabled());
	while (bug(IRQ_WORK_SYNC_EARLY) ? irq_work_is_pending(work) : irq_work_is_busy(work)) {
		arch_cpu_relax(); /* bounded: its interrupt ends */
	}
}

/* ---- requests ---- */

static void
resched_here(struct irq_work *work)
{
	(void)work;
	resched_cpu(smp_processor_id());
}

static DEFINE_PER_CPU(struct irq_work, resched_work) = IRQ_WORK_INIT(resched_here);

void
irq_work_resched(void)
{
	preempt_disable();
	irq_work_queue(this_cpu_ptr(&resched_work));
	preempt_enable();
}
