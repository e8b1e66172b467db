// SPDX-License-Identifier: ISC
/*
 * Counting semaphores without an owner. Follow Linux 6.18's kernel/locking/semaphore.c: who waits
 * does so in a queue, and up() hands its count to the first of it, past whoever comes meanwhile.
 * Lock order: semaphore->lock, then task->pi_lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/list.h"
#include "guest/spinlock.h"

struct semaphore {
	struct raw_spinlock lock;
	uint32_t count;      /* that can be taken; 0 while somebody waits */
	struct list waiters; /* in the order in which they came */
};

#define SEMAPHORE_INIT(variable, n)                                   \
	{                                                             \
		RAW_SPINLOCK_INIT, (n), LIST_INIT((variable).waiters) \
	}

#define DEFINE_SEMAPHORE(variable, n) struct semaphore variable = SEMAPHORE_INIT(variable, n)

/* Before first use. */
void sema_init(struct semaphore *semaphore, uint32_t count);

/* Takes one, once there is one. Count 0, irqs on: it may sleep. */
void down(struct semaphore *semaphore);

/* The same, but a signal ends the wait: 0, or -EINTR and none is taken. */
int down_interruptible(struct semaphore *semaphore);

/* Takes one if there is one: 0; else 1, as in Linux. Never sleeps. Any context but NMI. */
int down_trylock(struct semaphore *semaphore);

/* Gives one, also where none was taken. Any context but NMI. */
void up(struct semaphore *semaphore);
