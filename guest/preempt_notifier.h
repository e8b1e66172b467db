// SPDX-License-Identifier: ISC
/*
 * Preempt notifiers: functions that a task has called whenever it leaves a cpu and whenever it is
 * back on one, however deep in the kernel it is switched. Linux's, include/linux/preempt.h and
 * kernel/sched/core.c.
 *
 *                 sched_out                           sched_in
 *   called        before prev is left                 first thing back, and at a first run
 *   current       prev, the notifier's task           the notifier's task
 *   interrupts    off                                 on
 *   rq->lock      held                                not held
 *   count         2                                   1
 *
 * A pick that returns the task that runs calls neither. sched_out may not sleep, wake, take a
 * queue's lock, or enable interrupts; sched_in may be interrupted, and may call other cpus and
 * wait. An interrupt between the switch and sched_in sees the new current without what sched_in
 * sets up.
 *
 * Where Linux warns, or does not look, we stop: at a registration without the key, at a change of
 * the list from within a call of it, and at the end of a task that still has one; in debug images
 * also at a call without the key, and at one that leaves another context than it found.
 */
#pragma once

#include "guest/task.h"

struct preempt_notifier;

struct preempt_ops {
	void (*sched_in)(struct preempt_notifier *notifier, unsigned int cpu);
	void (*sched_out)(struct preempt_notifier *notifier, struct task *next);
};

struct preempt_notifier {
	const struct preempt_ops *ops;
	struct preempt_notifier *next;
	struct task *task; /* whose list it is in, or NULL */
};

/*
 * The key, without which none may be registered: who creates what uses notifiers holds it from
 * before its first registration until after its last. May sleep: Linux patches code for it.
 */
void preempt_notifier_inc(void);
void preempt_notifier_dec(void);

/* In no list. */
void preempt_notifier_init(struct preempt_notifier *notifier, const struct preempt_ops *ops);

/*
 * Into current's list, as the first, and out of it again. A child inherits none. Task context, not
 * in a call of the list; count not 0, or the two would not be one with what they belong to.
 */
void preempt_notifier_register(struct preempt_notifier *notifier);
void preempt_notifier_unregister(struct preempt_notifier *notifier);

/* Current ends: panics if it still has one. */
void preempt_notifier_check_exit(void);

/* The scheduler's calls, for a task that has some, in the contexts of the table. */
void fire_sched_out_preempt_notifiers(struct task *prev, struct task *next);
void fire_sched_in_preempt_notifiers(void);
