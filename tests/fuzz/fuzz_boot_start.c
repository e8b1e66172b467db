// SPDX-License-Identifier: ISC
/*
 * Memory with a start info, as any loader may leave it, and as the VMM does. Which memory is RAM,
 * and which is free, is asked page by page around every number that was handed over.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/arch/x86_64/boot.h"
#include "guest/arch/x86_64/boot_info.h"
#include "guest/arch/x86_64/layout.h"
#include "guest/fdt.h"
#include "guest/page.h"
#include "shared/boot_abi.h"
#include "tests/fuzz/fuzz_boot.h"
#include "tests/fuzz/fuzz_memory.h"
#include "tests/fuzz/target.h"

#define START      0x8000u /* where an input lies, and begins with the start info */
#define IMAGE_SIZE 0x80000u

static struct boot_range image; /* the kernel's */

/* The early map: what lies in it can be read, up to what a copy can hold. */
const void *
boot_early_bytes(uint64_t addr, uint64_t size)
{
	if (addr == 0 || addr >= EARLY_MAP_SIZE || size > EARLY_MAP_SIZE - addr) {
		return NULL;
	}
	return fuzz_memory_read(addr, size);
}

/* ---- what was handed over, read slowly ---- */

#define MODULES_MAX 48u
#define MAP_MAX     128u
#define KEPT_MAX    (2 * MODULES_MAX)

struct handed {
	struct pvh_start_info start;
	struct pvh_module modules[MODULES_MAX];
	uint32_t module_count;
	struct pvh_memmap_entry map[MAP_MAX];
	uint32_t map_count;
	const struct pvh_module *tree; /* or NULL */
	struct boot_info told;         /* by the tree; zeroes without */
};

static struct boot_info info; /* what the kernel has made of it */
static uint64_t start_at;

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
	if (handed->module_count > MODULES_MAX ||
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

/* false: nothing can be booted with this. */
static bool
read_handed(struct handed *handed)
{
	const void *tree;

	memset(handed, 0, sizeof(*handed));
	if (!copy(&handed->start, start_at, sizeof(handed->start)) ||
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
	if (handed->start.version >= 1) {
		handed->map_count =
			handed->start.memmap_count < MAP_MAX ? handed->start.memmap_count : MAP_MAX;
	}
	return handed->map_count == 0 ||
	       copy(handed->map, handed->start.memmap, handed->map_count * sizeof(handed->map[0]));
}

typedef unsigned __int128 wide_t;

static bool
contains(uint64_t addr, uint64_t size, uint64_t part, uint64_t part_size)
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

		if (contains(entry->addr, entry->size, region->addr, region->size)) {
			return true;
		}
	}
	return false;
}

static bool
is_ram(const struct handed *handed, uint64_t page)
{
	if (page >= DIRECT_MAP_SIZE) {
		return false;
	}
	for (uint32_t i = 0; i < handed->map_count; i++) {
		const struct pvh_memmap_entry *entry = &handed->map[i];

		if (contains(entry->addr, entry->size, page, PAGE_SIZE) &&
		    (entry->type == PVH_MEM_RAM ||
		     (entry->type == PVH_MEM_RESERVED && is_reserved_for_us(handed, entry)))) {
			return true;
		}
	}
	for (uint32_t i = 0; handed->map_count == 0 && i < handed->told.memory_count; i++) {
		if (contains(handed->told.memory[i].addr, handed->told.memory[i].size, page,
		             PAGE_SIZE)) {
			return true;
		}
	}
	return false;
}

/* Does something lie there that must stay? */
static bool
is_kept(const struct handed *handed, uint64_t page)
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
	return touches(start_at, sizeof(*start), page) || touches(image.addr, image.size, page) ||
	       touches(start->module_list, handed->module_count * sizeof(handed->modules[0]),
	               page) ||
	       touches(start->memmap, handed->map_count * sizeof(handed->map[0]), page);
}

/* ---- what the kernel has made of it ---- */

static bool
is_inside_memory(const struct boot_range *range)
{
	for (uint32_t i = 0; i < info.memory_count; i++) {
		if (contains(info.memory[i].addr, info.memory[i].size, range->addr, range->size)) {
			return true;
		}
	}
	return false;
}

/* So many ranges that some may have been left out? */
static bool
may_be_incomplete(const struct handed *handed)
{
	return handed->map_count > BOOT_RANGES_MAX || handed->told.memory_count >= BOOT_RANGES_MAX;
}

static const char *
check_page(const struct handed *handed, uint64_t addr)
{
	const struct boot_range page = { addr / PAGE_SIZE * PAGE_SIZE, PAGE_SIZE };
	bool expected = is_ram(handed, page.addr);
	bool is_there = is_inside_memory(&page);

	if (is_there && !expected) {
		return "the kernel takes for memory what is none";
	}
	if (expected && !is_there && !may_be_incomplete(handed)) {
		return "the kernel does not know its memory";
	}
	if (boot_range_is_free(page.addr, PAGE_SIZE) != (is_there && !is_kept(handed, page.addr))) {
		return "a page is free that is not, or is not that is";
	}
	return NULL;
}

/* Its first page and its last, and those beside them. */
static const char *
check_around(const struct handed *handed, uint64_t addr, uint64_t size)
{
	const uint64_t places[] = { addr, addr - PAGE_SIZE, addr + size - 1, addr + size,
		                    addr + size + PAGE_SIZE };
	const char *finding = NULL;

	for (size_t i = 0; finding == NULL && i < sizeof(places) / sizeof(places[0]); i++) {
		finding = check_page(handed, places[i]);
	}
	return finding;
}

static const char *
check_pages(const struct handed *handed)
{
	const char *finding = check_around(handed, image.addr, image.size);

	if (finding == NULL) {
		finding = check_around(handed, start_at, sizeof(handed->start));
	}
	for (uint32_t i = 0; finding == NULL && i < handed->map_count && i < 16; i++) {
		finding = check_around(handed, handed->map[i].addr, handed->map[i].size);
	}
	for (uint32_t i = 0; finding == NULL && i < handed->module_count && i < 16; i++) {
		finding = check_around(handed, handed->modules[i].addr, handed->modules[i].size);
	}
	for (uint32_t i = 0; finding == NULL && i < handed->told.reserved_count; i++) {
		finding = check_around(handed, handed->told.reserved[i].addr,
		                       handed->told.reserved[i].size);
	}
	return finding;
}

static const char *
check_ranges(void)
{
	if (info.memory_count == 0 || info.memory_count > BOOT_RANGES_MAX ||
	    boot_keep.count > BOOT_KEEP_MAX) {
		return "there is no memory, or more than there is room for";
	}
	for (uint32_t i = 1; i < info.memory_count; i++) {
		if (info.memory[i - 1].addr + info.memory[i - 1].size >= info.memory[i].addr) {
			return "ranges of memory are not in order";
		}
	}
	for (uint32_t i = 1; i < boot_keep.count; i++) {
		const struct boot_range *kept = &boot_keep.ranges[i];

		if (kept[-1].addr + kept[-1].size >= kept->addr) {
			return "kept ranges are not in order";
		}
	}
	return NULL;
}

static const char *
check_modules(const struct handed *handed)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < handed->module_count; i++) {
		const struct boot_range range = { handed->modules[i].addr,
			                          handed->modules[i].size };

		if (&handed->modules[i] == handed->tree || at == BOOT_MODULES_MAX ||
		    !is_inside_memory(&range)) {
			continue;
		}
		if (at == info.module_count || info.modules[at].addr != range.addr ||
		    info.modules[at].size != range.size) {
			return "a module is not noted";
		}
		at++;
	}
	return at == info.module_count ? NULL : "a module is noted that is none";
}

/* A shared region counts if it is in memory; `told` is the tree's word. */
static bool
is_region(const struct boot_range *region, const struct boot_range *told)
{
	bool counts = told->size != 0 && is_inside_memory(told);

	return counts ? region->addr == told->addr && region->size == told->size
	              : region->size == 0;
}

static const char *
check_told(const struct handed *handed)
{
	const struct boot_info *told = &handed->told;
	const char *text = boot_early_bytes(handed->start.cmdline, 2048);
	bool has_text = text != NULL && text[0] != '\0';

	if (has_text ? info.bootargs_size != strnlen(text, 2048) ||
	                       memcmp(info.bootargs, text, info.bootargs_size) != 0
	             : info.bootargs != told->bootargs ||
	                       info.bootargs_size != told->bootargs_size) {
		return "the kernel reads other boot arguments";
	}
	if (info.cpu_count == 0 || info.cpu_count > BOOT_CPUS_MAX ||
	    info.apic_ids[0] != BOOT_APIC_ID) {
		return "the boot cpu is not the first one";
	}
	if (handed->tree == NULL) {
		return info.uart_port == 0x3f8 && info.doorbell_port == 0
		               ? NULL
		               : "there are other ports without a tree";
	}
	if (info.tsc_hz != told->tsc_hz || info.uart_port != told->uart_port ||
	    info.doorbell_port != told->doorbell_port ||
	    !is_region(&info.console, &told->console) || !is_region(&info.trace, &told->trace)) {
		return "what the tree tells is lost";
	}
	return NULL;
}

static void
read_start(void)
{
	memset(&info, 0, sizeof(info));
	memset(&boot_keep, 0, sizeof(boot_keep));
	boot_info_read(&info, start_at, image, BOOT_APIC_ID);
}

const char *
boot_judge_start(uint64_t addr, struct boot_range its_image, const struct boot_info **read)
{
	static struct handed handed;
	const char *finding;
	enum boot_end end;
	bool can_boot;

	start_at = addr;
	image = its_image;
	*read = NULL;
	end = boot_try(read_start);
	can_boot = read_handed(&handed);
	if (end == BOOT_PANICS) {
		return boot_assertion() != NULL || boot_output()[0] == '\0'
		               ? "a start info breaks an assertion"
		               : NULL;
	}
	if (!can_boot) {
		return "the kernel boots with what nothing can be booted with";
	}
	*read = &info;
	finding = check_ranges();
	if (finding == NULL) {
		finding = check_pages(&handed);
	}
	if (finding == NULL) {
		finding = check_modules(&handed);
	}
	return finding != NULL ? finding : check_told(&handed);
}

void
boot_tell_start(void (*print)(const char *line))
{
	char line[100];
	bool is_read = boot_try(read_start) == BOOT_RETURNS;

	snprintf(line, sizeof(line), "%.90s", is_read ? "boots" : boot_output());
	print(line);
	for (uint32_t i = 0; is_read && i < info.memory_count; i++) {
		snprintf(line, sizeof(line), "memory %#lx, %#lx bytes",
		         (unsigned long)info.memory[i].addr, (unsigned long)info.memory[i].size);
		print(line);
	}
	for (uint32_t i = 0; is_read && i < boot_keep.count; i++) {
		snprintf(line, sizeof(line), "kept %#lx, %#lx bytes",
		         (unsigned long)boot_keep.ranges[i].addr,
		         (unsigned long)boot_keep.ranges[i].size);
		print(line);
	}
	for (uint32_t i = 0; is_read && i < info.cpu_count; i++) {
		snprintf(line, sizeof(line), "cpu %u: APIC %u", i, info.apic_ids[i]);
		print(line);
	}
}

/* ---- memory that the input is ---- */

static const char *
run(const uint8_t *data, size_t size)
{
	const struct boot_info *unused;
	const char *finding;

	fuzz_memory_reset(EARLY_MAP_SIZE, NULL, 0);
	fuzz_memory_keep(START, data, size);
	finding = boot_judge_start(START, (struct boot_range){ IMAGE_PHYS, IMAGE_SIZE }, &unused);
	fuzz_memory_reset(0, NULL, 0);
	return finding;
}

static void
tell(const uint8_t *data, size_t size, void (*print)(const char *line))
{
	fuzz_memory_reset(EARLY_MAP_SIZE, NULL, 0);
	fuzz_memory_keep(START, data, size);
	start_at = START;
	image = (struct boot_range){ IMAGE_PHYS, IMAGE_SIZE };
	boot_tell_start(print);
	fuzz_memory_reset(0, NULL, 0);
}

const struct boot_part boot_start = { run, tell };
