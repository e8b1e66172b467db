// SPDX-License-Identifier: ISC
/*
 * The order of trace records, in every interleaving of the wakeups; and that the checker notices
 * each thing that can be out of order.
 */
#include "tests/explore/order.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/trace.h"
#include "tests/explore/scenario.h"
#include "tests/explore/sleeper.h"
#include "tests/host/record.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

static HOST_STATE struct task *urgent;

/* Over all runs of a scenario: those in which a task was preempted with its state set to sleep. */
static unsigned int window_count;

static void
sleep_for_condition(void *arg)
{
	(void)arg;
	host_gate();
	trace(TRACE_marker, 0, 0); /* with interrupts on: a point would be one here */
	for (;;) {                 /* bounded: until the wakeup */
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (atomic_load(&sleeper_condition)) {
			break;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	scenario_done();
	host_stop();
}

/* Woken from cpu 1, perhaps between the sleeper's state and its schedule(). */
static void
overtake_and_wake(void *arg)
{
	(void)arg;
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	atomic_store(&sleeper_condition, 1);
	wake_up_state(sleeper, TASK_NORMAL);
	scenario_sleep();
}

static void
wake_urgent(void *arg)
{
	(void)arg;
	host_gate();
	wake_up_state(urgent, TASK_NORMAL);
	host_stop();
}

static void
boot_order(void (*sleep)(void *), void (*wake)(void *))
{
	record_runs = true;
	sleeper_boot(sleep, wake);
}

static void
boot_wakeup(void)
{
	boot_order(sleep_for_condition, sleeper_set_and_wake);
}

static void
boot_silent(void)
{
	boot_wakeup();
	record_runs = false;
}

static void
boot_idle(void)
{
	boot_order(sleeper_block, sleeper_set_and_wake);
}

static void
boot_preempted(void)
{
	preempt_model_set(PREEMPT_FULL);
	urgent = scenario_fifo_task(0, 50, overtake_and_wake, NULL);
	scenario_name_task(urgent, "urgent");
	boot_order(sleep_for_condition, wake_urgent);
}

static bool
is_preempted_sleeper(const struct trace_record *record)
{
	return record->event == TRACE_sched_switch &&
	       trace_switch_prev_state(record->b) == TASK_UNINTERRUPTIBLE &&
	       trace_switch_reason(record->b) != SCHED_REASON_BLOCK;
}

static void
check(void)
{
	size_t count;
	size_t first;
	const struct trace_record *list = record_list(&count, &first);

	order_expect();
	scenario_check_at_rest(1);
	for (size_t i = first; i < count; i++) {
		if (is_preempted_sleeper(&list[i])) {
			window_count++;
			break;
		}
	}
}

/* P38, P70: a sleeper and its waker. */
START_TEST(test_order_wakeup_holds)
{
	scenario_must_hold(
		&(struct explore_scenario){ "order, wakeup", 2, boot_wakeup, check, NULL, 0, NULL },
		LIMIT);
}
END_TEST

/* P38, P70: the waker finds the cpu on its way to idle, or halted. */
START_TEST(test_order_idle_wakeup_holds)
{
	scenario_must_hold(
		&(struct explore_scenario){ "order, idle", 2, boot_idle, check, NULL, 0, NULL },
		LIMIT);
}
END_TEST

/*
 * P21, P38, P70: a task that is preempted with its state set stays queued, and needs no wakeup. The
 * window must have been hit.
 */
START_TEST(test_order_preempted_sleeper_holds)
{
	if (!CONFIG_PREEMPT_COUNT) {
		return; /* nothing preempts such a kernel */
	}
	window_count = 0;
	scenario_must_hold(&(struct explore_scenario){ "order, preempted sleeper", 2,
	                                               boot_preempted, check, NULL, 0, NULL },
	                   LIMIT);
	printf("    preempted with its state set in %u runs\n", window_count);
	ck_assert(window_count > 0 || !scenario_was_exhausted());
}
END_TEST

/* The same runs, whether they are recorded or not: writing a record is no step and no state. */
START_TEST(test_order_records_change_nothing)
{
	static struct explore_report recorded;
	static struct explore_report silent;
	struct explore_scenario scenario = { "records", 2, boot_wakeup, check, NULL, 0, NULL };

	explore_all(&scenario, LIMIT, &recorded);
	scenario.boot = boot_silent;
	scenario.check = NULL;
	explore_all(&scenario, LIMIT, &silent);
	ck_assert(recorded.complete && silent.complete);
	ck_assert_uint_eq(recorded.runs, silent.runs);
	ck_assert_uint_eq(recorded.transitions, silent.transitions);
}
END_TEST

/* ---- the checker ---- */

/*
 * Lists by hand: cpu 0 idles, A (1) is new and runs, blocks, and is woken from cpu 1, where B (2)
 * runs.
 */
enum { IDLE, A, B, C };

#define ATOMIC_COUNT (PREEMPT_ENABLED | FORK_PREEMPT_COUNT)
#define IRQ_COUNT    (PREEMPT_ENABLED | HARDIRQ_OFFSET)

#define RECORD(on, of, what, arg)                                            \
	{                                                                    \
		.cpu = (on), .pid = (of), .event = TRACE_##what, .a = (arg), \
		.preempt_count = ATOMIC_COUNT, .flags = TRACE_FLAG_IRQS_OFF, \
	}

/* trace_switch_pack() as a constant. */
#define PACKED(state, reason) ((uint64_t)(state) << 16 | (uint64_t)(reason) << 24)

#define SWITCH(on, from, state, why, to)                                            \
	{                                                                           \
		.cpu = (on), .pid = (from), .event = TRACE_sched_switch, .a = (to), \
		.preempt_count = ATOMIC_COUNT, .flags = TRACE_FLAG_IRQS_OFF,        \
		.b = PACKED(state, SCHED_REASON_##why),                             \
	}

#define IRQ(what, count_word)                                                         \
	{                                                                             \
		.event = TRACE_##what, .a = IRQ_TIMER, .preempt_count = (count_word), \
		.flags = TRACE_FLAG_IRQS_OFF,                                         \
	}

#define STORY_LENGTH 12

enum {
	A_IS_NEW,
	B_IS_NEW,
	A_STARTS,
	B_STARTS,
	A_BLOCKS,
	A_WAKING,
	A_WAKEUP,
	IRQ_ENTRY,
	IRQ_EXIT,
	A_AGAIN,
	B_PREEMPTED,
	A_EXITS,
};

static void
tell_story(struct trace_record *story)
{
	const struct trace_record list[STORY_LENGTH] = {
		[A_IS_NEW] = RECORD(0, IDLE, sched_wakeup_new, A),
		[B_IS_NEW] = RECORD(0, IDLE, sched_wakeup_new, B),
		[A_STARTS] = SWITCH(0, IDLE, TASK_RUNNING, IDLE, A),
		[B_STARTS] = SWITCH(1, IDLE, TASK_RUNNING, IDLE, B),
		[A_BLOCKS] = SWITCH(0, A, TASK_UNINTERRUPTIBLE, BLOCK, IDLE),
		[A_WAKING] = RECORD(1, B, sched_waking, A),
		[A_WAKEUP] = RECORD(1, B, sched_wakeup, A),
		[IRQ_ENTRY] = IRQ(irq_entry, IRQ_COUNT),
		[IRQ_EXIT] = IRQ(irq_exit, IRQ_COUNT),
		[A_AGAIN] = SWITCH(0, IDLE, TASK_RUNNING, IDLE, A),
		[B_PREEMPTED] = SWITCH(1, B, TASK_UNINTERRUPTIBLE, IRQ_RETURN, IDLE),
		[A_EXITS] = SWITCH(0, A, TASK_DEAD, EXIT, B),
	};

	memcpy(story, list, sizeof(list));
}

static const char *
verdict(const struct trace_record *story, size_t *at)
{
	const char *broken = order_check(story, STORY_LENGTH, at);

	return broken != NULL ? broken : "in order";
}

/* P70: the whole story is in order, a preempted task that goes on elsewhere included. */
START_TEST(test_order_check_accepts_a_story)
{
	struct trace_record story[STORY_LENGTH];
	size_t at;

	tell_story(story);
	ck_assert_str_eq(verdict(story, &at), "in order");
	ck_assert_uint_eq(story[A_BLOCKS].b,
	                  trace_switch_pack(0, 0, TASK_UNINTERRUPTIBLE, SCHED_REASON_BLOCK));
}
END_TEST

/* A record is replaced; the check must stop at `at`, with these words. */
struct change {
	size_t changed;
	struct trace_record by;
	size_t at;
	const char *words;
};

static const struct change changes[] = {
	/* The chain. */
	{ A_BLOCKS, SWITCH(0, B, TASK_UNINTERRUPTIBLE, BLOCK, IDLE), A_BLOCKS,
	  "a record of a task that does not run there" },
	{ A_BLOCKS, RECORD(0, A, marker, 0), IRQ_ENTRY,
	  "a record of a task that does not run there" },
	{ A_BLOCKS, SWITCH(0, A, TASK_RUNNING, PREEMPT_ENABLE, A), A_BLOCKS,
	  "a task is switched in that runs" },
	{ B_STARTS, SWITCH(1, IDLE, TASK_RUNNING, IDLE, A), B_STARTS,
	  "a task is switched in that runs" },
	/* The reason and the state. */
	{ A_BLOCKS, SWITCH(0, A, TASK_RUNNING, BLOCK, IDLE), A_BLOCKS,
	  "a task blocks that is running" },
	{ A_BLOCKS, SWITCH(0, A, TASK_UNINTERRUPTIBLE, YIELD, IDLE), A_BLOCKS,
	  "a task yields that would have blocked" },
	{ A_EXITS, SWITCH(0, A, TASK_UNINTERRUPTIBLE, EXIT, B), A_EXITS,
	  "a task exits that is not dead" },
	{ B_PREEMPTED, SWITCH(1, B, TASK_DEAD, IRQ_RETURN, IDLE), B_PREEMPTED,
	  "a dead task is preempted" },
	{ A_STARTS, SWITCH(0, IDLE, TASK_RUNNING, IRQ_RETURN, A), A_STARTS,
	  "the idle task is left by its loop, and nothing else is" },
	{ B_PREEMPTED, SWITCH(1, B, TASK_UNINTERRUPTIBLE, IDLE, IDLE), B_PREEMPTED,
	  "the idle task is left by its loop, and nothing else is" },
	/* The wakeups. */
	{ A_IS_NEW, RECORD(0, IDLE, marker, 0), A_STARTS,
	  "a new task is switched in before its wakeup" },
	{ B_IS_NEW, RECORD(0, IDLE, sched_wakeup_new, A), B_IS_NEW,
	  "a task is new for the second time" },
	{ A_WAKING, RECORD(1, B, marker, 0), A_WAKEUP, "a wakeup without its waking" },
	{ A_WAKING, RECORD(1, B, sched_waking, B), A_WAKEUP, "a wakeup without its waking" },
	{ IRQ_ENTRY, RECORD(1, B, sched_wakeup, A), IRQ_ENTRY, "a wakeup without its waking" },
	{ A_WAKEUP, RECORD(1, B, marker, 0), A_AGAIN,
	  "a sleeper is switched in before its wakeup" },
	{ A_WAKING, RECORD(1, B, sched_waking, C), A_WAKING, "nobody is there to be woken" },
	{ B_PREEMPTED, SWITCH(1, B, TASK_UNINTERRUPTIBLE, BLOCK, IDLE), A_EXITS,
	  "a sleeper is switched in before its wakeup" },
	/* The interrupts. */
	{ IRQ_ENTRY, RECORD(0, IDLE, marker, 0), IRQ_EXIT, "an interrupt ends that has not begun" },
	{ IRQ_ENTRY, IRQ(irq_entry, PREEMPT_ENABLED), IRQ_ENTRY,
	  "an interrupt without its count or with interrupts on" },
	/* What there is no room for. */
	{ A_IS_NEW, RECORD(0, IDLE, sched_wakeup_new, ORDER_PIDS_MAX), A_IS_NEW,
	  "more cpus or tasks than are checked" },
	{ A_IS_NEW, RECORD(HOST_CPUS_MAX, IDLE, marker, 0), A_IS_NEW,
	  "more cpus or tasks than are checked" },
};

/* P38, P70, mutants: each thing out of order is refused where it is, by its own words. */
START_TEST(test_order_check_refuses_a_changed_record)
{
	const struct change *change = &changes[_i];
	struct trace_record story[STORY_LENGTH];
	size_t at;

	tell_story(story);
	story[change->changed] = change->by;
	ck_assert_str_eq(verdict(story, &at), change->words);
	ck_assert_uint_eq(at, change->at);
}
END_TEST

/* P38, mutant: the wakeup comes before the waking; both are there. */
START_TEST(test_order_check_refuses_swapped_wakeup)
{
	struct trace_record story[STORY_LENGTH];
	struct trace_record waking;
	size_t at;

	tell_story(story);
	waking = story[A_WAKING];
	story[A_WAKING] = story[A_WAKEUP];
	story[A_WAKEUP] = waking;
	ck_assert_str_eq(verdict(story, &at), "a wakeup without its waking");
}
END_TEST

/* P38, P70, mutants: the dead are not woken, and do not run. */
START_TEST(test_order_check_refuses_the_dead)
{
	struct trace_record story[STORY_LENGTH];
	size_t at;

	tell_story(story);
	story[A_BLOCKS] = (struct trace_record)SWITCH(0, A, TASK_DEAD, EXIT, IDLE);
	ck_assert_str_eq(verdict(story, &at), "nobody is there to be woken");
	story[A_WAKING] = (struct trace_record)RECORD(1, B, marker, 0);
	story[A_WAKEUP] = (struct trace_record)RECORD(1, B, marker, 0);
	ck_assert_str_eq(verdict(story, &at), "a task is switched in after its end");
}
END_TEST

/* P2, P70, mutants: the count at a switch, the interrupt flag, and the request that is answered. */
START_TEST(test_order_check_refuses_a_wrong_context)
{
	struct trace_record story[STORY_LENGTH];
	size_t at;

	tell_story(story);
	story[A_BLOCKS].preempt_count++;
	ck_assert_str_eq(verdict(story, &at), "a switch whose count is not 2");
	story[A_BLOCKS].preempt_count = ATOMIC_COUNT & ~PREEMPT_NEED_RESCHED;
	ck_assert_str_eq(verdict(story, &at), "a request survives the switch");
	story[A_BLOCKS].preempt_count = ATOMIC_COUNT;
	story[A_BLOCKS].flags |= TRACE_FLAG_NR;
	ck_assert_str_eq(verdict(story, &at), "a request survives the switch");
	story[A_BLOCKS].flags = 0;
	ck_assert_str_eq(verdict(story, &at), "a switch with interrupts on");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("order of trace records");
	TCase *tests = tcase_create("order");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_order_wakeup_holds);
	tcase_add_test(tests, test_order_idle_wakeup_holds);
	tcase_add_test(tests, test_order_preempted_sleeper_holds);
	tcase_add_test(tests, test_order_records_change_nothing);
	tcase_add_test(tests, test_order_check_accepts_a_story);
	tcase_add_loop_test(tests, test_order_check_refuses_a_changed_record, 0,
	                    sizeof(changes) / sizeof(changes[0]));
	tcase_add_test(tests, test_order_check_refuses_swapped_wakeup);
	tcase_add_test(tests, test_order_check_refuses_the_dead);
	tcase_add_test(tests, test_order_check_refuses_a_wrong_context);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
