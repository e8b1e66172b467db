// SPDX-License-Identifier: ISC
/*
 * The trace: one ring of 32-byte records a cpu, laid out as trace_abi.h says.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/trace_abi.h"

struct boot_info;

/*
 * Lays the rings out in the VMM's region, or in own memory where there is none. Boot, after
 * percpu_init().
 */
void trace_init(const struct boot_info *info);

/*
 * Appends a record; a and b as TRACE_EVENTS says. Any context; before trace_init() it does nothing.
 */
void trace(enum trace_event event, uint32_t a, uint64_t b);

/* Records ever written by cpu. Any context. */
uint64_t trace_head(unsigned int cpu);

/*
 * Copies cpu's record n; false if it is not written yet or overwritten since. Records of another
 * cpu are whole only while that cpu does not write. Any context.
 */
bool trace_read(unsigned int cpu, uint64_t n, struct trace_record *record);
