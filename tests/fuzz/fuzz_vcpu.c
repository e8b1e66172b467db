// SPDX-License-Identifier: ISC
/*
 * The target fuzz_vcpu: exits, requests, kicks, early faults and migrations over the run loop of
 * vcpus, in both of its orders and under every preemption model. What is looked at is in
 * vcpu/exits.h and vcpu/watch.h; and the kernel looks at itself.
 */
#include <stdio.h>
#include <string.h>

#include "guest/bug.h"
#include "guest/preempt_model.h"
#include "tests/fuzz/vcpu/exits.h"
#include "tests/fuzz/schedule.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/vcpu/watch.h"
#include "tests/fuzz/vcpu/world.h"
#include "tests/host/guest.h"

#define CPUS_MAX_HERE 4u
#define SIZE_MAX_HERE 1024u
#define LINE_SIZE     101

/* ---- kinds of records ---- */

#define B(...)              \
	{                   \
		__VA_ARGS__ \
	}
#define OP(op, n, below_, ...)                                                        \
	{                                                                             \
		.type = FUZZ_TYPE(FUZZ_OPERATIONS, FUZZ_VCPU_##op), .arg_count = (n), \
		.below = below_, .name = #op, .args = { __VA_ARGS__ },                \
	}

#define GUEST                                                                                      \
	OP(GUEST, 4, B(EXITS_VCPUS, FUZZ_INSTRUCTION_COUNT, 256, 256), "vcpu", "instruction", "a", \
	   "b")

/* One that is here several times is drawn as often: guests are long, or nothing meets in them. */
static const struct fuzz_kind kinds[] = {
	GUEST,
	GUEST,
	GUEST,
	OP(HANDLER, 4, B(EXITS_VCPUS, FUZZ_INSTRUCTION_COUNT, 256, 256), "vcpu", "instruction", "a",
	   "b"),
	OP(FLAVOUR, 1, B(2), "early"),
	OP(PLACE, 2, B(WORLD_TASKS, 16), "whom", "cpus"),
	OP(REQUEST, 4, B(WORLD_WORKERS, EXITS_VCPUS, 8, 8), "task", "vcpu", "request", "flags"),
	OP(REQUEST_ALL, 3, B(WORLD_WORKERS, 8, 8), "task", "request", "flags"),
	OP(KICK, 2, B(WORLD_WORKERS, EXITS_VCPUS), "task", "vcpu"),
	OP(WAKE, 2, B(WORLD_WORKERS, EXITS_VCPUS), "task", "vcpu"),
	OP(INTERRUPT, 3, B(WORLD_WORKERS, EXITS_VCPUS, 32), "task", "vcpu", "vector"),
	OP(PAUSE, 2, B(WORLD_WORKERS, EXITS_VCPUS), "task", "vcpu"),
	OP(RESUME, 2, B(WORLD_WORKERS, EXITS_VCPUS), "task", "vcpu"),
	OP(KILL, 1, B(WORLD_WORKERS), "task"),
	OP(REMAP, 1, B(WORLD_WORKERS), "task"),
	OP(SIGNAL, 2, B(WORLD_WORKERS, EXITS_VCPUS), "task", "vcpu"),
	OP(NICE, 3, B(WORLD_WORKERS, WORLD_TASKS, 40), "task", "whom", "nice"),
	OP(AFFINITY, 3, B(WORLD_WORKERS, WORLD_TASKS, 16), "task", "whom", "cpus"),
	OP(MODEL, 2, B(WORLD_WORKERS, 4), "task", "model"),
	OP(YIELD, 1, B(WORLD_WORKERS), "task"),
	OP(YIELD_TO, 2, B(WORLD_WORKERS, WORLD_TASKS), "task", "whom"),
	OP(SLEEP, 2, B(WORLD_WORKERS, 64), "task", "time"),
	OP(CREATE, 1, B(WORLD_WORKERS), "task"),
	OP(MACHINE, 4, B(WORLD_WORKERS, 2, 128, 64), "task", "early", "what", "points"),
	OP(NOTIFIER, 3, B(WORLD_WORKERS, 64, 2), "task", "time", "child"),
	OP(LATER, 4, B(WORLD_WORKERS, 64, 16, EXITS_VCPUS), "task", "time", "what", "vcpu"),
	OP(WORK, 2, B(WORLD_WORKERS, 64), "task", "steps"),
	OP(STEAL, 1, B(EXITS_VCPUS), "vcpu"),
	OP(INJECT, 2, B(2, 32), "cause", "exit"),
	OP(RCU, 2, B(WORLD_WORKERS, 64), "task", "time"),
	OP(INTERRUPTS, 4, B(WORLD_WORKERS, EXITS_VCPUS, 32, 32), "task", "vcpu", "vector", "count"),
	OP(EACH, 3, B(FUZZ_INSTRUCTION_COUNT, 256, 256), "instruction", "a", "b"),
	OP(CHASE, 4, B(WORLD_WORKERS, EXITS_VCPUS, 64, 16), "task", "vcpu", "points", "cpus"),
	{ .type = FUZZ_TYPE(FUZZ_REPLIES, FUZZ_VCPU_REPLY_ANSWER),
	  .name = "ANSWER",
	  .arg_count = 1,
	  .below = { 8 },
	  .args = { "value" } },
	{ .type = FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_AT),
	  .name = "AT",
	  .arg_count = FUZZ_AT_LENGTH,
	  .below = { 256, 4, FUZZ_ACTION_COUNT, CPUS_MAX_HERE, FUZZ_EXTRA_MAX + 1 },
	  .args = { "delta", "delta*256", "action", "cpu", "extra" } },
};

/* ---- runs ---- */

static char finding[256];
static struct host_result result;

/* What the guests made of it, by vcpu; see exits_words(). */
struct outcome {
	uint64_t words[EXITS_VCPUS];
};

static bool
begin(const char *bug)
{
	if (bug != NULL && !bug_choose(bug, strlen(bug))) {
		return false;
	}
	world_bug = bug;
	schedule_boot(CPUS_MAX_HERE, world_boot, world_idle);
	schedule_watch = watch_transition;
	host_interrupt_seen = watch_interrupt;
	host_nmi_handler = world_take_nmi;
	host_guest_completes = exits_completed;
	return true;
}

/* NULL, or what is wrong. */
static const char *
run_once(const struct fuzz_input *input, unsigned int model, struct outcome *outcome)
{
	exits_load(input);
	world_load(input, model);
	schedule_run(input, world_prepare, &result);
	if (result.end == HOST_END_FAILED) {
		return result.reason;
	}
	if (result.end == HOST_END_QUIET) {
		return "nothing happens any more, and the driver waits";
	}
	for (unsigned int id = 0; id < EXITS_VCPUS; id++) {
		outcome->words[id] = exits_words(id);
	}
	return NULL;
}

static const enum preempt_model models[] = {
	[FUZZ_MODEL_NONE] = PREEMPT_NONE,
	[FUZZ_MODEL_VOLUNTARY] = PREEMPT_VOLUNTARY,
	[FUZZ_MODEL_FULL] = PREEMPT_FULL,
	[FUZZ_MODEL_LAZY] = PREEMPT_LAZY,
};

static const char *
differs(const struct outcome *first, const struct outcome *other, unsigned int model)
{
	for (unsigned int id = 0; id < EXITS_VCPUS; id++) {
		if (first->words[id] == 0 || other->words[id] == 0 ||
		    first->words[id] == other->words[id]) {
			continue;
		}
		snprintf(finding, sizeof(finding),
		         "vcpu %u has other results under %s than under %s", id,
		         preempt_model_names[models[model]], preempt_model_names[models[0]]);
		return finding;
	}
	return NULL;
}

static const char *
run_under_all(const struct fuzz_input *input)
{
	struct outcome outcomes[FUZZ_MODEL_COMPARE];
	const char *wrong = NULL;

	for (unsigned int model = 0; wrong == NULL && model < FUZZ_MODEL_COMPARE; model++) {
		wrong = run_once(input, models[model], &outcomes[model]);
		if (wrong == NULL) {
			wrong = differs(&outcomes[0], &outcomes[model], model);
		} else {
			snprintf(finding, sizeof(finding), "under %s: %s",
			         preempt_model_names[models[model]], wrong);
			wrong = finding;
		}
	}
	return wrong;
}

static const char *
run(const uint8_t *data, size_t size)
{
	struct fuzz_input input = fuzz_input(data, size, CPUS_MAX_HERE);
	struct outcome outcome;

	return input.header.model == FUZZ_MODEL_COMPARE
	               ? run_under_all(&input)
	               : run_once(&input, models[input.header.model], &outcome);
}

/* ---- told ---- */

static void
print_item(const struct fuzz_item *item, uint8_t type, void (*print)(const char *line))
{
	char line[LINE_SIZE];
	size_t used = 0;

	for (size_t n = 0; n < sizeof(kinds) / sizeof(kinds[0]); n++) {
		const struct fuzz_kind *kind = &kinds[n];

		if (kind->type != type || used != 0) {
			continue;
		}
		used = (size_t)snprintf(line, sizeof(line), "%4zu  %s", item->offset, kind->name);
		for (unsigned int arg = 0; arg < kind->arg_count && used < sizeof(line); arg++) {
			unsigned int value = fuzz_arg(item, arg, kind->below[arg]);

			used += (size_t)snprintf(line + used, sizeof(line) - used, "  %s %u",
			                         kind->args[arg], value);
			if (strcmp(kind->args[arg], "instruction") == 0 && used < sizeof(line)) {
				used += (size_t)snprintf(line + used, sizeof(line) - used, " %s",
				                         exits_instruction_name(value));
			}
		}
		print(line);
	}
}

static void
print_operations(const struct fuzz_input *input, void (*print)(const char *line))
{
	struct fuzz_cursor cursor = fuzz_cursor(input, FUZZ_OPERATIONS);
	struct fuzz_item item;

	while (fuzz_next(&cursor, &item)) {
		print_item(&item, FUZZ_TYPE(FUZZ_OPERATIONS, item.kind), print);
	}
}

static void
print_counts(void (*print)(const char *line))
{
	char line[LINE_SIZE + 32];

	for (uint32_t id = 0; id < EXITS_VCPUS; id++) {
		if (watch_counts(id)[0] != '\0') {
			snprintf(line, sizeof(line), "vcpu %u: %s", id, watch_counts(id));
			print(line);
		}
	}
}

/* The run under all models is told by the first that is wrong. */
static void
tell(const uint8_t *data, size_t size, void (*print)(const char *line))
{
	struct fuzz_input input = fuzz_input(data, size, CPUS_MAX_HERE);
	unsigned int model = input.header.model;
	struct outcome outcome;
	const char *wrong;
	char title[LINE_SIZE];

	if (model == FUZZ_MODEL_COMPARE) {
		model = 0;
		while (model < FUZZ_MODEL_LAZY &&
		       run_once(&input, models[model], &outcome) == NULL) {
			model++;
		}
	}
	wrong = run_once(&input, models[model], &outcome);
	snprintf(title, sizeof(title), "fuzz_vcpu, %s", preempt_model_names[models[model]]);
	print_operations(&input, print);
	schedule_tell(&input, world_prepare, title, wrong, print);
	print_counts(print);
}

const struct fuzz_target fuzz_target = {
	.name = "fuzz_vcpu",
	.size_max = SIZE_MAX_HERE,
	.kinds = kinds,
	.kind_count = sizeof(kinds) / sizeof(kinds[0]),
	.begin = begin,
	.run = run,
	.tell = tell,
};
