// SPDX-License-Identifier: ISC
/*
 * With a device tree among the modules, everything comes from it but which memory is RAM: that is
 * what the PVH memory map says wherever there is one, since a tree may have been made for another
 * machine. Of the tree's regions those count that this map knows, as RAM or as reserved; they are
 * mapped, and never handed out. Without a tree: memory map, command line, cpus from ACPI, defaults.
 *
 * Pages of the image, of modules and of the boot data are kept: memory is handed out as zero.
 */
#include "guest/arch/x86_64/boot_info.h"

#include <stddef.h>

#include "guest/arch/x86_64/acpi.h"
#include "guest/arch/x86_64/boot.h"
#include "guest/arch/x86_64/layout.h"
#include "guest/fdt.h"
#include "guest/page.h"
#include "guest/panic.h"
#include "guest/string.h"
#include "shared/boot_abi.h"

#define CMDLINE_MAX 2048u /* bytes, as Linux's */
#define MEMMAP_MAX  128u  /* entries, as e820's */
#define UART_PORT   0x3f8

struct boot_keep boot_keep;

static struct boot_info *info;
static char cmdline[CMDLINE_MAX];

/* What the boot protocol promises to be there. */
static const void *
promised_bytes(uint64_t addr, uint64_t size, const char *what)
{
	const void *bytes = boot_early_bytes(addr, size);

	if (!bytes) {
		panic("PVH start info: %s at %016llx, beyond 4 GiB", what,
		      (unsigned long long)addr);
	}
	return bytes;
}

static uint64_t
range_end(const struct boot_range *range)
{
	return range->addr + range->size;
}

/*
 * Inserts into a list sorted by address, of fewer than its maximum; joins what overlaps or touches.
 */
static uint32_t
range_insert(struct boot_range *ranges, uint32_t count, struct boot_range range)
{
	uint32_t at = count;
	uint32_t last;

	while (at > 0 && ranges[at - 1].addr > range.addr) {
		at--;
	}
	if (at > 0 && range_end(&ranges[at - 1]) >= range.addr) {
		at--;
		if (range_end(&range) > range_end(&ranges[at])) {
			ranges[at].size = range_end(&range) - ranges[at].addr;
		}
	} else {
		memmove(&ranges[at + 1], &ranges[at], (count - at) * sizeof(ranges[0]));
		ranges[at] = range;
		count++;
	}
	/* It may have reached its followers. */
	last = at + 1;
	while (last < count && ranges[last].addr <= range_end(&ranges[at])) {
		if (range_end(&ranges[last]) > range_end(&ranges[at])) {
			ranges[at].size = range_end(&ranges[last]) - ranges[at].addr;
		}
		last++;
	}
	memmove(&ranges[at + 1], &ranges[last], (count - last) * sizeof(ranges[0]));
	return count - (last - at - 1);
}

/* Keeps whole pages. What is said to reach beyond all addresses ends with the last page. */
static void
keep(uint64_t addr, uint64_t size)
{
	const uint64_t last = -(uint64_t)PAGE_SIZE;
	uint64_t start = addr & last;
	uint64_t end = addr > last || size > last - addr ? last : (addr + size + ~last) & last;

	if (size == 0 || start == end) {
		return;
	}
	if (boot_keep.count == BOOT_KEEP_MAX) {
		panic("more than %u modules and reserved regions", BOOT_KEEP_MAX);
	}
	boot_keep.count = range_insert(boot_keep.ranges, boot_keep.count,
	                               (struct boot_range){ start, end - start });
}

static bool
is_inside(const struct boot_range *inner, const struct boot_range *outer)
{
	return inner->addr >= outer->addr && inner->size <= outer->size &&
	       inner->addr - outer->addr <= outer->size - inner->size;
}

static bool
is_inside_any(const struct boot_range *inner, const struct boot_range *ranges, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (is_inside(inner, &ranges[i])) {
			return true;
		}
	}
	return false;
}

bool
boot_range_is_free(uint64_t addr, uint64_t size)
{
	struct boot_range range = { addr, size };

	for (uint32_t i = 0; i < boot_keep.count; i++) {
		const struct boot_range *kept = &boot_keep.ranges[i];

		if (addr < range_end(kept) && kept->addr < addr + size) {
			return false;
		}
	}
	return is_inside_any(&range, info->memory, info->memory_count);
}

/* Whole pages of it, below what the direct map can show; size 0 if there are none. */
static struct boot_range
whole_pages(uint64_t addr, uint64_t size)
{
	uint64_t start = addr < DIRECT_MAP_SIZE
	                         ? (addr + PAGE_SIZE - 1) & ~(uint64_t)(PAGE_SIZE - 1)
	                         : DIRECT_MAP_SIZE;
	uint64_t end = size > DIRECT_MAP_SIZE || addr > DIRECT_MAP_SIZE - size ? DIRECT_MAP_SIZE
	                                                                       : addr + size;

	end &= ~(uint64_t)(PAGE_SIZE - 1);
	return (struct boot_range){ start, end > start ? end - start : 0 };
}

/* A map of more parts than we can hold loses the rest: memory unused, not memory wrong. */
static void
add_memory(uint64_t addr, uint64_t size)
{
	struct boot_range range = whole_pages(addr, size);

	if (range.size != 0 && info->memory_count < BOOT_RANGES_MAX) {
		info->memory_count = range_insert(info->memory, info->memory_count, range);
	}
}

/* Copied out: loaders need not align the map. */
static struct pvh_memmap_entry
entry_at(const uint8_t *map, uint32_t i)
{
	struct pvh_memmap_entry entry;

	memcpy(&entry, map + i * sizeof(entry), sizeof(entry));
	return entry;
}

/* What the map reserves because the tree does is memory; a region that the map lacks is not. */
static void
add_reserved_memory(const uint8_t *map, uint32_t count)
{
	for (uint32_t i = 0; i < info->reserved_count; i++) {
		for (uint32_t at = 0; at < count; at++) {
			struct pvh_memmap_entry entry = entry_at(map, at);
			struct boot_range known = { entry.addr, entry.size };

			if (entry.type == PVH_MEM_RESERVED &&
			    is_inside(&info->reserved[i], &known)) {
				add_memory(known.addr, known.size);
			}
		}
	}
}

static void
read_memory_map(const uint8_t *map, uint32_t count)
{
	info->memory_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct pvh_memmap_entry entry = entry_at(map, i);

		if (entry.type == PVH_MEM_RAM) {
			add_memory(entry.addr, entry.size);
		}
	}
	add_reserved_memory(map, count);
}

/* The tree's ranges in the order, and of the shape, that everybody expects. */
static void
sort_memory(void)
{
	struct boot_range unsorted[BOOT_RANGES_MAX];
	uint32_t count = info->memory_count;

	memcpy(unsorted, info->memory, sizeof(unsorted));
	info->memory_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		add_memory(unsorted[i].addr, unsorted[i].size);
	}
}

static void
read_memory(const struct pvh_start_info *start)
{
	uint32_t count = start->memmap_count < MEMMAP_MAX ? start->memmap_count : MEMMAP_MAX;
	uint64_t size = count * sizeof(struct pvh_memmap_entry);

	if (start->version >= 1 && count != 0) {
		read_memory_map(promised_bytes(start->memmap, size, "memory map"), count);
		keep(start->memmap, size);
	} else {
		sort_memory();
	}
	if (info->memory_count == 0) {
		panic("PVH start info: no memory map, and no tree that has one");
	}
}

/* A region of the tree that is not in memory here is not there. */
static void
check_regions(void)
{
	if (!is_inside_any(&info->console, info->memory, info->memory_count)) {
		info->console = (struct boot_range){ 0 };
	}
	if (!is_inside_any(&info->trace, info->memory, info->memory_count)) {
		info->trace = (struct boot_range){ 0 };
	}
	for (uint32_t i = 0; i < info->reserved_count; i++) {
		keep(info->reserved[i].addr, info->reserved[i].size);
	}
}

/* Copied out: loaders need not align the list. */
static struct pvh_module
module_at(const struct pvh_start_info *start, uint32_t i)
{
	const uint8_t *list = promised_bytes(
		start->module_list, start->module_count * sizeof(struct pvh_module), "module list");
	struct pvh_module module;

	memcpy(&module, list + i * sizeof(module), sizeof(module));
	return module;
}

static bool
is_tree(const struct pvh_module *module)
{
	const void *bytes = boot_early_bytes(module->addr, sizeof(uint32_t));
	uint32_t magic;

	if (!bytes || module->size <= sizeof(magic)) {
		return false;
	}
	memcpy(&magic, bytes, sizeof(magic));
	return __builtin_bswap32(magic) == FDT_MAGIC_BE;
}

/* Which module is the tree: the last one that looks so; module_count: none. Keeps every module. */
static uint32_t
find_tree(const struct pvh_start_info *start)
{
	uint32_t tree = start->module_count;

	if (start->module_count > BOOT_KEEP_MAX) {
		panic("PVH start info: %u modules", start->module_count);
	}
	keep(start->module_list, start->module_count * sizeof(struct pvh_module));
	for (uint32_t i = 0; i < start->module_count; i++) {
		struct pvh_module module = module_at(start, i);

		keep(module.addr, module.size);
		if (is_tree(&module)) {
			tree = i;
		}
	}
	return tree;
}

/* The user's modules, as far as they lie in memory, where the direct map will show them. */
static void
note_modules(const struct pvh_start_info *start, uint32_t tree)
{
	for (uint32_t i = 0; i < start->module_count; i++) {
		struct pvh_module module = module_at(start, i);
		struct boot_range range = { module.addr, module.size };

		if (i != tree && info->module_count < BOOT_MODULES_MAX &&
		    is_inside_any(&range, info->memory, info->memory_count)) {
			info->modules[info->module_count++] = range;
		}
	}
}

static void
read_tree(struct pvh_module tree)
{
	const void *blob = promised_bytes(tree.addr, tree.size, "device tree");
	const char *complaint;

	if (tree.addr % 8 != 0) {
		panic("device tree: not 8-byte aligned, at %016llx", (unsigned long long)tree.addr);
	}
	complaint = fdt_scan(blob, tree.size, info);
	if (complaint) {
		panic("device tree: %s", complaint);
	}
}

static void
read_defaults(const struct pvh_start_info *start)
{
	info->uart_port = UART_PORT;
	info->cpu_count = acpi_read_cpus(start->rsdp, info->apic_ids, BOOT_CPUS_MAX);
}

/*
 * The loader's wins over the tree's: it was given for this run. Copied, since loaders put it where
 * it may not stay: outside RAM.
 */
static void
read_cmdline(const struct pvh_start_info *start)
{
	const char *text = boot_early_bytes(start->cmdline, CMDLINE_MAX);

	if (text && text[0] != '\0') {
		info->bootargs_size = (uint32_t)strnlen(text, CMDLINE_MAX);
		memcpy(cmdline, text, info->bootargs_size);
		info->bootargs = cmdline;
	}
}

/* We are cpu 0, whatever the list says. */
static void
put_boot_cpu_first(uint32_t own)
{
	uint32_t at = 0;

	while (at < info->cpu_count && info->apic_ids[at] != own) {
		at++;
	}
	if (at == info->cpu_count) {
		at = 0;
	}
	memmove(&info->apic_ids[1], &info->apic_ids[0], at * sizeof(info->apic_ids[0]));
	info->apic_ids[0] = own;
	if (info->cpu_count == 0) {
		info->cpu_count = 1;
	}
}

void
boot_info_read(struct boot_info *into, uint64_t start_info, struct boot_range image,
               uint32_t own_apic_id)
{
	const struct pvh_start_info *start = promised_bytes(start_info, sizeof(*start), "itself");
	uint32_t tree;

	info = into;
	if (start->magic != PVH_START_MAGIC) {
		panic("not booted by PVH: magic %08x", start->magic);
	}
	keep(start_info, sizeof(*start));
	keep(image.addr, image.size);
	tree = find_tree(start);
	if (tree != start->module_count) {
		read_tree(module_at(start, tree));
	} else {
		read_defaults(start);
	}
	read_memory(start);
	note_modules(start, tree);
	check_regions();
	read_cmdline(start);
	put_boot_cpu_first(own_apic_id);
}
