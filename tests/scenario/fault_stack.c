// SPDX-License-Identifier: ISC
/*
 * A program that runs over the end of its kernel stack, into the guard.
 */
#include <stdint.h>

#include "guest/main.h"

static uint64_t dig(uint64_t depth);

/* Through a pointer, so that no compiler sees the end coming. */
static uint64_t (*volatile deeper)(uint64_t) = dig;

static uint64_t
dig(uint64_t depth)
{
	volatile uint64_t ballast[64];

	ballast[depth % 64] = depth;
	return deeper(depth + 1) + ballast[depth % 64];
}

int
main(void)
{
	return (int)dig(0);
}
