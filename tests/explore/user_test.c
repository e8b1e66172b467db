// SPDX-License-Identifier: ISC
/*
 * The way back to user code against everything that may be asked of it meanwhile. User code here
 * makes a system call, and then runs for ever: what is lost on the way back, nobody finds again.
 * The model is none, so that the kernel itself is never preempted, if it is not said otherwise.
 */
#include "guest/entry_user.h"

#include <check.h>
#include <stdio.h>

#include "guest/context_tracking.h"
#include "guest/errno.h"
#include "guest/mm.h"
#include "guest/page.h"
#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/signal.h"
#include "guest/timer.h"
#include "guest/user.h"
#include "shared/user_abi.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/unit/suite.h"

#define LIMIT 4000000

/* Interrupts of user code, of all runs. */
static unsigned int late_count;

static void
note_interrupt(unsigned int cpu)
{
	late_count += host_cpu(cpu)->in_user;
}

/*
 * All must hold, and what is asked must have come behind the last look in some runs: then it
 * interrupts user code, at once or later, which is the same to everybody.
 */
static void
hold_in_window(const struct explore_scenario *scenario)
{
	late_count = 0;
	host_interrupt_seen = note_interrupt;
	scenario_must_hold(scenario, LIMIT);
	host_interrupt_seen = NULL;
	printf("%-44s %8u times behind the last look\n", scenario->name, late_count);
	ck_assert_uint_ne(late_count, 0);
}

static HOST_STATE struct task *user;

/* ---- user code ---- */

static HOST_STATE struct atomic never;

static void
run_for_ever(void)
{
	while (!atomic_load(&never)) { /* forever: until it is killed */
		host_user_step();
		arch_cpu_relax();
	}
}

static void
call_and_run(uint64_t unused)
{
	(void)unused;
	scenario_gate();
	HOST_EXPECT(host_syscall(SYSCALL_getpid, 0, 0, 0) == user->pid);
	run_for_ever();
}

static void
run_from_the_gate(uint64_t unused)
{
	(void)unused;
	scenario_gate();
	run_for_ever();
}

/* In boot(): a task of a program of its own, which begins with code. */
static struct task *
start_user(unsigned int cpu, void (*code)(uint64_t))
{
	struct user_program program = { .mm = mm_create(), .entry = (uintptr_t)code };
	const struct task_params params = { .comm = "user", .cpus_allowed = 1ull << cpu };
	struct task *task = user_run(&program, &params, cpu);

	user_unload(&program);
	return task;
}

static void
boot_user(void (*code)(uint64_t), enum preempt_model model)
{
	preempt_model_set(model);
	urgent_boot();
	user = start_user(0, code);
	scenario_name_task(user, "user");
}

/* ---- requests ---- */

static void
boot_request(void)
{
	boot_user(call_and_run, PREEMPT_NONE);
	scenario_task(1, urgent_wake, NULL);
}

static void
boot_request_full(void)
{
	boot_user(call_and_run, PREEMPT_FULL);
	scenario_task(1, urgent_wake, NULL);
}

static void
check_urgent_ran(void)
{
	HOST_EXPECT(urgent_runs == 1);
	HOST_EXPECT(!(atomic_load(&user->flags) & EXIT_TO_USER_MODE_WORK));
	scenario_check_quiet(0);
}

/* P22, P24: a request that comes anywhere around a system call is met before user code runs on. */
START_TEST(test_user_request_around_a_system_call_is_met)
{
	static const struct explore_scenario none = {
		"a request, none", 2, boot_request, check_urgent_ran, NULL, 0, NULL
	};
	static const struct explore_scenario full = {
		"a request, full", 2, boot_request_full, check_urgent_ran, NULL, 0, NULL
	};

	hold_in_window(&none);
	if (scenario_has_model(PREEMPT_FULL)) {
		hold_in_window(&full);
	}
}
END_TEST

/* ---- both kinds of request, at both points, under every model ---- */

/* One run's; fixed in it. */
static struct cell {
	enum preempt_model model;
	uint32_t request; /* TIF_*, or 0: the urgent task is ready, but nobody asks */
	bool by_interrupt;
} cell;

static HOST_STATE struct timer timer;

/* The kernel's own points are passed behind it: the lazy request means nothing to them. */
static void
ask(void)
{
	unsigned long flags = arch_irq_save();

	urgent_make_ready();
	if (cell.request == TIF_NEED_RESCHED) {
		set_tsk_need_resched(current);
		set_preempt_need_resched();
	} else {
		atomic_fetch_or(&current->flags, cell.request);
	}
	arch_irq_restore(flags);
	if (cell.request != TIF_NEED_RESCHED) {
		preempt_disable();
		preempt_enable();
		HOST_EXPECT(!urgent_ran());
	}
}

static void
ask_in_interrupt(struct timer *unused)
{
	(void)unused;
	ask();
}

static void
pass_point(uint64_t unused)
{
	(void)unused;
	host_gate();
	if (cell.by_interrupt) {
		host_clock_advance(NSEC_PER_SEC);
		while (host_cpu(0)->pending) { /* bounded: nothing else moves */
			arch_cpu_relax();
			host_user_step();
		}
	} else {
		host_syscall_of(ask);
	}
	HOST_EXPECT(urgent_ran() == (cell.request != 0));
	scenario_done();
	run_for_ever();
}

static void
boot_cell(void)
{
	preempt_model_set(cell.model);
	urgent_boot();
	user = start_user(0, pass_point);
	timer_init(&timer, ask_in_interrupt);
	if (cell.by_interrupt) {
		timer_start(&timer, NSEC_PER_SEC);
	}
}

static void
check_cell(void)
{
	scenario_check_quiet(1);
}

/*
 * P13, P22 (none, voluntary, full): on the way to user code, from a system call and from an
 * interrupt, every model meets both kinds of request; without one nobody switches.
 */
START_TEST(test_user_both_points_meet_both_requests_under_every_model)
{
	static const uint32_t requests[] = { 0, TIF_NEED_RESCHED_LAZY, TIF_NEED_RESCHED };
	static const struct explore_scenario point = {
		"a point of user code", 1, boot_cell, check_cell, NULL, 0, NULL
	};

	for (unsigned int n = 0; n < 6 * PREEMPT_MODEL_COUNT; n++) {
		cell = (struct cell){ (enum preempt_model)(n / 6), requests[n / 2 % 3], n % 2 };
		if (scenario_has_model(cell.model)) {
			scenario_must_hold(&point, LIMIT);
		}
	}
	cell = (struct cell){ PREEMPT_NONE, TIF_NEED_RESCHED_LAZY, false };
	scenario_must_catch(&point, "user-lazy-ignored", "urgent_ran() == (cell.request != 0)",
	                    LIMIT);
}
END_TEST

/* ---- work, and a request while it is done ---- */

static HOST_STATE struct task_work work;

static void
note_work(struct task_work *done)
{
	HOST_EXPECT(done == &work);
	HOST_EXPECT(current == user);
	HOST_EXPECT(preempt_count() == 0);
	HOST_EXPECT(!arch_irqs_disabled());
	scenario_done();
}

static void
add_work_and_ask(void *unused)
{
	(void)unused;
	scenario_gate();
	HOST_EXPECT(task_work_add(user, &work) == 0);
	HOST_EXPECT(wake_up_process(urgent));
	host_stop();
}

static void
boot_work(void)
{
	work.fn = note_work;
	boot_user(run_from_the_gate, PREEMPT_NONE);
	scenario_task(1, add_work_and_ask, NULL);
}

static void
check_work_done(void)
{
	HOST_EXPECT(urgent_runs == 1);
	HOST_EXPECT(!(atomic_load(&user->flags) & EXIT_TO_USER_MODE_WORK));
	scenario_check_quiet(1);
}

/* P24: what is asked while something else is done on the way back is done, too. */
START_TEST(test_user_request_while_work_is_done_is_met)
{
	static const struct explore_scenario working = {
		"work, and a request", 2, boot_work, check_work_done, NULL, 0, NULL
	};

	hold_in_window(&working);
	scenario_must_catch(&working, "user-work-once", "urgent_runs == 1", LIMIT);
	scenario_must_catch(&working, "user-work-read-early", "urgent_runs == 1", LIMIT);
}
END_TEST

static HOST_STATE struct task_work second_work;

static void
note_second(struct task_work *unused)
{
	(void)unused;
	scenario_done();
}

static void
add_two_works(void *unused)
{
	(void)unused;
	scenario_gate();
	HOST_EXPECT(task_work_add(user, &work) == 0);
	HOST_EXPECT(task_work_add(user, &second_work) == 0);
	host_stop();
}

static void
boot_two_works(void)
{
	work.fn = note_work;
	second_work.fn = note_second;
	boot_user(run_from_the_gate, PREEMPT_NONE);
	scenario_task(1, add_two_works, NULL);
}

static void
check_works_done(void)
{
	scenario_check_quiet(2);
}

/* P24: work that is added while other work is taken is not left behind. */
START_TEST(test_user_work_while_work_is_taken_is_done)
{
	static const struct explore_scenario two = {
		"two works", 2, boot_two_works, check_works_done, NULL, 0, NULL
	};

	hold_in_window(&two);
	scenario_must_catch(&two, "resume-flag-late", "done_count == wanted", LIMIT);
}
END_TEST

static HOST_STATE int added;

static void
exit_at_once(uint64_t unused)
{
	(void)unused;
	scenario_gate();
	host_syscall(SYSCALL_exit, 5, 0, 0);
}

static void
add_work(void *unused)
{
	(void)unused;
	scenario_gate();
	added = task_work_add(user, &second_work);
	host_stop();
}

static void
boot_work_at_end(void)
{
	second_work.fn = note_second;
	boot_user(exit_at_once, PREEMPT_NONE);
	scenario_task(1, add_work, NULL);
}

static void
check_work_at_end(void)
{
	HOST_EXPECT(user->exit_status == 5);
	HOST_EXPECT(added == 0 || added == -ESRCH);
	scenario_check_at_rest(added == 0 ? 1 : 0);
}

/* P24, P39: work for a task that ends is done, or refused. */
START_TEST(test_user_work_for_a_task_that_ends_is_done_or_refused)
{
	static const struct explore_scenario ends = {
		"work, and the end", 2, boot_work_at_end, check_work_at_end, NULL, 0, NULL
	};

	scenario_must_hold(&ends, LIMIT);
	scenario_must_catch(&ends, "works-left-open", "done_count == wanted", LIMIT);
}
END_TEST

/* ---- signals ---- */

static void
kill_user(void *unused)
{
	(void)unused;
	scenario_gate();
	HOST_EXPECT(send_sig(SIGKILL, user) == 0);
	host_stop();
}

static void
boot_kill(void)
{
	boot_user(call_and_run, PREEMPT_NONE);
	scenario_task(1, kill_user, NULL);
}

static void
check_killed(void)
{
	HOST_EXPECT(atomic_load(&user->state) == TASK_DEAD);
	HOST_EXPECT(user->exit_status == USER_STATUS_KILLED + SIGKILL);
	HOST_EXPECT(user->mm == NULL);
	scenario_check_at_rest(0);
}

/* P24: a signal that comes anywhere around a system call ends user code. */
START_TEST(test_user_signal_around_a_system_call_is_taken)
{
	static const struct explore_scenario killed = { "a signal", 2, boot_kill, check_killed,
		                                        NULL,       0, NULL };

	hold_in_window(&killed);
	scenario_must_catch(&killed, "signal-unkicked", "atomic_load(&user->state) == TASK_DEAD",
	                    LIMIT);
}
END_TEST

/* Takes the cpu from user code, and has it at the gate; gives it back then. */
static void
lend_cpu(void *unused)
{
	(void)unused;
	set_current_state(TASK_INTERRUPTIBLE);
	schedule();
	scenario_gate();
	scenario_sleep();
}

static HOST_STATE struct task *lender;

static void
wake_lender_and_kill(void *unused)
{
	(void)unused;
	HOST_EXPECT(wake_up_process(lender));
	kill_user(NULL);
}

static void
run_from_boot(uint64_t unused)
{
	(void)unused;
	run_for_ever();
}

static void
boot_kill_switched(void)
{
	preempt_model_set(PREEMPT_NONE);
	lender = scenario_fifo_task(0, 10, lend_cpu, NULL);
	user = start_user(0, run_from_boot);
	scenario_name_task(user, "user");
	scenario_task(1, wake_lender_and_kill, NULL);
}

/* P24: a signal that comes while the task is switched in is taken, or interrupts it. */
START_TEST(test_user_signal_while_switched_in_is_taken)
{
	static const struct explore_scenario killed = {
		"a signal, and a switch", 2, boot_kill_switched, check_killed, NULL, 0, NULL
	};

	hold_in_window(&killed);
	scenario_must_catch(&killed, "user-switch-unordered",
	                    "atomic_load(&user->state) == TASK_DEAD", LIMIT);
}
END_TEST

/* ---- address spaces, and what the kernel leaves alone ---- */

static HOST_STATE unsigned int between;

/* A register of its own, before and behind a switch to the others. */
static void
yield_and_exit(uint64_t number)
{
	host_user_set_word(0x100 + number);
	host_gate();
	host_syscall(SYSCALL_yield, 0, 0, 0);
	host_user_step();
	host_syscall(SYSCALL_exit, number, 0, 0);
}

/* Finds the address space of the last user task still loaded. */
static void
run_between(void *unused)
{
	(void)unused;
	host_gate();
	yield();
	between++;
	scenario_sleep();
}

static HOST_STATE struct task *others[2];
static unsigned int left_count; /* over all runs */

static void
boot_spaces(void)
{
	preempt_model_set(PREEMPT_NONE);
	others[0] = start_user(0, yield_and_exit);
	scenario_task(0, run_between, NULL);
	others[1] = start_user(0, yield_and_exit);
}

static void
check_spaces(void)
{
	HOST_EXPECT(between == 1);
	HOST_EXPECT(others[0]->exit_status == 0);
	HOST_EXPECT(others[1]->exit_status == 0);
	scenario_check_at_rest(0);
}

static void
move_and_exit(uint64_t unused)
{
	(void)unused;
	scenario_gate();
	HOST_EXPECT(host_syscall(SYSCALL_affinity, 1u << 1, 0, 0) == 0);
	HOST_EXPECT(host_this->id == 1);
	host_syscall(SYSCALL_exit, 7, 0, 0);
}

/* Nobody runs on cpu 0 then: it keeps what it has loaded. */
static void
boot_move(void)
{
	preempt_model_set(PREEMPT_NONE);
	user = start_user(0, move_and_exit);
}

static void
check_moved(void)
{
	HOST_EXPECT(user->exit_status == 7);
	HOST_EXPECT(host_cpu(0)->loaded != NULL);
	HOST_EXPECT(host_cpu(0)->loaded->count == 1);
	HOST_EXPECT(host_cpu(1)->loaded == NULL);
	scenario_check_at_rest(0);
}

static void
leave_to_kernel(void *unused)
{
	(void)unused;
	scenario_gate();
	leave_mm();
	HOST_EXPECT(host_this->loaded == NULL);
	scenario_sleep();
}

/* Where it was a kernel thread runs, before it moves or behind it. */
static void
boot_leave(void)
{
	boot_move();
	scenario_task(0, leave_to_kernel, NULL);
}

static void
check_left(void)
{
	HOST_EXPECT(user->exit_status == 7);
	HOST_EXPECT(host_cpu(0)->loaded == NULL || host_cpu(0)->loaded->count == 1);
	left_count += host_cpu(0)->loaded == NULL;
	scenario_check_at_rest(0);
}

/* P39: what is loaded for nobody any more goes with leave_mm(). */
START_TEST(test_user_space_that_nobody_needs_is_left)
{
	static const struct explore_scenario leaves = {
		"a cpu leaves an address space", 2, boot_leave, check_left, NULL, 0, NULL
	};

	left_count = 0;
	scenario_must_hold_within(&leaves, 2, LIMIT);
	printf("    left in %u runs\n", left_count);
	ck_assert_uint_ne(left_count, 0);
}
END_TEST

/*
 * P39: each user task has its own address space and registers after every switch, and an address
 * space is freed only when no cpu translates by it any more.
 */
START_TEST(test_user_spaces_and_registers_are_their_tasks)
{
	static const struct explore_scenario moves = {
		"a user task moves", 2, boot_move, check_moved, NULL, 0, NULL
	};
	static const struct explore_scenario spaces = {
		"address spaces", 1, boot_spaces, check_spaces, NULL, 0, NULL
	};

	scenario_must_hold(&spaces, LIMIT);
	scenario_must_catch(&spaces, "user-state-unsaved", "host_this->user_word", LIMIT);
	scenario_must_hold(&moves, LIMIT);
	scenario_must_catch(&moves, "mm-loaded-uncounted",
	                    "has an address space loaded that is freed", LIMIT);
}
END_TEST

/* ---- what a system call may not ---- */

static const char kernel_text[] = "the kernel's";

static void
call_wrongly(uint64_t unused)
{
	(void)unused;
	scenario_gate();
	HOST_EXPECT(host_syscall(SYSCALL_write, (uintptr_t)kernel_text, 4, 0) == (uint64_t)-EFAULT);
	HOST_EXPECT(host_syscall(SYSCALL_write, UINT64_MAX - 1, 4, 0) == (uint64_t)-EFAULT);
	HOST_EXPECT(host_syscall(SYSCALL_write, PAGE_SIZE, UINT64_MAX, 0) == (uint64_t)-EINVAL);
	HOST_EXPECT(host_syscall(SYSCALL_futex_wake, PAGE_SIZE, 1, 0) == (uint64_t)-EFAULT);
	HOST_EXPECT(host_syscall(SYSCALL_futex_wait, PAGE_SIZE, 1, 0) == (uint64_t)-EFAULT);
	HOST_EXPECT(host_syscall(SYSCALL_nice, 20, 0, 0) == (uint64_t)-EINVAL);
	HOST_EXPECT(host_syscall(SYSCALL_affinity, 0, 0, 0) == (uint64_t)-EINVAL);
	HOST_EXPECT(host_syscall(SYSCALL_COUNT, 0, 0, 0) == (uint64_t)-ENOSYS);
	host_syscall(SYSCALL_getpid, 0, 0, 0);
	host_syscall(SYSCALL_exit, 3, 0, 0);
}

static void
boot_wrong_calls(void)
{
	preempt_model_set(PREEMPT_NONE);
	user = start_user(0, call_wrongly);
}

static void
check_wrong_calls(void)
{
	HOST_EXPECT(user->exit_status == 3);
	scenario_check_at_rest(0);
}

/* P3: a count that a system call leaks is found at its end; what it must not do, it refuses. */
START_TEST(test_user_call_is_checked)
{
	static const struct explore_scenario wrong = {
		"wrong system calls", 1, boot_wrong_calls, check_wrong_calls, NULL, 0, NULL
	};

	scenario_must_hold(&wrong, LIMIT);
	scenario_must_catch(&wrong, "user-range-unchecked", "== (uint64_t)-EFAULT", LIMIT);
	if (CONFIG_PREEMPT_COUNT) {
		scenario_must_catch(&wrong, "leak-in-syscall",
		                    "system call getpid returns with preempt_count 00000001",
		                    LIMIT);
	}
}
END_TEST

/* ---- deferred wakeups ---- */

static HOST_STATE struct rcu_head head;

/* The task that calls back goes before user code from now on. */
static void
make_urgent(struct task *task, void *unused)
{
	struct rq *rq;

	(void)unused;
	if (task->comm[0] != 'r' || task->comm[1] != 'c') {
		return;
	}
	raw_spin_lock_irq(&task->pi_lock);
	rq = task_rq_lock_pi_held(task);
	HOST_EXPECT(!atomic_load(&task->on_rq));
	sched_rt_init_task(task, 50);
	raw_spin_unlock(&rq->lock);
	raw_spin_unlock_irq(&task->pi_lock);
}

static void
note_call(struct rcu_head *unused)
{
	(void)unused;
	scenario_done();
}

static void
call_in_interrupt(struct timer *unused)
{
	(void)unused;
	call_rcu(&head, note_call);
}

/* Runs behind the one that calls back, which sleeps then. */
static void
prepare_and_sleep(void *unused)
{
	(void)unused;
	task_for_each(make_urgent, NULL);
	timer_init(&timer, call_in_interrupt);
	host_gate();
	timer_start(&timer, 0);
	scenario_sleep();
}

static void
boot_deferred(void)
{
	preempt_model_set(PREEMPT_NONE);
	rcu_init();
	scenario_task(0, prepare_and_sleep, NULL);
	user = start_user(0, call_and_run);
}

static void
check_called(void)
{
	scenario_check_quiet(1);
	HOST_EXPECT(!rcu_is_watching());
}

/* J30, P24: a wakeup that an interrupt has put off comes before the last look. */
START_TEST(test_user_deferred_wakeup_comes_before_user_code)
{
	static const struct explore_scenario deferred = {
		"a deferred wakeup", 1, boot_deferred, check_called, NULL, 0, NULL
	};

	scenario_must_hold(&deferred, LIMIT);
	scenario_must_catch(&deferred, "user-flush-late", "done_count == wanted", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("user");
	TCase *tests = tcase_create("user");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_user_request_around_a_system_call_is_met);
	tcase_add_test(tests, test_user_both_points_meet_both_requests_under_every_model);
	tcase_add_test(tests, test_user_request_while_work_is_done_is_met);
	tcase_add_test(tests, test_user_work_while_work_is_taken_is_done);
	tcase_add_test(tests, test_user_work_for_a_task_that_ends_is_done_or_refused);
	tcase_add_test(tests, test_user_signal_around_a_system_call_is_taken);
	tcase_add_test(tests, test_user_signal_while_switched_in_is_taken);
	tcase_add_test(tests, test_user_spaces_and_registers_are_their_tasks);
	tcase_add_test(tests, test_user_space_that_nobody_needs_is_left);
	tcase_add_test(tests, test_user_call_is_checked);
	tcase_add_test(tests, test_user_deferred_wakeup_comes_before_user_code);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
