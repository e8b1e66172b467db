// SPDX-License-Identifier: ISC
/*
 * Bases of FS and GS of its own, for as long as the scenario wants; a new task's are 0. Counts its
 * rounds in the shared page.
 */
#include "tests/scenario/user/bases.h"

#include "tests/scenario/user/programs.h"
#include "tests/scenario/user/shared.h"
#include "tests/scenario/user/user.h"

int
main(uint64_t arg)
{
	volatile struct shared *shared = (volatile struct shared *)SHARED_ADDRESS;
	uint64_t place = arg % SHARED_TASKS;
	uint64_t fs = 0x123450000 + place;
	uint64_t gs = 0x543210000 + place;

	if (!bases_are_ours()) {
		return BASES_NOT_OURS;
	}
	if (read_fs_base() != 0 || read_gs_base() != 0) {
		return BASES_NOT_NEW;
	}
	write_bases(fs, gs);
	while (!shared->stop) {
		if (read_fs_base() != fs || read_gs_base() != gs) {
			return BASES_NOT_KEPT;
		}
		if (++shared->counts[place] % 64 == 0) {
			user_yield();
		}
	}
	return 0;
}
