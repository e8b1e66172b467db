// SPDX-License-Identifier: ISC
/*
 * Bringing the application processors up, and which cpus there are.
 */
#pragma once

#include <stdint.h>

struct boot_info;

extern uint32_t cpu_count; /* online cpus are 0..cpu_count-1; fixed after smp_init() */

#define for_each_cpu(cpu) for (unsigned int cpu = 0; cpu < cpu_count; cpu++)

extern uint64_t cpus_online; /* the same as a set: bit n is cpu n */

/* Starts every application processor; one that stays away is reported and left out. Boot cpu. */
void smp_init(const struct boot_info *info);

/* First code of an application processor, on its idle task's stack: count 1, irqs off. */
_Noreturn void smp_cpu_main(void);
