// SPDX-License-Identifier: ISC
/*
 * Bottom halves off and on: what the count says meanwhile, where a request is answered, and what
 * may not be done. The local locks' debug check is tried here too.
 */
#include "guest/bottom_half.h"

#include <stdio.h>

#include "guest/irq.h"
#include "guest/local_lock.h"
#include "guest/sched.h"
#include "guest/spinlock.h"
#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/unit/suite.h"

#define LIMIT 100000

static HOST_STATE struct spinlock lock;
static HOST_STATE struct timer timer;

/* ---- the preemption point ---- */

static HOST_STATE bool is_enabling;
static unsigned int window_hits; /* interrupts between the two steps, over all runs */

/* Between them the count says 1, which nothing else here does. */
static void
note_window(unsigned int cpu)
{
	window_hits += cpu == 0 && is_enabling && preempt_count() == PREEMPT_OFFSET;
}

/* Where several nest, the last enable is the place. */
static void
enable_from_three(void *arg)
{
	unsigned int before;
	bool asked;

	(void)arg;
	host_gate();
	local_bh_disable();
	before = urgent_runs;
	local_bh_disable();
	spin_lock_bh(&lock);
	HOST_EXPECT(preempt_count() == 2 * SOFTIRQ_DISABLE_OFFSET + SOFTIRQ_LOCK_OFFSET);
	spin_unlock_bh(&lock);
	HOST_EXPECT(urgent_runs == before);
	local_bh_enable();
	asked = urgent_overslept();
	HOST_EXPECT(urgent_runs == before);
	is_enabling = true;
	local_bh_enable();
	is_enabling = false;
	HOST_EXPECT(!asked || urgent_runs == 1);
	HOST_EXPECT(!urgent_overslept());
	HOST_EXPECT(preempt_count() == 0);
	host_stop();
}

static void
boot_three(void)
{
	urgent_boot_asked(enable_from_three);
}

/*
 * P5, P44: wherever in three disables and three enables the interrupt comes, between the two steps
 * of an enable too, the outermost enable is the place, once.
 */
START_TEST(test_bh_outermost_enable_switches)
{
	struct explore_scenario scenario = { "bottom halves off three times",
		                             2,
		                             boot_three,
		                             urgent_check_at_most_once,
		                             NULL,
		                             0,
		                             NULL };

	if (!CONFIG_PREEMPT_COUNT) {
		return; /* nothing preempts such a kernel */
	}
	host_interrupt_seen = note_window;
	scenario_must_hold(&scenario, LIMIT);
	host_interrupt_seen = NULL;
	printf("%u interrupts between the steps\n", window_hits);
	ck_assert_uint_gt(window_hits, 0);
	scenario_must_catch(&scenario, "bh-enable-unasked", "!urgent_overslept()", LIMIT);
}
END_TEST

/* ---- predicates ---- */

static HOST_STATE bool looked_in_irq;
static HOST_STATE bool looked_in_nmi;

static void
look_in_irq(struct timer *self)
{
	(void)self;
	HOST_EXPECT(in_hardirq());
	HOST_EXPECT(!in_task());
	HOST_EXPECT(!in_serving_softirq());
	HOST_EXPECT(softirq_count() == SOFTIRQ_DISABLE_OFFSET);
	HOST_EXPECT(irq_count() == HARDIRQ_OFFSET + SOFTIRQ_DISABLE_OFFSET);
	HOST_EXPECT(interrupt_context_level() == 2);
	looked_in_irq = true;
}

static void
look_in_nmi(void)
{
	HOST_EXPECT(in_nmi());
	HOST_EXPECT(!in_task());
	HOST_EXPECT(!in_serving_softirq());
	HOST_EXPECT(softirq_count() == SOFTIRQ_DISABLE_OFFSET);
	HOST_EXPECT(interrupt_context_level() == 3);
	looked_in_nmi = true;
}

static void
look_in_task(void *arg)
{
	(void)arg;
	timer_init(&timer, look_in_irq);
	scenario_gate();
	local_bh_disable();
	HOST_EXPECT(!in_serving_softirq());
	HOST_EXPECT(in_task());
	HOST_EXPECT(!in_hardirq());
	HOST_EXPECT(softirq_count() == SOFTIRQ_DISABLE_OFFSET);
	HOST_EXPECT(irq_count() == SOFTIRQ_DISABLE_OFFSET);
	HOST_EXPECT(in_atomic());
	HOST_EXPECT(!preemptible());
	HOST_EXPECT(interrupt_context_level() == 0);
	timer_start(&timer, 0);
	host_nmi_send(0);
	scenario_take_interrupts();
	HOST_EXPECT(looked_in_irq);
	HOST_EXPECT(looked_in_nmi);
	local_bh_enable();
	HOST_EXPECT(softirq_count() == 0);
	host_stop();
}

static void
boot_look(void)
{
	host_nmi_handler = look_in_nmi;
	scenario_task(0, look_in_task, NULL);
}

/* P7: code with bottom halves off is a task's, with interrupts and NMIs on it or without. */
START_TEST(test_bh_predicates_tell_a_task)
{
	struct explore_scenario scenario = {
		"predicates, bottom halves off", 1, boot_look, NULL, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch_late(&scenario, "bh-as-softirq", "!in_serving_softirq()", LIMIT);
}
END_TEST

/* ---- what may not be done ---- */

/* A section of its own, whose ends the linker marks: where a reported address must lie. */
extern const char __start_leaker_bh[];
extern const char __stop_leaker_bh[];

static __attribute__((noinline, section("leaker_bh"))) void
leak(void)
{
	local_bh_disable();
	barrier(); /* no tail call: the address must be ours */
}

static void
leak_and_schedule(void)
{
	leak();
	HOST_EXPECT(preempt_disable_ip() >= (uintptr_t)__start_leaker_bh);
	HOST_EXPECT(preempt_disable_ip() < (uintptr_t)__stop_leaker_bh);
	schedule();
}

static void
leak_and_end(void)
{
	leak();
	task_check_end();
}

static void
sleep_with_bh_off(void)
{
	local_bh_disable();
	might_sleep();
}

static void
leak_in_timer(struct timer *self)
{
	(void)self;
	leak();
}

static void
enable_in_timer(struct timer *self)
{
	(void)self;
	arch_irq_enable();
	local_bh_enable();
}

static void
take_timer(void (*fn)(struct timer *))
{
	timer_init(&timer, fn);
	timer_start(&timer, 0);
	scenario_take_interrupts();
}

static void
leak_in_hardirq(void)
{
	take_timer(leak_in_timer);
}

static void
enable_in_hardirq(void)
{
	local_bh_disable();
	take_timer(enable_in_timer);
}

static void
enable_irqs_off(void)
{
	local_bh_disable();
	arch_irq_disable();
	local_bh_enable();
}

static void
enable_at_zero(void)
{
	local_bh_enable();
}

static void
enable_a_softirq(void)
{
	preempt_count_add(SOFTIRQ_OFFSET);
	local_bh_enable();
}

static void
unlock_without_lock(void)
{
	local_bh_disable();
	hold_end_bh(); /* more than there is: the last step finds it */
}

static void
disable_too_often(void)
{
	for (unsigned int n = 0; n < 128; n++) {
		local_bh_disable();
	}
}

/* Of cpu 0, whose per-CPU area is where the linker put it. */
static HOST_STATE struct local_lock local;

static void
take_local_in_timer(struct timer *self)
{
	(void)self;
	local_lock(&local);
}

static void
local_lock_interrupted(void)
{
	local_lock(&local);
	take_timer(take_local_in_timer);
}

static void
local_lock_twice(void)
{
	local_lock(&local);
	local_lock(&local);
}

static void
local_unlock_only(void)
{
	preempt_disable();
	local_unlock(&local);
}

static const struct fault {
	const char *name;
	void (*commit)(void);
	const char *words;
	bool of_count; /* what it breaks is there only with PREEMPT_COUNT */
} faults[] = {
	{ "schedule, bh off", leak_and_schedule, "scheduling while atomic", false },
	{ "the end of a task, bh off", leak_and_end, "preempt_count", false },
	{ "might_sleep, bh off", sleep_with_bh_off, "sleeping function called", false },
	{ "a timer leaves bh off", leak_in_hardirq, "timer function", false },
	{ "local_bh_enable in hardirq", enable_in_hardirq, "failed: !(count & HARDIRQ_MASK)",
	  false },
	{ "local_bh_enable, irqs off", enable_irqs_off, "failed: !arch_irqs_disabled()", false },
	{ "local_bh_enable, bh on", enable_at_zero, "failed: count & (SOFTIRQ_MASK", false },
	{ "local_bh_enable, serving", enable_a_softirq, "failed: count & (SOFTIRQ_MASK", false },
	{ "spin_unlock_bh, not locked", unlock_without_lock, "underflows: preempt - 1", true },
	{ "local_bh_disable, 128 times", disable_too_often, "overflows: softirq + 200", false },
	{ "local_lock, twice", local_lock_twice, "failed: own->owner == NULL", false },
	{ "local_lock, in an interrupt", local_lock_interrupted, "failed: own->owner == NULL",
	  false },
	{ "local_unlock, not locked", local_unlock_only, "failed: own->owner == current", false },
};

#define FAULT_COUNT (int)(sizeof(faults) / sizeof(faults[0]))

static const struct fault *fault; /* of the run */

static void
run_fault(void *arg)
{
	(void)arg;
	scenario_gate();
	fault->commit();
	host_stop();
}

static void
boot_fault(void)
{
	scenario_task(0, run_fault, NULL);
}

/* P2, P3, P10: each misuse stops the kernel, at once or at the first boundary that owns it. */
START_TEST(test_bh_misuse_stops)
{
	fault = &faults[_i];
	if (fault->of_count && !CONFIG_PREEMPT_COUNT) {
		return;
	}
	scenario_must_fail(
		&(struct explore_scenario){ fault->name, 1, boot_fault, NULL, NULL, 0, NULL },
		fault->words, LIMIT);
}
END_TEST

/* ---- local locks ---- */

static void
unlock_local_in_timer(struct timer *self)
{
	(void)self;
	local_lock(&local);
	local_unlock(&local);
}

static void
run_local_irq(void *arg)
{
	(void)arg;
	scenario_gate();
	timer_init(&timer, unlock_local_in_timer);
	timer_start(&timer, 0);
	local_lock_irq(&local);
	local_unlock_irq(&local);
	local_unlock_irqrestore(&local, local_lock_irqsave(&local));
	scenario_take_interrupts();
	HOST_EXPECT(local.owner == NULL);
	host_stop();
}

static void
boot_local_irq(void)
{
	scenario_task(0, run_local_irq, NULL);
}

/* An interrupt that takes a local lock is kept out by the _irq and _irqsave forms. */
START_TEST(test_local_lock_irq_forms_keep_interrupts_out)
{
	scenario_must_hold(&(struct explore_scenario){ "local_lock_irq and an interrupt", 1,
	                                               boot_local_irq, NULL, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("bottom halves");
	TCase *tests = tcase_create("bottom halves");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_bh_outermost_enable_switches);
	tcase_add_test(tests, test_bh_predicates_tell_a_task);
	tcase_add_loop_test(tests, test_bh_misuse_stops, 0, FAULT_COUNT);
	tcase_add_test(tests, test_local_lock_irq_forms_keep_interrupts_out);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
