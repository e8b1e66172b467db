// SPDX-License-Identifier: ISC
/*
 * The kernel's snprintf and string functions against the C library's.
 */
#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/format.h"
#include "tests/unit/suite.h"

/* Both must write the same bytes and return the same length (ours the length written). */
#define ASSERT_SAME(size, ...)                                                  \
	do {                                                                    \
		char ours[size];                                                \
		char theirs[size];                                              \
		size_t length = format_string(ours, sizeof(ours), __VA_ARGS__); \
		(void)snprintf(theirs, sizeof(theirs), __VA_ARGS__);            \
		ck_assert_str_eq(ours, theirs);                                 \
		ck_assert_uint_eq(length, strlen(theirs));                      \
	} while (0)

/* Integers: every conversion at the limits of every length, compared with the C library. */
START_TEST(test_format_integers_as_libc)
{
	char text[64];

	ASSERT_SAME(64, "%d %d %d", 0, INT32_MIN, INT32_MAX);
	ASSERT_SAME(64, "%i|%u|%x|%X", -1, UINT32_MAX, 0xdeadbeefu, 0xdeadbeefu);
	ASSERT_SAME(96, "%ld %ld %lu %lx", INT64_MIN, INT64_MAX, UINT64_MAX, UINT64_MAX);
	ASSERT_SAME(64, "%zu %zx", SIZE_MAX, (size_t)4096);
	ASSERT_SAME(64, "%llu %lld", 1ull << 63, -(1ll << 62));
	ck_assert_uint_eq(format_string(text, sizeof(text), "%p", (void *)0xfeed1234), 8);
	ck_assert_str_eq(text, "feed1234"); /* no prefix */
}
END_TEST

/* Width, zero padding, left adjustment, `*`, precision: compared with the C library. */
START_TEST(test_format_padding_as_libc)
{
	ASSERT_SAME(64, "[%5d][%-5d][%05d][%05d]", 42, 42, 42, -42);
	ASSERT_SAME(64, "[%016lx][%8x][%-8x]", 0x1234ul, 0xabu, 0xabu);
	ASSERT_SAME(64, "[%8s][%-8s][%.3s][%8.2s]", "abc", "abc", "abcdef", "abcdef");
	ASSERT_SAME(64, "[%*d][%.*s]", 7, 3, 2, "xyz");
	ASSERT_SAME(64, "[%c][%3c][%%]", 'a', 'b');
	ASSERT_SAME(64, "[%2d][%1s]", 12345, "longer");
}
END_TEST

/* A buffer of every size up to the text's is filled, terminated, and not overrun (ASan watches). */
START_TEST(test_format_short_buffer_is_cut)
{
	static const char whole[] = "abcdef-123456";

	for (size_t size = 1; size <= sizeof(whole) + 1; size++) {
		char *text = malloc(size);
		size_t length = format_string(text, size, "%s-%d", "abcdef", 123456);

		ck_assert_uint_eq(length, size < sizeof(whole) ? size - 1 : sizeof(whole) - 1);
		ck_assert_uint_eq(strlen(text), length);
		ck_assert_int_eq(strncmp(text, whole, length), 0);
		free(text);
	}
}
END_TEST

/* What is unknown stays visible, a lone % ends the text, and a null string is named. */
START_TEST(test_format_unknown_is_copied)
{
	const char *unknown = "%q";
	const char *lone = "50%";
	const char *volatile nobody = NULL;
	char text[32];

	format_string(text, sizeof(text), unknown, 1);
	ck_assert_str_eq(text, "%q");
	format_string(text, sizeof(text), lone);
	ck_assert_uint_le(strlen(text), 4);
	format_string(text, sizeof(text), "%s", nobody);
	ck_assert_str_eq(text, "(null)");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("format");
	TCase *tests = tcase_create("format");

	tcase_add_test(tests, test_format_integers_as_libc);
	tcase_add_test(tests, test_format_padding_as_libc);
	tcase_add_test(tests, test_format_short_buffer_is_cut);
	tcase_add_test(tests, test_format_unknown_is_copied);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
