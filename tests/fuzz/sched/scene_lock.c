// SPDX-License-Identifier: ISC
/*
 * Scenes of locks, in which somebody waits: who comes behind him, what he is given, and what
 * becomes of those behind him when he leaves.
 */
#include <stddef.h>

#include "guest/arch.h"
#include "guest/preempt.h"
#include "guest/rwlock.h"
#include "guest/rwsem.h"
#include "guest/sched.h"
#include "guest/semaphore.h"
#include "guest/signal.h"
#include "guest/smp.h"
#include "guest/spinlock.h"
#include "guest/timer.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/host/machine.h"

static HOST_STATE struct atomic readers_in;
static HOST_STATE struct atomic writers_done;

/* ---- a semaphore for readers and writers ---- */

static HOST_STATE DECLARE_RWSEM(rwsem);

/* Out again only when both are in. */
static void
read_together(void *unused)
{
	(void)unused;
	down_read(&rwsem);
	atomic_fetch_add(&readers_in, 1);
	scene_await(&readers_in, 2);
	up_read(&rwsem);
}

static void
write_once(void *unused)
{
	(void)unused;
	down_write(&rwsem);
	atomic_fetch_add(&writers_done, 1);
	up_write(&rwsem);
}

static void
await_waiters(void)
{
	for (unsigned int n = 0; n < 4 && list_empty(&rwsem.waiters); n++) {
		timer_sleep(500);
	}
}

/* form & 1: the writer downgrades, and stays a reader until they are in. */
static void
play_readers(unsigned int cpu, unsigned int form)
{
	atomic_store(&readers_in, 0);
	down_write(&rwsem);
	scene_cast(read_together, NULL, cpu);
	scene_cast(read_together, NULL, cpu + 1);
	await_waiters();
	if (form & 1) {
		downgrade_write(&rwsem);
		scene_await(&readers_in, 2);
		up_read(&rwsem);
	} else {
		up_write(&rwsem);
	}
	scene_join();
}

/* A reader that comes behind a writer that waits: by a try, since he would wait. */
static void
play_writer(unsigned int cpu, unsigned int form)
{
	bool waits;

	(void)form;
	atomic_store(&writers_done, 0);
	down_read(&rwsem);
	scene_cast(write_once, NULL, cpu);
	await_waiters();
	waits = !list_empty(&rwsem.waiters) && atomic_load(&rwsem.count) & RWSEM_WAITERS;
	if (down_read_trylock(&rwsem)) {
		if (waits) {
			host_fail("a reader passes a writer that waits");
		}
		up_read(&rwsem);
	}
	up_read(&rwsem);
	scene_join();
}

static void
write_unless_interrupted(void *unused)
{
	(void)unused;
	allow_signal(SIGUSR1);
	if (down_write_interruptible(&rwsem) == 0) {
		up_write(&rwsem);
	}
}

/* Whoever waited for the writer alone gets in when he leaves. */
static void
play_leaving(unsigned int cpu, unsigned int form)
{
	struct task *writer;
	uint64_t ns = 500;

	atomic_store(&readers_in, 1);
	down_read(&rwsem);
	writer = scene_cast(write_unless_interrupted, NULL, cpu);
	if (!(form & 1)) {
		await_waiters();
	}
	scene_cast(read_together, NULL, cpu + 1);
	if (form & 2) {
		timer_sleep(500);
	}
	do { /* bounded: it gets to allow it, and ends */
		send_sig(SIGUSR1, writer);
		timer_sleep(ns);
		ns += ns;
	} while (atomic_load(&writer->state) != TASK_DEAD);
	scene_await(&readers_in, 2);
	up_read(&rwsem);
	scene_join();
}

/* ---- given, and interrupted ---- */

#define GIFTS 6

static HOST_STATE DEFINE_SEMAPHORE(semaphore, 0);
static HOST_STATE struct task *taker;

static void
take_gifts(void *form)
{
	allow_signal(SIGUSR1);
	for (unsigned int n = 0; n < GIFTS; n++) {
		scene_meet(2);
		if ((uintptr_t)form & 1) {
			while (down_interruptible(&semaphore) !=
			       0) { /* bounded: a signal a round */
				flush_signals(current);
			}
		} else {
			down(&semaphore);
		}
		if ((uintptr_t)form & 2) {
			while (down_write_interruptible(&rwsem) != 0) { /* bounded: likewise */
				flush_signals(current);
			}
			up_write(&rwsem);
		}
		scene_meet(2);
	}
}

static void
give_gifts(void *form)
{
	for (unsigned int n = 0; n < GIFTS; n++) {
		if ((uintptr_t)form & 2) {
			down_read(&rwsem);
		}
		scene_meet(2);
		scene_pass(n * 4);
		up(&semaphore);
		if ((uintptr_t)form & 1) {
			send_sig(SIGUSR1, taker);
		}
		if ((uintptr_t)form & 2) {
			scene_pass(n * 8);
			up_read(&rwsem);
			send_sig(SIGUSR1, taker);
		}
		scene_meet(2);
	}
}

/* Each is given one, by whomever a signal comes behind. */
static void
play_gifts(unsigned int cpu, unsigned int form)
{
	taker = scene_cast(take_gifts, (void *)(uintptr_t)form, cpu);
	scene_cast(give_gifts, (void *)(uintptr_t)form, cpu + 1);
	scene_join();
	if (semaphore.count != 0 || atomic_load(&rwsem.count) != 0) {
		host_fail("a lock is left that was given to somebody who left");
	}
}

/* ---- a lock that spins ---- */

static HOST_STATE DEFINE_RWLOCK(rwlock);

static void
write_spinning(void *unused)
{
	(void)unused;
	write_lock(&rwlock);
	atomic_fetch_add(&writers_done, 1);
	write_unlock(&rwlock);
}

static void
try_behind_writer(void)
{
	bool waits = atomic_load(&rwlock.state) & RWLOCK_WAITING;

	if (read_trylock(&rwlock)) {
		if (waits) {
			host_fail("a task reads that has passed a writer");
		}
		read_unlock(&rwlock);
	}
}

/* In the reader's section a writer comes on another cpu. */
static void
play_passing(unsigned int cpu, unsigned int form)
{
	preempt_disable();
	cpu = smp_processor_id() + 1 + cpu % 2;
	preempt_enable();
	if (cpu_count < 2 || cpu % cpu_count == cpu_count - 1) {
		cpu = 0;
	}
	scene_cast(write_spinning, NULL, cpu);
	read_lock(&rwlock);
	for (unsigned int n = 0; n < 24 + 8 * form; n++) {
		if (atomic_load(&rwlock.state) & RWLOCK_WAITING) {
			try_behind_writer();
			break;
		}
	}
	read_unlock(&rwlock);
	scene_join();
}

/* ---- a lock that is given up when somebody goes first ---- */

static HOST_STATE DEFINE_RAW_SPINLOCK(offered);
/* Whoever is asked by then gives it up, in each model. */
static void
play_offer(unsigned int cpu, unsigned int form)
{
	bool asked;
	bool dropped;

	(void)cpu;
	raw_spin_lock(&offered);
	if (form & 1) {
		resched_cpu(smp_processor_id());
	}
	asked = atomic_load(&current->flags) & TIF_NEED_RESCHED && should_resched(preempt_count());
	dropped = cond_resched_lock(&offered);
	if (asked && !dropped) {
		host_fail("a lock is not given up though a switch is wanted");
	}
	raw_spin_unlock(&offered);
}

const struct scene scene_locks[] = {
	{ "readers that waited for a writer", play_readers },
	{ "a reader behind a writer", play_writer },
	{ "a writer leaves that others wait for", play_leaving },
	{ "what is given, and a signal", play_gifts },
	{ "a task that tries to read behind a writer", play_passing },
	{ "a lock is offered", play_offer },
	{ NULL, NULL },
};
