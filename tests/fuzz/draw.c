// SPDX-License-Identifier: ISC
#include "tests/fuzz/draw.h"

#include "tests/fuzz/kind.h"
#include "tests/fuzz/records.h"

#define FOCUS_TRIES 200 /* for a kind; there may be none that the input is about */

struct random draw_dice;

/*
 * What an input is about: some of the kinds, a few values of each argument, and how much happens at
 * a time. An input of everything is about nothing: hardly any two of its records meet.
 */
static struct {
	uint32_t seed;
	unsigned int one_in; /* of the kinds; 0: all, and all values */
	unsigned int width;  /* values of an argument, next to each other */
	unsigned int shift;  /* of the largest delta, to the right */
} focus;

static uint32_t
hash_of(const char *word, uint32_t value)
{
	uint32_t hash = focus.seed ^ value * 0x9e3779b1u;

	for (; word != NULL && *word != '\0'; word++) {
		hash = (hash ^ (uint8_t)*word) * 0x01000193u;
	}
	return hash ^ hash >> 15;
}

static bool
is_about(const struct fuzz_kind *kind)
{
	return focus.one_in == 0 || hash_of(NULL, kind->type + 1u) % focus.one_in == 0;
}

void
draw_of_all(void)
{
	focus.one_in = 0;
	focus.shift = 0;
}

void
draw_of_some(void)
{
	focus.seed = draw_below(1u << 31);
	focus.one_in = 1u << draw_below(6);
	focus.width = 1u << draw_below(5);
	focus.shift = draw_below(13);
}

static size_t
count_kinds(unsigned int stream)
{
	size_t count = 0;

	for (size_t n = 0; n < fuzz_target.kind_count; n++) {
		count += FUZZ_STREAM(fuzz_target.kinds[n].type) == stream;
	}
	return count;
}

static const struct fuzz_kind *
nth_kind(unsigned int stream, size_t nth)
{
	const struct fuzz_kind *kind = fuzz_target.kinds;

	while (FUZZ_STREAM(kind->type) != stream ||
	       nth-- != 0) { /* bounded: there are more than nth */
		kind++;
	}
	return kind;
}

const struct fuzz_kind *
draw_kind(void)
{
	const struct fuzz_kind *kind;
	unsigned int stream;
	unsigned int tries = 0;
	size_t count;

	do { /* bounded: by chance; a target has kinds */
		stream = draw_below(FUZZ_STREAM_COUNT);
		count = count_kinds(stream);
	} while (count == 0);
	do { /* bounded: so many tries */
		kind = nth_kind(stream, draw_below(count));
	} while (stream == FUZZ_OPERATIONS && !is_about(kind) && ++tries < FOCUS_TRIES);
	return kind;
}

/* Arguments of one name have the same few values in all kinds. */
static unsigned int
any_value(const struct fuzz_kind *kind, unsigned int arg)
{
	unsigned int bound = kind_bound(kind, arg);

	if (focus.one_in == 0 || focus.width >= bound) {
		return draw_below(bound);
	}
	return (hash_of(kind->args[arg], arg) + draw_below(focus.width)) % bound;
}

unsigned int
draw_delta(void)
{
	unsigned int max = 0xffffu >> focus.shift;
	unsigned int most = kind_delta_max();

	return draw_below((max < most ? max : most) + 1) >> draw_below(16);
}

uint8_t
draw_slice(void)
{
	return (uint8_t)(draw_one_in(2) ? 0 : draw_one_in(2) ? draw_below(8) : draw_below(256));
}

size_t
draw_record(uint8_t *record)
{
	const struct fuzz_kind *kind = draw_kind();

	record[0] = kind->type;
	record[1] = kind->arg_count;
	for (unsigned int n = 0; n < kind->arg_count; n++) {
		record[2 + n] = (uint8_t)any_value(kind, n);
	}
	if (record_is_moment(record)) {
		record_set_delta(record, draw_delta());
		if (!draw_one_in(4)) {
			record[2 + 4] = 0;
		}
	}
	return sizeof(struct fuzz_record) + kind->arg_count;
}

uint8_t
draw_other(uint8_t value, unsigned int bound)
{
	const unsigned int interesting[] = { 0, 1, bound - 1, bound - 2, bound / 2, 0x7f, 0x80 };
	unsigned int next;

	switch (draw_below(4)) {
	case 0:
		next = value + 1 + draw_below(4);
		break;
	case 1:
		next = value + 4 * bound - 1 - draw_below(4);
		break;
	case 2:
		next = interesting[draw_below(sizeof(interesting) / sizeof(interesting[0]))];
		break;
	default:
		next = draw_below(bound);
		break;
	}
	return (uint8_t)(next % bound);
}
