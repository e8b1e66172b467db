// SPDX-License-Identifier: ISC
/*
 * Pools of workers: what workqueue.c shares with worker.c.
 *
 * A workqueue has a pool_queue for each pool that it uses: how many of its items are there, which
 * ones wait for their turn, and of which color they are. A flush changes the color, and waits until
 * none of the old one are left.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/completion.h"
#include "guest/list.h"
#include "guest/percpu.h"
#include "guest/spinlock.h"

struct task;
struct work;
struct workqueue;

/* work->data: the pool is its number + 1, 0: none yet. */
#define WORK_PENDING      0x1u
#define WORK_QUEUED       0x2u /* in a list of its pool; else its owner has it, or its timer */
#define WORK_DISABLE_ONE  0x100u
#define WORK_DISABLE_MASK 0xff00u
#define WORK_POOL_SHIFT   16

struct worker_pool {
	struct raw_spinlock lock;
	uint32_t number;
	unsigned int cpu; /* WQ_CPU_ANY: its workers run anywhere */
	bool high;

	/* The lock. */
	struct list items;   /* to be begun */
	struct list workers; /* all of them */
	struct list idle;    /* the one that came last first */
	struct list flushes; /* who waits for an item */
	uint32_t worker_count;
	bool managed; /* a worker is making another one */

	/* Written by its cpu alone, under the lock or with preemption off. Unbound: 0. */
	struct atomic nr_running; /* workers that have work and do not sleep */
};

struct worker {
	struct worker_pool *pool;
	struct task *task;
	bool runs;   /* counted in nr_running, unless it sleeps; its own */
	bool sleeps; /* told by its own schedule(); its own */

	/* The pool's lock. */
	struct list node;      /* in workers */
	struct list idle_node; /* in idle */
	struct list scheduled; /* items that it must do itself: it did them when they came */
	struct work *work;     /* whose function it runs; may be gone */
	void (*fn)(struct work *work);
	struct pool_queue *queue; /* that it came by */
	uint32_t color;
};

#define COLORS 2

struct pool_queue {
	struct workqueue *wq;
	struct worker_pool *pool;

	/* The pool's lock. */
	uint32_t in_flight[COLORS]; /* queued, and not ended */
	uint32_t color;             /* of what is queued now */
	uint32_t active;            /* of those, in the pool's list or begun */
	struct list waiting;        /* the others */
	bool flushing;              /* the flusher waits for the other color */
};

struct workqueue {
	const char *name;
	uint32_t flags;
	uint32_t max_active;
	uint32_t queue_count;
	struct atomic draining;

	struct completion turn;  /* one flush at a time: its holder's */
	struct atomic unflushed; /* queues that it waits for, and one of the flusher's own */
	struct completion flushed;
	struct lockdep_map dep_map;          /* held by its functions: a flush waits for it */
	struct pool_queue *queues[CPUS_MAX]; /* a cpu each, or one */
};

/* The pool of a cpu, or the unbound one, with a worker; NULL: no memory. Count 0, irqs on. */
struct worker_pool *pool_get(unsigned int cpu, bool high);

/* Where the work is, or was last; NULL: nowhere. Any context. */
struct worker_pool *pool_of_data(uint32_t data);

/* The worker that runs the work's function, or NULL. Locked. */
struct worker *pool_find_running(struct worker_pool *pool, const struct work *work);

/* Is the work in a list of this pool? Locked. */
bool pool_has_queued(const struct worker_pool *pool, const struct work *work);

/* Puts a work that the caller owns into a queue, or takes it out. irqs off, the pool's lock. */
void queue_add_locked(struct pool_queue *queue, struct work *work);
void queue_take_locked(struct worker_pool *pool, struct work *work);

/*
 * Waits for the end of the work: of the queued one, else of the running one. Unlocks the pool.
 * Returns whether there was one.
 */
bool pool_flush_and_unlock(struct worker_pool *pool, struct work *work);
