// SPDX-License-Identifier: ISC
/*
 * yield_to(): the task that is given the cpu is next, or there was nothing to give; and it may move
 * to another cpu meanwhile.
 */
#include "guest/yield_to.h"

#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 100000

static HOST_STATE struct task *target;
static HOST_STATE unsigned int ran_first; /* 1: the target; 2: the other */

static void
run_and_sleep(void *number)
{
	if (ran_first == 0) {
		ran_first = (unsigned int)(uintptr_t)number;
	}
	scenario_done();
	scenario_sleep();
}

/* The other is in the queue before the target. */
static void
yield_to_last(void *unused)
{
	(void)unused;
	host_gate();
	HOST_EXPECT(!yield_to(current));
	HOST_EXPECT(yield_to(target));
	HOST_EXPECT(ran_first == 1);
	HOST_EXPECT(!yield_to(target)); /* it sleeps */
	scenario_done();
	scenario_sleep();
}

static void
boot_order(void)
{
	preempt_model_set(PREEMPT_NONE);
	scenario_task(0, yield_to_last, NULL);
	scenario_task(0, run_and_sleep, (void *)2);
	target = scenario_task(0, run_and_sleep, (void *)1);
}

static void
check_three(void)
{
	scenario_check_at_rest(3);
}

/* P30: whom the cpu is given to is next, before others that have waited longer. */
START_TEST(test_yield_to_gives_the_next_turn)
{
	static const struct explore_scenario order = { "yield_to", 1, boot_order, check_three,
		                                       NULL,       0, NULL };

	scenario_must_hold(&order, LIMIT);
}
END_TEST

static void
yield_to_target(void *unused)
{
	(void)unused;
	host_gate();
	yield_to(target);
	scenario_done();
	scenario_sleep();
}

static void
move_target(void *unused)
{
	(void)unused;
	host_gate();
	HOST_EXPECT(set_cpus_allowed(target, 1u << 1) == 0);
	scenario_done();
	scenario_sleep();
}

static void
boot_move(void)
{
	preempt_model_set(PREEMPT_NONE);
	scenario_task(0, yield_to_target, NULL);
	target = scenario_task(0, run_and_sleep, (void *)1);
	scenario_task(1, move_target, NULL);
}

/* P36, J22: the target is moved to another cpu at any moment. Seeded bug: nothing keeps it. */
START_TEST(test_yield_to_meets_a_target_that_moves)
{
	static const struct explore_scenario move = {
		"yield_to, and a move", 2, boot_move, check_three, NULL, 0, NULL
	};

	scenario_must_hold(&move, LIMIT);
	scenario_must_catch(&move, "yield-to-unpinned", "&task->cpu) == rq->cpu", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("yield_to");
	TCase *tests = tcase_create("yield_to");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_yield_to_gives_the_next_turn);
	tcase_add_test(tests, test_yield_to_meets_a_target_that_moves);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
