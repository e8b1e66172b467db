// SPDX-License-Identifier: ISC
/*
 * Names in a guest's text: what is an address, which name it gets, that all bytes pass as they
 * came, and that it does not matter where the text is cut. The table of symbols is this test's:
 * two functions, one behind the other.
 */
#include "vmm/names.h"

#include "vmm/symbols.h"

#include "tests/unit/random.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIRST  0xffffffff80201000u
#define SECOND 0xffffffff80201100u
#define END    0xffffffff80201200u

static const char image[] = "image";
static unsigned int load_count, free_count;
static const char *second_name;

struct symbols *
symbols_load(const void *bytes, size_t size)
{
	ck_assert_ptr_eq(bytes, image);
	ck_assert_uint_eq(size, sizeof(image));
	load_count++;
	return (struct symbols *)&load_count;
}

void
symbols_free(struct symbols *symbols)
{
	ck_assert_ptr_eq(symbols, &load_count);
	free_count++;
}

char *
symbols_format(const struct symbols *symbols, uint64_t address, char *buf, size_t size)
{
	ck_assert_ptr_eq(symbols, &load_count);
	if (address < FIRST || address >= END) {
		snprintf(buf, size, "0x%" PRIx64, address);
	} else if (address < SECOND) {
		snprintf(buf, size, "first+0x%" PRIx64, address - FIRST);
	} else {
		snprintf(buf, size, "%s+0x%" PRIx64, second_name, address - SECOND);
	}
	return buf;
}

uint64_t
symbols_call_of(const struct symbols *symbols, uint64_t address)
{
	ck_assert_ptr_eq(symbols, &load_count);
	return address > FIRST && address <= END ? address - 1 : address;
}

static struct names names;

static void
setup(void)
{
	load_count = 0;
	free_count = 0;
	second_name = "second";
	names_init(&names, image, sizeof(image));
}

static void
teardown(void)
{
	names_destroy(&names);
	ck_assert_uint_eq(free_count, load_count);
	ck_assert_uint_le(load_count, 1);
}

/* The text as it would be printed. */
static const char *
pass(const char *text)
{
	static char out[4096];
	size_t used = 0;

	for (; *text != '\0'; text++) {
		const char *name = names_before(&names, (uint8_t)*text);

		used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%c",
		                         name == NULL ? "" : name, *text);
	}
	return out;
}

/* At a line's end the call before the address, else what is there itself; once a table is loaded.
 */
START_TEST(test_names_follow_addresses)
{
	ck_assert_str_eq(pass("no address\n"), "no address\n");
	ck_assert_uint_eq(load_count, 0);
	ck_assert_str_eq(pass("  [<ffffffff80201010>]\n"), "  [<ffffffff80201010>] first+0xf\n");
	ck_assert_str_eq(pass("  [<ffffffff80201100>]\n"), "  [<ffffffff80201100>] first+0xff\n");
	ck_assert_str_eq(pass("  [<ffffffff80201100>] action\n"),
	                 "  [<ffffffff80201100>] second+0x0 action\n");
	ck_assert_str_eq(pass("[<ffffffff80201001>][<ffffffff80201002>]\n"),
	                 "[<ffffffff80201001>] first+0x1[<ffffffff80201002>] first+0x1\n");
	ck_assert_uint_eq(load_count, 1);
}
END_TEST

/* What is nearly an address, or one of nothing, passes without a name. */
START_TEST(test_names_of_nothing_are_none)
{
	static const char *const lines[] = {
		"[<ffffffff80200fff>]\n",
		"[<ffffffff80201200>] \n",
		"[<0000000000000000>]\n",
		"[<fffffff80201010>]\n",
		"[<0ffffffff80201010>]\n",
		"[<FFFFFFFF80201010>]\n",
		"[<ffffffff80201010]\n",
		"[ffffffff80201010]\n",
		"<ffffffff80201010>\n",
		"[<ffffffff80201010>\n]",
		"[<ffffffff8020101g>]\n",
		"ffffffff80201010\n",
		"[<>]\n",
		"[<\n",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		ck_assert_str_eq(pass(lines[i]), lines[i]);
	}
	names_destroy(&names);
	free_count = 0;
	load_count = 0;
	names_init(&names, NULL, 0);
	ck_assert_str_eq(pass("[<ffffffff80201010>]\n"), "[<ffffffff80201010>]\n");
}
END_TEST

/* A bracket that breaks one address off may begin the next. */
START_TEST(test_names_begin_anew_at_each_bracket)
{
	ck_assert_str_eq(pass("[[<ffffffff80201001>] "), "[[<ffffffff80201001>] first+0x1 ");
	ck_assert_str_eq(pass("[<ff[<ffffffff80201001>] "), "[<ff[<ffffffff80201001>] first+0x1 ");
	ck_assert_str_eq(pass("[<[<ffffffff80201001>] "), "[<[<ffffffff80201001>] first+0x1 ");
}
END_TEST

/* A name without an end is cut to its room. */
START_TEST(test_names_too_long_are_cut)
{
	static char longest[256];
	const char *out;

	memset(longest, 'n', sizeof(longest) - 1);
	second_name = longest;
	out = pass("[<ffffffff80201101>] ");
	ck_assert_uint_eq(strlen(out), 20 + NAMES_ROOM - 1 + 1);
}
END_TEST

/* Of random text of the bytes that matter, every byte comes out, in order; names only come on top.
 */
START_TEST(test_names_keep_every_byte)
{
	static const char bytes[] = "[<>]f80\n ";

	for (uint64_t seed = 0; seed < 200; seed++) {
		struct random random = random_seeded(seed);
		static const char whole[] = "[<ffffffff80201010>]";
		char text[512];
		size_t size = 0;
		uint32_t named = 0, expected = 0;

		while (size < sizeof(text) - sizeof(whole) - 2) {
			if (random_below(&random, 10) == 0) {
				strcpy(text + size, whole);
				size += sizeof(whole) - 1;
				text[size++] = ' ';
				expected++;
			} else {
				text[size++] = bytes[random_below(&random, sizeof(bytes) - 1)];
			}
		}
		for (size_t i = 0; i < size; i++) {
			const char *name = names_before(&names, (uint8_t)text[i]);

			ck_assert_msg(name == NULL || strcmp(name, " first+0x10") == 0, "seed %ju",
			              (uintmax_t)seed);
			named += name != NULL;
		}
		ck_assert_msg(named == expected, "seed %ju: %u of %u", (uintmax_t)seed, named,
		              expected);
		names_before(&names, '\n');
	}
}
END_TEST

static Suite *
names_suite(void)
{
	Suite *suite = suite_create("names");
	TCase *tests = tcase_create("names");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_names_follow_addresses);
	tcase_add_test(tests, test_names_of_nothing_are_none);
	tcase_add_test(tests, test_names_begin_anew_at_each_bracket);
	tcase_add_test(tests, test_names_too_long_are_cut);
	tcase_add_test(tests, test_names_keep_every_byte);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(names_suite());
}
