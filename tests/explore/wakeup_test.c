// SPDX-License-Identifier: ISC
/*
 * Wakeups: a sleeper that sets its state and tests, against a waker that makes it true and wakes.
 */
#include "guest/sched.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

static HOST_STATE struct task *sleeper;
static HOST_STATE struct atomic condition;

static void
check_one(void)
{
	scenario_check_at_rest(1);
	HOST_EXPECT(sched_nr_uninterruptible() == 0);
}

static void
sleep_for_condition(void *arg)
{
	(void)arg;
	host_gate();
	for (;;) { /* bounded: until the wakeup */
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (atomic_load(&condition)) {
			break;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	scenario_done();
	host_stop();
}

static void
sleep_testing_first(void *arg)
{
	(void)arg;
	host_gate();
	while (!atomic_load(&condition)) { /* bounded: until the wakeup */
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule();
	}
	scenario_done();
	host_stop();
}

static void
set_and_wake(void *arg)
{
	(void)arg;
	host_gate();
	atomic_store(&condition, 1);
	wake_up_state(sleeper, TASK_NORMAL);
	host_stop();
}

static void
boot_sleeper(void (*body)(void *))
{
	explore_name(&condition, "condition");
	sleeper = scenario_task(0, body, NULL);
	scenario_name_task(sleeper, "sleeper");
	scenario_name_run_queues(2);
	scenario_task(1, set_and_wake, NULL);
}

static void
boot_wakeup(void)
{
	boot_sleeper(sleep_for_condition);
}

static void
boot_testing_first(void)
{
	boot_sleeper(sleep_testing_first);
}

static const struct explore_scenario wakeup = {
	"wakeup", 2, boot_wakeup, check_one, NULL, 0, NULL
};

/* P32: set the state, test, schedule(), against set the condition, wake: every order, under TSO. */
START_TEST(test_wakeup_sleeper_is_never_lost)
{
	scenario_must_hold(&wakeup, LIMIT);
	scenario_must_catch(&wakeup, "state-before-lock", "done_count == wanted", LIMIT);
}
END_TEST

/*
 * P32, mutant: without the barrier behind the state, the waker misses it and the sleeper the
 * condition.
 */
START_TEST(test_wakeup_without_barrier_is_lost)
{
	scenario_must_fail(&(struct explore_scenario){ "wakeup, no barrier in set_current_state", 2,
	                                               boot_wakeup, check_one, NULL,
	                                               HOST_BROKEN_XCHG, NULL },
	                   "done_count == wanted", LIMIT);
}
END_TEST

/* P32, mutant: without the one in the waker's lock, likewise. */
START_TEST(test_wakeup_without_barrier_in_the_lock_is_lost)
{
	scenario_must_fail(&(struct explore_scenario){ "wakeup, no barrier in pi_lock", 2,
	                                               boot_wakeup, check_one, NULL,
	                                               HOST_BROKEN_ADD, NULL },
	                   "done_count == wanted", LIMIT);
}
END_TEST

/* P32, mutant: stores reach memory in any order, so a lock is dropped before what it guards. */
START_TEST(test_wakeup_without_order_of_stores_is_lost)
{
	scenario_must_fail(&(struct explore_scenario){ "wakeup, stores in any order", 2,
	                                               boot_wakeup, check_one, NULL,
	                                               HOST_BROKEN_FIFO, NULL },
	                   "done_count == wanted", LIMIT);
}
END_TEST

/* P32, mutant: the condition tested before the state is set. */
START_TEST(test_wakeup_tested_before_set_is_lost)
{
	scenario_must_fail(&(struct explore_scenario){ "wakeup, test before set", 2,
	                                               boot_testing_first, check_one, NULL, 0,
	                                               NULL },
	                   "done_count == wanted", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("wakeup");
	TCase *tests = tcase_create("wakeup");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_wakeup_sleeper_is_never_lost);
	tcase_add_test(tests, test_wakeup_without_barrier_is_lost);
	tcase_add_test(tests, test_wakeup_without_barrier_in_the_lock_is_lost);
	tcase_add_test(tests, test_wakeup_without_order_of_stores_is_lost);
	tcase_add_test(tests, test_wakeup_tested_before_set_is_lost);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
