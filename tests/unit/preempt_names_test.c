// SPDX-License-Identifier: ISC
/*
 * The names of the preemption models: each is read and shown, the one with number 0 too.
 */
#include "guest/preempt_names.h"

#include "tests/unit/suite.h"

#include <check.h>
#include <string.h>

/* P13: each name gives its model and no other, in the order of Linux's numbers, 0 included. */
START_TEST(test_names_parse_every_model)
{
	static const char *const names[] = { "none", "voluntary", "full", "lazy" };

	for (unsigned int n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		enum preempt_model model = PREEMPT_MODEL_COUNT;

		ck_assert(preempt_names_parse(names[n], strlen(names[n]), &model));
		ck_assert_uint_eq(model, n);
		ck_assert_str_eq(preempt_model_names[n], names[n]);
	}
}
END_TEST

/* What only begins like a name, or goes on behind one, is none; the model stays as it was. */
START_TEST(test_names_parse_refuses_the_rest)
{
	static const char *const words[] = { "",      "n",      "non",   "nonee", "None",
		                             "undef", "(none)", "full ", "0" };

	for (unsigned int n = 0; n < sizeof(words) / sizeof(words[0]); n++) {
		enum preempt_model model = PREEMPT_VOLUNTARY;

		ck_assert(!preempt_names_parse(words[n], strlen(words[n]), &model));
		ck_assert_int_eq(model, PREEMPT_VOLUNTARY);
	}
}
END_TEST

/* P13: every model is shown as the active one, all others beside it. */
START_TEST(test_names_format_every_model)
{
	char all[PREEMPT_NAMES_SIZE] = "";
	char text[PREEMPT_NAMES_SIZE];

	for (unsigned int active = 0; active < PREEMPT_MODEL_COUNT; active++) {
		all[0] = '\0';
		for (unsigned int m = 0; m < PREEMPT_MODEL_COUNT; m++) {
			strcat(all, m == 0 ? "" : " ");
			strcat(all, m == active ? "(" : "");
			strcat(all, preempt_model_names[m]);
			strcat(all, m == active ? ")" : "");
		}
		ck_assert_uint_eq(
			preempt_names_format(text, sizeof(text), (enum preempt_model)active),
			strlen(all));
		ck_assert_str_eq(text, all);
	}
	preempt_names_format(text, sizeof(text), PREEMPT_NONE);
	ck_assert_uint_eq(strncmp(text, "(none) voluntary full lazy", 26), 0);
}
END_TEST

/* A buffer of any size gets as much as fits, terminated, and not a byte more. */
START_TEST(test_names_format_is_bounded)
{
	char whole[PREEMPT_NAMES_SIZE];
	char text[PREEMPT_NAMES_SIZE];

	preempt_names_format(whole, sizeof(whole), PREEMPT_FULL);
	ck_assert_uint_lt(strlen(whole), sizeof(whole) - 1);
	for (size_t size = 1; size < sizeof(text); size++) {
		memset(text, '!', sizeof(text));
		preempt_names_format(text, size, PREEMPT_FULL);
		ck_assert_uint_lt(strlen(text), size);
		ck_assert_int_eq(strncmp(text, whole, strlen(text)), 0);
		ck_assert_int_eq(text[size], '!');
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("preempt_names");
	TCase *tests = tcase_create("preempt_names");

	tcase_add_test(tests, test_names_parse_every_model);
	tcase_add_test(tests, test_names_parse_refuses_the_rest);
	tcase_add_test(tests, test_names_format_every_model);
	tcase_add_test(tests, test_names_format_is_bounded);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
