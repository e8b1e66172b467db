// SPDX-License-Identifier: ISC
/*
 * What a loader has handed over, read slowly: copied out, and asked one page at a time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/boot_info.h"
#include "shared/boot_abi.h"

#define HANDED_MODULES_MAX 48u
#define HANDED_MAP_MAX     128u

struct handed {
	uint64_t start_at;
	struct boot_range image; /* the kernel's */
	struct pvh_start_info start;
	struct pvh_module modules[HANDED_MODULES_MAX];
	uint32_t module_count;
	struct pvh_memmap_entry map[HANDED_MAP_MAX];
	uint32_t map_count;
	const struct pvh_module *tree; /* or NULL */
	struct boot_info told;         /* by the tree; without one, cpus by ACPI */
};

/* false: nothing can be booted with this. */
bool handed_read(struct handed *handed, uint64_t start, struct boot_range image);

/* Is the whole page memory that the kernel can show? */
bool handed_is_ram(const struct handed *handed, uint64_t page);

/* Does something lie in it that must stay? */
bool handed_is_kept(const struct handed *handed, uint64_t page);

bool handed_contains(uint64_t addr, uint64_t size, uint64_t part, uint64_t part_size);
