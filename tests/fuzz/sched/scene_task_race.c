// SPDX-License-Identifier: ISC
/*
 * Scenes of two who meet at one point of a task's life: it stops while it is woken, it is moved
 * while it counts, and it ends, and its memory is somebody else's, while it is looked at.
 */
#include <stddef.h>

#include "guest/arch.h"
#include "guest/mutex.h"
#include "guest/object.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/signal.h"
#include "guest/smp.h"
#include "guest/task.h"
#include "tests/fuzz/schedule.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/host/machine.h"

#define ROUNDS 3

static HOST_STATE unsigned int own_cpu;
static HOST_STATE unsigned int other_cpu;
static HOST_STATE struct task *whom;
static HOST_STATE struct atomic condition;
static HOST_STATE struct atomic step; /* the last round that the other one is through with */

static bool
prepare(unsigned int cpu)
{
	own_cpu = cpu;
	other_cpu = (cpu + 1) % cpu_count;
	atomic_store(&condition, 0);
	atomic_store(&step, 0);
	return cpu_count >= 2;
}

/* ---- a stop ---- */

/* A stop ends by SIGCONT, and not by who has seen it in the sleep before. */
static void
sleep_and_stop(void *unused)
{
	(void)unused;
	allow_signal(SIGSTOP);
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		send_sig(SIGSTOP, current);
		scene_face(true);
		scene_hand_over_at(&condition, 1, other_cpu);
		set_current_state(TASK_UNINTERRUPTIBLE);
		while (atomic_load(&condition) < n) { /* bounded: it comes true */
			schedule();
			set_current_state(TASK_UNINTERRUPTIBLE);
		}
		__set_current_state(TASK_RUNNING);
		HOST_EXPECT(get_signal() == 0);
		if (atomic_load(&step) < n) {
			host_fail("a stop ends, and nobody has continued it");
		}
	}
}

/* With the task in hand it lets it go on. */
static void
wake_and_continue(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_face(false);
		atomic_store_mb(&condition, n);
		scene_hand_over_at(&whom->state, 2, own_cpu);
		wake_up_process(whom);
		scene_hand_over(own_cpu);
		scene_pass(8);
		atomic_store(&step, n);
		send_sig(SIGCONT, whom);
	}
}

static void
play_stop(unsigned int cpu, unsigned int form)
{
	(void)form;
	if (!prepare(cpu)) {
		return;
	}
	whom = scene_cast(sleep_and_stop, NULL, own_cpu);
	scene_cast(wake_and_continue, NULL, other_cpu);
	scene_join();
}

/* ---- a move while it counts ---- */

#define POINTS_MAX 6

/* The interrupt that moves it comes a point later in each round. */
static void
count_and_move(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < POINTS_MAX; n++) {
		unsigned int cpu;

		scene_face(true);
		cpu = raw_smp_processor_id();
		schedule_act(FUZZ_ACTION_HOLD, cpu);
		scene_hand_over(other_cpu);
		scene_spin(&step, n + 1);
		schedule_act_later(n, FUZZ_ACTION_RELEASE, cpu);
		preempt_disable();
		preempt_enable();
	}
}

static void
move_often(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < POINTS_MAX; n++) {
		HOST_EXPECT(set_cpus_allowed(whom, 1ul << own_cpu) == 0);
		scene_face(false);
		HOST_EXPECT(set_cpus_allowed(whom, 1ul << other_cpu) == 0);
		atomic_store(&step, n + 1);
	}
}

static void
play_move(unsigned int cpu, unsigned int form)
{
	(void)form;
	if (!prepare(cpu)) {
		return;
	}
	whom = scene_cast(count_and_move, NULL, own_cpu);
	scene_cast(move_often, NULL, other_cpu);
	scene_join();
}

/* ---- memory that was an owner's ---- */

static HOST_STATE DEFINE_MUTEX(mutex);

static void
own_and_end(void *unused)
{
	(void)unused;
	mutex_lock(&mutex);
	atomic_fetch_add(&condition, 1);
	scene_hand_over(own_cpu);
	scene_pass(4);
	mutex_unlock(&mutex);
}

/* Looks whether the owner runs, who ends before that is read. */
static void
want_mutex(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_face(false);
		scene_hand_over_at(&whom->on_cpu, 1, other_cpu);
		mutex_lock(&mutex);
		mutex_unlock(&mutex);
		atomic_store(&step, n);
	}
}

static void
end_owner(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		void *memory;

		whom = task_create(&(struct task_params){
			.comm = "owner",
			.fn = own_and_end,
			.cpus_allowed = 1ul << other_cpu,
		});
		HOST_EXPECT(whom != NULL);
		scene_face(true);
		wake_up_new_task(whom);
		task_join(whom);
		memory = object_alloc(sizeof(struct task));
		HOST_EXPECT(memory != NULL);
		__builtin_memset(memory, 0x5a, sizeof(struct task));
		scene_await(&step, n);
		object_free(memory, sizeof(struct task));
	}
}

static void
play_owner(unsigned int cpu, unsigned int form)
{
	(void)form;
	if (!prepare(cpu)) {
		return;
	}
	scene_cast(want_mutex, NULL, own_cpu);
	scene_cast(end_owner, NULL, other_cpu);
	scene_join();
}

const struct scene scene_task_races[] = {
	{ "a task stops as a waker has it in hand", play_stop },
	{ "a task is moved as it counts", play_move },
	{ "the memory of an owner, as it is looked at", play_owner },
	{ NULL, NULL },
};
