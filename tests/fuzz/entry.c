// SPDX-License-Identifier: ISC
/*
 * The way in for libFuzzer and AFL++: a finding is an abort, behind its words and the command that
 * tells it again. FUZZ_BUG in the environment switches on a seeded bug.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/target.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t features[FUZZ_FEATURES];

void
fuzz_feature(uint32_t n)
{
	features[n % FUZZ_FEATURES] = 1;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *bug = getenv("FUZZ_BUG");

	(void)argc;
	(void)argv;
	if (!fuzz_target.begin(bug)) {
		fprintf(stderr, "%s: no bug '%s' here\n", fuzz_target.name, bug != NULL ? bug : "");
		exit(64);
	}
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *finding = fuzz_target.run(data, size < fuzz_target.size_max ? size : fuzz_target.size_max);

	if (finding != NULL) {
		fprintf(stderr, "\nFINDING: %s\nTo see it again: build/replay/%s --tell FILE\n", finding,
		        fuzz_target.name);
		abort();
	}
	return 0;
}
