// SPDX-License-Identifier: ISC
/*
 * What entry.S calls. An exception of kernel code that no table mends is a bug, and ends in a
 * panic with a sentence that says which; those of
 * user code go on to user.c, interrupts to irq_handle().
 */
#pragma once

#include <stdint.h>

#include "guest/arch.h"

/* Vectors from 32 on. irqs off, on the interrupted stack. */
void interrupt_handle(struct regs *regs);

/*
 * Exceptions but those below, and #DB of user code. irqs off, on the interrupted stack, or a user
 * task's own.
 */
void exception_handle(struct regs *regs);

/* NMI, #DB, #DF and #MC, each on a stack of its own, GS base right. irqs off. */
void paranoid_handle(struct regs *regs);
