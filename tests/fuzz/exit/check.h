// SPDX-License-Identifier: ISC
/*
 * What can be said of a run of fuzz_exit once it is over, without knowing what it did.
 */
#pragma once

#include "vmm/end.h"

#include <stdint.h>

/* The report and the status of that end. NULL, or what is wrong with them. */
const char *exit_check_report(const struct end *end);

/*
 * The trace that is read of a cpu, against the guest's memory and against the report of that end.
 * NULL, or what is wrong with it.
 */
const char *exit_check_trace(uint32_t cpu, const struct end *end);

/* Of all that the run has put out: output, report, status. */
uint64_t exit_check_hash(const struct end *end);
