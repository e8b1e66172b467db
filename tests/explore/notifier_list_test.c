// SPDX-License-Identifier: ISC
/*
 * The list of a task's preempt notifiers: who may change it, when, and what becomes of mistakes.
 */
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/preempt_notifier.h"
#include "guest/sched.h"
#include "guest/timer.h"
#include "tests/explore/probe.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

static HOST_STATE struct preempt_notifier first;
static HOST_STATE struct preempt_notifier second;
static HOST_STATE struct preempt_notifier third;
static HOST_STATE struct task *peer;
static HOST_STATE bool has_ended;
static HOST_STATE bool second_called;

static void
do_nothing_in(struct preempt_notifier *notifier, unsigned int cpu)
{
	(void)notifier, (void)cpu;
}

static void
do_nothing_out(struct preempt_notifier *notifier, struct task *next)
{
	(void)notifier, (void)next;
}

static const struct preempt_ops nothing = { .sched_in = do_nothing_in,
	                                    .sched_out = do_nothing_out };

static void
note_in(struct preempt_notifier *notifier, unsigned int cpu)
{
	(void)notifier, (void)cpu;
	second_called = true;
}

static const struct preempt_ops note = { .sched_in = note_in, .sched_out = do_nothing_out };

static void
do_register(struct preempt_notifier *notifier)
{
	preempt_disable();
	preempt_notifier_register(notifier);
	preempt_enable();
}

static void
do_unregister(struct preempt_notifier *notifier)
{
	preempt_disable();
	preempt_notifier_unregister(notifier);
	preempt_enable();
}

/* ---- mistakes of a task ---- */

static void
register_without_key(void)
{
	do_register(&first);
	host_fail("it was registered without the key");
}

static void
register_preemptible(void)
{
	preempt_notifier_inc();
	preempt_notifier_register(&first);
}

static void
register_twice(void)
{
	preempt_notifier_inc();
	do_register(&first);
	do_register(&first);
}

static void
unregister_never_registered(void)
{
	preempt_notifier_inc();
	do_unregister(&first);
}

static void
unregister_twice(void)
{
	preempt_notifier_inc();
	do_register(&first);
	do_unregister(&first);
	do_unregister(&first);
}

static void
unregister_others(void *unused)
{
	(void)unused;
	do_unregister(&first);
}

static void
unregister_by_another(void)
{
	preempt_notifier_inc();
	do_register(&first);
	scenario_task(0, unregister_others, NULL);
	yield();
}

static void
switch_without_key(void)
{
	preempt_notifier_inc();
	do_register(&first);
	preempt_notifier_dec();
	wake_up_process(peer);
	yield();
}

static void
unregister_without_key(void)
{
	preempt_notifier_inc();
	do_register(&first);
	preempt_notifier_dec();
	do_unregister(&first);
}

static void
drop_key_twice(void)
{
	preempt_notifier_inc();
	preempt_notifier_dec();
	preempt_notifier_dec();
}

static void
take_key_atomically(void)
{
	preempt_disable();
	preempt_notifier_inc();
}

static void
drop_key_atomically(void)
{
	preempt_notifier_inc();
	preempt_disable();
	preempt_notifier_dec();
}

static void
end_with_one(void)
{
	preempt_notifier_inc();
	do_register(&first);
}

static void
register_in_interrupt(struct timer *timer)
{
	(void)timer;
	preempt_notifier_register(&first);
}

static void
register_by_interrupt(void)
{
	static HOST_STATE struct timer timer;

	preempt_notifier_inc();
	timer_init(&timer, register_in_interrupt);
	timer_start(&timer, 0);
	host_clock_advance(1);
	scenario_take_interrupts();
}

/* ---- mistakes of a call ---- */

static HOST_STATE void (*in_call)(void);

static void
call_in(struct preempt_notifier *notifier, unsigned int cpu)
{
	(void)notifier, (void)cpu;
	in_call();
}

static void
call_out(struct preempt_notifier *notifier, struct task *next)
{
	(void)notifier, (void)next;
	in_call();
}

static const struct preempt_ops wrong_in = { .sched_in = call_in, .sched_out = do_nothing_out };
static const struct preempt_ops wrong_out = { .sched_in = do_nothing_in, .sched_out = call_out };

static void
register_third(void)
{
	preempt_notifier_register(&third);
}

static void
unregister_itself(void)
{
	preempt_notifier_unregister(&first);
}

static void
leak_count(void)
{
	preempt_disable();
}

static void
enable_irqs(void)
{
	arch_irq_enable();
}

static void
disable_irqs(void)
{
	arch_irq_disable();
}

static void
wake(void)
{
	wake_up_process(peer);
}

/* ---- each ends in a panic ---- */

static const struct mistake {
	const char *name;
	void (*make)(void); /* by a task; or NULL */
	const struct preempt_ops *ops;
	void (*call)(void); /* what a call does */
	bool is_of_count;   /* seen only where disables are counted */
	const char *words;
} mistakes[] = {
	{ "registered without the key", register_without_key, &nothing, NULL, false,
	  "registered without the key" },
	{ "registered, preemption on", register_preemptible, &nothing, NULL, true,
	  "assertion failed: preempt_count() != 0" },
	{ "registered in an interrupt", register_by_interrupt, &nothing, NULL, false,
	  "assertion failed: in_task()" },
	{ "registered twice", register_twice, &nothing, NULL, false, "registered twice" },
	{ "unregistered, never registered", unregister_never_registered, &nothing, NULL, false,
	  "does not have" },
	{ "unregistered twice", unregister_twice, &nothing, NULL, false, "does not have" },
	{ "unregistered by another task", unregister_by_another, &nothing, NULL, false,
	  "does not have" },
	{ "called without the key", switch_without_key, &nothing, NULL, false,
	  "called without the key" },
	{ "unregistered without the key", unregister_without_key, &nothing, NULL, false,
	  "unregistered without the key" },
	{ "the key dropped twice", drop_key_twice, &nothing, NULL, false,
	  "assertion failed: holders != 0" },
	{ "the key taken in atomic", take_key_atomically, &nothing, NULL, true,
	  "sleeping function called from invalid context: in atomic" },
	{ "the key dropped in atomic", drop_key_atomically, &nothing, NULL, true,
	  "sleeping function called from invalid context: in atomic" },
	{ "a task ends with a notifier", end_with_one, &nothing, NULL, false,
	  "ends with a preempt notifier" },
	{ "registered in sched_in", NULL, &wrong_in, register_third, false,
	  "registered in a call of the list" },
	{ "registered in sched_out", NULL, &wrong_out, register_third, false,
	  "registered in a call of the list" },
	{ "unregistered in sched_in", NULL, &wrong_in, unregister_itself, false,
	  "unregistered in a call of the list" },
	{ "unregistered in sched_out", NULL, &wrong_out, unregister_itself, false,
	  "unregistered in a call of the list" },
	{ "sched_in leaks a count", NULL, &wrong_in, leak_count, true,
	  "assertion failed: preempt_count() == PREEMPT_DISABLE_OFFSET" },
	{ "sched_out leaks a count", NULL, &wrong_out, leak_count, true,
	  "assertion failed: preempt_count() == FORK_PREEMPT_COUNT" },
	{ "sched_in leaves interrupts off", NULL, &wrong_in, disable_irqs, false,
	  "assertion failed: !arch_irqs_disabled()" },
	{ "sched_out leaves interrupts on", NULL, &wrong_out, enable_irqs, false,
	  "assertion failed: arch_irqs_disabled()" },
	{ "sched_in sleeps", NULL, &wrong_in, might_sleep, true,
	  "sleeping function called from invalid context: in atomic" },
	{ "sched_out sleeps", NULL, &wrong_out, might_sleep, false,
	  "sleeping function called from invalid context" },
	{ "sched_in schedules", NULL, &wrong_in, schedule, true, "scheduling while atomic" },
	{ "sched_out schedules", NULL, &wrong_out, schedule, false,
	  "assertion failed: !arch_irqs_disabled()" },
	{ "sched_out wakes", NULL, &wrong_out, wake, false,
	  "possible deadlock: task->pi_lock is taken under rq->lock here" },
};

#define MISTAKES (int)(sizeof(mistakes) / sizeof(mistakes[0]))

static const struct mistake *mistake; /* of the scenario */

/* Two notifiers, the wrong one the first that is called. */
static void
make_in_call(void)
{
	preempt_notifier_init(&second, &note);
	preempt_notifier_init(&third, &nothing);
	in_call = mistake->call;
	preempt_notifier_inc();
	do_register(&second);
	do_register(&first);
	wake_up_process(peer);
	yield();
	if (!second_called) {
		host_fail("a notifier was skipped");
	}
}

static void
run_mistake(void *unused)
{
	(void)unused;
	preempt_notifier_init(&first, mistake->ops);
	scenario_gate();
	if (mistake->make != NULL) {
		mistake->make();
	} else {
		make_in_call();
	}
	has_ended = true;
}

static void
run_peer(void *unused)
{
	(void)unused;
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
}

static void
boot_mistake(void)
{
	preempt_model_set(PREEMPT_NONE);
	peer = scenario_task(0, run_peer, NULL);
	scenario_task(0, run_mistake, NULL);
}

static void
check_not_ended(void)
{
	HOST_EXPECT(!has_ended);
}

static struct explore_scenario
mistake_scenario(const struct mistake *of)
{
	mistake = of;
	return (struct explore_scenario){
		of->name, 1, boot_mistake, check_not_ended, NULL, 0, NULL
	};
}

/* P59: mistakes with the list, with the key, and in the calls are found when they are made. */
START_TEST(test_notifiers_mistakes_are_found)
{
	struct explore_scenario scenario = mistake_scenario(&mistakes[_i]);

	if (CONFIG_PREEMPT_COUNT || !mistake->is_of_count) {
		scenario_must_fail(&scenario, mistake->words, LIMIT);
	}
}
END_TEST

static const struct mistake *
mistake_named(const char *name)
{
	for (int n = 0; n < MISTAKES; n++) {
		if (strcmp(mistakes[n].name, name) == 0) {
			return &mistakes[n];
		}
	}
	ck_abort_msg("there is no mistake '%s'", name);
}

/* P59: seeded bugs: one of the checks is missing, and the mistake does its harm. */
START_TEST(test_notifiers_checks_are_needed)
{
	struct explore_scenario scenario;

	scenario = mistake_scenario(mistake_named("registered without the key"));
	scenario_must_catch(&scenario, "notifier-key-untested", "was registered without the key",
	                    LIMIT);
	scenario = mistake_scenario(mistake_named("unregistered in sched_in"));
	scenario_must_catch(&scenario, "notifier-change-unseen", "was skipped", LIMIT);
	scenario = mistake_scenario(mistake_named("a task ends with a notifier"));
	scenario_must_catch(&scenario, "notifier-exit-unchecked", "!has_ended", LIMIT);
}
END_TEST

/* ---- a child ---- */

static HOST_STATE struct probe probe;

static void
run_child(void *unused)
{
	(void)unused;
	HOST_EXPECT(current->preempt_notifiers == NULL);
	yield();
	HOST_EXPECT(probe_on(0) == NULL);
	scenario_done();
}

static void
run_parent(void *unused)
{
	struct task *child;

	(void)unused;
	probe_register(&probe);
	scenario_gate();
	child = scenario_task(0, run_child, NULL);
	yield();
	probe_check(&probe);
	task_join(child);
	HOST_EXPECT(probe.outs >= 2);
	probe_unregister(&probe);
	scenario_done();
}

static void
boot_parent(void)
{
	scenario_task(0, run_parent, NULL);
	scenario_task(1, scenario_ask, NULL);
}

static void
check_family(void)
{
	scenario_check_at_rest(2);
}

/* P59: a child of a task with a notifier has none. */
START_TEST(test_notifiers_are_not_inherited)
{
	struct explore_scenario scenario = {
		"a child of a notified task", 2, boot_parent, check_family, NULL, 0, NULL
	};

	probe_must_hold_within(&scenario, 1);
	ck_assert(probe_was_called());
	probe_must_catch(&scenario, "notifier-inherited", "assertion failed: n->task == task");
}
END_TEST

/* ---- again and again ---- */

#define TIMES 3u

static void
register_often(void *unused)
{
	(void)unused;
	preempt_notifier_inc();
	scenario_gate();
	for (unsigned int n = 0; n < TIMES; n++) {
		probe_register(&probe);
		probe_check(&probe);
		probe_unregister(&probe);
		HOST_EXPECT(probe_on(0) == NULL);
	}
	preempt_notifier_dec();
	scenario_done();
	scenario_sleep();
}

/* As who creates a machine, and destroys it. */
static void
hold_key(void *unused)
{
	(void)unused;
	scenario_gate();
	preempt_notifier_inc();
	preempt_notifier_dec();
	HOST_EXPECT(wake_up_process(urgent));
	scenario_done();
	scenario_sleep();
}

static void
boot_often(void)
{
	preempt_model_set(CONFIG_PREEMPT_COUNT ? PREEMPT_FULL : PREEMPT_VOLUNTARY);
	urgent_boot();
	scenario_fifo_task(0, 10, register_often, NULL);
	scenario_task(1, hold_key, NULL);
}

static void
check_often(void)
{
	scenario_check_at_rest(2);
	HOST_EXPECT(urgent_runs == 1);
}

/*
 * P59, J33: registered again and again, preempted meanwhile, with two deviations, while another
 * task takes the key and drops it: only the key may sleep.
 */
START_TEST(test_notifiers_registered_often_stay_in_balance)
{
	struct explore_scenario scenario = {
		"registered often", 2, boot_often, check_often, NULL, 0, NULL
	};

	probe_must_hold_within(&scenario, 2);
	if (CONFIG_PREEMPT_COUNT) {
		ck_assert(probe_was_called());
		probe_must_catch(&scenario, "notifier-takes-key",
		                 "sleeping function called from invalid context: in atomic");
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("notifier list");
	TCase *tests = tcase_create("notifier list");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_loop_test(tests, test_notifiers_mistakes_are_found, 0, MISTAKES);
	tcase_add_test(tests, test_notifiers_checks_are_needed);
	tcase_add_test(tests, test_notifiers_are_not_inherited);
	tcase_add_test(tests, test_notifiers_registered_often_stay_in_balance);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
