// SPDX-License-Identifier: ISC
/*
 * What the way into the kernel and back costs, in cycles of the TSC: the least of many rounds goes
 * to counts[0] of the shared page. With COSTS_PARTNER does the same without counting until stop.
 */
#include "tests/scenario/user/programs.h"
#include "tests/scenario/user/shared.h"
#include "tests/scenario/user/user.h"

#define ROUNDS 1000u

static inline uint64_t
cycles(void)
{
	uint32_t low;
	uint32_t high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

static inline void
do_once(uint64_t what)
{
	if (what == COSTS_CALL) {
		user_getpid();
	} else if (what == COSTS_YIELD) {
		user_yield();
	}
}

int
main(uint64_t arg)
{
	volatile struct shared *shared = (volatile struct shared *)SHARED_ADDRESS;
	uint64_t what = arg & ~(uint64_t)COSTS_PARTNER;
	uint64_t least = UINT64_MAX;

	while ((arg & COSTS_PARTNER) && !shared->stop) {
		do_once(what);
	}
	for (unsigned int n = 0; n < ROUNDS && !(arg & COSTS_PARTNER); n++) {
		uint64_t before = cycles();
		uint64_t took;

		do_once(what);
		took = cycles() - before;
		least = took < least ? took : least;
	}
	if (!(arg & COSTS_PARTNER)) {
		shared->counts[0] = least;
	}
	return 0;
}
