// SPDX-License-Identifier: ISC
/*
 * Sleepers beyond the plain wakeup: how they are counted, signals, wake queues, and who may find a
 * task at all.
 */
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/wake_q.h"
#include "tests/explore/scenario.h"
#include "tests/explore/sleeper.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

static HOST_STATE struct atomic conditions[2];

static void
check_one(void)
{
	scenario_check_at_rest(1);
	HOST_EXPECT(sched_nr_uninterruptible() == 0);
}

/* ---- the state is read once ---- */

static void
boot_block(void)
{
	sleeper_boot(sleeper_block, sleeper_wake);
}

static const struct explore_scenario blocking = {
	"load of a sleeper", 2, boot_block, check_one, NULL, 0, NULL
};

/* P32: a sleeper counts itself by the state with which it leaves, and its waker takes it off. */
START_TEST(test_sleeper_is_counted_once)
{
	scenario_must_hold(&blocking, LIMIT);
	scenario_must_catch(&blocking, "state-read-twice", "sched_nr_uninterruptible()", LIMIT);
}
END_TEST

/* ---- signals ---- */

static void
sleep_for_signal(void *arg)
{
	(void)arg;
	host_gate();
	for (;;) { /* bounded: until the signal */
		set_current_state(TASK_INTERRUPTIBLE);
		if (signal_pending(current)) {
			break;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	scenario_done();
	host_stop();
}

/* It leaves the test to schedule(). */
static void
sleep_untested(void *arg)
{
	(void)arg;
	host_gate();
	set_current_state(TASK_INTERRUPTIBLE);
	schedule();
	HOST_EXPECT(signal_pending(current));
	scenario_done();
	host_stop();
}

static void
signal_sleeper(void *arg)
{
	(void)arg;
	host_gate();
	signal_wake_up(sleeper);
	host_stop();
}

static void
boot_signal(void)
{
	sleeper_boot(sleep_for_signal, signal_sleeper);
}

static void
boot_signal_untested(void)
{
	sleeper_boot(sleep_untested, signal_sleeper);
}

static const struct explore_scenario signal_untested = {
	"signal, tested by schedule()", 2, boot_signal_untested, check_one, NULL, 0, NULL
};

/*
 * P32: a signal against an interruptible sleep: whoever tests, the sleeper or schedule(). The
 * latter does it under the lock that the waker takes too, so it misses nothing even without the
 * sleeper's barrier.
 */
START_TEST(test_signal_is_never_lost)
{
	struct explore_scenario scenario = signal_untested;

	scenario_must_hold(&(struct explore_scenario){ "signal, tested", 2, boot_signal, check_one,
	                                               NULL, 0, NULL },
	                   LIMIT);
	scenario_must_hold(&signal_untested, LIMIT);
	scenario.broken = HOST_BROKEN_XCHG;
	scenario.name = "the same, no barrier in the state";
	scenario_must_hold(&scenario, LIMIT);
	scenario.broken |= HOST_BROKEN_ADD;
	scenario.name = "the same, nor in the lock";
	scenario_must_fail(&scenario, "done_count == wanted", LIMIT);
}
END_TEST

/* ---- wake queues ---- */

static void
sleep_for_both(void *arg)
{
	(void)arg;
	for (;;) { /* bounded: until the last wakeup */
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (atomic_load(&conditions[0]) && atomic_load(&conditions[1])) {
			break;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	scenario_done();
	host_stop();
}

static void
set_and_queue(void *arg)
{
	struct wake_q_head head;

	host_gate();
	wake_q_init(&head);
	atomic_store(&conditions[(uintptr_t)arg], 1);
	wake_q_add(&head, sleeper);
	wake_up_q(&head);
	host_stop();
}

static void
boot_queues(void)
{
	sleeper = scenario_task(0, sleep_for_both, NULL);
	scenario_name_task(sleeper, "sleeper");
	scenario_name_cpus(3);
	explore_name(&conditions[0], "first");
	explore_name(&conditions[1], "second");
	explore_name(&sleeper->wake_q.queued, "sleeper.wake_q.queued");
	scenario_task(1, set_and_queue, (void *)0);
	scenario_task(2, set_and_queue, (void *)1);
}

static const struct explore_scenario queues = {
	"two wake queues", 3, boot_queues, check_one, NULL, 0, NULL
};

/*
 * P32: of two wakers with a condition each, one may find the sleeper queued by the other and leave:
 * the other's wakeup shows the sleeper both.
 */
START_TEST(test_wake_q_that_finds_a_task_queued_shows_its_condition)
{
	scenario_must_hold(&queues, LIMIT);
	scenario_must_catch(&queues, "wake-q-unordered", "done_count == wanted", LIMIT);
}
END_TEST

/* ---- the end of a sleeper ---- */

static void
boot_end(void)
{
	sleeper_boot(sleeper_wait_and_end, sleeper_set_and_wake);
}

static void
check_end(void)
{
	check_one();
	HOST_EXPECT(atomic_load(&sleeper->state) == TASK_DEAD);
	HOST_EXPECT(!atomic_load(&sleeper->on_rq));
	HOST_EXPECT(atomic_load(&sleeper->refcount) == 1);
}

static const struct explore_scenario end_of_sleeper = {
	"the end of a task that is being woken", 2, boot_end, check_end, NULL, 0, NULL
};

/*
 * P39: a wakeup that found the task in a sleep that it did not come to, and is slow, does not undo
 * its end.
 */
START_TEST(test_late_waker_does_not_wake_the_dead)
{
	scenario_must_hold(&end_of_sleeper, LIMIT);
	scenario_must_catch(&end_of_sleeper, "dead-unlocked", "was switched in", LIMIT);
}
END_TEST

/* ---- who finds a task ---- */

static HOST_STATE uint32_t last_old_pid;

static void
renice(struct task *task, void *cookie)
{
	(void)cookie;
	if (task->pid > last_old_pid) {
		set_user_nice(task, 5);
		HOST_EXPECT(task->prio == DEFAULT_PRIO + 5);
	}
}

static void
renice_all(void *arg)
{
	(void)arg;
	host_gate();
	task_for_each(renice, NULL);
	scenario_done();
	host_stop();
}

static void
do_nothing(void *arg)
{
	(void)arg;
}

static void
create(void *arg)
{
	(void)arg;
	host_gate();
	task_create(&(struct task_params){ .comm = "new", .fn = do_nothing, .cpus_allowed = 1 });
	host_stop();
}

static void
boot_listing(void)
{
	scenario_task(0, create, NULL);
	last_old_pid = scenario_task(1, renice_all, NULL)->pid;
}

static struct explore_scenario listing = {
	"a task is made and found", 2, boot_listing, check_one, NULL, 0, NULL
};

/*
 * P36: whoever finds a new task in the list of all tasks finds its class and priority set. These
 * are plain data, whose races are none to the exhaustive explorer; the bounded one knows no races.
 */
START_TEST(test_task_that_is_found_is_whole)
{
	scenario_must_hold(&listing, LIMIT);
	scenario_must_hold_within(&listing, 2, LIMIT);
	listing.bug = "listed-early";
	scenario_must_fail_within(&listing, "assertion failed: task->class != NULL", 2, LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sleeper");
	TCase *tests = tcase_create("sleeper");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_sleeper_is_counted_once);
	tcase_add_test(tests, test_signal_is_never_lost);
	tcase_add_test(tests, test_wake_q_that_finds_a_task_queued_shows_its_condition);
	tcase_add_test(tests, test_late_waker_does_not_wake_the_dead);
	tcase_add_test(tests, test_task_that_is_found_is_whole);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
