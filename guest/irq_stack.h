// SPDX-License-Identifier: ISC
/*
 * The interrupt stack: one a cpu, with a hole below it like every stack. Interrupts of the kernel
 * run on it, and softirqs; once however deep: what interrupts them stays where it is. Linux 6.18's
 * arch/x86/include/asm/irq_stack.h.
 *
 * A task that is switched away from here would be resumed on a stack that others have used since:
 * the scheduler refuses (P46).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/arch.h"
#include "guest/panic.h"
#include "guest/percpu.h"
#include "guest/stack.h"

DECLARE_PER_CPU(void *, hardirq_stack); /* lowest address, STACK_SIZE bytes */
DECLARE_PER_CPU(bool, hardirq_stack_inuse);

/* The stacks of `cpus` cpus. Boot cpu, once, before the first interrupt. */
void irq_stack_init(uint32_t cpus);

/* Is this cpu on its interrupt stack, or on one that interrupted that? irqs off. */
static inline bool
irq_stack_in_use(void)
{
	return this_cpu_read(hardirq_stack_inuse);
}

/* Panics if the canary of this stack is gone. Any context. */
void irq_stack_check(const void *stack);

/*
 * fn(arg) on this cpu's interrupt stack, which is not in use. fn may enable irqs, and has them off
 * when it returns; it does not sleep. irqs off.
 */
static inline void
call_on_irq_stack(void (*fn)(void *arg), void *arg)
{
	char *stack = this_cpu_read(hardirq_stack);

	DEBUG_ASSERT(arch_irqs_disabled());
	DEBUG_ASSERT(!irq_stack_in_use());
	this_cpu_write(hardirq_stack_inuse, true);
	arch_call_on_stack(arg, fn, stack + STACK_SIZE);
	this_cpu_write(hardirq_stack_inuse, false);
	if (CONFIG_DEBUG) {
		irq_stack_check(stack);
	}
}
