// SPDX-License-Identifier: ISC
/*
 * Features for libFuzzer: it looks at this section as at counters of edges.
 */
#include "tests/fuzz/target.h"

/* Nothing in the program reads it: an optimizer would drop it. */
__attribute__((section("__libfuzzer_extra_counters"),
               used)) static volatile uint8_t features[FUZZ_FEATURES];

void
fuzz_feature(uint32_t n)
{
	features[n % FUZZ_FEATURES] = 1;
}
