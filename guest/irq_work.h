// SPDX-License-Identifier: ISC
/*
 * Work for an interrupt to do as soon as one can come: how code that may take no lock, an NMI's
 * above all, wakes somebody or asks for a reschedule. Follows Linux 6.18's kernel/irq_work.c; there
 * is no lazy kind, since no tick stops here.
 *
 * A work that is queued is claimed: until its function is about to run, queueing it again does
 * nothing. Each queueing that claims is answered by a run that begins afterwards, and sees what was
 * stored before.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/llist.h"

/* flags. PENDING: in a list. BUSY: in a list, or its function runs. */
#define IRQ_WORK_PENDING 1u
#define IRQ_WORK_BUSY    2u
#define IRQ_WORK_CLAIMED (IRQ_WORK_PENDING | IRQ_WORK_BUSY)

struct irq_work {
	struct llist_node node; /* the claimer's */
	struct atomic flags;
	void (*fn)(struct irq_work *work); /* hardirq, irqs off */
};

#define IRQ_WORK_INIT(function)  \
	{                        \
		.fn = (function) \
	}

static inline void
init_irq_work(struct irq_work *work, void (*fn)(struct irq_work *work))
{
	*work = (struct irq_work)IRQ_WORK_INIT(fn);
}

/*
 * Has work's function called on this cpu, once its interrupts are on. false: it was queued already,
 * here or elsewhere, and has yet to run. Any context.
 */
bool irq_work_queue(struct irq_work *work);

/* The same on an online cpu. Any context but NMI. */
bool irq_work_queue_on(struct irq_work *work, unsigned int cpu);

/* Is it in a list? Is it there, or does its function run? Any context; at once out of date. */
static inline bool
irq_work_is_pending(const struct irq_work *work)
{
	return atomic_load_acquire(&work->flags) & IRQ_WORK_PENDING;
}

static inline bool
irq_work_is_busy(const struct irq_work *work)
{
	return atomic_load_acquire(&work->flags) & IRQ_WORK_BUSY;
}

/*
 * Returns when it is neither queued nor running; the memory is the caller's again if nobody else
 * queues it. Task context, irqs on.
 */
void irq_work_sync(const struct irq_work *work);

/*
 * Asks this cpu for a reschedule, by an interrupt of its own. For code that cannot ask itself: any
 * context.
 */
void irq_work_resched(void);

/* The interrupt: runs what is queued here, the oldest first; returns how many. hardirq, irqs off.
 */
uint32_t irq_work_run(void);
