// SPDX-License-Identifier: ISC
/*
 * The memory of the simulated machine: x86-TSO, as machine.h describes it. What the kernel's seam
 * calls (host_load and its kin) is declared there.
 */
#pragma once

#include "tests/host/machine.h"

/* The store that leaves the cpu's buffer next: the oldest. The buffer is not empty. */
const struct host_store *memory_next_to_drain(const struct host_cpu *cpu);

/*
 * The 32-bit word at addr as the cpu would load it: its youngest store, or what memory holds. No
 * point.
 */
uint32_t memory_peek(const struct host_cpu *cpu, const void *addr);

/* Lets it reach memory. */
void memory_drain(struct host_cpu *cpu);

/* Does its buffer hold a store to addr? */
bool memory_has_store(const struct host_cpu *cpu, const void *addr);
