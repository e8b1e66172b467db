// SPDX-License-Identifier: ISC
/*
 * Mistakes with the preempt counter that the debug images find, one a run: `-- NAME`. Each function
 * that makes the outermost disable stands for itself: its name is what the report must lead to.
 */
#include <stdint.h>

#include "guest/cmdline.h"
#include "guest/main.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/string.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "shared/scenario_abi.h"

#define LEAKER __attribute__((noinline)) static void

/* No tail call: the address that is remembered must be the leaker's. */
LEAKER
leak_disable(void)
{
	preempt_disable();
	barrier();
}

LEAKER
leak_lock(void)
{
	static struct raw_spinlock lock;

	raw_spin_lock(&lock);
	barrier();
}

LEAKER
leak_too_often(void)
{
	for (unsigned int i = 0; i <= 244; i++) {
		preempt_disable();
	}
	barrier();
}

LEAKER
leak_in_timer(struct timer *timer)
{
	(void)timer;
	preempt_disable();
	barrier();
}

static void
enable_at_zero(void)
{
	preempt_enable();
}

static void
leak_in_timer_function(void)
{
	struct timer timer;

	timer_init(&timer, leak_in_timer);
	arch_irq_disable();
	timer_start(&timer, 0); /* it comes when irqs are on again, at count 0 */
	arch_irq_enable();
	for (;;) { /* forever: the timer ends the run */
		arch_cpu_relax();
	}
}

static void
end_with_leak(void *unused)
{
	(void)unused;
	leak_disable();
}

static void
leak_in_task(void)
{
	task_join(task_run(&(struct task_params){ .comm = "leaker", .fn = end_with_leak }));
}

static void
schedule_in_atomic(void)
{
	leak_lock();
	preempt_disable(); /* not the outermost */
	schedule();
}

static void
sleep_in_atomic(void)
{
	leak_disable();
	might_sleep();
}

static void
sleep_irqs_off(void)
{
	arch_irq_disable();
	might_sleep();
}

static void
sleep_with_state_set(void)
{
	set_current_state(TASK_INTERRUPTIBLE);
	might_sleep();
}

static void
name_cpu_unpinned(void)
{
	printk("on cpu %u\n", smp_processor_id());
}

static void
overwrite_stack_end(void)
{
	*(volatile uint64_t *)current->stack = 0;
	schedule();
}

static const struct fault {
	const char *name;
	void (*commit)(void);
} faults[] = {
	{ "overflow", leak_too_often },
	{ "underflow", enable_at_zero },
	{ "timer-leak", leak_in_timer_function },
	{ "task-leak", leak_in_task },
	{ "main-leak", leak_disable },
	{ "schedule-in-atomic", schedule_in_atomic },
	{ "sleep-in-atomic", sleep_in_atomic },
	{ "sleep-irqs-off", sleep_irqs_off },
	{ "sleep-state-set", sleep_with_state_set },
	{ "cpu-unpinned", name_cpu_unpinned },
	{ "stack-end", overwrite_stack_end },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (memcmp(boot_args.program, faults[i].name, strlen(faults[i].name) + 1) == 0) {
			faults[i].commit();
			return EXIT_STATUS_OK;
		}
	}
	printk("FAIL there is no fault of this name\n");
	return EXIT_STATUS_FAILED;
}
