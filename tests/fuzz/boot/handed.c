// SPDX-License-Identifier: ISC
#include "tests/fuzz/boot/handed.h"

#include <string.h>

#include "guest/arch/x86_64/boot.h"
#include "guest/arch/x86_64/layout.h"
#include "guest/fdt.h"
#include "guest/page.h"

typedef unsigned __int128 wide_t;

static bool
copy(void *to, uint64_t addr, size_t size)
{
	const void *bytes = boot_early_bytes(addr, size);

	if (bytes != NULL) {
		memcpy(to, bytes, size);
	}
	return bytes != NULL;
}

static bool
read_modules(struct handed *handed)
{
	handed->module_count = handed->start.module_count;
	if (handed->module_count == 0) {
		return true;
	}
	if (handed->module_count > HANDED_MODULES_MAX ||
	    !copy(handed->modules, handed->start.module_list,
	          handed->module_count * sizeof(handed->modules[0]))) {
		return false;
	}
	for (uint32_t i = 0; i < handed->module_count; i++) {
		uint32_t magic = 0;

		copy(&magic, handed->modules[i].addr, sizeof(magic));
		if (handed->modules[i].size > sizeof(magic) &&
		    __builtin_bswap32(magic) == FDT_MAGIC_BE) {
			handed->tree = &handed->modules[i];
		}
	}
	return true;
}

/* ---- ACPI ---- */

static uint32_t
word(const uint8_t *at)
{
	return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

static bool
sums_up(const uint8_t *bytes, size_t size)
{
	unsigned int sum = 0;

	while (size > 0) {
		sum += bytes[--size];
	}
	return sum % 256 == 0;
}

/* A whole table of this name, or NULL. */
static const uint8_t *
find_table(uint64_t addr, const char *name, size_t size_min)
{
	const uint8_t *table = boot_early_bytes(addr, 36);
	size_t size = table == NULL ? 0 : word(table + 4);

	if (table == NULL || memcmp(table, name, 4) != 0 || size < size_min || size > 0x10000) {
		return NULL;
	}
	table = boot_early_bytes(addr, size);
	return table != NULL && sums_up(table, size) ? table : NULL;
}

static void
read_madt(struct handed *handed, const uint8_t *table)
{
	size_t size = word(table + 4);

	for (size_t at = 44; at + 2 <= size && table[at + 1] >= 2 && at + table[at + 1] <= size;
	     at += table[at + 1]) {
		const uint8_t *entry = table + at;
		bool is_small = entry[0] == 0 && entry[1] >= 8 && entry[3] != 0xff;
		bool is_large = entry[0] == 9 && entry[1] >= 16;

		if (handed->told.cpu_count < BOOT_CPUS_MAX &&
		    ((is_small && (entry[4] & 1) != 0) || (is_large && (entry[8] & 1) != 0))) {
			handed->told.apic_ids[handed->told.cpu_count++] =
				is_small ? entry[3] : word(entry + 4);
		}
	}
}

static void
read_acpi(struct handed *handed)
{
	const uint8_t *root = boot_early_bytes(handed->start.rsdp, 36);
	const uint8_t *table = NULL;
	size_t width;
	size_t size;

	if (root == NULL || memcmp(root, "RSD PTR ", 8) != 0 || !sums_up(root, 20)) {
		return;
	}
	width = root[15] >= 2 && (word(root + 24) | word(root + 28)) != 0 && sums_up(root, 36) ? 8
	                                                                                       : 4;
	root = width == 8
	               ? find_table(word(root + 24) | (uint64_t)word(root + 28) << 32, "XSDT", 36)
	               : find_table(word(root + 16), "RSDT", 36);
	size = root == NULL ? 0 : word(root + 4);
	for (size_t at = 36; table == NULL && at + width <= size && at < 36 + 64 * width;
	     at += width) {
		uint64_t high = width == 8 ? word(root + at + 4) : 0;

		table = find_table(word(root + at) | high << 32, "APIC", 44);
	}
	if (table != NULL) {
		read_madt(handed, table);
	}
}

/* ---- all of it ---- */

bool
handed_read(struct handed *handed, uint64_t start, struct boot_range image)
{
	const void *tree;

	memset(handed, 0, sizeof(*handed));
	handed->start_at = start;
	handed->image = image;
	if (!copy(&handed->start, start, sizeof(handed->start)) ||
	    handed->start.magic != PVH_START_MAGIC || !read_modules(handed)) {
		return false;
	}
	if (handed->tree != NULL) {
		tree = boot_early_bytes(handed->tree->addr, handed->tree->size);
		if (tree == NULL || handed->tree->addr % 8 != 0 ||
		    fdt_scan(tree, handed->tree->size, &handed->told) != NULL) {
			return false;
		}
	}
	if (handed->tree == NULL) {
		read_acpi(handed);
	}
	if (handed->start.version >= 1) {
		handed->map_count = handed->start.memmap_count < HANDED_MAP_MAX
		                            ? handed->start.memmap_count
		                            : HANDED_MAP_MAX;
	}
	return handed->map_count == 0 ||
	       copy(handed->map, handed->start.memmap, handed->map_count * sizeof(handed->map[0]));
}

bool
handed_contains(uint64_t addr, uint64_t size, uint64_t part, uint64_t part_size)
{
	return part >= addr && (wide_t)part + part_size <= (wide_t)addr + size;
}

static bool
touches(uint64_t addr, uint64_t size, uint64_t page)
{
	return size != 0 && (wide_t)addr < (wide_t)page + PAGE_SIZE && page < (wide_t)addr + size;
}

/* Does the map reserve it because the tree does? */
static bool
is_reserved_for_us(const struct handed *handed, const struct pvh_memmap_entry *entry)
{
	for (uint32_t i = 0; i < handed->told.reserved_count; i++) {
		const struct boot_range *region = &handed->told.reserved[i];

		if (handed_contains(entry->addr, entry->size, region->addr, region->size)) {
			return true;
		}
	}
	return false;
}

bool
handed_is_ram(const struct handed *handed, uint64_t page)
{
	if (page >= DIRECT_MAP_SIZE) {
		return false;
	}
	for (uint32_t i = 0; i < handed->map_count; i++) {
		const struct pvh_memmap_entry *entry = &handed->map[i];

		if (handed_contains(entry->addr, entry->size, page, PAGE_SIZE) &&
		    (entry->type == PVH_MEM_RAM ||
		     (entry->type == PVH_MEM_RESERVED && is_reserved_for_us(handed, entry)))) {
			return true;
		}
	}
	for (uint32_t i = 0; handed->map_count == 0 && i < handed->told.memory_count; i++) {
		if (handed_contains(handed->told.memory[i].addr, handed->told.memory[i].size, page,
		                    PAGE_SIZE)) {
			return true;
		}
	}
	return false;
}

bool
handed_is_kept(const struct handed *handed, uint64_t page)
{
	const struct pvh_start_info *start = &handed->start;

	for (uint32_t i = 0; i < handed->module_count; i++) {
		if (touches(handed->modules[i].addr, handed->modules[i].size, page)) {
			return true;
		}
	}
	for (uint32_t i = 0; i < handed->told.reserved_count; i++) {
		if (touches(handed->told.reserved[i].addr, handed->told.reserved[i].size, page)) {
			return true;
		}
	}
	return touches(handed->start_at, sizeof(*start), page) ||
	       touches(handed->image.addr, handed->image.size, page) ||
	       touches(start->module_list, handed->module_count * sizeof(handed->modules[0]),
	               page) ||
	       touches(start->memmap, handed->map_count * sizeof(handed->map[0]), page);
}
