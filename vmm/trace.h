// SPDX-License-Identifier: ISC
/*
 * Reading the guest's trace rings (trace_abi.h), which the guest may have left in any state: the
 * headers are copied once, checked once, then used.
 */
#pragma once

#include "vmm/fdt.h"
#include "vmm/memory.h"

#include "shared/trace_abi.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Copies the last records of cpu, at most max, oldest first. Returns how many: 0 where there is no
 * trace of it that holds together. *tsc_hz is what the guest says, 0 if it does not know.
 */
size_t trace_read_last(const struct memory *memory, const struct fdt_range *region, uint32_t cpu,
                       struct trace_record *records, size_t max, uint64_t *tsc_hz);

/* One line each: time before the last one, task, count, event, fields. */
void trace_print(FILE *out, const struct trace_record *records, size_t count, uint64_t tsc_hz);
