// SPDX-License-Identifier: ISC
/*
 * The trace: one ring of 32-byte records a cpu, laid out as trace_abi.h says.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/context_tracking.h"
#include "shared/trace_abi.h"

struct boot_info;

/*
 * Lays the rings out in the VMM's region, or in own memory where there is none. Boot, after
 * percpu_init().
 */
void trace_init(const struct boot_info *info);

extern bool
	trace_on; /* between trace_init() and the end, unless the boot arguments say trace=off */

/* Appends a record. Any context. */
void trace_write(enum trace_event event, uint32_t a, uint64_t b);

/*
 * Appends a record; a and b as TRACE_EVENTS says. One test where there is no trace: then neither a
 * nor b is evaluated. Any context in which RCU watches.
 */
#define trace(event, a, b)                              \
	do {                                            \
		CT_CHECK_WATCHING();                    \
		if (__builtin_expect(trace_on, 0)) {    \
			trace_write((event), (a), (b)); \
		}                                       \
	} while (0)

/* Records ever written by cpu. Any context. */
uint64_t trace_head(unsigned int cpu);

/*
 * Copies cpu's record n; false if it is not written yet or overwritten since. Records of another
 * cpu are whole only while that cpu does not write. Any context.
 */
bool trace_read(unsigned int cpu, uint64_t n, struct trace_record *record);
