// SPDX-License-Identifier: ISC
/*
 * A schedule by priorities (PCT, Burckhardt et al. 2010): each actor of each cpu has one, the
 * highest that can moves, and at depth - 1 random moments of the first `moments` the mover's drops
 * below all.
 */
#pragma once

#include "tests/host/machine.h"
#include "tests/unit/random.h"

#define PCT_DEPTH_MAX 16

struct pct {
	int priorities[HOST_PIDS_MAX]; /* of a transition's pid */
	int lowest;
	unsigned int changes[PCT_DEPTH_MAX];
	unsigned int change_count;
};

/* Before a run. 1 <= depth <= PCT_DEPTH_MAX; 1 <= moments. */
void pct_begin(struct pct *pct, struct random *random, unsigned int depth, unsigned int moments);

/* As host_pick(), at the run's moment of this number. */
unsigned int pct_pick(struct pct *pct, unsigned int moment,
                      const struct host_transition *transitions, unsigned int count);

/* Whoever would move now drops below all. */
void pct_change(struct pct *pct, const struct host_transition *transitions, unsigned int count);
