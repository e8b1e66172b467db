// SPDX-License-Identifier: ISC
/*
 * The wake list: tasks that one cpu wakes for another that idles, or is about to.
 */
#include <stdio.h>

#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

static HOST_STATE struct task *sleepers[2];
static HOST_STATE unsigned int blocked_count;

/* Of the runs of a scenario. */
static unsigned int called; /* in which the wake list's interrupt was sent */
static unsigned int polled; /* in which nothing was: idle looked by itself */

static void
block_at_once(void *arg)
{
	(void)arg;
	set_current_state(TASK_UNINTERRUPTIBLE);
	blocked_count++;
	schedule();
	scenario_done();
	scenario_sleep();
}

/* On its way out from the start. */
static void
block_from_gate(void *arg)
{
	(void)arg;
	set_current_state(TASK_UNINTERRUPTIBLE);
	host_gate();
	schedule();
	scenario_done();
	host_stop();
}

static void
wake_one(void *arg)
{
	host_gate();
	HOST_EXPECT(wake_up_state(sleepers[(uintptr_t)arg], TASK_NORMAL));
	host_stop();
}

static void
wake_both(void *arg)
{
	(void)arg;
	host_gate();
	HOST_EXPECT(wake_up_state(sleepers[0], TASK_NORMAL));
	HOST_EXPECT(wake_up_state(sleepers[1], TASK_NORMAL));
	host_stop();
}

static void
boot_switch_out(void)
{
	called = 0;
	polled = 0;
	sleepers[0] = scenario_task(0, block_from_gate, NULL);
	scenario_name_task(sleepers[0], "sleeper");
	scenario_name_cpus(2);
	scenario_task(1, wake_one, (void *)0);
}

static void
boot_sleepers(unsigned int count)
{
	static const char *const names[] = { "first", "second" };

	for (unsigned int n = 0; n < count; n++) {
		sleepers[n] = scenario_task(0, block_at_once, NULL);
		scenario_name_task(sleepers[n], names[n]);
	}
	scenario_name_cpus(2);
}

static void
boot_one_waker(void)
{
	boot_sleepers(2);
	scenario_task(1, wake_both, NULL);
}

static void
boot_two_wakers(void)
{
	boot_sleepers(2);
	scenario_task(1, wake_one, (void *)0);
	scenario_task(2, wake_one, (void *)1);
}

/* Once both sleep, cpu 0 only halts: what it enqueues then stays where it is. */
static void
idle_halts(void)
{
	for (;;) { /* forever */
		arch_irq_disable();
		if (need_resched() && (raw_smp_processor_id() != 0 || blocked_count < 2)) {
			arch_irq_enable();
			set_preempt_need_resched();
			schedule_idle();
		} else {
			arch_safe_halt();
		}
	}
}

static void
check_both_queued(void)
{
	for (unsigned int n = 0; n < 2; n++) {
		HOST_EXPECT(atomic_load(&sleepers[n]->on_rq) == TASK_ON_RQ_QUEUED);
		HOST_EXPECT(atomic_load(&sleepers[n]->state) == TASK_RUNNING);
	}
	HOST_EXPECT(test_tsk_need_resched(per_cpu(runqueue, 0).idle));
	HOST_EXPECT(test_preempt_need_resched());
	HOST_EXPECT(!atomic_load(&per_cpu(runqueue, 0).ttwu_pending));
	HOST_EXPECT(host_all_halted());
}

static void
check_switch_out(void)
{
	unsigned int calls = host_sent_count(0, IRQ_CALL);

	scenario_check_at_rest(1);
	HOST_EXPECT(sched_nr_uninterruptible() == 0);
	HOST_EXPECT(calls <= 1);
	called += calls;
	polled += calls == 0 && host_sent_count(0, IRQ_RESCHEDULE) == 0;
}

static void
check_both(void)
{
	scenario_check_at_rest(2);
	HOST_EXPECT(atomic_load(&per_cpu(runqueue, 0).wake_list) == NULL);
	HOST_EXPECT(!atomic_load(&per_cpu(runqueue, 0).ttwu_pending));
}

static const struct explore_scenario switch_out = {
	"wake list, switching out", 2, boot_switch_out, check_switch_out, NULL, 0, NULL
};
static const struct explore_scenario one_waker = {
	"wake list, one waker of two", 2, boot_one_waker, check_both, NULL, 0, NULL
};
static const struct explore_scenario two_wakers = {
	"wake list, two wakers of two", 3, boot_two_wakers, check_both_queued, idle_halts, 0, NULL
};

/*
 * P32, P36: a task that is just leaving its cpu to idle is woken through that cpu's wake list: by
 * an interrupt, or, in idle's polling window, by the flag alone.
 */
START_TEST(test_wake_list_against_switch_out_loses_nothing)
{
	scenario_must_hold(&switch_out, LIMIT);
	printf("    %u runs with the interrupt, %u without any\n", called, polled);
	ck_assert_uint_ne(called, 0);
	ck_assert_uint_ne(polled, 0);
}
END_TEST

/* P32: a task put into the list while the idle cpu takes the one before it. */
START_TEST(test_wake_list_while_it_is_taken_loses_nothing)
{
	scenario_must_hold(&one_waker, LIMIT);
	scenario_must_catch(&one_waker, "wake-list-loses", "done_count == wanted", LIMIT);
}
END_TEST

/* P32: two cpus wake two tasks of an idle third: one interrupt may do for both, or each has its
 * own. */
START_TEST(test_wake_list_of_two_wakers_loses_nothing)
{
	scenario_must_hold(&two_wakers, LIMIT);
	scenario_must_catch(&two_wakers, "wake-list-loses",
	                    "atomic_load(&sleepers[n]->on_rq) == TASK_ON_RQ_QUEUED", LIMIT);
}
END_TEST

static void
must_break(const struct explore_scenario *scenario, const char *name, unsigned int broken,
           const char *words)
{
	struct explore_scenario mutant = *scenario;

	mutant.name = name;
	mutant.broken = broken;
	scenario_must_fail(&mutant, words, LIMIT);
}

/*
 * P32, mutants: the list taken in two steps; what a waker stored before it added, seen later than
 * that.
 */
START_TEST(test_wake_list_without_barriers_is_noticed)
{
	must_break(&two_wakers, "wake list, xchg in two steps", HOST_BROKEN_XCHG,
	           "atomic_load(&sleepers[n]->on_rq) == TASK_ON_RQ_QUEUED");
	must_break(&two_wakers, "wake list, no barrier in cmpxchg", HOST_BROKEN_CMPXCHG,
	           "!atomic_load(&per_cpu(runqueue, 0).ttwu_pending)");
	must_break(&switch_out, "wake list, stores in any order", HOST_BROKEN_FIFO,
	           "done_count == wanted");
}
END_TEST

/* ---- the order of a wakeup ---- */

static HOST_STATE struct task *runner;

static void
block_and_run_on(void *arg)
{
	(void)arg;
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	scenario_done();
	host_stop();
}

/* The list's cpu enqueues while we look; it never blocks again. */
static void
wake_and_look(void *arg)
{
	(void)arg;
	host_gate();
	HOST_EXPECT(wake_up_state(runner, TASK_NORMAL));
	if (atomic_load(&runner->state) == TASK_RUNNING) {
		HOST_EXPECT(atomic_load(&runner->on_rq) == TASK_ON_RQ_QUEUED);
	}
	host_stop();
}

static void
boot_look(void)
{
	runner = scenario_task(0, block_and_run_on, NULL);
	scenario_name_task(runner, "runner");
	scenario_name_cpus(2);
	scenario_task(1, wake_and_look, NULL);
}

static void
check_one(void)
{
	scenario_check_at_rest(1);
}

/* P38: whoever sees a woken task RUNNING finds it queued. */
START_TEST(test_wake_list_task_is_queued_before_it_is_running)
{
	struct explore_scenario scenario = {
		"wake list, looked at", 2, boot_look, check_one, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "running-before-queued",
	                    "atomic_load(&runner->on_rq) == TASK_ON_RQ_QUEUED", LIMIT);
}
END_TEST

/* ---- where it may run ---- */

/* The request to move has come before the start, so that this switch blocks. */
static void
block_where_it_may_not_run(void)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	preempt_disable();
	host_gate();
	preempt_enable_no_resched();
	schedule();
	scenario_done();
}

static void
block_then_stop(void *arg)
{
	(void)arg;
	block_where_it_may_not_run();
	host_stop();
}

static void
block_twice(void *arg)
{
	(void)arg;
	block_where_it_may_not_run();
	scenario_sleep();
}

/* It must leave its cpu to the task that it wakes. */
static void
move_and_wake(void *arg)
{
	(void)arg;
	set_cpus_allowed(sleepers[0], 1u << 1);
	host_gate();
	HOST_EXPECT(wake_up_state(sleepers[0], TASK_NORMAL));
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	host_fail("nobody wakes the waker");
}

static void
be_queued(void *arg)
{
	(void)arg;
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	host_fail("nobody wakes the neighbour");
}

static void
boot_moved(void (*body)(void *), bool has_neighbour)
{
	sleepers[0] = scenario_task(0, body, NULL);
	scenario_name_task(sleepers[0], "sleeper");
	scenario_name_cpus(2);
	if (has_neighbour) {
		scenario_task(0, be_queued, NULL);
	}
	scenario_task(1, move_and_wake, NULL);
}

static void
boot_moved_alone(void)
{
	boot_moved(block_then_stop, false);
}

static void
boot_moved_neighbour(void)
{
	boot_moved(block_then_stop, true);
}

static void
boot_moved_twice(void)
{
	boot_moved(block_twice, true);
}

static const struct explore_scenario moved_alone = {
	"blocks where it may not run", 2, boot_moved_alone, check_one, NULL, 0, NULL
};
static const struct explore_scenario moved_neighbour = {
	"the same, with a neighbour", 2, boot_moved_neighbour, check_one, NULL, 0, NULL
};

static const struct explore_scenario moved_twice = {
	"the same, and blocks again", 2, boot_moved_twice, check_one, NULL, 0, NULL
};

/* P37: a task whose mask has lost its cpu blocks there and is woken elsewhere. */
START_TEST(test_wake_list_respects_the_mask)
{
	scenario_must_hold(&moved_alone, LIMIT);
	scenario_must_catch(&moved_alone, "wake-list-anywhere",
	                    "assertion failed: task_allowed_on(task, rq->cpu)", LIMIT);
}
END_TEST

/* P36: it runs on the other cpu only when the first has left its stack. */
START_TEST(test_wake_of_a_task_that_is_switching_out_waits)
{
	scenario_must_hold(&moved_neighbour, LIMIT);
	scenario_must_catch(&moved_neighbour, "no-on-cpu-wait",
	                    "assertion failed: !atomic_load(&next->on_cpu)", LIMIT);
	scenario_must_hold_within(&moved_twice, 2, LIMIT);
	scenario_must_catch(&moved_twice, "on-cpu-cleared-early",
	                    "assertion failed: atomic_load(&prev->on_cpu)", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("wake_list");
	TCase *tests = tcase_create("wake_list");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_wake_list_against_switch_out_loses_nothing);
	tcase_add_test(tests, test_wake_list_while_it_is_taken_loses_nothing);
	tcase_add_test(tests, test_wake_list_of_two_wakers_loses_nothing);
	tcase_add_test(tests, test_wake_list_without_barriers_is_noticed);
	tcase_add_test(tests, test_wake_list_task_is_queued_before_it_is_running);
	tcase_add_test(tests, test_wake_list_respects_the_mask);
	tcase_add_test(tests, test_wake_of_a_task_that_is_switching_out_waits);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
