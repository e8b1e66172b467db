// SPDX-License-Identifier: ISC
/*
 * Handlers of lines: that none runs twice at a time, while its line is disabled, or when it has
 * been freed, and that no interrupt is lost by all that. The device is a word: who raises the line
 * adds to it before, and a handler takes all of it.
 */
#include "guest/interrupt.h"

#include <stdio.h>
#include <string.h>

#include "guest/errno.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 2000000

#define LINE IRQ_SOFT0

static HOST_STATE struct atomic device;
static HOST_STATE struct atomic taken;
static HOST_STATE unsigned int inside;
static HOST_STATE bool is_disabled;
static HOST_STATE bool is_gone;

static void
raise_line(unsigned int cpu)
{
	unsigned long flags = arch_irq_save();

	atomic_fetch_add(&device, 1);
	arch_ipi_send(cpu, LINE);
	arch_irq_restore(flags);
}

/* It holds the line for two steps, between which others may come. */
static enum irqreturn
take(unsigned int irq, void *dev_id)
{
	uint32_t found;

	HOST_EXPECT(irq == LINE);
	HOST_EXPECT(dev_id == &device);
	HOST_EXPECT(in_hardirq());
	HOST_EXPECT(!is_disabled);
	HOST_EXPECT(!is_gone);
	HOST_EXPECT(inside == 0);
	inside++;
	found = atomic_xchg(&device, 0);
	atomic_fetch_add(&taken, found);
	HOST_EXPECT(!is_disabled);
	HOST_EXPECT(!is_gone);
	inside--;
	return found != 0 ? IRQ_HANDLED : IRQ_NONE;
}

/* This cpu does nothing any more but take interrupts. */
static _Noreturn void
rest(void)
{
	for (;;) { /* forever: until nothing more happens */
		arch_irq_disable();
		arch_safe_halt();
	}
}

static void
request(void)
{
	HOST_EXPECT(request_irq(LINE, take, 0, "line", &device) == 0);
}

static void
check_taken(unsigned int wanted)
{
	HOST_EXPECT(atomic_load(&taken) == wanted);
	HOST_EXPECT(atomic_load(&device) == 0);
}

/* ---- in progress ---- */

static unsigned int both_hits; /* interrupts while the other cpu runs the handler, over all runs */

static void
count_both(unsigned int cpu)
{
	unsigned long flags = host_step_begin(); /* it is no part of the machine */

	(void)cpu;
	both_hits += inside != 0;
	host_step_end(flags);
}

static void
run_requesting(void *unused)
{
	(void)unused;
	request();
	scenario_gate();
	raise_line(0);
	rest();
}

static void
run_raising_here(void *unused)
{
	(void)unused;
	scenario_gate();
	raise_line(1);
	rest();
}

static void
boot_both(void)
{
	scenario_task(0, run_requesting, NULL);
	scenario_task(1, run_raising_here, NULL);
}

static void
check_both(void)
{
	check_taken(2);
}

/*
 * P47: of a line that comes on two cpus one runs the handler, and none is lost: what comes while it
 * runs makes it run again.
 */
START_TEST(test_interrupt_on_two_cpus_is_handled_by_one)
{
	struct explore_scenario scenario = {
		"a line on two cpus", 2, boot_both, check_both, NULL, 0, NULL
	};

	host_interrupt_seen = count_both;
	scenario_must_hold(&scenario, LIMIT);
	host_interrupt_seen = NULL;
	printf("%u interrupts while the other cpu was in the handler\n", both_hits);
	ck_assert_uint_gt(both_hits, 0);
	scenario_must_catch(&scenario, "irq-lost-in-progress",
	                    "expected: atomic_load(&taken) == wanted", LIMIT);
}
END_TEST

/* ---- disabled, freed ---- */

static void
run_disabling(void *unused)
{
	(void)unused;
	request();
	scenario_gate();
	disable_irq(LINE);
	is_disabled = true;
	disable_irq_nosync(LINE);
	enable_irq(LINE);
	is_disabled = false;
	enable_irq(LINE);
	rest();
}

static void
boot_disabling(void)
{
	scenario_task(0, run_disabling, NULL);
	scenario_task(1, run_raising_here, NULL);
}

static void
check_one(void)
{
	check_taken(1);
}

/*
 * P47: between disable_irq() and the last enable_irq() no handler runs, on no cpu, and what came
 * meanwhile comes afterwards.
 */
START_TEST(test_interrupt_disabled_line_is_kept_back)
{
	struct explore_scenario scenario = {
		"a line is disabled", 2, boot_disabling, check_one, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "enable-irq-forgets",
	                    "expected: atomic_load(&taken) == wanted", LIMIT);
	scenario_must_catch(&scenario, "synchronize-irq-blind", "expected: !is_disabled", LIMIT);
}
END_TEST

static void
run_freeing(void *unused)
{
	(void)unused;
	request();
	scenario_gate();
	free_irq(LINE, &device);
	is_gone = true;
	rest();
}

static void
boot_freeing(void)
{
	scenario_task(0, run_freeing, NULL);
	scenario_task(1, run_raising_here, NULL);
}

static void
check_freed(void)
{
	HOST_EXPECT(atomic_load(&taken) + atomic_load(&device) == 1);
}

/* P47: free_irq() returns when no handler runs, and none runs afterwards. */
START_TEST(test_interrupt_freed_handler_is_gone)
{
	struct explore_scenario scenario = {
		"a handler is freed", 2, boot_freeing, check_freed, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "synchronize-irq-blind", "expected: !is_gone", LIMIT);
}
END_TEST

/* ---- shared lines ---- */

static HOST_STATE unsigned int first_runs;
static HOST_STATE unsigned int second_runs;
static HOST_STATE int second_device;
static HOST_STATE bool is_done;

static enum irqreturn
count_first(unsigned int irq, void *dev_id)
{
	(void)irq, (void)dev_id;
	first_runs++;
	return IRQ_HANDLED;
}

static enum irqreturn
count_second(unsigned int irq, void *dev_id)
{
	(void)irq;
	HOST_EXPECT(dev_id == &second_device);
	second_runs++;
	return IRQ_NONE;
}

/* So many interrupts, in one step. */
static void
pass_interrupts(unsigned int count)
{
	unsigned long flags = host_step_begin();

	preempt_count_add(HARDIRQ_OFFSET);
	for (unsigned int n = 0; n < count; n++) {
		handle_line(LINE);
	}
	preempt_count_sub(HARDIRQ_OFFSET);
	host_step_end(flags);
}

static void
run_sharing(void *unused)
{
	(void)unused;
	scenario_gate();
	HOST_EXPECT(request_irq(LINE, count_first, IRQF_SHARED, "first", NULL) == -EINVAL);
	HOST_EXPECT(request_threaded_irq(LINE, NULL, NULL, IRQF_ONESHOT, "", &device) == -EINVAL);
	HOST_EXPECT(request_threaded_irq(LINE, NULL, count_first, 0, "", &device) == -EINVAL);
	HOST_EXPECT(request_irq(LINE, count_first, IRQF_SHARED, "first", &device) == 0);
	HOST_EXPECT(request_irq(LINE, count_second, 0, "second", &second_device) == -EBUSY);
	HOST_EXPECT(request_irq(LINE, count_second, IRQF_SHARED | IRQF_PERCPU, "second",
	                        &second_device) == -EBUSY);
	HOST_EXPECT(request_threaded_irq(LINE, count_second, count_second,
	                                 IRQF_SHARED | IRQF_ONESHOT, "second",
	                                 &second_device) == -EBUSY);
	HOST_EXPECT(request_irq(LINE, count_second, IRQF_SHARED, "second", &second_device) == 0);
	pass_interrupts(1);
	HOST_EXPECT(first_runs == 1);
	HOST_EXPECT(second_runs == 1);
	free_irq(LINE, &device);
	pass_interrupts(1);
	HOST_EXPECT(first_runs == 1);
	HOST_EXPECT(second_runs == 2);
	HOST_EXPECT(request_irq(LINE, count_first, IRQF_SHARED, "first", &device) == 0);
	free_irq(LINE, &device); /* not the first of the line this time */
	pass_interrupts(1);
	HOST_EXPECT(first_runs == 1);
	HOST_EXPECT(second_runs == 3);
	free_irq(LINE, &second_device);
	pass_interrupts(1);
	HOST_EXPECT(second_runs == 3);
	/* What comes before anybody wants it is kept for whoever does. */
	HOST_EXPECT(request_irq(LINE, count_first, 0, "first", &device) == 0);
	scenario_take_interrupts();
	HOST_EXPECT(first_runs == 2);
	is_done = true;
	host_stop();
}

static void
boot_sharing(void)
{
	scenario_task(0, run_sharing, NULL);
}

static void
check_done(void)
{
	HOST_EXPECT(is_done);
}

/* P47 (every): a line is shared by all or by none, and then all are asked. */
START_TEST(test_interrupt_shared_line_asks_all)
{
	struct explore_scenario scenario = {
		"a line is shared", 1, boot_sharing, check_done, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "shared-irq-disagrees", "-EBUSY", LIMIT);
	scenario_must_catch(&scenario, "shared-irq-first-only", "second_runs == 1", LIMIT);
}
END_TEST

/* ---- nobody's interrupts ---- */

#define SPURIOUS_PERIOD 100000u
#define SPURIOUS_LIMIT  99900u

static HOST_STATE unsigned int handled_left;

static enum irqreturn
handle_some(unsigned int irq, void *dev_id)
{
	(void)irq, (void)dev_id;
	second_runs++;
	if (handled_left == 0) {
		return IRQ_NONE;
	}
	handled_left--;
	return IRQ_HANDLED;
}

static void
pass_period(unsigned int handled)
{
	handled_left = handled;
	pass_interrupts(SPURIOUS_PERIOD);
}

static void
run_spurious(void *unused)
{
	(void)unused;
	scenario_gate();
	HOST_EXPECT(request_irq(LINE, handle_some, 0, "storm", &device) == 0);
	pass_interrupts(SPURIOUS_PERIOD / 2);
	host_clock_advance(NSEC_PER_SEC); /* what came long before is forgotten */
	pass_interrupts(SPURIOUS_PERIOD / 2);
	pass_period(SPURIOUS_PERIOD - SPURIOUS_LIMIT);
	second_runs = 0;
	pass_interrupts(1);
	HOST_EXPECT(second_runs == 1);
	pass_period(SPURIOUS_PERIOD - SPURIOUS_LIMIT - 1);
	pass_period(0);
	second_runs = 0;
	pass_interrupts(1);
	HOST_EXPECT(second_runs == 0);
	HOST_EXPECT(strstr(host_console(), ": nobody cared. Its handlers:\n") != NULL);
	HOST_EXPECT(strstr(host_console(), "] storm\nDisabling IRQ #") != NULL);
	is_done = true;
	host_stop();
}

static void
boot_spurious(void)
{
	scenario_task(0, run_spurious, NULL);
}

/*
 * P47 (every): a line of whose 100,000 interrupts more than 99,900 are nobody's is disabled, with a
 * word; with one less it is not, nor if they come in two halves.
 */
START_TEST(test_interrupt_that_nobody_takes_is_disabled)
{
	struct explore_scenario scenario = {
		"interrupts that nobody takes", 1, boot_spurious, check_done, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "spurious-uncounted", "second_runs == 0", LIMIT);
}
END_TEST

static enum irqreturn
ask_thread(unsigned int irq, void *dev_id)
{
	(void)irq, (void)dev_id;
	second_runs++;
	return IRQ_WAKE_THREAD;
}

/* The thread does not come to an answer, as all interrupts come at once. */
static void
run_unanswered(void *unused)
{
	(void)unused;
	scenario_gate();
	HOST_EXPECT(request_threaded_irq(LINE, ask_thread, count_first, 0, "slow", &device) == 0);
	pass_interrupts(SPURIOUS_PERIOD + 1); /* the first says nothing yet */
	pass_interrupts(1);
	HOST_EXPECT(second_runs == SPURIOUS_PERIOD + 1);
	HOST_EXPECT(strstr(host_console(), "] slow\nDisabling IRQ #") != NULL);
	is_done = true;
	host_stop();
}

static void
boot_unanswered(void)
{
	scenario_task(0, run_unanswered, NULL);
}

/* P47 (every): interrupts that a handler leaves to a thread are nobody's until that has had one. */
START_TEST(test_interrupt_that_no_thread_takes_is_disabled)
{
	static const struct explore_scenario scenario = {
		"interrupts that no thread takes", 1, boot_unanswered, check_done, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "spurious-uncounted", "second_runs == SPURIOUS_PERIOD",
	                    LIMIT);
}
END_TEST

/* ---- handlers that leave something behind ---- */

static enum irqreturn
leak(unsigned int irq, void *dev_id)
{
	(void)irq, (void)dev_id;
	preempt_count_add(PREEMPT_OFFSET);
	return IRQ_HANDLED;
}

static enum irqreturn
enable(unsigned int irq, void *dev_id)
{
	(void)irq, (void)dev_id;
	arch_irq_enable();
	return IRQ_HANDLED;
}

static enum irqreturn
wake_nobody(unsigned int irq, void *dev_id)
{
	(void)irq, (void)dev_id;
	return IRQ_WAKE_THREAD;
}

static const struct {
	irq_handler_t handler;
	const char *words;
} mistakes[] = {
	{ leak, "(wrong): preempt_count 00010001 at its end, 00010000 at its start" },
	{ enable, "(wrong): preempt_count 00010000 at its end, 00010000 at its start, and it" },
	{ wake_nobody, "(wrong) wakes a thread that it has not" },
};

#define MISTAKE_COUNT (int)(sizeof(mistakes) / sizeof(mistakes[0]))

static irq_handler_t mistake;

static void
run_mistaken(void *unused)
{
	(void)unused;
	scenario_gate();
	HOST_EXPECT(request_irq(LINE, mistake, 0, "wrong", &device) == 0);
	pass_interrupts(1);
	host_stop();
}

static void
boot_mistaken(void)
{
	scenario_task(0, run_mistaken, NULL);
}

/* P3, P47 (every): a handler that leaves the count or the interrupt flag changed is named. */
START_TEST(test_interrupt_handler_that_leaks_is_named)
{
	struct explore_scenario scenario = {
		"a handler leaks", 1, boot_mistaken, NULL, NULL, 0, NULL
	};

	mistake = mistakes[_i].handler;
	scenario_must_fail(&scenario, mistakes[_i].words, LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("interrupt");
	TCase *tests = tcase_create("interrupt");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_interrupt_on_two_cpus_is_handled_by_one);
	tcase_add_test(tests, test_interrupt_disabled_line_is_kept_back);
	tcase_add_test(tests, test_interrupt_freed_handler_is_gone);
	tcase_add_test(tests, test_interrupt_shared_line_asks_all);
	tcase_add_test(tests, test_interrupt_that_nobody_takes_is_disabled);
	tcase_add_test(tests, test_interrupt_that_no_thread_takes_is_disabled);
	tcase_add_loop_test(tests, test_interrupt_handler_that_leaks_is_named, 0, MISTAKE_COUNT);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
