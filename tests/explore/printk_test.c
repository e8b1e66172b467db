// SPDX-License-Identifier: ISC
/*
 * Messages from NMIs: none is lost, none is torn, and none is written twice, wherever the NMI
 * comes.
 */
#include "guest/printk.h"

#include <stdio.h>
#include <string.h>

#include "tests/explore/scenario.h"
#include "tests/host/run.h"
#include "tests/unit/suite.h"

#define LIMIT           2000000
#define SUITE_TIMEOUT_S 120

#define FROM_TASK  "from the task\n"
#define FROM_OTHER "from the other cpu\n"
#define FROM_NMI   "from the NMI\n"

static HOST_STATE unsigned int nmi_count;
static unsigned int cut_count; /* over all runs */

static void
print_in_nmi(void)
{
	nmi_count++;
	printk(FROM_NMI);
}

static void
print_once(void *arg)
{
	(void)arg;
	host_gate();
	printk(FROM_TASK);
	host_stop();
}

static void
send_nmi(void *arg)
{
	(void)arg;
	host_gate();
	host_nmi_send(0);
	host_stop();
}

static void
print_and_send(void *arg)
{
	(void)arg;
	host_gate();
	host_nmi_send(0);
	printk(FROM_OTHER);
	host_stop();
}

/* Is each of the messages there once, and nothing else? */
static void
check_messages(const char *const *messages, size_t count)
{
	size_t total = 0;

	for (size_t i = 0; i < count; i++) {
		const char *found = strstr(host_console(), messages[i]);

		HOST_EXPECT(found != NULL);
		total += strlen(messages[i]);
	}
	HOST_EXPECT(strlen(host_console()) == total);
	HOST_EXPECT(nmi_count == 1);
}

static void
boot_interrupted(void)
{
	scenario_task(0, print_once, NULL);
	scenario_task(1, send_nmi, NULL);
}

static void
check_interrupted(void)
{
	check_messages((const char *const[]){ FROM_TASK, FROM_NMI }, 2);
}

/* An NMI comes anywhere in printk() of the same cpu, its holding of the lock included. */
START_TEST(test_printk_nmi_in_printk_loses_nothing)
{
	struct explore_scenario scenario = { .name = "printk, NMI on the same cpu",
		                             .cpus = 2,
		                             .boot = boot_interrupted,
		                             .check = check_interrupted };

	host_nmi_handler = print_in_nmi;
	scenario_must_hold(&scenario, LIMIT);
}
END_TEST

static void
idle_and_stop(void *arg)
{
	(void)arg;
	host_gate();
	host_stop();
}

static void
boot_contended(void)
{
	scenario_task(0, idle_and_stop, NULL);
	scenario_task(1, print_and_send, NULL);
}

static void
check_contended(void)
{
	check_messages((const char *const[]){ FROM_OTHER, FROM_NMI }, 2);
}

/* The lock's holder is on another cpu than the NMI: one of the two sees the other. */
START_TEST(test_printk_nmi_beside_printk_loses_nothing)
{
	struct explore_scenario scenario = { .name = "printk, NMI on another cpu",
		                             .cpus = 2,
		                             .boot = boot_contended,
		                             .check = check_contended };

	host_nmi_handler = print_in_nmi;
	scenario_must_hold(&scenario, LIMIT);
	scenario.name = "the same without fences";
	scenario.broken = HOST_BROKEN_FENCE;
	scenario_must_fail(&scenario, "found != NULL", LIMIT);
}
END_TEST

/* ---- more than there is room for ---- */

static char long_text[PRINTK_SIZE];

static void
print_much_in_nmi(void)
{
	nmi_count++;
	printk("%s", long_text);
	printk("%s", long_text);
}

/* Both whole, or cut where the room ends: the holder of the lock was interrupted. */
static void
check_cut(void)
{
	size_t whole = 2 * strlen(long_text) + strlen(FROM_TASK);
	size_t length = strlen(host_console());

	HOST_EXPECT(nmi_count == 1);
	HOST_EXPECT(strstr(host_console(), FROM_TASK) != NULL);
	HOST_EXPECT(length == whole || length == PRINTK_SIZE + strlen(FROM_TASK));
	cut_count += length != whole;
}

/* What an NMI cannot leave for the lock's holder is cut, and spoils nothing else. */
START_TEST(test_printk_nmi_that_prints_too_much_is_cut)
{
	static const struct explore_scenario scenario = { .name = "an NMI prints much",
		                                          .cpus = 2,
		                                          .boot = boot_interrupted,
		                                          .check = check_cut };

	memset(long_text, 'x', sizeof(long_text) - 1);
	cut_count = 0;
	host_nmi_handler = print_much_in_nmi;
	scenario_must_hold(&scenario, LIMIT);
	printf("    cut in %u runs\n", cut_count);
	ck_assert_uint_ne(cut_count, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("printk");
	TCase *tests = tcase_create("printk");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_printk_nmi_in_printk_loses_nothing);
	tcase_add_test(tests, test_printk_nmi_beside_printk_loses_nothing);
	tcase_add_test(tests, test_printk_nmi_that_prints_too_much_is_cut);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
