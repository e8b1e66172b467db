// SPDX-License-Identifier: ISC
/*
 * What the ways of exploring share: a run, its choices, and how it is counted.
 */
#pragma once

#include "tests/explore/explore.h"

/* The choices of this run that had an alternative: of transitions, and of values (host_choose()).
 */
struct choices {
	unsigned int count;
	uint8_t made[EXPLORE_CHOICES_MAX];
};

extern struct choices choices;

/*
 * Sets the machine and the report up for one scenario and this way to choose. value: a number below
 * n, for host_choose(); it is noted by the caller.
 */
void pick_begin(const struct explore_scenario *scenario, bool fine,
                unsigned int (*pick)(const struct host_transition *transitions, unsigned int count),
                unsigned int (*value)(unsigned int n), struct explore_report *report);

/*
 * One run and its check. Returns whether it failed; then the report says how. Moments are numbered
 * from 0 by pick_moment().
 */
bool pick_run(const struct explore_scenario *scenario, struct explore_report *report);

/*
 * Where a way that goes depth first stands in its run: how many choices are behind it, of
 * transitions and of values, if it counts them apart. Its own, and set by pick_run_from().
 */
struct pick_place {
	unsigned int depth;
	unsigned int value_depth;
};

/*
 * pick_run(), but for what the last run had before the choice number prefix - 1, the first that may
 * differ: from a moment that was kept before it.
 */
bool pick_run_from(const struct explore_scenario *scenario, unsigned int prefix,
                   struct pick_place *place, struct explore_report *report);

/*
 * Before pick_moment() in such a way's pick function: may keep this moment. A later run may go on
 * from here: then place has changed.
 */
void pick_keep(const struct pick_place *place);

/*
 * explore_replay(), recorded; seen, if not NULL, is told of each transition before it happens,
 * chosen of each value below n that the current cpu gets.
 */
void replay_seen(const struct explore_scenario *scenario, const char *replay,
                 void (*seen)(const struct host_transition *t, unsigned int moment),
                 void (*chosen)(unsigned int value, unsigned int n), struct explore_report *report);

/* First thing in a pick function: the number of this moment. Fails the run if it is too long. */
unsigned int pick_moment(void);

/* Last thing in a pick function: notes what is returned. */
unsigned int pick_note(unsigned int choice, unsigned int count);

/* Ends this run: another stands for it. */
_Noreturn void pick_prune(void);
