// SPDX-License-Identifier: ISC
/*
 * In a softirq: what the predicates say there, on which stack it is, and what it may not do.
 */
#include "guest/softirq.h"

#include "guest/bottom_half.h"
#include "guest/irq_stack.h"
#include "guest/sched.h"
#include "guest/spinlock.h"
#include "guest/stack.h"
#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 100000

static HOST_STATE struct timer timer;
static HOST_STATE struct spinlock lock;

/* ---- where it runs ---- */

static HOST_STATE unsigned int looks;

/* One row of the matrix: the count, and what the predicates make of it. */
static void
expect_context(uint32_t count, bool task, bool serving, unsigned int level)
{
	looks++;
	HOST_EXPECT((preempt_count() & ~PREEMPT_MASK) == count);
	HOST_EXPECT(in_task() == task);
	HOST_EXPECT(in_serving_softirq() == serving);
	HOST_EXPECT(in_hardirq() == ((count & HARDIRQ_MASK) != 0));
	HOST_EXPECT(in_nmi() == ((count & NMI_MASK) != 0));
	HOST_EXPECT(softirq_count() == (count & SOFTIRQ_MASK));
	HOST_EXPECT(irq_count() == count);
	HOST_EXPECT(!preemptible());
	HOST_EXPECT(interrupt_context_level() == level);
}

static void
look_in_hardirq(struct timer *self)
{
	(void)self;
	expect_context(HARDIRQ_OFFSET + SOFTIRQ_OFFSET, false, true, 2);
	HOST_EXPECT(arch_on_stack(this_cpu_read(hardirq_stack)));
}

static void
look_in_nmi(void)
{
	expect_context(NMI_OFFSET + HARDIRQ_OFFSET + SOFTIRQ_OFFSET, false, true, 3);
}

static void
look_in_softirq(void)
{
	HOST_EXPECT(!arch_irqs_disabled());
	HOST_EXPECT(arch_on_stack(this_cpu_read(hardirq_stack)));
	expect_context(SOFTIRQ_OFFSET, false, true, 1);
	local_bh_disable();
	expect_context(SOFTIRQ_OFFSET + SOFTIRQ_DISABLE_OFFSET, false, true, 1);
	local_bh_enable();
	timer_init(&timer, look_in_hardirq);
	timer_start(&timer, 0);
	scenario_take_interrupts();
	host_nmi_send(0);
	scenario_take_interrupts();
	expect_context(SOFTIRQ_OFFSET, false, true, 1);
}

static void
look_from_task(void *unused)
{
	(void)unused;
	scenario_gate();
	local_bh_disable();
	expect_context(SOFTIRQ_DISABLE_OFFSET, true, false, 0);
	raise_softirq(HI_SOFTIRQ);
	local_bh_enable();
	HOST_EXPECT(looks == 6);
	HOST_EXPECT(irq_count() == 0);
	HOST_EXPECT(arch_on_stack(current->stack));
	host_stop();
}

static void
boot_look(void)
{
	host_nmi_handler = look_in_nmi;
	open_softirq(HI_SOFTIRQ, look_in_softirq);
	scenario_task(0, look_from_task, NULL);
}

/*
 * P7, P46: what the predicates say in a softirq, with bottom halves off in it, and in interrupts
 * and NMIs of it; and that all of that is on the interrupt stack.
 */
START_TEST(test_softirq_contexts_tell_themselves)
{
	struct explore_scenario scenario = {
		"predicates in a softirq", 1, boot_look, NULL, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "softirq-on-task-stack", "arch_on_stack", LIMIT);
}
END_TEST

/* ---- what may not be done ---- */

static void
leak_preempt(void)
{
	preempt_disable();
}

static void
leak_bh(void)
{
	local_bh_disable();
}

static void
leak_irqs(void)
{
	arch_irq_disable();
}

static void
sleep_in_softirq(void)
{
	might_sleep();
}

static void
schedule_in_softirq(void)
{
	schedule();
}

static void
take_lock(void)
{
	spin_lock(&lock);
	spin_unlock(&lock);
}

static void
do_nothing(void)
{
}

static void
raise_unopened(void)
{
	raise_softirq(SCHED_SOFTIRQ);
}

static const struct fault {
	const char *name;
	void (*action)(void);
	const char *words;
	void (*before)(void); /* in the task */
	bool of_count;        /* what it breaks is there only with PREEMPT_COUNT */
} faults[] = {
	{ "a softirq leaves preemption off", leak_preempt, "softirq 4, BLOCK, ", do_nothing, true },
	{ "a softirq leaves bottom halves off", leak_bh, "softirq 4, BLOCK, ", do_nothing, false },
	{ "a softirq leaves interrupts off", leak_irqs, "leaves interrupts off", do_nothing,
	  false },
	{ "might_sleep in a softirq", sleep_in_softirq, "sleeping function called", do_nothing,
	  false },
	{ "schedule in a softirq", schedule_in_softirq, "scheduling while atomic", do_nothing,
	  false },
	{ "a vector that nobody opened", raise_unopened, "failed: actions[nr] != NULL", do_nothing,
	  false },
	{ "spin_lock, and a softirq's", take_lock,
	  "is taken in a softirq here, and with softirqs on elsewhere", take_lock, false },
};

#define FAULT_COUNT (int)(sizeof(faults) / sizeof(faults[0]))

static const struct fault *fault; /* of the run */

static void
run_fault(void *unused)
{
	(void)unused;
	scenario_gate();
	spin_lock_init(&lock);
	fault->before();
	local_bh_disable();
	raise_softirq(BLOCK_SOFTIRQ);
	local_bh_enable();
	host_stop();
}

static void
boot_fault(void)
{
	open_softirq(BLOCK_SOFTIRQ, fault->action);
	scenario_task(0, run_fault, NULL);
}

/* P2, P3: each misuse stops the kernel; a count that a softirq leaks names the vector. */
START_TEST(test_softirq_misuse_stops)
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

static void
take_lock_bh(void)
{
	spin_lock_bh(&lock);
	spin_unlock_bh(&lock);
}

static const struct fault shared_lock = { "a lock that softirqs take", take_lock, "", take_lock_bh,
	                                  false };

/* P3, P40: spin_lock_bh() against a softirq's spin_lock() is right; a leak within is caught. */
START_TEST(test_softirq_lock_is_shared_with_bh_off)
{
	struct explore_scenario scenario = { shared_lock.name, 1, boot_fault, NULL, NULL, 0, NULL };

	fault = &shared_lock;
	scenario_must_hold(&scenario, LIMIT);
	if (CONFIG_PREEMPT_COUNT) {
		scenario_must_catch(&scenario, "leak-in-softirq",
		                    "at its end, 00000101 at its start", LIMIT);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("in softirqs");
	TCase *tests = tcase_create("in softirqs");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_softirq_contexts_tell_themselves);
	tcase_add_loop_test(tests, test_softirq_misuse_stops, 0, FAULT_COUNT);
	tcase_add_test(tests, test_softirq_lock_is_shared_with_bh_off);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
