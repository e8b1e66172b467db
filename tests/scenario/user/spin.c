// SPDX-License-Identifier: ISC
/*
 * Counts in its place of the shared page, for ever and without a system call; with SPIN_CALLS makes
 * two each time, of which one asks for a reschedule: it takes from its own weight.
 */
#include "tests/scenario/user/programs.h"
#include "tests/scenario/user/shared.h"
#include "tests/scenario/user/user.h"

int
main(uint64_t arg)
{
	volatile struct shared *shared = (volatile struct shared *)SHARED_ADDRESS;
	uint64_t place = arg % SHARED_TASKS;

	while (!shared->stop) {
		shared->counts[place]++;
		if (arg & SPIN_CALLS) {
			user_nice(0);
			user_nice(5);
		}
	}
	return 0;
}
