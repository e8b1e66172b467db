// SPDX-License-Identifier: ISC
/*
 * Machine checks.
 */
#pragma once

#include <stdbool.h>

#include "guest/arch.h"

/*
 * A machine check, on its own stack, GS base right, irqs off. Returns whether it is the guest's of
 * a vcpu of this cpu: then its early handling knows, and regs are those to go on with. Else it is
 * the kernel's, whose end it is.
 */
bool machine_check_handle(struct regs *regs);
