// SPDX-License-Identifier: ISC
/*
 * The clock: the TSC, counted from the image's first instruction.
 */
#pragma once

#include <stdint.h>

struct boot_info;

/* Learns the TSC's frequency. Boot cpu, once. */
void clock_init(const struct boot_info *info);

/* The TSC's frequency. Any context after clock_init(). */
uint64_t clock_tsc_hz(void);

/*
 * The first TSC value at which arch_clock_ns() is at least ns, UINT64_MAX if that is too far away.
 * Any context after clock_init().
 */
uint64_t clock_ns_to_tsc(uint64_t ns);
