// SPDX-License-Identifier: ISC
/*
 * Touches its stack page by page, downwards: each time an exception comes back, and the scenario
 * has had a more important task run meanwhile, which counts in the shared page. Then has a system
 * call read from where it has not been.
 */
#include "tests/scenario/user/programs.h"
#include "tests/scenario/user/shared.h"
#include "tests/scenario/user/user.h"

#define PAGE 4096u

int
main(uint64_t unused)
{
	volatile struct shared *shared = (volatile struct shared *)SHARED_ADDRESS;
	volatile char room[GROW_PAGES * PAGE + PAGE / 2];

	(void)unused;
	for (unsigned int page = 1; page < GROW_PAGES; page++) {
		uint32_t turns = shared->turns;

		room[(GROW_PAGES - page) * PAGE] = 1;
		if (shared->turns != turns + 1) {
			return 1;
		}
		room[(GROW_PAGES - page) * PAGE + 1] = 1;
		if (shared->turns != turns + 1) {
			return 2;
		}
	}
	return syscall3(SYSCALL_write, (uintptr_t)room, 1, 0) == 1 ? 0 : 3;
}
