// SPDX-License-Identifier: ISC
/*
 * Preemption points against requests that come from elsewhere, the switch of the model, and timers.
 */
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

static HOST_STATE enum preempt_model model_after;
static HOST_STATE bool flips;
static HOST_STATE struct atomic woken;

/*
 * A request whose interrupt was taken before a round is answered in it under either model: by the
 * preempt_enable() or by the cond_resched(). The model's word may change in between, so the round
 * has each of them on both sides.
 */
static void
compute(void *arg)
{
	bool asked;

	(void)arg;
	host_gate();
	asked = urgent_overslept();
	cond_resched();
	preempt_disable();
	preempt_enable();
	cond_resched();
	HOST_EXPECT(!asked || urgent_ran());
	scenario_sleep();
}

static void
wake_and_flip(void *arg)
{
	(void)arg;
	host_gate();
	HOST_EXPECT(wake_up_process(urgent));
	atomic_store_mb(&woken, 1);
	if (flips) {
		preempt_model_set(model_after);
	}
	host_stop();
}

static void
boot_model(enum preempt_model before, enum preempt_model after)
{
	preempt_model_set(before);
	model_after = after;
	flips = before != after;
	urgent_boot();
	scenario_task(0, compute, NULL);
	scenario_task(1, wake_and_flip, NULL);
}

static void
boot_none(void)
{
	boot_model(PREEMPT_NONE, PREEMPT_NONE);
}

static void
boot_full(void)
{
	boot_model(PREEMPT_FULL, PREEMPT_FULL);
}

static void
boot_none_to_full(void)
{
	boot_model(PREEMPT_NONE, PREEMPT_FULL);
}

static void
boot_full_to_none(void)
{
	boot_model(PREEMPT_FULL, PREEMPT_NONE);
}

/* P5, P13 (none, full): a folded request is answered at the next point of the model. */
START_TEST(test_preempt_request_is_answered_at_a_point)
{
	scenario_must_hold(&(struct explore_scenario){ "request, none", 2, boot_none,
	                                               urgent_check_once, NULL, 0, NULL },
	                   LIMIT);
	scenario_must_hold(&(struct explore_scenario){ "request, full", 2, boot_full,
	                                               urgent_check_once, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* P17 (none, full): a live switch of the model, in both directions, loses no pending request. */
START_TEST(test_preempt_model_switch_keeps_the_request)
{
	scenario_must_hold(&(struct explore_scenario){ "request, none to full", 2,
	                                               boot_none_to_full, urgent_check_once, NULL,
	                                               0, NULL },
	                   LIMIT);
	scenario_must_hold(&(struct explore_scenario){ "request, full to none", 2,
	                                               boot_full_to_none, urgent_check_once, NULL,
	                                               0, NULL },
	                   LIMIT);
}
END_TEST

/* P17, seeded bug: what the old model wants is disabled before what the new one wants is enabled.
 */
START_TEST(test_preempt_model_switch_disabling_first_is_noticed)
{
	if (!CONFIG_PREEMPT_COUNT) {
		return; /* it has no full to switch to */
	}
	scenario_must_fail(&(struct explore_scenario){ "none to full, bug=disable-first", 2,
	                                               boot_none_to_full, urgent_check_once, NULL,
	                                               0, "disable-first" },
	                   "!asked || urgent_ran", LIMIT);
}
END_TEST

/* P26, seeded bug: the interrupt does not fold. */
START_TEST(test_preempt_request_not_folded_is_noticed)
{
	if (!HOST_FOLDS) {
		return; /* nothing to forget */
	}
	scenario_must_fail(&(struct explore_scenario){ "request, bug=forget-fold", 2, boot_full,
	                                               urgent_check_once, NULL, 0, "forget-fold" },
	                   "!asked || urgent_ran", LIMIT);
}
END_TEST

static void
compute_as_fifo(void *arg)
{
	(void)arg;
	host_gate();
	if (atomic_load(&woken)) { /* then an interrupt has switched to it, or is on its way */
		HOST_EXPECT(urgent_ran() || host_cpu(0)->pending != 0);
	}
	scenario_sleep();
}

static void
boot_fifo(void)
{
	preempt_model_set(PREEMPT_FULL);
	urgent_boot();
	scenario_fifo_task(0, 10, compute_as_fifo, NULL);
	scenario_task(1, wake_and_flip, NULL);
}

/* P30: the wakeup of a more important task of the same class requests, whatever runs there. */
START_TEST(test_preempt_is_requested_by_priority)
{
	struct explore_scenario scenario = {
		"FIFO over FIFO", 2, boot_fifo, urgent_check_once, NULL, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return; /* nothing preempts such a kernel */
	}
	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "no-wakeup-preempt", "urgent_ran() || host_cpu(0)->pending",
	                    LIMIT);
}
END_TEST

/*
 * P13 (none), seeded bug: might_sleep() lets itself be preempted; the switch asserts the model.
 */
static void
compute_might_sleep(void *arg)
{
	(void)arg;
	host_gate();
	might_sleep();
	scenario_sleep();
}

static void
boot_might_sleep(void)
{
	preempt_model_set(PREEMPT_FULL);
	preempt_model_set(PREEMPT_NONE);
	urgent_boot();
	scenario_task(0, compute_might_sleep, NULL);
	scenario_task(1, wake_and_flip, NULL);
}

START_TEST(test_preempt_point_of_another_model_is_noticed)
{
	struct explore_scenario scenario = {
		"might_sleep under none", 2, boot_might_sleep, urgent_check_once, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "might-sleep-in-none", "preempt_policy_allows", LIMIT);
}
END_TEST

/* Its sleep is given up again; nobody wakes it, so whoever dequeues it loses it. */
static HOST_STATE bool went_on;

static void
almost_sleep(void *arg)
{
	(void)arg;
	host_gate();
	set_current_state(TASK_UNINTERRUPTIBLE);
	__set_current_state(TASK_RUNNING);
	went_on = true;
	scenario_sleep();
}

static void
boot_almost_sleep(void)
{
	preempt_model_set(PREEMPT_FULL);
	urgent_boot();
	scenario_task(0, almost_sleep, NULL);
	scenario_task(1, wake_and_flip, NULL);
}

static void
check_went_on(void)
{
	HOST_EXPECT(went_on);
	urgent_check_once();
}

/* P21: a task that is preempted with its state set stays queued and runs again without a wakeup. */
START_TEST(test_preempt_of_a_sleeper_to_be_keeps_it)
{
	struct explore_scenario scenario = {
		"preempted with its state set", 2, boot_almost_sleep, check_went_on, NULL, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return; /* nothing preempts such a kernel */
	}
	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "dequeue-on-preempt", "went_on", LIMIT);
}
END_TEST

/* P8, P18 (none, full): with interrupts off neither point switches, whatever is folded. */
static void
pass_points_irqs_off(void *arg)
{
	bool asked;

	(void)arg;
	host_gate();
	arch_irq_disable();
	asked = test_preempt_need_resched();
	preempt_disable();
	preempt_enable();
	HOST_EXPECT(!urgent_ran() || !asked);
	HOST_EXPECT(!cond_resched());
	HOST_EXPECT(arch_irqs_disabled());
	arch_irq_enable();
	scenario_sleep();
}

static void
boot_irqs_off(enum preempt_model model)
{
	preempt_model_set(model);
	urgent_boot();
	scenario_task(0, pass_points_irqs_off, NULL);
	scenario_task(1, wake_and_flip, NULL);
}

static void
boot_irqs_off_none(void)
{
	boot_irqs_off(PREEMPT_NONE);
}

static void
boot_irqs_off_full(void)
{
	boot_irqs_off(PREEMPT_FULL);
}

START_TEST(test_preempt_points_with_irqs_off_stay)
{
	scenario_must_hold(&(struct explore_scenario){ "points with irqs off, none", 2,
	                                               boot_irqs_off_none, urgent_check_once, NULL,
	                                               0, NULL },
	                   LIMIT);
	scenario_must_hold(&(struct explore_scenario){ "points with irqs off, full", 2,
	                                               boot_irqs_off_full, urgent_check_once, NULL,
	                                               0, NULL },
	                   LIMIT);
	scenario_must_fail(&(struct explore_scenario){ "irqs off, bug=cond-resched-irqs-off", 2,
	                                               boot_irqs_off_none, urgent_check_once, NULL,
	                                               0, "cond-resched-irqs-off" },
	                   "", LIMIT);
}
END_TEST

/* ---- timers ---- */

static HOST_STATE struct timer timer;
static HOST_STATE struct atomic progress;
static HOST_STATE bool is_gone;
static HOST_STATE unsigned int fired;
static HOST_STATE bool was_pending;

static void
fire(struct timer *self)
{
	HOST_EXPECT(self == &timer);
	HOST_EXPECT(!is_gone);
	atomic_store(&progress, 1);
	HOST_EXPECT(atomic_load(&progress) == 1);
	HOST_EXPECT(!is_gone);
	fired++;
}

static void
fire_again(struct timer *self)
{
	fire(self);
	if (fired < 2) {
		timer_start(self, arch_clock_ns() + 10);
	}
}

static void
start_timer(void *arg)
{
	timer_init(&timer, (void (*)(struct timer *))(uintptr_t)arg);
	timer_start(&timer, 100);
	host_gate();
	scenario_sleep();
}

static void
cancel_timer(void *arg)
{
	(void)arg;
	host_gate();
	host_clock_advance(200);
	was_pending = timer_cancel(&timer);
	is_gone = true;
	host_stop();
}

static void
forget_timer(void *arg)
{
	(void)arg;
	host_gate();
	host_clock_advance(200);
	is_gone = true;
	host_stop();
}

static void
boot_timer_with(void (*canceller)(void *), void (*fn)(struct timer *))
{
	scenario_task(1, start_timer, (void *)(uintptr_t)fn);
	scenario_task(0, canceller, NULL);
}

static void
boot_timer(void)
{
	boot_timer_with(cancel_timer, fire);
}

static void
boot_timer_forgotten(void)
{
	boot_timer_with(forget_timer, fire);
}

static void
check_timer(void)
{
	HOST_EXPECT(host_all_halted());
	HOST_EXPECT(is_gone);
	HOST_EXPECT(was_pending == (fired == 0));
}

/* After timer_cancel() the function neither runs nor will run, whenever the interrupt comes. */
START_TEST(test_timer_cancel_waits_for_the_function)
{
	scenario_must_hold(&(struct explore_scenario){ "timer_cancel", 2, boot_timer, check_timer,
	                                               NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* Mutant: nobody cancels it. */
START_TEST(test_timer_forgotten_is_noticed)
{
	scenario_must_fail(&(struct explore_scenario){ "timer, not cancelled", 2,
	                                               boot_timer_forgotten, check_timer, NULL, 0,
	                                               NULL },
	                   "!is_gone", LIMIT);
}
END_TEST

static HOST_STATE unsigned int slept_on[2];

static void
sleep_a_while(void *arg)
{
	host_gate();
	timer_sleep((uintptr_t)arg);
	slept_on[smp_processor_id()]++;
	scenario_sleep();
}

static void
boot_sleepers(void)
{
	scenario_task(0, sleep_a_while, (void *)(uintptr_t)100);
	scenario_task(1, sleep_a_while, (void *)(uintptr_t)100);
}

static void
check_slept(void)
{
	unsigned int slept = slept_on[0] + slept_on[1];

	HOST_EXPECT(slept == 2);
	HOST_EXPECT(host_all_halted());
}

static void
advance(void *arg)
{
	(void)arg;
	host_gate();
	host_clock_advance(100);
	host_stop();
}

static void
boot_sleeper_and_clock(void)
{
	scenario_task(0, sleep_a_while, (void *)(uintptr_t)100);
	scenario_task(1, advance, NULL);
	slept_on[1] = 1;
}

/*
 * A sleeper always wakes: when its timer expires at once, in its way to sleep, or with nobody
 * awake.
 */
START_TEST(test_timer_sleep_always_ends)
{
	scenario_must_hold(&(struct explore_scenario){ "two sleepers", 2, boot_sleepers,
	                                               check_slept, NULL, 0, NULL },
	                   LIMIT);
	scenario_must_hold(&(struct explore_scenario){ "sleeper and clock", 2,
	                                               boot_sleeper_and_clock, check_slept, NULL, 0,
	                                               NULL },
	                   LIMIT);
}
END_TEST

/* P32, P2: the kernel's own seeded bugs of timer_sleep(). */
START_TEST(test_timer_sleep_seeded_bugs_are_caught)
{
	scenario_must_fail(&(struct explore_scenario){ "sleeper, bug=test-before-state", 2,
	                                               boot_sleeper_and_clock, check_slept, NULL, 0,
	                                               "test-before-state" },
	                   "slept == 2", LIMIT);
	if (!CONFIG_PREEMPT_COUNT) {
		return; /* and nothing to leak */
	}
	scenario_must_fail(&(struct explore_scenario){ "sleeper, bug=leak-disable", 2,
	                                               boot_sleeper_and_clock, check_slept, NULL, 0,
	                                               "leak-disable" },
	                   "scheduling while atomic", LIMIT);
}
END_TEST

static void
check_periodic(void)
{
	HOST_EXPECT(fired == 2);
}

static void
only_clock(void *arg)
{
	(void)arg;
	host_gate();
	host_clock_advance(200);
	host_stop();
}

static void
boot_restarting(void)
{
	boot_timer_with(only_clock, fire_again);
}

/* A timer that starts itself again fires again. */
START_TEST(test_timer_restarts_itself)
{
	scenario_must_hold(&(struct explore_scenario){ "timer, started by itself", 2,
	                                               boot_restarting, check_periodic, NULL, 0,
	                                               NULL },
	                   LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("preemption and timers");
	TCase *tests = tcase_create("preemption and timers");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_preempt_request_is_answered_at_a_point);
	tcase_add_test(tests, test_preempt_model_switch_keeps_the_request);
	tcase_add_test(tests, test_preempt_model_switch_disabling_first_is_noticed);
	tcase_add_test(tests, test_timer_cancel_waits_for_the_function);
	tcase_add_test(tests, test_timer_forgotten_is_noticed);
	tcase_add_test(tests, test_timer_sleep_always_ends);
	tcase_add_test(tests, test_timer_sleep_seeded_bugs_are_caught);
	tcase_add_test(tests, test_preempt_request_not_folded_is_noticed);
	tcase_add_test(tests, test_preempt_point_of_another_model_is_noticed);
	tcase_add_test(tests, test_preempt_of_a_sleeper_to_be_keeps_it);
	tcase_add_test(tests, test_preempt_points_with_irqs_off_stay);
	tcase_add_test(tests, test_preempt_is_requested_by_priority);
	tcase_add_test(tests, test_timer_restarts_itself);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
