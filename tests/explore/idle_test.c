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

/* ---- a timer that an interrupt of idle starts ---- */

static HOST_STATE struct timer second;
static HOST_STATE unsigned int idle_was_hit;

static void
wake_sleeper(struct timer *self)
{
	(void)self;
	HOST_EXPECT(wake_up_process(sleeper));
}

static void
start_second(struct timer *self)
{
	(void)self;
	idle_was_hit += task_is_idle(current);
	timer_init(&second, wake_sleeper);
	timer_start(&second, arch_clock_ns() + 100);
}

static void
block_with_timer(void *arg)
{
	timer_init(&timer, start_second);
	timer_start(&timer, 1000);
	sleeper_block(arg);
}

/* The first expires at this moment, wherever idle is. */
static void
let_expire(void *arg)
{
	(void)arg;
	scenario_gate();
	host_clock_advance(1000);
	host_stop();
}

static void
boot_second_timer(void)
{
	sleeper_boot(block_with_timer, let_expire);
}

static unsigned int window_hits;

static void
check_second_timer(void)
{
	window_hits += idle_was_hit;
	scenario_check_at_rest(1);
}

/*
 * P33, P29: an interrupt at each instruction of the idle sequence starts a timer, which is not
 * slept through: idle goes on behind its halt, and is not sent back before it (J27, J28).
 */
START_TEST(test_idle_interrupted_anywhere_keeps_the_new_timer)
{
	struct explore_scenario scenario = { "idle, a timer starts another",
		                             2,
		                             boot_second_timer,
		                             check_second_timer,
		                             NULL,
		                             0,
		                             NULL };

	window_hits = 0;
	scenario_must_hold(&scenario, LIMIT);
	printf("    %u runs hit idle\n", window_hits);
	ck_assert_uint_ne(window_hits, 0);
	scenario_must_catch_late(&scenario, "idle-timer-lost", "done_count == wanted", LIMIT);
}
END_TEST

static void
wake_first(struct timer *self)
{
	idle_was_hit += task_is_idle(current);
	wake_sleeper(self);
}

static void
block_with_alarm(void *arg)
{
	timer_init(&timer, wake_first);
	timer_start(&timer, 1000);
	sleeper_block(arg);
}

static void
boot_alarm(void)
{
	preempt_model_set(PREEMPT_FULL);
	sleeper_boot(block_with_alarm, let_expire);
}

/*
 * P34: an interrupt at each instruction of the idle sequence asks for a switch under full: idle is
 * not preempted there, while it says that it polls (J49).
 */
START_TEST(test_idle_that_polls_is_not_preempted)
{
	struct explore_scenario scenario = {
		"idle, a timer wakes", 2, boot_alarm, check_second_timer, NULL, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return; /* nothing preempts it */
	}
	window_hits = 0;
	scenario_must_hold(&scenario, LIMIT);
	ck_assert_uint_ne(window_hits, 0);
	scenario_must_catch_late(&scenario, "polling-preemptible",
	                         "assertion failed: !(flags & TIF_POLLING_NRFLAG)", LIMIT);
}
END_TEST

/* ---- a request without a task ---- */

static HOST_STATE uint32_t switches_before;
static HOST_STATE bool was_told_by_flag;

/* As a function call's sender does it: by the flag if idle polls, else it would send one. */
static void
call_then_wake(void *arg)
{
	struct rq *rq = &per_cpu(runqueue, 0);

	scenario_gate();
	switches_before = atomic_load(&rq->nr_switches);
	was_told_by_flag = set_nr_if_polling(rq->idle);
	sleeper_wake(arg);
}

static void
boot_call(void)
{
	sleeper_boot(sleeper_block, call_then_wake);
}

static void
boot_call_polling(void)
{
	boot_args.idle_polls = true;
	boot_call();
}

/* To the sleeper, which stops there: that is all that there was to do. */
static void
check_call(void)
{
	uint32_t switches = atomic_load(&per_cpu(runqueue, 0).nr_switches) - switches_before;

	window_hits += was_told_by_flag;
	HOST_EXPECT(switches <= 2);
	scenario_check_quiet(1);
}

/*
 * P23, P25: a request by flag alone, with no task behind it, is not taken for one: idle looks,
 * stays, polls again, and hears of the next (J25, J52).
 */
START_TEST(test_idle_asked_for_nothing_goes_on_polling)
{
	struct explore_scenario scenario = {
		"idle, a call and a wakeup", 2, boot_call, check_call, NULL, 0, NULL
	};

	window_hits = 0;
	scenario_must_hold(&scenario, LIMIT);
	scenario.name = "idle=poll, a call and a wakeup";
	scenario.boot = boot_call_polling;
	scenario_must_hold(&scenario, LIMIT);
	printf("    %u runs asked by the flag\n", window_hits);
	ck_assert_uint_ne(window_hits, 0);
	scenario_must_catch_late(&scenario, "keep-request-on-stay", "!need_resched()", LIMIT);
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
	tcase_add_test(tests, test_idle_that_polls_is_not_preempted);
	tcase_add_test(tests, test_idle_interrupted_anywhere_keeps_the_new_timer);
	tcase_add_test(tests, test_idle_asked_for_nothing_goes_on_polling);
	tcase_add_test(tests, test_idle_that_polls_gets_no_interrupt);
	tcase_add_test(tests, test_idle_about_to_poll_misses_nothing);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
