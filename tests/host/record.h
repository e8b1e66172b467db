// SPDX-License-Identifier: ISC
/*
 * Trace records of the simulated machine: those of all cpus in one list, in the order in which they
 * were written. The list is the machine's, not the kernel's: no run puts it back, each begins it
 * anew behind the records of the boot, which are always kept (they name the tasks).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "shared/trace_abi.h"

#define RECORDS_MAX 4096 /* a run that writes more fails */

/* Runs are recorded too. Between runs, or in boot(). */
extern bool record_runs;

void record_begin_boot(void);
void record_end_boot(void);
void record_begin_run(void);

/* What comes before this is as of the boot. */
void record_end_prepare(void);

/*
 * Appends one, with the number of the transition in progress as its time (boot: 0). After the end
 * of a run, and in runs that are not recorded, nothing.
 */
void record_add(struct trace_record record);

/* Is it worth making one? */
bool record_wanted(void);

/* The boot's (and what prepared the run), then this run's. run_first: NULL, or gets the number of
 * the run's first. */
const struct trace_record *record_list(size_t *count, size_t *run_first);
