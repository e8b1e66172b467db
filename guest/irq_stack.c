// SPDX-License-Identifier: ISC
#include "guest/irq_stack.h"

#include <stddef.h>

#include "guest/arch.h"
#include "guest/panic.h"
#include "guest/stack.h"

DEFINE_PER_CPU(void *, hardirq_stack);
DEFINE_PER_CPU(bool, hardirq_stack_inuse);

void
irq_stack_init(uint32_t cpus)
{
	for (uint32_t cpu = 0; cpu < cpus; cpu++) {
		void *stack = stack_alloc();

		if (stack == NULL) {
			panic("no memory for the interrupt stack of cpu %u", cpu);
		}
		per_cpu(hardirq_stack, cpu) = stack;
	}
}

void
call_on_irq_stack(void (*fn)(void *arg), void *arg)
{
	char *stack = this_cpu_read(hardirq_stack);

	ASSERT(arch_irqs_disabled());
	ASSERT(!irq_stack_in_use());
	this_cpu_write(hardirq_stack_inuse, true);
	arch_call_on_stack(fn, arg, stack + STACK_SIZE);
	this_cpu_write(hardirq_stack_inuse, false);
	if (CONFIG_DEBUG && !stack_intact(stack)) {
		panic("the interrupt stack of cpu %u overran its end", smp_processor_id());
	}
}
