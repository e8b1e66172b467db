// SPDX-License-Identifier: ISC
/*
 * An ordered error needs no way through the machine here: it is there.
 */
#include "guest/arch.h"
#include "guest/vcpu_exit.h"

void
arch_vcpu_exit_inject(enum early_cause cause)
{
	early_fault_raise(cause);
}
