// SPDX-License-Identifier: ISC
/*
 * What asks for a reschedule: the catalogue of Linux 6.18, a row a trigger, each with the flag that
 * it sets under lazy. In every other model what is lazy there is full.
 */
#include <stdio.h>
#include <string.h>

#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/timer.h"
#include "guest/yield_to.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT       1000
#define SLICE_TICKS 3 /* of nice 0 */
#define BOTH_FLAGS  (TIF_NEED_RESCHED | TIF_NEED_RESCHED_LAZY)
#define FULL        TIF_NEED_RESCHED
#define LAZY        TIF_NEED_RESCHED_LAZY
#define NOTHING     0u

/* SCHED_FIFO of a priority, or SCHED_NORMAL of a nice level. */
struct kind {
	enum sched_policy policy;
	int8_t level;
};

#define FIFO(priority)               \
	{                            \
		SCHED_FIFO, priority \
	}
#define NICE(level)                 \
	{                           \
		SCHED_NORMAL, level \
	}

/* Whose current is asked: cpu 0's, by itself; cpu 0's, by cpu 1, or by a fair task there; or cpu
 * 0's idle task. */
enum place { HERE, THERE, THERE_BY_FAIR, IDLE };

struct trigger {
	const char *name;
	const char *missing; /* why there is no such trigger yet; NULL: there is */
	enum place place;
	struct kind running;
	struct kind other;
	void (*prepare)(void); /* what is asked for here does not count; NULL: nothing */
	void (*act)(void);
	uint32_t flag; /* that is set under lazy */
};

static struct {
	const struct trigger *trigger;
	enum preempt_model model;
} cell;

static HOST_STATE struct task *first; /* the current of cpu 0, but in place IDLE */
static HOST_STATE struct task *other;
static HOST_STATE struct atomic is_checked;
static HOST_STATE struct atomic is_there;
static HOST_STATE bool other_ran;
static HOST_STATE uint32_t flags_seen;
static uint32_t flags_found; /* by the last run */

/* ---- what happens ---- */

static void
wake_other(void)
{
	HOST_EXPECT(wake_up_process(other));
}

static void
wake_up_new_other(void)
{
	wake_up_new_task(other);
}

static void
tick(void)
{
	unsigned long flags = arch_irq_save();

	preempt_count_add(HARDIRQ_OFFSET);
	sched_tick();
	preempt_count_sub(HARDIRQ_OFFSET);
	arch_irq_restore(flags);
}

static void
use_slice_but_one_tick(void)
{
	for (unsigned int n = 0; n < SLICE_TICKS - 1; n++) {
		tick();
	}
}

static void
queue_other_and_use_slice(void)
{
	wake_other();
	use_slice_but_one_tick();
}

static void
ask_lazily(void)
{
	atomic_fetch_or(&current->flags, TIF_NEED_RESCHED_LAZY);
}

static void
make_first_lighter(void)
{
	set_user_nice(first, 5);
}

static void
make_first_heavier(void)
{
	set_user_nice(first, -5);
}

static void
make_other_heavier(void)
{
	set_user_nice(other, -5);
}

static void
make_other_lighter(void)
{
	set_user_nice(other, 5);
}

static void
ask_cpu(void)
{
	resched_cpu(0);
}

/* On cpu 1, where it is queued under a FIFO task. */
static void
move_other(void)
{
	HOST_EXPECT(set_cpus_allowed(other, 1) == 0);
}

static void
move_first(void)
{
	HOST_EXPECT(set_cpus_allowed(first, 2) == 0);
}

/* To who is equal, and nobody is asked. */
static void
yield_to_other(void)
{
	preempt_enable_no_resched();
	yield();
	preempt_disable();
	HOST_EXPECT(other_ran);
}

/* On cpu 0, where it is queued under an equal. */
static void
yield_to_other_there(void)
{
	move_other();
	HOST_EXPECT(yield_to(other));
}

/* ---- the catalogue ---- */

#define MISSING(what, why)                   \
	{                                    \
		.name = what, .missing = why \
	}

static const struct trigger triggers[] = {
	{ "tick, a fair slice ends", NULL, HERE, NICE(0), NICE(0), queue_other_and_use_slice, tick,
	  LAZY },
	{ "tick, a fair slice ends alone", NULL, HERE, NICE(0), NICE(0), use_slice_but_one_tick,
	  tick, NOTHING },
	{ "tick, FIFO with an equal", NULL, HERE, FIFO(10), FIFO(10), queue_other_and_use_slice,
	  tick, NOTHING },
	{ "tick that starts with a lazy request", NULL, HERE, NICE(0), NICE(0), ask_lazily, tick,
	  FULL | LAZY },
	MISSING("hrtick", "there is no hrtick"),
	MISSING("tick, an RR slice ends, alone or not", "there is no SCHED_RR"),
	MISSING("tick, a deadline runtime ends", "there is no deadline class"),
	{ "wakeup, fair, heavier", NULL, HERE, NICE(0), NICE(-5), NULL, wake_other, LAZY },
	{ "wakeup, fair, equal", NULL, HERE, NICE(0), NICE(0), NULL, wake_other, NOTHING },
	{ "wakeup, fair, lighter", NULL, HERE, NICE(0), NICE(5), NULL, wake_other, NOTHING },
	{ "wakeup, FIFO, more important", NULL, HERE, FIFO(10), FIFO(20), NULL, wake_other, FULL },
	{ "wakeup, FIFO, equal", NULL, HERE, FIFO(10), FIFO(10), NULL, wake_other, NOTHING },
	{ "wakeup, FIFO, less important", NULL, HERE, FIFO(20), FIFO(10), NULL, wake_other,
	  NOTHING },
	{ "wakeup of a higher class", NULL, HERE, NICE(-20), FIFO(1), NULL, wake_other, FULL },
	{ "wakeup of a lower class", NULL, HERE, FIFO(1), NICE(-20), NULL, wake_other, NOTHING },
	{ "wakeup on an idle cpu", NULL, IDLE, NICE(0), NICE(5), NULL, wake_other, FULL },
	{ "a new task, fair, heavier", NULL, HERE, NICE(0), NICE(-5), NULL, wake_up_new_other,
	  LAZY },
	{ "a new task, fair, equal", NULL, HERE, NICE(0), NICE(0), NULL, wake_up_new_other,
	  NOTHING },
	{ "a new task, FIFO", NULL, HERE, NICE(0), FIFO(10), NULL, wake_up_new_other, FULL },
	{ "affinity, a heavier one comes", NULL, THERE, NICE(0), NICE(-5), NULL, move_other, LAZY },
	{ "affinity, an equal one comes", NULL, THERE, NICE(0), NICE(0), NULL, move_other,
	  NOTHING },
	{ "affinity, it may not stay", NULL, THERE, NICE(0), NICE(0), NULL, move_first, FULL },
	{ "nice, current, less important", NULL, HERE, NICE(0), NICE(0), wake_other,
	  make_first_lighter, FULL },
	{ "nice, current, less important, alone", NULL, HERE, NICE(0), NICE(0), NULL,
	  make_first_lighter, NOTHING },
	{ "nice, current, more important", NULL, HERE, NICE(0), NICE(0), wake_other,
	  make_first_heavier, NOTHING },
	{ "nice, a waiting one, more important", NULL, HERE, NICE(0), NICE(0), wake_other,
	  make_other_heavier, LAZY },
	{ "nice, a waiting one, less important", NULL, HERE, NICE(0), NICE(0), wake_other,
	  make_other_lighter, NOTHING },
	{ "nice, a sleeping one", NULL, HERE, NICE(0), NICE(0), NULL, make_other_heavier, NOTHING },
	{ "resched_cpu()", NULL, HERE, NICE(0), NICE(0), NULL, ask_cpu, FULL },
	{ "yield (no flag: it switches)", NULL, HERE, NICE(0), NICE(0), wake_other, yield_to_other,
	  NOTHING },
	MISSING("change of policy, class switched to", "a task keeps its class"),
	MISSING("priority inheritance", "there are no rtmutexes"),
	MISSING("RT push and pull, pinned equals", "tasks do not move by themselves"),
	MISSING("load balance", "tasks do not move by themselves"),
	MISSING("bandwidth: throttled, unthrottled", "there is no bandwidth control"),
	{ "yield_to(), on another cpu", NULL, THERE_BY_FAIR, NICE(0), NICE(0), NULL,
	  yield_to_other_there, FULL },
	MISSING("a grace period that takes long", "RCU sends an interrupt of its own"),
	MISSING("idle injection, nohz kick", "an idle cpu keeps its tick"),
	MISSING("core scheduling", "siblings are not known"),
};

#define TRIGGER_COUNT (sizeof(triggers) / sizeof(triggers[0]))

/* ---- a cell ---- */

static HOST_STATE struct task *waiter; /* on the other's cpu */
static HOST_STATE bool other_sleeps;

/* However important it is, and whoever asks it. */
static void
run_other(void *arg)
{
	(void)arg;
	if (cell.trigger->act != wake_up_new_other) {
		preempt_disable();
		set_current_state(TASK_UNINTERRUPTIBLE);
		other_sleeps = true;
		wake_up_process(waiter);
		schedule_preempt_disabled();
		preempt_enable();
	}
	other_ran = true;
	scenario_sleep();
}

static struct task *
create(struct kind kind, uint64_t cpus, void (*fn)(void *))
{
	return task_create(&(struct task_params){
		.comm = "trigger",
		.fn = fn,
		.policy = kind.policy,
		.rt_priority = kind.policy == SCHED_FIFO ? (uint8_t)kind.level : 0,
		.nice = kind.policy == SCHED_NORMAL ? kind.level : (int8_t)0,
		.cpus_allowed = cpus,
	});
}

static void
wait_until_other_sleeps(void)
{
	if (cell.trigger->act == wake_up_new_other) {
		return;
	}
	set_current_state(TASK_UNINTERRUPTIBLE);
	if (!other_sleeps) {
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	HOST_EXPECT(other_sleeps);
}

static void
ask_nothing(void)
{
	clear_tsk_need_resched(current);
	clear_preempt_need_resched();
}

/* Nothing is answered before it is looked at. */
static void
act_here(void *arg)
{
	(void)arg;
	wait_until_other_sleeps();
	scenario_gate();
	preempt_disable();
	if (cell.trigger->prepare != NULL) {
		cell.trigger->prepare();
		if (cell.trigger->prepare != ask_lazily) {
			ask_nothing();
		}
	}
	cell.trigger->act();
	flags_seen = atomic_load(&current->flags) & BOTH_FLAGS;
	HOST_EXPECT(test_preempt_need_resched() == need_resched());
	ask_nothing();
	preempt_enable_no_resched();
	scenario_done();
	host_stop();
}

/* With interrupts off: what it is asked stays. */
static void
be_asked(void *arg)
{
	(void)arg;
	scenario_gate();
	arch_irq_disable();
	atomic_store(&is_there, 1);
	while (!atomic_load(&is_checked)) { /* bounded: by the other cpu */
		arch_cpu_relax();
	}
	ask_nothing();
	host_stop();
}

static void
act_there(void *arg)
{
	(void)arg;
	wait_until_other_sleeps();
	scenario_gate();
	while (!atomic_load(&is_there)) { /* bounded: the other cpu comes */
		arch_cpu_relax();
	}
	wake_other();
	cell.trigger->act();
	flags_seen = atomic_load(&first->flags) & BOTH_FLAGS;
	atomic_store(&is_checked, 1);
	scenario_done();
	host_stop();
}

static HOST_STATE struct timer timer;

static void
act_in_timer(struct timer *self)
{
	(void)self;
	HOST_EXPECT(task_is_idle(current));
	cell.trigger->act();
	flags_seen = atomic_load(&current->flags) & BOTH_FLAGS;
	HOST_EXPECT(test_preempt_need_resched() == need_resched());
	scenario_done();
}

static void
act_on_idle(void *arg)
{
	(void)arg;
	wait_until_other_sleeps();
	scenario_gate();
	timer_init(&timer, act_in_timer);
	timer_start(&timer, 100);
	scenario_sleep();
}

static void
boot_cell(void)
{
	static void (*const bodies[])(void *) = { act_here, be_asked, be_asked, act_on_idle };
	const struct trigger *trigger = cell.trigger;
	bool by_fair = trigger->place == THERE_BY_FAIR;
	bool there = trigger->place == THERE || by_fair;

	preempt_model_set(cell.model);
	other = create(trigger->other, there ? 2 : 1, run_other);
	if (trigger->act != wake_up_new_other) {
		wake_up_new_task(other);
	}
	first = create(trigger->running, 1, bodies[trigger->place]);
	waiter = first;
	wake_up_new_task(first);
	if (there) {
		waiter = by_fair ? scenario_task(1, act_there, NULL)
		                 : scenario_fifo_task(1, 50, act_there, NULL);
	}
}

static const char *
flags_words(uint32_t flags)
{
	return flags == NOTHING ? "-" : flags == FULL ? "full" : flags == LAZY ? "lazy" : "both";
}

static uint32_t
flags_wanted(void)
{
	uint32_t flag = cell.trigger->flag;

	return cell.model == PREEMPT_LAZY || flag != LAZY ? flag : FULL;
}

static void
check_cell(void)
{
	scenario_check_quiet(1);
	flags_found = flags_seen;
	if (flags_seen != flags_wanted()) {
		host_fail("%s, %s: asks for %s, not %s", cell.trigger->name,
		          preempt_model_names[cell.model], flags_words(flags_seen),
		          flags_words(flags_wanted()));
	}
}

static struct explore_scenario
cell_scenario(void)
{
	return (struct explore_scenario){
		cell.trigger->name,
		cell.trigger->place == THERE || cell.trigger->place == THERE_BY_FAIR ? 2 : 1,
		boot_cell,
		check_cell,
		NULL,
		0,
		NULL,
	};
}

static uint64_t
cell_must_hold(void)
{
	static struct explore_report report;
	struct explore_scenario scenario = cell_scenario();

	if (scenario.cpus == 1) {
		explore_all(&scenario, LIMIT, &report);
	} else {
		explore_bounded(&scenario, 1, LIMIT, &report);
	}
	ck_assert_msg(report.complete, "%s\nreplay: %s", report.reason, report.replay);
	ck_assert_uint_ne(report.runs, 0);
	return report.runs;
}

/* P30, P31 (every): each trigger sets the flag that the catalogue says, folded if it is full. */
START_TEST(test_triggers_set_the_flag_of_the_catalogue)
{
	unsigned int missing = 0;

	printf("%-40s", "trigger (the flag, in how many runs)");
	for (unsigned int model = 0; model < PREEMPT_MODEL_COUNT; model++) {
		printf(" %-12s", preempt_model_names[model]);
	}
	printf("\n");
	for (unsigned int n = 0; n < TRIGGER_COUNT; n++) {
		cell.trigger = &triggers[n];
		missing += cell.trigger->missing != NULL;
		if (cell.trigger->missing != NULL) {
			continue;
		}
		printf("%-40s", cell.trigger->name);
		for (cell.model = 0; cell.model < PREEMPT_MODEL_COUNT; cell.model++) {
			if (scenario_has_model(cell.model)) {
				unsigned long long runs = cell_must_hold();

				printf(" %-4s %-7llu", flags_words(flags_found), runs);
			}
		}
		printf("\n");
		fflush(stdout);
	}
	for (unsigned int n = 0; n < TRIGGER_COUNT; n++) {
		if (triggers[n].missing != NULL) {
			printf("XFAIL %-34s %s\n", triggers[n].name, triggers[n].missing);
		}
	}
	printf("%u of %zu triggers are missing\n", missing, TRIGGER_COUNT);
}
END_TEST

static const struct mutant {
	const char *bug;
	const char *trigger;
	const char *words;
} mutants[] = {
	{ "request-when-alone", "tick, a fair slice ends alone", "asks for lazy, not -" },
	{ "request-for-equal", "wakeup, FIFO, equal", "asks for full, not -" },
	{ "no-wakeup-preempt", "wakeup, FIFO, more important", "asks for -, not full" },
	{ "slice-end-full", "tick, a fair slice ends", "asks for full, not lazy" },
	{ "wakeup-full", "wakeup, fair, heavier", "asks for full, not lazy" },
	{ "wakeup-full", "affinity, a heavier one comes", "asks for full, not lazy" },
	{ "renice-lazily", "nice, current, less important", "asks for lazy, not full" },
	{ "yield-to-lazily", "yield_to(), on another cpu", "asks for lazy, not full" },
	{ "lazy-never-promoted", "tick that starts with a lazy request",
	  "asks for lazy, not both" },
};

#define MUTANT_COUNT (int)(sizeof(mutants) / sizeof(mutants[0]))

/* P30, P31 (lazy), seeded bugs: a trigger that sets another flag than its row says, or none. */
START_TEST(test_triggers_seeded_bugs_are_caught)
{
	struct explore_scenario scenario;

	if (!scenario_has_model(PREEMPT_LAZY)) {
		return;
	}
	cell.model = PREEMPT_LAZY;
	cell.trigger = NULL;
	for (unsigned int n = 0; n < TRIGGER_COUNT; n++) {
		if (strcmp(triggers[n].name, mutants[_i].trigger) == 0) {
			cell.trigger = &triggers[n];
		}
	}
	ck_assert_ptr_nonnull(cell.trigger);
	scenario = cell_scenario();
	scenario_must_catch_late(&scenario, mutants[_i].bug, mutants[_i].words, LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("trigger");
	TCase *tests = tcase_create("trigger");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_triggers_set_the_flag_of_the_catalogue);
	tcase_add_loop_test(tests, test_triggers_seeded_bugs_are_caught, 0, MUTANT_COUNT);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
