// SPDX-License-Identifier: ISC
/*
 * Preempt notifiers against the switches of their task: by each way to lose the cpu, of several
 * notifiers, and of several tasks. What the calls find is looked at in probe.c.
 */
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "guest/smp_call.h"
#include "tests/explore/probe.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/unit/suite.h"

#define RANDOM_RUNS 2000

static HOST_STATE struct probe probe;
static HOST_STATE struct probe other;

/* ---- ways to lose the cpu ---- */

static void
wait_for_request(void)
{
	while (!need_resched()) { /* bounded: it comes */
		arch_cpu_relax();
	}
}

static void
lose_to_interrupt(void)
{
	while (!need_resched() && !urgent_ran()) { /* bounded: one of them comes */
		arch_cpu_relax();
	}
}

static void
lose_at_enable(void)
{
	preempt_disable();
	wait_for_request();
	preempt_enable();
}

static void
lose_at_cond_resched(void)
{
	lose_to_interrupt();
	cond_resched();
}

static void
lose_at_might_sleep(void)
{
	lose_to_interrupt();
	might_sleep();
}

static void
lose_by_schedule(void)
{
	lose_to_interrupt();
	schedule();
}

static void
lose_by_sleep(void)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
}

static void
stay(void)
{
	yield();
	schedule();
}

static const struct way {
	const char *name;
	void (*lose)(void);
	enum preempt_model model;
	unsigned int outs_max;
	bool is_lost; /* in some runs at least */
} ways[] = {
	{ "interrupt return", lose_to_interrupt, PREEMPT_FULL, 1, true },
	{ "interrupt return, lazy", lose_to_interrupt, PREEMPT_LAZY, 1, true },
	{ "interrupt return, none", lose_to_interrupt, PREEMPT_NONE, 0, false },
	{ "preempt_enable", lose_at_enable, PREEMPT_FULL, 1, true },
	{ "preempt_enable, lazy", lose_at_enable, PREEMPT_LAZY, 1, true },
	{ "preempt_enable, voluntary", lose_at_enable, PREEMPT_VOLUNTARY, 0, false },
	{ "cond_resched", lose_at_cond_resched, PREEMPT_NONE, 1, true },
	{ "might_sleep", lose_at_might_sleep, PREEMPT_VOLUNTARY, 1, true },
	{ "schedule", lose_by_schedule, PREEMPT_NONE, 1, true },
	{ "sleep", lose_by_sleep, PREEMPT_NONE, 2, true },
	{ "sleep, full", lose_by_sleep, PREEMPT_FULL, 2, true },
	{ "nobody else", stay, PREEMPT_NONE, 1, false },
};

#define WAYS (int)(sizeof(ways) / sizeof(ways[0]))

static const struct way *way; /* of the scenario */

static void
run_way(void *unused)
{
	(void)unused;
	probe_register(&probe);
	scenario_gate();
	way->lose();
	probe_check(&probe);
	HOST_EXPECT(probe.outs <= way->outs_max);
	probe_unregister(&probe);
	host_stop();
}

static void
wake_urgent(void *unused)
{
	(void)unused;
	scenario_gate();
	if (way->lose == lose_by_sleep) {
		while (atomic_load(&probe.task->state) == TASK_RUNNING) { /* bounded: it sleeps */
			arch_cpu_relax();
		}
		wake_up_process(probe.task);
	} else if (way->lose != stay) {
		HOST_EXPECT(wake_up_process(urgent));
	}
	host_stop();
}

static void
boot_way(void)
{
	preempt_model_set(way->model);
	urgent_boot();
	scenario_fifo_task(0, 10, run_way, NULL);
	scenario_task(1, wake_urgent, NULL);
	scenario_name_cpus(2);
}

static struct explore_scenario
way_scenario(const struct way *of)
{
	way = of;
	return (struct explore_scenario){ of->name, 2, boot_way, NULL, NULL, 0, NULL };
}

/*
 * P48, P49 (none, voluntary, full, lazy): the calls alternate, a pair for each switch, each in its
 * context, at each point where a task may lose its cpu; a pick of the same task calls none.
 */
START_TEST(test_notifiers_are_called_once_for_each_switch)
{
	struct explore_scenario scenario = way_scenario(&ways[_i]);

	if (!scenario_has_model(way->model)) {
		return;
	}
	probe_must_hold(&scenario);
	ck_assert(probe_was_called() == way->is_lost);
}
END_TEST

/* P48: a seeded bug: the pick of the task that runs is taken for a switch. */
START_TEST(test_notifiers_are_not_called_for_a_stay)
{
	struct explore_scenario scenario = way_scenario(&ways[WAYS - 1]);

	probe_must_catch(&scenario, "notified-at-stay", "assertion failed: prev != next");
}
END_TEST

/* P49: seeded bugs: calls in the context before, or behind, their own. */
START_TEST(test_notifiers_are_called_in_their_contexts)
{
	struct explore_scenario scenario = way_scenario(&ways[WAYS - 3]);

	ck_assert_ptr_eq((void *)(uintptr_t)way->lose, (void *)(uintptr_t)lose_by_sleep);
	probe_must_catch(&scenario, "notified-under-lock",
	                 "assertion failed: !arch_irqs_disabled()");
	probe_must_catch(&scenario, "notified-behind-next", "!atomic_load(&next->on_cpu)");
}
END_TEST

/* ---- several ---- */

static void
run_many(void *unused)
{
	static HOST_STATE struct probe more[3];

	(void)unused;
	for (unsigned int n = 0; n < 3; n++) {
		probe_register(&more[n]);
	}
	scenario_gate();
	lose_to_interrupt();
	cond_resched();
	for (unsigned int n = 0; n < 3; n++) {
		probe_check(&more[n]);
		HOST_EXPECT(more[n].outs == more[0].outs);
	}
	probe_unregister(&more[1]);
	probe_unregister(&more[2]);
	probe_check(&more[0]);
	probe_unregister(&more[0]);
	host_stop();
}

static void
boot_many(void)
{
	preempt_model_set(CONFIG_PREEMPT_COUNT ? PREEMPT_FULL : PREEMPT_NONE);
	urgent_boot();
	scenario_fifo_task(0, 10, run_many, NULL);
	scenario_task(1, urgent_wake, NULL);
}

/* P48, P49: in both directions the last that was registered is called first. */
START_TEST(test_notifiers_of_one_task_are_called_in_order)
{
	struct explore_scenario scenario = { "three notifiers", 2, boot_many, NULL, NULL, 0, NULL };

	probe_must_hold(&scenario);
	ck_assert(probe_was_called());
	probe_must_catch(&scenario, "notified-in-reverse", "the youngest first");
}
END_TEST

/* ---- two notified tasks ---- */

static void
run_urgent_notified(void *unused)
{
	(void)unused;
	probe_register(&other);
	for (;;) { /* forever: once for each wakeup */
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule();
		probe_check(&other);
	}
}

static void
run_less_urgent(void *unused)
{
	(void)unused;
	probe_register(&probe);
	scenario_gate();
	lose_to_interrupt();
	cond_resched();
	probe_check(&probe);
	host_stop();
}

static void
wake_and_ask(void *unused)
{
	(void)unused;
	scenario_gate();
	HOST_EXPECT(wake_up_process(urgent));
	resched_cpu(0);
	host_stop();
}

static void
boot_two(void)
{
	preempt_model_set(CONFIG_PREEMPT_COUNT ? PREEMPT_FULL : PREEMPT_NONE);
	urgent = scenario_fifo_task(0, 50, run_urgent_notified, NULL);
	scenario_fifo_task(0, 10, run_less_urgent, NULL);
	scenario_task(1, wake_and_ask, NULL);
}

/* P48, P50: one leaves before the other is there, whose place is empty until its own sched_in. */
START_TEST(test_notifiers_of_two_tasks_take_turns)
{
	probe_must_hold(&(struct explore_scenario){ "two notified tasks", 2, boot_two, NULL, NULL,
	                                            0, NULL });
	probe_must_have_hit();
}
END_TEST

/* ---- sched_in waits for another cpu ---- */

static HOST_STATE struct call_single_data calls[2];
static HOST_STATE struct atomic called[2];

static void
note_call(struct call_single_data *call)
{
	atomic_store(&called[call - calls], 1);
}

/* Calls the other cpu, as a vcpu's load may have to, and waits for it. */
static void
call_other(void)
{
	unsigned int cpu = smp_processor_id();

	atomic_store(&called[cpu], 0);
	calls[cpu].fn = note_call;
	HOST_EXPECT(smp_call_function_single_async(!cpu, &calls[cpu]) == 0);
	while (!atomic_load(&called[cpu])) { /* bounded: the other takes interrupts */
		arch_cpu_relax();
	}
}

static HOST_STATE struct task *peers[2];

/* Its switch to the idle task or the peer, and back. */
static void
yield_to_peer(void *own)
{
	struct probe *mine = own;

	mine->in = call_other;
	probe_register(mine);
	wake_up_process(peers[raw_smp_processor_id()]);
	scenario_gate();
	yield();
	probe_check(mine);
	HOST_EXPECT(mine->outs == 1);
	probe_unregister(mine);
	scenario_done();
	scenario_sleep();
}

static void
be_peer(void *unused)
{
	(void)unused;
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	scenario_sleep();
}

static void
boot_caller(unsigned int cpu)
{
	preempt_model_set(PREEMPT_NONE);
	peers[cpu] = scenario_task(cpu, be_peer, NULL);
	scenario_task(cpu, yield_to_peer, cpu == 0 ? &probe : &other);
}

static void
boot_one_calls(void)
{
	boot_caller(0);
}

static void
boot_both_call(void)
{
	boot_caller(0);
	boot_caller(1);
}

static void
check_both(void)
{
	scenario_check_at_rest(2);
}

static void
check_one(void)
{
	scenario_check_at_rest(1);
}

/*
 * P49: sched_in may call another cpu and wait: interrupts are on, no queue is locked. Two of them
 * may call each other, looked at with one deviation and in random runs.
 */
START_TEST(test_notifiers_sched_in_may_call_another_cpu)
{
	struct explore_scenario scenario = {
		"sched_in calls another cpu", 2, boot_one_calls, check_one, NULL, 0, NULL
	};

	probe_must_hold(&scenario);
	scenario.name = "sched_ins call each other";
	scenario.boot = boot_both_call;
	scenario.check = check_both;
	probe_must_hold_within(&scenario, 1);
	probe_must_survive(&scenario, RANDOM_RUNS);
	probe_must_have_hit();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("notifier");
	TCase *tests = tcase_create("notifier");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_loop_test(tests, test_notifiers_are_called_once_for_each_switch, 0, WAYS);
	tcase_add_test(tests, test_notifiers_are_not_called_for_a_stay);
	tcase_add_test(tests, test_notifiers_are_called_in_their_contexts);
	tcase_add_test(tests, test_notifiers_of_one_task_are_called_in_order);
	tcase_add_test(tests, test_notifiers_of_two_tasks_take_turns);
	tcase_add_test(tests, test_notifiers_sched_in_may_call_another_cpu);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
