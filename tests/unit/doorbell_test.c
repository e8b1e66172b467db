// SPDX-License-Identifier: ISC
/*
 * The doorbell's decoding, against shared/doorbell_abi.h: what is defined does what it says, all
 * the rest does nothing and reads all ones.
 */
#include "vmm/doorbell.h"

#include "tests/unit/suite.h"

#include "shared/doorbell_abi.h"

#include <check.h>

static const uint32_t widths[] = { 1, 2, 4 };

/*
 * The identity, the events and the orders are there for a whole word at their offsets and nowhere
 * else, by all offsets and widths.
 */
START_TEST(test_doorbell_read_only_identity_answers)
{
	for (uint32_t offset = 0; offset < DOORBELL_PORTS; offset++) {
		for (uint32_t i = 0; i < 3; i++) {
			uint32_t expected = offset == DOORBELL_ID && widths[i] == 4 ? DOORBELL_MAGIC
			                                                            : UINT32_MAX;

			ck_assert_uint_eq(doorbell_read(offset, widths[i]), expected);
			ck_assert_int_eq(doorbell_reads_events(offset, widths[i]),
			                 offset == DOORBELL_EVENT && widths[i] == 4);
			ck_assert_int_eq(doorbell_reads_orders(offset, widths[i]),
			                 offset == DOORBELL_INJECT && widths[i] == 4);
		}
	}
}
END_TEST

/* Only whole words at six offsets do anything, by all offsets and widths. */
START_TEST(test_doorbell_write_only_defined_words_act)
{
	for (uint32_t offset = 0; offset < DOORBELL_PORTS; offset++) {
		for (uint32_t i = 0; i < 3; i++) {
			enum doorbell_verb expected = DOORBELL_VERB_NONE;

			if (widths[i] == 4) {
				expected = offset == DOORBELL_EXIT      ? DOORBELL_VERB_EXIT
				           : offset == DOORBELL_CONSOLE ? DOORBELL_VERB_DRAIN
				           : offset == DOORBELL_PANIC   ? DOORBELL_VERB_PANIC
				           : offset == DOORBELL_EVENT   ? DOORBELL_VERB_SUBSCRIBE
				           : offset == DOORBELL_PLACE   ? DOORBELL_VERB_PLACE
				           : offset == DOORBELL_INJECT  ? DOORBELL_VERB_INJECT
				                                        : DOORBELL_VERB_NONE;
			}
			ck_assert_int_eq(doorbell_write(offset, widths[i], 3).verb, expected);
		}
	}
}
END_TEST

/* A status beyond a byte ends as 255: cut off, 256 would have been success. */
START_TEST(test_doorbell_exit_status_saturates)
{
	ck_assert_uint_eq(doorbell_write(DOORBELL_EXIT, 4, 0).status, 0);
	ck_assert_uint_eq(doorbell_write(DOORBELL_EXIT, 4, 255).status, 255);
	ck_assert_uint_eq(doorbell_write(DOORBELL_EXIT, 4, 256).status, 255);
	ck_assert_uint_eq(doorbell_write(DOORBELL_EXIT, 4, UINT32_MAX).status, 255);
}
END_TEST

/*
 * The words of a panic, a subscription, a place and a wish for an error pass unchanged: their
 * meaning is looked at elsewhere.
 */
START_TEST(test_doorbell_words_pass_unchanged)
{
	static const uint32_t words[] = { 0, 1, 0x80201234, UINT32_MAX };

	for (uint32_t i = 0; i < 4; i++) {
		ck_assert_uint_eq(doorbell_write(DOORBELL_PANIC, 4, words[i]).value, words[i]);
		ck_assert_uint_eq(doorbell_write(DOORBELL_EVENT, 4, words[i]).value, words[i]);
		ck_assert_uint_eq(doorbell_write(DOORBELL_PLACE, 4, words[i]).value, words[i]);
		ck_assert_uint_eq(doorbell_write(DOORBELL_INJECT, 4, words[i]).value, words[i]);
	}
}
END_TEST

static Suite *
doorbell_suite(void)
{
	Suite *suite = suite_create("doorbell");
	TCase *tests = tcase_create("doorbell");

	tcase_add_test(tests, test_doorbell_read_only_identity_answers);
	tcase_add_test(tests, test_doorbell_write_only_defined_words_act);
	tcase_add_test(tests, test_doorbell_exit_status_saturates);
	tcase_add_test(tests, test_doorbell_words_pass_unchanged);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(doorbell_suite());
}
