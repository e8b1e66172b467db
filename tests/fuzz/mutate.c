// SPDX-License-Identifier: ISC
#include "tests/fuzz/mutate.h"

#include "tests/fuzz/cross.h"
#include "tests/fuzz/draw.h"
#include "tests/fuzz/edit.h"
#include "tests/fuzz/kind.h"
#include "tests/fuzz/records.h"

#define EDITS_MAX 16

static struct records it, other;

static void
take(struct records *records, const uint8_t *data, size_t size, size_t size_max)
{
	records_read(records, data, size);
	records->header.version = FUZZ_VERSION;
	records->header.model %= FUZZ_MODEL_COUNT;
	for (unsigned int n = 0; n < records->count; n++) {
		kind_complete(records, n);
	}
	records_bound(records, size_max);
}

size_t
fuzz_generate(uint8_t *data, size_t size, uint64_t seed)
{
	uint8_t record[RECORD_MAX];

	draw_dice = random_seeded(seed);
	draw_of_some();
	records_read(&it, NULL, 0);
	records_bound(&it, size);
	it.header.version = FUZZ_VERSION;
	it.header.model = (uint8_t)draw_below(FUZZ_MODEL_COUNT);
	it.header.cpus = (uint8_t)draw_below(DRAW_CPUS);
	it.header.slice = draw_slice();
	while (records_insert(&it, it.count, record, draw_record(record))) {
		;
	}
	return records_write(&it, data, size);
}

size_t
fuzz_mutate(uint8_t *data, size_t size, size_t size_max, uint64_t seed)
{
	draw_dice = random_seeded(seed);
	draw_of_all();
	take(&it, data, size, size_max);
	for (unsigned int edits = 0; edits == 0 || (edits < EDITS_MAX && draw_one_in(2)); edits++) {
		edit(&it);
	}
	return records_write(&it, data, size_max);
}

size_t
fuzz_crossover(const uint8_t *one, size_t one_size, const uint8_t *two, size_t two_size,
               uint8_t *out, size_t out_max, uint64_t seed)
{
	draw_dice = random_seeded(seed);
	draw_of_all();
	take(&other, two, two_size, out_max);
	take(&it, one, one_size, out_max);
	cross(&it, &other);
	return records_write(&it, out, out_max);
}
