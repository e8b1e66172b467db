// SPDX-License-Identifier: ISC
/*
 * Exceptions that return: of kernel code an access that may fault and says what to do then, and a
 * planted trap; of user code an access to a stack that is to grow. Their entry and exit are an
 * interrupt's, so each of them is a preemption point (P20). Linux 6.18's extable and
 * DEFINE_IDTENTRY.
 *
 * An exception does not count: what it runs is the interrupted context's, with irqs as they were
 * there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/arch.h"

/*
 * The architecture's way in: has the exception been mended, so that regs are those to go on with?
 * Otherwise nothing has happened, and it is the caller's to report. Kernel code was interrupted.
 * irqs off at entry and at exit.
 */
bool exception_handle_kernel(struct regs *regs);

/*
 * Current, a user task, has accessed addr, where nothing is mapped: may it do so again? Otherwise
 * it is to end. Between irqentry_enter_from_user_mode() and the way back: count 0, irqs on.
 */
bool exception_mend_user(const struct regs *regs, uintptr_t addr);

/*
 * For tests and tools: called within each exception that is mended, in its context, before it
 * returns. It leaves the count as it found it; irqs may stay off. NULL: nothing is called.
 */
extern void (*exception_probe)(const struct regs *regs);
