// SPDX-License-Identifier: ISC
/*
 * Non-maskable interrupts, the part that is the same on every architecture. Follows Linux 6.18's
 * include/linux/hardirq.h and arch/x86/kernel/nmi.c.
 *
 * An NMI comes anywhere: with interrupts off, with any lock held, in the middle of an update. So
 * its code takes no lock, wakes nobody, and asks for nothing but through irq_work.h. Its return is
 * no point of anything: no softirq runs there, nothing is switched, whatever the flags say.
 *
 * The machine blocks further NMIs until the handler returns; but any return from an exception
 * within it lets them in again. One that comes then is latched, and the handler runs once more.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/arch.h"
#include "guest/irq.h"
#include "guest/llist.h"
#include "guest/percpu.h"

/*
 * This cpu's latch. EXECUTING less one is NOT_RUNNING, and LATCHED less one is EXECUTING, so that
 * the handler's end is one decrement, whatever comes before or behind it.
 */
enum nmi_state {
	NMI_NOT_RUNNING,
	NMI_EXECUTING,
	NMI_LATCHED,
};

DECLARE_PER_CPU(uint32_t, nmi_state);

/* One NMI of this cpu. NMI entry, irqs off; regs: what it interrupted. */
void nmi_handle(struct regs *regs);

/*
 * Several sources share the one line, and merge: each handler is called, with the count and RCU as
 * in nmi_enter(), and returns whether there was something for it. If none says so, the NMI is told
 * once.
 */
struct nmi_handler {
	struct llist_node node;
	bool (*fn)(struct regs *regs);
};

/* For ever. Any context but NMI. */
void register_nmi_handler(struct nmi_handler *handler);

/*
 * Around an NMI (or a machine check): counts it, as NMI and as hard interrupt, and has RCU watch;
 * a sixteenth one within the others is refused. enter returns what it found, for exit: another
 * count by then is a panic. irqs off.
 */
struct irqentry_state nmi_enter(void);
void nmi_exit(struct irqentry_state state);
