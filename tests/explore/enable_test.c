// SPDX-License-Identifier: ISC
/*
 * Places that answer a request: the outermost enable, the unlocks, schedule() on its way back; each
 * against a request that comes at any moment before, in and after them. The windows that a test
 * aims at must have been hit.
 */
#include "guest/preempt.h"

#include "guest/irq.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "guest/spinlock.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/unit/suite.h"

#define LIMIT 40000

static HOST_STATE struct raw_spinlock lock;

/* Of the test that runs, for its boot(). */
static enum preempt_model model = PREEMPT_FULL;

static unsigned int window_hits; /* over all runs of a scenario */

static void
boot_urgent(void (*body)(void *))
{
	preempt_model_set(model);
	urgent_boot();
	scenario_fifo_task(0, 10, body, NULL);
}

/* ---- enables and unlocks ---- */

/* Window: the request is there before the outermost enable. */
static void
enable_from_three(void *arg)
{
	unsigned int before;
	const struct task *self;
	bool asked = false;

	(void)arg;
	host_gate();
	preempt_disable();
	before = urgent_runs;
	preempt_disable();
	preempt_disable();
	for (unsigned int depth = 3; depth > 0; depth--) {
		HOST_EXPECT(urgent_runs == before);
		asked = depth == 1 && urgent_overslept();
		preempt_enable();
	}
	window_hits += asked;
	HOST_EXPECT(!asked || urgent_runs == 1);
	HOST_EXPECT(!urgent_overslept());
	HOST_EXPECT(preempt_count() == 0);
	self = current;
	HOST_EXPECT(self->nivcsw == urgent_runs);
	HOST_EXPECT(self->nvcsw == 0);
	host_stop();
}

static void
boot_three(void)
{
	urgent_boot_asked(enable_from_three);
}

/*
 * P5, P6: wherever in three disables and three enables the interrupt comes, the outermost enable is
 * the place, once, and none without a request.
 */
START_TEST(test_counter_outermost_enable_switches)
{
	struct explore_scenario scenario = { "three disables, three enables",
		                             2,
		                             boot_three,
		                             urgent_check_at_most_once,
		                             NULL,
		                             0,
		                             NULL };

	if (!CONFIG_PREEMPT_COUNT) {
		return;
	}
	model = PREEMPT_FULL;
	window_hits = 0;
	scenario_must_hold(&scenario, LIMIT);
	ck_assert_uint_gt(window_hits, 0);
	scenario_must_catch(&scenario, "enable-ignores-request", "!urgent_overslept()", LIMIT);
	scenario_must_catch(&scenario, "test-before-enable", "!urgent_overslept()", LIMIT);
}
END_TEST

/* The request is taken with preemption off, and met with interrupts off. */
static void
enable_irqs_off(void *arg)
{
	unsigned int before;
	bool asked;

	(void)arg;
	host_gate();
	preempt_disable();
	asked = urgent_overslept();
	arch_irq_disable();
	before = urgent_runs;
	preempt_enable();
	HOST_EXPECT(urgent_runs == before);
	HOST_EXPECT(arch_irqs_disabled());
	HOST_EXPECT(!asked || need_resched());
	preempt_disable();
	arch_irq_enable();
	window_hits += asked;
	preempt_enable();
	HOST_EXPECT(!asked || urgent_runs == 1);
	HOST_EXPECT(!urgent_overslept());
	host_stop();
}

static void
boot_enable_irqs_off(void)
{
	urgent_boot_asked(enable_irqs_off);
}

/* P8: with interrupts off an enable leaves the request pending, and the next one answers it. */
START_TEST(test_counter_enable_irqs_off_leaves_the_request)
{
	struct explore_scenario scenario = { "preempt_enable with irqs off",
		                             2,
		                             boot_enable_irqs_off,
		                             urgent_check_at_most_once,
		                             NULL,
		                             0,
		                             NULL };

	if (!CONFIG_PREEMPT_COUNT) {
		return;
	}
	window_hits = 0;
	scenario_must_hold(&scenario, LIMIT);
	ck_assert_uint_gt(window_hits, 0);
	scenario_must_catch(&scenario, "enable-irqs-off", "urgent_runs == before", LIMIT);
}
END_TEST

/* The holder itself makes the request, or an interrupt that waits for the restored flag. */
static void
unlock_irqrestore(void *arg)
{
	unsigned long flags;
	bool urgent_ran_at_unlock;

	(void)arg;
	host_gate();
	flags = raw_spin_lock_irqsave(&lock);
	wake_up_process(urgent);
	HOST_EXPECT(urgent_runs == 0);
	raw_spin_unlock_irqrestore(&lock, flags);
	urgent_ran_at_unlock = urgent_runs == 1;
	HOST_EXPECT(urgent_ran_at_unlock);
	HOST_EXPECT(!arch_irqs_disabled());
	scenario_sleep();
}

static void
boot_unlock_irqrestore(void)
{
	boot_urgent(unlock_irqrestore);
}

static void
unlock_irqrestore_remotely(void *arg)
{
	unsigned long flags;
	unsigned int before;

	(void)arg;
	host_gate();
	flags = raw_spin_lock_irqsave(&lock);
	before = urgent_runs;
	HOST_EXPECT(preempt_count() == 1);
	HOST_EXPECT(urgent_runs == before);
	raw_spin_unlock_irqrestore(&lock, flags);
	HOST_EXPECT(!urgent_overslept());
	host_stop();
}

static void
boot_unlock_irqrestore_remotely(void)
{
	urgent_boot_asked(unlock_irqrestore_remotely);
}

/* P9: the unlock switches, and not before interrupts are as they were. */
START_TEST(test_counter_unlock_irqrestore_switches_with_irqs_on)
{
	struct explore_scenario scenario = {
		"unlock_irqrestore", 1, boot_unlock_irqrestore, urgent_check_once, NULL, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return;
	}
	scenario_must_hold(&scenario, LIMIT);
	scenario_must_hold(&(struct explore_scenario){ "unlock_irqrestore, remote request", 2,
	                                               boot_unlock_irqrestore_remotely,
	                                               urgent_check_at_most_once, NULL, 0, NULL },
	                   LIMIT);
	scenario_must_catch(&scenario, "unlock-before-irqs", "urgent_ran_at_unlock", LIMIT);
}
END_TEST

/* ---- schedule()'s loop ---- */

static HOST_STATE struct task *yielder;
static HOST_STATE bool is_in_schedule;
static HOST_STATE bool other_ran;
static HOST_STATE bool asked_late;

/* In schedule(), back from the switch: the return from this interrupt may not preempt. */
static void
note_window(unsigned int cpu)
{
	if (cpu == 0 && is_in_schedule && other_ran && current == yielder && preempt_count() != 0) {
		asked_late = need_resched();
		window_hits += asked_late;
	}
}

static void
yield_once(void *arg)
{
	(void)arg;
	host_gate();
	is_in_schedule = true;
	yield();
	is_in_schedule = false;
	HOST_EXPECT(!asked_late || !need_resched());
	host_stop();
}

static void
run_other(void *arg)
{
	(void)arg;
	other_ran = true;
	yield();
}

static void
boot_yield(void)
{
	preempt_model_set(model);
	yielder = scenario_fifo_task(0, 10, yield_once, NULL);
	scenario_fifo_task(0, 10, run_other, NULL);
	scenario_task(1, scenario_ask, NULL);
}

static void
check_yield(void)
{
	HOST_EXPECT(other_ran);
	HOST_EXPECT(host_all_halted());
}

/*
 * P22 (none, full, lazy): a request that comes while the task is being switched in is answered
 * before schedule() returns, under models that preempt and under one that does not.
 */
START_TEST(test_counter_schedule_answers_late_requests)
{
	static const enum preempt_model models[] = { PREEMPT_NONE, PREEMPT_FULL, PREEMPT_LAZY };
	struct explore_scenario scenario = {
		"yield and back", 2, boot_yield, check_yield, NULL, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return;
	}
	host_interrupt_seen = note_window;
	for (unsigned int n = 0; n < 3; n++) {
		model = models[n];
		window_hits = 0;
		scenario_must_hold(&scenario, LIMIT);
		ck_assert_uint_gt(window_hits, 0);
	}
	model = PREEMPT_NONE;
	scenario_must_catch(&scenario, "no-schedule-loop", "!asked_late || !need_resched()", LIMIT);
}
END_TEST

/* ---- cond_resched_lock ---- */

static HOST_STATE bool waiter_had_it;
static bool asks;
static bool drops;

static void
hold_and_offer(void *arg)
{
	(void)arg;
	host_gate();
	raw_spin_lock(&lock);
	if (asks) {
		wake_up_process(urgent);
	}
	HOST_EXPECT(urgent_runs == 0);
	HOST_EXPECT(cond_resched_lock(&lock) == drops);
	HOST_EXPECT(raw_spin_is_locked(&lock));
	HOST_EXPECT(preempt_count() == PREEMPT_DISABLE_OFFSET);
	HOST_EXPECT(urgent_runs == drops);
	raw_spin_unlock(&lock);
	scenario_sleep();
}

static void
boot_offer(void)
{
	boot_urgent(hold_and_offer);
}

static void
check_offer(void)
{
	HOST_EXPECT(urgent_runs == asks);
	HOST_EXPECT(host_all_halted());
}

static void
hold_until_contended(void *arg)
{
	(void)arg;
	host_gate();
	raw_spin_lock(&lock);
	while (!raw_spin_is_contended(&lock)) { /* bounded: the other cpu comes */
		arch_cpu_relax();
	}
	HOST_EXPECT(cond_resched_lock(&lock) == drops);
	HOST_EXPECT(waiter_had_it == drops);
	raw_spin_unlock(&lock);
	scenario_sleep();
}

static void
want_lock(void *arg)
{
	(void)arg;
	host_gate();
	while (!raw_spin_is_locked(&lock)) { /* bounded: the other cpu comes */
		arch_cpu_relax();
	}
	raw_spin_lock(&lock);
	waiter_had_it = true;
	raw_spin_unlock(&lock);
	host_stop();
}

static void
boot_contended(void)
{
	preempt_model_set(model);
	scenario_fifo_task(0, 10, hold_until_contended, NULL);
	scenario_task(1, want_lock, NULL);
}

static void
check_contended(void)
{
	HOST_EXPECT(waiter_had_it);
	HOST_EXPECT(host_all_halted());
}

/*
 * P13: a holder that is asked drops the lock under every model, and switches; one that is not asked
 * keeps it.
 */
START_TEST(test_counter_cond_resched_lock_asked_drops)
{
	struct explore_scenario scenario = {
		"cond_resched_lock", 1, boot_offer, check_offer, NULL, 0, NULL
	};

	for (model = PREEMPT_NONE; model < PREEMPT_MODEL_COUNT; model++) {
		for (unsigned int ask = 0; ask < 2 && scenario_has_model(model); ask++) {
			asks = drops = ask;
			scenario_must_hold(&scenario, LIMIT);
		}
	}
	if (!CONFIG_PREEMPT_COUNT) {
		return; /* there is but one depth */
	}
	asks = drops = true;
	for (model = PREEMPT_NONE; model < PREEMPT_MODEL_COUNT; model++) {
		scenario_must_catch(&scenario, "resched-lock-depth",
		                    "cond_resched_lock(&lock) == drops", LIMIT);
	}
}
END_TEST

/* P13: where the kernel is preempted a holder drops a lock that somebody waits for, and only there.
 */
START_TEST(test_counter_cond_resched_lock_contended_drops_under_full)
{
	for (model = PREEMPT_NONE; model < PREEMPT_MODEL_COUNT; model++) {
		drops = preempt_model_preempts(model);
		if (scenario_has_model(model)) {
			scenario_must_hold(&(struct explore_scenario){ "cond_resched_lock, wanted",
			                                               2, boot_contended,
			                                               check_contended, NULL, 0,
			                                               NULL },
			                   LIMIT);
		}
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("enable");
	TCase *tests = tcase_create("enable");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_counter_outermost_enable_switches);
	tcase_add_test(tests, test_counter_enable_irqs_off_leaves_the_request);
	tcase_add_test(tests, test_counter_unlock_irqrestore_switches_with_irqs_on);
	tcase_add_test(tests, test_counter_schedule_answers_late_requests);
	tcase_add_test(tests, test_counter_cond_resched_lock_asked_drops);
	tcase_add_test(tests, test_counter_cond_resched_lock_contended_drops_under_full);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
