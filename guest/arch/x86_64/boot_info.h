// SPDX-License-Identifier: ISC
/*
 * From the PVH start info to boot_info, and which physical memory must not be handed out. Physical
 * memory is read through boot_early_bytes() alone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/boot_info.h"

#define BOOT_KEEP_MAX 48

/* Sorted by address, not overlapping; parts may lie outside RAM. Fixed after boot_info_read(). */
struct boot_keep {
	uint32_t count;
	struct boot_range ranges[BOOT_KEEP_MAX];
};

extern struct boot_keep boot_keep;

/*
 * Reads what the loader has handed over at physical address start_info, for an image that lies
 * there and a boot cpu of this APIC id, into *info, which is zeroed, and stays. What cannot be
 * booted with panics. Boot, once.
 */
void boot_info_read(struct boot_info *info, uint64_t start_info, struct boot_range image,
                    uint32_t own_apic_id);

/* Is all of it RAM, and kept by nobody? Any context after boot_info_read(). */
bool boot_range_is_free(uint64_t addr, uint64_t size);
