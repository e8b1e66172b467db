// SPDX-License-Identifier: ISC
/*
 * What each cpu sets up for itself once the machine is known.
 */
#pragma once

/*
 * Machine checks, APIC, timer of the calling cpu. Not the boot cpu, for which arch_init() does it.
 * irqs off.
 */
void init_cpu(unsigned int cpu);
