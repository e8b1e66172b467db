// SPDX-License-Identifier: ISC
/*
 * Interrupt entry and exit, the part that is the same on every architecture. Follows Linux's
 * irqentry_enter, irqentry_exit and irq_enter/irq_exit.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/arch.h"
#include "guest/percpu.h"

/* What the innermost interrupt of this cpu interrupted; NULL outside. Linux's get_irq_regs(). */
DECLARE_PER_CPU(struct regs *, irq_regs);

/*
 * One interrupt, already acknowledged: accounts it, runs its handler, and decides the return. irqs
 * off at entry and at exit; on the interrupted task's stack.
 */
void irq_handle(struct regs *regs, enum irq_kind kind);

/* What an entry finds, for its exit. */
struct irqentry_state {
	uint32_t count;
	bool exit_rcu; /* RCU did not watch before */
};

/*
 * The first and the last of every interrupt and exception, but NMI: has RCU watch, and decides the
 * return, which is a preemption point. Between them lies no switch. irqs off at entry and at exit.
 */
struct irqentry_state irqentry_enter(struct regs *regs);
void irqentry_exit(struct regs *regs, struct irqentry_state state);

/*
 * The return to what RCU watches: to kernel code with irqs on it is a preemption point. irqs off at
 * entry and at exit.
 */
void irq_return(struct regs *regs);
