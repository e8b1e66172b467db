// SPDX-License-Identifier: ISC
/*
 * Kernel threads against whoever stops and parks them.
 */
#include "guest/kthread.h"

#include "guest/errno.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/smp.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT      400000
#define DEVIATIONS 2 /* where all runs are too many: sleepers on both sides */
#define STOPPED    7 /* what threads return */

static HOST_STATE struct task *thread;
static HOST_STATE bool has_run;
static HOST_STATE int result;

static void
boot_thread(int (*fn)(void *), void (*controller)(void *))
{
	thread = kthread_create_on_cpu(fn, NULL, 1, "thread/%u", 1u);
	scenario_name_task(thread, "thread");
	scenario_name_cpus(2);
	scenario_name_task(scenario_task(0, controller, NULL), "controller");
}

/* Parked, and nothing of it is on a cpu. */
static bool
is_parked(const struct task *task)
{
	return atomic_load(&task->state) == TASK_PARKED && !atomic_load(&task->on_cpu) &&
	       !atomic_load(&task->on_rq);
}

static void
stop_thread(void *unused)
{
	(void)unused;
	host_gate();
	result = kthread_stop(thread);
	scenario_done();
	host_stop();
}

/* ---- stop against a sleep ---- */

static int
sleep_until_stopped(void *unused)
{
	(void)unused;
	host_gate();
	for (;;) { /* bounded: until it is stopped */
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (kthread_should_stop()) {
			break;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return STOPPED;
}

static int
sleep_until_stopped_and_halt(void *unused)
{
	sleep_until_stopped(unused);
	scenario_done();
	host_stop();
}

/* The stopper finds the thread's end told already, and does not wait. */
static void
boot_request(void)
{
	boot_thread(sleep_until_stopped_and_halt, stop_thread);
	wake_up_process(thread);
	complete(&thread->exited);
}

static void
check_request(void)
{
	scenario_check_at_rest(2);
}

static const struct explore_scenario request = {
	"the request of kthread_stop", 2, boot_request, check_request, NULL, 0, NULL
};

static void
boot_stop(void)
{
	boot_thread(sleep_until_stopped, stop_thread);
	wake_up_process(thread);
}

static void
check_stop(void)
{
	scenario_check_at_rest(1);
	HOST_EXPECT(result == STOPPED);
}

static const struct explore_scenario stopping = {
	"kthread_stop against a sleep", 2, boot_stop, check_stop, NULL, 0, NULL
};

/* P32: a thread that sets its state, then asks whether it is to stop, ends, and says its result. */
START_TEST(test_kthread_stop_is_never_slept_through)
{
	scenario_must_hold(&request, LIMIT);
	scenario_must_hold_within(&stopping, DEVIATIONS, LIMIT);
	scenario_must_catch(&request, "kthread-stop-wakes-first", "done_count == wanted", LIMIT);
}
END_TEST

/* ---- stop against the first step ---- */

static int
say_that_it_runs(void *unused)
{
	(void)unused;
	has_run = true;
	return STOPPED;
}

static void
wake_thread(void *unused)
{
	(void)unused;
	host_gate();
	wake_up_process(thread);
}

static void
boot_unborn(void)
{
	boot_thread(say_that_it_runs, stop_thread);
}

static void
boot_newborn(void)
{
	boot_unborn();
	scenario_task(1, wake_thread, NULL);
}

static void
check_unborn(void)
{
	scenario_check_at_rest(1);
	HOST_EXPECT(!has_run);
	HOST_EXPECT(result == -EINTR);
}

static void
check_newborn(void)
{
	scenario_check_at_rest(1);
	HOST_EXPECT(result == (has_run ? STOPPED : -EINTR));
}

static const struct explore_scenario unborn = {
	"kthread_stop before the first step", 2, boot_unborn, check_unborn, NULL, 0, NULL
};
static const struct explore_scenario newborn = {
	"kthread_stop against the first wakeup", 2, boot_newborn, check_newborn, NULL, 0, NULL
};

/* P32: a thread that is stopped before its first step never runs its function, and ends. */
START_TEST(test_kthread_stopped_before_its_first_step_does_not_run)
{
	scenario_must_hold(&unborn, LIMIT);
	scenario_must_catch(&unborn, "kthread-runs-stopped", "!has_run", LIMIT);
	scenario_must_hold_within(&newborn, DEVIATIONS, LIMIT);
}
END_TEST

/* ---- parking ---- */

static int
park_and_sleep(void *unused)
{
	(void)unused;
	host_gate();
	for (;;) { /* bounded: until it is stopped */
		kthread_parkme();
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (kthread_should_stop()) {
			break;
		}
		if (!kthread_should_park()) {
			schedule();
		}
		__set_current_state(TASK_RUNNING);
	}
	__set_current_state(TASK_RUNNING);
	return STOPPED;
}

static void
park_thread(void *unused)
{
	(void)unused;
	host_gate();
	HOST_EXPECT(kthread_park(thread) == 0);
	HOST_EXPECT(is_parked(thread));
	scenario_done();
	host_stop();
}

static void
park_and_stop(void *unused)
{
	(void)unused;
	host_gate();
	HOST_EXPECT(kthread_park(thread) == 0);
	kthread_unpark(thread);
	result = kthread_stop(thread);
	scenario_done();
	host_stop();
}

static void
boot_park(void)
{
	boot_thread(park_and_sleep, park_thread);
	wake_up_process(thread);
}

static void
boot_park_and_stop(void)
{
	boot_thread(park_and_sleep, park_and_stop);
	wake_up_process(thread);
}

static void
check_park(void)
{
	scenario_check_at_rest(1);
	HOST_EXPECT(is_parked(thread));
}

/* It has set the state of a sleep that it does not come to: whoever asks it to park finds that. */
static int
park_instead_of_sleep(void *unused)
{
	(void)unused;
	set_current_state(TASK_UNINTERRUPTIBLE);
	host_gate();
	while (!kthread_should_park()) { /* bounded: until it is asked */
		arch_cpu_relax();
	}
	kthread_parkme();
	return STOPPED;
}

static void
boot_park_instead(void)
{
	boot_thread(park_instead_of_sleep, park_thread);
	wake_up_process(thread);
}

static const struct explore_scenario parking_instead = {
	"kthread_park against an older wakeup", 2, boot_park_instead, check_park, NULL, 0, NULL
};

static const struct explore_scenario parking = {
	"kthread_park against a sleep", 2, boot_park, check_park, NULL, 0, NULL
};

/* P36: kthread_park() returns when the thread is parked and off its cpu, from any point of it. */
START_TEST(test_kthread_park_waits_until_it_is_off_its_cpu)
{
	struct explore_scenario unlocked = parking_instead;

	scenario_must_hold_within(&parking, DEVIATIONS, LIMIT);
	scenario_must_catch(&parking, "park-still-on-cpu", "is_parked(thread)", LIMIT);
	unlocked.bug = "parked-unlocked";
	scenario_must_hold_within(&parking_instead, DEVIATIONS, LIMIT);
	scenario_must_fail_within(&unlocked, "is_parked(thread)", DEVIATIONS, LIMIT);
}
END_TEST

/* P32: park, unpark and stop, one after the other, each find the thread wherever it is. */
START_TEST(test_kthread_park_unpark_stop_all_arrive)
{
	scenario_must_hold_within(&(struct explore_scenario){ "park, unpark, stop", 2,
	                                                      boot_park_and_stop, check_stop, NULL,
	                                                      0, NULL },
	                          DEVIATIONS, LIMIT);
}
END_TEST

static int
park_itself(void *unused)
{
	(void)unused;
	kthread_park(current);
	host_gate();
	kthread_parkme();
	scenario_done();
	return STOPPED;
}

static void
unpark_thread(void *unused)
{
	(void)unused;
	host_gate();
	kthread_unpark(thread);
	host_stop();
}

static void
boot_unpark(void)
{
	boot_thread(park_itself, unpark_thread);
	wake_up_process(thread);
}

static void
check_unpark(void)
{
	scenario_check_at_rest(1);
}

static const struct explore_scenario unparking = {
	"kthread_unpark against kthread_parkme", 2, boot_unpark, check_unpark, NULL, 0, NULL
};

/* P32: a thread that parks sees that it need not, or is woken. */
START_TEST(test_kthread_unpark_is_never_lost)
{
	scenario_must_hold(&unparking, LIMIT);
	scenario_must_catch(&unparking, "unpark-wakes-first", "done_count == wanted", LIMIT);
}
END_TEST

static void
park_twice(void *unused)
{
	(void)unused;
	host_gate();
	HOST_EXPECT(kthread_park(thread) == 0);
	HOST_EXPECT(kthread_park(thread) == -EBUSY);
	kthread_unpark(thread);
	host_stop();
}

static int
park_when_told(void *unused)
{
	(void)unused;
	while (!kthread_should_park()) { /* bounded: it is told once */
		set_current_state(TASK_INTERRUPTIBLE);
		if (!kthread_should_park()) {
			schedule();
		}
		__set_current_state(TASK_RUNNING);
	}
	kthread_parkme();
	scenario_done();
	return STOPPED;
}

static void
boot_twice(void)
{
	boot_thread(park_when_told, park_twice);
	wake_up_process(thread);
}

/* P32: who parks a thread that is parked is told, and does not wait. */
START_TEST(test_kthread_parked_is_not_parked_again)
{
	scenario_must_hold_within(&(struct explore_scenario){ "kthread_park, twice", 2, boot_twice,
	                                                      check_unpark, NULL, 0, NULL },
	                          2, LIMIT);
}
END_TEST

/* ---- where it runs ---- */

static void
move_bound(void *unused)
{
	(void)unused;
	HOST_EXPECT(set_cpus_allowed(thread, 1) == -EINVAL);
	host_gate();
	result = kthread_stop(thread);
	scenario_done();
	host_stop();
}

static void
boot_bound(void)
{
	boot_thread(say_that_it_runs, move_bound);
}

/* P65: a bound thread is no one's to move, so it may use its cpu's data without pinning itself. */
START_TEST(test_kthread_bound_stays_on_its_cpu)
{
	scenario_must_hold(&(struct explore_scenario){ "a bound thread", 2, boot_bound,
	                                               check_unborn, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("kthread");
	TCase *tests = tcase_create("kthread");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_kthread_stop_is_never_slept_through);
	tcase_add_test(tests, test_kthread_stopped_before_its_first_step_does_not_run);
	tcase_add_test(tests, test_kthread_park_waits_until_it_is_off_its_cpu);
	tcase_add_test(tests, test_kthread_park_unpark_stop_all_arrive);
	tcase_add_test(tests, test_kthread_unpark_is_never_lost);
	tcase_add_test(tests, test_kthread_parked_is_not_parked_again);
	tcase_add_test(tests, test_kthread_bound_stays_on_its_cpu);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
