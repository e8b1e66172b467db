// SPDX-License-Identifier: ISC
/*
 * How fast executions are, by each way to explore: two cpus that meet about 30 choices, and the
 * wakeup of a sleeper, which is several times as long. An exploration is repeated, its boot
 * included, until a second of the process's own time is over: other load does not count. Executions
 * are those that came to their end; pruned ones only take time.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "guest/sched.h"
#include "guest/spinlock.h"
#include "tests/explore/pick.h"
#include "tests/explore/scenario.h"
#include "tests/explore/sleeper.h"
#include "tests/host/state.h"

#define LEAST_SECONDS 1.0
#define SAMPLED       100000
#define LIMIT         200000
#define DEVIATIONS    4

static HOST_STATE struct raw_spinlock lock;
static HOST_STATE struct atomic shared;
static HOST_STATE struct atomic arrivals;

static void
count_and_lock(void *arg)
{
	(void)arg;
	host_gate();
	for (unsigned int n = 0; n < 4; n++) {
		atomic_fetch_add(&arrivals, 1);
	}
	raw_spin_lock(&lock);
	atomic_store(&shared, atomic_load(&shared) + 1);
	raw_spin_unlock(&lock);
	host_stop();
}

static void
boot_lockers(void)
{
	scenario_task(0, count_and_lock, NULL);
	scenario_task(1, count_and_lock, NULL);
}

static void
boot_wakeup(void)
{
	sleeper_boot(sleeper_wait, sleeper_set_and_wake);
}

/* ---- ways ---- */

static void
all(const struct explore_scenario *scenario, uint64_t round, struct explore_report *report)
{
	(void)round;
	explore_all(scenario, LIMIT, report);
}

static void
bounded(const struct explore_scenario *scenario, uint64_t round, struct explore_report *report)
{
	(void)round;
	explore_bounded(scenario, DEVIATIONS, LIMIT, report);
}

static void
uniform(const struct explore_scenario *scenario, uint64_t round, struct explore_report *report)
{
	explore_random(scenario, 1 + round * SAMPLED, SAMPLED, report);
}

static void
priorities(const struct explore_scenario *scenario, uint64_t round, struct explore_report *report)
{
	explore_pct(scenario, 1 + round * SAMPLED, 3, 30, SAMPLED, report);
}

static const struct way {
	const char *name;
	void (*explore)(const struct explore_scenario *scenario, uint64_t round,
	                struct explore_report *report);
} ways[] = {
	{ "exhaustive", all },
	{ "bounded", bounded },
	{ "random", uniform },
	{ "PCT", priorities },
};

/* ---- measuring ---- */

static unsigned int lengths[EXPLORE_CHOICES_MAX + 1]; /* how many executions met so many choices */

static void
note_length(void)
{
	lengths[choices.count]++;
}

/* How many choices the median execution meets, in one exploration. */
static unsigned int
median(const struct explore_scenario *scenario, const struct way *way)
{
	static struct explore_report report;
	struct explore_scenario noted = *scenario;
	uint64_t below = 0;
	unsigned int n = 0;

	memset(lengths, 0, sizeof(lengths));
	noted.check = note_length;
	way->explore(&noted, 0, &report);
	while (below + lengths[n] <= report.runs / 2) {
		below += lengths[n++];
	}
	return n;
}

static double
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void
measure_way(const struct explore_scenario *scenario, const struct way *way)
{
	static struct explore_report report;
	unsigned int met = median(scenario, way);
	double start = now();
	double seconds;
	uint64_t executions = 0;
	uint64_t pruned = 0;
	uint64_t rounds = 0;

	do {
		way->explore(scenario, rounds++, &report);
		executions += report.runs;
		pruned += report.pruned;
		seconds = now() - start;
	} while (seconds < LEAST_SECONDS);
	printf("%-10s %-12s %10llu %8llu %8llu %8u %14.0f\n", scenario->name, way->name,
	       (unsigned long long)executions, (unsigned long long)pruned,
	       (unsigned long long)rounds, met, (double)executions / seconds);
	fflush(stdout);
}

static void
measure(const struct explore_scenario *scenario)
{
	for (size_t n = 0; n < sizeof(ways) / sizeof(ways[0]); n++) {
		measure_way(scenario, &ways[n]);
	}
	printf("%-10s %zu bytes of state\n", scenario->name, state_size());
}

int
main(void)
{
	printf("%-10s %-12s %10s %8s %8s %8s %14s\n", "scenario", "engine", "executions", "pruned",
	       "rounds", "choices", "executions/s");
	measure(&(struct explore_scenario){ "lock", 2, boot_lockers, NULL, NULL, 0, NULL });
	measure(&(struct explore_scenario){ "wakeup", 2, boot_wakeup, NULL, NULL, 0, NULL });
	return 0;
}
