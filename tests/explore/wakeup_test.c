// SPDX-License-Identifier: ISC
/*
 * Wakeups: of a sleeper, of an idle cpu, and the request that travels to it; and how lost ones are
 * drawn.
 */
#include <string.h>

#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "tests/explore/picture.h"
#include "tests/explore/scenario.h"
#include "tests/explore/sleeper.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

static void
check_one(void)
{
	scenario_check_at_rest(1);
}

static void
sleep_testing_first(void *arg)
{
	(void)arg;
	host_gate();
	while (!atomic_load(&sleeper_condition)) { /* bounded: until the wakeup */
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule();
	}
	scenario_done();
	host_stop();
}

static void
boot_wakeup(void)
{
	sleeper_boot(sleeper_wait, sleeper_set_and_wake);
}

static void
boot_testing_first(void)
{
	sleeper_boot(sleep_testing_first, sleeper_set_and_wake);
}

/* P32: set the state, test, schedule(), against set the condition, wake: every order, under TSO. */
START_TEST(test_wakeup_sleeper_is_never_lost)
{
	scenario_must_hold(
		&(struct explore_scenario){ "wakeup", 2, boot_wakeup, check_one, NULL, 0, NULL },
		LIMIT);
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

/* P32, seeded bug: a sleeper decides by the state that it had before it took the lock. */
START_TEST(test_wakeup_state_before_lock_is_lost)
{
	scenario_must_catch(
		&(struct explore_scenario){ "wakeup", 2, boot_wakeup, check_one, NULL, 0, NULL },
		"state-before-lock", "done_count == wanted", LIMIT);
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

/* ---- the request ---- */

static HOST_STATE struct task *urgent[2];
static HOST_STATE struct task *computing;

static void
run_when_woken(void *arg)
{
	(void)arg;
	for (;;) { /* bounded: once, then nobody wakes it */
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule();
		scenario_done();
	}
}

static void
wake_urgent(void *arg)
{
	host_gate();
	HOST_EXPECT(wake_up_state(urgent[(uintptr_t)arg], TASK_NORMAL));
	host_stop();
}

static void
compute_and_block(void *arg)
{
	(void)arg;
	host_gate();
	preempt_disable();
	preempt_enable();
	scenario_sleep();
}

static void
boot_request(unsigned int wakers, bool computes)
{
	for (uintptr_t n = 0; n < wakers; n++) {
		urgent[n] = scenario_fifo_task(0, (uint8_t)(10 + 10 * n), run_when_woken, NULL);
		scenario_name_task(urgent[n], n == 0 ? "fifo10" : "fifo20");
		host_watch(&urgent[n]->flags, TIF_NEED_RESCHED, TIF_POLLING_NRFLAG, 0);
		scenario_task((unsigned int)n + 1, wake_urgent, (void *)n);
	}
	if (computes) {
		computing = scenario_task(0, compute_and_block, NULL);
		scenario_name_task(computing, "computing");
		host_watch(&computing->flags, TIF_NEED_RESCHED, TIF_POLLING_NRFLAG, 0);
	}
	host_watch(&per_cpu(runqueue, 0).idle->flags, TIF_NEED_RESCHED, TIF_POLLING_NRFLAG, 0);
	scenario_name_cpus(wakers + 1);
}

static void
boot_one_request(void)
{
	boot_request(1, true);
}

static void
check_one_request(void)
{
	scenario_check_at_rest(1);
	HOST_EXPECT(host_sent_count(0, IRQ_RESCHEDULE) == host_watched_count());
}

/*
 * P25, P26, P27: a remote request reaches a task that computes, then blocks: one interrupt for
 * each.
 */
START_TEST(test_request_reaches_a_computing_cpu)
{
	scenario_must_hold(&(struct explore_scenario){ "request, computing", 2, boot_one_request,
	                                               check_one_request, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

static void
ask_for_nothing(void *arg)
{
	struct rq *rq = &per_cpu(runqueue, 0);

	(void)arg;
	host_gate();
	arch_irq_disable();
	raw_spin_lock(&rq->lock);
	resched_curr(rq);
	raw_spin_unlock_irq(&rq->lock);
	host_stop();
}

static void
boot_empty_request(void)
{
	scenario_task(0, compute_and_block, NULL);
	scenario_task(1, ask_for_nothing, NULL);
}

static void
check_nothing_asked(void)
{
	scenario_check_at_rest(0);
}

/*
 * P23: a request with nobody to switch to is answered too, by whoever gets it, and idle halts
 * again.
 */
START_TEST(test_request_without_competitor_is_cleared)
{
	struct explore_scenario scenario = {
		"request for nobody", 2, boot_empty_request, check_nothing_asked, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "keep-request-on-stay", "!need_resched()", LIMIT);
}
END_TEST

/* ---- the picture of a failing run ---- */

static char picture[16384];

static void
append(const char *line)
{
	ck_assert_uint_le(strlen(line), 100);
	ck_assert_uint_lt(strlen(picture) + strlen(line) + 1, sizeof(picture));
	strcat(picture, line);
	strcat(picture, "\n");
}

static void
draw_failure(const struct explore_scenario *scenario)
{
	static struct explore_report report;

	explore_all(scenario, LIMIT, &report);
	ck_assert(report.failed);
	explore_minimize(scenario, &report);
	picture[0] = '\0';
	picture_draw(scenario, report.replay, append);
	ck_assert_ptr_nonnull(strstr(picture, report.replay));
	ck_assert_ptr_nonnull(strstr(picture, report.reason));
}

/* Of the caret at these words: left of them, or behind. */
static size_t
column_of(const char *words)
{
	const char *found = strstr(picture, words);
	const char *line = found;
	const char *caret;

	ck_assert_msg(found != NULL, "no '%s' in\n%s", words, picture);
	while (line != picture && line[-1] != '\n') {
		line--;
	}
	caret = found - 2 >= line && found[-2] == '^' ? found - 2 : found + strlen(words) + 1;
	ck_assert_msg(*caret == '^', "no caret at '%s' in\n%s", words, picture);
	return (size_t)(caret - line);
}

static void
has(const char *words)
{
	ck_assert_msg(strstr(picture, words) != NULL, "no '%s' in\n%s", words, picture);
}

/*
 * P32, mutant: the picture of the lost wakeup shows the store that waits in its buffer while the
 * sleeper reads the condition and the waker the state, and that it blocks afterwards.
 */
START_TEST(test_wakeup_lost_is_drawn)
{
	draw_failure(&(struct explore_scenario){ "lost", 2, boot_wakeup, check_one, NULL,
	                                         HOST_BROKEN_XCHG, NULL });
	has("|====| sleeper");
	has("cpu 0   |===");
	has("cpu 1   |---");
	has("in the end: sleeper sleeps\n");
	ck_assert_uint_lt(column_of("sleeper.state = UNINTERRUPTIBLE, in its buffer"),
	                  column_of("reads condition: 0"));
	ck_assert_uint_lt(column_of("reads condition: 0"), column_of("condition = 1"));
	ck_assert_uint_lt(column_of("condition = 1"),
	                  column_of("memory gets sleeper.state = UNINTERRUPTIBLE"));
	ck_assert_uint_lt(column_of("memory gets sleeper.state = UNINTERRUPTIBLE"),
	                  column_of("sleeper blocks"));
	ck_assert_uint_le(column_of("halts"), column_of("the run fails here"));
	ck_assert_ptr_null(strstr(picture, "wakes sleeper"));
}
END_TEST

static void
boot_idle(void)
{
	sleeper_boot(sleeper_block, sleeper_wake);
}

/* P33, seeded bug: the wakeup, its interrupt, and the halt behind it stand in this order. */
START_TEST(test_idle_slept_through_is_drawn)
{
	draw_failure(&(struct explore_scenario){ "overslept", 2, boot_idle, check_one, NULL, 0,
	                                         "idle-shadow-lost" });
	has("|##");
	has("in the end: sleeper is runnable but does not run\n");
	ck_assert_uint_lt(column_of("sleeper blocks"), column_of("sends an interrupt to cpu 0"));
	ck_assert_uint_lt(column_of("sends an interrupt to cpu 0"), column_of("call interrupt"));
	ck_assert_uint_lt(column_of("call interrupt"), column_of("requests a switch on cpu 0"));
	ck_assert_uint_lt(column_of("wakes sleeper"), column_of("halts"));
}
END_TEST

/* P23, seeded bug: what fails within a run is marked on the cpu that it happens on. */
START_TEST(test_request_kept_is_drawn)
{
	draw_failure(&(struct explore_scenario){ "kept", 2, boot_empty_request, check_nothing_asked,
	                                         NULL, 0, "keep-request-on-stay" });
	ck_assert_uint_lt(column_of("reschedule interrupt"), column_of("fails\n"));
	ck_assert_uint_eq(column_of("fails\n"), column_of("the run fails here"));
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
	tcase_add_test(tests, test_wakeup_state_before_lock_is_lost);
	tcase_add_test(tests, test_wakeup_tested_before_set_is_lost);
	tcase_add_test(tests, test_request_reaches_a_computing_cpu);
	tcase_add_test(tests, test_request_without_competitor_is_cleared);
	tcase_add_test(tests, test_wakeup_lost_is_drawn);
	tcase_add_test(tests, test_idle_slept_through_is_drawn);
	tcase_add_test(tests, test_request_kept_is_drawn);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
