// SPDX-License-Identifier: ISC
/*
 * Faults of the count: what is done in atomic and may not be, what leaves a disable behind, and the
 * report that says where the outermost disable was made. Other faults that the same checks find.
 */
#include "guest/preempt.h"

#include <stdlib.h>
#include <string.h>

#include "guest/irq.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 40000

static HOST_STATE struct raw_spinlock lock;
static HOST_STATE struct timer timer;

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
	scenario_take_interrupts();
	scenario_sleep();
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
	scenario_take_interrupts();
	scenario_sleep();
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

int
main(void)
{
	Suite *suite = suite_create("leak");
	TCase *tests = tcase_create("leak");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_loop_test(tests, test_counter_faults_are_reported, 0, FAULT_COUNT);
	tcase_add_test(tests, test_counter_idle_might_not_sleep);
	tcase_add_test(tests, test_counter_seeded_leaks_are_noticed);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
