// SPDX-License-Identifier: ISC
#include "tests/explore/scenario.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED      1
#define PCT_DEPTH 3

struct task *
scenario_task(unsigned int cpu, void (*fn)(void *), void *arg)
{
	char comm[TASK_COMM_SIZE];

	snprintf(comm, sizeof(comm), "task/%u", cpu);
	return task_run(&(struct task_params){
		.comm = comm,
		.fn = fn,
		.arg = arg,
		.cpus_allowed = 1ull << cpu,
	});
}

struct task *
scenario_fifo_task(unsigned int cpu, uint8_t priority, void (*fn)(void *), void *arg)
{
	char comm[TASK_COMM_SIZE];

	snprintf(comm, sizeof(comm), "fifo/%u", cpu);
	return task_run(&(struct task_params){
		.comm = comm,
		.fn = fn,
		.arg = arg,
		.policy = SCHED_FIFO,
		.rt_priority = priority,
		.cpus_allowed = 1ull << cpu,
	});
}

static void
print_line(const char *line)
{
	printf("%s\n", line);
}

static void
give_up(const struct explore_scenario *scenario, struct explore_report *report)
{
	static struct explore_report again;

	explore_minimize(scenario, report);
	explore_replay(scenario, report->replay, getenv("EXPLORE_TELL") ? print_line : NULL,
	               &again);
	ck_abort_msg("%s: %s\nafter %llu runs; replay: %s", scenario->name, report->reason,
	             (unsigned long long)report->runs, report->replay);
}

static void
tell(const struct explore_scenario *scenario, const struct explore_report *report,
     const char *outcome)
{
	printf("%-44s %8llu runs, %llu pruned, up to %u transitions: %s\n", scenario->name,
	       (unsigned long long)report->runs, (unsigned long long)report->pruned,
	       report->longest, outcome);
	fflush(stdout);
}

static void
must_hold(const struct explore_scenario *scenario, struct explore_report *report)
{
	if (report->failed) {
		give_up(scenario, report);
	}
	tell(scenario, report, report->complete ? "holds" : "not exhausted");
	ck_assert_msg(report->complete, "%s: not exhausted", scenario->name);
}

void
scenario_must_hold(const struct explore_scenario *scenario, uint64_t limit)
{
	static struct explore_report report;

	explore_all(scenario, limit, &report);
	must_hold(scenario, &report);
}

void
scenario_must_hold_within(const struct explore_scenario *scenario, unsigned int deviations,
                          uint64_t limit)
{
	static struct explore_report report;

	explore_bounded(scenario, deviations, limit, &report);
	must_hold(scenario, &report);
}

void
scenario_must_survive(const struct explore_scenario *scenario, uint64_t runs)
{
	static struct explore_report report;

	explore_random(scenario, SEED, runs, &report);
	if (report.failed) {
		give_up(scenario, &report);
	}
	tell(scenario, &report, "holds in random runs");
	explore_pct(scenario, SEED, PCT_DEPTH, report.longest, runs, &report);
	if (report.failed) {
		give_up(scenario, &report);
	}
	tell(scenario, &report, "holds by priorities");
}

/* A race may be reported before it does the harm that the words tell of. */
static bool
is_killed_by(const char *reason, const char *words)
{
	return strstr(reason, words) != NULL || strncmp(reason, "data race", 9) == 0;
}

void
scenario_must_fail(const struct explore_scenario *scenario, const char *words, uint64_t limit)
{
	static struct explore_report report;
	static struct explore_report again;

	explore_all(scenario, limit, &report);
	ck_assert_msg(report.failed, "%s: the mutant survives %llu runs", scenario->name,
	              (unsigned long long)report.runs);
	ck_assert_msg(is_killed_by(report.reason, words), "%s: killed by the wrong failure: %s",
	              scenario->name, report.reason);
	explore_minimize(scenario, &report);
	tell(scenario, &report, report.reason);
	printf("    replay: %s\n", report.replay);
	explore_replay(scenario, report.replay, getenv("EXPLORE_TELL") ? print_line : NULL, &again);
	ck_assert_msg(again.failed && strcmp(again.reason, report.reason) == 0,
	              "%s: replayed %s: %s", scenario->name, report.replay,
	              again.failed ? again.reason : "no failure");
}
