// SPDX-License-Identifier: ISC
/*
 * A line from inside: between irq_desc.c, which has it handled, irq_request.c and irq_thread.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/interrupt.h"
#include "guest/mutex.h"
#include "guest/spinlock.h"
#include "guest/wait.h"
#include "shared/trace_abi.h"

#define IRQ_LINE_COUNT (IRQ_KIND_COUNT - IRQ_LINE_FIRST)
_Static_assert(IRQ_LINE_COUNT == 3, "lines stand last among the kinds");

/* irq_desc.state */
#define IRQS_PENDING           0x01u /* it came while it could not be handled */
#define IRQS_IN_PROGRESS       0x02u /* a cpu runs the handlers */
#define IRQS_MASKED            0x04u /* for a ONESHOT thread */
#define IRQS_SPURIOUS_DISABLED 0x08u

/* irqaction.thread_flags */
#define IRQTF_RUNTHREAD 0x1u

struct irqaction {
	/* Fixed while it is in the line's list. */
	irq_handler_t handler;
	irq_handler_t thread_fn;
	void *dev_id;
	const char *name;
	unsigned int irq;
	uint32_t flags;
	uint32_t thread_mask;        /* ONESHOT: its bit of threads_oneshot */
	bool is_forced;              /* the boot argument made a thread of it */
	struct task *thread;         /* NULL: it has none */
	struct irqaction *secondary; /* the driver's own thread, where the first is forced */

	struct atomic thread_flags;

	struct atomic_ptr next; /* written under the line's lock; followed while IN_PROGRESS */
};

struct irq_desc {
	struct mutex request_mutex; /* one request or free at a time */

	struct raw_spinlock lock;
	struct atomic_ptr action; /* the first handler; also under request_mutex */
	uint32_t state;
	uint32_t depth;           /* disables; 1 without handlers */
	uint32_t threads_oneshot; /* of woken threads; also by who set IN_PROGRESS */
	uint32_t irq_count;       /* since the last look at those that nobody took */
	uint32_t unhandled_count;
	uint64_t last_unhandled_ns;
	uint32_t threads_handled_last;

	struct atomic threads_handled;
	struct atomic threads_active;
	struct wait_queue_head wait_for_threads; /* until there is none */
};

struct irq_desc *irq_to_desc(unsigned int irq);

/* The handlers of a line, in their order. What is read behind an action is its content. */
static inline struct irqaction *
irq_first_action(const struct irq_desc *desc)
{
	return atomic_load_acquire(&desc->action);
}

static inline struct irqaction *
irq_next_action(const struct irqaction *action)
{
	return atomic_load_acquire(&action->next);
}

/* The boot argument threadirqs. Linux's force_irqthreads. */
bool force_irqthreads(void);

/* The line may come again, or what came meanwhile does now. lock held. */
void irq_unmask_locked(struct irq_desc *desc, unsigned int irq);
void irq_resend_locked(struct irq_desc *desc, unsigned int irq);

/* Until no handler of the line runs in hardirq. irqs on. */
void synchronize_hardirq(struct irq_desc *desc);

/* irq_thread.c: the thread of this action, and of its secondary one; 0 or -ENOMEM. May sleep. */
int irq_thread_create(struct irqaction *action);
void irq_thread_stop(struct irqaction *action);

/* Wakes the action's thread. IN_PROGRESS set by the caller, or on behalf of a forced handler. */
void irq_wake_action(struct irq_desc *desc, struct irqaction *action);

/* Handlers that stand for others. */
enum irqreturn irq_default_primary_handler(unsigned int irq, void *dev_id);
enum irqreturn irq_forced_secondary_handler(unsigned int irq, void *dev_id);
