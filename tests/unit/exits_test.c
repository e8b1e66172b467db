// SPDX-License-Identifier: ISC
#include "vmm/exits.h"

#include "tests/unit/suite.h"

#include <linux/kvm.h>
#include <stdint.h>
#include <string.h>

/* Numbers of linux/kvm.h have their names; what it does not have, and what comes behind, has none.
 */
START_TEST(test_exits_names_are_those_of_kvm)
{
	ck_assert_str_eq(exits_name(KVM_EXIT_UNKNOWN), "KVM_EXIT_UNKNOWN");
	ck_assert_str_eq(exits_name(KVM_EXIT_SHUTDOWN), "KVM_EXIT_SHUTDOWN");
	ck_assert_str_eq(exits_name(KVM_EXIT_NOTIFY), "KVM_EXIT_NOTIFY");
	ck_assert_str_eq(exits_meaning(KVM_EXIT_SHUTDOWN), "triple fault");
	ck_assert_ptr_null(exits_meaning(KVM_EXIT_IO));
	ck_assert_ptr_null(exits_name(1000));
	ck_assert_ptr_null(exits_meaning(1000));
	ck_assert_ptr_null(exits_name(UINT32_MAX));
	ck_assert_ptr_null(exits_meaning(UINT32_MAX));
}
END_TEST

static const struct {
	const char *(*name)(uint32_t number);
	uint32_t number;
	const char *words;
} details[] = {
	{ exits_suberror_name, KVM_INTERNAL_ERROR_EMULATION, "an instruction that KVM cannot" },
	{ exits_suberror_name, KVM_INTERNAL_ERROR_SIMUL_EX, "exceptions on top of each other" },
	{ exits_suberror_name, KVM_INTERNAL_ERROR_DELIVERY_EV, "an exit while an event" },
	{ exits_suberror_name, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON, "did not expect" },
	{ exits_suberror_name, 0, "unknown suberror" },
	{ exits_suberror_name, UINT32_MAX, "unknown suberror" },
	{ exits_event_name, KVM_SYSTEM_EVENT_SHUTDOWN, "shutdown" },
	{ exits_event_name, KVM_SYSTEM_EVENT_RESET, "reset" },
	{ exits_event_name, KVM_SYSTEM_EVENT_CRASH, "crash" },
	{ exits_event_name, 0, "unknown event" },
	{ exits_event_name, UINT32_MAX, "unknown event" },
};

#define DETAIL_COUNT (int)(sizeof(details) / sizeof(details[0]))

/* Each number of a detail has words, and so has any other. */
START_TEST(test_exits_details_have_words)
{
	const char *words = details[_i].name(details[_i].number);

	ck_assert_msg(strstr(words, details[_i].words) != NULL, "\"%s\"", words);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("exits");
	TCase *tests = tcase_create("exits");

	tcase_add_test(tests, test_exits_names_are_those_of_kvm);
	tcase_add_loop_test(tests, test_exits_details_have_words, 0, DETAIL_COUNT);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
