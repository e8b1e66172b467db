// SPDX-License-Identifier: ISC
/*
 * The interrupt stack: who moves to it, who finds it in use, and that nobody is switched away from
 * it. What runs on it here besides interrupts does as a softirq will: irqs on, and counted.
 */
#include "guest/irq_stack.h"

#include <stdio.h>

#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/stack.h"
#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/unit/suite.h"

#define LIMIT 100000

static HOST_STATE struct timer timer;
static HOST_STATE bool had_irqs_on_there;
static HOST_STATE unsigned int timer_runs;
static HOST_STATE bool overslept;

static unsigned int nested_hits; /* interrupts of the interrupt stack, over all runs */
static unsigned int task_hits;   /* of a task's */

static bool
on_irq_stack(void)
{
	return arch_on_stack(this_cpu_read(hardirq_stack));
}

static void
count_hit(unsigned int cpu)
{
	if (cpu == 0 && irq_stack_in_use()) {
		nested_hits++;
	} else if (cpu == 0) {
		task_hits++;
	}
}

/* Every interrupt is on it, wherever it came. */
static void
wake_urgent(struct timer *self)
{
	(void)self;
	HOST_EXPECT(in_hardirq());
	HOST_EXPECT(irq_stack_in_use());
	HOST_EXPECT(on_irq_stack());
	timer_runs++;
	HOST_EXPECT(wake_up_process(urgent));
}

static void
serve(void *arg)
{
	HOST_EXPECT(arg == &had_irqs_on_there);
	HOST_EXPECT(on_irq_stack());
	preempt_count_add(SOFTIRQ_OFFSET);
	arch_irq_enable();
	had_irqs_on_there = true;
	arch_irq_disable();
	preempt_count_sub(SOFTIRQ_OFFSET);
}

/* The timer's interrupt comes before, within, or behind; the switch never within. */
static void
call_on_it(void *unused)
{
	(void)unused;
	timer_init(&timer, wake_urgent);
	scenario_gate();
	timer_start(&timer, 0);
	arch_irq_disable();
	HOST_EXPECT(!irq_stack_in_use());
	preempt_disable();
	call_on_irq_stack(serve, &had_irqs_on_there);
	HOST_EXPECT(!irq_stack_in_use());
	HOST_EXPECT(arch_on_stack(current->stack));
	HOST_EXPECT(had_irqs_on_there);
	arch_irq_enable();
	preempt_enable();
	scenario_take_interrupts();
	overslept = need_resched();
	HOST_EXPECT(timer_runs == 1);
	host_stop();
}

static void
boot_call(void)
{
	preempt_model_set(PREEMPT_FULL);
	urgent_boot();
	scenario_fifo_task(0, 10, call_on_it, NULL);
}

static void
check_call(void)
{
	HOST_EXPECT(!irq_stack_in_use());
	HOST_EXPECT(!overslept);
	HOST_EXPECT(urgent_runs == 1);
}

/*
 * P46: an interrupt of a task moves to the interrupt stack, one that finds it in use stays there,
 * and the switch that it asks for comes when the stack has been left.
 */
START_TEST(test_irq_stack_is_entered_once_and_left_before_a_switch)
{
	struct explore_scenario scenario = {
		"call on the interrupt stack", 1, boot_call, check_call, NULL, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return; /* nothing preempts such a kernel */
	}
	host_interrupt_seen = count_hit;
	scenario_must_hold(&scenario, LIMIT);
	host_interrupt_seen = NULL;
	printf("%u interrupts of the interrupt stack, %u of a task's\n", nested_hits, task_hits);
	ck_assert_uint_gt(nested_hits, 0);
	ck_assert_uint_gt(task_hits, 0);
	scenario_must_catch(&scenario, "switch-on-irq-stack",
	                    "assertion failed: !irq_stack_in_use()", LIMIT);
	scenario_must_catch(&scenario, "irq-stack-reentered",
	                    "assertion failed: !irq_stack_in_use()", LIMIT);
}
END_TEST

static void
sleep_here(void *unused)
{
	(void)unused;
	arch_irq_enable();
	schedule();
	arch_irq_disable();
}

static void
sleep_on_it(void *unused)
{
	(void)unused;
	scenario_gate();
	arch_irq_disable();
	call_on_irq_stack(sleep_here, NULL);
	host_stop();
}

static void
boot_sleep(void)
{
	scenario_task(0, sleep_on_it, NULL);
}

/* P46 (every): code on the interrupt stack that schedules is stopped, whatever its count says. */
START_TEST(test_irq_stack_schedule_is_refused)
{
	struct explore_scenario scenario = {
		"schedule on the interrupt stack", 1, boot_sleep, NULL, NULL, 0, NULL
	};

	scenario_must_fail(&scenario, "assertion failed: arch_on_stack(prev->stack)", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("irq_stack");
	TCase *tests = tcase_create("irq_stack");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_irq_stack_is_entered_once_and_left_before_a_switch);
	tcase_add_test(tests, test_irq_stack_schedule_is_refused);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
