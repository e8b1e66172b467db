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

static HOST_STATE struct task *mover;
static HOST_STATE struct atomic moves; /* made so far */

/* Gives its cpu to whoever moves there. */
static _Noreturn void
block_for_good(void)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	host_fail("nobody wakes %s", current->comm);
}

/* The moves are made: after a switch at the latest it is where it may be. */
static void
end_where_allowed(uint32_t wanted)
{
	while (atomic_load(&moves) != wanted) { /* bounded: all are made once */
		arch_cpu_relax();
	}
	schedule();
	HOST_EXPECT(task_allowed_on(current, raw_smp_processor_id()));
	scenario_done();
	block_for_good();
}

static void
move(uint64_t cpus)
{
	HOST_EXPECT(set_cpus_allowed(mover, cpus) == 0);
	atomic_fetch_add(&moves, 1);
}

static void
run(void *arg)
{
	host_gate();
	end_where_allowed((uint32_t)(uintptr_t)arg);
}

static void
move_to(void *arg)
{
	host_gate();
	move(1ull << (uintptr_t)arg);
	block_for_good();
}

static void
boot_task(void (*body)(void *), uint32_t others)
{
	explore_name(&moves, "moves");
	mover = scenario_task(0, body, (void *)1);
	scenario_name_task(mover, "task");
	scenario_name_run_queues(others + 1);
}

static void
check_one(void)
{
	scenario_check_at_rest(1);
	HOST_EXPECT(task_allowed_on(mover, atomic_load(&mover->cpu)));
	for (unsigned int cpu = 0; cpu < 2; cpu++) {
		HOST_EXPECT(atomic_load(&per_cpu(runqueue, cpu).nr_running) == 0);
	}
}

/* ---- running, queued ---- */

static void
boot_running(void)
{
	boot_task(run, 1);
	scenario_task(1, move_to, (void *)1);
}

static void
run_urgently(void *arg)
{
	(void)arg;
	host_gate();
	block_for_good();
}

/* Waits in cpu 0's queue behind one that is about to block. */
static void
boot_queued(void)
{
	boot_task(run, 1);
	scenario_fifo_task(0, 50, run_urgently, NULL);
	scenario_task(1, move_to, (void *)1);
}

/* P36, P37: a task that runs is moved by its own switch, one that waits by whoever moves it. */
START_TEST(test_migrate_a_running_task)
{
	scenario_must_hold(&(struct explore_scenario){ "moved while it runs", 2, boot_running,
	                                               check_one, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* P36, P37: it is queued, about to be picked, or picked. */
START_TEST(test_migrate_a_queued_task)
{
	scenario_must_hold(&(struct explore_scenario){ "moved while it waits", 2, boot_queued,
	                                               check_one, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* ---- asleep, being woken ---- */

static void
sleep_and_run(void *arg)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	end_where_allowed((uint32_t)(uintptr_t)arg);
}

static void
block_and_run(void *arg)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	host_gate();
	schedule();
	end_where_allowed((uint32_t)(uintptr_t)arg);
}

static void
wake(void *arg)
{
	(void)arg;
	host_gate();
	HOST_EXPECT(wake_up_state(mover, TASK_NORMAL));
	host_stop();
}

static void
boot_asleep(void)
{
	boot_task(sleep_and_run, 2);
	scenario_task(1, move_to, (void *)1);
	scenario_task(2, wake, NULL);
}

static void
boot_blocking(void)
{
	boot_task(block_and_run, 2);
	scenario_task(1, move_to, (void *)1);
	scenario_task(2, wake, NULL);
}

/* P37: a sleeper is woken while another cpu takes its last cpu from it. */
START_TEST(test_migrate_a_sleeping_task)
{
	struct explore_scenario scenario = {
		"moved while it is woken", 3, boot_asleep, check_one, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "stale-wake-cpu",
	                    "assertion failed: task_allowed_on(task, rq->cpu)", LIMIT);
}
END_TEST

/* P36, P37: the same while it blocks. */
START_TEST(test_migrate_a_blocking_task)
{
	struct explore_scenario scenario = {
		"moved while it blocks and is woken", 3, boot_blocking, check_one, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
}
END_TEST

/* ---- a sleeper that was preempted ---- */

static void
run_at_once(void *arg)
{
	(void)arg;
	host_gate();
	host_stop();
}

/* Its state is set and it waits in the queue, because what it starts goes before it. */
static void
sleep_preempted(void *arg)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	scenario_fifo_task(0, 50, run_at_once, NULL);
	schedule();
	end_where_allowed((uint32_t)(uintptr_t)arg);
}

static void
boot_preempted(void)
{
	boot_task(sleep_preempted, 2);
	scenario_task(1, move_to, (void *)1);
	scenario_task(2, wake, NULL);
}

/* P36: a queued task whose state says that it sleeps is moved and woken at once. */
START_TEST(test_migrate_a_preempted_sleeper)
{
	struct explore_scenario scenario = {
		"preempted sleeper, moved and woken", 3, boot_preempted, check_one, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "detached-too-early",
	                    "assertion failed: atomic_load(&task->on_rq) != TASK_ON_RQ_QUEUED",
	                    LIMIT);
}
END_TEST

/* ---- against itself ---- */

static void
move_to_and_stop(void *arg)
{
	host_gate();
	move(1ull << (uintptr_t)arg);
	host_stop();
}

static void
run_after_two(void *arg)
{
	(void)arg;
	host_gate();
	end_where_allowed(2);
}

/* Only cpus 0 and 3 are free for it. */
static void
boot_twice(void)
{
	boot_task(run_after_two, 2);
	scenario_task(1, move_to_and_stop, (void *)0);
	scenario_task(2, move_to_and_stop, (void *)3);
}

static void
move_itself(void *arg)
{
	(void)arg;
	host_gate();
	HOST_EXPECT(set_cpus_allowed(current, 1u << 1) == 0);
	HOST_EXPECT(raw_smp_processor_id() == 1);
	scenario_done();
	block_for_good();
}

static void
boot_itself(void)
{
	boot_task(move_itself, 1);
}

/* P37: two cpus move one task to different places at once: it ends where it may run. */
START_TEST(test_migrate_by_two_at_once)
{
	scenario_must_hold(&(struct explore_scenario){ "moved by two", 4, boot_twice, check_one,
	                                               NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* P37: a task that moves itself is there at return. */
START_TEST(test_migrate_current)
{
	scenario_must_hold(&(struct explore_scenario){ "moves itself", 2, boot_itself, check_one,
	                                               NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* ---- new and dying ---- */

static void
make_new(void *arg)
{
	(void)arg;
	mover = task_create(&(struct task_params){
		.comm = "new", .fn = run, .arg = (void *)1, .cpus_allowed = 1 });
	scenario_name_task(mover, "new");
	host_gate();
	wake_up_new_task(mover);
	block_for_good();
}

static void
boot_new(void)
{
	explore_name(&moves, "moves");
	scenario_name_run_queues(2);
	scenario_task(0, make_new, NULL);
	scenario_task(1, move_to, (void *)1);
}

static void
die(void *arg)
{
	(void)arg;
	host_gate();
	scenario_done();
}

static void
boot_dying(void)
{
	boot_task(die, 1);
	scenario_task(1, move_to, (void *)1);
}

/* P37: a new task is moved before, while or after it is woken for the first time. */
START_TEST(test_migrate_a_new_task)
{
	scenario_must_hold(&(struct explore_scenario){ "moved while it is new", 2, boot_new,
	                                               check_one, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

static void
check_dead(void)
{
	scenario_check_at_rest(1);
	HOST_EXPECT(atomic_load(&mover->state) == TASK_DEAD);
	HOST_EXPECT(!atomic_load(&mover->on_rq));
	HOST_EXPECT(atomic_load(&mover->refcount) == 1);
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
	tcase_add_test(tests, test_migrate_a_new_task);
	tcase_add_test(tests, test_migrate_a_dying_task);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
