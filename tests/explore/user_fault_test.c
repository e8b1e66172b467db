// SPDX-License-Identifier: ISC
/*
 * Exceptions of user code that return: stacks that grow, under tasks of one program that touch the
 * same place, under the kernel that copies, and no further than they may.
 */
#include "guest/exception.h"

#include <check.h>

#include "guest/mm.h"
#include "guest/page.h"
#include "guest/preempt_model.h"
#include "guest/user.h"
#include "shared/user_abi.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 4000000

/* The first stack of a program: the last byte of its page, of the next, and of its guard. */
#define STACK_TOP (ARCH_USER_END - PAGE_SIZE - 1)
#define BELOW     (STACK_TOP - PAGE_SIZE)
#define GUARD     (STACK_TOP - ARCH_USER_STACK_PAGES * PAGE_SIZE)

static HOST_STATE struct task *users[2];

static void
boot_users(void (*code)(uint64_t), unsigned int count)
{
	struct user_program program = { .mm = mm_create(), .entry = (uintptr_t)code };

	preempt_model_set(PREEMPT_NONE);
	for (unsigned int cpu = 0; cpu < count; cpu++) {
		users[cpu] = user_run(
			&program,
			&(struct task_params){ .comm = "user", .cpus_allowed = 1ull << cpu }, cpu);
	}
	user_unload(&program);
}

static void
check_ended(unsigned int count, int status)
{
	for (unsigned int cpu = 0; cpu < count; cpu++) {
		HOST_EXPECT(users[cpu]->exit_status == status);
	}
	scenario_check_at_rest(0);
}

/* ---- two at one place ---- */

static void
touch_below(uint64_t unused)
{
	(void)unused;
	scenario_gate();
	host_user_touch(STACK_TOP);
	host_user_touch(BELOW);
	host_syscall(SYSCALL_exit, 3, 0, 0);
}

static void
boot_two(void)
{
	boot_users(touch_below, 2);
}

static void
check_two(void)
{
	check_ended(2, 3);
}

/* P20: an access to a stack that is to grow is made again, whoever was there meanwhile. */
START_TEST(test_user_fault_of_two_at_one_place_returns)
{
	static const struct explore_scenario two = {
		"two grow a stack", 2, boot_two, check_two, NULL, 0, NULL
	};

	scenario_must_hold(&two, LIMIT);
	scenario_must_catch(&two, "stack-grows-unseen", "arch_mm_find(mm, va, false) == NULL",
	                    LIMIT);
}
END_TEST

/* ---- the kernel copies ---- */

static void
call_with_stack(uint64_t unused)
{
	(void)unused;
	scenario_gate();
	HOST_EXPECT(host_syscall(SYSCALL_write, BELOW - 1, 4, 0) == 4);
	host_user_touch(BELOW);
	host_syscall(SYSCALL_exit, 3, 0, 0);
}

static void
copy_out(void)
{
	char there[2];

	HOST_EXPECT(copy_to_user(BELOW, "ab", 2) == 0); /* the second byte's page is there */
	HOST_EXPECT(copy_from_user(there, BELOW, 2) == 0);
	HOST_EXPECT(there[0] == 'a' && there[1] == 'b');
	HOST_EXPECT(copy_to_user(STACK_TOP, "cd", 2) == 1); /* nothing is above */
	HOST_EXPECT(copy_to_user(UINT64_MAX - 1, "ef", 2) == 2);
	HOST_EXPECT(copy_to_user(ARCH_USER_END - 1, "gh", 2) == 2);
}

static void
call_to_stack(uint64_t unused)
{
	(void)unused;
	scenario_gate();
	host_syscall_of(copy_out);
	host_syscall(SYSCALL_exit, 3, 0, 0);
}

static void
boot_call_to_stack(void)
{
	boot_users(call_to_stack, 1);
}

static void
boot_call(void)
{
	boot_users(call_with_stack, 1);
}

static void
check_call(void)
{
	check_ended(1, 3);
}

/* P20: a system call may name what the stack has not grown to yet, to read it and to write it. */
START_TEST(test_user_stack_grows_under_a_copy)
{
	static const struct explore_scenario call = {
		"a copy grows a stack", 1, boot_call, check_call, NULL, 0, NULL
	};
	static const struct explore_scenario to_stack = {
		"a copy to a stack grows it", 1, boot_call_to_stack, check_call, NULL, 0, NULL
	};

	scenario_must_hold(&call, LIMIT);
	scenario_must_catch(&call, "copy-grows-nothing", "BELOW - 1, 4, 0) == 4", LIMIT);
	scenario_must_hold(&to_stack, LIMIT);
	scenario_must_catch(&to_stack, "copy-grows-nothing", "copy_to_user(BELOW, \"ab\", 2) == 0",
	                    LIMIT);
}
END_TEST

/* ---- the end ---- */

static void
touch_guard(uint64_t unused)
{
	(void)unused;
	scenario_gate();
	host_user_touch(GUARD);
	host_syscall(SYSCALL_exit, 3, 0, 0);
}

static void
boot_guard(void)
{
	boot_users(touch_guard, 1);
}

static void
check_guard(void)
{
	check_ended(1, USER_STATUS_KILLED + SIGSEGV);
}

/* P20: a stack grows no further than its guard: the task ends. */
START_TEST(test_user_stack_ends_at_its_guard)
{
	static const struct explore_scenario guard = {
		"a stack's guard", 1, boot_guard, check_guard, NULL, 0, NULL
	};

	scenario_must_hold(&guard, LIMIT);
	scenario_must_catch(&guard, "stack-grows-on", "users[cpu]->exit_status == status", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("user_fault");
	TCase *tests = tcase_create("user_fault");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_user_fault_of_two_at_one_place_returns);
	tcase_add_test(tests, test_user_stack_grows_under_a_copy);
	tcase_add_test(tests, test_user_stack_ends_at_its_guard);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
