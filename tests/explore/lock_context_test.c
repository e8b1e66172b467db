// SPDX-License-Identifier: ISC
/*
 * Which function of a sleeping lock may be called where: each function in each context, alone. The
 * oracle is a table: what a class of functions may do, or by which words the kernel stops.
 */
#include <stdio.h>
#include <string.h>

#include "guest/mutex.h"
#include "guest/preempt.h"
#include "guest/rwsem.h"
#include "guest/sched.h"
#include "guest/semaphore.h"
#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 10000

static HOST_STATE DEFINE_MUTEX(mutex);
static HOST_STATE DECLARE_RWSEM(rwsem);
static HOST_STATE DEFINE_SEMAPHORE(semaphore, 1);

/* ---- the functions, each with what must have been called before; all that can must succeed ----
 */

static void
nothing(void)
{
}

static void
call_mutex_lock(void)
{
	mutex_lock(&mutex);
}

static void
call_mutex_lock_interruptible(void)
{
	HOST_EXPECT(mutex_lock_interruptible(&mutex) == 0);
}

static void
call_mutex_trylock(void)
{
	HOST_EXPECT(mutex_trylock(&mutex));
}

static void
call_mutex_unlock(void)
{
	mutex_unlock(&mutex);
}

static void
call_down_read(void)
{
	down_read(&rwsem);
}

static void
call_down_read_interruptible(void)
{
	HOST_EXPECT(down_read_interruptible(&rwsem) == 0);
}

static void
call_down_read_trylock(void)
{
	HOST_EXPECT(down_read_trylock(&rwsem));
}

static void
call_up_read(void)
{
	up_read(&rwsem);
}

static void
call_down_write(void)
{
	down_write(&rwsem);
}

static void
call_down_write_interruptible(void)
{
	HOST_EXPECT(down_write_interruptible(&rwsem) == 0);
}

static void
call_down_write_trylock(void)
{
	HOST_EXPECT(down_write_trylock(&rwsem));
}

static void
call_up_write(void)
{
	up_write(&rwsem);
}

static void
call_downgrade_write(void)
{
	downgrade_write(&rwsem);
}

static void
call_down(void)
{
	down(&semaphore);
}

static void
call_down_interruptible(void)
{
	HOST_EXPECT(down_interruptible(&semaphore) == 0);
}

static void
call_down_trylock(void)
{
	HOST_EXPECT(down_trylock(&semaphore) == 0);
}

static void
call_up(void)
{
	up(&semaphore);
}

/* ---- the oracle ---- */

enum situation { IN_TASK, COUNT_ONE, IRQS_OFF, STATE_SET, IN_IDLE, IN_HARDIRQ, IN_NMI, SITUATIONS };

static const char *const situation_names[SITUATIONS] = {
	"task", "preemption off", "irqs off", "state set", "idle", "hardirq", "NMI",
};

enum class { SLEEPS, OF_TASKS, OF_ALL_BUT_NMI };

#define SLEEPING "sleeping function called from invalid context: "

/* What stops it, or NULL: nothing. */
static const char *const stopped_by[][SITUATIONS] = {
	[SLEEPS] = { NULL, SLEEPING "in atomic", SLEEPING "interrupts are off",
	             SLEEPING "its state is set already", SLEEPING "in atomic",
	             SLEEPING "in atomic", SLEEPING "in atomic" },
	[OF_TASKS] = { NULL, NULL, NULL, NULL, NULL, "in_task()", "in_task()" },
	[OF_ALL_BUT_NMI] = { NULL, NULL, NULL, NULL, NULL, NULL, "!in_nmi()" },
};

static const struct function {
	const char *name;
	enum class class;
	void (*call)(void);
	void (*before)(void);
} functions[] = {
	{ "mutex_lock", SLEEPS, call_mutex_lock, nothing },
	{ "mutex_lock_interruptible", SLEEPS, call_mutex_lock_interruptible, nothing },
	{ "mutex_trylock", OF_TASKS, call_mutex_trylock, nothing },
	{ "mutex_unlock", OF_TASKS, call_mutex_unlock, call_mutex_trylock },
	{ "down_read", SLEEPS, call_down_read, nothing },
	{ "down_read_interruptible", SLEEPS, call_down_read_interruptible, nothing },
	{ "down_read_trylock", OF_TASKS, call_down_read_trylock, nothing },
	{ "up_read", OF_TASKS, call_up_read, call_down_read_trylock },
	{ "down_write", SLEEPS, call_down_write, nothing },
	{ "down_write_interruptible", SLEEPS, call_down_write_interruptible, nothing },
	{ "down_write_trylock", OF_TASKS, call_down_write_trylock, nothing },
	{ "up_write", OF_TASKS, call_up_write, call_down_write_trylock },
	{ "downgrade_write", OF_TASKS, call_downgrade_write, call_down_write_trylock },
	{ "down", SLEEPS, call_down, nothing },
	{ "down_interruptible", SLEEPS, call_down_interruptible, nothing },
	{ "down_trylock", OF_ALL_BUT_NMI, call_down_trylock, nothing },
	{ "up", OF_ALL_BUT_NMI, call_up, call_down_trylock },
};

#define FUNCTION_COUNT (int)(sizeof(functions) / sizeof(functions[0]))

static const char *
expected_stop(enum class class, enum situation situation)
{
	if (class == SLEEPS && !CONFIG_PREEMPT_COUNT) { /* the count tells of interrupts alone */
		return situation == COUNT_ONE ? NULL
		       : situation == IN_IDLE ? SLEEPING "the idle task"
		                              : stopped_by[class][situation];
	}
	return stopped_by[class][situation];
}

/* ---- a cell ---- */

static struct {
	const struct function *function;
	enum situation situation;
} cell;

static HOST_STATE bool was_called;
static HOST_STATE struct timer timer;

static void
call(void)
{
	cell.function->call();
	was_called = true;
}

static void
call_in_timer(struct timer *unused)
{
	(void)unused;
	call();
}

static void
call_in_situation(void)
{
	switch (cell.situation) {
	case COUNT_ONE:
		preempt_disable();
		call();
		break;
	case IRQS_OFF:
		arch_irq_disable();
		call();
		break;
	case STATE_SET:
		set_current_state(TASK_UNINTERRUPTIBLE);
		call();
		break;
	case IN_HARDIRQ:
		timer_init(&timer, call_in_timer);
		timer_start(&timer, 1000);
		host_clock_advance(2000);
		scenario_take_interrupts();
		break;
	case IN_NMI:
		host_nmi_handler = call;
		host_nmi_send(0);
		scenario_take_interrupts();
		break;
	default:
		call();
		break;
	}
	host_stop();
}

static void
run_task(void *unused)
{
	(void)unused;
	host_gate();
	cell.function->before();
	call_in_situation();
}

static void
run_idle(void)
{
	if (cell.situation != IN_IDLE) {
		sched_idle_loop();
	}
	arch_irq_enable();
	host_gate();
	cell.function->before();
	call_in_situation();
}

static void
boot_cell(void)
{
	if (cell.situation != IN_IDLE) {
		scenario_task(0, run_task, NULL);
	}
}

static void
check_cell(void)
{
	HOST_EXPECT(was_called);
}

static void
try_cell(void)
{
	static struct explore_report report;
	struct explore_scenario scenario = {
		cell.function->name, 1, boot_cell, check_cell, run_idle, 0, NULL
	};
	const char *stop = expected_stop(cell.function->class, cell.situation);

	explore_all(&scenario, LIMIT, &report);
	printf("%-26s %-15s %s\n", cell.function->name, situation_names[cell.situation],
	       report.failed ? report.reason : "may be called");
	if (stop == NULL) {
		ck_assert_msg(report.complete, "%s, %s: %s", cell.function->name,
		              situation_names[cell.situation], report.reason);
	} else {
		ck_assert_msg(report.failed && strstr(report.reason, stop) != NULL,
		              "%s, %s: not stopped by \"%s\": %s", cell.function->name,
		              situation_names[cell.situation], stop, report.reason);
	}
}

/*
 * P3: who may sleep needs a task that could; who may not, a task; up() and down_trylock() of a
 * semaphore may be called anywhere but in an NMI. Each other call is reported by what forbids it.
 */
START_TEST(test_lock_function_in_each_context)
{
	cell.function = &functions[_i];
	for (cell.situation = 0; cell.situation < SITUATIONS; cell.situation++) {
		try_cell();
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lock_context");
	TCase *tests = tcase_create("lock_context");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_loop_test(tests, test_lock_function_in_each_context, 0, FUNCTION_COUNT);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
