// SPDX-License-Identifier: ISC
/*
 * Ordered errors: which words are orders, and that each order is carried out once, whatever the
 * guest asks for and however often.
 */
#include "vmm/inject.h"

#include "tests/unit/random.h"
#include "tests/unit/suite.h"

#include "shared/doorbell_abi.h"

#include <check.h>
#include <string.h>

static const uint32_t kinds[] = { DOORBELL_INJECT_NMI, DOORBELL_INJECT_MCE,
	                          DOORBELL_INJECT_MCE_FATAL };

/* All three words, both bounds; leading zeros are decimal, and gone when it is written again. */
START_TEST(test_inject_good_word_is_an_order)
{
	static const struct {
		const char *text;
		const char *again;
		uint32_t what;
		uint32_t exit;
	} rows[] = {
		{ "nmi@exit=1", "nmi@exit=1", DOORBELL_INJECT_NMI, 1 },
		{ "mce@exit=0042", "mce@exit=42", DOORBELL_INJECT_MCE, 42 },
		{ "mce-fatal@exit=999999999", "mce-fatal@exit=999999999", DOORBELL_INJECT_MCE_FATAL,
		  INJECT_EXIT_MAX },
		{ "nmi@exit=0000000000000000007", "nmi@exit=7", DOORBELL_INJECT_NMI, 7 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct inject_order order;
		char word[INJECT_WORD_MAX];

		memset(&order, 0xa5, sizeof(order));
		ck_assert_msg(inject_parse(rows[i].text, &order), "%s", rows[i].text);
		ck_assert_uint_eq(order.what, rows[i].what);
		ck_assert_uint_eq(order.exit, rows[i].exit);
		ck_assert(!order.is_done);
		inject_format(&order, word);
		ck_assert_str_eq(word, rows[i].again);
	}
}
END_TEST

/* Every part missing, misspelt, out of range, or with something behind it. */
START_TEST(test_inject_bad_word_is_none)
{
	static const char *const words[] = {
		"",
		"nmi",
		"nmi@",
		"nmi@exit",
		"nmi@exit=",
		"nmi@exit=0",
		"nmi@exit=000",
		"nmi@exit=-1",
		"nmi@exit=+1",
		"nmi@exit= 1",
		"nmi@exit=1 ",
		"nmi@exit=1,2",
		"nmi@exit=0x1",
		"nmi@exit=1000000000",
		"nmi@exit=4294967297",
		"nmi@exit=18446744073709551617",
		"nmi@exit=1@exit=2",
		"@exit=1",
		"nm@exit=1",
		"nmis@exit=1",
		"NMI@exit=1",
		"mce-@exit=1",
		"mce-fatal",
		"mce fatal@exit=1",
		"nmi=1",
		"nmi@entry=1",
		" nmi@exit=1",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct inject_order order;

		ck_assert_msg(!inject_parse(words[i], &order), "'%s'", words[i]);
	}
}
END_TEST

/* Of two orders of a kind the one of the lower exit is done first, in whichever order they stand.
 */
START_TEST(test_inject_lowest_exit_comes_first)
{
	struct inject inject = {
		.orders = { { .what = DOORBELL_INJECT_MCE, .exit = 9 },
		            { .what = DOORBELL_INJECT_NMI, .exit = 1 },
		            { .what = DOORBELL_INJECT_MCE, .exit = 5 } },
		.count = 3,
	};

	ck_assert(inject_take(&inject, DOORBELL_INJECT_MCE));
	ck_assert(inject.orders[2].is_done && !inject.orders[0].is_done &&
	          !inject.orders[1].is_done);
	ck_assert_uint_eq(inject_left(&inject),
	                  1u << DOORBELL_INJECT_NMI | 1u << DOORBELL_INJECT_MCE);
	ck_assert(inject_take(&inject, DOORBELL_INJECT_MCE));
	ck_assert(!inject_take(&inject, DOORBELL_INJECT_MCE));
	ck_assert_uint_eq(inject_left(&inject), 1u << DOORBELL_INJECT_NMI);
}
END_TEST

static uint32_t
mask_of(const uint32_t ordered[4])
{
	uint32_t mask = 0;

	for (uint32_t what = 0; what < 4; what++) {
		mask |= (uint32_t)(ordered[what] != 0) << what;
	}
	return mask;
}

/* Random orders, and a guest that asks for anything: each order is given once, nothing else is. */
START_TEST(test_inject_each_order_comes_once)
{
	for (uint64_t seed = 0; seed < 300; seed++) {
		struct random random = random_seeded(seed);
		struct inject inject = { .count = (uint32_t)random_below(&random, INJECT_MAX + 1) };
		uint32_t ordered[4] = { 0 };

		for (uint32_t i = 0; i < inject.count; i++) {
			uint32_t what = kinds[random_below(&random, 3)];

			inject.orders[i].what = what;
			inject.orders[i].exit = 1 + (uint32_t)random_below(&random, 3);
			ordered[what]++;
		}
		for (uint32_t i = 0; i < 100; i++) {
			uint32_t what = (uint32_t)random_below(&random, 6);
			bool expected = what < 4 && ordered[what] != 0;

			what = what == 5 ? UINT32_MAX : what;
			ck_assert_msg(inject_take(&inject, what) == expected, "seed %ju",
			              (uintmax_t)seed);
			if (expected) {
				ordered[what]--;
			}
			ck_assert_msg(inject_left(&inject) == mask_of(ordered), "seed %ju",
			              (uintmax_t)seed);
		}
	}
}
END_TEST

static Suite *
inject_suite(void)
{
	Suite *suite = suite_create("inject");
	TCase *tests = tcase_create("inject");

	tcase_add_test(tests, test_inject_good_word_is_an_order);
	tcase_add_test(tests, test_inject_bad_word_is_none);
	tcase_add_test(tests, test_inject_lowest_exit_comes_first);
	tcase_add_test(tests, test_inject_each_order_comes_once);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(inject_suite());
}
