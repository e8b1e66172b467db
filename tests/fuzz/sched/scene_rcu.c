// SPDX-License-Identifier: ISC
/*
 * Scenes of readers of RCU and SRCU, and of who frees what they may still read: that is told by a
 * word in it. A reader makes points, with his stores in flight and then not, so that the updater
 * has both to look at.
 */
#include <stddef.h>

#include "guest/arch.h"
#include "guest/context_tracking.h"
#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/rcu_gp.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/srcu.h"
#include "guest/timer.h"
#include "tests/explore/guarded.h"
#include "tests/fuzz/sched/program.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/host/machine.h"

#define ROUNDS  4
#define SPAN    24       /* points of the first third of a reader's section */
#define TICK_NS 10000000 /* after which updaters look again */

static HOST_STATE struct atomic alive[2];
static HOST_STATE struct atomic_ptr published; /* one of these */

static void
prepare(void)
{
	atomic_store(&alive[0], 1);
	atomic_store(&alive[1], 1);
	atomic_store_release(&published, &alive[0]);
}

static struct atomic *
find(void)
{
	return rcu_dereference(&published);
}

static void
use(const struct atomic *object)
{
	if (!atomic_load(object)) {
		host_fail("a reader sees freed memory");
	}
}

static void
read_long(const struct atomic *object)
{
	scene_pass(SPAN);
	scene_let_go();
	host_clock_advance(TICK_NS);
	scene_pass(2 * SPAN);
	use(object);
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

/* ---- RCU ---- */

static HOST_STATE struct atomic updates;

/* Nobody else has grace periods: then one may be had without a turn at them. */
static bool
is_alone(void)
{
	return !program_plan()->updates_rcu;
}

static void
update(bool expedited)
{
	struct atomic *old = replace();

	if (is_alone()) {
		rcu_grace_period(expedited);
	} else if (expedited) {
		synchronize_rcu_expedited();
	} else {
		synchronize_rcu();
	}
	atomic_store(old, 0);
}

static void
read_preempted(bool preemption_off)
{
	const struct atomic *object;

	rcu_read_lock();
	object = find();
	guarded_preempt_self();
	read_long(object);
	if (preemption_off) {
		preempt_disable();
		rcu_read_unlock();
		read_long(object);
		preempt_enable();
	} else {
		rcu_read_unlock();
	}
}

static void
read_plainly(void)
{
	rcu_read_lock();
	read_long(find());
	rcu_read_unlock();
}

static void
read_often(void *form)
{
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_meet(2);
		scene_pass(n * 3);
		if ((uintptr_t)form & 1) {
			read_preempted((uintptr_t)form & 2);
		} else {
			yield();
			read_plainly();
		}
	}
}

static void
update_often(void *form)
{
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_meet(2);
		scene_pass(n * 3);
		if (is_alone() && (uintptr_t)form & 4) {
			rcu_grace_period(true);
		}
		update(!((uintptr_t)form & 2));
	}
}

/* There is somebody to switch to. */
static void
give_way(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < 2 * ROUNDS; n++) {
		if (n % 4 == 3) {
			timer_sleep(1000);
		}
		scene_pass(n);
		yield();
		read_plainly();
	}
}

static void
play_readers(unsigned int cpu, unsigned int form)
{
	prepare();
	scene_cast(give_way, NULL, cpu);
	scene_cast(read_often, (void *)(uintptr_t)form, cpu);
	scene_cast(update_often, (void *)(uintptr_t)form, cpu + 1);
	scene_join();
}

/* ---- in an interrupt of idle ---- */

static HOST_STATE struct timer timer;
static HOST_STATE struct atomic reads;

static void
read_in_interrupt(struct timer *unused)
{
	(void)unused;
	read_plainly();
	atomic_fetch_add(&reads, 1);
}

static void
be_interrupted(void *unused)
{
	(void)unused;
	timer_init(&timer, read_in_interrupt);
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_meet(2);
		timer_start(&timer, arch_clock_ns() + n % 2 * 100);
		scene_await(&reads, n + 1);
	}
}

static void
update_meanwhile(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_meet(2);
		scene_pass(n * 8);
		update(true);
	}
}

static void
play_interrupt(unsigned int cpu, unsigned int form)
{
	(void)form;
	prepare();
	atomic_store(&reads, 0);
	scene_cast(be_interrupted, NULL, cpu);
	scene_cast(update_meanwhile, NULL, cpu + 1);
	scene_join();
}

/* ---- newcomers ---- */

static HOST_STATE uint32_t index_before;

static void
come_late(void *unused)
{
	(void)unused;
	while (atomic_load(&rcu_blocked_index) == index_before) { /* bounded: it is turned */
		timer_sleep(500);
	}
	rcu_read_lock();
	guarded_preempt_self();
	while (!atomic_load(&updates)) { /* bounded: the updater waits for nobody like us */
		guarded_preempt_self();
		if (atomic_load(&this_cpu_ptr(&runqueue)->nr_running) == 1) {
			arch_cpu_relax();
		}
	}
	use(find());
	rcu_read_unlock();
}

static void
update_once(void *unused)
{
	(void)unused;
	update(true);
	atomic_store(&updates, 1);
}

/* Of a reader that came when the count was turned, and stays until the updater is done. */
static void
play_newcomer(unsigned int cpu, unsigned int form)
{
	(void)form;
	if (!is_alone() || cpu_count < 2) {
		return;
	}
	prepare();
	atomic_store(&updates, 0);
	index_before = atomic_load(&rcu_blocked_index);
	scene_cast(give_way, NULL, cpu);
	scene_cast(come_late, NULL, cpu);
	scene_cast(update_once, NULL, cpu + 1);
	scene_join();
}

/* ---- an unlock in the scheduler ---- */

static HOST_STATE struct rcu_head head;

static void
note_call(struct rcu_head *unused)
{
	(void)unused;
	atomic_fetch_add(&updates, 1);
}

static void
unlock_in_scheduler(void *unused)
{
	struct rq *rq;

	(void)unused;
	rcu_read_lock();
	guarded_preempt_self();
	arch_irq_disable();
	rq = this_cpu_ptr(&runqueue);
	raw_spin_lock(&rq->lock);
	call_rcu(&head, note_call);
	rcu_read_unlock();
	rcu_read_lock();
	rcu_read_unlock();
	raw_spin_unlock_irq(&rq->lock);
}

static void
play_unlock(unsigned int cpu, unsigned int form)
{
	(void)form;
	atomic_store(&updates, 0);
	prepare();
	scene_cast(unlock_in_scheduler, NULL, cpu);
	scene_cast(give_way, NULL, cpu);
	scene_join();
	scene_await(&updates, 1);
}

/* ---- SRCU ---- */

static HOST_STATE struct srcu_struct srcu;
static HOST_STATE bool has_srcu;

static void
prepare_srcu(void)
{
	if (!has_srcu) {
		HOST_EXPECT(init_srcu_struct(&srcu) == 0);
		has_srcu = true;
	}
	prepare();
	atomic_store(&updates, 0);
}

static void
read_srcu(void)
{
	int index = srcu_read_lock(&srcu);

	read_long(find());
	srcu_read_unlock(&srcu, index);
}

static void
read_srcu_often(void *parties)
{
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_meet((unsigned int)(uintptr_t)parties);
		scene_pass(n * 2);
		read_srcu();
		read_srcu();
	}
}

static void
update_srcu(void)
{
	struct atomic *old = replace();

	srcu_grace_period(&srcu);
	atomic_store(old, 0);
}

static void
update_srcu_often(void *form)
{
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_meet((uintptr_t)form & 1 ? 3 : 2);
		if ((uintptr_t)form & 2) {
			srcu_grace_period(&srcu);
		}
		scene_pass((uintptr_t)form & 4 ? n * 2 : 0);
		update_srcu();
	}
}

static void
play_srcu(unsigned int cpu, unsigned int form)
{
	uintptr_t parties = form & 1 ? 3 : 2;

	prepare_srcu();
	scene_cast(read_srcu_often, (void *)parties, cpu);
	scene_cast(update_srcu_often, (void *)(uintptr_t)form, cpu + 1);
	if (form & 1) {
		scene_cast(read_srcu_often, (void *)parties, cpu + 2);
	}
	scene_join();
}

static void
update_srcu_once(void *unused)
{
	(void)unused;
	update_srcu();
	atomic_store(&updates, 1);
}

/* The reader comes when the index has turned, and stays until the updater is done. */
static void
play_srcu_newcomer(unsigned int cpu, unsigned int form)
{
	uint32_t before;
	int first;
	int index;

	(void)form;
	prepare_srcu();
	before = atomic_load(&srcu.index);
	first = srcu_read_lock(&srcu);
	scene_cast(update_srcu_once, NULL, cpu);
	while (atomic_load(&srcu.index) == before) { /* bounded: it turns */
		timer_sleep(500);
	}
	index = srcu_read_lock(&srcu);
	srcu_read_unlock(&srcu, first);
	scene_await(&updates, 1);
	srcu_read_unlock(&srcu, index);
	scene_join();
}

const struct scene scene_rcu[] = {
	{ "readers of RCU, and an updater", play_readers },
	{ "a reader in an interrupt of idle", play_interrupt },
	{ "a reader that comes in a grace period", play_newcomer },
	{ "a reader's end in the scheduler", play_unlock },
	{ "readers of SRCU, and an updater", play_srcu },
	{ "a reader of SRCU that comes in a grace period", play_srcu_newcomer },
	{ NULL, NULL },
};
