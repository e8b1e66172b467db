// SPDX-License-Identifier: ISC
/*
 * A list a cpu, which any cpu adds to, and its own empties. Whoever makes it not empty tells it: by
 * its flag while it polls, else by an interrupt. So whoever polls looks here when it has said that
 * it polls no more.
 */
#include "guest/smp_call.h"

#include "guest/arch.h"
#include "guest/bottom_half.h"
#include "guest/bug.h"
#include "guest/errno.h"
#include "guest/panic.h"
#include "guest/percpu.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/softirq.h"

static DEFINE_PER_CPU(struct atomic_ptr, calls);

/*
 * The function may queue it again, or free it. A full barrier: whoever still finds it queued stored
 * before, and the function sees it.
 */
static void
call_one(struct call_single_data *call)
{
	void (*fn)(struct call_single_data *) = call->fn;

	if (bug(SMP_CALL_UNORDERED)) {
		atomic_store_release(&call->queued, 0);
	} else {
		atomic_xchg(&call->queued, 0);
	}
	fn(call);
}

static void
call_here(struct call_single_data *call)
{
	unsigned long flags = arch_irq_save();

	call_one(call);
	arch_irq_restore(flags);
}

static void
call_there(unsigned int cpu, struct call_single_data *call)
{
	if (llist_add(&per_cpu(calls, cpu), &call->node) &&
	    !set_nr_if_polling(per_cpu(runqueue, cpu).idle)) {
		arch_ipi_send(cpu, IRQ_CALL);
	}
}

int
smp_call_function_single_async(unsigned int cpu, struct call_single_data *call)
{
	ASSERT(!in_nmi());
	ASSERT(cpu < cpu_count);
	if (atomic_xchg(&call->queued, 1) != 0) {
		return -EBUSY;
	}
	preempt_disable();
	if (cpu == smp_processor_id()) {
		call_here(call);
	} else {
		call_there(cpu, call);
	}
	preempt_enable();
	return 0;
}

uint32_t
smp_call_run(void)
{
	struct atomic_ptr *own = this_cpu_ptr(&calls);
	uint32_t count = 0;
	struct llist_node *node;

	ASSERT(arch_irqs_disabled());
	if (atomic_load(own) == NULL) {
		return 0;
	}
	node = llist_reverse_order(llist_del_all(own));
	while (node != NULL) { /* bounded: the list's length */
		struct call_single_data *call = container_of(node, struct call_single_data, node);

		node = node->next;
		call_one(call);
		count++;
	}
	return count;
}

/* Linux's idle took for a task's what was an interrupt's, and woke ksoftirqd (e932c4ab38f0). */
static void
run_in_idle(void)
{
	local_bh_disable();
	smp_call_run();
	_local_bh_enable();
}

void
flush_smp_call_function_queue(void)
{
	ASSERT(arch_irqs_disabled());
	if (bug(IDLE_FLUSH_WAKES)) {
		smp_call_run();
	} else if (atomic_load(this_cpu_ptr(&calls)) != NULL && !bug(IDLE_FLUSH_MISSING)) {
		run_in_idle();
	}
	if (__builtin_expect(local_softirq_pending() != 0, 0) && !bug(IDLE_FLUSH_UNSERVED)) {
		do_softirq();
	}
}
