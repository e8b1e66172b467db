// SPDX-License-Identifier: ISC
#include "tests/explore/scenario.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/bug.h"
#include "guest/format.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/trace.h"
#include "tests/explore/picture.h"
#include "tests/host/race.h"

#define SEED      1
#define PCT_DEPTH 3

/*
 * Each space is exhausted once: by the counter that a machine's kernel has, without a sanitizer.
 * The other builds look at what their counter and the memory make of the same, and stop after as
 * many runs; then random ones go where the first do not come. A build that counts lines looks for
 * new ones only, of which the first runs have most.
 */
#ifdef SHORT_RUNS
#define OTHER_RUNS   3000
#define COUNTS_LINES 1
#elif defined(__SANITIZE_ADDRESS__)
#define OTHER_RUNS 10000
#else
#define OTHER_RUNS 100000
#endif
#define RANDOM_RUNS 2000
#ifndef COUNTS_LINES
#define COUNTS_LINES 0
#endif

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

/* ---- names ---- */

static const char *
state_words(uint32_t state)
{
	switch (state) {
	case TASK_RUNNING:
		return "RUNNING";
	case TASK_INTERRUPTIBLE:
		return "INTERRUPTIBLE";
	case TASK_UNINTERRUPTIBLE:
		return "UNINTERRUPTIBLE";
	case TASK_KILLABLE:
		return "KILLABLE";
	case TASK_STOPPED:
		return "STOPPED";
	case TASK_DEAD:
		return "DEAD";
	case TASK_WAKING:
		return "WAKING";
	default:
		return NULL;
	}
}

static const char *
flags_words(uint32_t flags)
{
	return flags == TIF_NEED_RESCHED        ? "NEED_RESCHED"
	       : flags == TIF_NEED_RESCHED_LAZY ? "NEED_RESCHED_LAZY"
	                                        : NULL;
}

/* Linux traces the new name of a task, too. */
static void
rename_task(struct task *task, const char *name)
{
	uint64_t comm = 0;

	format_string(task->comm, sizeof(task->comm), "%s", name);
	memcpy(&comm, task->comm, sizeof(comm));
	trace(TRACE_task_comm, task->pid, comm);
}

void
scenario_name_task(struct task *task, const char *name)
{
	rename_task(task, name);
	explore_name(&task->state, "%s.state", name);
	explore_name(&task->flags, "%s.flags", name);
	explore_name(&task->on_cpu, "%s.on_cpu", name);
	explore_name(&task->on_rq, "%s.on_rq", name);
	explore_name(&task->pi_lock.next, "%s.pi_lock.next", name);
	explore_name(&task->pi_lock.owner, "%s.pi_lock.owner", name);
	explore_show(&task->state, state_words);
	explore_show(&task->flags, flags_words);
}

void
scenario_name_cpus(unsigned int cpus)
{
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		const struct rq *rq = &per_cpu(runqueue, cpu);

		explore_name(&rq->lock.next, "rq%u.lock.next", cpu);
		explore_name(&rq->lock.owner, "rq%u.lock.owner", cpu);
		explore_name(&rq->nr_running, "rq%u.nr_running", cpu);
		explore_name(&rq->wake_list, "rq%u.wake_list", cpu);
		explore_name(&rq->ttwu_pending, "rq%u.ttwu_pending", cpu);
		explore_name(&rq->idle->flags, "idle%u.flags", cpu);
		explore_name(&rq->idle->on_cpu, "idle%u.on_cpu", cpu);
		explore_show(&rq->idle->flags, flags_words);
	}
}

/* ---- what tasks do ---- */

static const char *late_bug; /* switched on at the gate; NULL: none */

void
scenario_gate(void)
{
	host_gate();
	if (late_bug != NULL) {
		HOST_EXPECT(bug_choose(late_bug, strlen(late_bug)));
	}
}

_Noreturn void
scenario_sleep(void)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	host_fail("%s was woken, and nobody should", current->comm);
}

void
scenario_take_interrupts(void)
{
	while (host_cpu(0)->pending || host_cpu(0)->nmi_pending) { /* bounded: nothing else moves */
		arch_cpu_relax();
		preempt_count();
	}
}

void
scenario_ask(void *unused)
{
	(void)unused;
	host_gate();
	resched_cpu(0);
	host_stop();
}

bool
scenario_has_model(enum preempt_model model)
{
	return CONFIG_PREEMPT_COUNT || !preempt_model_preempts(model);
}

/* ---- the end ---- */

static HOST_STATE unsigned int done_count;

void
scenario_done(void)
{
	done_count++;
}

void
scenario_check_quiet(unsigned int wanted)
{
	HOST_EXPECT(done_count == wanted);
	for_each_cpu (cpu) {
		HOST_EXPECT(!(atomic_load(&per_cpu(current_task, cpu)->flags) & TIF_NEED_RESCHED));
		HOST_EXPECT(per_cpu(runqueue, cpu).curr == per_cpu(current_task, cpu));
	}
}

void
scenario_check_at_rest(unsigned int wanted)
{
	HOST_EXPECT(host_all_halted());
	scenario_check_quiet(wanted);
}

/* ---- what is said of runs ---- */

static void
print_line(const char *line)
{
	printf("%s\n", line);
}

/* EXPLORE_TELL: timeline, steps, or all. */
static bool
is_told(const char *what)
{
	const char *told = getenv("EXPLORE_TELL");

	return told != NULL && (strcmp(told, what) == 0 || strcmp(told, "all") == 0);
}

/* Of a failure that is wanted, the picture is drawn on demand only. */
static void
retell(const struct explore_scenario *scenario, const char *replay, bool draw,
       struct explore_report *again)
{
	if (draw) {
		print_line("");
		picture_draw(scenario, replay, print_line);
		print_line("");
	}
	explore_replay(scenario, replay, is_told("steps") ? print_line : NULL, again);
	fflush(stdout);
}

static void
give_up(const struct explore_scenario *scenario, struct explore_report *report)
{
	static struct explore_report again;

	explore_minimize(scenario, report);
	retell(scenario, report->replay, true, &again);
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

/* In this build. */
static uint64_t
runs_max(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(SHORT_RUNS)
	if (HOST_FOLDS && !race_is_instrumented()) {
		return UINT64_MAX;
	}
#endif
	return OTHER_RUNS;
}

static uint64_t
limit_here(uint64_t limit)
{
	return limit < runs_max() ? limit : runs_max();
}

/* Not exhausted, and need not be in this build. */
static bool
is_cut_short(const struct explore_report *report)
{
	return !report->failed && !report->complete && report->runs + report->pruned >= runs_max();
}

/* Where the first runs do not come, others may. */
static void
explore_beyond(const struct explore_scenario *scenario, struct explore_report *report)
{
	unsigned int longest = report->longest;

	explore_random(scenario, SEED, RANDOM_RUNS, report);
	if (COUNTS_LINES && !report->failed) {
		explore_pct(scenario, SEED, PCT_DEPTH, longest, RANDOM_RUNS, report);
	}
}

static bool was_exhausted;

bool
scenario_was_exhausted(void)
{
	return was_exhausted;
}

static void
must_hold(const struct explore_scenario *scenario, struct explore_report *report)
{
	was_exhausted = !is_cut_short(report);
	if (!was_exhausted) {
		tell(scenario, report, "holds so far");
		explore_beyond(scenario, report);
		report->complete = true; /* all that were asked for */
	}
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

	explore_all(scenario, limit_here(limit), &report);
	must_hold(scenario, &report);
}

void
scenario_must_hold_within(const struct explore_scenario *scenario, unsigned int deviations,
                          uint64_t limit)
{
	static struct explore_report report;

	explore_bounded(scenario, deviations, limit_here(limit), &report);
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

static void
must_fail(const struct explore_scenario *scenario, const char *words, struct explore_report *report)
{
	static struct explore_report again;
	const char *bug = late_bug != NULL ? late_bug : scenario->bug;

	if (is_cut_short(report)) {
		tell(scenario, report, "not found so far");
		if (COUNTS_LINES) { /* those of the mistake, too */
			explore_beyond(scenario, report);
		}
		return;
	}
	ck_assert_msg(report->failed, "%s: the mutant survives %llu runs", scenario->name,
	              (unsigned long long)report->runs);
	ck_assert_msg(is_killed_by(report->reason, words), "%s: killed by the wrong failure: %s",
	              scenario->name, report->reason);
	explore_minimize(scenario, report);
	tell(scenario, report, report->reason);
	printf("    replay: %s\n", report->replay);
	retell(scenario, report->replay, is_told("timeline"), &again);
	ck_assert_msg(again.failed && strcmp(again.reason, report->reason) == 0,
	              "%s: replayed %s: %s", scenario->name, report->replay,
	              again.failed ? again.reason : "no failure");
	if (bug != NULL) { /* for mutants.sh */
		printf("MUTANT %s | %s | %s\n", bug, scenario->name, report->reason);
	}
}

void
scenario_must_fail(const struct explore_scenario *scenario, const char *words, uint64_t limit)
{
	static struct explore_report report;

	explore_all(scenario, limit_here(limit), &report);
	must_fail(scenario, words, &report);
}

void
scenario_must_fail_within(const struct explore_scenario *scenario, const char *words,
                          unsigned int deviations, uint64_t limit)
{
	static struct explore_report report;

	explore_bounded(scenario, deviations, limit_here(limit), &report);
	must_fail(scenario, words, &report);
}

/* A late bug is not the scenario's: explore.h would switch it on before the boot. */
static void
must_catch(const struct explore_scenario *scenario, const char *bug, bool is_late,
           const char *words, uint64_t limit)
{
	struct explore_scenario mutant = *scenario;
	char name[96];

	snprintf(name, sizeof(name), "%s, bug=%s", scenario->name, bug);
	mutant.name = name;
	mutant.bug = is_late ? NULL : bug;
	late_bug = is_late ? bug : NULL;
	scenario_must_fail(&mutant, words, limit);
	late_bug = NULL;
}

void
scenario_must_catch(const struct explore_scenario *scenario, const char *bug, const char *words,
                    uint64_t limit)
{
	must_catch(scenario, bug, false, words, limit);
}

void
scenario_must_catch_within(const struct explore_scenario *scenario, unsigned int deviations,
                           const char *bug, const char *words, uint64_t limit)
{
	struct explore_scenario mutant = *scenario;

	mutant.bug = bug;
	scenario_must_fail_within(&mutant, words, deviations, limit);
}

void
scenario_must_catch_late(const struct explore_scenario *scenario, const char *bug,
                         const char *words, uint64_t limit)
{
	must_catch(scenario, bug, true, words, limit);
}
