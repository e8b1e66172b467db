// SPDX-License-Identifier: ISC
/*
 * Readers that leave their cpu within: preempted, counted, and waited for until their end, however
 * that comes; and what is forbidden to a reader.
 */
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/rcu.h"
#include "guest/rcu_gp.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "tests/explore/guarded.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 1000000
#define FREED "a reader sees freed memory"

static void
check_one(void)
{
	guarded_check(1);
}

static void
use_model(void)
{
	preempt_model_set(CONFIG_PREEMPT_COUNT ? PREEMPT_FULL : PREEMPT_NONE);
}

static void
unlink_and_free(void)
{
	guarded_unlink();
	rcu_grace_period(false);
	guarded_free();
	scenario_done();
	scenario_sleep();
}

static void
update(void *unused)
{
	(void)unused;
	host_gate();
	unlink_and_free();
}

static void
sleep_at_once(void *unused)
{
	(void)unused;
	scenario_sleep();
}

/* ---- preempted ---- */

static void
read_while_preempted(void)
{
	const struct guarded *object;

	rcu_read_lock();
	object = guarded_find();
	guarded_preempt_self();
	guarded_use(object);
	rcu_read_unlock();
	scenario_sleep();
}

static void
read_preempted(void *unused)
{
	(void)unused;
	host_gate();
	read_while_preempted();
}

/* A second task takes the cpu meanwhile. */
static void
boot_preempted(void)
{
	use_model();
	guarded_boot();
	scenario_task(0, read_preempted, NULL);
	scenario_task(0, sleep_at_once, NULL);
	scenario_task(1, update, NULL);
}

static const struct explore_scenario preempted = {
	"rcu, a preempted reader", 2, boot_preempted, check_one, NULL, 0, NULL
};

/* RCU: a reader that was preempted is waited for, although its cpu has switched since. */
START_TEST(test_rcu_preempted_reader_is_waited_for)
{
	scenario_must_hold(&preempted, LIMIT);
	scenario_must_catch(&preempted, "rcu-blocked-ignored", FREED, LIMIT);
}
END_TEST

/* ---- one grace period after the other ---- */

static void
update_after_another(void *unused)
{
	(void)unused;
	host_gate();
	rcu_grace_period(false); /* finds cpu 0 in user code, from where a reader comes */
	unlink_and_free();
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
	read_while_preempted();
}

static void
boot_straggler(void)
{
	use_model();
	guarded_boot();
	scenario_task(0, read_after_user_code, NULL);
	scenario_task(0, sleep_at_once, NULL);
	scenario_task(1, update_after_another, NULL);
}

/* RCU: a reader that counts itself where the last grace period turned away from is waited for. */
START_TEST(test_rcu_straggler_is_waited_for)
{
	static const struct explore_scenario straggler = {
		"rcu, a straggler", 2, boot_straggler, check_one, NULL, 0, NULL
	};

	scenario_must_hold(&straggler, LIMIT);
	scenario_must_catch(&straggler, "rcu-straggler-missed", FREED, LIMIT);
}
END_TEST

/* ---- newcomers ---- */

static HOST_STATE struct atomic freed;

static void
wait_for(const struct atomic *word)
{
	while (!atomic_load(word)) { /* bounded: somebody sets it */
		cond_resched();      /* where nothing else shows that no reader waits here */
		arch_cpu_relax();
	}
}

/* Begins when the grace period has turned to the next count, and ends when that is over. */
static void
read_as_newcomer(void *unused)
{
	(void)unused;
	host_gate();
	wait_for(&rcu_blocked_index);
	rcu_read_lock();
	guarded_preempt_self();
	wait_for(&freed);
	guarded_use(guarded_find());
	rcu_read_unlock();
	scenario_done();
	scenario_sleep();
}

static void
update_among_newcomers(void *unused)
{
	(void)unused;
	host_gate();
	guarded_unlink();
	rcu_grace_period(true);
	guarded_free();
	atomic_store(&freed, 1);
	scenario_done();
	scenario_sleep();
}

static void
boot_newcomer(void)
{
	use_model();
	guarded_boot();
	explore_name(&freed, "freed");
	scenario_task(0, read_as_newcomer, NULL);
	scenario_task(1, update_among_newcomers, NULL);
}

static void
check_two(void)
{
	guarded_check(2);
}

/* RCU: a grace period ends although readers come that are preempted, and wait for its end. */
START_TEST(test_rcu_newcomers_are_not_waited_for)
{
	static const struct explore_scenario newcomer = {
		"rcu, a newcomer", 2, boot_newcomer, check_two, NULL, 0, NULL
	};

	scenario_must_hold(&newcomer, LIMIT);
	scenario_must_catch(&newcomer, "rcu-newcomers-count", "host_all_halted()", LIMIT);
}
END_TEST

/* ---- an unlock where it is not yet the end ---- */

static void
read_on_with_preemption_off(void *unused)
{
	const struct guarded *object;

	(void)unused;
	host_gate();
	rcu_read_lock();
	object = guarded_find();
	guarded_preempt_self();
	preempt_disable();
	rcu_read_unlock();
	guarded_use(object);
	preempt_enable();
	scenario_sleep();
}

static void
boot_overlap(void)
{
	use_model();
	guarded_boot();
	scenario_task(0, read_on_with_preemption_off, NULL);
	scenario_task(0, sleep_at_once, NULL);
	scenario_task(1, update, NULL);
}

/* J11: a preempted reader that unlocks with preemption off is one until that is on. */
START_TEST(test_rcu_unlock_with_preemption_off_is_not_the_end)
{
	static const struct explore_scenario overlap = {
		"rcu, overlapping readers", 2, boot_overlap, check_one, NULL, 0, NULL
	};

	scenario_must_hold(&overlap, LIMIT);
	scenario_must_catch(&overlap, "rcu-leaves-early", FREED, LIMIT);
}
END_TEST

static HOST_STATE struct rcu_head head;

static void
note_call(struct rcu_head *unused)
{
	(void)unused;
	scenario_done();
}

/* With something to do left, a wakeup put off, and the lock that this needs. */
static void
unlock_in_scheduler(void *unused)
{
	struct rq *rq;

	(void)unused;
	host_gate();
	rcu_read_lock();
	guarded_preempt_self();
	arch_irq_disable();
	rq = this_cpu_ptr(&runqueue);
	raw_spin_lock(&rq->lock);
	call_rcu(&head, note_call);
	rcu_read_unlock();
	rcu_read_lock();
	rcu_read_unlock();
	raw_spin_unlock_irq(&rq->lock);
	scenario_sleep();
}

static void
boot_unlock(void)
{
	use_model();
	guarded_boot();
	rcu_init();
	scenario_task(0, unlock_in_scheduler, NULL);
	scenario_task(0, sleep_at_once, NULL);
}

/* J11: an unlock under the run queue's lock, again and again, neither deadlocks nor loops. */
START_TEST(test_rcu_unlock_in_the_scheduler_is_harmless)
{
	static const struct explore_scenario unlock = {
		"rcu, unlock in the scheduler", 1, boot_unlock, check_one, NULL, 0, NULL
	};

	scenario_must_hold(&unlock, LIMIT);
	scenario_must_catch(&unlock, "rcu-unlock-wakes",
	                    "possible deadlock: task->pi_lock is taken under rq->lock here", LIMIT);
}
END_TEST

/* ---- cond_resched() ---- */

static void
read_and_cond_resched(void *unused)
{
	const struct guarded *object;

	(void)unused;
	rcu_read_lock();
	object = guarded_find();
	HOST_EXPECT(cond_resched());
	guarded_use(object);
	rcu_read_unlock();
	scenario_sleep();
}

static void
read_asked(void *unused)
{
	(void)unused;
	host_gate();
	arch_irq_disable();
	set_tsk_need_resched(current);
	set_preempt_need_resched();
	arch_irq_enable();
	read_and_cond_resched(NULL);
}

static void
boot_asked(void)
{
	preempt_model_set(PREEMPT_NONE);
	guarded_boot();
	scenario_task(0, read_asked, NULL);
	scenario_task(1, update, NULL);
}

/*
 * P18 (none): by Linux's rule for PREEMPT_RCU cond_resched() in a reader is a preemption, which the
 * grace period knows of.
 */
START_TEST(test_rcu_cond_resched_in_a_reader_preempts_it)
{
	scenario_must_hold(&(struct explore_scenario){ "rcu, cond_resched in a reader", 2,
	                                               boot_asked, check_one, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* ---- what is forbidden ---- */

static void (*forbidden)(void);

static void
sleep_in_reader(void)
{
	scenario_sleep();
}

static void
check_might_sleep(void)
{
	might_sleep();
}

static void
do_forbidden(void *unused)
{
	(void)unused;
	host_gate();
	rcu_read_lock();
	forbidden();
	host_stop();
}

static void
boot_forbidden(void)
{
	guarded_boot();
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

/* P18, mutant: a reader sleeps, yields, calls what might sleep, or unlocks once too often. */
START_TEST(test_rcu_reader_that_sleeps_is_a_panic)
{
	must_panic("sleep", sleep_in_reader, "an RCU reader sleeps or yields");
	must_panic("yield", yield, "an RCU reader sleeps or yields");
	must_panic("might_sleep", check_might_sleep, "invalid context: in an RCU reader");
	must_panic("synchronize_rcu", synchronize_rcu, "invalid context: in an RCU reader");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rcu, blocked");
	TCase *tests = tcase_create("rcu, blocked");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_rcu_preempted_reader_is_waited_for);
	tcase_add_test(tests, test_rcu_straggler_is_waited_for);
	tcase_add_test(tests, test_rcu_newcomers_are_not_waited_for);
	tcase_add_test(tests, test_rcu_unlock_with_preemption_off_is_not_the_end);
	tcase_add_test(tests, test_rcu_unlock_in_the_scheduler_is_harmless);
	tcase_add_test(tests, test_rcu_cond_resched_in_a_reader_preempts_it);
	tcase_add_test(tests, test_rcu_reader_that_sleeps_is_a_panic);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
