// SPDX-License-Identifier: ISC
/*
 * Scenes of a mutex: whoever spins or waits for it is cut off, asked or signalled while its owner
 * gives it back.
 */
#include <stddef.h>

#include "guest/arch.h"
#include "guest/mutex.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/signal.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "tests/fuzz/sched/contest.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/fuzz/schedule.h"
#include "tests/host/machine.h"

static HOST_STATE DEFINE_MUTEX(mutex);
static HOST_STATE struct atomic owned; /* the round that its owner has begun */

/* ---- a mutex whose owner comes back ---- */

/* Whoever is let in has it. */
static void
be_owner(void)
{
	if (!mutex_is_locked(&mutex)) {
		host_fail("a task is let in, and does not have the mutex");
	}
	scene_pass(2);
}

static void
await_sleep(const struct task *task)
{
	while (atomic_load(&task->on_rq) || atomic_load(&task->on_cpu)) { /* bounded: it sleeps */
		timer_sleep(500);
	}
}

/* Asleep with it, and woken when somebody has come; its unlock may be cut off as well. */
static void
own_asleep(void *unused)
{
	(void)unused;
	contest.second = current;
	for (unsigned int n = 1; n <= CONTEST_ROUNDS; n++) {
		scene_meet(2);
		mutex_lock(&mutex);
		atomic_store(&owned, n);
		for (;;) { /* bounded: it is woken */
			set_current_state(TASK_UNINTERRUPTIBLE);
			if (atomic_load(&contest.begun) >= n) {
				break;
			}
			schedule();
		}
		__set_current_state(TASK_RUNNING);
		if (contest.form & 1) {
			contest_cut_off(1 + contest.form / 2, contest.first_cpu);
		}
		mutex_unlock(&mutex);
		contest_await(contest.first, &contest.ended, n);
		scene_meet(2);
	}
}

static void
want_from_sleeper(void *unused)
{
	(void)unused;
	contest.first = current;
	for (unsigned int n = 1; n <= CONTEST_ROUNDS; n++) {
		scene_meet(2);
		scene_await(&owned, n);
		await_sleep(contest.second);
		contest_go_on();
		atomic_store(&contest.begun, n);
		wake_up_process(contest.second);
		contest_cut_off(contest.form & 1 ? 2 * n : contest_point(n, 2), contest.second_cpu);
		mutex_lock(&mutex);
		be_owner();
		mutex_unlock(&mutex);
		atomic_store(&contest.ended, n);
		scene_meet(2);
	}
}

static void
play_owner(unsigned int cpu, unsigned int form)
{
	if (!contest_prepare(cpu, form)) {
		return;
	}
	atomic_store(&owned, 0);
	contest_play(want_from_sleeper, own_asleep, NULL);
}

/* ---- a spinner that is asked to give way ---- */

static HOST_STATE struct list first_place; /* of a spinner that does not get on */

/* Asked when it spins for its turn, with the mutex free. */
static void
unlock_and_ask(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= CONTEST_ROUNDS; n++) {
		scene_meet(2);
		mutex_lock(&mutex);
		atomic_store(&contest.ready, n);
		scene_spin(&contest.begun, n);
		mutex_unlock(&mutex);
		schedule_act(FUZZ_ACTION_SWITCH, contest.first_cpu);
		resched_cpu(contest.first_cpu);
		scene_meet(2);
	}
}

static void
spin_behind(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= CONTEST_ROUNDS; n++) {
		scene_meet(2);
		scene_await(&contest.ready, n);
		atomic_store(&contest.begun, n);
		contest_cut_off(contest_point(n, 2), contest.second_cpu);
		mutex_lock(&mutex);
		be_owner();
		mutex_unlock(&mutex);
		scene_meet(2);
	}
}

static HOST_STATE struct atomic urgent_wanted;
static HOST_STATE struct atomic urgent_ran;

static void
be_urgent(void *unused)
{
	(void)unused;
	for (;;) { /* bounded: it is woken */
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (atomic_load(&urgent_wanted)) {
			break;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	atomic_store(&urgent_ran, 1);
}

/* Goes on when the one has run that goes first where somebody spins for us. */
static void
own_and_need(void *urgent)
{
	mutex_lock(&mutex);
	atomic_store(&owned, 1);
	contest_go_on();
	scene_spin(&contest.begun, 1);
	scene_pass(contest.form * 4);
	atomic_store(&urgent_wanted, 1);
	wake_up_process(urgent);
	scene_spin(&urgent_ran, 1); /* it goes first there */
	mutex_unlock(&mutex);
}

static void
spin_for_owner(void *unused)
{
	(void)unused;
	scene_await(&owned, 1);
	atomic_store(&contest.begun, 1);
	mutex_lock(&mutex);
	mutex_unlock(&mutex);
}

static void
play_urgent(void)
{
	struct task *urgent;

	atomic_store(&urgent_wanted, 0);
	atomic_store(&urgent_ran, 0);
	urgent = task_run(&(struct task_params){
		.comm = "urgent",
		.fn = be_urgent,
		.policy = SCHED_FIFO,
		.rt_priority = 50,
		.cpus_allowed = 1ul << contest.first_cpu,
	});
	HOST_EXPECT(urgent != NULL);
	contest_play(spin_for_owner, own_and_need, urgent);
	task_join(urgent);
}

static void
play_spinner(unsigned int cpu, unsigned int form)
{
	if (!contest_prepare(cpu, form)) {
		return;
	}
	atomic_store(&owned, 0);
	if (form & 1) {
		play_urgent();
		return;
	}
	list_add_tail(&mutex.spinners, &first_place);
	contest_play(spin_behind, unlock_and_ask, NULL);
	list_remove(&first_place);
}

/* ---- a mutex's first waiter ---- */

static HOST_STATE struct atomic had; /* the round in which the waiter has had it */

static unsigned int
count_waiters(void)
{
	unsigned int count = 0;

	raw_spin_lock(&mutex.wait_lock);
	for (const struct list *node = mutex.waiters.next; node != &mutex.waiters;
	     node = node->next) {
		count++;
	}
	raw_spin_unlock(&mutex.wait_lock);
	return count;
}

static void
await_waiters(unsigned int count)
{
	while (count_waiters() < count) { /* bounded: they come */
		timer_sleep(500);
	}
}

static void
be_interrupted(void *unused)
{
	(void)unused;
	contest.first = current;
	allow_signal(SIGUSR1);
	for (unsigned int n = 1; n <= 3; n++) {
		scene_await(&owned, n);
		if (mutex_lock_interruptible(&mutex) == 0) {
			mutex_unlock(&mutex);
		}
		atomic_store(&had, n);
		scene_meet(3);
		flush_signals(current);
	}
}

static void
wait_behind(void *unused)
{
	(void)unused;
	contest.second = current;
	for (unsigned int n = 1; n <= 3; n++) {
		scene_await(&owned, n);
		await_waiters(1);
		mutex_lock(&mutex);
		mutex_unlock(&mutex);
		atomic_store(&contest.ended, n);
		scene_meet(3);
	}
}

/* It is woken, and has not run yet when the signal comes. */
static void
unlock_and_signal(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= 3; n++) {
		mutex_lock(&mutex);
		atomic_store(&owned, n);
		await_waiters(2);
		contest_go_on();
		mutex_unlock(&mutex);
		send_sig(SIGUSR1, contest.first);
		scene_await(&had, n);
		contest_await(contest.second, &contest.ended, n);
		scene_meet(3);
	}
}

static void
wait_and_tell(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= 3; n++) {
		scene_await(&owned, n);
		mutex_lock(&mutex);
		atomic_store(&had, n);
		mutex_unlock(&mutex);
		scene_meet(2);
	}
}

/* Who is woken, and finds it stolen, asks for it: it is not stolen again. */
static void
steal_once(unsigned int n)
{
	mutex_unlock(&mutex);
	if (!mutex_trylock(&mutex)) {
		return;
	}
	while (atomic_load(&had) < n &&
	       !(atomic_load(&mutex.owner) & MUTEX_HANDOFF)) { /* bounded: it asks */
		arch_cpu_relax();
		cond_resched();
	}
	mutex_unlock(&mutex);
	if (!mutex_trylock(&mutex)) {
		return;
	}
	if (atomic_load(&had) < n) {
		host_fail("a mutex is stolen that its first waiter has asked for");
	}
	mutex_unlock(&mutex);
}

static void
steal(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= 3; n++) {
		mutex_lock(&mutex);
		atomic_store(&owned, n);
		await_waiters(1);
		contest_go_on();
		steal_once(n);
		scene_meet(2);
	}
}

static void
play_waiter(unsigned int cpu, unsigned int form)
{
	if (!contest_prepare(cpu, form)) {
		return;
	}
	atomic_store(&owned, 0);
	atomic_store(&had, 0);
	if (form & 1) {
		contest_play(wait_and_tell, steal, NULL);
		return;
	}
	scene_cast(be_interrupted, NULL, contest.first_cpu);
	scene_cast(wait_behind, NULL, contest.first_cpu);
	scene_cast(unlock_and_signal, NULL, contest.second_cpu);
	scene_join();
}

const struct scene scene_mutexes[] = {
	{ "the owner of a mutex comes back", play_owner },
	{ "a spinner is asked to give way", play_spinner },
	{ "the first waiter of a mutex", play_waiter },
	{ NULL, NULL },
};
