// SPDX-License-Identifier: ISC
#include "guest/irq_stack.h"

#include <stddef.h>

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
irq_stack_check(const void *stack)
{
	if (!stack_intact(stack)) {
		panic("the interrupt stack of cpu %u overran its end", smp_processor_id());
	}
}
