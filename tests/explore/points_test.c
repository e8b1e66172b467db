// SPDX-License-Identifier: ISC
/*
 * Where a switch may happen: every point of the kernel under every model, asked, asked lazily and
 * not asked, and with each of its conditions negated. A cell is a scenario: a more important task
 * becomes runnable while the point is ahead; the oracle is the table of points.h.
 */
#include "guest/preempt.h"

#include <stdio.h>
#include <string.h>

#include "guest/bottom_half.h"
#include "guest/context_tracking.h"
#include "guest/entry_virt.h"
#include "guest/exception.h"
#include "guest/mm.h"
#include "guest/page.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "guest/timer.h"
#include "guest/user.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/host/kernel.h"
#include "tests/point_bodies.h"
#include "tests/points.h"
#include "tests/unit/suite.h"

#define LIMIT 1000

HOST_STATE struct raw_spinlock point_lock;
static HOST_STATE bool was_passed;
static HOST_STATE bool switched;

/* ---- the points ---- */

/* An interrupt that has nothing to do but to return. */
static void
point_interrupt_return(void)
{
	unsigned long flags = arch_irq_save();

	arch_ipi_send(0, IRQ_RESCHEDULE);
	arch_irq_restore(flags);
	scenario_take_interrupts();
}

/* The same of code with interrupts off: an exception's, as it cannot be an interrupt's. */
static void
point_exception_return(void)
{
	kernel_interrupt(IRQ_RESCHEDULE, false);
}

/* A planted trap's, which has nothing to do either. */
static void
point_trap_return(void)
{
	arch_trap();
}

/* Where RCU does not watch, nobody reads what it guards; the interrupt does, and no more. */
static void
point_unwatched_interrupt_return(void)
{
	unsigned long flags = arch_irq_save();

	arch_ipi_send(0, IRQ_RESCHEDULE);
	ct_user_enter();
	arch_irq_restore(flags);
	scenario_take_interrupts();
	arch_irq_disable();
	ct_user_exit();
	switched = urgent_ran();
	host_stop();
}

static void
point_cond_resched(void)
{
	bool before = urgent_ran();
	bool told = cond_resched();

	HOST_EXPECT(told == (urgent_ran() && !before));
}

static void
point_might_sleep(void)
{
	might_sleep();
}

static void
point_schedule(void)
{
	schedule();
}

/* To the urgent task, not to an equal: it is queued, and goes before. */
static void
point_yield(void)
{
	yield();
}

static void
point_block(void)
{
	scenario_sleep();
}

/* The run loop's top, in both of its orders. */
static void
point_guest_entry(void)
{
	HOST_EXPECT(xfer_to_guest_mode_handle_work() == 0);
	HOST_EXPECT(!__xfer_to_guest_mode_work_pending());
}

static void
point_idle_loop(void)
{
	sched_idle_loop();
}

/* ---- the points of user code: a system call's, or an interrupt's, asks ---- */

static void make_urgent_runnable(void);

static HOST_STATE struct timer timer;

static void
ask_in_kernel(void)
{
	unsigned long flags = arch_irq_save();

	make_urgent_runnable();
	arch_irq_restore(flags);
}

static void
ask_in_interrupt(struct timer *unused)
{
	(void)unused;
	make_urgent_runnable();
}

static void
point_syscall_return(void)
{
	host_syscall_of(ask_in_kernel);
}

static void
point_interrupt_return_user(void)
{
	host_clock_advance(NSEC_PER_SEC);
	while (host_cpu(0)->pending) { /* bounded: nothing else moves */
		arch_cpu_relax();
		host_user_step();
	}
}

static void
ask_in_exception(const struct regs *unused)
{
	(void)unused;
	ask_in_kernel();
}

/* A stack that grows, by its second page. */
static void
point_exception_return_user(void)
{
	exception_probe = ask_in_exception;
	host_user_touch(ARCH_USER_END - 2 * PAGE_SIZE - 1);
	exception_probe = NULL;
}

/* ---- the rows ---- */

/* Who comes to the point, and what it lacks. */
enum situation { IN_TASK, IN_IDLE, IN_IDLE_AT_ZERO, IRQS_OFF, COUNT_ONE, LOCK_HELD, VETO, IN_USER };

struct point {
	const char *name;
	void (*pass)(void);
	const char *switches; /* as points.h has it */
	enum situation situation;
};

#define NEVER "-----"

static const char *const table[POINT_COUNT] = {
#define POINT_SWITCHES(id, name, switches) [POINT_##id] = switches,
	POINTS(POINT_SWITCHES)
#undef POINT_SWITCHES
};

static const char *const names[POINT_COUNT] = {
#define POINT_NAME(id, name, switches) [POINT_##id] = name,
	POINTS(POINT_NAME)
#undef POINT_NAME
};

/* How each is passed, or why it cannot be yet. */
static const struct {
	void (*pass)(void);
	enum situation situation;
	const char *missing;
} ways[POINT_COUNT] = {
	[POINT_SYSCALL_RETURN] = { point_syscall_return, IN_USER, NULL },
	[POINT_IRQ_RETURN_USER] = { point_interrupt_return_user, IN_USER, NULL },
	[POINT_EXCEPTION_RETURN_USER] = { point_exception_return_user, IN_USER, NULL },
	[POINT_GUEST_ENTRY] = { point_guest_entry, IN_TASK, NULL },
	[POINT_IRQ_RETURN] = { point_interrupt_return, IN_TASK, NULL },
	[POINT_EXCEPTION_RETURN] = { point_trap_return, IN_TASK, NULL },
	[POINT_PREEMPT_ENABLE] = { point_preempt_enable, IN_TASK, NULL },
	[POINT_PREEMPT_ENABLE_NOTRACE] = { point_preempt_enable_notrace, IN_TASK, NULL },
	[POINT_SPIN_UNLOCK] = { point_spin_unlock, IN_TASK, NULL },
	[POINT_SPIN_UNLOCK_IRQRESTORE] = { point_spin_unlock_irqrestore, IN_TASK, NULL },
	[POINT_LOCAL_BH_ENABLE] = { point_local_bh_enable, IN_TASK, NULL },
	[POINT_COND_RESCHED] = { point_cond_resched, IN_TASK, NULL },
	[POINT_MIGHT_SLEEP] = { point_might_sleep, IN_TASK, NULL },
	[POINT_COND_RESCHED_LOCK] = { point_cond_resched_lock, IN_TASK, NULL },
	[POINT_SCHEDULE] = { point_schedule, IN_TASK, NULL },
	[POINT_SCHEDULE_PREEMPT_DISABLED] = { point_schedule_preempt_disabled, IN_TASK, NULL },
	[POINT_YIELD] = { point_yield, IN_TASK, NULL },
	[POINT_BLOCK] = { point_block, IN_TASK, NULL },
	[POINT_IDLE_LOOP] = { point_idle_loop, IN_IDLE, NULL },
	[POINT_SLEEPING_LOCK] = { .missing = "there is no model rt" },
};

static struct point
point_of(enum point_id id)
{
	return (struct point){ names[id], ways[id].pass, table[id], ways[id].situation };
}

/* One condition is not met: none of these switches, under any model, asked or not. */
static const struct point negated[] = {
	{ "interrupt return, irqs were off", point_exception_return, NEVER, IRQS_OFF },
	{ "interrupt return, count 1", point_interrupt_return, NEVER, COUNT_ONE },
	{ "interrupt return, lock held", point_interrupt_return, NEVER, LOCK_HELD },
	{ "interrupt return, idle", point_interrupt_return, NEVER, IN_IDLE },
	{ "interrupt return, idle at count 0", point_interrupt_return, NEVER, IN_IDLE_AT_ZERO },
	{ "interrupt return, RCU not watching", point_unwatched_interrupt_return, NEVER, IN_TASK },
	{ "interrupt return, vetoed", point_interrupt_return, NEVER, VETO },
	{ "exception return, irqs were off", point_trap_return, NEVER, IRQS_OFF },
	{ "exception return, count 1", point_trap_return, NEVER, COUNT_ONE },
	{ "exception return, lock held", point_trap_return, NEVER, LOCK_HELD },
	{ "exception return, idle at count 0", point_trap_return, NEVER, IN_IDLE_AT_ZERO },
	{ "exception return, vetoed", point_trap_return, NEVER, VETO },
	{ "preempt_enable, irqs off", point_preempt_enable, NEVER, IRQS_OFF },
	{ "preempt_enable, not outermost", point_preempt_enable, NEVER, COUNT_ONE },
	{ "preempt_enable_notrace, irqs off", point_preempt_enable_notrace, NEVER, IRQS_OFF },
	{ "preempt_enable_notrace, not outermost", point_preempt_enable_notrace, NEVER, COUNT_ONE },
	{ "spin_unlock, irqs off", point_spin_unlock, NEVER, IRQS_OFF },
	{ "spin_unlock, not outermost", point_spin_unlock, NEVER, COUNT_ONE },
	{ "spin_unlock_irqrestore, irqs were off", point_spin_unlock_irqrestore, NEVER, IRQS_OFF },
	{ "spin_unlock_irqrestore, not outermost", point_spin_unlock_irqrestore, NEVER, COUNT_ONE },
	{ "cond_resched, irqs off", point_cond_resched, NEVER, IRQS_OFF },
	{ "cond_resched, count 1", point_cond_resched, NEVER, COUNT_ONE },
	{ "cond_resched, idle", point_cond_resched, NEVER, IN_IDLE },
};

#define NEGATED_COUNT (sizeof(negated) / sizeof(negated[0]))

/* ---- a cell ---- */

/* Of the run that is made. */
static struct {
	const struct point *point;
	enum preempt_model model;
	enum point_request request;
	bool expects;
} cell;

static bool cell_switched; /* what the last run did */

/* It is runnable, and the request is there, or not: all that differs between the columns. */
static void
make_urgent_runnable(void)
{
	preempt_disable();
	HOST_EXPECT(wake_up_process(urgent));
	preempt_enable_no_resched();
	HOST_EXPECT(need_resched());
	if (cell.request != REQUEST_FULL) {
		clear_tsk_need_resched(current);
		clear_preempt_need_resched();
	}
	if (cell.request == REQUEST_LAZY) {
		atomic_fetch_or(&current->flags, TIF_NEED_RESCHED_LAZY);
	}
	HOST_EXPECT(!urgent_ran());
}

static bool
is_idle_cell(void)
{
	return cell.point->situation == IN_IDLE || cell.point->situation == IN_IDLE_AT_ZERO;
}

static void
negate(void)
{
	switch (cell.point->situation) {
	case IRQS_OFF:
		arch_irq_disable();
		break;
	case COUNT_ONE:
		preempt_count_add(PREEMPT_OFFSET);
		break;
	case LOCK_HELD:
		ticket_lock(&point_lock);
		preempt_count_add(PREEMPT_OFFSET);
		break;
	case IN_IDLE_AT_ZERO:
		preempt_count_sub(PREEMPT_DISABLE_OFFSET);
		break;
	case VETO:
		host_cpu(0)->vetoes = true;
		break;
	default:
		break;
	}
}

/* Interrupts are off while nobody may look at the request yet. */
static void
come_to_point(void)
{
	arch_irq_disable();
	make_urgent_runnable();
	arch_irq_enable();
	negate();
	was_passed = true;
	cell.point->pass();
	switched = urgent_ran();
	host_stop();
}

static void
run_task(void *arg)
{
	(void)arg;
	host_gate();
	come_to_point();
}

static HOST_STATE struct atomic never;

static void
run_user(uint64_t unused)
{
	(void)unused;
	host_gate();
	was_passed = true;
	cell.point->pass();
	switched = urgent_ran();
	while (!atomic_load(&never)) { /* forever */
		host_user_step();
		arch_cpu_relax();
	}
}

static void
boot_user(void)
{
	struct user_program program = { .mm = mm_create(), .entry = (uintptr_t)run_user };

	user_run(&program, &(struct task_params){ .comm = "user", .cpus_allowed = 1 }, 0);
	user_unload(&program);
	timer_init(&timer, ask_in_interrupt);
	if (cell.point->pass == point_interrupt_return_user) {
		timer_start(&timer, NSEC_PER_SEC);
	}
}

static void
boot_cell(void)
{
	preempt_model_set(cell.model);
	urgent_boot();
	if (cell.point->situation == IN_USER) {
		boot_user();
	} else if (!is_idle_cell()) {
		scenario_fifo_task(0, 10, run_task, NULL);
	}
}

/* Idle lets the urgent task go to sleep first. */
static void
run_idle(void)
{
	if (!is_idle_cell()) {
		sched_idle_loop();
	}
	arch_irq_enable();
	schedule_idle();
	host_gate();
	come_to_point();
}

/* A task that blocks, and the idle loop, do not come back: then who ran tells. */
static void
check_cell(void)
{
	HOST_EXPECT(was_passed);
	cell_switched = switched || (urgent_ran() && host_all_halted());
	if (cell_switched != cell.expects) {
		host_fail("%s, %s, %s: %s switch at this point", cell.point->name,
		          preempt_model_names[cell.model], point_request_names[cell.request],
		          cell.expects ? "no" : "a");
	}
}

static struct explore_scenario
cell_scenario(void)
{
	return (struct explore_scenario){ cell.point->name, 1, boot_cell, check_cell,
		                          run_idle,         0, NULL };
}

static uint64_t cell_runs; /* of the last cell */
static unsigned int cell_count;

static void
cell_must_hold(void)
{
	static struct explore_report report;
	struct explore_scenario scenario = cell_scenario();

	explore_all(&scenario, LIMIT, &report);
	ck_assert_msg(report.complete, "%s\nreplay: %s", report.reason, report.replay);
	ck_assert_uint_ne(report.runs, 0);
	cell_runs = report.runs;
	cell_count++;
}

static void
set_cell(const struct point *point, enum preempt_model model, enum point_request request)
{
	cell.point = point;
	cell.model = model;
	cell.request = request;
	cell.expects = point_switches(point->switches, model, request);
}

static void
print_head(const char *what)
{
	printf("\n%-40s", what);
	for (unsigned int model = 0; model < PREEMPT_MODEL_COUNT; model++) {
		printf("  %-12s", preempt_model_names[model]);
	}
	printf("\n%-40s", "(Y: switches, and in how many runs)");
	for (unsigned int model = 0; model < PREEMPT_MODEL_COUNT; model++) {
		printf("  no  lazy full");
	}
	printf("\n");
}

/* All cells of a row. */
static void
row_must_hold(const struct point *point)
{
	printf("%-40s", point->name);
	for (unsigned int column = 0; column < REQUEST_COUNT * PREEMPT_MODEL_COUNT; column++) {
		enum preempt_model model = (enum preempt_model)(column / REQUEST_COUNT);
		enum point_request request = (enum point_request)(column % REQUEST_COUNT);

		set_cell(point, model, request);
		printf("%s", request == REQUEST_NONE ? "  " : "");
		if (scenario_has_model(model)) {
			cell_must_hold();
			printf("%c%-3llu", cell_switched ? 'Y' : '-',
			       (unsigned long long)cell_runs);
		} else {
			printf("    ");
		}
	}
	printf("\n");
	fflush(stdout);
}

/*
 * P13, P14, P16 (every): each point of the table switches under the models of its row, for the
 * requests that it says.
 */
START_TEST(test_points_switch_as_the_table_says)
{
	unsigned int missing = 0;

	print_head("point");
	cell_count = 0;
	for (enum point_id id = 0; id < POINT_COUNT; id++) {
		struct point point = point_of(id);

		if (ways[id].missing == NULL) {
			row_must_hold(&point);
		}
	}
	for (enum point_id id = 0; id < POINT_COUNT; id++) {
		if (ways[id].missing != NULL) {
			printf("XFAIL %-34s  %s: %s\n", names[id], table[id], ways[id].missing);
			missing++;
		}
	}
	printf("XFAIL %-34s  %s\n", "every point under rt", "there is no model rt");
	printf("%u cells hold; %u points are missing\n", cell_count, missing);
}
END_TEST

/*
 * P8, P18, P19 (every): with one condition negated, and all others met, no point switches, asked
 * or not.
 */
START_TEST(test_points_switch_under_all_conditions_only)
{
	print_head("point, and what it lacks");
	for (size_t n = 0; n < NEGATED_COUNT; n++) {
		/* Without a count only interrupts can be in the way. */
		if (CONFIG_PREEMPT_COUNT || negated[n].situation == IRQS_OFF) {
			row_must_hold(&negated[n]);
		}
	}
}
END_TEST

/* In either table. */
static const struct point *
point_named(const char *name)
{
	static struct point found;

	for (enum point_id id = 0; id < POINT_COUNT; id++) {
		found = point_of(id);
		if (strcmp(found.name, name) == 0) {
			return &found;
		}
	}
	for (size_t n = 0; n < NEGATED_COUNT; n++) {
		if (strcmp(negated[n].name, name) == 0) {
			return &negated[n];
		}
	}
	ck_abort_msg("there is no point '%s'", name);
}

static const struct mutant {
	const char *bug;
	const char *point;
	enum preempt_model model;
	enum point_request request;
	const char *words;
} mutants[] = {
	{ "might-sleep-in-none", "might_sleep", PREEMPT_NONE, REQUEST_FULL,
	  "assertion failed: preempt_policy_allows(policy, reason)" },
	{ "irq-return-in-voluntary", "interrupt return to kernel", PREEMPT_VOLUNTARY, REQUEST_FULL,
	  "assertion failed: preempt_policy_allows(policy, reason)" },
	{ "cond-resched-in-full", "cond_resched", PREEMPT_FULL, REQUEST_FULL,
	  "assertion failed: preempt_policy_allows(policy, reason)" },
	{ "user-irq-return-as-kernel", "interrupt return to user", PREEMPT_NONE, REQUEST_FULL,
	  "assertion failed: preempt_policy_allows(preempt_policy(), reason)" },
	{ "user-lazy-ignored", "exception return to user", PREEMPT_LAZY, REQUEST_LAZY,
	  "exception return to user, lazy, asked lazily: no switch at this point" },
	{ "user-lazy-ignored", "syscall return to user", PREEMPT_LAZY, REQUEST_LAZY,
	  "syscall return to user, lazy, asked lazily: no switch at this point" },
	{ "guest-lazy-ignored", "entry to a vcpu's guest", PREEMPT_LAZY, REQUEST_LAZY,
	  "entry to a vcpu's guest, lazy, asked lazily: no switch at this point" },
	{ "lazy-irq-return-off", "interrupt return to kernel", PREEMPT_LAZY, REQUEST_FULL,
	  "interrupt return to kernel, lazy, asked: no switch at this point" },
	{ "lazy-at-enable", "outermost preempt_enable", PREEMPT_LAZY, REQUEST_LAZY,
	  "outermost preempt_enable, lazy, asked lazily: a switch at this point" },
	{ "lazy-at-enable", "spin_unlock", PREEMPT_LAZY, REQUEST_LAZY,
	  "spin_unlock, lazy, asked lazily: a switch at this point" },
	{ "cond-resched-irqs-off", "cond_resched, irqs off", PREEMPT_NONE, REQUEST_FULL,
	  "cond_resched, irqs off, none, asked: a switch at this point" },
	{ "irq-return-in-atomic", "interrupt return, count 1", PREEMPT_FULL, REQUEST_FULL,
	  "assertion failed: preempt_count() == 0" },
	{ "irq-return-in-atomic", "interrupt return, lock held", PREEMPT_FULL, REQUEST_FULL,
	  "assertion failed: preempt_count() == 0" },
	{ "irq-return-irqs-off", "interrupt return, irqs were off", PREEMPT_FULL, REQUEST_FULL,
	  "interrupt return, irqs were off, full, asked: a switch at this point" },
	{ "irq-return-irqs-off", "exception return, irqs were off", PREEMPT_FULL, REQUEST_FULL,
	  "exception return, irqs were off, full, asked: a switch at this point" },
	{ "irq-return-in-atomic", "exception return, count 1", PREEMPT_FULL, REQUEST_FULL,
	  "assertion failed: preempt_count() == 0" },
	{ "irq-return-in-idle", "interrupt return, idle at count 0", PREEMPT_FULL, REQUEST_FULL,
	  "interrupt return, idle at count 0, full, asked: a switch at this point" },
	{ "irq-return-in-eqs", "interrupt return, RCU not watching", PREEMPT_FULL, REQUEST_FULL,
	  "interrupt return, RCU not watching, full, asked: a switch at this point" },
	{ "irq-return-veto-unheard", "interrupt return, vetoed", PREEMPT_FULL, REQUEST_FULL,
	  "interrupt return, vetoed, full, asked: a switch at this point" },
	{ "irq-return-unasked", "interrupt return to kernel", PREEMPT_FULL, REQUEST_NONE,
	  "interrupt return to kernel, full, not asked: a switch at this point" },
	{ "enable-irqs-off", "preempt_enable, irqs off", PREEMPT_FULL, REQUEST_FULL,
	  "preempt_enable, irqs off, full, asked: a switch at this point" },
	{ "enable-ignores-request", "outermost preempt_enable", PREEMPT_FULL, REQUEST_FULL,
	  "outermost preempt_enable, full, asked: no switch at this point" },
	{ "enable-ignores-request", "spin_unlock", PREEMPT_FULL, REQUEST_FULL,
	  "spin_unlock, full, asked: no switch at this point" },
	{ "unlock-before-irqs", "spin_unlock_irqrestore", PREEMPT_FULL, REQUEST_FULL,
	  "spin_unlock_irqrestore, full, asked: no switch at this point" },
	{ "resched-lock-depth", "cond_resched_lock", PREEMPT_NONE, REQUEST_FULL,
	  "cond_resched_lock, none, asked: no switch at this point" },
	{ "resched-lock-depth", "cond_resched_lock", PREEMPT_VOLUNTARY, REQUEST_FULL,
	  "cond_resched_lock, voluntary, asked: no switch at this point" },
};

#define MUTANT_COUNT (int)(sizeof(mutants) / sizeof(mutants[0]))

/*
 * P8, P9, P13, P14, P18, P19, seeded bugs: a point that switches where it may not, or not where it
 * must: each model has one, and the lazy request.
 */
START_TEST(test_points_seeded_bugs_are_caught)
{
	const struct mutant *mutant = &mutants[_i];
	struct explore_scenario scenario;

	if (!CONFIG_PREEMPT_COUNT && (preempt_model_preempts(mutant->model) ||
	                              strcmp(mutant->bug, "resched-lock-depth") == 0)) {
		return; /* the mistake is one with the count */
	}
	set_cell(point_named(mutant->point), mutant->model, mutant->request);
	scenario = cell_scenario();
	scenario_must_catch(&scenario, mutant->bug, mutant->words, LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("points");
	TCase *tests = tcase_create("points");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_points_switch_as_the_table_says);
	tcase_add_test(tests, test_points_switch_under_all_conditions_only);
	tcase_add_loop_test(tests, test_points_seeded_bugs_are_caught, 0, MUTANT_COUNT);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
