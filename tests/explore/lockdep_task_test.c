// SPDX-License-Identifier: ISC
/*
 * lockdep in the machine: what tasks do wrong, on a cpu or two, and the seeded bugs of its own.
 */
#include "guest/sched.h"
#include "guest/spinlock.h"
#include "tests/explore/lockdep_program.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 200000

static const char *program;
static const char *unseen; /* what to say if the program came to its end */

static void
run_in_task(void *unused)
{
	(void)unused;
	host_gate();
	program_run(program);
	if (unseen != NULL) {
		host_fail("%s went unseen", unseen);
	}
	host_stop();
}

static void
boot_program(void)
{
	scenario_task(0, run_in_task, NULL);
}

static struct explore_scenario
program_scenario(const char *name, const char *steps, const char *what)
{
	program = steps;
	unseen = what;
	return (struct explore_scenario){ name, 1, boot_program, NULL, NULL, 0, NULL };
}

/* J48: what lockdep decides by is needed: each seeded bug of its own lets a mistake through. */
START_TEST(test_lockdep_decisions_are_needed)
{
	static const struct {
		const char *steps;
		const char *what;
		const char *words;
		const char *bug;
	} cases[] = {
		{ "hAaH Aa", "a deadlock by an interrupt",
		  "possible deadlock: A is taken with interrupts on here",
		  "lockdep-irq-use-unseen" },
		{ "AXxa", "a wrong nesting", "wrong nesting: X (sleeping) is taken under A (raw)",
		  "lockdep-nesting-unseen" },
		{ "ABba BCcb CAac", "a cycle of three locks",
		  "A is taken under C here, and C under B under A elsewhere", "lockdep-shallow" },
	};

	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		struct explore_scenario scenario =
			program_scenario(cases[n].what, cases[n].steps, cases[n].what);

		scenario_must_fail(&scenario, cases[n].words, LIMIT);
		scenario_must_catch(&scenario, cases[n].bug, "went unseen", LIMIT);
	}
}
END_TEST

/* J48: recursive readers wait for no reader: a seeded bug that forgets it reports what is none. */
START_TEST(test_lockdep_readers_do_not_block)
{
	struct explore_scenario scenario =
		program_scenario("recursive readers", "rABba BrAab", NULL);

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "lockdep-readers-block", "possible deadlock", LIMIT);
}
END_TEST

static HOST_STATE struct raw_spinlock one;
static HOST_STATE struct raw_spinlock two;

static void
nest(struct raw_spinlock *outer, struct raw_spinlock *inner)
{
	raw_spin_lock(outer);
	raw_spin_lock(inner);
	raw_spin_unlock(inner);
	raw_spin_unlock(outer);
}

static void
lock_one_two(void *unused)
{
	(void)unused;
	scenario_gate();
	nest(&one, &two);
	host_stop();
}

static void
lock_two_one(void *unused)
{
	(void)unused;
	host_gate();
	nest(&two, &one);
	host_stop();
}

static void
boot_two_orders(void)
{
	raw_spin_lock_init(&one);
	raw_spin_lock_init(&two);
	scenario_task(0, lock_one_two, NULL);
	scenario_task(1, lock_two_one, NULL);
}

static void
boot_one_order(void)
{
	raw_spin_lock_init(&one);
	raw_spin_lock_init(&two);
	scenario_task(0, lock_one_two, NULL);
	scenario_task(1, lock_one_two, NULL);
}

/* J48: two orders on two cpus are reported in the run where they would have passed each other. */
START_TEST(test_lockdep_two_cpus_are_told_apart)
{
	scenario_must_hold(&(struct explore_scenario){ "one order, two cpus", 2, boot_one_order,
	                                               NULL, NULL, 0, NULL },
	                   LIMIT);
	scenario_must_fail(&(struct explore_scenario){ "two orders, two cpus", 2, boot_two_orders,
	                                               NULL, NULL, 0, NULL },
	                   "possible deadlock: one is taken under two here, "
	                   "and two under one elsewhere",
	                   LIMIT);
}
END_TEST

static void
yield_once(void *unused)
{
	(void)unused;
	scenario_gate();
	yield();
	host_stop();
}

static void
end_at_once(void *unused)
{
	(void)unused;
}

static void
boot_yield(void)
{
	scenario_task(0, yield_once, NULL);
	scenario_task(0, end_at_once, NULL);
}

/* J48: the queue's lock passes from task to task: a seeded bug that leaves it behind is noticed. */
START_TEST(test_lockdep_switch_passes_the_lock)
{
	struct explore_scenario scenario = { "a switch", 1, boot_yield, NULL, NULL, 0, NULL };

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch_late(&scenario, "lockdep-switch-keeps", "rq->lock is", LIMIT);
}
END_TEST

static void
end_holding(void *unused)
{
	(void)unused;
	host_gate();
	lock_map_acquire(&program_waits[0]);
}

static void
boot_end_holding(void)
{
	scenario_task(0, end_holding, NULL);
}

static void
sleep_holding(void *map)
{
	host_gate();
	lock_map_acquire(map);
	scenario_sleep();
}

static void
boot_sleep_raw(void)
{
	scenario_task(0, sleep_holding, &program_maps[0]);
}

static void
boot_sleep_sleeping(void)
{
	scenario_task(0, sleep_holding, &program_waits[0]);
}

/* J48: a task neither ends with a lock nor sleeps with one that spins; with a sleeping one it may.
 */
START_TEST(test_lockdep_tasks_end_and_sleep_without_locks)
{
	scenario_must_fail(&(struct explore_scenario){ "end with a lock", 1, boot_end_holding, NULL,
	                                               NULL, 0, NULL },
	                   "X is held by a task that ends", LIMIT);
	scenario_must_fail(&(struct explore_scenario){ "sleep with a raw lock", 1, boot_sleep_raw,
	                                               NULL, NULL, 0, NULL },
	                   "A is held by a task that sleeps", LIMIT);
	scenario_must_hold(&(struct explore_scenario){ "sleep with a sleeping lock", 1,
	                                               boot_sleep_sleeping, NULL, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lockdep and tasks");
	TCase *tests = tcase_create("lockdep and tasks");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_lockdep_decisions_are_needed);
	tcase_add_test(tests, test_lockdep_readers_do_not_block);
	tcase_add_test(tests, test_lockdep_two_cpus_are_told_apart);
	tcase_add_test(tests, test_lockdep_switch_passes_the_lock);
	tcase_add_test(tests, test_lockdep_tasks_end_and_sleep_without_locks);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
