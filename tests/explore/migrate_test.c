// SPDX-License-Identifier: ISC
/*
 * Changes of where a task may run, against its sleep, its wakeup, its switch, and each other.
 */
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

static HOST_STATE struct task *task;
static HOST_STATE struct atomic never;

/* At rest it runs here, or waits in the queue of a cpu that was stopped. */
static _Noreturn void
compute(void)
{
	while (!atomic_load(&never)) { /* forever */
		if (!CONFIG_PREEMPT_COUNT) {
			cond_resched();
		}
		arch_cpu_relax();
	}
	host_fail("never");
}

static void
run(void *arg)
{
	(void)arg;
	host_gate();
	compute();
}

static void
move_to(void *arg)
{
	host_gate();
	HOST_EXPECT(set_cpus_allowed(task, 1ull << (uintptr_t)arg) == 0);
	host_stop();
}

static void
boot_task(void (*body)(void *), unsigned int cpus)
{
	task = scenario_task(0, body, NULL);
	scenario_name_task(task, "task");
	scenario_name_cpus(cpus);
}

/* It is in one queue, of a cpu where it may run. */
static void
check_moved(void)
{
	unsigned int cpu = atomic_load(&task->cpu);

	HOST_EXPECT(task_allowed_on(task, cpu));
	HOST_EXPECT(atomic_load(&task->state) == TASK_RUNNING);
	HOST_EXPECT(atomic_load(&task->on_rq) == TASK_ON_RQ_QUEUED);
	HOST_EXPECT(atomic_load(&task->on_cpu) == (per_cpu(runqueue, cpu).curr == task));
	HOST_EXPECT(sched_nr_uninterruptible() == 0);
	scenario_check_quiet(0);
}

/* ---- running, queued ---- */

static void
boot_running(void)
{
	boot_task(run, 2);
	scenario_task(1, move_to, (void *)1);
}

static void
block_urgently(void *arg)
{
	(void)arg;
	set_current_state(TASK_INTERRUPTIBLE);
	host_gate();
	schedule();
	host_fail("nobody wakes the urgent task");
}

/* Waits in cpu 0's queue behind one that is about to block. */
static void
boot_queued(void)
{
	boot_task(run, 2);
	scenario_fifo_task(0, 50, block_urgently, NULL);
	scenario_task(1, move_to, (void *)1);
}

/* P36, P37: a task that runs is moved by its own switch, one that waits by whoever moves it. */
START_TEST(test_migrate_a_running_task)
{
	scenario_must_hold(&(struct explore_scenario){ "moved while it runs", 2, boot_running,
	                                               check_moved, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* P36, P37: it is queued, about to be picked, or picked. */
START_TEST(test_migrate_a_queued_task)
{
	scenario_must_hold(&(struct explore_scenario){ "moved while it waits", 2, boot_queued,
	                                               check_moved, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* ---- asleep, being woken ---- */

static void
sleep_and_run(void *arg)
{
	(void)arg;
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	compute();
}

static void
block_and_run(void *arg)
{
	(void)arg;
	set_current_state(TASK_UNINTERRUPTIBLE);
	host_gate();
	schedule();
	compute();
}

static void
wake(void *arg)
{
	(void)arg;
	host_gate();
	HOST_EXPECT(wake_up_state(task, TASK_NORMAL));
	host_stop();
}

static void
boot_asleep(void)
{
	boot_task(sleep_and_run, 3);
	scenario_task(1, move_to, (void *)1);
	scenario_task(2, wake, NULL);
}

static void
wake_then_move(void *arg)
{
	(void)arg;
	host_gate();
	HOST_EXPECT(wake_up_state(task, TASK_NORMAL));
	HOST_EXPECT(set_cpus_allowed(task, 1u << 1) == 0);
	host_stop();
}

static void
boot_wake_move(void)
{
	boot_task(sleep_and_run, 2);
	scenario_task(1, wake_then_move, NULL);
}

static void
boot_blocking(void)
{
	boot_task(block_and_run, 3);
	scenario_task(1, move_to, (void *)1);
	scenario_task(2, wake, NULL);
}

/* P37: a sleeper's last cpu is taken from it while it is woken, or just after. */
START_TEST(test_migrate_a_sleeping_task)
{
	struct explore_scenario scenario = {
		"moved while it is woken", 3, boot_asleep, check_moved, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "stale-wake-cpu",
	                    "assertion failed: task_allowed_on(task, rq->cpu)", LIMIT);
	scenario.name = "woken, then moved";
	scenario.cpus = 2;
	scenario.boot = boot_wake_move;
	scenario_must_hold(&scenario, LIMIT);
}
END_TEST

static void
move_then_wake(void *arg)
{
	(void)arg;
	host_gate();
	HOST_EXPECT(set_cpus_allowed(task, 1u << 1) == 0);
	HOST_EXPECT(wake_up_state(task, TASK_NORMAL));
	host_stop();
}

static void
boot_move_wake(void)
{
	boot_task(block_and_run, 2);
	scenario_task(1, move_then_wake, NULL);
}

/*
 * P36, P37: the same while it blocks; by one cpu, and, with one deviation, by two.
 */
START_TEST(test_migrate_a_blocking_task)
{
	scenario_must_hold(&(struct explore_scenario){ "blocks, is moved, is woken", 2,
	                                               boot_move_wake, check_moved, NULL, 0, NULL },
	                   LIMIT);
	scenario_must_hold_within(&(struct explore_scenario){ "blocks, is moved and woken", 3,
	                                                      boot_blocking, check_moved, NULL, 0,
	                                                      NULL },
	                          1, LIMIT);
}
END_TEST

/* ---- a sleeper that is preempted ---- */

/* Its state is set when it is moved: the request has come before the start. */
static void
sleep_preempted(void *arg)
{
	(void)arg;
	set_current_state(TASK_UNINTERRUPTIBLE);
	preempt_disable();
	host_gate();
	preempt_enable();
	cond_resched(); /* for kernels without a count */
	schedule();
	compute();
}

static void
move_early_and_wake(void *arg)
{
	(void)arg;
	set_cpus_allowed(task, 1u << 1);
	host_gate();
	HOST_EXPECT(wake_up_state(task, TASK_NORMAL));
	host_stop();
}

static void
boot_preempted(void)
{
	boot_task(sleep_preempted, 2);
	scenario_task(1, move_early_and_wake, NULL);
}

static void
boot_preempted_elsewhere(void)
{
	boot_task(sleep_preempted, 3);
	scenario_task(2, move_early_and_wake, NULL);
}

static const struct explore_scenario preempted = {
	"preempted sleeper, woken", 2, boot_preempted, check_moved, NULL, 0, NULL
};
static const struct explore_scenario preempted_elsewhere = {
	"the same, to an idle cpu", 3, boot_preempted_elsewhere, check_moved, NULL, 0, NULL
};

/* P36: a task that sleeps by its state and is queued is moved by its own switch, and woken. */
START_TEST(test_migrate_a_preempted_sleeper)
{
	scenario_must_hold(&preempted, LIMIT);
	if (HOST_FOLDS) { /* else there are too many runs */
		scenario_must_hold(&preempted_elsewhere, LIMIT);
	}
	scenario_must_catch(&preempted, "detached-too-early",
	                    "assertion failed: atomic_load(&task->on_rq) != TASK_ON_RQ_QUEUED",
	                    LIMIT);
}
END_TEST

/* ---- against itself ---- */

static void
boot_twice(void)
{
	boot_task(run, 3);
	scenario_task(1, move_to, (void *)1);
	scenario_task(2, move_to, (void *)2);
}

static void
move_itself(void *arg)
{
	(void)arg;
	host_gate();
	HOST_EXPECT(set_cpus_allowed(current, 1u << 1) == 0);
	HOST_EXPECT(raw_smp_processor_id() == 1);
	compute();
}

static void
boot_itself(void)
{
	boot_task(move_itself, 2);
}

static void
move_asleep(void *arg)
{
	(void)arg;
	host_gate();
	set_current_state(TASK_UNINTERRUPTIBLE);
	set_cpus_allowed(current, 1u << 1);
	scenario_done();
	host_stop();
}

static void
boot_asleep_itself(void)
{
	boot_task(move_asleep, 2);
}

/* P37: two cpus move one task to different places at once: it ends where it may run. */
START_TEST(test_migrate_by_two_at_once)
{
	struct explore_scenario scenario = { "moved by two", 3, boot_twice, check_moved,
		                             NULL,           0, NULL };

	scenario_must_hold(&scenario, LIMIT);
	scenario.name = "moved by two, stores in any order";
	scenario.broken = HOST_BROKEN_FIFO;
	scenario_must_fail(&scenario, "assertion failed: task_allowed_on(task, rq->cpu)", LIMIT);
}
END_TEST

/* P37: a task that moves itself is there at return. */
START_TEST(test_migrate_current)
{
	scenario_must_hold(&(struct explore_scenario){ "moves itself", 2, boot_itself, check_moved,
	                                               NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* P37: a task that has set its state would sleep on the way, and nobody knows to wake it. */
START_TEST(test_migrate_current_about_to_sleep_is_refused)
{
	scenario_must_fail(&(struct explore_scenario){ "moves itself, about to sleep", 2,
	                                               boot_asleep_itself, NULL, NULL, 0, NULL },
	                   "assertion failed: !asleep", LIMIT);
}
END_TEST

/* ---- new and dying ---- */

static void
make_new(void *arg)
{
	(void)arg;
	task = task_create(&(struct task_params){ .comm = "new", .fn = run, .cpus_allowed = 1 });
	scenario_name_task(task, "new");
	host_gate();
	wake_up_new_task(task);
	host_stop();
}

static void
boot_new(void)
{
	scenario_name_cpus(2);
	scenario_task(0, make_new, NULL);
	scenario_task(1, move_to, (void *)1);
}

static void
die(void *arg)
{
	(void)arg;
	host_gate();
}

static void
boot_dying(void)
{
	boot_task(die, 2);
	scenario_task(1, move_to, (void *)1);
}

/* P37: a new task is moved before, while or after it is woken for the first time. */
START_TEST(test_migrate_a_new_task)
{
	scenario_must_hold(&(struct explore_scenario){ "moved while it is new", 2, boot_new,
	                                               check_moved, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

static void
check_dead(void)
{
	if (atomic_load(&task->on_rq)) {
		check_moved();
		return;
	}
	scenario_check_quiet(0);
	HOST_EXPECT(atomic_load(&task->state) == TASK_DEAD);
	HOST_EXPECT(atomic_load(&task->refcount) == 1);
}

/* P37, P39: a task that ends meanwhile is left alone. */
START_TEST(test_migrate_a_dying_task)
{
	scenario_must_hold(&(struct explore_scenario){ "moved while it dies", 2, boot_dying,
	                                               check_dead, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("migrate");
	TCase *tests = tcase_create("migrate");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_migrate_a_running_task);
	tcase_add_test(tests, test_migrate_a_queued_task);
	tcase_add_test(tests, test_migrate_a_sleeping_task);
	tcase_add_test(tests, test_migrate_a_blocking_task);
	tcase_add_test(tests, test_migrate_a_preempted_sleeper);
	tcase_add_test(tests, test_migrate_by_two_at_once);
	tcase_add_test(tests, test_migrate_current);
	tcase_add_test(tests, test_migrate_current_about_to_sleep_is_refused);
	tcase_add_test(tests, test_migrate_a_new_task);
	tcase_add_test(tests, test_migrate_a_dying_task);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
