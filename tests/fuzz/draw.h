// SPDX-License-Identifier: ISC
/*
 * Records and their parts, drawn at random, by the kinds of the target: all from draw_dice, and
 * from what draw_of_...() said last.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/fuzz/target.h"
#include "tests/unit/random.h"

/* A header's byte can say more; its reader takes it modulo what there is. */
#define DRAW_CPUS 4

extern struct random draw_dice;

static inline unsigned int
draw_below(size_t bound)
{
	return (unsigned int)random_below(&draw_dice, bound);
}

static inline bool
draw_one_in(unsigned int n)
{
	return draw_below(n) == 0;
}

/* From now on all kinds and values; or only a few, drawn here: what one input is about. */
void draw_of_all(void);
void draw_of_some(void);

/* Streams first: a schedule has one kind, and happens as often as all operations together. */
const struct fuzz_kind *draw_kind(void);

/* A whole record, of RECORD_MAX bytes at most. Returns its size. */
size_t draw_record(uint8_t *record);

/* Of all magnitudes: most of what happens does so soon after what was before. */
unsigned int draw_delta(void);

/* Of a header. Mostly none, or as few points as make a difference. */
uint8_t draw_slice(void);

/* Instead of this value: a near one, a far one, or one at which readers decide. */
uint8_t draw_other(uint8_t value, unsigned int bound);
