// SPDX-License-Identifier: ISC
/*
 * Operations of tasks, and a schedule, on the simulated machine: the core of the kernel.
 */
#include <stdio.h>
#include <string.h>

#include "guest/bug.h"
#include "guest/context_tracking.h"
#include "tests/fuzz/sched/misuse.h"
#include "tests/fuzz/sched/oracle.h"
#include "tests/fuzz/sched/program.h"
#include "tests/fuzz/sched/promises.h"
#include "tests/fuzz/schedule.h"
#include "tests/fuzz/target.h"
#include "tests/host/machine.h"

#define INPUT_MAX 4096 /* bytes */

static enum bug chosen = BUG_COUNT;
static char finding[256];

/* A run was ended by a report that it was to provoke: what its operations gave says nothing. */
static bool is_cut;

/* What the operations gave under the first model that was run. */
static uint8_t first_results[PLAN_OPS_MAX];

/* Switched on in each run: with some of them the kernel would not even boot. */
static bool
begin(const char *bug)
{
	if (bug != NULL && !bug_choose(bug, strlen(bug))) {
		return false;
	}
	chosen = bug_active;
	bug_active = BUG_COUNT;
	schedule_boot(PLAN_CPUS, program_boot_image, NULL);
	return true;
}

/* Does nothing but wakeups and ticks ask for a switch? */
static bool
is_strict(void)
{
	const struct plan *plan = program_plan();

	for (unsigned int n = 0; n < plan->op_count; n++) {
		switch (plan->ops[n].kind) {
		case FUZZ_TASK_RESCHED:
		case FUZZ_TASK_YIELD_TO:
		case FUZZ_TASK_NICE:
		case FUZZ_TASK_AFFINITY:
		case FUZZ_TASK_MODEL:
		case FUZZ_TASK_SCENE:
			return false;
		default:
			break;
		}
	}
	return true;
}

/* What is done between runs is done in cpu 0's idle, which RCU does not watch. */
static void
prepare(void)
{
	ct_idle_exit();
	oracle_prepare(program_plan()->uses_rcu);
	promises_prepare(is_strict());
	misuse_prepare();
	bug_active = chosen;
	program_prepare();
	ct_idle_enter();
}

static void
check(void)
{
	oracle_check_halted();
	host_this->irqs_on = false;
	ct_idle_exit();
	program_check();
	oracle_check();
}

/* One run under this model. */
static const char *
run_under(const struct fuzz_input *input, enum fuzz_model model)
{
	static struct host_result result;

	program_set_model(model);
	schedule_run(input, prepare, &result);
	if (result.end == HOST_END_QUIET) {
		host_inspect(check, &result);
	}
	if (result.end == HOST_END_FAILED && misuse_is_reported(result.reason)) {
		is_cut = true;
		return NULL;
	}
	if (result.end == HOST_END_EXIT) {
		return "the kernel has ended the run";
	}
	return result.end == HOST_END_FAILED ? result.reason : NULL;
}

/* The results of the run, against those of the first model. NULL: they are the same. */
static const char *
compare(enum fuzz_model model)
{
	static const char *const names[] = { "none", "voluntary", "full", "lazy" };
	unsigned int count;
	const uint8_t *results = program_results(&count);
	char words[100];

	for (unsigned int n = 0; n < count; n++) {
		if (results[n] != first_results[n]) {
			snprintf(finding, sizeof(finding),
			         "op %u gives %u under %s, %u under %s: %s", n, first_results[n],
			         names[0], results[n], names[model],
			         plan_op_words(&program_plan()->ops[n], words, sizeof(words)));
			return finding;
		}
	}
	return NULL;
}

static const char *
run_all_models(const struct fuzz_input *input)
{
	is_cut = false;
	for (unsigned int model = FUZZ_MODEL_NONE; model < FUZZ_MODEL_COMPARE; model++) {
		const char *wrong = run_under(input, (enum fuzz_model)model);

		if (wrong == NULL && model == FUZZ_MODEL_NONE) {
			unsigned int count;
			const uint8_t *results = program_results(&count);

			memcpy(first_results, results, count);
		} else if (wrong == NULL && !is_cut) {
			wrong = compare((enum fuzz_model)model);
		}
		if (wrong != NULL) {
			return wrong;
		}
	}
	return NULL;
}

static const char *
run(const uint8_t *data, size_t size)
{
	struct fuzz_input input = fuzz_input(data, size, PLAN_CPUS);

	program_load(&input);
	if (input.header.model == FUZZ_MODEL_COMPARE) {
		return run_all_models(&input);
	}
	return run_under(&input, (enum fuzz_model)input.header.model);
}

static void
tell(const uint8_t *data, size_t size, void (*print)(const char *line))
{
	struct fuzz_input input = fuzz_input(data, size, PLAN_CPUS);
	const struct plan *plan = program_plan();
	const char *wrong = run(data, size); /* and so the model that it is wrong under */
	char words[100];
	char line[120];

	for (unsigned int n = 0; n < plan->op_count; n++) {
		snprintf(line, sizeof(line), "%3u %s%s", n,
		         plan_op_words(&plan->ops[n], words, sizeof(words)),
		         plan->ops[n].skipped ? " (skipped)" : "");
		print(line);
	}
	schedule_tell(&input, prepare, "fuzz_sched", wrong, print);
}

const struct fuzz_target fuzz_target = {
	.name = "fuzz_sched",
	.size_max = INPUT_MAX,
	.kinds = plan_kinds,
	.kind_count = PLAN_KINDS,
	.begin = begin,
	.run = run,
	.tell = tell,
};
