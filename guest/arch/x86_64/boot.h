// SPDX-License-Identifier: ISC
/*
 * What the arch knows of its machine beyond boot_info: which physical memory must not be handed
 * out.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/boot_info.h"

#define BOOT_KEEP_MAX 48

/* Sorted by address, not overlapping; parts may lie outside RAM. Fixed after boot_main(). */
struct boot_keep {
	uint32_t count;
	struct boot_range ranges[BOOT_KEEP_MAX];
};

extern struct boot_keep boot_keep;

/* From head.S, on the boot stack; start_info is a physical address. */
_Noreturn void boot_main(uint64_t start_info);

/* Is all of it RAM, and kept by nobody? Any context after boot_main(). */
bool boot_range_is_free(uint64_t addr, uint64_t size);

/*
 * What the early page tables show of physical memory, or NULL if they do not show all of it. Boot.
 */
const void *boot_early_bytes(uint64_t addr, uint64_t size);
