// SPDX-License-Identifier: ISC
/*
 * NMIs: one within another, what the counter says in them, and that nothing is switched at their
 * return.
 */
#include "guest/nmi.h"

#include <stdio.h>
#include <string.h>

#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/unit/suite.h"

#define LIMIT           400000
#define SUITE_TIMEOUT_S 120

static unsigned int window_hits; /* over all runs of a scenario */

/* ---- the latch ---- */

#define SENDS 3u

static HOST_STATE struct atomic sent;
static HOST_STATE uint32_t seen;
static HOST_STATE bool inside;

/* Window: another NMI comes after this one's look. */
static void
look_and_unblock(void)
{
	HOST_EXPECT(!inside);
	inside = true;
	seen = atomic_load(&sent);
	host_nmi_unblock();
	window_hits += this_cpu_read(nmi_state) == NMI_LATCHED;
	inside = false;
}

static void
send_nmis(void *arg)
{
	(void)arg;
	host_gate();
	for (uint32_t n = 1; n <= SENDS; n++) {
		atomic_store_mb(&sent, n);
		host_nmi_send(0);
	}
	host_stop();
}

static void
take_nmis(void *arg)
{
	(void)arg;
	host_gate();
	host_stop();
}

static void
boot_latch(void)
{
	scenario_task(0, take_nmis, NULL);
	scenario_task(1, send_nmis, NULL);
}

static void
check_latch(void)
{
	HOST_EXPECT(seen == atomic_load(&sent));
	HOST_EXPECT(this_cpu_read(nmi_state) == NMI_NOT_RUNNING);
	HOST_EXPECT(preempt_count() == 0);
}

/*
 * P45: an exception in an NMI's handler lets the next one in. It does not run within the first, and
 * whatever it was sent for is looked at after it has come.
 */
START_TEST(test_nmi_within_nmi_is_not_lost)
{
	struct explore_scenario scenario = {
		"NMIs in an NMI", 2, boot_latch, check_latch, NULL, 0, NULL
	};

	host_nmi_handler = look_and_unblock;
	window_hits = 0;
	scenario_must_hold(&scenario, LIMIT);
	printf("window: latched, hit %u times\n", window_hits);
	ck_assert_uint_gt(window_hits, 0);
	scenario_must_catch(&scenario, "nmi-latch-reset", "seen ==", LIMIT);
}
END_TEST

/* ---- the counter ---- */

static const uint32_t contexts[] = {
	0,
	PREEMPT_OFFSET,
	SOFTIRQ_DISABLE_OFFSET,
	SOFTIRQ_OFFSET,
	SOFTIRQ_OFFSET + SOFTIRQ_DISABLE_OFFSET,
	HARDIRQ_OFFSET,
	SOFTIRQ_OFFSET + HARDIRQ_OFFSET,
	SOFTIRQ_OFFSET + SOFTIRQ_DISABLE_OFFSET + HARDIRQ_OFFSET + 3 * PREEMPT_OFFSET,
	NMI_MASK - NMI_OFFSET + HARDIRQ_MASK - HARDIRQ_OFFSET + SOFTIRQ_MASK,
};

#define CONTEXT_COUNT (sizeof(contexts) / sizeof(contexts[0]))

static HOST_STATE uint32_t interrupted; /* the count that it is */
static HOST_STATE unsigned int nmis;

static void
go_up_and_down(uint32_t value)
{
	uint32_t count = preempt_count();

	preempt_count_add(value);
	HOST_EXPECT(preempt_count() == count + value);
	HOST_EXPECT(in_nmi());
	preempt_count_sub(value);
	HOST_EXPECT(preempt_count() == count);
}

/* Nothing here may read the highest bits as a sign, and no enable may switch. */
static void
look_at_the_count(void)
{
	HOST_EXPECT(preempt_count() == interrupted + NMI_OFFSET + HARDIRQ_OFFSET);
	HOST_EXPECT(in_nmi());
	HOST_EXPECT(in_hardirq());
	HOST_EXPECT(in_atomic());
	HOST_EXPECT(!in_task());
	HOST_EXPECT(!preemptible());
	HOST_EXPECT(in_serving_softirq() == !!(interrupted & SOFTIRQ_OFFSET));
	HOST_EXPECT(softirq_count() == (interrupted & SOFTIRQ_MASK));
	HOST_EXPECT(irq_count() == (preempt_count() & ~PREEMPT_MASK));
	HOST_EXPECT(interrupt_context_level() == 3);
	go_up_and_down(PREEMPT_OFFSET);
	if (!(interrupted & NMI_MASK)) {
		go_up_and_down(SOFTIRQ_DISABLE_OFFSET);
		go_up_and_down(HARDIRQ_OFFSET);
		go_up_and_down(NMI_OFFSET);
	}
	set_tsk_need_resched(current);
	set_preempt_need_resched();
	preempt_disable();
	preempt_enable();
	clear_tsk_need_resched(current);
	clear_preempt_need_resched();
	nmis++;
}

static void
be_interrupted_in_each(void *arg)
{
	(void)arg;
	host_gate();
	arch_irq_disable();
	for (size_t n = 0; n < CONTEXT_COUNT; n++) {
		interrupted = contexts[n];
		preempt_count_add(interrupted & PREEMPT_MASK);
		preempt_count_add(interrupted & SOFTIRQ_MASK);
		preempt_count_add(interrupted & HARDIRQ_MASK);
		preempt_count_add(interrupted & NMI_MASK);
		host_nmi_send(0);
		while (nmis == n) { /* bounded: it comes */
			(void)atomic_load(&sent);
			arch_cpu_relax();
		}
		HOST_EXPECT(preempt_count() == interrupted);
		preempt_count_sub(interrupted & NMI_MASK);
		preempt_count_sub(interrupted & HARDIRQ_MASK);
		preempt_count_sub(interrupted & SOFTIRQ_MASK);
		preempt_count_sub(interrupted & PREEMPT_MASK);
	}
	host_stop();
}

static void
boot_contexts(void)
{
	scenario_task(0, be_interrupted_in_each, NULL);
}

/*
 * P7, P10, J8: every predicate, every change of the count, and an enable with a request, in an NMI
 * within each context.
 */
START_TEST(test_nmi_predicates_tell_an_nmi)
{
	host_nmi_handler = look_at_the_count;
	scenario_must_hold(&(struct explore_scenario){ "predicates, NMI", 1, boot_contexts, NULL,
	                                               NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* ---- the return ---- */

static HOST_STATE bool offers;
static HOST_STATE bool asked;

/* As code must not do, which goes through an irq_work: the request itself. */
static void
ask(void)
{
	if (!offers) {
		return;
	}
	asked = true;
	set_tsk_need_resched(current);
	set_preempt_need_resched();
}

/* Window: the request is there before the place that may answer it. */
static void
offer_one_place(void *arg)
{
	bool before;

	(void)arg;
	host_gate();
	arch_irq_disable();
	urgent_make_ready();
	arch_irq_enable();
	offers = true;
	HOST_EXPECT(!need_resched() || asked);
	before = asked;
	HOST_EXPECT(urgent_runs == 0);
	if (before) {
		window_hits++;
		preempt_disable();
		preempt_enable();
		HOST_EXPECT(urgent_runs == 1);
		HOST_EXPECT(!need_resched());
	}
	host_stop();
}

static void
send_one_nmi(void *arg)
{
	(void)arg;
	host_gate();
	host_nmi_send(0);
	host_stop();
}

static void
boot_return(void)
{
	preempt_model_set(PREEMPT_FULL);
	urgent_boot();
	scenario_fifo_task(0, 10, offer_one_place, NULL);
	scenario_task(1, send_one_nmi, NULL);
}

/*
 * P45: a request that an NMI leaves behind, with interrupts on and the count 0, is not met at its
 * return, but at the next place for it.
 */
START_TEST(test_nmi_return_never_switches)
{
	struct explore_scenario scenario = {
		"a request from an NMI", 2, boot_return, NULL, NULL, 0, NULL
	};

	if (!scenario_has_model(PREEMPT_FULL)) {
		return;
	}
	host_nmi_handler = ask;
	window_hits = 0;
	scenario_must_hold(&scenario, LIMIT);
	printf("window: asked before the place, hit %u times\n", window_hits);
	ck_assert_uint_gt(window_hits, 0);
	scenario_must_catch(&scenario, "nmi-reschedules", "urgent_runs == 0", LIMIT);
}
END_TEST

/* ---- nobody's ---- */

static const char *const words = "cpu 0: NMI of unknown origin: ignored, as others will be\n";

static void
send_two(void *unused)
{
	(void)unused;
	host_gate();
	host_nmi_send(0);
	host_nmi_send(0);
	host_stop();
}

static void
boot_unknown(void)
{
	scenario_task(0, take_nmis, NULL);
	scenario_task(1, send_two, NULL);
}

static void
check_said_once(void)
{
	HOST_EXPECT(strcmp(host_console(), words) == 0);
	HOST_EXPECT(this_cpu_read(nmi_state) == NMI_NOT_RUNNING);
	HOST_EXPECT(preempt_count() == 0);
}

/* An NMI that no handler takes for its own is said, once, and does no harm. */
START_TEST(test_nmi_of_unknown_origin_is_said_once)
{
	static const struct explore_scenario scenario = {
		"NMIs that nobody sent", 2, boot_unknown, check_said_once, NULL, 0, NULL
	};

	host_nmi_handler = NULL;
	scenario_must_hold(&scenario, LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("nmi");
	TCase *tests = tcase_create("nmi");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_nmi_within_nmi_is_not_lost);
	tcase_add_test(tests, test_nmi_predicates_tell_an_nmi);
	tcase_add_test(tests, test_nmi_return_never_switches);
	tcase_add_test(tests, test_nmi_of_unknown_origin_is_said_once);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
