// SPDX-License-Identifier: ISC
/*
 * The mutator of fuzz inputs, for a target of three streams that is not run.
 */
#include "tests/fuzz/mutate.h"

#include "tests/fuzz/records.h"
#include "tests/fuzz/target.h"
#include "tests/unit/random.h"
#include "tests/unit/suite.h"

#include "shared/fuzz_abi.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define SIZE_MAX_TESTED 512
#define SEEDS           20000

#define UNKNOWN_TYPE FUZZ_TYPE(FUZZ_REPLIES, 40)

static const struct fuzz_kind kinds[] = {
	{ FUZZ_TYPE(FUZZ_OPERATIONS, 0), 0, { 0 }, "yield", { NULL } },
	{ FUZZ_TYPE(FUZZ_OPERATIONS, 1), 3, { 5, 256, 7 }, "lock", { "task", "count", "which" } },
	{ FUZZ_TYPE(FUZZ_OPERATIONS, 5), 1, { 1 }, "wake", { "task" } },
	{ FUZZ_TYPE(FUZZ_REPLIES, 2), 2, { 9, 3 }, "reply", { "port", "value" } },
	{ FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_AT),
	  FUZZ_AT_LENGTH,
	  { 256, 16, FUZZ_ACTION_COUNT, 4, FUZZ_EXTRA_MAX + 1 },
	  "at",
	  { "delta", "delta", "action", "cpu", "extra" } },
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

const struct fuzz_target fuzz_target = { .name = "made up",
	                                 .kinds = kinds,
	                                 .kind_count = KIND_COUNT };

/* What inputs had: of each kind, of each argument, of the header. */
static bool kind_seen[KIND_COUNT], value_seen[KIND_COUNT][FUZZ_ARGS_MAX][256];
static bool model_seen[256], cpus_seen[256], slice_seen[256];

static void
forget_seen(void)
{
	memset(kind_seen, 0, sizeof(kind_seen));
	memset(value_seen, 0, sizeof(value_seen));
	memset(model_seen, 0, sizeof(model_seen));
	memset(cpus_seen, 0, sizeof(cpus_seen));
	memset(slice_seen, 0, sizeof(slice_seen));
}

static size_t
number_of(uint8_t type)
{
	size_t n = 0;

	while (n < KIND_COUNT && kinds[n].type != type) {
		n++;
	}
	return n;
}

/* Whether a record is whole and in range; notes what it has. */
static bool
record_is_right(const uint8_t *record, size_t left)
{
	size_t n;

	if (left < 2 || left - 2 < record[1]) {
		return false;
	}
	n = number_of(record[0]);
	if (n == KIND_COUNT) {
		return true;
	}
	kind_seen[n] = true;
	for (unsigned int arg = 0; arg < kinds[n].arg_count; arg++) {
		if (arg >= record[1] || record[2 + arg] >= kinds[n].below[arg]) {
			return false;
		}
		value_seen[n][arg][record[2 + arg]] = true;
	}
	return true;
}

/* Asserts that an input is as mutate.h says; notes what it has. Returns how many records. */
static unsigned int
check_input(const uint8_t *data, size_t size)
{
	struct fuzz_header header;
	unsigned int count = 0;
	size_t at = sizeof(header);

	ck_assert_uint_ge(size, sizeof(header));
	memcpy(&header, data, sizeof(header));
	model_seen[header.model] = true;
	cpus_seen[header.cpus] = true;
	slice_seen[header.slice] = true;
	while (at < size && record_is_right(data + at, size - at)) {
		at += 2 + (size_t)data[at + 1];
		count++;
	}
	ck_assert(at == size && header.version == FUZZ_VERSION && header.model < FUZZ_MODEL_COUNT);
	return count;
}

static void
assert_all_seen(void)
{
	for (size_t n = 0; n < KIND_COUNT; n++) {
		ck_assert_msg(kind_seen[n], "no %s", kinds[n].name);
		for (unsigned int arg = 0; arg < kinds[n].arg_count; arg++) {
			for (unsigned int value = 0; value < kinds[n].below[arg]; value++) {
				ck_assert_msg(value_seen[n][arg][value], "%s: no %s of %u",
				              kinds[n].name, kinds[n].args[arg], value);
			}
		}
	}
	for (unsigned int value = 0; value < 256; value++) {
		ck_assert_msg(value >= FUZZ_MODEL_COUNT || model_seen[value], "no model %u", value);
		ck_assert_msg(value >= 4 || cpus_seen[value], "no cpus %u", value);
		ck_assert_msg(slice_seen[value], "no slice %u", value);
	}
}

static size_t
noise(struct random *random, uint8_t *data)
{
	size_t size = random_below(random, SIZE_MAX_TESTED + 1);

	for (size_t n = 0; n < size; n++) {
		data[n] = (uint8_t)random_next(random);
	}
	/* Mostly short records, of kinds that exist: else nothing is behind the first. */
	for (size_t at = sizeof(struct fuzz_header); at + 2 <= size;
	     at += 2 + (size_t)data[at + 1]) {
		data[at] = random_below(random, 8) == 0
		                   ? data[at]
		                   : kinds[random_below(random, KIND_COUNT)].type;
		data[at + 1] = random_below(random, 8) == 0 ? data[at + 1] : data[at + 1] % 8;
	}
	return size;
}

START_TEST(test_fuzz_mutate_any_bytes_become_whole_records)
{
	/*
	 * Random bytes of any size under any bound: what goes out is within it, and each record of
	 * it is whole and in range.
	 */
	unsigned int records = 0;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct random random = random_seeded(seed);
		uint8_t data[SIZE_MAX_TESTED + 1];
		size_t size_max = random_below(&random, SIZE_MAX_TESTED + 1);
		size_t size = noise(&random, data);
		uint8_t behind = (uint8_t)seed;

		size = size < size_max ? size : size_max;
		data[size_max] = behind;
		size = fuzz_mutate(data, size, size_max, seed);
		ck_assert_uint_le(size, size_max);
		ck_assert_uint_eq(data[size_max], behind);
		if (size_max < sizeof(struct fuzz_header)) {
			ck_assert_uint_eq(size, size_max);
			continue;
		}
		records += check_input(data, size);
	}
	ck_assert_uint_gt(records, SEEDS);
}
END_TEST

START_TEST(test_fuzz_mutate_reaches_everything)
{
	/* From nothing, one change after the other: each kind, each value of each argument and
	 * header. */
	static uint8_t data[SIZE_MAX_TESTED];
	unsigned int fullest = 0, emptied = 0;
	size_t size = 0;

	forget_seen();
	for (uint64_t seed = 0; seed < 15 * SEEDS; seed++) {
		unsigned int count;

		size = fuzz_mutate(data, size, sizeof(data), seed);
		count = check_input(data, size);
		fullest = count > fullest ? count : fullest;
		emptied += seed > 1000 && count < 16;
		if (seed % 2000 == 0) {
			size = 0;
		}
	}
	assert_all_seen();
	ck_assert_uint_gt(fullest, 64);
	ck_assert_uint_gt(emptied, 0);
}
END_TEST

START_TEST(test_fuzz_generate_reaches_everything)
{
	/* New inputs: whole, filled up to the bound, with each kind and value; of each stream a
	 * third. */
	static uint8_t data[SIZE_MAX_TESTED];
	unsigned int of_stream[FUZZ_STREAM_COUNT] = { 0 };
	unsigned int records = 0;

	forget_seen();
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		size_t bound = sizeof(struct fuzz_header) + seed % 400;
		size_t size = fuzz_generate(data, bound, seed);

		ck_assert_uint_le(size, bound);
		ck_assert_uint_ge(size + 2 + FUZZ_AT_LENGTH, bound);
		records += check_input(data, size);
		for (size_t at = sizeof(struct fuzz_header); at < size;
		     at += 2 + (size_t)data[at + 1]) {
			of_stream[FUZZ_STREAM(data[at])]++;
		}
	}
	assert_all_seen();
	for (unsigned int stream = 0; stream < FUZZ_STREAM_COUNT; stream++) {
		ck_assert_uint_gt(of_stream[stream], records / 4);
	}
}
END_TEST

START_TEST(test_fuzz_mutate_is_a_function_of_its_arguments)
{
	/* The same bytes and seed, with other work between: the same bytes. Another seed: mostly
	 * others. */
	static uint8_t one[SIZE_MAX_TESTED], two[SIZE_MAX_TESTED], between[SIZE_MAX_TESTED];
	unsigned int others = 0;

	for (uint64_t seed = 0; seed < SEEDS / 10; seed++) {
		size_t size = fuzz_generate(one, 200, seed);
		size_t one_size, two_size;

		memcpy(two, one, size);
		one_size = fuzz_mutate(one, size, sizeof(one), seed);
		fuzz_mutate(between, fuzz_generate(between, 300, ~seed), sizeof(between), ~seed);
		two_size = fuzz_mutate(two, size, sizeof(two), seed);
		ck_assert_mem_eq(one, two, one_size);
		ck_assert_uint_eq(one_size, two_size);
		two_size = fuzz_mutate(two, fuzz_generate(two, 200, seed), sizeof(two), seed + 1);
		others += one_size != two_size || memcmp(one, two, one_size) != 0;
	}
	ck_assert_uint_gt(others, SEEDS / 10 * 9 / 10);
}
END_TEST

/* Whether this record is one of the input's. */
static bool
has_record(const uint8_t *data, size_t size, const uint8_t *record)
{
	for (size_t at = sizeof(struct fuzz_header); at < size; at += 2 + (size_t)data[at + 1]) {
		if (memcmp(data + at, record, 2 + (size_t)record[1]) == 0) {
			return true;
		}
	}
	return false;
}

START_TEST(test_fuzz_mutate_leaves_most_as_it_was)
{
	/* A change is small: nearly always, three quarters of the records are still there, byte by
	 * byte. */
	static uint8_t before[SIZE_MAX_TESTED], after[SIZE_MAX_TESTED];
	unsigned int alike = 0;

	for (uint64_t seed = 0; seed < SEEDS / 10; seed++) {
		size_t size = fuzz_generate(before, 200, seed);
		unsigned int count = check_input(before, size);
		unsigned int kept = 0;
		size_t after_size;

		memcpy(after, before, size);
		after_size = fuzz_mutate(after, size, sizeof(after), seed);
		for (size_t at = 8; at < size; at += 2 + (size_t)before[at + 1]) {
			kept += has_record(after, after_size, before + at);
		}
		alike += kept >= count * 3 / 4;
	}
	ck_assert_uint_gt(alike, SEEDS / 10 * 9 / 10);
}
END_TEST

START_TEST(test_fuzz_mutate_keeps_what_it_does_not_know)
{
	/* A record of an unknown kind, and bytes behind a kind's arguments, live on, and are
	 * changed too. */
	static uint8_t data[SIZE_MAX_TESTED];
	const uint8_t input[] = {
		FUZZ_VERSION,  0, 0, 0, 0, 0, 0, 0, UNKNOWN_TYPE, 3, 200, 201, 202,
		kinds[0].type, 1, 77
	};
	unsigned int kept = 0, surplus = 0, changed = 0;

	for (uint64_t seed = 0; seed < SEEDS / 10; seed++) {
		size_t size;

		memcpy(data, input, sizeof(input));
		size = fuzz_mutate(data, sizeof(input), sizeof(data), seed);
		check_input(data, size);
		kept += has_record(data, size, input + 8);
		surplus += has_record(data, size, input + 13);
		for (size_t at = 8; at < size; at += 2 + (size_t)data[at + 1]) {
			changed += data[at] == UNKNOWN_TYPE && memcmp(data + at, input + 8, 5) != 0;
		}
	}
	ck_assert_uint_gt(kept, SEEDS / 10 / 2);
	ck_assert_uint_gt(surplus, SEEDS / 10 / 2);
	ck_assert_uint_gt(changed, 0);
}
END_TEST

/* The points of the schedule's records, from the start. Returns how many. */
static unsigned int
points_of(const uint8_t *data, size_t size, unsigned int *points)
{
	unsigned int count = 0, now = 0;

	for (size_t at = sizeof(struct fuzz_header); at < size; at += 2 + (size_t)data[at + 1]) {
		if (data[at] == FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_AT)) {
			now += data[at + 2] + 256u * data[at + 3];
			points[count++] = now;
		}
	}
	return count;
}

START_TEST(test_fuzz_mutate_moves_one_moment)
{
	/*
	 * Deltas count from the record before, and yet one thing often comes at another point while
	 * all behind it stay at theirs, earlier and later; and sometimes all behind it move with
	 * it.
	 */
	static uint8_t before[SIZE_MAX_TESTED], after[SIZE_MAX_TESTED];
	unsigned int earlier = 0, later = 0, moved_all = 0;

	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		unsigned int was[SIZE_MAX_TESTED], is[SIZE_MAX_TESTED];
		size_t size = fuzz_generate(before, 100, seed);
		unsigned int count = points_of(before, size, was);
		unsigned int first = 0, differ = 0;

		memcpy(after, before, size);
		size = fuzz_mutate(after, size, sizeof(after), seed);
		if (points_of(after, size, is) != count || count < 3) {
			continue;
		}
		for (unsigned int n = count; n-- != 0;) {
			differ += was[n] != is[n];
			first = was[n] != is[n] ? n : first;
		}
		if (differ == 1 && first != count - 1) {
			earlier += is[first] < was[first];
			later += is[first] > was[first];
		}
		moved_all += differ > 1 && differ == count - first;
	}
	printf("earlier alone: %u, later alone: %u, with all behind: %u\n", earlier, later,
	       moved_all);
	ck_assert_uint_gt(earlier, SEEDS / 50);
	ck_assert_uint_gt(later, SEEDS / 50);
	ck_assert_uint_gt(moved_all, SEEDS / 100);
}
END_TEST

/* Of one stream, as one piece of bytes. */
static size_t
stream_of(const uint8_t *data, size_t size, unsigned int stream, uint8_t *out)
{
	size_t used = 0;

	for (size_t at = sizeof(struct fuzz_header); at < size; at += 2 + (size_t)data[at + 1]) {
		if (FUZZ_STREAM(data[at]) == stream) {
			memcpy(out + used, data + at, 2 + (size_t)data[at + 1]);
			used += 2 + (size_t)data[at + 1];
		}
	}
	return used;
}

static bool
has_same_stream(const uint8_t *one, size_t one_size, const uint8_t *two, size_t two_size,
                unsigned int stream)
{
	static uint8_t a[SIZE_MAX_TESTED], b[SIZE_MAX_TESTED];
	size_t size = stream_of(one, one_size, stream, a);

	return size == stream_of(two, two_size, stream, b) && memcmp(a, b, size) == 0;
}

START_TEST(test_fuzz_crossover_takes_records_of_both)
{
	/*
	 * Each record is one of the two inputs'; now and then one's operations and replies meet the
	 * other's schedule; and what goes out is within its bound.
	 */
	static uint8_t one[SIZE_MAX_TESTED], two[SIZE_MAX_TESTED], out[SIZE_MAX_TESTED];
	unsigned int of_both = 0, exchanged = 0, foreign = 0;

	for (uint64_t seed = 0; seed < SEEDS / 10; seed++) {
		size_t one_size = fuzz_generate(one, 150, seed);
		size_t two_size = fuzz_generate(two, 150, ~seed);
		size_t bound = 8 + seed % (SIZE_MAX_TESTED - 8);
		size_t size = fuzz_crossover(one, one_size, two, two_size, out, bound, seed);
		bool from_one = false, from_two = false;

		ck_assert_uint_le(size, bound);
		check_input(out, size);
		for (size_t at = 8; at < size; at += 2 + (size_t)out[at + 1]) {
			bool is_ones = has_record(one, one_size, out + at);
			bool is_twos = has_record(two, two_size, out + at);

			foreign += !is_ones && !is_twos;
			from_one |= is_ones && !is_twos;
			from_two |= is_twos && !is_ones;
		}
		of_both += from_one && from_two;
		exchanged += has_same_stream(one, one_size, out, size, FUZZ_OPERATIONS) &&
		             has_same_stream(one, one_size, out, size, FUZZ_REPLIES) &&
		             has_same_stream(two, two_size, out, size, FUZZ_SCHEDULE);
	}
	ck_assert_uint_eq(foreign, 0);
	ck_assert_uint_gt(of_both, SEEDS / 10 / 2);
	ck_assert_uint_gt(exchanged, SEEDS / 10 / 20);
}
END_TEST

#define COPIED 12u

/* Whether one is the other with a run of its own records, of two and more, put in before them. */
static bool
has_copied_run(const uint8_t *before, const uint8_t *after, size_t size)
{
	const size_t length = 5, start = sizeof(struct fuzz_header);
	size_t more = size - start - COPIED * length;
	size_t at = start, from;

	while (at < start + COPIED * length && memcmp(before + at, after + at, length) == 0) {
		at += length;
	}
	if (more < 2 * length ||
	    memcmp(before + at, after + at + more, start + COPIED * length - at) != 0) {
		return false;
	}
	for (from = at; from + more <= start + COPIED * length; from += length) {
		if (memcmp(before + from, after + at, more) == 0) {
			return true;
		}
	}
	return false;
}

START_TEST(test_fuzz_mutate_copies_runs_as_they_are)
{
	/* Records of different values: a run that is copied to before it is the same there. */
	static uint8_t before[SIZE_MAX_TESTED], after[SIZE_MAX_TESTED];
	size_t size = sizeof(struct fuzz_header) + COPIED * 5;
	unsigned int copied = 0;

	before[0] = FUZZ_VERSION;
	for (uint8_t n = 0; n < COPIED; n++) {
		const uint8_t record[] = { kinds[1].type, 3, n % 5, 10 * n, n % 7 };

		memcpy(before + sizeof(struct fuzz_header) + 5 * n, record, sizeof(record));
	}
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		size_t changed;

		memcpy(after, before, size);
		changed = fuzz_mutate(after, size, sizeof(after), seed);
		copied += changed > size && (changed - size) % 5 == 0 &&
		          has_copied_run(before, after, changed);
	}
	printf("runs copied: %u\n", copied);
	ck_assert_uint_gt(copied, SEEDS / 1000);
}
END_TEST

START_TEST(test_fuzz_records_are_written_as_far_as_there_is_room)
{
	/* Whole ones only; nothing behind the room. */
	static struct records records;
	uint8_t input[8 + 3 * 12] = { FUZZ_VERSION };
	uint8_t out[sizeof(input) + 1];

	for (size_t at = 8; at < sizeof(input); at += 12) {
		input[at + 1] = 10;
	}
	records_read(&records, input, sizeof(input));
	ck_assert_uint_eq(records.count, 3);
	for (size_t room = 0; room <= sizeof(input); room++) {
		size_t wanted = room < 8 ? room : 8 + (room - 8) / 12 * 12;

		memset(out, 0xee, sizeof(out));
		ck_assert_uint_eq(records_write(&records, out, room), wanted);
		ck_assert_mem_eq(out, input, wanted);
		for (size_t at = wanted; at < sizeof(out); at++) {
			ck_assert_uint_eq(out[at], 0xee);
		}
	}
}
END_TEST

START_TEST(test_fuzz_mutate_large_inputs_stay_bounded)
{
	/* Inputs of more records than are kept, and of the largest ones: cut, not overrun. */
	static uint8_t data[1 << 18];
	const uint8_t lengths[] = { 0, 1, 255 };

	for (uint64_t seed = 0; seed < 30; seed++) {
		uint8_t length = lengths[seed % 3];
		size_t size = 8;

		memset(data, 0, sizeof(data));
		while (size + 2 + length <= sizeof(data)) {
			data[size] = kinds[seed / 3 % KIND_COUNT].type;
			data[size + 1] = length;
			size += 2 + (size_t)length;
		}
		for (unsigned int round = 0; round < 10; round++) {
			size = fuzz_mutate(data, size, sizeof(data), seed + round);
			check_input(data, size);
		}
	}
}
END_TEST

static Suite *
fuzz_mutate_suite(void)
{
	Suite *suite = suite_create("fuzz_mutate");
	TCase *tests = tcase_create("fuzz_mutate");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_fuzz_mutate_any_bytes_become_whole_records);
	tcase_add_test(tests, test_fuzz_mutate_reaches_everything);
	tcase_add_test(tests, test_fuzz_generate_reaches_everything);
	tcase_add_test(tests, test_fuzz_mutate_is_a_function_of_its_arguments);
	tcase_add_test(tests, test_fuzz_mutate_leaves_most_as_it_was);
	tcase_add_test(tests, test_fuzz_mutate_keeps_what_it_does_not_know);
	tcase_add_test(tests, test_fuzz_mutate_moves_one_moment);
	tcase_add_test(tests, test_fuzz_crossover_takes_records_of_both);
	tcase_add_test(tests, test_fuzz_mutate_copies_runs_as_they_are);
	tcase_add_test(tests, test_fuzz_records_are_written_as_far_as_there_is_room);
	tcase_add_test(tests, test_fuzz_mutate_large_inputs_stay_bounded);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(fuzz_mutate_suite());
}
