// SPDX-License-Identifier: ISC
/*
 * The lock that the kernel has not: a queue in which each waiter spins on a word of its own
 * (Mellor-Crummey and Scott 1991), with a lock of 8 bytes and a node a cpu, as Linux's qspinlock
 * has it. To compare with tickets; not for interrupts, a cpu has one node.
 *
 * QUEUED_STATE: how the includer's variables are marked.
 */
#pragma once

#include "guest/atomic.h"
#include "guest/hold.h"
#include "guest/percpu.h"

struct queued_lock {
	struct atomic locked;
	struct atomic tail; /* cpu + 1 of the last waiter; 0: none */
};

struct queued_node {
	struct atomic waits;
	struct atomic next; /* cpu + 1 of the waiter behind; 0: none yet */
} __attribute__((aligned(64)));

static QUEUED_STATE struct queued_node queued_nodes[CPUS_MAX];

static inline bool
queued_try(struct queued_lock *lock)
{
	uint32_t free = 0;

	return atomic_load(&lock->locked) == 0 && atomic_try_cmpxchg(&lock->locked, &free, 1);
}

/* Behind the last one, until we are the head: it alone looks at the lock. */
static inline void
queued_stand(struct queued_lock *lock, struct queued_node *node, uint32_t self)
{
	uint32_t before;

	atomic_store(&node->next, 0);
	atomic_store(&node->waits, 1);
	before = atomic_xchg(&lock->tail, self);
	if (before == 0) {
		return;
	}
	atomic_store_release(&queued_nodes[before - 1].next, self);
	while (atomic_load_acquire(&node->waits)) { /* bounded: those before us */
		arch_cpu_relax();
	}
}

/* The one behind becomes the head; if there seems to be none, the queue is empty. */
static inline void
queued_pass_on(struct queued_lock *lock, struct queued_node *node, uint32_t self)
{
	uint32_t tail = self;
	uint32_t next;

	if (atomic_load(&lock->tail) == self && atomic_try_cmpxchg(&lock->tail, &tail, 0)) {
		return;
	}
	while ((next = atomic_load_acquire(&node->next)) == 0) { /* bounded: it is about to say */
		arch_cpu_relax();
	}
	atomic_store_release(&queued_nodes[next - 1].waits, 0);
}

static __attribute__((noinline)) void
queued_wait(struct queued_lock *lock)
{
	uint32_t self = smp_processor_id() + 1;
	struct queued_node *node = &queued_nodes[self - 1];

	queued_stand(lock, node, self);
	while (!queued_try(lock)) { /* bounded: the holder */
		arch_cpu_relax();
	}
	queued_pass_on(lock, node, self);
}

static inline void
queued_lock(struct queued_lock *lock)
{
	uint32_t free = 0;

	hold_begin();
	if (__builtin_expect(atomic_load(&lock->tail) != 0 ||
	                             !atomic_try_cmpxchg(&lock->locked, &free, 1),
	                     0)) {
		queued_wait(lock);
	}
}

static inline void
queued_unlock(struct queued_lock *lock)
{
	atomic_store_release(&lock->locked, 0);
	hold_end();
}
