// SPDX-License-Identifier: ISC
/*
 * The preempt counter: what a switch, a point, an interrupt and a mistake do to it, at every moment
 * at which something else can come in between.
 */
#include "guest/preempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/irq.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 40000

#define PREEMPT_LIMIT 244u /* disables that nest */
#define NEST_LIMIT    15u  /* hard interrupts, NMIs */

static HOST_STATE struct task *urgent;
static HOST_STATE unsigned int urgent_runs;
static HOST_STATE struct raw_spinlock lock;
static HOST_STATE struct timer timer;

/* Of the test that runs, for its boot(). */
static enum preempt_model model = PREEMPT_FULL;
static const char *late_bug; /* a bug that would not let the scenario boot; NULL: none */
static unsigned int window_hits;

static void
run_urgently(void *arg)
{
	(void)arg;
	for (;;) { /* forever: once for each wakeup */
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule();
		urgent_runs++;
	}
}

static _Noreturn void
sleep_for_good(void)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	host_fail("nobody wakes this task");
}

/* What is pending is taken here. */
static void
take_interrupts(void)
{
	while (host_cpu(0)->pending || host_cpu(0)->nmi_pending) { /* bounded: nothing else moves */
		arch_cpu_relax();
		preempt_count();
	}
}

static void
pass_gate(void)
{
	host_gate();
	if (late_bug != NULL) {
		HOST_EXPECT(bug_choose(late_bug, strlen(late_bug)));
	}
}

/* The same scenario with a bug that is there from the gate on. Tells it as scenario.c tells others.
 */
static void
late_bug_must_fail(const struct explore_scenario *scenario, const char *bug, const char *words)
{
	late_bug = bug;
	scenario_must_fail(scenario, words, LIMIT);
	late_bug = NULL;
	printf("MUTANT %s | %s | %s\n", bug, scenario->name, words);
	fflush(stdout);
}

/* A remote request's interrupt has been taken, and the request is still there. */
static bool
overslept(void)
{
	return need_resched() && host_sent_count(0, IRQ_RESCHEDULE) != 0 &&
	       !(host_cpu(0)->pending & 1u << IRQ_RESCHEDULE);
}

static void
wake_urgent(void *arg)
{
	(void)arg;
	pass_gate();
	HOST_EXPECT(wake_up_process(urgent));
	host_stop();
}

static void
boot_urgent(void (*body)(void *))
{
	preempt_model_set(model);
	urgent = scenario_fifo_task(0, 50, run_urgently, NULL);
	scenario_fifo_task(0, 10, body, NULL);
}

/* It is runnable and goes before, but nobody has asked yet. */
static void
make_urgent_ready(void)
{
	arch_irq_disable();
	preempt_disable();
	HOST_EXPECT(wake_up_process(urgent));
	clear_tsk_need_resched(current);
	clear_preempt_need_resched();
	preempt_enable_no_resched();
	arch_irq_enable();
}

static void
run_against(void *body)
{
	make_urgent_ready();
	((void (*)(void *))(uintptr_t)body)(NULL);
}

static void
ask(void *arg)
{
	(void)arg;
	host_gate();
	resched_cpu(0);
	host_stop();
}

/* body on cpu 0 against a request from cpu 1. */
static void
boot_against(void (*body)(void *))
{
	preempt_model_set(model);
	urgent = scenario_fifo_task(0, 50, run_urgently, NULL);
	scenario_fifo_task(0, 10, run_against, (void *)(uintptr_t)body);
	scenario_task(1, ask, NULL);
}

/* Who stops before the request comes leaves it: the body itself says what it may not leave. */
static void
check_stopped(void)
{
	HOST_EXPECT(urgent_runs <= 1);
	HOST_EXPECT(host_all_halted());
}

static void
check_urgent(void)
{
	HOST_EXPECT(urgent_runs == 1);
	HOST_EXPECT(host_all_halted());
}

/* ---- switches ---- */

static HOST_STATE bool child_ran;
static HOST_STATE struct task *parent;

/* Whatever ran before: its first instruction finds the count that every task begins with. */
static void
run_child(void *arg)
{
	(void)arg;
	HOST_EXPECT(preempt_count() == 0);
	child_ran = true;
}

static void
wake_both(struct timer *self)
{
	(void)self;
	wake_up_process(urgent);
	wake_up_process(parent);
}

static void
wake_urgent_again(struct timer *self)
{
	(void)self;
	wake_up_process(urgent);
}

/* A first run, an exit, a yield, idle and back, and an interrupt's return. */
static void
switch_in_all_ways(void *arg)
{
	(void)arg;
	timer_init(&timer, wake_both);
	pass_gate();
	task_put(scenario_fifo_task(0, 20, run_child, NULL));
	HOST_EXPECT(preempt_count() == 0);
	yield();
	HOST_EXPECT(child_ran);
	HOST_EXPECT(preempt_count() == 0);
	set_current_state(TASK_UNINTERRUPTIBLE);
	timer_start(&timer, arch_clock_ns() + 100);
	schedule();
	HOST_EXPECT(preempt_count() == 0);
	timer_init(&timer, wake_urgent_again);
	timer_start(&timer, arch_clock_ns() + 100);
	host_clock_advance(100);
	take_interrupts();
	HOST_EXPECT(urgent_runs == 2);
	HOST_EXPECT(preempt_count() == 0);
	sleep_for_good();
}

static void
boot_switches(void)
{
	HOST_EXPECT(preempt_count() == INIT_PREEMPT_COUNT);
	preempt_model_set(PREEMPT_FULL);
	urgent = scenario_fifo_task(0, 50, run_urgently, NULL);
	parent = scenario_fifo_task(0, 10, switch_in_all_ways, NULL);
}

static void
check_switches(void)
{
	HOST_EXPECT(urgent_runs == 2);
	HOST_EXPECT(child_ran);
	HOST_EXPECT(host_all_halted());
}

static void
idle_at_one(void)
{
	HOST_EXPECT(preempt_count() == IDLE_PREEMPT_COUNT);
	sched_idle_loop();
}

/* P1, P11: every kind of switch is made at 2 on both sides; tasks, idle and boot begin as said. */
START_TEST(test_counter_of_every_switch_is_two)
{
	struct explore_scenario scenario = {
		"every kind of switch", 1, boot_switches, check_switches, idle_at_one, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return;
	}
	scenario_must_hold(&scenario, LIMIT);
	late_bug_must_fail(&scenario, "switch-leak",
	                   "assertion failed: preempt_count() == FORK_PREEMPT_COUNT");
	late_bug_must_fail(&scenario, "first-run-leak", "assertion failed: preempt_count() == 0");
}
END_TEST

/* ---- leaks, and what may not be done in atomic ---- */

/* A section of its own, whose ends the linker marks: where a reported address must lie. */
#define LEAKER(name) static __attribute__((noinline, section("leaker_" #name))) void

extern const char __start_leaker_disable[];
extern const char __stop_leaker_disable[];
extern const char __start_leaker_lock[];
extern const char __stop_leaker_lock[];
extern const char __start_leaker_softirq[];
extern const char __stop_leaker_softirq[];

LEAKER(disable)
leak_disable(void)
{
	preempt_disable();
	barrier(); /* no tail call: the address must be ours */
}

LEAKER(lock)
leak_lock(void)
{
	raw_spin_lock(&lock);
	barrier();
}

LEAKER(softirq)
leak_softirq(void)
{
	preempt_count_add(SOFTIRQ_OFFSET);
	barrier();
}

static void
leak_twice(void)
{
	leak_disable();
	preempt_disable(); /* not the outermost: not the one that is told */
}

static void
leak_and_schedule(void)
{
	leak_twice();
	schedule();
}

static void
schedule_under_lock(void)
{
	leak_lock();
	schedule();
}

static void
schedule_in_softirq(void)
{
	leak_softirq();
	schedule();
}

static void
schedule_in_timer(struct timer *self)
{
	(void)self;
	arch_irq_enable();
	schedule();
}

static void
leak_in_timer(struct timer *self)
{
	(void)self;
	leak_disable();
}

static void
take_timer(void (*fn)(struct timer *))
{
	timer_init(&timer, fn);
	timer_start(&timer, 0);
	take_interrupts();
	sleep_for_good();
}

static void
schedule_in_hardirq(void)
{
	take_timer(schedule_in_timer);
}

static void
end_timer_with_leak(void)
{
	take_timer(leak_in_timer);
}

static void
do_nothing(struct timer *self)
{
	(void)self;
}

static void
take_quiet_timer(void)
{
	take_timer(do_nothing);
}

static void
end_nmi_with_leak(void)
{
	host_nmi_handler = leak_disable;
	host_nmi_send(0);
	take_interrupts();
	sleep_for_good();
}

static void
might_sleep_in_atomic(void)
{
	leak_disable();
	might_sleep();
}

static void
might_sleep_irqs_off(void)
{
	arch_irq_disable();
	might_sleep();
}

static void
might_sleep_with_state_set(void)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	might_sleep();
}

static void
name_cpu_unpinned(void)
{
	current->cpus_allowed = 3;
	(void)smp_processor_id();
}

static void
overrun_stack(void)
{
	*(uint64_t *)current->stack = 0;
	schedule();
}

/* What was done wrong, what is said of it, and where the outermost disable is said to be. */
static const struct fault {
	const char *name;
	void (*commit)(void);
	const char *words;
	const char *from; /* NULL: nowhere */
	const char *to;
} faults[] = {
	{ "two disables, schedule", leak_and_schedule,
	  "scheduling while atomic: fifo/0, pid 1, preempt_count 00000002", __start_leaker_disable,
	  __stop_leaker_disable },
	{ "lock, schedule", schedule_under_lock,
	  "scheduling while atomic: fifo/0, pid 1, preempt_count 00000001", __start_leaker_lock,
	  __stop_leaker_lock },
	{ "softirq, schedule", schedule_in_softirq,
	  "scheduling while atomic: fifo/0, pid 1, preempt_count 00000100", __start_leaker_softirq,
	  __stop_leaker_softirq },
	{ "hardirq, schedule", schedule_in_hardirq, "preempt_count 00010000", NULL, NULL },
	{ "a task's end", leak_twice, "task fifo/0, pid 1, ends with preempt_count 00000002",
	  __start_leaker_disable, __stop_leaker_disable },
	{ "a timer function's end", end_timer_with_leak, "timer function", __start_leaker_disable,
	  __stop_leaker_disable },
	{ "an NMI's end", end_nmi_with_leak,
	  "NMI: preempt_count 00000001 at its end, 00000000 at its start", __start_leaker_disable,
	  __stop_leaker_disable },
	{ "might_sleep in atomic", might_sleep_in_atomic, "invalid context: in atomic",
	  __start_leaker_disable, __stop_leaker_disable },
	{ "might_sleep with irqs off", might_sleep_irqs_off, "invalid context: interrupts are off",
	  NULL, NULL },
	{ "might_sleep with its state set", might_sleep_with_state_set,
	  "invalid context: its state is set already", NULL, NULL },
	{ "smp_processor_id in preemptible code", name_cpu_unpinned,
	  "using smp_processor_id() in preemptible code: task fifo/0, pid 1", NULL, NULL },
	{ "a stack's end overwritten", overrun_stack,
	  "kernel stack of fifo/0, pid 1, overran its end", NULL, NULL },
};

#define FAULT_COUNT (int)(sizeof(faults) / sizeof(faults[0]))

static const struct fault *fault;

static void
commit_fault(void *arg)
{
	(void)arg;
	host_gate();
	fault->commit();
}

static void
boot_fault(void)
{
	preempt_model_set(PREEMPT_FULL);
	scenario_fifo_task(0, 10, commit_fault, NULL);
}

/* In the text of the run that was replayed last. */
static void
check_disabled_at(const char *from, const char *to)
{
	static const char words[] = "preemption disabled at [<";
	const char *text = strstr(host_console(), words);
	uintptr_t address;

	if (from == NULL) {
		ck_assert_msg(text == NULL, "no disable was made, and yet:\n%s", host_console());
		return;
	}
	ck_assert_msg(text != NULL, "not told where:\n%s", host_console());
	address = strtoull(text + strlen(words), NULL, 16);
	ck_assert_msg(address > (uintptr_t)from && address <= (uintptr_t)to,
	              "the leak is in %p-%p:\n%s", (const void *)from, (const void *)to,
	              host_console());
}

/*
 * P2, P3, P46: each is found where it happens, or at the first boundary that owns it, by its own
 * words; the report says where the outermost disable was made.
 */
START_TEST(test_counter_faults_are_reported)
{
	fault = &faults[_i];
	if (!CONFIG_PREEMPT_COUNT && (fault->from != NULL || fault->commit == name_cpu_unpinned)) {
		return; /* the count does not tell */
	}
	scenario_must_fail(
		&(struct explore_scenario){ fault->name, 1, boot_fault, NULL, NULL, 0, NULL },
		fault->words, LIMIT);
	check_disabled_at(fault->from, fault->to);
}
END_TEST

static void
boot_nothing(void)
{
}

static _Noreturn void
sleep_in_idle(void)
{
	arch_irq_enable();
	host_gate();
	preempt_enable_no_resched();
	might_sleep();
	host_fail("idle may sleep");
}

/* P2: the idle task may not sleep, whatever its count. */
START_TEST(test_counter_idle_might_not_sleep)
{
	if (!CONFIG_PREEMPT_COUNT) {
		return;
	}
	scenario_must_fail(&(struct explore_scenario){ "might_sleep in idle", 1, boot_nothing, NULL,
	                                               sleep_in_idle, 0, NULL },
	                   "invalid context: the idle task", LIMIT);
}
END_TEST

/* P3, seeded bugs: a leak at the end of an interrupt, and of a timer's function. */
START_TEST(test_counter_seeded_leaks_are_noticed)
{
	static const struct fault quiet = { .commit = take_quiet_timer };

	if (!CONFIG_PREEMPT_COUNT) {
		return;
	}
	fault = &quiet;
	scenario_must_fail(&(struct explore_scenario){ "a timer, bug=leak-in-irq", 1, boot_fault,
	                                               NULL, NULL, 0, "leak-in-irq" },
	                   "interrupt of kind 0: preempt_count 00000001 at its end, 00000000",
	                   LIMIT);
	scenario_must_fail(&(struct explore_scenario){ "a timer, bug=leak-in-timer", 1, boot_fault,
	                                               NULL, NULL, 0, "leak-in-timer" },
	                   "timer function", LIMIT);
}
END_TEST

/* ---- requests ---- */

/* An absolute write beside whose load or store an interrupt folds. */
static bool
request_is_folded(void)
{
	return !overslept() || test_preempt_need_resched();
}

static void
set_count(void *arg)
{
	(void)arg;
	host_gate();
	preempt_disable();
	preempt_count_set(3);
	HOST_EXPECT(preempt_count() == 3);
	HOST_EXPECT(request_is_folded());
	preempt_count_set(1);
	HOST_EXPECT(preempt_count() == 1);
	HOST_EXPECT(request_is_folded());
	preempt_enable();
	HOST_EXPECT(!overslept());
	host_stop();
}

static void
boot_set_count(void)
{
	boot_against(set_count);
}

/* P4, P26: an interrupt folds its request, and absolute writes of the count keep it. */
START_TEST(test_counter_set_keeps_the_folded_bit)
{
	struct explore_scenario scenario = {
		"preempt_count_set", 2, boot_set_count, check_stopped, NULL, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return;
	}
	scenario_must_hold(&scenario, LIMIT);
	if (!HOST_FOLDS) {
		return; /* nothing to lose, nothing to forget */
	}
	scenario.name = "preempt_count_set, bug=forget-fold";
	scenario.bug = "forget-fold";
	scenario_must_fail(&scenario, "overslept()", LIMIT);
	if (HOST_PACKED) {
		return; /* the count is written alone */
	}
	scenario.name = "preempt_count_set, bug=plain-count-set";
	scenario.bug = "plain-count-set";
	scenario_must_fail(&scenario, "request_is_folded()", LIMIT);
}
END_TEST

/* Window: the request is there before the outermost enable. */
static void
enable_from_three(void *arg)
{
	unsigned int before;
	const struct task *self;
	bool asked = false;

	(void)arg;
	host_gate();
	preempt_disable();
	before = urgent_runs;
	preempt_disable();
	preempt_disable();
	for (unsigned int depth = 3; depth > 0; depth--) {
		HOST_EXPECT(urgent_runs == before);
		asked = depth == 1 && overslept();
		preempt_enable();
	}
	window_hits += asked;
	HOST_EXPECT(!asked || urgent_runs == 1);
	HOST_EXPECT(!overslept());
	HOST_EXPECT(preempt_count() == 0);
	self = current;
	HOST_EXPECT(self->nivcsw == urgent_runs);
	HOST_EXPECT(self->nvcsw == 0);
	host_stop();
}

static void
boot_three(void)
{
	boot_against(enable_from_three);
}

/*
 * P5, P6: wherever in three disables and three enables the interrupt comes, the outermost enable is
 * the place, once, and none without a request.
 */
START_TEST(test_counter_outermost_enable_switches)
{
	struct explore_scenario scenario = {
		"three disables, three enables", 2, boot_three, check_stopped, NULL, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return;
	}
	model = PREEMPT_FULL;
	window_hits = 0;
	scenario_must_hold(&scenario, LIMIT);
	ck_assert_uint_gt(window_hits, 0);
	scenario.name = "three enables, bug=enable-ignores-request";
	scenario.bug = "enable-ignores-request";
	scenario_must_fail(&scenario, "!overslept()", LIMIT);
	scenario.name = "three enables, bug=test-before-enable";
	scenario.bug = "test-before-enable";
	scenario_must_fail(&scenario, "!overslept()", LIMIT);
}
END_TEST

/* The request is taken with preemption off, and met with interrupts off. */
static void
enable_irqs_off(void *arg)
{
	unsigned int before;
	bool asked;

	(void)arg;
	host_gate();
	preempt_disable();
	asked = overslept();
	arch_irq_disable();
	before = urgent_runs;
	preempt_enable();
	HOST_EXPECT(urgent_runs == before);
	HOST_EXPECT(arch_irqs_disabled());
	HOST_EXPECT(!asked || need_resched());
	preempt_disable();
	arch_irq_enable();
	window_hits += asked;
	preempt_enable();
	HOST_EXPECT(!asked || urgent_runs == 1);
	HOST_EXPECT(!overslept());
	host_stop();
}

static void
boot_enable_irqs_off(void)
{
	boot_against(enable_irqs_off);
}

/* P8: with interrupts off an enable leaves the request pending, and the next one answers it. */
START_TEST(test_counter_enable_irqs_off_leaves_the_request)
{
	struct explore_scenario scenario = { "preempt_enable with irqs off",
		                             2,
		                             boot_enable_irqs_off,
		                             check_stopped,
		                             NULL,
		                             0,
		                             NULL };

	if (!CONFIG_PREEMPT_COUNT) {
		return;
	}
	window_hits = 0;
	scenario_must_hold(&scenario, LIMIT);
	ck_assert_uint_gt(window_hits, 0);
	scenario.name = "preempt_enable, bug=enable-irqs-off";
	scenario.bug = "enable-irqs-off";
	scenario_must_fail(&scenario, "urgent_runs == before", LIMIT);
}
END_TEST

/* The holder itself makes the request, or an interrupt that waits for the restored flag. */
static void
unlock_irqrestore(void *arg)
{
	unsigned long flags;
	bool urgent_ran_at_unlock;

	(void)arg;
	host_gate();
	flags = raw_spin_lock_irqsave(&lock);
	wake_up_process(urgent);
	HOST_EXPECT(urgent_runs == 0);
	raw_spin_unlock_irqrestore(&lock, flags);
	urgent_ran_at_unlock = urgent_runs == 1;
	HOST_EXPECT(urgent_ran_at_unlock);
	HOST_EXPECT(!arch_irqs_disabled());
	sleep_for_good();
}

static void
boot_unlock_irqrestore(void)
{
	boot_urgent(unlock_irqrestore);
}

static void
unlock_irqrestore_remotely(void *arg)
{
	unsigned long flags;
	unsigned int before;

	(void)arg;
	host_gate();
	flags = raw_spin_lock_irqsave(&lock);
	before = urgent_runs;
	HOST_EXPECT(preempt_count() == 1);
	HOST_EXPECT(urgent_runs == before);
	raw_spin_unlock_irqrestore(&lock, flags);
	HOST_EXPECT(!overslept());
	host_stop();
}

static void
boot_unlock_irqrestore_remotely(void)
{
	boot_against(unlock_irqrestore_remotely);
}

/* P9: the unlock switches, and not before interrupts are as they were. */
START_TEST(test_counter_unlock_irqrestore_switches_with_irqs_on)
{
	struct explore_scenario scenario = {
		"unlock_irqrestore", 1, boot_unlock_irqrestore, check_urgent, NULL, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return;
	}
	scenario_must_hold(&scenario, LIMIT);
	scenario_must_hold(&(struct explore_scenario){ "unlock_irqrestore, remote request", 2,
	                                               boot_unlock_irqrestore_remotely,
	                                               check_stopped, NULL, 0, NULL },
	                   LIMIT);
	scenario.name = "unlock_irqrestore, bug=unlock-before-irqs";
	scenario.bug = "unlock-before-irqs";
	scenario_must_fail(&scenario, "urgent_ran_at_unlock", LIMIT);
}
END_TEST

/* ---- schedule()'s loop ---- */

static HOST_STATE struct task *yielder;
static HOST_STATE bool is_in_schedule;
static HOST_STATE bool other_ran;
static HOST_STATE bool asked_late;

/* In schedule(), back from the switch: the return from this interrupt may not preempt. */
static void
note_window(unsigned int cpu)
{
	if (cpu == 0 && is_in_schedule && other_ran && current == yielder && preempt_count() != 0) {
		asked_late = need_resched();
		window_hits += asked_late;
	}
}

static void
yield_once(void *arg)
{
	(void)arg;
	host_gate();
	is_in_schedule = true;
	yield();
	is_in_schedule = false;
	HOST_EXPECT(!asked_late || !need_resched());
	host_stop();
}

static void
run_other(void *arg)
{
	(void)arg;
	other_ran = true;
	yield();
}

static void
boot_yield(void)
{
	preempt_model_set(model);
	yielder = scenario_fifo_task(0, 10, yield_once, NULL);
	scenario_fifo_task(0, 10, run_other, NULL);
	scenario_task(1, ask, NULL);
}

static void
check_yield(void)
{
	HOST_EXPECT(other_ran);
	HOST_EXPECT(host_all_halted());
}

/*
 * P22: a request that comes while the task is being switched in is answered before schedule()
 * returns, under a model that preempts and under one that does not.
 */
START_TEST(test_counter_schedule_answers_late_requests)
{
	static const enum preempt_model models[] = { PREEMPT_NONE, PREEMPT_FULL };
	struct explore_scenario scenario = {
		"yield and back", 2, boot_yield, check_yield, NULL, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return;
	}
	host_interrupt_seen = note_window;
	for (unsigned int n = 0; n < 2; n++) {
		model = models[n];
		window_hits = 0;
		scenario_must_hold(&scenario, LIMIT);
		ck_assert_uint_gt(window_hits, 0);
	}
	scenario.name = "yield and back, bug=no-schedule-loop";
	scenario.bug = "no-schedule-loop";
	model = PREEMPT_NONE;
	scenario_must_fail(&scenario, "!asked_late || !need_resched()", LIMIT);
}
END_TEST

/* ---- idle ---- */

/* Whoever asked for it, idle has left its cpu to the woken task, or sleeps through it. */
static bool
idle_overslept(void)
{
	return urgent_runs == 0;
}

static void
wake_from_timer(struct timer *self)
{
	(void)self;
	HOST_EXPECT(task_is_idle(current));
	HOST_EXPECT(wake_up_process(urgent));
}

static void
wait_for_timer(void *arg)
{
	(void)arg;
	timer_init(&timer, wake_from_timer);
	pass_gate();
	timer_start(&timer, arch_clock_ns() + 100);
	sleep_for_good();
}

static void
boot_idle_timer(void)
{
	boot_urgent(wait_for_timer);
}

static void
check_idle(void)
{
	HOST_EXPECT(!idle_overslept());
	check_urgent();
}

static void
go_idle(void *arg)
{
	(void)arg;
	host_gate();
	sleep_for_good();
}

static void
boot_idle_remote(void)
{
	boot_urgent(go_idle);
	scenario_task(1, wake_urgent, NULL);
}

/* P29: a request that an interrupt on idle makes for its own cpu ends idle. */
START_TEST(test_counter_local_request_wakes_idle)
{
	struct explore_scenario scenario = {
		"a timer on idle", 1, boot_idle_timer, check_idle, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	late_bug_must_fail(&scenario, "local-request-unflagged", "!idle_overslept()");
}
END_TEST

/* P26: idle folds the request that it saw by its flag alone, before it leaves its loop. */
START_TEST(test_counter_idle_folds_when_it_leaves)
{
	struct explore_scenario scenario = {
		"a wakeup of idle", 2, boot_idle_remote, check_idle, NULL, 0, NULL
	};

	scenario_must_hold_within(&scenario, 2, LIMIT);
	if (!HOST_FOLDS) {
		return;
	}
	late_bug_must_fail(&scenario, "idle-no-fold",
	                   "assertion failed: test_preempt_need_resched()");
}
END_TEST

/* ---- the cpu's word ---- */

static HOST_STATE struct task *mover_target;
static HOST_STATE bool counted;

static void
count_and_move(void *arg)
{
	(void)arg;
	host_gate();
	preempt_disable();
	HOST_EXPECT(preempt_count() == 1);
	preempt_enable();
	HOST_EXPECT(preempt_count() == 0);
	counted = true;
	sleep_for_good();
}

static void
move_to_self(void *arg)
{
	(void)arg;
	host_gate();
	HOST_EXPECT(set_cpus_allowed(mover_target, 2) == 0);
	sleep_for_good();
}

static void
boot_move(void)
{
	preempt_model_set(PREEMPT_FULL);
	mover_target = scenario_task(0, count_and_move, NULL);
	scenario_task(1, move_to_self, NULL);
}

static void
check_move(void)
{
	HOST_EXPECT(counted);
	HOST_EXPECT(host_all_halted());
}

/*
 * P12: a task that is moved to another cpu at any moment of a disable or an enable changes the word
 * of the cpu that it is on.
 */
START_TEST(test_counter_moves_with_its_task)
{
	struct explore_scenario scenario = {
		"moved while it counts", 2, boot_move, check_move, NULL, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return;
	}
	scenario_must_hold_within(&scenario, 2, LIMIT);
	if (!HOST_FOLDS || HOST_PACKED) {
		return; /* the word is the task's own */
	}
	scenario.name = "moved while it counts, bug=two-step-count";
	scenario.bug = "two-step-count";
	scenario_must_fail(&scenario, "preempt_count", LIMIT);
}
END_TEST

/* ---- the fields' limits ---- */

/* One more than fits. */
static void
exceed_preempt(void)
{
	for (unsigned int i = 0; i <= PREEMPT_LIMIT; i++) {
		preempt_count_add(PREEMPT_OFFSET);
	}
}

static void
exceed_softirq(void)
{
	for (unsigned int i = 0; i < 0x80; i++) {
		preempt_count_add(2 * SOFTIRQ_OFFSET);
	}
}

static void
exceed_hardirq(void)
{
	for (unsigned int i = 0; i <= NEST_LIMIT; i++) {
		preempt_count_add(HARDIRQ_OFFSET);
	}
}

static void
exceed_nmi(void)
{
	for (unsigned int i = 0; i <= NEST_LIMIT; i++) {
		preempt_count_add(NMI_OFFSET);
	}
}

static void
nest_nmis(void)
{
	for (unsigned int i = 0; i <= NEST_LIMIT; i++) {
		nmi_enter();
	}
}

static void
enable_at_zero(void)
{
	preempt_count_sub(PREEMPT_OFFSET);
}

static void
end_softirq_at_zero(void)
{
	preempt_count_add(PREEMPT_OFFSET);
	preempt_count_sub(SOFTIRQ_OFFSET);
}

static void
end_hardirq_at_zero(void)
{
	preempt_count_add(NMI_OFFSET); /* what a wider subtraction would borrow from */
	preempt_count_sub(HARDIRQ_OFFSET);
}

static void
end_nmi_at_zero(void)
{
	preempt_count_add(HARDIRQ_OFFSET);
	preempt_count_sub(NMI_OFFSET);
}

/* The field is empty, the count is not: a borrow from the next field. */
static void
enable_in_hardirq(void)
{
	preempt_count_add(HARDIRQ_OFFSET);
	preempt_count_sub(PREEMPT_OFFSET);
}

/* The highest bits of the count, with the folded bit set and clear. */
static void
fill_nmi(void)
{
	preempt_count_add(NMI_MASK + HARDIRQ_MASK);
}

static void
exceed_preempt_in_nmi(void)
{
	fill_nmi();
	exceed_preempt();
}

static void
enable_in_nmi(void)
{
	fill_nmi();
	set_preempt_need_resched();
	preempt_count_sub(PREEMPT_OFFSET);
}

static const struct wrong_count {
	const char *name;
	void (*commit)(void);
	const char *words;
	bool is_underflow;
} wrong_counts[] = {
	{ "the 245th disable", exceed_preempt, "preempt_count 000000f4 overflows: preempt + 1",
	  false },
	{ "the 128th bottom half off", exceed_softirq,
	  "preempt_count 0000fe00 overflows: softirq + 200", false },
	{ "the 16th hard interrupt", exceed_hardirq,
	  "preempt_count 000f0000 overflows: hardirq + 10000", false },
	{ "the 16th NMI", exceed_nmi, "preempt_count 00f00000 overflows: nmi + 100000", false },
	{ "the 245th disable, in NMI", exceed_preempt_in_nmi,
	  "preempt_count 00ff00f4 overflows: preempt + 1", false },
	{ "an enable at zero", enable_at_zero, "preempt_count 00000000 underflows: preempt - 1",
	  true },
	{ "a softirq's end at none", end_softirq_at_zero,
	  "preempt_count 00000001 underflows: softirq - 100", true },
	{ "an interrupt's end at none", end_hardirq_at_zero,
	  "preempt_count 00100000 underflows: hardirq - 10000", true },
	{ "an NMI's end at none", end_nmi_at_zero,
	  "preempt_count 00010000 underflows: nmi - 100000", true },
	{ "an enable too many in a hard interrupt", enable_in_hardirq,
	  "preempt_count 00010000 underflows: preempt - 1", true },
	{ "an enable too many in NMI", enable_in_nmi,
	  "preempt_count 00ff0000 underflows: preempt - 1", true },
};

#define WRONG_COUNT_COUNT (int)(sizeof(wrong_counts) / sizeof(wrong_counts[0]))

static const struct wrong_count *wrong;

/* Interrupts are off: nothing else looks at the count meanwhile. */
static void
commit_wrong_count(void *arg)
{
	(void)arg;
	host_gate();
	arch_irq_disable();
	wrong->commit();
	host_fail("%s went unseen", wrong->is_underflow ? "an underflow" : "an overflow");
}

static void
boot_wrong_count(void)
{
	scenario_task(0, commit_wrong_count, NULL);
}

/* P10: the first change that does not fit is refused, in every field, whatever the others hold. */
START_TEST(test_counter_overflow_and_underflow_are_refused)
{
	struct explore_scenario scenario = {
		wrong_counts[_i].name, 1, boot_wrong_count, NULL, NULL, 0, NULL
	};

	wrong = &wrong_counts[_i];
	scenario_must_fail(&scenario, wrong->words, LIMIT);
	scenario.bug = wrong->is_underflow ? "underflow-unseen" : "overflow-unseen";
	scenario_must_fail(&scenario,
	                   wrong->is_underflow ? "an underflow went unseen"
	                                       : "an overflow went unseen",
	                   LIMIT);
}
END_TEST

/* P10: nesting of NMIs ends at its own assertion, before the count does. */
START_TEST(test_counter_sixteenth_nmi_is_refused)
{
	static const struct wrong_count nesting = { .commit = nest_nmis };

	wrong = &nesting;
	scenario_must_fail(&(struct explore_scenario){ "16 NMIs in each other", 1, boot_wrong_count,
	                                               NULL, NULL, 0, NULL },
	                   "assertion failed: (count & NMI_MASK) != NMI_MASK", LIMIT);
}
END_TEST

static void
up_and_down(uint32_t value, unsigned int times)
{
	uint32_t before = preempt_count();

	for (unsigned int i = 1; i <= times; i++) {
		preempt_count_add(value);
		HOST_EXPECT(preempt_count() == before + i * value);
	}
	for (unsigned int i = 0; i < times; i++) {
		preempt_count_sub(value);
	}
	HOST_EXPECT(preempt_count() == before);
}

/* J6, J8: no comparison takes the highest bits for a sign. */
static void
fill_each_field(void)
{
	up_and_down(PREEMPT_OFFSET, PREEMPT_LIMIT);
	up_and_down(2 * SOFTIRQ_OFFSET, 0x7f);
	up_and_down(HARDIRQ_OFFSET, NEST_LIMIT);
	up_and_down(NMI_OFFSET + HARDIRQ_OFFSET, NEST_LIMIT);
	preempt_count_add(NMI_MASK + HARDIRQ_MASK);
	up_and_down(PREEMPT_OFFSET, PREEMPT_LIMIT);
	up_and_down(2 * SOFTIRQ_OFFSET, 0x7f);
	HOST_EXPECT(in_nmi());
	HOST_EXPECT(in_atomic());
	HOST_EXPECT(!in_task());
	preempt_count_sub(NMI_MASK + HARDIRQ_MASK);
}

static void
fill_fields(void *arg)
{
	(void)arg;
	host_gate();
	arch_irq_disable();
	fill_each_field();
	atomic_fetch_or(&current->flags, TIF_NEED_RESCHED);
	set_preempt_need_resched();
	fill_each_field();
	HOST_EXPECT(test_preempt_need_resched());
	arch_irq_enable();
	sleep_for_good();
}

static void
boot_fill(void)
{
	scenario_task(0, fill_fields, NULL);
}

/* P10: each field takes all that fits, with the highest bits set and the folded bit either way. */
START_TEST(test_counter_fields_take_what_fits)
{
	scenario_must_hold(&(struct explore_scenario){ "each field filled", 1, boot_fill, NULL,
	                                               NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

static void
set_and_read(uint32_t count, bool folded)
{
	preempt_count_set(count);
	HOST_EXPECT(preempt_count() == count);
	HOST_EXPECT(test_preempt_need_resched() == folded);
	HOST_EXPECT(should_resched(count) == folded);
	HOST_EXPECT(!should_resched(count ^ 1));
	HOST_EXPECT(preempt_count_raw() == (folded ? count : count | PREEMPT_NEED_RESCHED));
	preempt_count_set(0);
}

static void
set_and_read_all(bool folded)
{
	set_and_read(1, folded);
	set_and_read(SOFTIRQ_OFFSET, folded);
	set_and_read(HARDIRQ_OFFSET, folded);
	set_and_read(NMI_OFFSET + HARDIRQ_OFFSET, folded);
	set_and_read(NMI_MASK | HARDIRQ_MASK | SOFTIRQ_MASK | PREEMPT_MASK, folded);
}

static void
read_halves(void *arg)
{
	(void)arg;
	pass_gate();
	arch_irq_disable();
	set_and_read_all(false);
	atomic_fetch_or(&current->flags, TIF_NEED_RESCHED);
	set_preempt_need_resched();
	set_and_read_all(true);
	arch_irq_enable();
	sleep_for_good();
}

static void
boot_halves(void)
{
	scenario_task(0, read_halves, NULL);
}

/* P4, P10: count and request are read apart, whatever the word that holds them looks like. */
START_TEST(test_counter_count_and_request_are_apart)
{
	struct explore_scenario scenario = {
		"count and request", 1, boot_halves, NULL, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	if (!HOST_PACKED) {
		return; /* there are no halves */
	}
	late_bug_must_fail(&scenario, "packed-wrong-half", "expected: preempt_count() == count");
}
END_TEST

/* ---- cond_resched_lock ---- */

static HOST_STATE bool waiter_had_it;
static bool asks;
static bool drops;

static void
hold_and_offer(void *arg)
{
	(void)arg;
	host_gate();
	raw_spin_lock(&lock);
	if (asks) {
		wake_up_process(urgent);
	}
	HOST_EXPECT(urgent_runs == 0);
	HOST_EXPECT(cond_resched_lock(&lock) == drops);
	HOST_EXPECT(raw_spin_is_locked(&lock));
	HOST_EXPECT(preempt_count() == PREEMPT_DISABLE_OFFSET);
	HOST_EXPECT(urgent_runs == drops);
	raw_spin_unlock(&lock);
	sleep_for_good();
}

static void
boot_offer(void)
{
	boot_urgent(hold_and_offer);
}

static void
check_offer(void)
{
	HOST_EXPECT(urgent_runs == asks);
	HOST_EXPECT(host_all_halted());
}

static void
hold_until_contended(void *arg)
{
	(void)arg;
	host_gate();
	raw_spin_lock(&lock);
	while (!raw_spin_is_contended(&lock)) { /* bounded: the other cpu comes */
		arch_cpu_relax();
	}
	HOST_EXPECT(cond_resched_lock(&lock) == drops);
	HOST_EXPECT(waiter_had_it == drops);
	raw_spin_unlock(&lock);
	sleep_for_good();
}

static void
want_lock(void *arg)
{
	(void)arg;
	host_gate();
	while (!raw_spin_is_locked(&lock)) { /* bounded: the other cpu comes */
		arch_cpu_relax();
	}
	raw_spin_lock(&lock);
	waiter_had_it = true;
	raw_spin_unlock(&lock);
	host_stop();
}

static void
boot_contended(void)
{
	preempt_model_set(model);
	scenario_fifo_task(0, 10, hold_until_contended, NULL);
	scenario_task(1, want_lock, NULL);
}

static void
check_contended(void)
{
	HOST_EXPECT(waiter_had_it);
	HOST_EXPECT(host_all_halted());
}

static bool
model_exists(enum preempt_model which)
{
	return which != PREEMPT_FULL || CONFIG_PREEMPT_COUNT;
}

/*
 * P13: a holder that is asked drops the lock under every model, and switches; one that is not asked
 * keeps it.
 */
START_TEST(test_counter_cond_resched_lock_asked_drops)
{
	struct explore_scenario scenario = {
		"cond_resched_lock", 1, boot_offer, check_offer, NULL, 0, NULL
	};

	for (model = PREEMPT_NONE; model < PREEMPT_MODEL_COUNT; model++) {
		for (unsigned int ask = 0; ask < 2 && model_exists(model); ask++) {
			asks = drops = ask;
			scenario_must_hold(&scenario, LIMIT);
		}
	}
	if (!CONFIG_PREEMPT_COUNT) {
		return; /* there is but one depth */
	}
	asks = drops = true;
	scenario.name = "cond_resched_lock, bug=resched-lock-depth";
	scenario.bug = "resched-lock-depth";
	for (model = PREEMPT_NONE; model < PREEMPT_MODEL_COUNT; model++) {
		scenario_must_fail(&scenario, "cond_resched_lock(&lock) == drops", LIMIT);
	}
}
END_TEST

/* P13: where the kernel is preempted a holder drops a lock that somebody waits for, and only there.
 */
START_TEST(test_counter_cond_resched_lock_contended_drops_under_full)
{
	for (model = PREEMPT_NONE; model < PREEMPT_MODEL_COUNT; model++) {
		drops = model == PREEMPT_FULL;
		if (model_exists(model)) {
			scenario_must_hold(&(struct explore_scenario){ "cond_resched_lock, wanted",
			                                               2, boot_contended,
			                                               check_contended, NULL, 0,
			                                               NULL },
			                   LIMIT);
		}
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("counter");
	TCase *tests = tcase_create("counter");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_counter_of_every_switch_is_two);
	tcase_add_loop_test(tests, test_counter_faults_are_reported, 0, FAULT_COUNT);
	tcase_add_test(tests, test_counter_idle_might_not_sleep);
	tcase_add_test(tests, test_counter_seeded_leaks_are_noticed);
	tcase_add_test(tests, test_counter_set_keeps_the_folded_bit);
	tcase_add_test(tests, test_counter_outermost_enable_switches);
	tcase_add_test(tests, test_counter_enable_irqs_off_leaves_the_request);
	tcase_add_test(tests, test_counter_unlock_irqrestore_switches_with_irqs_on);
	tcase_add_test(tests, test_counter_schedule_answers_late_requests);
	tcase_add_test(tests, test_counter_local_request_wakes_idle);
	tcase_add_test(tests, test_counter_idle_folds_when_it_leaves);
	tcase_add_test(tests, test_counter_moves_with_its_task);
	tcase_add_loop_test(tests, test_counter_overflow_and_underflow_are_refused, 0,
	                    WRONG_COUNT_COUNT);
	tcase_add_test(tests, test_counter_sixteenth_nmi_is_refused);
	tcase_add_test(tests, test_counter_fields_take_what_fits);
	tcase_add_test(tests, test_counter_count_and_request_are_apart);
	tcase_add_test(tests, test_counter_cond_resched_lock_asked_drops);
	tcase_add_test(tests, test_counter_cond_resched_lock_contended_drops_under_full);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
