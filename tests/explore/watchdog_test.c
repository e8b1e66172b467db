// SPDX-License-Identifier: ISC
/*
 * The watchdogs in virtual time: what hangs is reported, once, and what does not is not. Time is
 * the cpu's own ticks, so nothing depends on when they come.
 */
#include "guest/watchdog.h"

#include <stdio.h>
#include <string.h>

#include "guest/cmdline.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 100000
/* Of when a tick comes within its period, which the watchdogs do not look at. */
#define DEVIATIONS 1

#define TICK_NS      (NSEC_PER_SEC / 100)
#define THRESHOLD    5u  /* ticks */
#define LONG         12u /* ticks: more than twice of it */
#define THRESHOLD_MS (THRESHOLD * 10)

static enum preempt_model model;
static HOST_STATE struct atomic spun_on;
static HOST_STATE bool finished;

static unsigned int
count_reports(const char *words)
{
	unsigned int count = 0;

	for (const char *at = host_console(); (at = strstr(at, words)) != NULL; at++) {
		count++;
	}
	return count;
}

static const char *words;

static bool
was_reported(void)
{
	return count_reports(words) == 1;
}

/* One tick passes on this cpu, whose interrupts are on. */
static void
pass_tick(void)
{
	uint32_t before = this_cpu_read(timer_interrupts);

	host_clock_advance(TICK_NS);
	while (atomic_load(&spun_on) == 0 && this_cpu_read(timer_interrupts) == before) {
		arch_cpu_relax(); /* bounded: it comes */
	}
}

static void
boot_watched(uint32_t lockup_ticks, uint32_t latency_ms)
{
	preempt_model_set(model);
	boot_args.softlockup_ticks = lockup_ticks;
	boot_args.resched_latency_warn_ms = latency_ms;
	arch_irq_disable();
	timer_start_tick();
	arch_irq_enable();
	watchdog_init();
}

/* ---- soft lockups ---- */

static bool gives_way;

static void
compute(void *arg)
{
	(void)arg;
	host_gate();
	for (unsigned int n = 0; n < LONG; n++) {
		pass_tick();
		if (gives_way) {
			cond_resched();
		}
	}
	finished = true;
	host_stop();
}

static void
boot_compute(void)
{
	boot_watched(THRESHOLD, 0);
	scenario_task(0, compute, NULL);
}

static void
check_reported(void)
{
	HOST_EXPECT(finished);
	HOST_EXPECT(was_reported());
}

static void
check_not_reported(void)
{
	HOST_EXPECT(finished);
	HOST_EXPECT(!was_reported());
}

static struct explore_scenario
scenario_of(const char *name, void (*boot)(void), void (*check)(void))
{
	words = boot == boot_compute ? "soft lockup: task/0" : "was asked to give way";
	return (struct explore_scenario){ name, 1, boot, check, NULL, 0, NULL };
}

/* P27 (none): code of the kernel that goes on and on is reported, once, and by name. */
START_TEST(test_watchdog_soft_lockup_is_reported)
{
	struct explore_scenario scenario =
		scenario_of("an endless loop, none", boot_compute, check_reported);

	model = PREEMPT_NONE;
	gives_way = false;
	scenario_must_hold_within(&scenario, DEVIATIONS, LIMIT);
	scenario_must_catch(&scenario, "watchdog-blind", "was_reported()", LIMIT);
}
END_TEST

/* P27 (none, full): it is not, where others may run: at its own points, or at any. */
START_TEST(test_watchdog_loop_that_gives_way_is_not_reported)
{
	struct explore_scenario scenario =
		scenario_of("a loop with cond_resched, none", boot_compute, check_not_reported);

	model = PREEMPT_NONE;
	gives_way = true;
	scenario_must_hold_within(&scenario, DEVIATIONS, LIMIT);
	scenario_must_catch(&scenario, "watchdog-not-woken", "!was_reported()", LIMIT);
	if (!scenario_has_model(PREEMPT_FULL)) {
		return;
	}
	model = PREEMPT_FULL;
	gives_way = false;
	scenario = scenario_of("an endless loop, full", boot_compute, check_not_reported);
	scenario_must_hold_within(&scenario, DEVIATIONS, LIMIT);
}
END_TEST

/* ---- requests ---- */

static void
compute_asked(void *arg)
{
	(void)arg;
	host_gate();
	for (unsigned int n = 0; n < LONG; n++) {
		resched_cpu(0);
		pass_tick();
		if (gives_way) {
			cond_resched();
		}
	}
	finished = true;
	host_stop();
}

static void
boot_asked(void)
{
	boot_watched(0, THRESHOLD_MS);
	scenario_task(0, compute_asked, NULL);
}

/* P27 (none): a request that waits for so many ticks of its cpu is reported, once. */
START_TEST(test_watchdog_request_that_waits_is_reported)
{
	struct explore_scenario scenario =
		scenario_of("a request that waits", boot_asked, check_reported);

	model = PREEMPT_NONE;
	gives_way = false;
	scenario_must_hold_within(&scenario, DEVIATIONS, LIMIT);
	scenario_must_catch(&scenario, "watchdog-blind", "was_reported()", LIMIT);
}
END_TEST

/* P27 (none): many, of which each is met, are not one, even if nobody else could run. */
START_TEST(test_watchdog_requests_that_are_met_are_not_reported)
{
	struct explore_scenario scenario =
		scenario_of("requests that are met", boot_asked, check_not_reported);

	model = PREEMPT_NONE;
	gives_way = true;
	scenario_must_hold_within(&scenario, DEVIATIONS, LIMIT);
	scenario_must_catch(&scenario, "watchdog-old-request", "!was_reported()", LIMIT);
}
END_TEST

/* ---- hard lockups ---- */

static unsigned int ticks_between; /* before each NMI */
static bool hangs;
static HOST_STATE unsigned int nmis;

static void
count_nmi(void)
{
	nmis++;
}

static void
take_nmi(void)
{
	unsigned int before = nmis;

	host_nmi_send(0);
	while (atomic_load(&spun_on) == 0 && nmis == before) {
		arch_cpu_relax(); /* bounded: it comes */
	}
}

static void
be_sampled(void *arg)
{
	(void)arg;
	host_gate();
	pass_tick();
	for (unsigned int n = 0; n < 3; n++) {
		for (unsigned int tick = 0; tick < ticks_between && !hangs; tick++) {
			pass_tick();
		}
		if (hangs) {
			arch_irq_disable();
			host_clock_advance(ticks_between * TICK_NS);
		}
		take_nmi();
	}
	finished = true;
	host_stop();
}

static void
boot_sampled(void)
{
	boot_args.nmi_watchdog = true;
	boot_watched(0, 0);
	scenario_task(0, be_sampled, NULL);
}

static struct explore_scenario
sampled(const char *name)
{
	host_nmi_handler = count_nmi;
	return (struct explore_scenario){ name, 1, boot_sampled, NULL, NULL, 0, NULL };
}

/* P27: a cpu that takes no timer interrupt from one NMI to a later one is a hard lockup. */
START_TEST(test_watchdog_hard_lockup_is_a_panic)
{
	struct explore_scenario scenario = sampled("interrupts off for good");

	ticks_between = 3;
	hangs = true;
	scenario_must_fail(&scenario, "hard lockup: no timer interrupt", LIMIT);
	scenario.bug = "watchdog-blind";
	scenario_must_hold_within(&scenario, DEVIATIONS, LIMIT);
}
END_TEST

/* P27: one that takes them is none, however long it is between NMIs, and however short. */
START_TEST(test_watchdog_cpu_with_ticks_is_healthy)
{
	struct explore_scenario scenario = sampled("an NMI each few ticks");

	hangs = false;
	ticks_between = 3;
	scenario_must_hold_within(&scenario, DEVIATIONS, LIMIT);
	scenario.name = "NMIs without a tick between them";
	ticks_between = 0;
	scenario_must_hold_within(&scenario, DEVIATIONS, LIMIT);
	scenario_must_catch(&scenario, "watchdog-hasty", "hard lockup", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("watchdog");
	TCase *tests = tcase_create("watchdog");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_watchdog_soft_lockup_is_reported);
	tcase_add_test(tests, test_watchdog_loop_that_gives_way_is_not_reported);
	tcase_add_test(tests, test_watchdog_request_that_waits_is_reported);
	tcase_add_test(tests, test_watchdog_requests_that_are_met_are_not_reported);
	tcase_add_test(tests, test_watchdog_hard_lockup_is_a_panic);
	tcase_add_test(tests, test_watchdog_cpu_with_ticks_is_healthy);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
