// SPDX-License-Identifier: ISC
/*
 * Handlers with threads: that every interrupt is answered by one, that a ONESHOT line is silent
 * meanwhile, that who waits for handlers waits for their threads, and what threadirqs makes of
 * handlers that know nothing of threads.
 */
#include "guest/interrupt.h"

#include <stdio.h>
#include <string.h>

#include "guest/bottom_half.h"
#include "guest/cmdline.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT      1000000
#define DEVIATIONS 2 /* where all runs are too many: a thread and an idle loop */

#define LINE    IRQ_SOFT1
#define FIFO_50 49 /* its prio */
#define DEVICES 2

static HOST_STATE struct atomic devices[DEVICES];
static HOST_STATE struct atomic taken[DEVICES];
static HOST_STATE bool is_due[DEVICES]; /* from the handler to the end of its thread's function */
static HOST_STATE bool raises_again;    /* the thread, once */
static HOST_STATE bool is_disabled;
static HOST_STATE bool is_gone;

static unsigned int masked_hits; /* interrupts while a thread runs, over all runs */

static void
raise_line(void)
{
	unsigned long flags = arch_irq_save();

	for (unsigned int n = 0; n < DEVICES; n++) {
		atomic_fetch_add(&devices[n], 1);
	}
	arch_ipi_send(smp_processor_id(), LINE);
	arch_irq_restore(flags);
}

static enum irqreturn
wake(unsigned int irq, void *dev_id)
{
	unsigned int n = (unsigned int)((struct atomic *)dev_id - devices);

	(void)irq;
	HOST_EXPECT(in_hardirq());
	HOST_EXPECT(!is_due[n]);
	HOST_EXPECT(!is_due[1]); /* the first is asked first, and the line was silent */
	is_due[n] = true;
	return IRQ_WAKE_THREAD;
}

static enum irqreturn
take(unsigned int irq, void *dev_id)
{
	unsigned int n = (unsigned int)((struct atomic *)dev_id - devices);

	(void)irq;
	HOST_EXPECT(in_task());
	HOST_EXPECT(!arch_irqs_disabled());
	HOST_EXPECT(current->prio == FIFO_50);
	HOST_EXPECT(!is_gone);
	HOST_EXPECT(!is_disabled);
	atomic_fetch_add(&taken[n], atomic_xchg(&devices[n], 0));
	if (raises_again) {
		raises_again = false;
		raise_line();
	}
	HOST_EXPECT(!is_gone);
	is_due[n] = false;
	return IRQ_HANDLED;
}

static void
request(unsigned int n, uint32_t flags)
{
	HOST_EXPECT(request_threaded_irq(LINE, wake, take, flags, n == 0 ? "first" : "second",
	                                 &devices[n]) == 0);
}

static void
count_masked(unsigned int cpu)
{
	unsigned long flags = host_step_begin(); /* it is no part of the machine */

	masked_hits += cpu == 0 && is_due[0];
	host_step_end(flags);
}

static void
must_catch_within(struct explore_scenario scenario, const char *bug, const char *words)
{
	scenario.bug = bug;
	scenario_must_fail_within(&scenario, words, DEVIATIONS, LIMIT);
}

/* ---- every interrupt, and one at a time ---- */

static void
run_one(void *unused)
{
	(void)unused;
	request(0, IRQF_ONESHOT);
	raises_again = true;
	scenario_gate();
	raise_line();
	scenario_sleep();
}

static void
boot_one(void)
{
	preempt_model_set(CONFIG_PREEMPT_COUNT ? PREEMPT_FULL : PREEMPT_NONE);
	scenario_task(0, run_one, NULL);
}

static void
check_first(void)
{
	HOST_EXPECT(atomic_load(&taken[0]) == 2);
	HOST_EXPECT(atomic_load(&devices[0]) == 0);
	HOST_EXPECT(host_all_halted());
}

/* P32, P47: every interrupt wakes the thread, or finds it before its look at the device. */
START_TEST(test_irq_thread_answers_every_interrupt)
{
	struct explore_scenario scenario = {
		"a thread and two interrupts", 1, boot_one, check_first, NULL, 0, NULL
	};

	host_interrupt_seen = count_masked;
	scenario_must_hold(&scenario, LIMIT);
	host_interrupt_seen = NULL;
	printf("%u interrupts while the thread ran\n", masked_hits);
	ck_assert_uint_gt(masked_hits, 0);
	scenario_must_catch_late(&scenario, "test-before-state",
	                         "expected: atomic_load(&taken[0]) == 2", LIMIT);
}
END_TEST

static void
run_two(void *unused)
{
	(void)unused;
	request(0, IRQF_ONESHOT | IRQF_SHARED);
	request(1, IRQF_ONESHOT | IRQF_SHARED);
	scenario_gate();
	raise_line();
	raise_line();
	scenario_sleep();
}

static void
boot_shared(void)
{
	preempt_model_set(CONFIG_PREEMPT_COUNT ? PREEMPT_FULL : PREEMPT_NONE);
	scenario_task(0, run_two, NULL);
}

static void
check_both(void)
{
	check_first();
	HOST_EXPECT(atomic_load(&taken[1]) == 2);
}

/*
 * P47: two ONESHOT handlers share a line, on two cpus: it is silent until both threads are done,
 * also where one is done before the other was woken.
 */
START_TEST(test_irq_thread_oneshot_line_is_silent_until_all_are_done)
{
	struct explore_scenario scenario = {
		"two threads of a line", 2, boot_shared, check_both, NULL, 0, NULL
	};

	scenario_must_hold_within(&scenario, DEVIATIONS, LIMIT);
	if (CONFIG_PREEMPT_COUNT) { /* else a thread waits for the task to sleep */
		must_catch_within(scenario, "oneshot-ends-early", "expected: !is_due");
	}
}
END_TEST

/* ---- who waits ---- */

static HOST_STATE bool is_done;

static void
run_disabling(void *unused)
{
	(void)unused;
	request(0, IRQF_ONESHOT);
	scenario_gate();
	raise_line();
	disable_irq(LINE);
	is_disabled = true;
	is_done = true;
	scenario_sleep();
}

static void
run_freeing(void *unused)
{
	(void)unused;
	request(0, IRQF_ONESHOT);
	scenario_gate();
	raise_line();
	free_irq(LINE, &devices[0]);
	is_gone = true;
	is_done = true;
	scenario_sleep();
}

static void
boot_disabling(void)
{
	preempt_model_set(CONFIG_PREEMPT_COUNT ? PREEMPT_FULL : PREEMPT_NONE);
	scenario_task(0, run_disabling, NULL);
}

static void
boot_freeing(void)
{
	preempt_model_set(CONFIG_PREEMPT_COUNT ? PREEMPT_FULL : PREEMPT_NONE);
	scenario_task(0, run_freeing, NULL);
}

static void
check_done(void)
{
	HOST_EXPECT(is_done);
	HOST_EXPECT(host_all_halted());
}

/* P39, P47: disable_irq() and free_irq() wait for the thread that runs, on whichever cpu. */
START_TEST(test_irq_thread_is_waited_for)
{
	struct explore_scenario disabling = {
		"disabled while a thread runs", 2, boot_disabling, check_done, NULL, 0, NULL
	};
	struct explore_scenario freeing = {
		"freed while a thread runs", 2, boot_freeing, check_done, NULL, 0, NULL
	};

	scenario_must_hold_within(&disabling, DEVIATIONS, LIMIT);
	scenario_must_hold_within(&freeing, 1, LIMIT);
	must_catch_within(disabling, "synchronize-irq-no-threads", "expected: !is_disabled");
}
END_TEST

/* ---- threadirqs ---- */

enum place { NOWHERE, HARDIRQ, THREAD, FORCED_THREAD };

static HOST_STATE enum place handler_place;
static HOST_STATE enum place thread_place;

static enum place
where(void)
{
	if (in_hardirq()) {
		HOST_EXPECT(arch_irqs_disabled());
		return HARDIRQ;
	}
	HOST_EXPECT(in_task());
	HOST_EXPECT(current->prio == FIFO_50);
	HOST_EXPECT(strncmp(current->comm, "irq/", 4) == 0);
	HOST_EXPECT(strstr(current->comm, "-line") != NULL);
	if (!arch_irqs_disabled()) {
		HOST_EXPECT(preempt_count() == 0);
		return THREAD;
	}
	HOST_EXPECT(softirq_count() == SOFTIRQ_DISABLE_OFFSET);
	return FORCED_THREAD;
}

static enum irqreturn
note_handler(unsigned int irq, void *dev_id)
{
	(void)irq, (void)dev_id;
	handler_place = where();
	return IRQ_HANDLED;
}

static enum irqreturn
note_handler_and_wake(unsigned int irq, void *dev_id)
{
	(void)irq, (void)dev_id;
	handler_place = where();
	return IRQ_WAKE_THREAD;
}

static enum irqreturn
note_thread(unsigned int irq, void *dev_id)
{
	(void)irq, (void)dev_id;
	thread_place = where();
	return IRQ_HANDLED;
}

static const struct {
	uint32_t flags;
	irq_handler_t handler;
	irq_handler_t thread_fn;
	bool forces;
	enum place handler_runs;
	enum place thread_runs;
} forcings[] = {
	{ 0, note_handler, NULL, false, HARDIRQ, NOWHERE },
	{ 0, note_handler_and_wake, note_thread, false, HARDIRQ, THREAD },
	{ IRQF_ONESHOT, NULL, note_thread, false, NOWHERE, THREAD },
	{ 0, note_handler, NULL, true, FORCED_THREAD, NOWHERE },
	{ 0, note_handler_and_wake, note_thread, true, FORCED_THREAD, THREAD },
	{ IRQF_SHARED, note_handler_and_wake, note_thread, true, FORCED_THREAD, THREAD },
	{ IRQF_ONESHOT, note_handler_and_wake, note_thread, true, HARDIRQ, THREAD },
	{ IRQF_ONESHOT, NULL, note_thread, true, NOWHERE, THREAD },
	{ IRQF_NO_THREAD, note_handler, NULL, true, HARDIRQ, NOWHERE },
	{ IRQF_PERCPU, note_handler, NULL, true, HARDIRQ, NOWHERE },
	{ IRQF_NO_THREAD, note_handler_and_wake, note_thread, true, HARDIRQ, THREAD },
};

#define FORCING_COUNT (int)(sizeof(forcings) / sizeof(forcings[0]))

static int forcing; /* of the run that is made */

static void
run_forcing(void *unused)
{
	(void)unused;
	HOST_EXPECT(request_threaded_irq(LINE, forcings[forcing].handler,
	                                 forcings[forcing].thread_fn, forcings[forcing].flags,
	                                 "line", &devices[0]) == 0);
	scenario_gate();
	raise_line();
	scenario_take_interrupts();
	free_irq(LINE, &devices[0]);
	HOST_EXPECT(handler_place == forcings[forcing].handler_runs);
	HOST_EXPECT(thread_place == forcings[forcing].thread_runs);
	is_done = true;
	scenario_sleep();
}

static void
boot_forcing(void)
{
	boot_args.threadirqs = forcings[forcing].forces;
	preempt_model_set(CONFIG_PREEMPT_COUNT ? PREEMPT_FULL : PREEMPT_NONE);
	scenario_task(0, run_forcing, NULL);
}

/*
 * P47: under threadirqs handlers run in threads, with interrupts and bottom halves off, but those
 * that must not; a handler that has a thread of its own gets a second one for that; free_irq()
 * waits for both.
 */
START_TEST(test_irq_thread_is_forced_where_it_may_be)
{
	struct explore_scenario scenario = {
		"a handler under threadirqs", 1, boot_forcing, check_done, NULL, 0, NULL
	};

	forcing = _i;
	scenario_must_hold(&scenario, LIMIT);
	if (forcings[_i].handler_runs == FORCED_THREAD && CONFIG_PREEMPT_COUNT) {
		scenario_must_catch_late(&scenario, "forced-handler-bh-on",
		                         "softirq_count() == SOFTIRQ_DISABLE_OFFSET", LIMIT);
	}
}
END_TEST

/* ---- threads that leave something behind ---- */

static enum irqreturn
leak(unsigned int irq, void *dev_id)
{
	(void)irq, (void)dev_id;
	preempt_count_add(PREEMPT_OFFSET);
	return IRQ_HANDLED;
}

static void
run_leaking(void *unused)
{
	(void)unused;
	HOST_EXPECT(request_threaded_irq(LINE, NULL, leak, IRQF_ONESHOT, "wrong", &devices[0]) ==
	            0);
	scenario_gate();
	raise_line();
	scenario_sleep();
}

static void
boot_leaking(void)
{
	scenario_task(0, run_leaking, NULL);
}

/* P3 (every): a thread's function that leaves the count changed is named. */
START_TEST(test_irq_thread_that_leaks_is_named)
{
	struct explore_scenario scenario = {
		"a thread leaks", 1, boot_leaking, NULL, NULL, 0, NULL
	};

	scenario_must_fail(&scenario, "(wrong): preempt_count 00000001 at its end", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("irq_thread");
	TCase *tests = tcase_create("irq_thread");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_irq_thread_answers_every_interrupt);
	tcase_add_test(tests, test_irq_thread_oneshot_line_is_silent_until_all_are_done);
	tcase_add_test(tests, test_irq_thread_is_waited_for);
	tcase_add_loop_test(tests, test_irq_thread_is_forced_where_it_may_be, 0, FORCING_COUNT);
	tcase_add_test(tests, test_irq_thread_that_leaks_is_named);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
