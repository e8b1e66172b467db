// SPDX-License-Identifier: ISC
/*
 * A task on the last cpu takes events, computes there and never sleeps until one has switched the
 * preemption model and said so: first where the kernel is preempted, then where it gives way
 * itself. Fails if the interrupts went to another cpu.
 */
#include "guest/event.h"
#include "guest/main.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/printk.h"
#include "guest/smp.h"
#include "guest/task.h"
#include "guest/trace.h"
#include "shared/scenario_abi.h"

static struct atomic interrupts; /* that the computing cpu has taken */

static void
compute_until_line(uint32_t count)
{
	while (event_line_count() != count) { /* bounded: by the time limit */
		cond_resched();
		arch_cpu_relax();
	}
}

/* The last hundred records of this cpu: an event that it has taken is among them, just behind us.
 */
static bool
has_taken_event(unsigned int cpu)
{
	uint64_t head = trace_head(cpu);
	struct trace_record record;

	for (uint64_t n = head > 100 ? head - 100 : 0; n < head; n++) {
		if (trace_read(cpu, n, &record) && record.event == TRACE_irq_entry &&
		    record.a == IRQ_EVENT) {
			return true;
		}
	}
	return false;
}

static void
compute(void *cpu)
{
	event_start();
	preempt_model_set(PREEMPT_FULL);
	printk("computing\n");
	compute_until_line(1);
	atomic_store(&interrupts, has_taken_event((unsigned int)(uintptr_t)cpu));
	preempt_model_set(PREEMPT_NONE);
	printk("computing again\n");
	compute_until_line(2);
}

int
main(void)
{
	uintptr_t last = cpu_count - 1;

	task_join(task_run(&(struct task_params){
		.comm = "compute",
		.fn = compute,
		.arg = (void *)last,
		.cpus_allowed = 1ull << last,
	}));
	return atomic_load(&interrupts) != 0 ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
