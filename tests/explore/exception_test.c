// SPDX-License-Identifier: ISC
/*
 * Exceptions of kernel code that return: what the interrupted code finds afterwards, and that the
 * return is a preemption point, whenever in the exception the request came.
 */
#include "guest/exception.h"

#include <stdio.h>

#include "guest/preempt.h"
#include "guest/sched.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/unit/suite.h"

#define LIMIT 100000

static HOST_STATE bool is_closed; /* the probe does not let itself be preempted */
static HOST_STATE unsigned int probe_runs;

static unsigned int window_hits; /* interrupts of the closed probe, over all runs */

static void
count_hit(unsigned int cpu)
{
	window_hits += cpu == 0 && is_closed;
}

/* Nothing of its own looks for the request: the exception's return has to. */
static void
probe_closed(const struct regs *regs)
{
	HOST_EXPECT(arch_regs_irqs_on(regs));
	HOST_EXPECT(!arch_irqs_disabled());
	preempt_disable();
	is_closed = true;
	probe_runs += preempt_count() != 0;
	is_closed = false;
	arch_irq_disable();
	preempt_enable_no_resched();
}

static void
trap(void *unused)
{
	(void)unused;
	exception_probe = probe_closed;
	host_gate();
	arch_trap();
	HOST_EXPECT(!urgent_overslept());
	HOST_EXPECT(!arch_irqs_disabled());
	HOST_EXPECT(preempt_count() == 0);
	HOST_EXPECT(probe_runs == 1);
	host_stop();
}

static void
boot_trap(void)
{
	urgent_boot_asked(trap);
}

/*
 * P20: a request that an interrupt made while the exception's handler could not be preempted is
 * answered before the exception returns.
 */
START_TEST(test_exception_return_is_a_preemption_point)
{
	struct explore_scenario scenario = {
		"an exception and a request", 2, boot_trap, urgent_check_at_most_once, NULL, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return; /* nothing preempts such a kernel */
	}
	host_interrupt_seen = count_hit;
	scenario_must_hold(&scenario, LIMIT);
	host_interrupt_seen = NULL;
	printf("%u interrupts of the exception's handler\n", window_hits);
	ck_assert_uint_gt(window_hits, 0);
	scenario_must_catch(&scenario, "exception-returns-blind", "!urgent_overslept()", LIMIT);
	scenario_must_catch(&scenario, "leak-in-exception", "exception: preempt_count 00000001",
	                    LIMIT);
}
END_TEST

/* ---- accesses ---- */

static HOST_STATE uint64_t word;
static HOST_STATE bool has_read;

static void
read_words(void *unused)
{
	uint64_t value = 1;

	(void)unused;
	word = 5;
	host_gate();
	HOST_EXPECT(!arch_read_nofault((const uint64_t *)64, &value));
	HOST_EXPECT(value == 1);
	HOST_EXPECT(!arch_irqs_disabled());
	HOST_EXPECT(arch_read_nofault(&word, &value));
	HOST_EXPECT(value == 5);
	arch_irq_disable();
	preempt_disable();
	HOST_EXPECT(!arch_read_nofault((const uint64_t *)64, &value));
	HOST_EXPECT(arch_irqs_disabled());
	HOST_EXPECT(preempt_count() == (CONFIG_PREEMPT_COUNT ? PREEMPT_DISABLE_OFFSET : 0));
	preempt_enable_no_resched();
	has_read = true;
	host_stop();
}

static void
boot_reads(void)
{
	scenario_task(0, read_words, NULL);
}

static void
check_reads(void)
{
	HOST_EXPECT(has_read);
}

/* P20 (every): a read that faults says so, and the code finds count and irqs as they were. */
START_TEST(test_exception_access_is_mended)
{
	struct explore_scenario scenario = { "reads", 1, boot_reads, check_reads, NULL, 0, NULL };

	scenario_must_hold(&scenario, LIMIT);
}
END_TEST

static void
fault(void *unused)
{
	(void)unused;
	scenario_gate();
	host_exception(NULL);
}

static void
boot_fault(void)
{
	scenario_task(0, fault, NULL);
}

/* An exception that nothing mends is not passed over. */
START_TEST(test_exception_unmended_is_reported)
{
	struct explore_scenario scenario = { "a fault", 1, boot_fault, NULL, NULL, 0, NULL };

	scenario_must_fail(&scenario, "an exception that nothing mends", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("exception");
	TCase *tests = tcase_create("exception");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_exception_return_is_a_preemption_point);
	tcase_add_test(tests, test_exception_access_is_mended);
	tcase_add_test(tests, test_exception_unmended_is_reported);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
