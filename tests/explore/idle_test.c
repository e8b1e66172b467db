// SPDX-License-Identifier: ISC
/*
 * The idle loop: its last test before the halt, the window in which it says that it looks by
 * itself, and what it leaves behind when it ends.
 */
#include <stdio.h>

#include "guest/cmdline.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/explore/sleeper.h"
#include "tests/explore/urgent.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

static void
boot_idle(void)
{
	sleeper_boot(sleeper_block, sleeper_wake);
}

static void
check_one(void)
{
	scenario_check_at_rest(1);
}

static void
idle_without_test(void)
{
	for (;;) {                        /* forever */
		while (!need_resched()) { /* forever: until there is work */
			arch_irq_disable();
			arch_safe_halt();
		}
		set_preempt_need_resched();
		schedule_idle();
	}
}

static const struct explore_scenario halting = { "idle", 2, boot_idle, check_one, NULL, 0, NULL };

/* P33: the idle loop's test and halt against a wakeup from another cpu, with its interrupt. */
START_TEST(test_idle_wakeup_is_never_slept_through)
{
	scenario_must_hold(&halting, LIMIT);
	scenario_must_catch(&halting, "idle-no-retest", "done_count == wanted", LIMIT);
	scenario_must_catch(&halting, "idle-shadow-lost", "done_count == wanted", LIMIT);
}
END_TEST

/* P33, mutant: sti, one more instruction, hlt: the interrupt is taken before the halt. */
START_TEST(test_idle_without_shadow_is_slept_through)
{
	scenario_must_fail(&(struct explore_scenario){ "idle, sti; nop; hlt", 2, boot_idle,
	                                               check_one, NULL, HOST_BROKEN_SHADOW, NULL },
	                   "done_count == wanted", LIMIT);
}
END_TEST

/* P33, mutant: the flag is tested with interrupts on only. */
START_TEST(test_idle_without_retest_is_slept_through)
{
	scenario_must_fail(&(struct explore_scenario){ "idle, no test with irqs off", 2, boot_idle,
	                                               check_one, idle_without_test, 0, NULL },
	                   "done_count == wanted", LIMIT);
}
END_TEST

/* P27, mutant: no interrupt arrives; what halts sleeps on. */
START_TEST(test_idle_without_interrupts_is_slept_through)
{
	scenario_must_fail(&(struct explore_scenario){ "idle, interrupts lost", 2, boot_idle,
	                                               check_one, NULL, HOST_BROKEN_SEND_LOST,
	                                               NULL },
	                   "done_count == wanted", LIMIT);
}
END_TEST

/* P33, mutant: stores reach memory in any order. */
START_TEST(test_idle_without_order_of_stores_is_slept_through)
{
	scenario_must_fail(&(struct explore_scenario){ "idle, stores in any order", 2, boot_idle,
	                                               check_one, NULL, HOST_BROKEN_FIFO, NULL },
	                   "done_count == wanted", LIMIT);
}
END_TEST

/* P35: idle says that it polls no more, with a full barrier, before its last look at the flag. */
START_TEST(test_idle_polling_ends_before_the_last_look)
{
	scenario_must_catch(&halting, "polling-no-barrier", "done_count == wanted", LIMIT);
}
END_TEST

/* P34, P26: what polls is idle, and folds for itself what was asked of it by its flag alone. */
START_TEST(test_idle_leaves_its_loop_folded_and_not_polling)
{
	scenario_must_hold(&halting, LIMIT);
	scenario_must_catch_late(&halting, "polling-left-set",
	                         "assertion failed: !(flags & TIF_POLLING_NRFLAG)", LIMIT);
	if (HOST_FOLDS) {
		scenario_must_catch_late(&halting, "idle-no-fold",
		                         "assertion failed: test_preempt_need_resched()", LIMIT);
	}
}
END_TEST

/* ---- who ends idle, and how it leaves ---- */

static HOST_STATE struct timer timer;

static void
boot_urgent(void (*body)(void *))
{
	preempt_model_set(PREEMPT_FULL);
	urgent_boot();
	scenario_fifo_task(0, 10, body, NULL);
}

/* Whoever asked for it, idle has left its cpu to the woken task, or sleeps through it. */
static bool
idle_overslept(void)
{
	return urgent_runs == 0;
}

static void
wake_from_timer(struct timer *self)
{
	(void)self;
	HOST_EXPECT(task_is_idle(current));
	HOST_EXPECT(wake_up_process(urgent));
}

static void
wait_for_timer(void *arg)
{
	(void)arg;
	timer_init(&timer, wake_from_timer);
	scenario_gate();
	timer_start(&timer, arch_clock_ns() + 100);
	scenario_sleep();
}

static void
boot_idle_timer(void)
{
	boot_urgent(wait_for_timer);
}

static void
check_idle(void)
{
	HOST_EXPECT(!idle_overslept());
	urgent_check_once();
}

static void
go_idle(void *arg)
{
	(void)arg;
	host_gate();
	scenario_sleep();
}

static void
boot_idle_remote(void)
{
	boot_urgent(go_idle);
	scenario_task(1, urgent_wake, NULL);
}

/* P29: a request that an interrupt on idle makes for its own cpu ends idle. */
START_TEST(test_counter_local_request_wakes_idle)
{
	struct explore_scenario scenario = {
		"a timer on idle", 1, boot_idle_timer, check_idle, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch_late(&scenario, "local-request-unflagged", "!idle_overslept()", LIMIT);
}
END_TEST

/* P26: idle folds the request that it saw by its flag alone, before it leaves its loop. */
START_TEST(test_counter_idle_folds_when_it_leaves)
{
	struct explore_scenario scenario = {
		"a wakeup of idle", 2, boot_idle_remote, check_idle, NULL, 0, NULL
	};

	scenario_must_hold_within(&scenario, 2, LIMIT);
	if (!HOST_FOLDS) {
		return;
	}
	scenario_must_catch_late(&scenario, "idle-no-fold",
	                         "assertion failed: test_preempt_need_resched()", LIMIT);
}
END_TEST

/* ---- idle=poll ---- */

static void
sleep_at_once(void *arg)
{
	(void)arg;
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	scenario_done();
	host_stop();
}

static void
boot_polling(bool wakes)
{
	boot_args.idle_polls = true;
	if (wakes) {
		sleeper = scenario_task(0, sleep_at_once, NULL);
		scenario_name_task(sleeper, "sleeper");
	}
	scenario_name_cpus(2);
	scenario_task(1, wakes ? sleeper_wake : scenario_ask, NULL);
}

static void
boot_poll_wakeup(void)
{
	boot_polling(true);
}

static void
boot_poll_request(void)
{
	boot_polling(false);
}

static void
boot_poll_switch_out(void)
{
	boot_args.idle_polls = true;
	boot_idle();
}

static void
check_no_interrupt(unsigned int wanted)
{
	scenario_check_quiet(wanted);
	HOST_EXPECT(host_sent_count(0, IRQ_CALL) == 0);
	HOST_EXPECT(host_sent_count(0, IRQ_RESCHEDULE) == 0);
}

static void
check_poll_wakeup(void)
{
	check_no_interrupt(1);
}

static void
check_poll_request(void)
{
	check_no_interrupt(0);
}

static void
check_poll_switch_out(void)
{
	scenario_check_quiet(1);
}

static const struct explore_scenario poll_wakeup = {
	"idle=poll, wakeup", 2, boot_poll_wakeup, check_poll_wakeup, NULL, 0, NULL
};
static const struct explore_scenario poll_request = {
	"idle=poll, request", 2, boot_poll_request, check_poll_request, NULL, 0, NULL
};
static const struct explore_scenario poll_switch_out = {
	"idle=poll, switching out", 2, boot_poll_switch_out, check_poll_switch_out, NULL, 0, NULL
};

/* P25: a cpu that polls gets no interrupt: not for a wakeup, not for a request, and misses none. */
START_TEST(test_idle_that_polls_gets_no_interrupt)
{
	scenario_must_hold(&poll_wakeup, LIMIT);
	scenario_must_hold(&poll_request, LIMIT);
}
END_TEST

/* P27, P33: it is woken too when it is only about to poll; then an interrupt may be needed. */
START_TEST(test_idle_about_to_poll_misses_nothing)
{
	scenario_must_hold(&poll_switch_out, LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("idle");
	TCase *tests = tcase_create("idle");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_idle_wakeup_is_never_slept_through);
	tcase_add_test(tests, test_idle_without_shadow_is_slept_through);
	tcase_add_test(tests, test_idle_without_retest_is_slept_through);
	tcase_add_test(tests, test_idle_without_interrupts_is_slept_through);
	tcase_add_test(tests, test_idle_without_order_of_stores_is_slept_through);
	tcase_add_test(tests, test_idle_polling_ends_before_the_last_look);
	tcase_add_test(tests, test_idle_leaves_its_loop_folded_and_not_polling);
	tcase_add_test(tests, test_counter_local_request_wakes_idle);
	tcase_add_test(tests, test_counter_idle_folds_when_it_leaves);
	tcase_add_test(tests, test_idle_that_polls_gets_no_interrupt);
	tcase_add_test(tests, test_idle_about_to_poll_misses_nothing);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
