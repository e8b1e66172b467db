// SPDX-License-Identifier: ISC
/*
 * Tasklets: functions that softirqs call, of which one cpu at a time runs each. Linux 6.18's
 * include/linux/interrupt.h.
 *
 * A tasklet runs on the cpu that scheduled it. Scheduled before it has begun, it runs once; while
 * it runs, once more. What is scheduled while it is disabled, or runs elsewhere, is tried again
 * in each round of softirqs, so that keeps its cpu's ksoftirqd busy: short is right.
 */
#pragma once

#include <stdint.h>

#include "guest/atomic.h"

struct tasklet {
	struct tasklet *next; /* in its cpu's list; of whoever set SCHED */
	struct atomic state;  /* tasklet.c's */
	struct atomic count;  /* of those who have it disabled */
	void (*callback)(struct tasklet *tasklet);
};

#define DECLARE_TASKLET(name, fn) struct tasklet name = { .callback = (fn) }
#define DECLARE_TASKLET_DISABLED(name, fn) \
	struct tasklet name = { .callback = (fn), .count = ATOMIC_INIT(1) }

/* Enabled, not scheduled; fn is called with irqs on, in a softirq. Before first use. */
void tasklet_setup(struct tasklet *tasklet, void (*fn)(struct tasklet *tasklet));

/*
 * Has this cpu run it soon; hi: before softirqs of other kinds. What the caller stored before is
 * seen by its next run. Any context but NMI; as raise_softirq(). After softirq_init().
 */
void tasklet_schedule(struct tasklet *tasklet);
void tasklet_hi_schedule(struct tasklet *tasklet);

/*
 * It does not begin until it is enabled as often; at return it does not run either. nosync: it may
 * still. in_atomic: waits by spinning, and not on the cpu that it may have interrupted. Task
 * context, may sleep; nosync: any context; in_atomic: any but a softirq or what may interrupt one.
 */
void tasklet_disable(struct tasklet *tasklet);
void tasklet_disable_nosync(struct tasklet *tasklet);
void tasklet_disable_in_atomic(struct tasklet *tasklet);

/* Undoes one of these. Any context. */
void tasklet_enable(struct tasklet *tasklet);

/*
 * At return it is not scheduled and does not run: nobody schedules it from then on, and it is
 * enabled. Count 0, irqs on.
 */
void tasklet_kill(struct tasklet *tasklet);

/* Opens their two vectors: softirq_init()'s. */
void tasklet_init(void);
