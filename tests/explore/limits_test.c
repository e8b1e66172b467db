// SPDX-License-Identifier: ISC
/*
 * The limits of the counter's fields: all that fits is taken, the first change that does not fit is
 * refused.
 */
#include "guest/preempt.h"

#include "guest/nmi.h"
#include "guest/sched.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 40000

#define PREEMPT_LIMIT 244u /* disables that nest */
#define NEST_LIMIT    15u  /* hard interrupts, NMIs */

/* One more than fits. */
static void
exceed_preempt(void)
{
	for (unsigned int i = 0; i <= PREEMPT_LIMIT; i++) {
		preempt_count_add(PREEMPT_OFFSET);
	}
}

static void
exceed_softirq(void)
{
	for (unsigned int i = 0; i < 0x80; i++) {
		preempt_count_add(2 * SOFTIRQ_OFFSET);
	}
}

static void
exceed_hardirq(void)
{
	for (unsigned int i = 0; i <= NEST_LIMIT; i++) {
		preempt_count_add(HARDIRQ_OFFSET);
	}
}

static void
exceed_nmi(void)
{
	for (unsigned int i = 0; i <= NEST_LIMIT; i++) {
		preempt_count_add(NMI_OFFSET);
	}
}

static void
nest_nmis(void)
{
	for (unsigned int i = 0; i <= NEST_LIMIT; i++) {
		nmi_enter();
	}
}

static void
enable_at_zero(void)
{
	preempt_count_sub(PREEMPT_OFFSET);
}

static void
end_softirq_at_zero(void)
{
	preempt_count_add(PREEMPT_OFFSET);
	preempt_count_sub(SOFTIRQ_OFFSET);
}

static void
end_hardirq_at_zero(void)
{
	preempt_count_add(NMI_OFFSET); /* what a wider subtraction would borrow from */
	preempt_count_sub(HARDIRQ_OFFSET);
}

static void
end_nmi_at_zero(void)
{
	preempt_count_add(HARDIRQ_OFFSET);
	preempt_count_sub(NMI_OFFSET);
}

/* The field is empty, the count is not: a borrow from the next field. */
static void
enable_in_hardirq(void)
{
	preempt_count_add(HARDIRQ_OFFSET);
	preempt_count_sub(PREEMPT_OFFSET);
}

/* The highest bits of the count, with the folded bit set and clear. */
static void
fill_nmi(void)
{
	preempt_count_add(NMI_MASK + HARDIRQ_MASK);
}

static void
exceed_preempt_in_nmi(void)
{
	fill_nmi();
	exceed_preempt();
}

static void
enable_in_nmi(void)
{
	fill_nmi();
	set_preempt_need_resched();
	preempt_count_sub(PREEMPT_OFFSET);
}

static const struct wrong_count {
	const char *name;
	void (*commit)(void);
	const char *words;
	bool is_underflow;
} wrong_counts[] = {
	{ "the 245th disable", exceed_preempt, "preempt_count 000000f4 overflows: preempt + 1",
	  false },
	{ "the 128th bottom half off", exceed_softirq,
	  "preempt_count 0000fe00 overflows: softirq + 200", false },
	{ "the 16th hard interrupt", exceed_hardirq,
	  "preempt_count 000f0000 overflows: hardirq + 10000", false },
	{ "the 16th NMI", exceed_nmi, "preempt_count 00f00000 overflows: nmi + 100000", false },
	{ "the 245th disable, in NMI", exceed_preempt_in_nmi,
	  "preempt_count 00ff00f4 overflows: preempt + 1", false },
	{ "an enable at zero", enable_at_zero, "preempt_count 00000000 underflows: preempt - 1",
	  true },
	{ "a softirq's end at none", end_softirq_at_zero,
	  "preempt_count 00000001 underflows: softirq - 100", true },
	{ "an interrupt's end at none", end_hardirq_at_zero,
	  "preempt_count 00100000 underflows: hardirq - 10000", true },
	{ "an NMI's end at none", end_nmi_at_zero,
	  "preempt_count 00010000 underflows: nmi - 100000", true },
	{ "an enable too many in a hard interrupt", enable_in_hardirq,
	  "preempt_count 00010000 underflows: preempt - 1", true },
	{ "an enable too many in NMI", enable_in_nmi,
	  "preempt_count 00ff0000 underflows: preempt - 1", true },
};

#define WRONG_COUNT_COUNT (int)(sizeof(wrong_counts) / sizeof(wrong_counts[0]))

static const struct wrong_count *wrong;

/* Interrupts are off: nothing else looks at the count meanwhile. */
static void
commit_wrong_count(void *arg)
{
	(void)arg;
	host_gate();
	arch_irq_disable();
	wrong->commit();
	host_fail("%s went unseen", wrong->is_underflow ? "an underflow" : "an overflow");
}

static void
boot_wrong_count(void)
{
	scenario_task(0, commit_wrong_count, NULL);
}

/* P10: the first change that does not fit is refused, in every field, whatever the others hold. */
START_TEST(test_counter_overflow_and_underflow_are_refused)
{
	struct explore_scenario scenario = {
		wrong_counts[_i].name, 1, boot_wrong_count, NULL, NULL, 0, NULL
	};

	wrong = &wrong_counts[_i];
	scenario_must_fail(&scenario, wrong->words, LIMIT);
	scenario.bug = wrong->is_underflow ? "underflow-unseen" : "overflow-unseen";
	scenario_must_fail(&scenario,
	                   wrong->is_underflow ? "an underflow went unseen"
	                                       : "an overflow went unseen",
	                   LIMIT);
}
END_TEST

/* P10: nesting of NMIs ends at its own assertion, before the count does. */
START_TEST(test_counter_sixteenth_nmi_is_refused)
{
	static const struct wrong_count nesting = { .commit = nest_nmis };

	wrong = &nesting;
	scenario_must_fail(&(struct explore_scenario){ "16 NMIs in each other", 1, boot_wrong_count,
	                                               NULL, NULL, 0, NULL },
	                   "assertion failed: (count & NMI_MASK) != NMI_MASK", LIMIT);
}
END_TEST

static void
up_and_down(uint32_t value, unsigned int times)
{
	uint32_t before = preempt_count();

	for (unsigned int i = 1; i <= times; i++) {
		preempt_count_add(value);
		HOST_EXPECT(preempt_count() == before + i * value);
	}
	for (unsigned int i = 0; i < times; i++) {
		preempt_count_sub(value);
	}
	HOST_EXPECT(preempt_count() == before);
}

/* J6, J8: no comparison takes the highest bits for a sign. */
static void
fill_each_field(void)
{
	up_and_down(PREEMPT_OFFSET, PREEMPT_LIMIT);
	up_and_down(2 * SOFTIRQ_OFFSET, 0x7f);
	up_and_down(HARDIRQ_OFFSET, NEST_LIMIT);
	up_and_down(NMI_OFFSET + HARDIRQ_OFFSET, NEST_LIMIT);
	preempt_count_add(NMI_MASK + HARDIRQ_MASK);
	up_and_down(PREEMPT_OFFSET, PREEMPT_LIMIT);
	up_and_down(2 * SOFTIRQ_OFFSET, 0x7f);
	HOST_EXPECT(in_nmi());
	HOST_EXPECT(in_atomic());
	HOST_EXPECT(!in_task());
	preempt_count_sub(NMI_MASK + HARDIRQ_MASK);
}

static void
fill_fields(void *arg)
{
	(void)arg;
	host_gate();
	arch_irq_disable();
	fill_each_field();
	atomic_fetch_or(&current->flags, TIF_NEED_RESCHED);
	set_preempt_need_resched();
	fill_each_field();
	HOST_EXPECT(test_preempt_need_resched());
	arch_irq_enable();
	scenario_sleep();
}

static void
boot_fill(void)
{
	scenario_task(0, fill_fields, NULL);
}

/* P10: each field takes all that fits, with the highest bits set and the folded bit either way. */
START_TEST(test_counter_fields_take_what_fits)
{
	scenario_must_hold(&(struct explore_scenario){ "each field filled", 1, boot_fill, NULL,
	                                               NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("limits");
	TCase *tests = tcase_create("limits");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_loop_test(tests, test_counter_overflow_and_underflow_are_refused, 0,
	                    WRONG_COUNT_COUNT);
	tcase_add_test(tests, test_counter_sixteenth_nmi_is_refused);
	tcase_add_test(tests, test_counter_fields_take_what_fits);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
