// SPDX-License-Identifier: ISC
/*
 * Tasklets against those who schedule, disable and kill them.
 */
#include "guest/tasklet.h"

#include "guest/bottom_half.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/softirq.h"
#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT      400000
#define DEVIATIONS 2 /* where all runs are too many: sleepers */

static HOST_STATE struct tasklet tasklet;
static HOST_STATE struct timer timer;
static HOST_STATE struct atomic inside;
static HOST_STATE struct atomic asked[2]; /* by cpu */
static HOST_STATE unsigned int seen[2];
static HOST_STATE struct atomic is_off; /* disabled, or killed */

static void
see(struct tasklet *self)
{
	HOST_EXPECT(self == &tasklet);
	HOST_EXPECT(in_serving_softirq());
	HOST_EXPECT(atomic_fetch_add(&inside, 1) == 0);
	HOST_EXPECT(!atomic_load(&is_off));
	seen[0] = atomic_load(&asked[0]);
	seen[1] = atomic_load(&asked[1]);
	atomic_fetch_sub(&inside, 1);
}

/* It runs before the enable returns, unless the other cpu runs it. */
static void
schedule_here(void)
{
	local_bh_disable();
	atomic_store(&asked[smp_processor_id()], 1);
	tasklet_schedule(&tasklet);
	local_bh_enable();
}

static void
schedule_in_task(void *unused)
{
	(void)unused;
	scenario_gate();
	schedule_here();
	scenario_done();
	scenario_sleep();
}

static void
boot_with(void (*fn)(struct tasklet *), void (*one)(void *), void (*other)(void *))
{
	softirq_init();
	tasklet_setup(&tasklet, fn);
	scenario_task(0, one, NULL);
	scenario_task(1, other, NULL);
}

static void
check_both(void)
{
	scenario_check_at_rest(2);
	HOST_EXPECT(seen[0] == atomic_load(&asked[0]) && seen[1] == atomic_load(&asked[1]));
	HOST_EXPECT(!atomic_load(&inside));
}

/* ---- scheduling ---- */

static void
boot_two(void)
{
	boot_with(see, schedule_in_task, schedule_in_task);
}

static const struct explore_scenario two = {
	"a tasklet scheduled by two cpus", 2, boot_two, check_both, NULL, 0, NULL
};

/* P36, P41: scheduled by two cpus at a time, it runs on one at a time, and after each of them. */
START_TEST(test_tasklet_is_served_one_cpu_at_a_time)
{
	scenario_must_hold_within(&two, DEVIATIONS, LIMIT);
	scenario_must_catch(&two, "tasklet-reenters", "inside", LIMIT);
	scenario_must_catch(&two, "tasklet-sched-late", "seen[0] ==", LIMIT);
}
END_TEST

/* ---- disabling ---- */

static void
disable_spinning(void *unused)
{
	(void)unused;
	scenario_gate();
	tasklet_disable_in_atomic(&tasklet);
	atomic_store_mb(&is_off, 1);
	HOST_EXPECT(!atomic_load(&inside));
	atomic_store_release(&is_off, 0);
	tasklet_enable(&tasklet);
	scenario_done();
	scenario_sleep();
}

static void
disable_sleeping(void *unused)
{
	(void)unused;
	scenario_gate();
	tasklet_disable(&tasklet);
	atomic_store_mb(&is_off, 1);
	HOST_EXPECT(!atomic_load(&inside));
	atomic_store_release(&is_off, 0);
	tasklet_enable(&tasklet);
	scenario_done();
	scenario_sleep();
}

static void
boot_disable(void)
{
	boot_with(see, schedule_in_task, disable_spinning);
}

static void
boot_disable_sleeping(void)
{
	boot_with(see, schedule_in_task, disable_sleeping);
}

static const struct explore_scenario disabling = {
	"a tasklet is disabled in atomic", 2, boot_disable, check_both, NULL, 0, NULL
};
static const struct explore_scenario disabling_sleeping = {
	"a tasklet is disabled", 2, boot_disable_sleeping, check_both, NULL, 0, NULL
};

/* P32, P41: while it is disabled it does not run; when it is enabled, what was scheduled does. */
START_TEST(test_tasklet_disabled_does_not_run)
{
	scenario_must_hold_within(&disabling, DEVIATIONS, LIMIT);
	scenario_must_hold_within(&disabling_sleeping, DEVIATIONS, LIMIT);
	scenario_must_catch(&disabling, "tasklet-count-first", "is_off", LIMIT);
	scenario_must_catch(&disabling, "tasklet-disable-early", "inside", LIMIT);
}
END_TEST

/* ---- killing ---- */

static HOST_STATE struct atomic is_scheduled;

static void
schedule_and_tell(void *unused)
{
	(void)unused;
	scenario_gate();
	local_bh_disable();
	atomic_store(&asked[0], 1);
	tasklet_schedule(&tasklet);
	atomic_store_release(&is_scheduled, 1);
	local_bh_enable();
	scenario_done();
	scenario_sleep();
}

static void
kill_it(void *unused)
{
	(void)unused;
	scenario_gate();
	while (!atomic_load_acquire(&is_scheduled)) { /* bounded: it will be */
		arch_cpu_relax();
	}
	tasklet_kill(&tasklet);
	HOST_EXPECT(!atomic_load(&inside));
	HOST_EXPECT(seen[0] == 1);
	scenario_done();
	scenario_sleep();
}

static void
boot_kill(void)
{
	boot_with(see, schedule_and_tell, kill_it);
}

static const struct explore_scenario killing = {
	"a tasklet is killed", 2, boot_kill, check_both, NULL, 0, NULL
};

/* P32: tasklet_kill() waits for what was scheduled, and for its end. */
START_TEST(test_tasklet_kill_waits)
{
	scenario_must_hold_within(&killing, DEVIATIONS, LIMIT);
	scenario_must_catch(&killing, "tasklet-kill-early", "inside", LIMIT);
	scenario_must_catch(&killing, "tasklet-clear-unordered", "done_count == wanted", LIMIT);
}
END_TEST

/* ---- order ---- */

static HOST_STATE struct tasklet others[4];
static HOST_STATE unsigned int order[8];
static HOST_STATE unsigned int order_count;

static void
note_order(struct tasklet *self)
{
	unsigned int number = (unsigned int)(self - others);

	order[order_count++] = number;
	if (order_count == 1) {
		tasklet_schedule(self); /* while it runs: once more */
		tasklet_schedule(self);
	}
}

static void
schedule_others(struct timer *unused)
{
	(void)unused;
	tasklet_schedule(&others[0]);
	tasklet_schedule(&others[1]);
	tasklet_schedule(&others[0]); /* it is */
	tasklet_hi_schedule(&others[2]);
	tasklet_hi_schedule(&others[3]);
}

static void
schedule_in_interrupt(void *unused)
{
	static const unsigned int wanted[] = { 2, 3, 0, 1, 2 };

	(void)unused;
	scenario_gate();
	timer_init(&timer, schedule_others);
	timer_start(&timer, 0);
	scenario_take_interrupts();
	HOST_EXPECT(order_count == 5);
	for (unsigned int n = 0; n < 5; n++) {
		HOST_EXPECT(order[n] == wanted[n]);
	}
	HOST_EXPECT(softirq_served(0, HI_SOFTIRQ) == 1);
	host_stop();
}

static void
boot_order(void)
{
	softirq_init();
	for (unsigned int n = 0; n < 4; n++) {
		tasklet_setup(&others[n], note_order);
	}
	scenario_task(0, schedule_in_interrupt, NULL);
}

/* P41: at the exit, in their order, those of the high vector first; scheduled twice is once. */
START_TEST(test_tasklet_order_is_that_of_scheduling)
{
	scenario_must_hold(&(struct explore_scenario){ "tasklets of an interrupt", 1, boot_order,
	                                               NULL, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tasklets");
	TCase *tests = tcase_create("tasklets");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_tasklet_is_served_one_cpu_at_a_time);
	tcase_add_test(tests, test_tasklet_disabled_does_not_run);
	tcase_add_test(tests, test_tasklet_kill_waits);
	tcase_add_test(tests, test_tasklet_order_is_that_of_scheduling);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
