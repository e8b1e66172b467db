// SPDX-License-Identifier: ISC
/*
 * The predicates of the counter in each context as it really is, entered the way that the machine
 * enters it, and left as it was found.
 */
#include <stdio.h>

#include "guest/bottom_half.h"
#include "guest/exception.h"
#include "guest/irq_stack.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 10000

static HOST_STATE unsigned int looks;
static HOST_STATE struct timer timer;

/* What a context's predicates say: irq_stack is no predicate, but belongs to hardirq as they do. */
struct predicates {
	uint32_t count;
	bool nmi;
	bool hardirq;
	bool serving_softirq;
	bool task;
	bool irq_stack;
	unsigned int level;
};

struct context {
	const char *name;
	void (*enter)(void);
	struct predicates is;
};

static const struct context *context; /* of the run that is made */

static void
look(void)
{
	const struct predicates *is = &context->is;

	HOST_EXPECT(preempt_count() == is->count);
	HOST_EXPECT(in_nmi() == is->nmi);
	HOST_EXPECT(in_hardirq() == is->hardirq);
	HOST_EXPECT(in_serving_softirq() == is->serving_softirq);
	HOST_EXPECT(in_task() == is->task);
	HOST_EXPECT(interrupt_context_level() == is->level);
	HOST_EXPECT(softirq_count() == (is->count & SOFTIRQ_MASK));
	HOST_EXPECT(irq_count() == (is->count & (NMI_MASK | HARDIRQ_MASK | SOFTIRQ_MASK)));
	HOST_EXPECT(in_atomic() == (is->count != 0));
	HOST_EXPECT(preemptible() == (is->count == 0 && !arch_irqs_disabled()));
	HOST_EXPECT(irq_stack_in_use() == is->irq_stack);
	looks++;
}

static void
look_once(struct timer *self)
{
	(void)self;
	look();
}

static void
look_in_probe(const struct regs *regs)
{
	(void)regs;
	look();
}

static void
enter_exception(void)
{
	exception_probe = look_in_probe;
	arch_trap();
	exception_probe = NULL;
}

static void
trap_in_timer(struct timer *self)
{
	(void)self;
	enter_exception();
}

static void
enter_nmi(void)
{
	host_nmi_handler = look;
	host_nmi_send(0);
	scenario_take_interrupts();
}

static void
enter_nmi_in_timer(struct timer *self)
{
	(void)self;
	enter_nmi();
}

static void
enter_timer(void (*fn)(struct timer *))
{
	timer_init(&timer, fn);
	arch_irq_disable();
	timer_start(&timer, 0); /* it comes when irqs are on again, at this count */
	arch_irq_enable();
	scenario_take_interrupts();
}

static void
enter_hardirq(void)
{
	enter_timer(look_once);
}

static void
enter_exception_in_hardirq(void)
{
	enter_timer(trap_in_timer);
}

static void
enter_nmi_in_hardirq(void)
{
	enter_timer(enter_nmi_in_timer);
}

static void
with_bh_off(void (*enter)(void))
{
	local_bh_disable();
	enter();
	local_bh_enable();
}

static void
enter_bh_off(void)
{
	with_bh_off(look);
}

static void
enter_exception_with_bh_off(void)
{
	with_bh_off(enter_exception);
}

static void
enter_hardirq_with_bh_off(void)
{
	with_bh_off(enter_hardirq);
}

static void
enter_nmi_with_bh_off(void)
{
	with_bh_off(enter_nmi);
}

static void
enter_nmi_in_hardirq_with_bh_off(void)
{
	with_bh_off(enter_nmi_in_hardirq);
}

#define BH_OFF SOFTIRQ_DISABLE_OFFSET
#define NMI    (NMI_OFFSET + HARDIRQ_OFFSET)

static const struct context contexts[] = {
	{ "task", look, { 0, false, false, false, true, false, 0 } },
	{ "task, bh off", enter_bh_off, { BH_OFF, false, false, false, true, false, 0 } },
	{ "exception", enter_exception, { 0, false, false, false, true, false, 0 } },
	{ "exception, bh off",
	  enter_exception_with_bh_off,
	  { BH_OFF, false, false, false, true, false, 0 } },
	{ "hardirq", enter_hardirq, { HARDIRQ_OFFSET, false, true, false, false, true, 2 } },
	{ "hardirq, bh off",
	  enter_hardirq_with_bh_off,
	  { HARDIRQ_OFFSET + BH_OFF, false, true, false, false, true, 2 } },
	{ "exception in hardirq",
	  enter_exception_in_hardirq,
	  { HARDIRQ_OFFSET, false, true, false, false, true, 2 } },
	{ "NMI", enter_nmi, { NMI, true, true, false, false, false, 3 } },
	{ "NMI, bh off",
	  enter_nmi_with_bh_off,
	  { NMI + BH_OFF, true, true, false, false, false, 3 } },
	{ "NMI in hardirq",
	  enter_nmi_in_hardirq,
	  { NMI + HARDIRQ_OFFSET, true, true, false, false, true, 3 } },
	{ "NMI in hardirq, bh off",
	  enter_nmi_in_hardirq_with_bh_off,
	  { NMI + HARDIRQ_OFFSET + BH_OFF, true, true, false, false, true, 3 } },
};

#define CONTEXT_COUNT (int)(sizeof(contexts) / sizeof(contexts[0]))

static void
run(void *unused)
{
	(void)unused;
	scenario_gate();
	context->enter();
	HOST_EXPECT(looks == 1);
	HOST_EXPECT(preempt_count() == 0);
	HOST_EXPECT(!arch_irqs_disabled());
	host_stop();
}

static void
boot(void)
{
	scenario_task(0, run, NULL);
}

static void
check(void)
{
	HOST_EXPECT(looks == 1);
}

/* P7, P47: every predicate, in every context, and the count is left as it was found. */
START_TEST(test_predicates_follow_the_context)
{
	struct explore_scenario scenario = { contexts[_i].name, 1, boot, check, NULL, 0, NULL };

	if (!CONFIG_PREEMPT_COUNT) {
		return; /* preemptible() is never true there */
	}
	context = &contexts[_i];
	scenario_must_hold(&scenario, LIMIT);
	if (context->is.count & BH_OFF) {
		scenario_must_catch(&scenario, "bh-as-softirq",
		                    "expected: preempt_count() ==", LIMIT);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("predicates");
	TCase *tests = tcase_create("predicates");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_loop_test(tests, test_predicates_follow_the_context, 0, CONTEXT_COUNT);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
