// SPDX-License-Identifier: ISC
/*
 * Context tracking: when RCU watches a cpu, and that nothing is traced, woken or read while it does
 * not.
 */
#include "guest/context_tracking.h"

#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/timer.h"
#include "guest/trace.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

static void
check_one(void)
{
	scenario_check_at_rest(1);
	for_each_cpu (cpu) {
		uint32_t word = atomic_load(&per_cpu(context_tracking, cpu));

		HOST_EXPECT((word & CT_CONTEXT_MASK) == CT_IDLE);
		HOST_EXPECT(rcu_is_idle_cpu(cpu));
	}
}

/* ---- interrupts and NMIs of idle ---- */

static HOST_STATE struct timer timer;
static HOST_STATE unsigned int nmis;

/* What it interrupts may be watched or not: while it runs, RCU watches. */
static void
be_watched_in_nmi(void)
{
	HOST_EXPECT(rcu_is_watching());
	nmis++;
}

static void
be_watched_in_interrupt(struct timer *unused)
{
	(void)unused;
	HOST_EXPECT(rcu_is_watching());
	host_nmi_send(0);
	HOST_EXPECT(rcu_is_watching()); /* whether the NMI was in between or comes later */
}

static void
be_interrupted(void *unused)
{
	(void)unused;
	timer_init(&timer, be_watched_in_interrupt);
	host_gate();
	HOST_EXPECT(rcu_is_watching());
	HOST_EXPECT(ct_context() == CT_KERNEL);
	timer_start(&timer, 0);
	scenario_done();
	scenario_sleep();
}

static void
boot_interrupt(void)
{
	host_nmi_handler = be_watched_in_nmi;
	scenario_task(0, be_interrupted, NULL);
}

static void
check_interrupt(void)
{
	check_one();
	HOST_EXPECT(nmis == 1);
}

static const struct explore_scenario interrupt = {
	"an interrupt and an NMI", 1, boot_interrupt, check_interrupt, NULL, 0, NULL
};

/*
 * J39: an interrupt, and an NMI in it or in idle, are watched wherever they hit, and leave the cpu
 * as they found it; what is traced before that is found out.
 */
START_TEST(test_context_interrupt_of_idle_is_watched)
{
	scenario_must_hold(&interrupt, LIMIT);
	scenario_must_catch(&interrupt, "irq-trace-unwatched", "assertion failed: rcu_watches",
	                    LIMIT);
	host_nmi_handler = NULL;
}
END_TEST

/* ---- the other contexts ---- */

static void
visit(enum ct_context context, void (*enter)(void), void (*leave)(void))
{
	uint32_t before = ct_this_cpu();

	arch_irq_disable();
	enter();
	HOST_EXPECT(!rcu_is_watching());
	HOST_EXPECT(ct_context() == context);
	HOST_EXPECT(rcu_is_idle_cpu(0));
	leave();
	arch_irq_enable();
	HOST_EXPECT(rcu_is_watching());
	HOST_EXPECT(ct_context() == CT_KERNEL);
	HOST_EXPECT(!rcu_is_idle_cpu(0));
	HOST_EXPECT(ct_this_cpu() == before + 2 * CT_WATCHING);
}

static void
visit_all(void *unused)
{
	uint32_t before;

	(void)unused;
	host_gate();
	visit(CT_IDLE, ct_idle_enter, ct_idle_exit);
	visit(CT_USER, ct_user_enter, ct_user_exit);
	visit(CT_GUEST, guest_state_enter_irqoff, guest_state_exit_irqoff);
	before = ct_this_cpu();
	arch_irq_disable();
	ct_pass();
	arch_irq_enable();
	HOST_EXPECT(ct_this_cpu() == before + 2 * CT_WATCHING);
	scenario_done();
	scenario_sleep();
}

static void
boot_visit(void)
{
	scenario_task(0, visit_all, NULL);
}

/* J39: each context is told from the others, and each visit is seen by who looks for a change. */
START_TEST(test_context_each_is_told_and_counted)
{
	scenario_must_hold(
		&(struct explore_scenario){ "contexts", 1, boot_visit, check_one, NULL, 0, NULL },
		LIMIT);
}
END_TEST

/* ---- what is forbidden ---- */

static void (*forbidden)(void);

static void
trace_something(void)
{
	trace(TRACE_task_comm, 0, 0);
}

static void
wake_somebody(void)
{
	wake_up_process(current);
}

static void
do_forbidden(void *unused)
{
	(void)unused;
	host_gate();
	arch_irq_disable();
	ct_user_enter();
	forbidden();
	host_stop();
}

static void
boot_forbidden(void)
{
	scenario_task(0, do_forbidden, NULL);
}

static void
must_panic(const char *name, void (*what)(void), const char *words)
{
	forbidden = what;
	scenario_must_fail(
		&(struct explore_scenario){ name, 1, boot_forbidden, NULL, NULL, 0, NULL }, words,
		LIMIT);
}

/* J39, mutant: a trace, a wakeup, a reader, or another context, where RCU does not watch. */
START_TEST(test_context_unwatched_work_is_a_panic)
{
	must_panic("trace", trace_something, "assertion failed: rcu_watches");
	must_panic("wakeup", wake_somebody, "assertion failed: rcu_watches");
	must_panic("reader", rcu_read_lock, "assertion failed: rcu_watches");
	must_panic("idle in user code", ct_idle_enter, "assertion failed: rcu_is_watching()");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("context");
	TCase *tests = tcase_create("context");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_context_interrupt_of_idle_is_watched);
	tcase_add_test(tests, test_context_each_is_told_and_counted);
	tcase_add_test(tests, test_context_unwatched_work_is_a_panic);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
