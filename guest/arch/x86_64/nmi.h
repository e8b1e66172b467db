// SPDX-License-Identifier: ISC
/*
 * The NMI's way in, and what it does for a panic.
 */
#pragma once

#include <stdint.h>

#include "guest/arch.h"
#include "guest/percpu.h"

/* An NMI, on one of this cpu's two stacks for it, GS base right. irqs off. */
void nmi_entered(struct regs *regs);

/* NMIs of this cpu that came during another's return, and had it begin anew. */
DECLARE_PER_CPU(uint32_t, nmi_returns_given_up);
