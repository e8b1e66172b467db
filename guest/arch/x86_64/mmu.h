// SPDX-License-Identifier: ISC
/*
 * The kernel's page tables: nothing is both writable and executable, nothing but RAM is in the
 * direct map, text and read-only data are so there too, the lower half is empty.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct boot_info;

/*
 * Completes the tables, loads them, and gives the free memory from 1 MiB on to the page allocator.
 * Boot.
 */
void mmu_init(const struct boot_info *info);

/* Maps the page of device registers at addr, uncached; at most 511 of them. Boot. */
volatile void *mmu_map_device(uint64_t addr);

/* Is the page at this address of the stack area mapped? Any context. */
bool mmu_stack_is_mapped(uintptr_t va);
