// SPDX-License-Identifier: ISC
#include "vmm/end.h"

#include "tests/unit/suite.h"

#include "shared/scenario_abi.h"

#include <errno.h>
#include <signal.h>

static const struct {
	struct end end;
	int status;
} ends[] = {
	{ { .kind = END_GUEST_EXIT, .status = 0 }, EXIT_STATUS_OK },
	{ { .kind = END_GUEST_EXIT, .status = 63 }, 63 },
	{ { .kind = END_GUEST_RESET }, EXIT_STATUS_OK },
	{ { .kind = END_GUEST_PANIC }, EXIT_STATUS_CRASHED },
	{ { .kind = END_CRASH }, EXIT_STATUS_CRASHED },
	{ { .kind = END_RUN_FAILED, .error = EFAULT }, EXIT_STATUS_CRASHED },
	{ { .kind = END_OUTPUT_FAILED, .error = ENOSPC }, EXIT_STATUS_CANT_CREATE },
	{ { .kind = END_OUTPUT_FAILED, .error = EPIPE }, 128 + SIGPIPE },
	{ { .kind = END_SIGNAL, .signal = SIGINT }, 130 },
	{ { .kind = END_SIGNAL, .signal = SIGTERM }, 143 },
	{ { .kind = END_TIMEOUT }, EXIT_STATUS_TIMEOUT },
	{ { .kind = END_HOST, .error = EAGAIN }, EXIT_STATUS_OS },
};

#define END_COUNT (int)(sizeof(ends) / sizeof(ends[0]))

/* Each end has the status that README.md says: what a signal ends, what a shell says of it. */
START_TEST(test_end_status_is_documented)
{
	ck_assert_int_eq(end_status(&ends[_i].end), ends[_i].status);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("end");
	TCase *tests = tcase_create("end");

	tcase_add_loop_test(tests, test_end_status_is_documented, 0, END_COUNT);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
