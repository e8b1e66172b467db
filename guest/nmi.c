// SPDX-License-Identifier: ISC
/*
 * NMIs: the latch, the accounting, and who is asked.
 */
#include "guest/nmi.h"

#include "guest/atomic.h"
#include "guest/bug.h"
#include "guest/context_tracking.h"
#include "guest/list.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/vcpu_exit.h"

DEFINE_PER_CPU(uint32_t, nmi_state);

static struct atomic_ptr handlers;
static struct atomic warned_of_unknown;

void
register_nmi_handler(struct nmi_handler *handler)
{
	ASSERT(!in_nmi());
	llist_add(&handlers, &handler->node);
}

struct irqentry_state
nmi_enter(void)
{
	uint32_t count = preempt_count();
	struct irqentry_state state = { .count = count };

	ASSERT(arch_irqs_disabled());
	ASSERT((count & NMI_MASK) != NMI_MASK);
	ASSERT((count & HARDIRQ_MASK) != HARDIRQ_MASK);
	preempt_count_add(NMI_OFFSET + HARDIRQ_OFFSET);
	state.exit_rcu = ct_nmi_enter();
	return state;
}

void
nmi_exit(struct irqentry_state state)
{
	ASSERT(in_nmi());
	ct_nmi_exit(state.exit_rcu);
	preempt_count_sub(NMI_OFFSET + HARDIRQ_OFFSET);
	if (preempt_count() != state.count) {
		panic("NMI: preempt_count %08x at its end, %08x at its start", preempt_count(),
		      state.count);
	}
}

static void
call_handlers(struct regs *regs)
{
	struct llist_node *node = atomic_load_acquire(&handlers);
	bool known = false;

	for (; node != NULL; node = node->next) { /* bounded: the list only grows */
		known |= container_of(node, struct nmi_handler, node)->fn(regs);
	}
	if (!known && early_fault_is_awaited()) {
		early_fault_raise(EARLY_NMI); /* what no device of ours sent is the guest's */
		known = true;
	}
	if (!known && !atomic_xchg(&warned_of_unknown, 1)) {
		printk("cpu %u: NMI of unknown origin: ignored, as others will be\n",
		       smp_processor_id());
	}
}

static void
run_once(struct regs *regs)
{
	struct irqentry_state state = nmi_enter();

	call_handlers(regs);
	nmi_exit(state);
}

/* Is there nothing left to do? One that comes after the decrement finds nothing running. */
static bool
end_of_nmi(void)
{
	if (bug(NMI_LATCH_RESET)) {
		this_cpu_write(nmi_state, NMI_NOT_RUNNING);
		return true;
	}
	return local_dec_and_test(this_cpu_ptr(&nmi_state));
}

void
nmi_handle(struct regs *regs)
{
	ASSERT(arch_irqs_disabled());
	if (this_cpu_read(nmi_state) != NMI_NOT_RUNNING) {
		this_cpu_write(nmi_state, NMI_LATCHED);
		return;
	}
	this_cpu_write(nmi_state, NMI_EXECUTING);
	do { /* bounded: a turn more for those that came within one */
		run_once(regs);
	} while (!end_of_nmi());
	if (bug(NMI_RESCHEDULES) && arch_regs_irqs_on(regs)) {
		irqentry_exit_cond_resched();
	}
}
