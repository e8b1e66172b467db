// SPDX-License-Identifier: ISC
/*
 * Runs of the simulated machine whose choices an input makes: by default everything happens in the
 * plainest order, and the input's schedule says where it does not.
 *
 * The plainest order: stores reach memory at once; a cpu takes its interrupts where it can, NMIs first;
 * the cpu that ran goes on until it halts, spins in vain, or has moved for the header's slice; then the
 * next one that can moves, in turn; the clock goes on when nothing else can happen. Records of the schedule
 * (FUZZ_AT) fall between.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/fuzz/input.h"
#include "tests/host/machine.h"

/*
 * One run from the machine's image (host_boot()). prepare: NULL, or is called first, quietly, as cpu 0: it
 * sets up what differs from run to run. The points are counted from 0.
 */
void schedule_run(const struct fuzz_input *input, void (*prepare)(void), struct host_result *result);

/* Points of the run so far: virtual time for what may take how long. */
uint64_t schedule_points(void);

/* A run that has as many points ends, failed. */
#define SCHEDULE_POINTS_MAX 100000u
