// SPDX-License-Identifier: ISC
/*
 * Scenes of futexes: waiters that end, or pass on, while their waker is still about them: it is cut
 * off at each point, one further in each round.
 */
#include <limits.h>
#include <stddef.h>

#include "guest/atomic.h"
#include "guest/futex.h"
#include "guest/sched.h"
#include "guest/sleep.h"
#include "guest/smp.h"
#include "guest/task.h"
#include "tests/fuzz/sched/contest.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/host/machine.h"

#define ANY        FUTEX_BITSET_MATCH_ANY
#define TIMEOUT_NS 5000u
#define SETTLE_NS  2000u
#define ROUNDS     8u

static HOST_STATE struct atomic word;       /* 1: nobody waits any more */
static HOST_STATE struct atomic short_word; /* whose waiter may be there behind its scene's end */
static HOST_STATE struct atomic target;     /* who waits for whom was woken before */

/* Whoever is woken wakes the next one, who was moved, or will have been when it has the lock. */
static void
wait_and_pass_on(void *arg)
{
	int64_t timeout = arg != NULL ? TIMEOUT_NS : MAX_SCHEDULE_TIMEOUT;

	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_meet(3);
		if (futex_wait(&word, 0, ANY, timeout) == 0) {
			futex_wake(&target, 1, ANY);
		}
		scene_meet(3);
	}
}

/* The first one's time is over when it is woken and the second moved. */
static void
move_behind(void *form)
{
	for (unsigned int n = 0; n < ROUNDS; n++) {
		atomic_store(&word, 0);
		scene_meet(3);
		schedule_timeout_uninterruptible(SETTLE_NS);
		host_clock_advance(TIMEOUT_NS);
		contest_cut_off(CONTEST_FORMS * n + (unsigned int)(uintptr_t)form,
		                smp_processor_id() + 1);
		atomic_store(&word, 1);
		futex_requeue(&word, &target, 1, INT_MAX);
		scene_meet(3);
	}
}

static void
play_relay(unsigned int cpu, unsigned int form)
{
	scene_cast(wait_and_pass_on, &word, cpu + 1);
	scene_cast(wait_and_pass_on, NULL, cpu + 1 + form % 2);
	scene_cast(move_behind, (void *)(uintptr_t)form, cpu);
	scene_join();
}

static void
wait_and_end(void *unused)
{
	(void)unused;
	futex_wait(&short_word, 0, ANY, TIMEOUT_NS);
}

/* Nobody else holds it: its waker must. */
static void
wake_while_it_ends(void *form)
{
	unsigned int other = (smp_processor_id() + 1) % cpu_count;

	for (unsigned int n = 0; n < ROUNDS; n++) {
		struct task *waiter;

		atomic_store(&short_word, 0);
		waiter = task_run(&(struct task_params){
			.comm = "waiter",
			.fn = wait_and_end,
			.cpus_allowed = 1ul << other,
		});
		HOST_EXPECT(waiter != NULL);
		task_put(waiter);
		schedule_timeout_uninterruptible(SETTLE_NS);
		host_clock_advance(TIMEOUT_NS);
		contest_cut_off(CONTEST_FORMS * n + (unsigned int)(uintptr_t)form,
		                smp_processor_id() + 1);
		futex_wake(&short_word, 1, ANY);
		schedule_timeout_uninterruptible(2 * TIMEOUT_NS);
	}
}

static void
play_end(unsigned int cpu, unsigned int form)
{
	scene_cast(wake_while_it_ends, (void *)(uintptr_t)form, cpu);
	scene_join();
}

const struct scene scene_futexes[] = {
	{ "a futex's waiters, of whom one wakes the next", play_relay },
	{ "a futex's waiter ends", play_end },
	{ NULL, NULL },
};
