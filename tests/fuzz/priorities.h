// SPDX-License-Identifier: ISC
/*
 * The order of a run by priorities (tests/explore/pct.h), where the input's schedule has it:
 * FUZZ_PRIORITIES and FUZZ_DROP of shared/fuzz_abi.h. So what a search by priorities has found is
 * an input like any other.
 */
#pragma once

#include <stdbool.h>

#include "tests/fuzz/input.h"
#include "tests/host/machine.h"
#include "tests/unit/random.h"

/* Before a run. false: the input does not say how its order is. */
bool priorities_read(const struct fuzz_input *input);

/* As host_pick(), of a run whose input does. */
unsigned int priorities_pick(const struct host_transition *transitions, unsigned int count);

/*
 * Writes records for so many cpus: random priorities, and `drops` (to FUZZ_DROPS_MAX) at choices
 * below `choices`. Returns their bytes, PRIORITIES_SIZE at most.
 */
size_t priorities_draw(struct random *random, unsigned int cpus, unsigned int drops,
                       unsigned int choices, uint8_t *bytes);

#define PRIORITIES_SIZE                               \
	(sizeof(struct fuzz_record) + HOST_PIDS_MAX + \
	 FUZZ_DROPS_MAX * (sizeof(struct fuzz_record) + FUZZ_DROP_LENGTH))
