// SPDX-License-Identifier: ISC
#include "guest/exception.h"

#include "guest/bug.h"
#include "guest/irq.h"
#include "guest/mm.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/task.h"

void (*exception_probe)(const struct regs *regs);

/* As long as it takes to see to it, others may interrupt what could be interrupted before. */
static void
run_probe(struct regs *regs)
{
	if (exception_probe == NULL) {
		return;
	}
	if (arch_regs_irqs_on(regs)) {
		arch_irq_enable();
	}
	exception_probe(regs);
	if (bug(LEAK_IN_EXCEPTION)) {
		preempt_disable();
	}
	if (!arch_irqs_disabled()) {
		arch_irq_disable();
	}
}

bool
exception_handle_kernel(struct regs *regs)
{
	struct irqentry_state state = irqentry_enter(regs);

	if (!arch_exception_fixup(regs)) {
		return false; /* the caller has no way back */
	}
	run_probe(regs);
	if (preempt_count() != state.count) {
		panic("exception: preempt_count %08x at its end, %08x at its start",
		      preempt_count(), state.count);
	}
	if (!bug(EXCEPTION_RETURNS_BLIND)) {
		irqentry_exit(regs, state);
	}
	return true;
}

bool
exception_mend_user(const struct regs *regs, uintptr_t addr)
{
	ASSERT(preempt_count() == 0);
	ASSERT(!arch_irqs_disabled());
	if (!mm_grow_stack(current->mm, addr)) {
		return false;
	}
	if (exception_probe != NULL) {
		exception_probe(regs);
	}
	return true;
}
