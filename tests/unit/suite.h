// SPDX-License-Identifier: ISC
/*
 * What every unit suite's main() does: run one suite as the environment says (CK_RUN_CASE,
 * CK_VERBOSITY, CK_FORK, ...), each test in a process of its own, and fail if any test failed.
 */
#pragma once

#include <check.h>
#include <stdlib.h>

/*
 * For tcase_set_timeout(): a guard against hangs, far beyond what any test takes under sanitizers.
 */
#define SUITE_TIMEOUT_S 120

/* Runs the suite and frees it. Returns the exit status of the process. */
static inline int
suite_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed_count;

	srunner_run_all(runner, CK_ENV);
	failed_count = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed_count == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
