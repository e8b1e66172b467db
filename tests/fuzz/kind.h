// SPDX-License-Identifier: ISC
/*
 * The kinds of records of the target that is linked in (target.h), looked up.
 */
#pragma once

#include <stdint.h>

#include "tests/fuzz/records.h"
#include "tests/fuzz/target.h"

/* NULL: the target knows no such type. */
const struct fuzz_kind *kind_of(uint8_t type);

/* The n-th record gets all arguments that its kind has, each as its reader takes it. */
void kind_complete(struct records *records, unsigned int n);

static inline unsigned int
kind_bound(const struct fuzz_kind *kind, unsigned int arg)
{
	return kind->below[arg] != 0 ? kind->below[arg] : 256;
}

/* The largest delta that the target reads. It has a schedule. */
static inline unsigned int
kind_delta_max(void)
{
	return kind_bound(kind_of(FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_AT)), 1) * 256 - 1;
}
