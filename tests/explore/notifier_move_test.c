// SPDX-License-Identifier: ISC
/*
 * Preempt notifiers of a task that goes from one cpu to another, and of one that follows a task
 * that leaves its queue. What the calls find is looked at in probe.c.
 */
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "tests/explore/probe.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

static HOST_STATE struct probe probe;
static HOST_STATE struct atomic never;

/* ---- another cpu ---- */

/* At rest it runs, or waits in the queue of a cpu that was stopped. */
static _Noreturn void
compute(void)
{
	while (!atomic_load(&never)) { /* forever */
		probe_check(&probe);
		cond_resched();
		arch_cpu_relax();
	}
	host_fail("never");
}

static void
run_notified(void *unused)
{
	(void)unused;
	probe_register(&probe);
	scenario_gate();
	compute();
}

static void
sleep_notified(void *unused)
{
	(void)unused;
	probe_register(&probe);
	scenario_gate();
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	compute();
}

static void
move_itself(void *unused)
{
	(void)unused;
	probe_register(&probe);
	scenario_gate();
	HOST_EXPECT(set_cpus_allowed(current, 1u << 1) == 0);
	HOST_EXPECT(probe_on(1) == &probe);
	HOST_EXPECT(probe.outs == 1);
	HOST_EXPECT(set_cpus_allowed(current, 1u << 0) == 0);
	HOST_EXPECT(probe_on(0) == &probe);
	HOST_EXPECT(probe.outs == 2);
	compute();
}

static HOST_STATE struct task *task;

static void
boot_notified(void (*body)(void *))
{
	preempt_model_set(CONFIG_PREEMPT_COUNT ? PREEMPT_FULL : PREEMPT_NONE);
	task = scenario_task(0, body, NULL);
	scenario_name_task(task, "task");
	scenario_name_cpus(2);
}

static void
move_to(void *cpu)
{
	scenario_gate();
	HOST_EXPECT(set_cpus_allowed(task, 1ull << (uintptr_t)cpu) == 0);
	scenario_sleep();
}

static void
move_and_wake(void *unused)
{
	(void)unused;
	scenario_gate();
	while (atomic_load(&task->state) == TASK_RUNNING) { /* bounded: it sleeps */
		arch_cpu_relax();
	}
	HOST_EXPECT(set_cpus_allowed(task, 1u << 1) == 0);
	HOST_EXPECT(wake_up_state(task, TASK_NORMAL));
	scenario_sleep();
}

static void
boot_moved(void)
{
	boot_notified(run_notified);
	scenario_task(1, move_to, (void *)1);
}

static void
boot_moved_by_two(void)
{
	boot_notified(run_notified);
	scenario_task(1, move_to, (void *)1);
	scenario_task(2, move_to, (void *)2);
}

static void
boot_moved_asleep(void)
{
	boot_notified(sleep_notified);
	scenario_task(1, move_and_wake, NULL);
}

static void
boot_moves_itself(void)
{
	boot_notified(move_itself);
}

/* On no cpu, if it waits for a stopped one. */
static void
check_moved(void)
{
	unsigned int cpu = atomic_load(&task->cpu);

	HOST_EXPECT(task_allowed_on(task, cpu));
	if (per_cpu(runqueue, cpu).curr == task) {
		probe_check(&probe);
		HOST_EXPECT(probe_on(cpu) == &probe);
	} else {
		HOST_EXPECT(probe.outs == probe.ins + 1);
		HOST_EXPECT(probe_on(cpu) == NULL);
	}
}

/* P48, P49: out on the cpu that is left, in on the one that it came to: by affinity. */
START_TEST(test_notifiers_follow_a_task_that_moves)
{
	static const struct explore_scenario scenarios[] = {
		{ "notified, moved", 2, boot_moved, check_moved, NULL, 0, NULL },
		{ "notified, moves itself", 2, boot_moves_itself, check_moved, NULL, 0, NULL },
	};

	for (size_t n = 0; n < sizeof(scenarios) / sizeof(scenarios[0]); n++) {
		probe_must_hold(&scenarios[n]);
		ck_assert(probe_was_called());
		probe_must_have_hit();
	}
}
END_TEST

/* P48, P49: the same while it falls asleep, and by two at once; looked at with deviations. */
START_TEST(test_notifiers_follow_a_task_that_sleeps_or_two_move)
{
	probe_must_hold_within(&(struct explore_scenario){ "notified, moved asleep", 2,
	                                                   boot_moved_asleep, check_moved, NULL, 0,
	                                                   NULL },
	                       3);
	ck_assert(probe_was_called());
	probe_must_hold_within(&(struct explore_scenario){ "notified, moved by two", 3,
	                                                   boot_moved_by_two, check_moved, NULL, 0,
	                                                   NULL },
	                       1);
	ck_assert(probe_was_called());
}
END_TEST

/* ---- the task before ---- */

static HOST_STATE struct task *before;

/* More important, asleep until the notified task wakes it: then that is switched out by it. */
static void
run_before(void *leave)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	scenario_gate();
	HOST_EXPECT(probe.outs == 1);
	HOST_EXPECT(probe_on(0) == NULL);
	((void (*)(void))(uintptr_t)leave)();
}

static void
die(void)
{
}

static void
move_away(void)
{
	set_cpus_allowed(current, 1u << 1);
	scenario_sleep();
}

static void
fall_asleep(void)
{
	scenario_sleep();
}

/* The creator's reference is there, and the scheduler's still. */
static void
see_before(void)
{
	if (atomic_load(&before->refcount) != 2) {
		host_fail("prev is freed");
	}
}

static void
run_behind(void *unused)
{
	(void)unused;
	probe.in = see_before;
	probe_register(&probe);
	wake_up_process(before);
	schedule();
	probe_check(&probe);
	HOST_EXPECT(probe.outs == 1);
	probe_unregister(&probe);
	scenario_done();
	scenario_sleep();
}

static void
ask(void *unused)
{
	(void)unused;
	scenario_gate();
	resched_cpu(0);
	scenario_sleep();
}

static void
boot_before(void (*leave)(void))
{
	before = scenario_fifo_task(0, 20, run_before, (void *)(uintptr_t)leave);
	scenario_fifo_task(0, 10, run_behind, NULL);
	scenario_task(1, ask, NULL);
}

static void
boot_dying(void)
{
	boot_before(die);
}

static void
boot_moving(void)
{
	boot_before(move_away);
}

static void
boot_sleeping(void)
{
	boot_before(fall_asleep);
}

static void
check_once(void)
{
	scenario_check_quiet(1);
}

static void
check_dead(void)
{
	check_once();
	HOST_EXPECT(atomic_load(&before->refcount) == 1);
}

/*
 * P48, P49, P50: the task before sleeps, moves away, or has ended: it is reaped behind sched_in.
 * A request comes at any moment.
 */
START_TEST(test_notifiers_whatever_becomes_of_the_task_before)
{
	struct explore_scenario scenario = { "prev sleeps", 2, boot_sleeping, check_once,
		                             NULL,          0, NULL };

	probe_must_hold(&scenario);
	probe_must_have_hit();
	scenario.name = "prev moves away";
	scenario.boot = boot_moving;
	probe_must_hold_within(&scenario, 2);
	probe_must_have_hit();
	probe_must_catch(&scenario, "notified-not-at-move", "probe->outs == probe->ins");
	scenario.name = "prev ends";
	scenario.boot = boot_dying;
	scenario.check = check_dead;
	probe_must_hold(&scenario);
	probe_must_have_hit();
	probe_must_catch(&scenario, "notified-after-reaping", "prev is freed");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("notifier move");
	TCase *tests = tcase_create("notifier move");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_notifiers_follow_a_task_that_moves);
	tcase_add_test(tests, test_notifiers_follow_a_task_that_sleeps_or_two_move);
	tcase_add_test(tests, test_notifiers_whatever_becomes_of_the_task_before);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
