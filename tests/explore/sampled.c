// SPDX-License-Identifier: ISC
/*
 * Sampling: uniform choices, and PCT's priorities. A seed tells everything.
 */
#include "tests/explore/pct.h"
#include "tests/explore/pick.h"

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

static struct pct pct;

static unsigned int
pick_by_priority(const struct host_transition *transitions, unsigned int count)
{
	return pick_note(pct_pick(&pct, pick_moment(), transitions, count), count);
}

void
explore_pct(const struct explore_scenario *scenario, uint64_t seed, unsigned int depth,
            unsigned int moments, uint64_t count, struct explore_report *report)
{
	pick_begin(scenario, false, pick_by_priority, draw, report);
	for (uint64_t n = 0; n < count && !report->failed; n++) {
		random_state = random_seeded(seed + n);
		pct_begin(&pct, &random_state, depth, moments);
		pick_run(scenario, report);
	}
}
