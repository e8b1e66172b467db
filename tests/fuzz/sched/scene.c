// SPDX-License-Identifier: ISC
#include "tests/fuzz/sched/scene.h"

#include <stddef.h>

#include "guest/arch.h"
#include "guest/mutex.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/softirq.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "tests/fuzz/schedule.h"
#include "tests/host/machine.h"

static const struct scene *const lists[] = { scene_softirqs, scene_lines,    scene_waits,
	                                     scene_locks,    scene_rcu,      scene_tasks,
	                                     scene_works,    scene_points,   scene_futexes,
	                                     scene_contests, scene_mutexes,  scene_interrupts,
	                                     scene_requests, scene_notified, scene_reader_races,
	                                     scene_races,    scene_users,    scene_moves };

#define SPINS 120u
#define LOOKS 40u
#define LONG  4000u /* points: longer than what one does of a meeting */

static HOST_STATE DEFINE_MUTEX(stage);
static HOST_STATE struct task *cast[SCENE_CAST_MAX];
static HOST_STATE unsigned int cast_count;
static HOST_STATE unsigned int turn_points;
static HOST_STATE uint32_t held_cpus;
static HOST_STATE void (*served_by)(void); /* SCENE_SOFTIRQ */
static HOST_STATE struct atomic came;
static HOST_STATE struct atomic waiting; /* for the first one of a meeting, awake */
static HOST_STATE struct atomic began;   /* meetings whose first one has gone on */
static HOST_STATE struct atomic passed;  /* read, where only time is to pass */

static unsigned int
count_all(void)
{
	unsigned int count = 0;

	for (size_t n = 0; n < sizeof(lists) / sizeof(lists[0]); n++) {
		for (const struct scene *scene = lists[n]; scene->name != NULL; scene++) {
			count++;
		}
	}
	return count;
}

static const struct scene *
nth(unsigned int number)
{
	for (size_t n = 0; n < sizeof(lists) / sizeof(lists[0]); n++) {
		for (const struct scene *scene = lists[n]; scene->name != NULL; scene++) {
			if (number-- == 0) {
				return scene;
			}
		}
	}
	return NULL;
}

static void
press(void)
{
	schedule_press(held_cpus, turn_points);
}

void
scene_let_go(void)
{
	schedule_press(0, turn_points);
}

void
scene_hand_over(unsigned int cpu)
{
	schedule_act(FUZZ_ACTION_SWITCH, cpu);
}

void
scene_hand_over_at(const void *word, unsigned int nth, unsigned int cpu)
{
	schedule_act_at(word, nth, FUZZ_ACTION_SWITCH, cpu);
}

void
scene_hold(void)
{
	preempt_disable();
	schedule_press(1u << smp_processor_id(), LONG);
	preempt_enable();
}

void
scene_play(unsigned int scene, unsigned int cpu, unsigned int form, unsigned int slice,
           unsigned int held)
{
	HOST_EXPECT(count_all() == SCENES);
	mutex_lock(&stage);
	atomic_store(&came, 0);
	atomic_store(&waiting, 0);
	atomic_store(&began, 0);
	turn_points = slice;
	held_cpus = 0;
	for (unsigned int n = 0; n < cpu_count; n++) {
		held_cpus |= (held >> n & 1) << (cpu + n) % cpu_count;
	}
	press();
	nth(scene)->play(cpu % cpu_count, form);
	HOST_EXPECT(cast_count == 0);
	schedule_press(0, 0);
	mutex_unlock(&stage);
}

struct task *
scene_cast(void (*fn)(void *arg), void *arg, unsigned int cpu)
{
	HOST_EXPECT(cast_count < SCENE_CAST_MAX);
	cast[cast_count] = task_run(&(struct task_params){
		.comm = "scene",
		.fn = fn,
		.arg = arg,
		.cpus_allowed = 1ul << cpu % cpu_count,
	});
	return cast[cast_count++];
}

void
scene_join(void)
{
	while (cast_count != 0) { /* bounded: the cast */
		task_join(cast[--cast_count]);
	}
}

/* Whoever he waits for may need this cpu, to which nobody else comes while he spins. */
void
scene_meet(unsigned int count)
{
	uint32_t number = atomic_fetch_add(&came, 1);
	uint32_t all = (number / count + 1) * count;

	for (unsigned int n = 0; (int32_t)(atomic_load(&came) - all) < 0; n++) {
		if (n >= SPINS || cpu_count < count) {
			scene_await(&came, all);
		}
	}
	press();
	scene_pass(number * 11 % 37);
}

void
scene_spin(const struct atomic *word, uint32_t wanted)
{
	while ((int32_t)(atomic_load(word) - wanted) < 0) { /* bounded: it comes to be */
		arch_cpu_relax();
		cond_resched();
	}
}

void
scene_sleep(const struct atomic *word, uint32_t wanted)
{
	for (;;) { /* bounded: it comes to be */
		set_current_state(TASK_UNINTERRUPTIBLE);
		if ((int32_t)(atomic_load(word) - wanted) >= 0) {
			break;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

void
scene_face(bool is_first)
{
	uint32_t number;

	scene_meet(2);
	if (!is_first) {
		number = atomic_fetch_add(&waiting, 1) + 1;
		scene_spin(&began, number);
		return;
	}
	number = atomic_load(&began) + 1;
	scene_spin(&waiting, number);
	schedule_press(0, LONG);
	atomic_fetch_add(&began, 1);
}

/*
 * Longer from look to look: in an unfair order much happens in between. In the end, days: nothing
 * but the clock goes on then.
 */
void
scene_await(const struct atomic *word, uint32_t wanted)
{
	uint64_t ns = 500;

	for (unsigned int n = 0; (int32_t)(atomic_load(word) - wanted) < 0; n++) {
		if (n == LOOKS) {
			host_fail("a task of a scene waits for what never comes");
		}
		timer_sleep(ns);
		ns += ns;
	}
}

/* A vector has one function for good. */
static void
serve(void)
{
	served_by();
}

void
scene_serve(void (*fn)(void))
{
	served_by = fn;
	open_softirq(SCENE_SOFTIRQ, serve);
}

void
scene_pass(unsigned int points)
{
	for (unsigned int n = 0; n < points; n++) {
		(void)atomic_load(&passed);
	}
}
