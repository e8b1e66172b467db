// SPDX-License-Identifier: ISC
/*
 * Memory with a start info, as any loader may leave it. Which memory is RAM,
 * and which is free, is asked page by page around every number that was handed over.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "guest/arch/x86_64/boot.h"
#include "guest/arch/x86_64/boot_info.h"
#include "guest/arch/x86_64/layout.h"
#include "guest/page.h"
#include "tests/fuzz/boot/readers.h"
#include "tests/fuzz/boot/handed.h"
#include "tests/fuzz/fuzz_memory.h"
#include "tests/fuzz/target.h"

#define START      0x8000u /* where an input lies, and begins with the start info */
#define IMAGE_SIZE 0x80000u

static struct boot_range image; /* the kernel's */
static struct boot_info info;   /* what the kernel has made of it */
static uint64_t start_at;

/* The early map: what lies in it can be read, up to what a copy can hold. */
const void *
boot_early_bytes(uint64_t addr, uint64_t size)
{
	if (addr == 0 || addr >= EARLY_MAP_SIZE || size > EARLY_MAP_SIZE - addr) {
		return NULL;
	}
	return fuzz_memory_read(addr, size);
}

/* ---- what the kernel has made of it ---- */

static bool
is_inside_memory(const struct boot_range *range)
{
	for (uint32_t i = 0; i < info.memory_count; i++) {
		if (handed_contains(info.memory[i].addr, info.memory[i].size, range->addr,
		                    range->size)) {
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
	bool expected = handed_is_ram(handed, page.addr);
	bool is_there = is_inside_memory(&page);

	if (is_there && !expected) {
		return "the kernel takes for memory what is none";
	}
	if (expected && !is_there && !may_be_incomplete(handed)) {
		return "the kernel does not know its memory";
	}
	if (boot_range_is_free(page.addr, PAGE_SIZE) !=
	    (is_there && !handed_is_kept(handed, page.addr))) {
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

/* This cpu first, whatever the list says; else all of it, in its order. */
static bool
has_cpus(const struct boot_info *told)
{
	uint32_t own = 0;

	while (own < told->cpu_count && told->apic_ids[own] != BOOT_APIC_ID) {
		own++;
	}
	own = own < told->cpu_count ? own : 0; /* not in the list: it stands for the first */
	for (uint32_t i = 1; i < told->cpu_count; i++) {
		if (info.apic_ids[i] != told->apic_ids[i <= own ? i - 1 : i]) {
			return false;
		}
	}
	return info.apic_ids[0] == BOOT_APIC_ID &&
	       info.cpu_count == (told->cpu_count != 0 ? told->cpu_count : 1);
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
	if (!has_cpus(told)) {
		return "the kernel reads other cpus, or itself is not the first";
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
	can_boot = handed_read(&handed, start_at, image);
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
