// SPDX-License-Identifier: ISC
/*
 * Whoever is to be ended, or to be told something, loops in ring 3 until then, and without a system
 * call on the way: only an interrupt makes it look. The timer that says it comes where its starter
 * is.
 */
#include "tests/fuzz/sched/users.h"

#include <stddef.h>

#include "guest/arch.h"
#include "guest/entry_user.h"
#include "guest/errno.h"
#include "guest/mm.h"
#include "guest/page.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/signal.h"
#include "guest/timer.h"
#include "guest/user.h"
#include "shared/fuzz_abi.h"
#include "shared/user_abi.h"
#include "tests/host/machine.h"

#define TASKS    2u /* of a program */
#define WORKS    2u /* for a task */
#define STATUS   3
#define DELAY_NS 1000u

/* The first stack of a program: the last byte of its page, of the next, and of its guard. */
#define STACK_TOP (ARCH_USER_END - PAGE_SIZE - 1)
#define BELOW     (STACK_TOP - PAGE_SIZE)
#define GUARD     (STACK_TOP - ARCH_USER_STACK_PAGES * PAGE_SIZE)

enum script {
	STEP_AND_CALL,
	TOUCH_BELOW,
	COPY_FROM_BELOW,
	COPY_FROM_KERNEL,
	TOUCH_GUARD,
	WAIT_FOR_KILL,
	WAIT_FOR_WORK,
	END_AT_ONCE,
};

struct user;

struct note {
	struct task_work work;
	struct user *user;
	struct atomic done;
};

struct user {
	struct task *task;
	struct timer timer; /* tells it what it waits for */
	unsigned int script;
	unsigned int steps;
	struct atomic noted;
	struct note notes[WORKS];
	bool was_added[WORKS];
};

static HOST_STATE struct user users[FUZZ_TASKS_MAX][TASKS];
static HOST_STATE struct atomic kernel_word;

/* ---- ring 3 ---- */

static void
step_and_call(uint64_t number, unsigned int steps)
{
	for (unsigned int n = 0; n < steps; n++) {
		uint64_t pid;

		host_user_set_word(number * 100 + n);
		host_user_step();
		pid = host_syscall(SYSCALL_getpid, 0, 0, 0);
		HOST_EXPECT(pid == current->pid);
		host_user_step();
		if (n % 2 == 1) {
			host_syscall(SYSCALL_yield, 0, 0, 0);
		}
	}
}

static bool
has_notes(struct user *user)
{
	return atomic_load(&user->noted) == WORKS;
}

/* From the look to the rest nothing may come between: an interrupt's work would be slept over. */
static void
wait_for(struct user *user, bool note)
{
	host_user_step();
	while (!has_notes(user) || !note) { /* bounded: it is killed, or noted */
		arch_cpu_relax();
		host_user_step();
	}
}

static void
code(uint64_t number)
{
	struct user *user = &users[number / TASKS][number % TASKS];

	switch (user->script) {
	case STEP_AND_CALL:
		step_and_call(number, user->steps);
		break;
	case TOUCH_BELOW:
		host_user_touch(STACK_TOP);
		host_user_touch(BELOW);
		break;
	case COPY_FROM_BELOW:
		HOST_EXPECT(host_syscall(SYSCALL_write, BELOW - 1, 4, 0) == 4);
		host_user_touch(BELOW);
		break;
	case COPY_FROM_KERNEL:
		HOST_EXPECT(host_syscall(SYSCALL_write, (uintptr_t)&kernel_word, 4, 0) ==
		            (uint64_t)-EFAULT);
		break;
	case TOUCH_GUARD:
		host_user_touch(GUARD);
		host_fail("a user stack has no guard");
		break;
	case WAIT_FOR_KILL:
		wait_for(user, false);
		break;
	case WAIT_FOR_WORK:
		wait_for(user, true);
		break;
	default:
		break;
	}
	host_syscall(SYSCALL_exit, STATUS, 0, 0);
}

/* ---- what comes from outside ---- */

static void
note(struct task_work *work)
{
	struct note *self = container_of(work, struct note, work);

	HOST_EXPECT(preempt_count() == 0);
	HOST_EXPECT(!arch_irqs_disabled());
	HOST_EXPECT(atomic_fetch_add(&self->done, 1) == 0);
	atomic_fetch_add(&self->user->noted, 1);
}

static void
add_notes(struct user *user)
{
	for (unsigned int n = 0; n < WORKS; n++) {
		int error = task_work_add(user->task, &user->notes[n].work);

		HOST_EXPECT(error == 0 || error == -ESRCH);
		user->was_added[n] = error == 0;
	}
}

static void
tell(struct timer *timer)
{
	struct user *user = container_of(timer, struct user, timer);

	if (user->script == WAIT_FOR_KILL) {
		HOST_EXPECT(send_sig(SIGKILL, user->task) == 0);
	} else {
		add_notes(user);
	}
}

/* ---- whoever starts them ---- */

static void
start(struct user *user, const struct user_program *program, unsigned int number,
      unsigned long cpus)
{
	atomic_store(&user->noted, 0);
	for (unsigned int n = 0; n < WORKS; n++) {
		user->notes[n] = (struct note){ .work = { .fn = note }, .user = user };
		user->was_added[n] = false;
	}
	preempt_disable(); /* who loops in ring 3 lets nobody in who does not go before it */
	user->task = user_run(
		program, &(struct task_params){ .comm = "user", .cpus_allowed = cpus }, number);
	HOST_EXPECT(user->task != NULL);
	task_get(user->task);
	if (user->script == WAIT_FOR_KILL || user->script == WAIT_FOR_WORK) {
		timer_init(&user->timer, tell);
		timer_start(&user->timer, arch_clock_ns() + DELAY_NS * user->steps);
	} else if (user->script == END_AT_ONCE) {
		add_notes(user);
	}
	preempt_enable();
}

static int
status_of(const struct user *user)
{
	switch (user->script) {
	case TOUCH_GUARD:
		return USER_STATUS_KILLED + SIGSEGV;
	case WAIT_FOR_KILL:
		return USER_STATUS_KILLED + SIGKILL;
	default:
		return STATUS;
	}
}

/* What was taken for it has been done. */
static void
join(struct user *user)
{
	int status = task_join(user->task);

	if (user->script == WAIT_FOR_KILL || user->script == WAIT_FOR_WORK) {
		timer_cancel(&user->timer); /* its function may still write down what it did */
	}
	if (status != status_of(user)) {
		host_fail("a user task of script %u ends with %d", user->script, status);
	}
	for (unsigned int n = 0; n < WORKS; n++) {
		if (user->was_added[n] && atomic_load(&user->notes[n].done) == 0) {
			host_fail("work for a user task was not done");
		}
	}
	task_put(user->task);
}

void
users_run(unsigned int worker, unsigned int script, unsigned int steps, unsigned long cpus)
{
	struct user_program program = { .mm = mm_create(), .entry = (uintptr_t)code };
	unsigned int count = 1 + script % TASKS;

	HOST_EXPECT(program.mm != NULL);
	for (unsigned int n = 0; n < count; n++) {
		users[worker][n].script = script / TASKS;
		users[worker][n].steps = steps;
		start(&users[worker][n], &program, worker * TASKS + n, cpus);
	}
	user_unload(&program);
	for (unsigned int n = 0; n < count; n++) {
		join(&users[worker][n]);
	}
}
