// SPDX-License-Identifier: ISC
#include "tests/explore/pick.h"

#include <stdio.h>
#include <string.h>

#include "guest/bug.h"
#include "guest/sched.h"
#include "tests/explore/name.h"
#include "tests/host/record.h"

struct choices choices;

static const struct explore_scenario *booting;
static unsigned int moment;
static unsigned int value_count;
static unsigned int (*value_of)(unsigned int n);
static bool is_pruned;

/*
 * Moments that are kept lie the closer, the closer they are to where the last run turned off: there
 * is where the next ones will. Closer than KEEP_STEPS choices, a replay is as fast.
 */
#define KEEP_STEPS 16

bool explore_whole;

static struct kept {
	struct pick_place place;
	unsigned int moment;
	unsigned int value_count;
	unsigned int choice_count;
} kept[HOST_KEPT_MAX];
static unsigned int kept_count;
static unsigned int turn; /* the first choice that may differ from the last run's */

static void
boot(void)
{
	if (booting->bug != NULL && !bug_choose(booting->bug, strlen(booting->bug))) {
		host_fail("there is no bug '%s'", booting->bug);
	}
	booting->boot();
}

/* Values are not moments: PCT's changes are for what others can see. */
static unsigned int
pick_value(unsigned int n)
{
	if (value_count++ == EXPLORE_VALUES_MAX) {
		host_fail("the run chooses without end");
	}
	return pick_note(value_of(n), n);
}

void
pick_begin(const struct explore_scenario *scenario, bool fine,
           unsigned int (*pick)(const struct host_transition *transitions, unsigned int count),
           unsigned int (*value)(unsigned int n), struct explore_report *report)
{
	*report = (struct explore_report){ .fine = fine };
	host_broken = scenario->broken;
	host_fine = fine;
	host_pick = pick;
	host_pick_value = pick_value;
	value_of = value;
	booting = scenario;
	record_runs = false;
	kept_count = 0;
	name_forget();
	host_boot(scenario->cpus, boot, scenario->idle != NULL ? scenario->idle : sched_idle_loop);
}

static void
write_replay(struct explore_report *report)
{
	size_t used = (size_t)snprintf(report->replay, sizeof(report->replay), "%c",
	                               report->fine ? 'f' : 'c');

	for (unsigned int n = 0; n < choices.count && used < sizeof(report->replay) - 16; n++) {
		if (choices.made[n] != 0) {
			used += (size_t)snprintf(report->replay + used,
			                         sizeof(report->replay) - used, " %u@%u",
			                         choices.made[n], n);
		}
	}
}

/* The run has come to its end: what is said of it. */
static bool
account(const struct explore_scenario *scenario, struct host_result *result,
        struct explore_report *report)
{
	report->transitions += moment;
	if (is_pruned) {
		report->pruned++;
		return false;
	}
	report->runs++;
	if (moment > report->longest) {
		report->longest = moment;
	}
	if (result->end == HOST_END_QUIET && scenario->check != NULL) {
		host_inspect(scenario->check, result);
	}
	if (result->end != HOST_END_FAILED) {
		return false;
	}
	report->failed = true;
	report->cpu = result->cpu;
	memcpy(report->reason, result->reason, sizeof(report->reason));
	write_replay(report);
	return true;
}

bool
pick_run(const struct explore_scenario *scenario, struct explore_report *report)
{
	struct host_result result = { .status = 0 };

	moment = 0;
	value_count = 0;
	choices.count = 0;
	is_pruned = false;
	host_run(&result);
	return account(scenario, &result, report);
}

bool
pick_run_from(const struct explore_scenario *scenario, unsigned int prefix,
              struct pick_place *place, struct explore_report *report)
{
	struct host_result result = { .status = 0 };
	const struct kept *from;

	turn = prefix == 0 ? 0 : prefix - 1;
	while (kept_count != 0 && kept[kept_count - 1].place.depth >= prefix) {
		kept_count--;
	}
	if (kept_count == 0) {
		*place = (struct pick_place){ .depth = 0 };
		return pick_run(scenario, report);
	}
	from = &kept[kept_count - 1];
	*place = from->place;
	moment = from->moment;
	value_count = from->value_count;
	choices.count = from->choice_count;
	is_pruned = false;
	report->resumed++;
	host_go_on(kept_count - 1, &result);
	return account(scenario, &result, report);
}

void
pick_keep(const struct pick_place *place)
{
	unsigned int last = kept_count != 0 ? kept[kept_count - 1].place.depth : 0;

	if (explore_whole || place->depth > turn || place->depth - last < KEEP_STEPS ||
	    place->depth - last < turn - place->depth || kept_count == HOST_KEPT_MAX) {
		return;
	}
	kept[kept_count] = (struct kept){ *place, moment, value_count, choices.count };
	kept_count++;
	if (!host_keep(kept_count - 1)) {
		kept_count--;
	}
}

unsigned int
pick_moment(void)
{
	if (moment == EXPLORE_MOMENTS_MAX) {
		host_fail("the run does not come to an end");
	}
	return moment++;
}

unsigned int
pick_note(unsigned int choice, unsigned int count)
{
	if (count > 1) {
		choices.made[choices.count++] = (uint8_t)choice;
	}
	return choice;
}

void
pick_prune(void)
{
	is_pruned = true;
	host_fail("pruned");
}
