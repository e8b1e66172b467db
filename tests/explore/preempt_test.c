// SPDX-License-Identifier: ISC
/*
 * Preemption points against requests that come from elsewhere, and against the switch of the model.
 */
#include <stdio.h>

#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

/* The model with the most points; a kernel that is not preempted has no full. */
#define MOST (CONFIG_PREEMPT_COUNT ? PREEMPT_FULL : PREEMPT_VOLUNTARY)

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
	boot_model(MOST, MOST);
}

static void
boot_none_to_full(void)
{
	boot_model(PREEMPT_NONE, MOST);
}

static void
boot_full_to_none(void)
{
	boot_model(MOST, PREEMPT_NONE);
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

static enum preempt_model from;
static enum preempt_model to;

static void
boot_any(void)
{
	boot_model(from, to);
}

/*
 * P17 (every): the same between each model and each other, wherever the switch meets the request.
 * The new one's points are opened before the old one's are closed.
 */
START_TEST(test_preempt_every_model_switch_keeps_the_request)
{
	struct explore_scenario scenario = { .cpus = 2,
		                             .boot = boot_any,
		                             .check = urgent_check_once };
	char name[64];

	for (unsigned int pair = 0; pair < PREEMPT_MODEL_COUNT * PREEMPT_MODEL_COUNT; pair++) {
		from = (enum preempt_model)(pair / PREEMPT_MODEL_COUNT);
		to = (enum preempt_model)(pair % PREEMPT_MODEL_COUNT);
		if (from != to && scenario_has_model(from) && scenario_has_model(to)) {
			snprintf(name, sizeof(name), "request, %s to %s", preempt_model_names[from],
			         preempt_model_names[to]);
			scenario.name = name;
			scenario_must_hold_within(&scenario, 1, LIMIT);
		}
	}
	if (scenario_has_model(PREEMPT_LAZY)) {
		from = PREEMPT_NONE;
		to = PREEMPT_LAZY;
		scenario.name = "request, none to lazy";
		scenario_must_catch(&scenario, "disable-first", "!asked || urgent_ran", LIMIT);
	}
}
END_TEST

/* P17, seeded bug: what the old model wants is disabled before what the new one wants is enabled.
 */
START_TEST(test_preempt_model_switch_disabling_first_is_noticed)
{
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

/* P13 (none), seeded bug: might_sleep() lets itself be preempted; the switch asserts the model. */
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

/* P8, P18 (none, full): with interrupts off neither point switches, whatever is folded. */
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
	                   "!cond_resched()", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("preempt");
	TCase *tests = tcase_create("preempt");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_preempt_request_is_answered_at_a_point);
	tcase_add_test(tests, test_preempt_model_switch_keeps_the_request);
	tcase_add_test(tests, test_preempt_every_model_switch_keeps_the_request);
	tcase_add_test(tests, test_preempt_model_switch_disabling_first_is_noticed);
	tcase_add_test(tests, test_preempt_request_not_folded_is_noticed);
	tcase_add_test(tests, test_preempt_point_of_another_model_is_noticed);
	tcase_add_test(tests, test_preempt_of_a_sleeper_to_be_keeps_it);
	tcase_add_test(tests, test_preempt_points_with_irqs_off_stay);
	tcase_add_test(tests, test_preempt_is_requested_by_priority);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
