// SPDX-License-Identifier: ISC
/*
 * Handlers of interrupt lines: what drivers ask for. Follows Linux 6.18's include/linux/interrupt.h
 * and kernel/irq.
 *
 * A line is an irq_kind from IRQ_LINE_FIRST on: the machine's events, and lines that are raised by
 * software alone (arch_ipi_send()). All of them are edges without a mask in hardware: what comes
 * while a line is disabled, or while its handlers run, is kept, as one, and delivered afterwards.
 *
 * Locks: the line's request mutex, then its lock, which nests in nothing and outside task->pi_lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What a handler says. They are bits: of several handlers all answers count. */
enum irqreturn {
	IRQ_NONE = 0,        /* not from my device */
	IRQ_HANDLED = 1,     /* done */
	IRQ_WAKE_THREAD = 2, /* my thread does the rest */
};

#define IRQF_SHARED    0x0080u /* all handlers of the line must say so, and have a dev_id */
#define IRQF_PERCPU    0x0400u
#define IRQF_ONESHOT   0x2000u /* nothing more comes until the thread has run */
#define IRQF_NO_THREAD 0x10000u

typedef enum irqreturn (*irq_handler_t)(unsigned int irq, void *dev_id);

/* A handler for this line: 0, or what request_threaded_irq() returns. Count 0, irqs on. */
int request_irq(unsigned int irq, irq_handler_t handler, uint32_t flags, const char *name,
                void *dev_id);

/*
 * handler runs in hardirq; if it returns IRQ_WAKE_THREAD, or is NULL, thread_fn runs in a thread of
 * this handler's own, SCHED_FIFO 50, "irq/LINE-name". Several wakes before it runs are one. A line
 * whose only handler is a thread must be ONESHOT. name must stay. Returns 0; -EINVAL: impossible;
 * -EBUSY: the line has handlers that do not agree; -ENOMEM. Count 0, irqs on.
 */
int request_threaded_irq(unsigned int irq, irq_handler_t handler, irq_handler_t thread_fn,
                         uint32_t flags, const char *name, void *dev_id);

/*
 * No handler of this dev_id is running or will run when it returns; what its thread had been woken
 * for is done. Not from its own thread. Count 0, irqs on.
 */
void free_irq(unsigned int irq, void *dev_id);

/*
 * While a line is disabled no handler begins; disables nest. disable_irq() also waits for those
 * that run, threads too, so it may not be called by one; count 0, irqs on. The others: any context
 * but NMI.
 */
void disable_irq(unsigned int irq);
void disable_irq_nosync(unsigned int irq);
void enable_irq(unsigned int irq);

/* Waits for handlers that run now, and for threads that are woken. Count 0, irqs on. */
void synchronize_irq(unsigned int irq);

/* A line has come: returns how many handlers took it. hardirq; guest/irq.c calls it. */
uint32_t handle_line(unsigned int irq);

/* Boot, once, before the first request. */
void interrupt_init(void);
