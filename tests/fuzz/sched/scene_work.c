// SPDX-License-Identifier: ISC
/*
 * Scenes of works: one that waits for another, and one that is queued again as its function begins.
 */
#include <stddef.h>

#include "guest/completion.h"
#include "guest/smp.h"
#include "guest/timer.h"
#include "guest/workqueue.h"
#include "tests/fuzz/sched/contest.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/fuzz/schedule.h"

#define ROUNDS 4u

/* ---- a work that waits for one behind it ---- */

static HOST_STATE struct completion behind_done;
static HOST_STATE struct work first_work;
static HOST_STATE struct work work_behind;

static void
wait_for_behind(struct work *unused)
{
	(void)unused;
	wait_for_completion(&behind_done);
}

static void
complete_behind(struct work *unused)
{
	(void)unused;
	complete(&behind_done);
}

static void
play_behind(unsigned int cpu, unsigned int form)
{
	init_completion(&behind_done);
	INIT_WORK(&first_work, wait_for_behind);
	INIT_WORK(&work_behind, complete_behind);
	queue_work_on(cpu, system_wq, &first_work);
	if (form & 1) {
		timer_sleep(500);
	}
	queue_work_on(cpu, system_wq, &work_behind);
	flush_work(&first_work);
	flush_work(&work_behind);
}

/* ---- a work that is queued again ---- */

static HOST_STATE struct work work;
static HOST_STATE struct atomic asked;
static HOST_STATE struct atomic seen;

/* The next time, that it is not pending any more is seen late. */
static void
see_asked(struct work *unused)
{
	(void)unused;
	atomic_store(&seen, atomic_load(&asked));
	scene_hand_over(contest.second_cpu);
	scene_pass(2);
	schedule_act_at(&work.data, 1, FUZZ_ACTION_HOLD, contest.first_cpu);
}

/* It is pending, and its function is yet to see this, or it is not. */
static void
queue_twice(void *unused)
{
	(void)unused;
	contest_go_on();
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		atomic_store(&asked, 2 * n - 1);
		queue_work_on(contest.first_cpu, system_wq, &work);
		scene_hand_over(contest.first_cpu);
		atomic_store(&asked, 2 * n);
		queue_work_on(contest.first_cpu, system_wq, &work);
		scene_await(&seen, 2 * n);
	}
	flush_work(&work);
}

static void
play_again(unsigned int cpu, unsigned int form)
{
	if (!contest_prepare(cpu, form)) {
		return;
	}
	atomic_store(&asked, 0);
	atomic_store(&seen, 0);
	INIT_WORK(&work, see_asked);
	scene_cast(queue_twice, NULL, contest.second_cpu);
	scene_join();
}

static void
play_works(unsigned int cpu, unsigned int form)
{
	(form & 2 ? play_again : play_behind)(cpu, form);
}

const struct scene scene_works[] = {
	{ "a work that waits for one behind it, or is queued again", play_works },
	{ NULL, NULL },
};
