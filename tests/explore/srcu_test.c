// SPDX-License-Identifier: ISC
/*
 * SRCU: readers that may sleep against an updater of their domain, and each step of its wait.
 */
#include "guest/bug.h"
#include "guest/sched.h"
#include "guest/srcu.h"
#include "tests/explore/guarded.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 1000000
#define FREED "a reader sees freed memory"

static HOST_STATE struct srcu_struct srcu;

static void
boot_domain(unsigned int cpus)
{
	guarded_boot();
	HOST_EXPECT(init_srcu_struct(&srcu) == 0);
	explore_name(&srcu.index, "srcu.index");
	for (unsigned int n = 0; n < 2 * cpus; n++) {
		explore_name(&srcu.cpus[n / 2].locks[n % 2], "locks%u[%u]", n / 2, n % 2);
		explore_name(&srcu.cpus[n / 2].unlocks[n % 2], "unlocks%u[%u]", n / 2, n % 2);
	}
}

static void
check_one(void)
{
	guarded_check(1);
}

static void
read_domain(void)
{
	int index = srcu_read_lock(&srcu);

	guarded_use(guarded_find());
	srcu_read_unlock(&srcu, index);
}

static void
read_once(void *unused)
{
	(void)unused;
	host_gate();
	read_domain();
	host_stop();
}

static void
update(void)
{
	guarded_unlink();
	srcu_grace_period(&srcu);
	guarded_free();
	scenario_done();
	scenario_sleep();
}

static void
update_once(void *unused)
{
	(void)unused;
	host_gate();
	update();
}

static void
check_done(void)
{
	scenario_check_quiet(1);
}

static void
boot_reader(void)
{
	boot_domain(2);
	scenario_task(0, read_once, NULL);
	scenario_task(1, update_once, NULL);
}

static const struct explore_scenario one_reader = {
	"srcu, a reader", 2, boot_reader, check_done, NULL, 0, NULL
};

/* RCU: a reader of the domain is waited for; its barrier is needed. */
START_TEST(test_srcu_reader_is_waited_for)
{
	scenario_must_hold(&one_reader, LIMIT);
	scenario_must_catch(&one_reader, "srcu-lock-unordered", FREED, LIMIT);
}
END_TEST

static void
boot_two_readers(void)
{
	boot_domain(3);
	scenario_task(0, read_once, NULL);
	scenario_task(2, read_once, NULL);
	scenario_task(1, update_once, NULL);
}

static const struct explore_scenario two_readers = {
	"srcu, two readers", 3, boot_two_readers, check_done, NULL, 0, NULL
};

/* RCU: two readers, one of which may come and go while the other stays. */
START_TEST(test_srcu_two_readers_are_waited_for)
{
	scenario_must_hold(&two_readers, LIMIT);
	scenario_must_catch(&two_readers, "srcu-locks-first", FREED, LIMIT);
}
END_TEST

static void
update_twice(void *unused)
{
	(void)unused;
	host_gate();
	srcu_grace_period(&srcu);
	update();
}

static void
boot_two_updates(void)
{
	boot_domain(2);
	scenario_task(0, read_once, NULL);
	scenario_task(1, update_twice, NULL);
}

static const struct explore_scenario two_updates = {
	"srcu, two updates", 2, boot_two_updates, check_done, NULL, 0, NULL
};

/*
 * RCU: a reader that took the index before the last turn, and counts itself behind it. For it alone
 * the updater needs its barrier A; for others the turn has one.
 */
START_TEST(test_srcu_straggler_is_waited_for)
{
	scenario_must_hold(&two_updates, LIMIT);
	scenario_must_catch(&two_updates, "srcu-no-first-wait", FREED, LIMIT);
	scenario_must_catch(&two_updates, "srcu-gp-unordered", FREED, LIMIT);
}
END_TEST

/* ---- readers that sleep ---- */

static HOST_STATE struct task *sleepy;

static void
read_asleep(void *unused)
{
	const struct guarded *object;
	int index;

	(void)unused;
	index = srcu_read_lock(&srcu);
	object = guarded_find();
	set_current_state(TASK_UNINTERRUPTIBLE);
	host_gate();
	schedule();
	guarded_use(object);
	srcu_read_unlock(&srcu, index);
	scenario_done();
	scenario_sleep();
}

static void
wake_sleepy(void *unused)
{
	(void)unused;
	host_gate();
	HOST_EXPECT(wake_up_state(sleepy, TASK_UNINTERRUPTIBLE));
	host_stop();
}

static void
boot_sleeper(void)
{
	boot_domain(3);
	sleepy = scenario_task(0, read_asleep, NULL);
	scenario_task(1, update_once, NULL);
	scenario_task(2, wake_sleepy, NULL);
}

static void
check_two(void)
{
	scenario_check_quiet(2);
}

/* RCU: a reader may sleep, and is waited for until it is woken and done. */
START_TEST(test_srcu_reader_may_sleep)
{
	scenario_must_hold(&(struct explore_scenario){ "srcu, a reader asleep", 3, boot_sleeper,
	                                               check_two, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* ---- newcomers ---- */

static HOST_STATE struct atomic freed;

/* Comes when the index has turned, and stays until the updater is done. */
static void
read_as_newcomer(void *unused)
{
	int index;

	(void)unused;
	host_gate();
	while (atomic_load(&srcu.index) == 0) { /* bounded: the updater turns it */
		arch_cpu_relax();
	}
	index = srcu_read_lock(&srcu);
	while (!atomic_load(&freed)) { /* bounded: the updater ends */
		arch_cpu_relax();
	}
	srcu_read_unlock(&srcu, index);
	scenario_done();
	host_stop();
}

static void
update_among_newcomers(void *unused)
{
	(void)unused;
	host_gate();
	synchronize_srcu(&srcu);
	atomic_store(&freed, 1);
	scenario_done();
	scenario_sleep();
}

static void
boot_newcomer(void)
{
	boot_domain(2);
	explore_name(&freed, "freed");
	scenario_task(0, read_as_newcomer, NULL);
	scenario_task(1, update_among_newcomers, NULL);
}

/* RCU: an updater ends although newcomers come that wait for its end. */
START_TEST(test_srcu_newcomers_are_not_waited_for)
{
	static const struct explore_scenario newcomer = {
		"srcu, a newcomer", 2, boot_newcomer, check_two, NULL, 0, NULL
	};

	scenario_must_hold(&newcomer, LIMIT);
	scenario_must_catch(&newcomer, "srcu-no-turn", "done_count == wanted", LIMIT);
}
END_TEST

/* ---- nesting, and the end ---- */

static void
read_nested(void *unused)
{
	int outer;

	(void)unused;
	host_gate();
	outer = srcu_read_lock(&srcu);
	read_domain();
	guarded_use(guarded_find());
	srcu_read_unlock(&srcu, outer);
	synchronize_srcu(&srcu);
	scenario_done();
	cleanup_srcu_struct(&srcu);
	scenario_sleep();
}

static void
boot_nested(void)
{
	boot_domain(1);
	scenario_task(0, read_nested, NULL);
}

/* RCU: readers nest; without any a grace period neither sleeps nor waits. */
START_TEST(test_srcu_readers_nest)
{
	scenario_must_hold(&(struct explore_scenario){ "srcu, nested", 1, boot_nested, check_one,
	                                               NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("srcu");
	TCase *tests = tcase_create("srcu");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_srcu_reader_is_waited_for);
	tcase_add_test(tests, test_srcu_two_readers_are_waited_for);
	tcase_add_test(tests, test_srcu_straggler_is_waited_for);
	tcase_add_test(tests, test_srcu_reader_may_sleep);
	tcase_add_test(tests, test_srcu_newcomers_are_not_waited_for);
	tcase_add_test(tests, test_srcu_readers_nest);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
