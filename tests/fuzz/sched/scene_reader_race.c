// SPDX-License-Identifier: ISC
/*
 * Scenes of a reader and an updater who meet at one point: the reader is about to be counted, or
 * what the updater has unlinked is still on its way.
 */
#include <stddef.h>

#include "guest/arch.h"
#include "guest/completion.h"
#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/rcu_gp.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/srcu.h"
#include "guest/timer.h"
#include "tests/explore/guarded.h"
#include "tests/fuzz/schedule.h"
#include "tests/fuzz/sched/program.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/host/machine.h"

#define ROUNDS   3
#define USE_SPAN 8      /* points of a section, behind the meeting */
#define LATER_NS 100000 /* when nobody else has a timer */

static HOST_STATE struct atomic alive[2];
static HOST_STATE struct atomic_ptr published; /* one of these */
static HOST_STATE struct atomic over;
static HOST_STATE unsigned int reader_cpu;
static HOST_STATE unsigned int updater_cpu;

static void
prepare(unsigned int cpu)
{
	atomic_store(&alive[0], 1);
	atomic_store(&alive[1], 1);
	atomic_store_release(&published, &alive[0]);
	atomic_store(&over, 0);
	reader_cpu = cpu;
	updater_cpu = (cpu + 1) % cpu_count;
}

static void
use(const struct atomic *object)
{
	scene_pass(USE_SPAN);
	if (!atomic_load(object)) {
		host_fail("a reader sees freed memory");
	}
}

/* Returns what is freed when its readers are gone. */
static struct atomic *
replace(void)
{
	struct atomic *old = atomic_load(&published);
	struct atomic *next = old == &alive[0] ? &alive[1] : &alive[0];

	atomic_store(next, 1);
	rcu_assign_pointer(&published, next);
	return old;
}

/* Nobody else has grace periods: then one may be had without a turn at them. */
static bool
can_play(void)
{
	return cpu_count >= 2 && !program_plan()->updates_rcu;
}

/* ---- a reader in an interrupt, while the updater looks ---- */

static HOST_STATE struct timer timer;
static HOST_STATE struct completion was_read;

static void
read_in_interrupt(struct timer *unused)
{
	const struct atomic *object;

	(void)unused;
	rcu_read_lock();
	object = rcu_dereference(&published);
	scene_hand_over(updater_cpu);
	use(object);
	rcu_read_unlock();
	complete(&was_read);
}

static void
wait_for_reads(void *unused)
{
	(void)unused;
	timer_init(&timer, read_in_interrupt);
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_meet(2);
		timer_start(&timer, arch_clock_ns() + LATER_NS);
		wait_for_completion(&was_read);
	}
}

/* The reader's cpu idles when it is looked at, and not behind that. */
static void
update_at_look(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		struct atomic *old;

		scene_meet(2);
		timer_sleep(LATER_NS / 100);
		scene_hold();
		schedule_act(FUZZ_ACTION_TIMER, reader_cpu);
		scene_hand_over_at(&per_cpu(runqueue, reader_cpu).nr_switches, 1, reader_cpu);
		old = replace();
		rcu_grace_period(true);
		atomic_store(old, 0);
	}
}

static void
play_look(unsigned int cpu)
{
	if (!can_play()) {
		return;
	}
	prepare(cpu);
	init_completion(&was_read);
	scene_cast(wait_for_reads, NULL, reader_cpu);
	scene_cast(update_at_look, NULL, updater_cpu);
	scene_join();
}

/* ---- a reader that is preempted, and slow to count itself ---- */

/* There is somebody to switch to. Alone, it is there less and less. */
static void
give_way(void *unused)
{
	uint64_t ns = 1000;

	(void)unused;
	while (!atomic_load(&over)) { /* bounded: so many rounds of theirs */
		yield();
		if (atomic_load(&this_cpu_ptr(&runqueue)->nr_running) == 1) {
			timer_sleep(ns);
			ns += ns;
		}
	}
}

/* The first grace period is content with this cpu before the reader comes, and so ends meanwhile.
 */
static void
count_slowly(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		const struct atomic *object;

		scene_face(false);
		yield();
		yield();
		scene_hand_over_at(&rcu_blocked[atomic_load(&rcu_blocked_index)], 1, updater_cpu);
		rcu_read_lock();
		object = rcu_dereference(&published);
		for (unsigned int i = 0; i < 4; i++) {
			guarded_preempt_self();
			scene_hand_over(updater_cpu);
		}
		use(object);
		rcu_read_unlock();
	}
	atomic_store(&over, 1);
}

static void
update_behind(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		struct atomic *old;

		scene_face(true);
		rcu_grace_period(true);
		old = replace();
		rcu_grace_period(true);
		atomic_store(old, 0);
	}
}

static void
play_straggler(unsigned int cpu)
{
	if (!can_play()) {
		return;
	}
	prepare(cpu);
	scene_cast(give_way, NULL, reader_cpu);
	scene_cast(count_slowly, NULL, reader_cpu);
	scene_cast(update_behind, NULL, updater_cpu);
	scene_join();
}

/* ---- the same of SRCU ---- */

static HOST_STATE struct srcu_struct srcu;
static HOST_STATE bool has_srcu;

static struct srcu_cpu *
counts(void)
{
	return &srcu.cpus[reader_cpu];
}

/* Comes to be counted where the next reader would be, and lets the updater go on before that. */
static int
enter_slowly(void)
{
	scene_hand_over_at(&counts()->locks[atomic_load(&srcu.index) & 1], 1, updater_cpu);
	return srcu_read_lock(&srcu);
}

static void
count_srcu_slowly(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		const struct atomic *object;
		int index;

		scene_face(true);
		index = enter_slowly();
		object = rcu_dereference(&published);
		scene_hand_over(updater_cpu);
		use(object);
		srcu_read_unlock(&srcu, index);
	}
}

/* The reader is counted behind the first one's turn, and before the second's. */
static void
update_srcu_behind(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		struct atomic *old;

		scene_face(false);
		srcu_grace_period(&srcu);
		scene_hold();
		scene_hand_over_at(&srcu.index, 2, reader_cpu);
		old = replace();
		srcu_grace_period(&srcu);
		atomic_store(old, 0);
	}
}

/* One stays, and one comes and goes while the updater counts. */
static void
read_while_counted(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		const struct atomic *object;
		int outer;

		scene_face(true);
		outer = srcu_read_lock(&srcu);
		object = rcu_dereference(&published);
		srcu_read_unlock(&srcu, enter_slowly());
		scene_hand_over(updater_cpu);
		use(object);
		srcu_read_unlock(&srcu, outer);
	}
}

static void
update_counting(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		struct atomic *old;

		scene_face(false);
		scene_hand_over_at(&counts()->unlocks[atomic_load(&srcu.index) & 1], 1, reader_cpu);
		old = replace();
		srcu_grace_period(&srcu);
		atomic_store(old, 0);
	}
}

static void
play_srcu(unsigned int cpu, void (*read)(void *), void (*update)(void *))
{
	if (cpu_count < 2) {
		return;
	}
	if (!has_srcu) {
		HOST_EXPECT(init_srcu_struct(&srcu) == 0);
		has_srcu = true;
	}
	prepare(cpu);
	scene_cast(read, NULL, reader_cpu);
	scene_cast(update, NULL, updater_cpu);
	scene_join();
}

/* ---- all of them ---- */

static void
play_race(unsigned int cpu, unsigned int form)
{
	switch (form % 4) {
	case 0:
		play_look(cpu);
		break;
	case 1:
		play_straggler(cpu);
		break;
	case 2:
		play_srcu(cpu, count_srcu_slowly, update_srcu_behind);
		break;
	default:
		play_srcu(cpu, read_while_counted, update_counting);
		break;
	}
}

const struct scene scene_reader_races[] = {
	{ "a reader and an updater at one point", play_race },
	{ NULL, NULL },
};
