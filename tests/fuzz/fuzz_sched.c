// SPDX-License-Identifier: ISC
/*
 * Operations of tasks, and a schedule, on the simulated machine: the core of the kernel.
 */
#include <stdio.h>
#include <string.h>

#include "guest/bug.h"
#include "tests/fuzz/oracle.h"
#include "tests/fuzz/program.h"
#include "tests/fuzz/schedule.h"
#include "tests/fuzz/target.h"
#include "tests/host/machine.h"

#define CPUS_MAX  4
#define SIZE_MAX_ 4096
#define MODELS    FUZZ_MODEL_COMPARE /* come first */

static char finding[256];
static uint8_t first_results[PLAN_OPS_MAX];

static void
prepare(void)
{
	program_prepare();
	oracle_prepare();
}

static void
check(void)
{
	program_check();
	oracle_check();
}

static bool
begin(const char *bug)
{
	if (bug != NULL && !bug_choose(bug, strlen(bug))) {
		return false;
	}
	schedule_boot(CPUS_MAX, program_boot, NULL);
	return true;
}
