// SPDX-License-Identifier: ISC
/*
 * Callbacks: once each, behind a grace period, in order; the wakeup that is put off where the
 * caller may not wake; and updaters that share a grace period.
 */
#include "guest/rcu.h"
#include "guest/rcu_gp.h"
#include "guest/sched.h"
#include "guest/timer.h"
#include "tests/explore/guarded.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 1000000
#define FREED "a reader sees freed memory"

static HOST_STATE struct rcu_head heads[2];
static HOST_STATE unsigned int calls;

static void
check_one(void)
{
	guarded_check(1);
}

static void
read_and_sleep(void *unused)
{
	(void)unused;
	host_gate();
	guarded_read();
	scenario_sleep();
}

/* ---- call_rcu() ---- */

static void
free_in_callback(struct rcu_head *head)
{
	HOST_EXPECT(head == &heads[0]);
	HOST_EXPECT(!CONFIG_PREEMPT_COUNT || preempt_count() == PREEMPT_OFFSET);
	HOST_EXPECT(calls == 0);
	calls++;
	guarded_free();
	scenario_done();
}

static void
unlink_and_call(void *unused)
{
	(void)unused;
	host_gate();
	guarded_unlink();
	call_rcu(&heads[0], free_in_callback);
	scenario_sleep();
}

static void
boot_callback(void)
{
	guarded_boot();
	rcu_init();
	scenario_task(1, read_and_sleep, NULL);
	scenario_task(0, unlink_and_call, NULL); /* where the one that calls back is, too */
}

/* RCU: a callback is called once, and only when no reader can see what it frees. */
START_TEST(test_rcu_callback_comes_after_a_grace_period)
{
	static const struct explore_scenario callback = { "call_rcu", 2, boot_callback, check_one,
		                                          NULL,       0, NULL };

	scenario_must_hold(&callback, LIMIT);
	scenario_must_catch(&callback, "rcu-called-early", FREED, LIMIT);
}
END_TEST

/* ---- order, and rcu_barrier() ---- */

static void
count_first(struct rcu_head *unused)
{
	(void)unused;
	HOST_EXPECT(calls == 0);
	calls++;
}

static void
count_second(struct rcu_head *unused)
{
	(void)unused;
	HOST_EXPECT(calls == 1);
	calls++;
}

static void
call_and_wait(void *unused)
{
	(void)unused;
	host_gate();
	call_rcu(&heads[0], count_first);
	arch_irq_disable();
	call_rcu(&heads[1], count_second);
	arch_irq_enable();
	rcu_barrier();
	HOST_EXPECT(calls == 2);
	scenario_done();
	scenario_sleep();
}

static void
boot_barrier(void)
{
	guarded_boot();
	rcu_init();
	scenario_task(0, call_and_wait, NULL);
}

/* RCU: callbacks come in the order of their calls, and rcu_barrier() behind all of them. */
START_TEST(test_rcu_barrier_comes_after_callbacks_in_order)
{
	scenario_must_hold(&(struct explore_scenario){ "rcu_barrier", 1, boot_barrier, check_one,
	                                               NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* ---- where the caller may not wake ---- */

static HOST_STATE struct timer timer;

static void
note_call(struct rcu_head *unused)
{
	(void)unused;
	scenario_done();
}

static void
call_with_irqs_off(void *unused)
{
	(void)unused;
	host_gate();
	arch_irq_disable();
	call_rcu(&heads[0], note_call);
	arch_irq_enable();
	scenario_sleep();
}

static void
boot_deferred(void)
{
	guarded_boot();
	rcu_init();
	scenario_task(0, call_with_irqs_off, NULL);
}

static const struct explore_scenario deferred = {
	"call_rcu with irqs off", 1, boot_deferred, check_one, NULL, 0, NULL
};

/* J30: a wakeup that was put off is done before idle looks for a request for the last time. */
START_TEST(test_rcu_deferred_wakeup_comes_before_idle_halts)
{
	scenario_must_hold(&deferred, LIMIT);
	scenario_must_catch(&deferred, "rcu-wakeup-too-late", "done_count == wanted", LIMIT);
}
END_TEST

static void
call_in_interrupt(struct timer *unused)
{
	(void)unused;
	call_rcu(&heads[0], note_call);
}

static void
be_interrupted_and_sleep(void *unused)
{
	(void)unused;
	timer_init(&timer, call_in_interrupt);
	host_gate();
	timer_start(&timer, 0);
	scenario_sleep();
}

static void
boot_interrupt(void)
{
	guarded_boot();
	rcu_init();
	scenario_task(0, be_interrupted_and_sleep, NULL);
}

/* J30: the same of a call in an interrupt, of a task or of idle. */
START_TEST(test_rcu_call_in_an_interrupt_is_heard)
{
	static const struct explore_scenario interrupt = {
		"call_rcu in an interrupt", 1, boot_interrupt, check_one, NULL, 0, NULL
	};

	scenario_must_hold(&interrupt, LIMIT);
	scenario_must_catch(&interrupt, "rcu-wakeup-too-late", "done_count == wanted", LIMIT);
}
END_TEST

/* ---- sharing ---- */

static void
synchronize(void *unused)
{
	(void)unused;
	host_gate();
	synchronize_rcu_expedited();
	scenario_done();
	scenario_sleep();
}

static void
update(void *unused)
{
	(void)unused;
	host_gate();
	guarded_unlink();
	synchronize_rcu();
	guarded_free();
	scenario_done();
	scenario_sleep();
}

static void
read_after_user_code(void *unused)
{
	(void)unused;
	arch_irq_disable();
	ct_user_enter();
	host_gate();
	ct_user_exit();
	arch_irq_enable();
	guarded_read();
	scenario_sleep();
}

static void
boot_sharing(void)
{
	guarded_boot();
	rcu_init();
	scenario_task(0, update, NULL);
	scenario_task(1, synchronize, NULL);
	scenario_task(2, read_after_user_code, NULL);
}

static void
check_two(void)
{
	guarded_check(2);
}

/* RCU: of two updaters the second shares no grace period that began before it asked. */
START_TEST(test_rcu_grace_period_is_not_shared_too_early)
{
	static const struct explore_scenario sharing = {
		"rcu, two updaters", 3, boot_sharing, check_two, NULL, 0, NULL
	};

	scenario_must_hold_within(&sharing, 1, LIMIT);
	scenario_must_survive(&sharing, 5000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rcu, callbacks");
	TCase *tests = tcase_create("rcu, callbacks");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_rcu_callback_comes_after_a_grace_period);
	tcase_add_test(tests, test_rcu_barrier_comes_after_callbacks_in_order);
	tcase_add_test(tests, test_rcu_deferred_wakeup_comes_before_idle_halts);
	tcase_add_test(tests, test_rcu_call_in_an_interrupt_is_heard);
	tcase_add_test(tests, test_rcu_grace_period_is_not_shared_too_early);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
