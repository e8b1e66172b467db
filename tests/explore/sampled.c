// SPDX-License-Identifier: ISC
/*
 * Sampling: uniform choices, and PCT's priorities. A seed tells everything.
 */
#include <assert.h>

#include "tests/explore/pick.h"
#include "tests/unit/random.h"

#define DEPTH_MAX 16

static struct random random_state;

static unsigned int
draw(unsigned int below)
{
	return (unsigned int)random_below(&random_state, below);
}

static unsigned int
pick_uniform(const struct host_transition *transitions, unsigned int count)
{
	(void)transitions;
	pick_moment();
	return pick_note(draw(count), count);
}

void
explore_random(const struct explore_scenario *scenario, uint64_t seed, uint64_t count,
               struct explore_report *report)
{
	pick_begin(scenario, false, pick_uniform, draw, report);
	for (uint64_t n = 0; n < count && !report->failed; n++) {
		random_state = random_seeded(seed + n);
		pick_run(scenario, report);
	}
}

/* ---- PCT ---- */

static int priorities[HOST_PIDS_MAX];
static int lowest;
static unsigned int changes[DEPTH_MAX];
static unsigned int change_count;

static void
begin_priorities(unsigned int depth, unsigned int moments)
{
	for (unsigned int n = 0; n < HOST_PIDS_MAX; n++) {
		unsigned int other = draw(n + 1);

		priorities[n] = priorities[other];
		priorities[other] = (int)n;
	}
	lowest = 0;
	change_count = depth - 1;
	for (unsigned int n = 0; n < change_count; n++) {
		changes[n] = draw(moments);
	}
}

static unsigned int
highest(const struct host_transition *transitions, unsigned int count)
{
	unsigned int best = 0;

	for (unsigned int n = 1; n < count; n++) {
		if (priorities[transitions[n].pid] > priorities[transitions[best].pid]) {
			best = n;
		}
	}
	return best;
}

static unsigned int
pick_by_priority(const struct host_transition *transitions, unsigned int count)
{
	unsigned int moment = pick_moment();

	for (unsigned int n = 0; n < change_count; n++) {
		if (changes[n] == moment) {
			priorities[transitions[highest(transitions, count)].pid] = --lowest;
		}
	}
	return pick_note(highest(transitions, count), count);
}

void
explore_pct(const struct explore_scenario *scenario, uint64_t seed, unsigned int depth,
            unsigned int moments, uint64_t count, struct explore_report *report)
{
	assert(depth >= 1 && depth <= DEPTH_MAX);
	pick_begin(scenario, false, pick_by_priority, draw, report);
	for (uint64_t n = 0; n < count && !report->failed; n++) {
		random_state = random_seeded(seed + n);
		begin_priorities(depth, moments);
		pick_run(scenario, report);
	}
}
