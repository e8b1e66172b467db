// SPDX-License-Identifier: ISC
/*
 * Scenes of who brings a task forward, or moves it, and is on another cpu than the task.
 */
#include <stddef.h>

#include "guest/mm.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/task.h"
#include "guest/user.h"
#include "guest/yield_to.h"
#include "shared/user_abi.h"
#include "tests/fuzz/sched/contest.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/host/machine.h"

#define PATIENCE 400u /* looks of who keeps his cpu from being given away */
#define MOVES    8u
#define YIELDS   4u
#define GIFTS    12u
#define STATUS   5

/* Rounds: for which somebody is on the way, and for which he has done it. */
static HOST_STATE struct atomic going;
static HOST_STATE struct atomic condition;

/* ---- a sleeper that is moved by its own switch, and woken ---- */

/* Count above 0: others may wait for this cpu, and he who is to do it behind them. */
static void
wait_a_while(const struct atomic *word, uint32_t wanted)
{
	for (unsigned int n = 0; n < PATIENCE && atomic_load(word) < wanted; n++) {
		scene_pass(1);
	}
}

/* In the state of its sleep, and preempted before that. */
static void
sleep_and_be_moved(void *unused)
{
	(void)unused;
	contest.first = current;
	for (unsigned int n = 1; n <= MOVES; n++) {
		HOST_EXPECT(set_cpus_allowed(current, 1ul << contest.first_cpu) == 0);
		scene_meet(2);
		scene_await(&contest.ready, n);
		preempt_disable();
		set_current_state(TASK_UNINTERRUPTIBLE);
		atomic_store(&contest.begun, n);
		wait_a_while(&going, n);
		contest_cut_off(contest_point(n, 1), contest.second_cpu);
		preempt_enable();
		cond_resched();
		while (atomic_load(&condition) < n) { /* bounded: it is woken */
			schedule();
			set_current_state(TASK_UNINTERRUPTIBLE);
		}
		__set_current_state(TASK_RUNNING);
		atomic_store(&contest.ended, n);
		scene_meet(2);
	}
}

static void
move_and_wake(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= MOVES; n++) {
		scene_meet(2);
		atomic_store(&contest.ready, n);
		scene_spin(&contest.begun, n);
		HOST_EXPECT(set_cpus_allowed(contest.first, 1ul << contest.second_cpu) == 0);
		preempt_disable();
		atomic_store(&going, n);
		scene_hand_over(contest.first_cpu);
		atomic_store(&condition, n);
		wake_up_process(contest.first);
		preempt_enable();
		contest_await(contest.first, &contest.ended, n);
		scene_meet(2);
	}
}

/* ---- a yield to a task that waits behind another one ---- */

static HOST_STATE struct atomic given; /* the last round in which the yielder was heard */

static void
be_yielded_to(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= YIELDS; n++) {
		scene_sleep(&condition, n);
	}
}

/* The other one is in the queue, and stays there: who brings it forward asks at once, always. */
static void
be_asked(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= YIELDS; n++) {
		scene_face(true);
		preempt_disable();
		atomic_store(&condition, n);
		wake_up_process(contest.second);
		atomic_store(&contest.begun, n);
		scene_hand_over(contest.second_cpu);
		wait_a_while(&going, n);
		if (atomic_load(&given) == n && !need_resched()) {
			host_fail("a task is yielded to, and who runs before it is not asked");
		}
		preempt_enable();
		scene_meet(2);
	}
}

static void
yield_from_afar(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= YIELDS; n++) {
		scene_face(false);
		scene_spin(&contest.begun, n); /* what was asked before may be answered */
		if (yield_to(contest.second)) {
			atomic_store(&given, n);
		}
		atomic_store(&going, n);
		scene_meet(2);
	}
}

/* ---- a yield to a task that is moved meanwhile ---- */

/* Runnable, and more often than its cpu may be given to it before it is yielded to. */
static void
wait_behind(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= GIFTS; n++) {
		scene_sleep(&condition, n);
		for (unsigned int i = 0; i < 4; i++) {
			yield();
		}
		atomic_store(&contest.ended, n);
	}
}

static void
give_cut_off(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= GIFTS; n++) {
		scene_face(true);
		atomic_store(&condition, n);
		wake_up_process(contest.second);
		atomic_store(&contest.begun, n);
		contest_cut_off(2 * n + contest.form / 2 % 2, contest.second_cpu);
		yield_to(contest.second);
		scene_await(&contest.ended, n);
	}
}

/* And back when it sleeps. */
static void
move_meanwhile(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= GIFTS; n++) {
		scene_face(false);
		scene_spin(&contest.begun, n);
		HOST_EXPECT(set_cpus_allowed(contest.second, 1ul << contest.second_cpu) == 0);
		scene_hand_over(contest.first_cpu);
		scene_await(&contest.ended, n);
		HOST_EXPECT(set_cpus_allowed(contest.second, 1ul << contest.first_cpu) == 0);
	}
}

/* ---- a user task that moves, and ends ---- */

/* Where it was nobody else may have loaded anything: that cpu still has its address space. */
static void
move_and_end(uint64_t unused)
{
	(void)unused;
	host_user_step();
	HOST_EXPECT(host_syscall(SYSCALL_affinity, 1u << contest.second_cpu, 0, 0) == 0);
	host_user_step();
	host_syscall(SYSCALL_exit, STATUS, 0, 0);
}

static void
play_user(void)
{
	struct user_program program = { .mm = mm_create(), .entry = (uintptr_t)move_and_end };
	struct task *user;

	HOST_EXPECT(program.mm != NULL);
	user = user_run(
		&program,
		&(struct task_params){ .comm = "user", .cpus_allowed = 1ul << contest.first_cpu },
		0);
	HOST_EXPECT(user != NULL);
	user_unload(&program);
	HOST_EXPECT(task_join(user) == STATUS);
}

/* ---- all of them ---- */

static void
play_move(unsigned int cpu, unsigned int form)
{
	if (!contest_prepare(cpu, form)) {
		return;
	}
	atomic_store(&going, 0);
	atomic_store(&condition, 0);
	atomic_store(&given, 0);
	if ((form & 5) == 5) {
		contest.second = scene_cast(wait_behind, NULL, contest.first_cpu);
		contest_play(give_cut_off, move_meanwhile, NULL);
	} else if (form % 4 == 3) {
		play_user();
	} else if (form % 4 == 1) {
		contest.second = scene_cast(be_yielded_to, NULL, contest.first_cpu);
		contest_play(be_asked, yield_from_afar, NULL);
	} else {
		contest_play(sleep_and_be_moved, move_and_wake, NULL);
	}
}

const struct scene scene_moves[] = {
	{ "a task is moved, or yielded to, from another cpu", play_move },
	{ NULL, NULL },
};
