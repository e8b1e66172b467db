// SPDX-License-Identifier: ISC
/*
 * How fast runs are: two cpus, one locked section each, by each way to explore; and the wakeup of a
 * sleeper, which is a hundred transitions long.
 */
#include <stdio.h>
#include <time.h>

#include "guest/sched.h"
#include "guest/spinlock.h"
#include "tests/explore/scenario.h"
#include "tests/explore/sleeper.h"
#include "tests/host/state.h"

static HOST_STATE struct raw_spinlock lock;
static HOST_STATE struct atomic shared;

static void
lock_once(void *arg)
{
	(void)arg;
	host_gate();
	for (unsigned int n = 0; n < 2; n++) {
		raw_spin_lock(&lock);
		atomic_store(&shared, atomic_load(&shared) + 1);
		raw_spin_unlock(&lock);
	}
	host_stop();
}

static void
boot_lockers(void)
{
	scenario_task(0, lock_once, NULL);
	scenario_task(1, lock_once, NULL);
}

static void
boot_wakeup(void)
{
	sleeper_boot(sleeper_wait, sleeper_set_and_wake);
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void
tell(const char *what, const char *how, const struct explore_report *report, double seconds)
{
	uint64_t runs = report->runs + report->pruned;

	printf("%-8s %-12s %8llu runs, %3llu choices each: %9.0f runs/s, %5.1f ns a choice\n", what,
	       how, (unsigned long long)runs, (unsigned long long)(report->transitions / runs),
	       (double)runs / seconds, seconds * 1e9 / (double)report->transitions);
}

static void
measure(const struct explore_scenario *scenario)
{
	static struct explore_report report;
	double start = now();

	explore_all(scenario, 200000, &report);
	tell(scenario->name, "all", &report, now() - start);
	start = now();
	explore_bounded(scenario, 6, 200000, &report);
	tell(scenario->name, "bounded", &report, now() - start);
	start = now();
	explore_random(scenario, 1, 200000, &report);
	tell(scenario->name, "random", &report, now() - start);
	start = now();
	explore_pct(scenario, 1, 3, 30, 200000, &report);
	tell(scenario->name, "PCT", &report, now() - start);
	printf("%-8s %zu bytes of state\n", scenario->name, state_size());
}

int
main(void)
{
	measure(&(struct explore_scenario){ "lock", 2, boot_lockers, NULL, NULL, 0, NULL });
	measure(&(struct explore_scenario){ "wakeup", 2, boot_wakeup, NULL, NULL, 0, NULL });
	return 0;
}
