// SPDX-License-Identifier: ISC
/*
 * From the entry in C to start_kernel().
 */
#pragma once

#include <stdint.h>

/* From head.S, on the boot stack; start_info is a physical address. */
_Noreturn void boot_main(uint64_t start_info);

/*
 * What the early page tables show of physical memory, or NULL if they do not show all of it. Boot.
 */
const void *boot_early_bytes(uint64_t addr, uint64_t size);
