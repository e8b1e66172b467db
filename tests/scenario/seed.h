// SPDX-License-Identifier: ISC
/*
 * The numbers of a storm: behind "--", in decimal, with one space between them. The first is its
 * seed; 0 without one.
 */
#pragma once

#include <stdint.h>

#include "guest/cmdline.h"

/* The n-th number, from 0, or what it is where it is not given. */
static inline uint32_t
storm_number(unsigned int n, uint32_t otherwise)
{
	const char *text = boot_args.program;
	uint32_t number = 0;

	for (; n != 0 && *text != '\0'; text++) {
		n -= *text == ' ';
	}
	if (*text < '0' || *text > '9') {
		return otherwise;
	}
	for (; *text >= '0' && *text <= '9'; text++) {
		number = number * 10 + (uint32_t)(*text - '0');
	}
	return number;
}

static inline uint32_t
storm_seed(void)
{
	return storm_number(0, 0);
}
