// SPDX-License-Identifier: ISC
/*
 * The seed of a storm: the number behind "--", in decimal; 0 without one.
 */
#pragma once

#include <stdint.h>

#include "guest/cmdline.h"

static inline uint32_t
storm_seed(void)
{
	uint32_t seed = 0;

	for (const char *digit = boot_args.program; *digit >= '0' && *digit <= '9'; digit++) {
		seed = seed * 10 + (uint32_t)(*digit - '0');
	}
	return seed;
}
