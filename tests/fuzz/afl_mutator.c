// SPDX-License-Identifier: ISC
/*
 * The mutator of records as AFL++ loads it: a library beside the target, which has the target's
 * kinds and nothing else of it. The build takes them from the target's own words (--kinds).
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/mutate.h"
#include "tests/fuzz/target.h"
#include "tests/unit/random.h"

#ifndef FUZZ_KINDS
#error FUZZ_KINDS is the file of the kinds that --kinds has printed
#endif

#define SIZE_MAX_MADE (1u << 17)

void *afl_custom_init(void *afl, unsigned int seed);
size_t afl_custom_fuzz(void *data, uint8_t *input, size_t size, uint8_t **out, uint8_t *other,
                       size_t other_size, size_t size_max);
void afl_custom_deinit(void *data);

static const struct fuzz_kind kinds[] = {
#include FUZZ_KINDS
};

const struct fuzz_target fuzz_target = {
	.name = "",
	.kinds = kinds,
	.kind_count = sizeof(kinds) / sizeof(kinds[0]),
};

struct mutator {
	struct random random;
	uint8_t out[SIZE_MAX_MADE];
};

void *
afl_custom_init(void *afl, unsigned int seed)
{
	struct mutator *mutator = calloc(1, sizeof(*mutator));

	(void)afl;
	if (mutator != NULL) {
		mutator->random = random_seeded(seed);
	}
	return mutator;
}

/* Half of the inputs are made of two, where there is another. */
size_t
afl_custom_fuzz(void *data, uint8_t *input, size_t size, uint8_t **out, uint8_t *other,
                size_t other_size, size_t size_max)
{
	struct mutator *mutator = data;
	uint64_t seed = random_next(&mutator->random);

	*out = mutator->out;
	size_max = size_max < sizeof(mutator->out) ? size_max : sizeof(mutator->out);
	size = size < size_max ? size : size_max;
	if (other != NULL && random_below(&mutator->random, 2) == 0) {
		size = fuzz_crossover(input, size, other, other_size, mutator->out, size_max, seed);
	} else {
		memcpy(mutator->out, input, size);
	}
	return fuzz_mutate(mutator->out, size, size_max, seed);
}

void
afl_custom_deinit(void *data)
{
	free(data);
}
