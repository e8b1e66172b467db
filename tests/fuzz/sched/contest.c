// SPDX-License-Identifier: ISC
#include "tests/fuzz/sched/contest.h"

#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/fuzz/schedule.h"
#include "tests/host/machine.h"

#define TURN 2000u /* points: as long as a part takes */

HOST_STATE struct contest contest;

bool
contest_prepare(unsigned int cpu, unsigned int form)
{
	contest = (struct contest){
		.form = form,
		.first_cpu = cpu,
		.second_cpu = (cpu + 1) % cpu_count,
	};
	return cpu_count > 1;
}

void
contest_play(void (*first)(void *), void (*second)(void *), void *arg)
{
	scene_cast(first, arg, contest.first_cpu);
	scene_cast(second, arg, contest.second_cpu);
	scene_join();
}

void
contest_go_on(void)
{
	schedule_press(0, TURN);
}

void
contest_cut_off(unsigned int points, unsigned int cpu)
{
	contest_go_on();
	schedule_act_later(points, FUZZ_ACTION_SWITCH, cpu);
}

unsigned int
contest_point(unsigned int round, unsigned int kinds)
{
	unsigned int alike = CONTEST_FORMS / kinds;

	return (round - 1) * alike + contest.form / kinds % alike;
}

static bool
sleeps(const struct task *task)
{
	return (atomic_load(&task->state) & TASK_NORMAL) && !atomic_load(&task->on_rq) &&
	       !atomic_load(&task->on_cpu);
}

void
contest_await(const struct task *task, const struct atomic *word, unsigned int round)
{
	for (uint64_t ns = 500; atomic_load(word) < round; ns += ns) { /* bounded: it comes */
		if (sleeps(task) && atomic_load(word) < round) {
			host_fail("a task sleeps, and what it waits for has come");
		}
		timer_sleep(ns);
	}
}

void
contest_await_sleep(const struct task *task)
{
	uint64_t ns = 500;

	while (atomic_load(&task->on_rq) || atomic_load(&task->on_cpu)) { /* bounded: it does */
		timer_sleep(ns);
		ns += ns;
	}
}
