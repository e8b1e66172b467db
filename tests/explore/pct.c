// SPDX-License-Identifier: ISC
#include "tests/explore/pct.h"

#include <assert.h>

void
pct_begin(struct pct *pct, struct random *random, unsigned int depth, unsigned int moments)
{
	assert(depth >= 1 && depth <= PCT_DEPTH_MAX);
	for (unsigned int n = 0; n < HOST_PIDS_MAX; n++) {
		unsigned int other = (unsigned int)random_below(random, n + 1);

		pct->priorities[n] = pct->priorities[other];
		pct->priorities[other] = (int)n;
	}
	pct->lowest = 0;
	pct->change_count = depth - 1;
	for (unsigned int n = 0; n < pct->change_count; n++) {
		pct->changes[n] = (unsigned int)random_below(random, moments);
	}
}

static unsigned int
highest(const struct pct *pct, const struct host_transition *transitions, unsigned int count)
{
	unsigned int best = 0;

	for (unsigned int n = 1; n < count; n++) {
		if (pct->priorities[transitions[n].pid] > pct->priorities[transitions[best].pid]) {
			best = n;
		}
	}
	return best;
}

void
pct_change(struct pct *pct, const struct host_transition *transitions, unsigned int count)
{
	pct->priorities[transitions[highest(pct, transitions, count)].pid] = --pct->lowest;
}

unsigned int
pct_pick(struct pct *pct, unsigned int moment, const struct host_transition *transitions,
         unsigned int count)
{
	for (unsigned int n = 0; n < pct->change_count; n++) {
		if (pct->changes[n] == moment) {
			pct->priorities[transitions[highest(pct, transitions, count)].pid] =
				--pct->lowest;
		}
	}
	return highest(pct, transitions, count);
}
