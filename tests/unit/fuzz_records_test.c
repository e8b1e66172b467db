// SPDX-License-Identifier: ISC
/*
 * Inputs of records, read in streams and taken apart, against readers that are slow and obvious.
 */
#include "tests/fuzz/records.h"

#include "tests/fuzz/input.h"
#include "tests/unit/random.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_MAX_TESTED 400
#define SEEDS           3000
#define MODEL_MAX       64

/* Any bytes, with mostly short records. */
static size_t
noise(struct random *random, uint8_t *data)
{
	size_t size = random_below(random, SIZE_MAX_TESTED);

	for (size_t n = 0; n < size; n++) {
		data[n] = (uint8_t)random_next(random);
	}
	for (size_t at = sizeof(struct fuzz_header); at + 2 <= size;
	     at += 2 + (size_t)data[at + 1]) {
		data[at + 1] %= random_below(random, 20) == 0 ? 255 : 9;
	}
	return size;
}

/* Where the records end that are whole. */
static size_t
whole_size(const uint8_t *data, size_t size)
{
	size_t end = sizeof(struct fuzz_header);

	if (size < end) {
		return 0;
	}
	while (end + 2 <= size && end + 2 + data[end + 1] <= size) {
		end += 2 + (size_t)data[end + 1];
	}
	return end;
}

START_TEST(test_fuzz_records_come_back)
{
	/* Any bytes: what is written is what was read, up to the last whole record; a smaller bound
	 * cuts whole records off, and below the header's size the header. */
	static struct records records;
	static uint8_t data[SIZE_MAX_TESTED], back[SIZE_MAX_TESTED + 8];

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct random random = random_seeded(seed);
		size_t size = noise(&random, data);
		size_t whole = whole_size(data, size);
		size_t bound = random_below(&random, whole + 1);
		size_t written;

		records_read(&records, data, size);
		if (whole == 0) {
			memset(data, 0, sizeof(struct fuzz_header));
			whole = sizeof(struct fuzz_header);
		}
		ck_assert_uint_eq(records.size, whole);
		ck_assert_uint_eq(records_write(&records, back, sizeof(back)), whole);
		ck_assert_mem_eq(back, data, whole);
		written = records_write(&records, back, bound);
		ck_assert_uint_le(written, bound);
		ck_assert_mem_eq(back, data, written);
		ck_assert(written < sizeof(struct fuzz_header) ||
		          whole_size(data, bound) == written);
	}
}
END_TEST

/* A list of records as whoever counts on fingers keeps it. */
static struct {
	uint8_t bytes[MODEL_MAX][RECORD_MAX];
	size_t count;
	size_t size_max;
} model;

static size_t
size_of(size_t n)
{
	return 2 + (size_t)model.bytes[n][1];
}

static size_t
model_size(void)
{
	size_t size = sizeof(struct fuzz_header);

	for (size_t n = 0; n < model.count; n++) {
		size += size_of(n);
	}
	return size;
}

static void
model_remove(size_t at, size_t count)
{
	memmove(model.bytes[at], model.bytes[at + count],
	        (model.count - at - count) * sizeof(model.bytes[0]));
	model.count -= count;
}

static void
insert_one(struct random *random, struct records *records)
{
	size_t at = random_below(random, model.count + 1);
	uint8_t record[RECORD_MAX] = { 0 };
	bool fits;

	record[0] = (uint8_t)random_next(random);
	record[1] = (uint8_t)random_below(random, 6);
	memset(record + 2, (int)random_below(random, 256), record[1]);
	fits = model.count < MODEL_MAX && model_size() + 2 + record[1] <= model.size_max;
	if (model.count == MODEL_MAX) {
		return;
	}
	ck_assert(records_insert(records, (unsigned int)at, record, 2 + (size_t)record[1]) == fits);
	if (fits) {
		memmove(model.bytes[at + 1], model.bytes[at],
		        (model.count - at) * sizeof(model.bytes[0]));
		memcpy(model.bytes[at], record, sizeof(record));
		model.count++;
	}
}

static void
change_one(struct random *random, struct records *records)
{
	size_t at = random_below(random, model.count + 1);
	size_t count = random_below(random, model.count - at + 1);

	switch (random_below(random, 8)) {
	case 0:
		records_remove(records, (unsigned int)at, (unsigned int)(count < 3 ? count : 1));
		model_remove(at, count < 3 ? count : 1);
		break;
	case 1:
		model.size_max = sizeof(struct fuzz_header) + random_below(random, 200);
		records_bound(records, model.size_max);
		while (model_size() > model.size_max) {
			model.count--;
		}
		break;
	case 2:
		if (at < model.count) {
			model.bytes[at][1] = (uint8_t)random_below(random, RECORD_SHORT - 1);
			records_replace(records, (unsigned int)at, model.bytes[at], size_of(at));
		}
		break;
	default:
		insert_one(random, records);
		break;
	}
}

START_TEST(test_fuzz_records_change_as_a_list_does)
{
	/* Random changes of a list of records, and of one that is obvious: always the same bytes,
	 * never above the bound by what is inserted. */
	static struct records records;
	static uint8_t back[MODEL_MAX * RECORD_MAX];

	for (uint64_t seed = 0; seed < SEEDS / 10; seed++) {
		struct random random = random_seeded(seed);

		records_read(&records, NULL, 0);
		memset(&model, 0, sizeof(model));
		model.size_max = SIZE_MAX;
		for (unsigned int n = 0; n < 100; n++) {
			size_t at = sizeof(struct fuzz_header);

			change_one(&random, &records);
			ck_assert_uint_eq(records.count, model.count);
			ck_assert_uint_eq(records.size, model_size());
			ck_assert_uint_eq(records_write(&records, back, sizeof(back)),
			                  model_size());
			for (size_t k = 0; k < model.count; at += size_of(k++)) {
				ck_assert_mem_eq(back + at, model.bytes[k], size_of(k));
			}
		}
	}
}
END_TEST

START_TEST(test_fuzz_input_streams_are_apart)
{
	/*
	 * Any bytes: each stream has its records, in their order, and no other's; the header is in
	 * range, all zeroes if it is too short; arguments are below their bound, and those that are
	 * missing 0.
	 */
	static uint8_t data[SIZE_MAX_TESTED];

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct random random = random_seeded(seed);
		size_t size = noise(&random, data);
		struct fuzz_input input = fuzz_input(data, size, 3);
		size_t whole = whole_size(data, size);

		ck_assert(input.header.model < FUZZ_MODEL_COUNT && input.header.cpus < 3);
		ck_assert(size >= sizeof(struct fuzz_header) || input.header.slice == 0);
		for (enum fuzz_stream stream = 0; stream < FUZZ_STREAM_COUNT; stream++) {
			struct fuzz_cursor cursor = fuzz_cursor(&input, stream);
			struct fuzz_item item;

			for (size_t at = sizeof(struct fuzz_header); at < whole;
			     at += 2 + (size_t)data[at + 1]) {
				if (FUZZ_STREAM(data[at]) != stream) {
					continue;
				}
				ck_assert(fuzz_next(&cursor, &item));
				ck_assert_uint_eq(item.kind, FUZZ_KIND(data[at]));
				ck_assert_uint_eq(item.offset, at - sizeof(struct fuzz_header));
				for (unsigned int n = 0; n < 12; n++) {
					ck_assert_uint_eq(fuzz_arg(&item, n, 7),
					                  n < data[at + 1] ? data[at + 2 + n] % 7
					                                   : 0);
				}
			}
			ck_assert(!fuzz_next(&cursor, &item));
		}
	}
}
END_TEST

static Suite *
fuzz_records_suite(void)
{
	Suite *suite = suite_create("fuzz_records");
	TCase *tests = tcase_create("fuzz_records");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_fuzz_records_come_back);
	tcase_add_test(tests, test_fuzz_records_change_as_a_list_does);
	tcase_add_test(tests, test_fuzz_input_streams_are_apart);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(fuzz_records_suite());
}
