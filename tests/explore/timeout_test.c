// SPDX-License-Identifier: ISC
/*
 * Sleeps with a timeout: the timer on the sleeper's stack against the wakeup that it did not wait
 * for.
 */
#include "guest/sleep.h"

#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/smp.h"
#include "tests/explore/scenario.h"
#include "tests/explore/sleeper.h"
#include "tests/unit/suite.h"

#define LIMIT      6000000
#define TIMEOUT_NS 100

static HOST_STATE int64_t left_ns;
static HOST_STATE bool was_true;

/* Asleep from the start: what comes later is the timeout and the wakeup. */
static void
sleep_until_either(void *arg)
{
	(void)arg;
	left_ns = TIMEOUT_NS;
	for (;;) { /* bounded: by the timeout */
		set_current_state(TASK_UNINTERRUPTIBLE);
		was_true = atomic_load(&sleeper_condition);
		if (was_true || left_ns == 0) {
			break;
		}
		left_ns = schedule_timeout(left_ns);
	}
	__set_current_state(TASK_RUNNING);
	scenario_done();
	host_stop();
}

static void
sleep_from_gate(void *arg)
{
	host_gate();
	sleep_until_either(arg);
}

static void
check_one_but_count(void)
{
	scenario_check_at_rest(1);
	for_each_cpu (cpu) {
		HOST_EXPECT(host_cpu(cpu)->timer_ns == UINT64_MAX);
	}
}

static void
check_one(void)
{
	check_one_but_count();
	HOST_EXPECT(sched_nr_uninterruptible() == 0);
}

/* ---- the timeout against a wakeup ---- */

static void
pass_time_and_wake(void *arg)
{
	(void)arg;
	host_gate();
	host_clock_advance(TIMEOUT_NS);
	atomic_store(&sleeper_condition, 1);
	wake_up_process(sleeper);
	host_stop();
}

static void
boot_asleep(void)
{
	sleeper_boot(sleep_until_either, pass_time_and_wake);
}

static void
boot_either(void)
{
	sleeper_boot(sleep_from_gate, pass_time_and_wake);
}

static void
check_either(void)
{
	check_one();
	HOST_EXPECT(was_true || left_ns == 0);
}

static const struct explore_scenario either = {
	"timeout against wakeup", 2, boot_either, check_either, NULL, 0, NULL
};

/* P32: the timeout and a wakeup come together: the sleeper wakes once, and no timer is left. */
START_TEST(test_timeout_against_wakeup_ends_the_sleep)
{
	scenario_must_hold(&(struct explore_scenario){ "timeout against wakeup, asleep", 2,
	                                               boot_asleep, check_either, NULL, 0, NULL },
	                   LIMIT);
	scenario_must_hold_within(&either, 2, LIMIT);
	scenario_must_catch(&either, "timeout-not-cancelled",
	                    "assertion failed: !rb_is_linked(&sleep.timer.node)", LIMIT);
}
END_TEST

/* ---- on another cpu ---- */

static void
sleep_and_move(void *arg)
{
	(void)arg;
	set_current_state(TASK_UNINTERRUPTIBLE);
	left_ns = schedule_timeout(TIMEOUT_NS);
	HOST_EXPECT(smp_processor_id() == 1);
	scenario_done();
	host_stop();
}

/* The sleeper sleeps already. */
static void
move_and_wake(void *arg)
{
	(void)arg;
	HOST_EXPECT(atomic_load(&sleeper->state) == TASK_UNINTERRUPTIBLE);
	set_cpus_allowed(sleeper, 2);
	host_gate();
	host_clock_advance(TIMEOUT_NS);
	wake_up_process(sleeper);
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
}

static void
boot_moved(void)
{
	sleeper_boot(sleep_and_move, move_and_wake);
}

static void
check_moved(void)
{
	check_one_but_count();
	HOST_EXPECT(left_ns == 0);
}

static const struct explore_scenario moved = {
	"timeout, the sleeper wakes elsewhere", 2, boot_moved, check_moved, NULL, 0, NULL
};

/*
 * P32: the sleeper wakes on another cpu than its timer's, whose interrupt may be in its function or
 * on its way there: it does not leave before.
 */
START_TEST(test_timeout_cancelled_from_another_cpu_is_over)
{
	scenario_must_hold(&moved, LIMIT);
	scenario_must_catch(&moved, "timeout-not-cancelled",
	                    "assertion failed: !rb_is_linked(&sleep.timer.node)", LIMIT);
}
END_TEST

/* ---- what is left ---- */

static void
sleep_once(void *arg)
{
	(void)arg;
	set_current_state(TASK_UNINTERRUPTIBLE);
	left_ns = schedule_timeout(TIMEOUT_NS);
	scenario_done();
	host_stop();
}

static void
wake_early(void *arg)
{
	(void)arg;
	host_gate();
	host_clock_advance(TIMEOUT_NS - 30);
	wake_up_process(sleeper);
	host_stop();
}

static void
boot_early(void)
{
	sleeper_boot(sleep_once, wake_early);
}

static void
check_early(void)
{
	check_one();
	HOST_EXPECT(left_ns == 30);
}

static void
wake_never(void *arg)
{
	(void)arg;
	host_stop();
}

static void
boot_late(void)
{
	sleeper_boot(sleep_once, wake_never);
}

static void
check_late(void)
{
	check_one();
	HOST_EXPECT(left_ns == 0);
}

static void
sleep_for_ever(void *arg)
{
	(void)arg;
	HOST_EXPECT(schedule_timeout_uninterruptible(MAX_SCHEDULE_TIMEOUT) == MAX_SCHEDULE_TIMEOUT);
	HOST_EXPECT(schedule_timeout_uninterruptible(0) == 0);
	HOST_EXPECT(schedule_timeout_interruptible(TIMEOUT_NS) == 0);
	HOST_EXPECT(schedule_timeout_killable(TIMEOUT_NS) == 0);
	HOST_EXPECT(atomic_load(&current->state) == TASK_RUNNING);
	scenario_done();
	host_stop();
}

static void
boot_for_ever(void)
{
	sleeper_boot(sleep_for_ever, sleeper_wake);
}

/* P32: a sleep returns what is left of its timeout: all, some, nothing. */
START_TEST(test_timeout_returns_what_is_left)
{
	scenario_must_hold(&(struct explore_scenario){ "woken before the timeout", 2, boot_early,
	                                               check_early, NULL, 0, NULL },
	                   LIMIT);
	scenario_must_hold(
		&(struct explore_scenario){ "not woken", 2, boot_late, check_late, NULL, 0, NULL },
		LIMIT);
	scenario_must_hold(&(struct explore_scenario){ "no timeout", 2, boot_for_ever, check_one,
	                                               NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("timeout");
	TCase *tests = tcase_create("timeout");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_timeout_against_wakeup_ends_the_sleep);
	tcase_add_test(tests, test_timeout_cancelled_from_another_cpu_is_over);
	tcase_add_test(tests, test_timeout_returns_what_is_left);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
