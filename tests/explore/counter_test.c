// SPDX-License-Identifier: ISC
/*
 * The preempt counter itself: what it is at every switch and at every task's begin, and what
 * writes, reads and moves of it do to it, to the request beside it, and to the word that holds
 * both.
 */
#include "guest/preempt.h"

#include "guest/irq.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/unit/suite.h"

#define LIMIT 40000

static HOST_STATE struct timer timer;

/* ---- switches ---- */

static HOST_STATE bool child_ran;
static HOST_STATE struct task *parent;

/* Whatever ran before: its first instruction finds the count that every task begins with. */
static void
run_child(void *arg)
{
	(void)arg;
	HOST_EXPECT(preempt_count() == 0);
	child_ran = true;
}

static void
wake_both(struct timer *self)
{
	(void)self;
	wake_up_process(urgent);
	wake_up_process(parent);
}

static void
wake_urgent_again(struct timer *self)
{
	(void)self;
	wake_up_process(urgent);
}

/* A first run, an exit, a yield, idle and back, and an interrupt's return. */
static void
switch_in_all_ways(void *arg)
{
	(void)arg;
	timer_init(&timer, wake_both);
	scenario_gate();
	task_put(scenario_fifo_task(0, 20, run_child, NULL));
	HOST_EXPECT(preempt_count() == 0);
	yield();
	HOST_EXPECT(child_ran);
	HOST_EXPECT(preempt_count() == 0);
	set_current_state(TASK_UNINTERRUPTIBLE);
	timer_start(&timer, arch_clock_ns() + 100);
	schedule();
	HOST_EXPECT(preempt_count() == 0);
	timer_init(&timer, wake_urgent_again);
	timer_start(&timer, arch_clock_ns() + 100);
	host_clock_advance(100);
	scenario_take_interrupts();
	HOST_EXPECT(urgent_runs == 2);
	HOST_EXPECT(preempt_count() == 0);
	scenario_sleep();
}

static void
boot_switches(void)
{
	HOST_EXPECT(preempt_count() == INIT_PREEMPT_COUNT);
	preempt_model_set(PREEMPT_FULL);
	urgent_boot();
	parent = scenario_fifo_task(0, 10, switch_in_all_ways, NULL);
}

static void
check_switches(void)
{
	HOST_EXPECT(urgent_runs == 2);
	HOST_EXPECT(child_ran);
	HOST_EXPECT(host_all_halted());
}

static void
idle_at_one(void)
{
	HOST_EXPECT(preempt_count() == IDLE_PREEMPT_COUNT);
	sched_idle_loop();
}

/* P1, P11: every kind of switch is made at 2 on both sides; tasks, idle and boot begin as said. */
START_TEST(test_counter_of_every_switch_is_two)
{
	struct explore_scenario scenario = {
		"every kind of switch", 1, boot_switches, check_switches, idle_at_one, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return;
	}
	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch_late(&scenario, "switch-leak", "assertion failed: count_is_switched()",
	                         LIMIT);
	scenario_must_catch_late(&scenario, "first-run-leak",
	                         "assertion failed: preempt_count() == 0", LIMIT);
}
END_TEST

/* ---- count and request ---- */

/* An absolute write beside whose load or store an interrupt folds. */
static bool
request_is_folded(void)
{
	return !urgent_overslept() || test_preempt_need_resched();
}

static void
set_count(void *arg)
{
	(void)arg;
	host_gate();
	preempt_disable();
	preempt_count_set(3);
	HOST_EXPECT(preempt_count() == 3);
	HOST_EXPECT(request_is_folded());
	preempt_count_set(1);
	HOST_EXPECT(preempt_count() == 1);
	HOST_EXPECT(request_is_folded());
	preempt_enable();
	HOST_EXPECT(!urgent_overslept());
	host_stop();
}

static void
boot_set_count(void)
{
	urgent_boot_asked(set_count);
}

/* P4, P26: an interrupt folds its request, and absolute writes of the count keep it. */
START_TEST(test_counter_set_keeps_the_folded_bit)
{
	struct explore_scenario scenario = {
		"preempt_count_set", 2, boot_set_count, urgent_check_at_most_once, NULL, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return;
	}
	scenario_must_hold(&scenario, LIMIT);
	if (!HOST_FOLDS) {
		return; /* nothing to lose, nothing to forget */
	}
	scenario_must_catch(&scenario, "forget-fold", "urgent_overslept()", LIMIT);
	if (HOST_PACKED) {
		return; /* the count is written alone */
	}
	scenario_must_catch(&scenario, "plain-count-set", "request_is_folded()", LIMIT);
}
END_TEST

static void
set_and_read(uint32_t count, bool folded)
{
	preempt_count_set(count);
	HOST_EXPECT(preempt_count() == count);
	HOST_EXPECT(test_preempt_need_resched() == folded);
	HOST_EXPECT(should_resched(count) == folded);
	HOST_EXPECT(!should_resched(count ^ 1));
	HOST_EXPECT(preempt_count_raw() == (folded ? count : count | PREEMPT_NEED_RESCHED));
	preempt_count_set(0);
}

static void
set_and_read_all(bool folded)
{
	set_and_read(1, folded);
	set_and_read(SOFTIRQ_OFFSET, folded);
	set_and_read(HARDIRQ_OFFSET, folded);
	set_and_read(NMI_OFFSET + HARDIRQ_OFFSET, folded);
	set_and_read(NMI_MASK | HARDIRQ_MASK | SOFTIRQ_MASK | PREEMPT_MASK, folded);
}

static void
read_halves(void *arg)
{
	(void)arg;
	scenario_gate();
	arch_irq_disable();
	set_and_read_all(false);
	atomic_fetch_or(&current->flags, TIF_NEED_RESCHED);
	set_preempt_need_resched();
	set_and_read_all(true);
	arch_irq_enable();
	scenario_sleep();
}

static void
boot_halves(void)
{
	scenario_task(0, read_halves, NULL);
}

/* P4, P10: count and request are read apart, whatever the word that holds them looks like. */
START_TEST(test_counter_count_and_request_are_apart)
{
	struct explore_scenario scenario = {
		"count and request", 1, boot_halves, NULL, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	if (!HOST_PACKED) {
		return; /* there are no halves */
	}
	scenario_must_catch_late(&scenario, "packed-wrong-half",
	                         "expected: preempt_count() == count", LIMIT);
}
END_TEST

/* ---- the cpu's word ---- */

static HOST_STATE struct task *mover_target;
static HOST_STATE bool counted;

static void
count_and_move(void *arg)
{
	(void)arg;
	host_gate();
	preempt_disable();
	HOST_EXPECT(preempt_count() == 1);
	preempt_enable();
	HOST_EXPECT(preempt_count() == 0);
	counted = true;
	scenario_sleep();
}

static void
move_to_self(void *arg)
{
	(void)arg;
	host_gate();
	HOST_EXPECT(set_cpus_allowed(mover_target, 2) == 0);
	scenario_sleep();
}

static void
boot_move(void)
{
	preempt_model_set(PREEMPT_FULL);
	mover_target = scenario_task(0, count_and_move, NULL);
	scenario_task(1, move_to_self, NULL);
}

static void
check_move(void)
{
	HOST_EXPECT(counted);
	HOST_EXPECT(host_all_halted());
}

/*
 * P12: a task that is moved to another cpu at any moment of a disable or an enable changes the word
 * of the cpu that it is on.
 */
START_TEST(test_counter_moves_with_its_task)
{
	struct explore_scenario scenario = {
		"moved while it counts", 2, boot_move, check_move, NULL, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return;
	}
	scenario_must_hold_within(&scenario, 2, LIMIT);
	if (!HOST_FOLDS || HOST_PACKED) {
		return; /* the word is the task's own */
	}
	scenario_must_catch(&scenario, "two-step-count", "preempt_count", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("counter");
	TCase *tests = tcase_create("counter");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_counter_of_every_switch_is_two);
	tcase_add_test(tests, test_counter_set_keeps_the_folded_bit);
	tcase_add_test(tests, test_counter_count_and_request_are_apart);
	tcase_add_test(tests, test_counter_moves_with_its_task);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
