// SPDX-License-Identifier: ISC
/*
 * Random numbers that a seed replays (xorshift64*). A test derives one seed an iteration and puts
 * it into its failure message.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t state; /* never 0 */
};

static inline struct random
random_seeded(uint64_t seed)
{
	/* Small seeds shall differ in all bits, and none shall give 0. */
	return (struct random){ .state = (seed + 1) * 0x9e3779b97f4a7c15ull | 1 };
}

static inline uint64_t
random_next(struct random *random)
{
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return random->state * 0x2545f4914f6cdd1dull;
}

/* 0..bound-1; bound > 0. */
static inline size_t
random_below(struct random *random, size_t bound)
{
	return (size_t)(random_next(random) >> 16) % bound;
}
