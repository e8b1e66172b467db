// SPDX-License-Identifier: ISC
/*
 * Inputs that are made small, and inputs as text, for a target that is made up.
 */
#include "tests/fuzz/shrink.h"

#include "tests/fuzz/input.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/text.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define SIZE_MAX_TESTED 600
#define PRIORITIES      FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_PRIORITIES)
#define DROP            FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_DROP)

static const struct fuzz_kind kinds[] = {
	{ FUZZ_TYPE(FUZZ_OPERATIONS, 0), 0, { 0 }, "yield", { NULL } },
	{ FUZZ_TYPE(FUZZ_OPERATIONS, 1), 2, { 8, 256 }, "begin lock", { "task", "how long" } },
	{ FUZZ_TYPE(FUZZ_OPERATIONS, 2), 1, { 8 }, "wake", { "task" } },
	{ FUZZ_TYPE(FUZZ_REPLIES, 0), 2, { 256, 3 }, "answer", { "value", "way" } },
	{ FUZZ_TYPE(FUZZ_REPLIES, 1), 1, { 4 }, "wake", { "of the same name" } },
	{ FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_AT),
	  FUZZ_AT_LENGTH,
	  { 256, 256, FUZZ_ACTION_COUNT, 4, FUZZ_EXTRA_MAX + 1 },
	  "at",
	  { "delta", "delta high", "action", "cpu", "extra" } },
};

const struct fuzz_target fuzz_target = {
	.name = "made up",
	.kinds = kinds,
	.kind_count = sizeof(kinds) / sizeof(kinds[0]),
};

/* What an input has of what its finding takes. */
struct seen {
	unsigned int locks; /* of task 3, for 100 and more */
	unsigned int timers;
	bool late_nmi; /* behind the 5,000th point */
};

static struct seen
look(const uint8_t *data, size_t size, struct fuzz_input *input)
{
	struct fuzz_cursor operations, schedule;
	struct fuzz_item item;
	struct seen seen = { 0 };
	unsigned int now = 0;

	*input = fuzz_input(data, size, 4);
	operations = fuzz_cursor(input, FUZZ_OPERATIONS);
	schedule = fuzz_cursor(input, FUZZ_SCHEDULE);
	while (fuzz_next(&operations, &item)) {
		seen.locks += item.kind == 1 && fuzz_arg(&item, 0, 8) == 3 &&
		              fuzz_arg(&item, 1, 256) >= 100;
	}
	while (fuzz_next(&schedule, &item)) {
		now += fuzz_arg(&item, 0, 256) + 256 * fuzz_arg(&item, 1, 256);
		seen.timers += fuzz_arg(&item, 2, FUZZ_ACTION_COUNT) == FUZZ_ACTION_TIMER;
		seen.late_nmi |=
			now > 5000 && fuzz_arg(&item, 2, FUZZ_ACTION_COUNT) == FUZZ_ACTION_NMI;
	}
	return seen;
}

/*
 * Two such locks, a timer, an NMI late enough, two cpus and the full model are wrong; without the
 * second lock something else is.
 */
static const char *
run(const uint8_t *data, size_t size)
{
	static char words[64];
	struct fuzz_input input;
	struct seen seen = look(data, size, &input);

	if (!seen.late_nmi || seen.timers == 0 || seen.locks == 0 || input.header.cpus == 0) {
		return NULL;
	}
	if (seen.locks == 1) {
		return "something else";
	}
	snprintf(words, sizeof(words), "cpu 1 has 0x%zx locks of %u", size, seen.locks);
	return input.header.model == FUZZ_MODEL_FULL ? words : NULL;
}

static unsigned int
count_records(const uint8_t *data, size_t size)
{
	unsigned int count = 0;

	for (size_t at = sizeof(struct fuzz_header); at < size; at += 2 + (size_t)data[at + 1]) {
		count++;
	}
	return count;
}

START_TEST(test_fuzz_shrink_leaves_what_it_takes)
{
	/*
	 * Random inputs that are wrong: what is left are the four records that it takes, with the
	 * smallest arguments, and the header's that it takes; with the same words, but for numbers.
	 */
	static uint8_t data[SIZE_MAX_TESTED + 10];
	unsigned int tried = 0;

	for (uint64_t seed = 0; tried < 30; seed++) {
		size_t size = fuzz_generate(data, SIZE_MAX_TESTED, seed);
		const char *finding = run(data, size);
		struct fuzz_input input;
		struct seen seen;
		char before[64];
		unsigned int runs;

		if (finding == NULL || !shrink_same(finding, "cpu 1 has 0x0 locks of 0")) {
			continue;
		}
		tried++;
		/* And bytes behind the arguments of one that stays. */
		memmove(data + 8 + 10, data + 8, size - 8);
		size += 10;
		memcpy(data + 8, (const uint8_t[]){ kinds[1].type, 8, 3, 255, 0, 1, 2, 3, 4, 5 },
		       10);
		snprintf(before, sizeof(before), "%s", finding);
		size = shrink(data, size, run, &runs);
		finding = run(data, size);
		ck_assert_ptr_nonnull(finding);
		ck_assert(shrink_same(finding, before));
		ck_assert_uint_eq(count_records(data, size), 4);
		seen = look(data, size, &input);
		ck_assert_uint_eq(seen.locks, 2);
		ck_assert_uint_eq(seen.timers, 1);
		ck_assert_uint_eq(input.header.cpus, 1);
		ck_assert_uint_eq(input.header.slice, 0);
		ck_assert_uint_eq(input.header.model, FUZZ_MODEL_FULL);
		for (size_t at = 8; at < size; at += 2 + (size_t)data[at + 1]) {
			if (data[at] == kinds[1].type) {
				ck_assert_uint_eq(data[at + 1], 2);
				ck_assert_uint_eq(data[at + 3], 100);
			} else {
				ck_assert_uint_le(data[at + 2] + 256u * data[at + 3], 5001);
				ck_assert_uint_eq(data[at + 5] + data[at + 6], 0);
			}
		}
		ck_assert_uint_lt(runs, 2000);
	}
}
END_TEST

START_TEST(test_fuzz_shrink_lowers_the_header)
{
	/* Where the model says nothing, the first one is left. */
	static uint8_t data[SIZE_MAX_TESTED];
	unsigned int tried = 0;

	for (uint64_t seed = 0; tried < 30; seed++) {
		size_t size = fuzz_generate(data, SIZE_MAX_TESTED, seed);
		const char *finding = run(data, size);
		struct fuzz_header header;
		unsigned int runs;

		if (finding == NULL || !shrink_same(finding, "something else")) {
			continue;
		}
		tried++;
		size = shrink(data, size, run, &runs);
		memcpy(&header, data, sizeof(header));
		ck_assert_uint_eq(header.model, 0);
		ck_assert_uint_eq(header.cpus, 1);
		ck_assert_uint_eq(header.slice, 0);
		ck_assert_uint_eq(count_records(data, size), 3);
	}
}
END_TEST

START_TEST(test_fuzz_shrink_leaves_what_is_right)
{
	/* Nothing is wrong: nothing is changed. */
	static uint8_t data[SIZE_MAX_TESTED], before[SIZE_MAX_TESTED];
	size_t size = fuzz_generate(data, 100, 1);
	unsigned int runs;

	data[2] = 0;
	memcpy(before, data, size);
	ck_assert_uint_eq(shrink(data, size, run, &runs), size);
	ck_assert_mem_eq(data, before, size);
	ck_assert_uint_eq(runs, 1);
}
END_TEST

START_TEST(test_fuzz_shrink_same_ignores_numbers_alone)
{
	/* Numbers and addresses may differ; words, also those of hexadecimal digits, may not. */
	ck_assert(shrink_same("cpu 1: count is 0x12ab", "cpu 3: count is 0xffffffff"));
	ck_assert(shrink_same("sched.c:12: a", "sched.c:1234: a"));
	ck_assert(!shrink_same("cpu 1: count", "cpu 1: counts"));
	ck_assert(!shrink_same("dead", "beef"));
	ck_assert(!shrink_same("cpu 1", "cpu"));
	ck_assert(!shrink_same("irq0 is", "irq is"));
}
END_TEST

static size_t
read_back(const char *text, uint8_t *data, const char **wrong)
{
	FILE *file = tmpfile();
	size_t size = 0;

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	rewind(file);
	*wrong = text_read(file, data, SIZE_MAX_TESTED, &size);
	fclose(file);
	return size;
}

START_TEST(test_fuzz_text_comes_back)
{
	/* Random inputs, with unknown kinds, short records and bytes behind them: written, and
	 * read. */
	for (uint64_t seed = 0; seed < 500; seed++) {
		static uint8_t data[SIZE_MAX_TESTED], back[SIZE_MAX_TESTED];
		static char text[SIZE_MAX_TESTED * 20];
		const uint8_t odd[] = {
			200,
			2,
			7,
			255,
			kinds[1].type,
			1,
			5,
			kinds[0].type,
			2,
			1,
			2,
			PRIORITIES,
			3,
			8,
			0,
			1,
			DROP,
			2,
			44,
			1,
		};
		size_t size = fuzz_generate(data, 300, seed);
		size_t used;
		const char *wrong;

		memcpy(data + size, odd, sizeof(odd));
		size += sizeof(odd);
		text_header(data, text, sizeof(text));
		used = strlen(text);
		for (size_t at = 8; at < size; at += 2 + (size_t)data[at + 1]) {
			text[used++] = '\n';
			text_record(data + at, text + used, sizeof(text) - used);
			used += strlen(text + used);
		}
		ck_assert_uint_eq(read_back(text, back, &wrong), size);
		ck_assert_ptr_null(wrong);
		ck_assert_mem_eq(data, back, size);
	}
}
END_TEST

START_TEST(test_fuzz_text_complains_with_the_line)
{
	/* What cannot be read is told, with the number of its line. */
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "# nothing\n\nyield\nbegin lock: task=1, how long=2\n", NULL },
		{ "yield\nhop: task=1\n", "line 2: made up knows no 'hop'" },
		{ "yield: task=1\n", "line 1: 'yield' has no 'task'" },
		{ "\nwake: task=\n", "line 2: no number behind 'task='" },
		{ "wake: task=256\n", "line 1: a number is larger" },
		{ "at: delta=65536\n", "line 1: a number is larger" },
		{ "at: delta high=1\n", "line 1: 'at' has no 'delta high'" },
		{ "wake: task=1 xy\n", "line 1: no byte: 'xy'" },
		{ "raw: type=256\n", "line 1: a number is larger" },
		{ "PRIORITIES: 08 00\nDROP: choice=300\n", NULL },
		{ "DROP: choice=65536\n", "line 1: a number is larger" },
	};
	uint8_t data[SIZE_MAX_TESTED];
	const char *wrong;

	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		read_back(cases[n].text, data, &wrong);
		if (cases[n].words == NULL) {
			ck_assert_ptr_null(wrong);
		} else {
			ck_assert_ptr_nonnull(wrong);
			ck_assert_msg(strstr(wrong, cases[n].words) == wrong, "%s", wrong);
		}
	}
}
END_TEST

static Suite *
fuzz_shrink_suite(void)
{
	Suite *suite = suite_create("fuzz_shrink");
	TCase *tests = tcase_create("fuzz_shrink");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_fuzz_shrink_leaves_what_it_takes);
	tcase_add_test(tests, test_fuzz_shrink_lowers_the_header);
	tcase_add_test(tests, test_fuzz_shrink_leaves_what_is_right);
	tcase_add_test(tests, test_fuzz_shrink_same_ignores_numbers_alone);
	tcase_add_test(tests, test_fuzz_text_comes_back);
	tcase_add_test(tests, test_fuzz_text_complains_with_the_line);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(fuzz_shrink_suite());
}
