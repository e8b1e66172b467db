// SPDX-License-Identifier: ISC
/*
 * Work that is done later, by kernel threads. Follows Linux 6.18's kernel/workqueue.c.
 *
 * A work item is PENDING from when it is queued until right before its function is called: queued
 * again meanwhile it is queued once. Whoever sets PENDING, or takes a pending item from where it
 * waits, owns it, and puts it somewhere or gives PENDING back. So an item whose function runs can
 * be queued again, also by that function, and may be freed by it. It never runs twice at a time.
 *
 * Each cpu has a pool of workers. One of them runs, as long as there is work; when it sleeps in a
 * function, the next one is woken, and there is always one more idle worker for that, made by the
 * one that would be the last (none if there is no memory). There is no rescuer: no memory is ever
 * reclaimed here, so no work is waited for by who makes a worker. Idle workers stay.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/list.h"
#include "guest/lockdep.h"
#include "guest/percpu.h"
#include "guest/timer.h"

struct pool_queue;
struct worker;
struct workqueue;

struct work {
	void (*fn)(struct work *work);
	struct atomic data; /* PENDING, where it is or was last, how often disabled: workqueue.c */

	/* Its owner's; while it is in a pool, under the pool's lock. */
	struct list node;
	struct pool_queue *queue;
	uint32_t color;
	bool active;

	struct lockdep_map dep_map; /* held while the function runs: flush_work() waits for it */
};

struct delayed_work {
	struct work work;
	struct timer timer;

	/* Whoever owns the work. */
	struct workqueue *wq;
	unsigned int cpu;
};

/* Not pending, with a class for this place. Before first use. */
#define INIT_WORK(work, fn)                      \
	do {                                     \
		__init_work(work, fn);           \
		LOCKDEP_INIT(work, LD_WAIT_INV); \
	} while (0)
#define INIT_DELAYED_WORK(delayed, fn)                       \
	do {                                                 \
		__init_delayed_work(delayed, fn);            \
		LOCKDEP_INIT(&(delayed)->work, LD_WAIT_INV); \
	} while (0)
void __init_work(struct work *work, void (*fn)(struct work *work));
void __init_delayed_work(struct delayed_work *delayed, void (*fn)(struct work *work));

#define DECLARE_WORK(name, function)                         \
	struct work name = { .fn = (function),               \
		             .node = LIST_INIT((name).node), \
		             .dep_map = LOCKDEP_MAP_INIT(#name, LD_WAIT_INV) }

#define WQ_UNBOUND    0x1u /* its workers run anywhere, and each runs what there is */
#define WQ_HIGHPRI    0x2u /* its workers have nice -20 */
#define WQ_ORDERED    0x4u /* one item at a time, in the order of queueing: unbound */
#define WQ_MAX_ACTIVE 512u
#define WQ_CPU_ANY    CPUS_MAX /* where the caller, or the timer, is */

/* What schedule_work() uses. */
extern struct workqueue *system_wq;

/*
 * Makes system_wq; does nothing more if there is one. A program that uses work calls it before, or
 * alloc_workqueue(). Count 0, irqs on; the first call alone.
 */
void workqueue_init(void);

/*
 * At most max_active items of it are begun and not ended at a time, on each cpu or, if it is
 * unbound, at all; 0: WQ_MAX_ACTIVE. The name is kept by its address. NULL: no memory. Count 0,
 * irqs on.
 */
struct workqueue *alloc_workqueue(const char *name, uint32_t flags, uint32_t max_active);

#define alloc_ordered_workqueue(name) alloc_workqueue(name, WQ_UNBOUND | WQ_ORDERED, 1)

/* Drains it first. Nobody uses it any more. Count 0, irqs on. */
void destroy_workqueue(struct workqueue *wq);

/*
 * Queues the work unless it is pending: returns whether it did. What the caller stored before is
 * seen by the function's next call in any case. Any context but NMI.
 */
bool queue_work_on(unsigned int cpu, struct workqueue *wq, struct work *work);

static inline bool
queue_work(struct workqueue *wq, struct work *work)
{
	return queue_work_on(WQ_CPU_ANY, wq, work);
}

static inline bool
schedule_work(struct work *work)
{
	return queue_work(system_wq, work);
}

/* The same in delay_ns, pending meanwhile. mod_: in any case; returns whether it was pending. */
bool queue_delayed_work_on(unsigned int cpu, struct workqueue *wq, struct delayed_work *work,
                           uint64_t delay_ns);
bool mod_delayed_work_on(unsigned int cpu, struct workqueue *wq, struct delayed_work *work,
                         uint64_t delay_ns);

static inline bool
queue_delayed_work(struct workqueue *wq, struct delayed_work *work, uint64_t delay_ns)
{
	return queue_delayed_work_on(WQ_CPU_ANY, wq, work, delay_ns);
}

static inline bool
mod_delayed_work(struct workqueue *wq, struct delayed_work *work, uint64_t delay_ns)
{
	return mod_delayed_work_on(WQ_CPU_ANY, wq, work, delay_ns);
}

/* Out of date at return, unless the caller sees to it. Any context. */
bool work_pending(const struct work *work);

/*
 * Waits for the end of the last queueing of the work; returns whether there was anything to wait
 * for. Not of a delayed work whose time has not come. Count 0, irqs on; not in its own function,
 * nor with a lock that this takes.
 */
bool flush_work(struct work *work);

/*
 * Returns whether it was pending; at return it is not. _sync: nor does its function run, and what
 * queues it meanwhile, its function included, is refused. cancel: any context but NMI; _sync: count
 * 0, irqs on, and not in its own function.
 */
bool cancel_work(struct work *work);
bool cancel_delayed_work(struct delayed_work *work);
bool cancel_work_sync(struct work *work);
bool cancel_delayed_work_sync(struct delayed_work *work);

/* Waits for the end of all that was queued before; not of what is queued meanwhile. Count 0, irqs
 * on; not in a function of its own. */
void flush_workqueue(struct workqueue *wq);

/* Waits until it is empty; meanwhile only its own functions queue. Count 0, irqs on. */
void drain_workqueue(struct workqueue *wq);

/* schedule() of a worker, before and after: another one runs meanwhile. Count 0, irqs on. */
void wq_worker_sleeping(struct worker *worker);
void wq_worker_running(struct worker *worker);
