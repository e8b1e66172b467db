// SPDX-License-Identifier: ISC
/*
 * Scenes of waits that are cut off at each point while what ends them comes.
 */
#include <stddef.h>

#include "guest/arch.h"
#include "guest/futex.h"
#include "guest/kthread.h"
#include "guest/rwsem.h"
#include "guest/sched.h"
#include "guest/semaphore.h"
#include "guest/signal.h"
#include "guest/task.h"
#include "tests/fuzz/sched/contest.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/host/machine.h"

/* ---- a wait, and what it waits for ---- */

static HOST_STATE struct atomic word;
static HOST_STATE DEFINE_SEMAPHORE(semaphore, 0);
static HOST_STATE DECLARE_RWSEM(rwsem);

/* prepare: NULL, or what the second one does before the first one begins. */
struct pair {
	void (*first)(unsigned int n);
	void (*second)(unsigned int n);
	void (*prepare)(void);
};

static void
wait_for_word(unsigned int n)
{
	futex_wait(&word, n - 1, FUTEX_BITSET_MATCH_ANY, MAX_SCHEDULE_TIMEOUT);
}

static void
write_word(unsigned int n)
{
	atomic_store(&word, n);
	futex_wake(&word, 1, FUTEX_BITSET_MATCH_ANY);
}

static void
take_semaphore(unsigned int unused)
{
	(void)unused;
	down(&semaphore);
}

static void
give_semaphore(unsigned int unused)
{
	(void)unused;
	up(&semaphore);
}

static void
take_signal(unsigned int unused)
{
	(void)unused;
	get_signal();
}

static void
send_second_signal(unsigned int unused)
{
	(void)unused;
	send_sig(SIGUSR1, contest.first);
}

static void
prepare_to_read(void)
{
	down_read(&rwsem);
}

static void
write_when_read(unsigned int unused)
{
	(void)unused;
	down_write(&rwsem);
	up_write(&rwsem);
}

static void
have_read(unsigned int unused)
{
	(void)unused;
	up_read(&rwsem);
}

static const struct pair pairs[] = {
	{ wait_for_word, write_word, NULL },
	{ take_semaphore, give_semaphore, NULL },
	{ take_signal, send_second_signal, NULL },
	{ write_when_read, have_read, prepare_to_read },
};

#define PAIRS (sizeof(pairs) / sizeof(pairs[0]))

/* Nobody sends any now. */
static void
check_signals(void)
{
	if (atomic_load(&current->signals) != 0 && !signal_pending(current)) {
		host_fail("a signal is there, and its task is not told");
	}
	flush_signals(current);
}

static void
play_first(void *arg)
{
	const struct pair *pair = arg;

	contest.first = current;
	allow_signal(SIGINT);
	allow_signal(SIGUSR1);
	for (unsigned int n = 1; n <= CONTEST_ROUNDS; n++) {
		scene_meet(2);
		if (pair->first == take_signal) {
			send_sig(SIGINT, current);
		}
		scene_await(&contest.ready, n);
		atomic_store(&contest.begun, n);
		contest_cut_off(contest_point(n, PAIRS), contest.second_cpu);
		pair->first(n);
		atomic_store(&contest.ended, n);
		scene_meet(2);
		check_signals();
	}
}

static void
play_second(void *arg)
{
	const struct pair *pair = arg;

	for (unsigned int n = 1; n <= CONTEST_ROUNDS; n++) {
		scene_meet(2);
		if (pair->prepare != NULL) {
			pair->prepare();
		}
		atomic_store(&contest.ready, n);
		scene_spin(&contest.begun, n);
		pair->second(n);
		contest_await(contest.first, &contest.ended, n);
		scene_meet(2);
	}
}

static void
play_wait(unsigned int cpu, unsigned int form)
{
	if (!contest_prepare(cpu, form)) {
		return;
	}
	atomic_store(&word, 0);
	contest_play(play_first, play_second, (void *)(uintptr_t)&pairs[form % PAIRS]);
}

/* ---- a thread that parks ---- */

static HOST_STATE struct task *thread;

/* In the state of a sleep to which it does not come: whoever asks it finds that. */
static int
stand(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; !kthread_should_stop(); n++) { /* bounded: its rounds */
		set_current_state(TASK_UNINTERRUPTIBLE);
		atomic_store(&contest.ready, n);
		while (!kthread_should_park() && !kthread_should_stop()) { /* bounded: asked */
			arch_cpu_relax();
			cond_resched();
		}
		kthread_parkme();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static void
park_often(void *unused)
{
	(void)unused;
	wake_up_process(thread);
	for (unsigned int n = 1; n <= CONTEST_ROUNDS; n++) {
		scene_await(&contest.ready, n);
		contest_cut_off(contest_point(n, 1), contest.first_cpu);
		HOST_EXPECT(kthread_park(thread) == 0);
		if (atomic_load(&thread->state) != TASK_PARKED || atomic_load(&thread->on_cpu) ||
		    atomic_load(&thread->on_rq)) {
			host_fail("a thread is said to be parked, and is not");
		}
		kthread_unpark(thread);
	}
	kthread_stop(thread);
}

static void
play_park(unsigned int cpu, unsigned int form)
{
	if (!contest_prepare(cpu, form)) {
		return;
	}
	thread = kthread_create_on_cpu(stand, NULL, contest.first_cpu, "stands");
	HOST_EXPECT(thread != NULL);
	scene_cast(park_often, NULL, contest.second_cpu);
	scene_join();
}

const struct scene scene_contests[] = {
	{ "a wait that is cut off", play_wait },
	{ "a thread parks", play_park },
	{ NULL, NULL },
};
