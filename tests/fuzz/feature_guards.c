// SPDX-License-Identifier: ISC
/*
 * Features for AFL++: as edges that no code has. Its runtime gives each guard a place in the map,
 * as it does with those of the compiler.
 */
#include "tests/fuzz/target.h"

void __sanitizer_cov_trace_pc_guard_init(uint32_t *start, uint32_t *stop);
void __sanitizer_cov_trace_pc_guard(uint32_t *guard);

static uint32_t guards[FUZZ_FEATURES];

__attribute__((constructor)) static void
take_places(void)
{
	__sanitizer_cov_trace_pc_guard_init(guards, guards + FUZZ_FEATURES);
}

void
fuzz_feature(uint32_t n)
{
	__sanitizer_cov_trace_pc_guard(&guards[n % FUZZ_FEATURES]);
}
