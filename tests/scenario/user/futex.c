// SPDX-License-Identifier: ISC
/*
 * Two tasks of this program, 0 and 1, take turns: the futex holds whose turn it is.
 */
#include "tests/scenario/user/shared.h"
#include "tests/scenario/user/user.h"

#define TURNS 20u

int
main(uint64_t self)
{
	struct shared *shared = (struct shared *)SHARED_ADDRESS;

	for (unsigned int turn = 0; turn < TURNS; turn++) {
		uint32_t whose;

		while ((whose = __atomic_load_n(&shared->word, __ATOMIC_SEQ_CST)) != self) {
			user_futex_wait(&shared->word, whose, 0);
		}
		shared->turns++;
		__atomic_store_n(&shared->word, 1 - (uint32_t)self, __ATOMIC_SEQ_CST);
		user_futex_wake(&shared->word, 1);
	}
	return 0;
}
