// SPDX-License-Identifier: ISC
/*
 * Counts in its place of the shared page, for ever and without a system call; with SPIN_CALLS makes
 * one each time.
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
			user_getpid();
		}
	}
	return 0;
}
