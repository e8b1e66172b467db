// SPDX-License-Identifier: ISC
/*
 * The inputs that a plain program of a target is given.
 */
#define _GNU_SOURCE /* nftw() */
#include "tests/fuzz/inputs.h"

#include "tests/fuzz/target.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SIZE_MAX_HERE 16u

/* Of plain bytes. */
const struct fuzz_target fuzz_target = { .name = "made up", .size_max = SIZE_MAX_HERE };

static char folder[] = "/tmp/fuzz_inputs.XXXXXX";

static const char *
path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void
write_file(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status;
	(void)type;
	(void)at;
	return remove(path);
}

static void
remove_folder(void)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

START_TEST(test_fuzz_inputs_are_read_in_order)
{
	/*
	 * A folder of files and folders: all of them by their names, hidden ones not; cut where the
	 * target reads no more. What is not there is an error, and nothing else.
	 */
	static const char *const names[] = { "a", "b/c", "b/d", "e" };
	struct inputs inputs = { .count = 0 };

	ck_assert_ptr_nonnull(mkdtemp(folder));
	atexit(remove_folder);
	ck_assert_int_eq(mkdir(path_of("b"), 0777), 0);
	write_file("e", "more than sixteen bytes");
	write_file("b/d", "");
	write_file("b/c", "c");
	write_file("a", "exactly sixteen!");
	write_file(".hidden", "no");
	inputs_read(&inputs, folder);
	ck_assert_uint_eq(inputs.errors, 0);
	ck_assert_uint_eq(inputs.count, sizeof(names) / sizeof(names[0]));
	for (size_t n = 0; n < inputs.count; n++) {
		ck_assert_str_eq(inputs.list[n].name, path_of(names[n]));
	}
	ck_assert_uint_eq(inputs.list[0].size, SIZE_MAX_HERE);
	ck_assert_mem_eq(inputs.list[0].data, "exactly sixteen!", SIZE_MAX_HERE);
	ck_assert_uint_eq(inputs.list[2].size, 0);
	ck_assert_uint_eq(inputs.list[3].size, SIZE_MAX_HERE);
	ck_assert_mem_eq(inputs.list[3].data, "more than sixtee", SIZE_MAX_HERE);
	inputs_read(&inputs, path_of("none"));
	ck_assert_uint_eq(inputs.errors, 1);
	ck_assert_uint_eq(inputs.count, 4);
	inputs_free(&inputs);
	ck_assert_uint_eq(inputs.count, 0);
}
END_TEST

START_TEST(test_fuzz_inputs_at_random_are_their_seeds)
{
	/*
	 * Random inputs: as many as asked for, each a function of its seed and of what was given,
	 * however many come before it; half of them have most of a given one's bytes; named by
	 * their seeds.
	 */
	static const uint8_t given[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
	struct inputs one = { .count = 0 }, two = { .count = 0 };
	unsigned int alike = 0;

	inputs_add(&one, given, sizeof(given), "given");
	inputs_add(&two, given, sizeof(given), "given");
	inputs_add_random(&one, 100, 400);
	inputs_add_random(&two, 300, 200);
	ck_assert_uint_eq(one.count, 401);
	for (size_t n = 0; n < 200; n++) {
		const struct named_input *a = &one.list[201 + n], *b = &two.list[1 + n];
		unsigned int kept = 0;

		ck_assert_str_eq(a->name, b->name);
		ck_assert_uint_eq(a->size, b->size);
		ck_assert_uint_le(a->size, SIZE_MAX_HERE);
		ck_assert_mem_eq(a->data, b->data, a->size);
		for (size_t at = 0; at < a->size && at < sizeof(given); at++) {
			kept += a->data[at] == given[at];
		}
		alike += a->size >= 4 && kept * 2 > a->size;
	}
	ck_assert_str_eq(one.list[1].name, "seed 100");
	ck_assert(alike > 50 && alike < 130);
	inputs_free(&one);
	inputs_free(&two);
}
END_TEST

static Suite *
fuzz_inputs_suite(void)
{
	Suite *suite = suite_create("fuzz_inputs");
	TCase *tests = tcase_create("fuzz_inputs");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_fuzz_inputs_are_read_in_order);
	tcase_add_test(tests, test_fuzz_inputs_at_random_are_their_seeds);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(fuzz_inputs_suite());
}
