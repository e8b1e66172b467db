// SPDX-License-Identifier: ISC
/*
 * Exceptions of kernel code that return: an access that may fault and says what to do then, and a
 * planted trap. Their entry and exit are an interrupt's, so each of them is a preemption point
 * (P20). Linux 6.18's extable and DEFINE_IDTENTRY.
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
 * For tests and tools: called within each exception that is mended, in its context, before it
 * returns. It leaves the count as it found it; irqs may stay off. NULL: nothing is called.
 */
extern void (*exception_probe)(const struct regs *regs);
