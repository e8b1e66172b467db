// SPDX-License-Identifier: ISC
/*
 * An ELF image as the VMM boots it and as the guest runs it in ring 3. Each reader is judged by a
 * slow one; what is bootable is placed and loaded, and all that was written is compared with what
 * the plan and the image say.
 *
 * The input is the file. The padding of its identification, which nobody reads, says how large the
 * guest is and which modules it gets. Guest memory is this file's: it keeps what is written, and
 * where.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/user_elf.h"
#include "shared/boot_abi.h"
#include "shared/doorbell_abi.h"
#include "shared/scenario_abi.h"
#include "shared/trace_abi.h"
#include "tests/fuzz/fuzz_memory.h"
#include "tests/fuzz/target.h"
#include "tests/unit/elf_oracle.h"
#include "vmm/boot.h"

#define SIZE_MAX_BYTES 4096u
#define PAGE           4096u
#define MODULES_FLOOR  0x100000u
#define TSC_HZ         2000000000u

static struct file files[1 + OPTIONS_MODULES_MAX]; /* the image, then modules */
static const struct file *const modules = &files[1];
static struct options options;
static struct boot_plan plan;
static int status; /* that the boot has died with, or 0 */

/* ---- places ---- */

static bool
is_free(uint64_t addr, uint64_t size)
{
	for (uint32_t i = 0; i < plan.image.segment_count; i++) {
		const struct elf_segment *segment = &plan.image.segments[i];

		if (addr < segment->paddr + segment->memory_size && segment->paddr < addr + size) {
			return false;
		}
	}
	return true;
}

/* The highest free place below `top`, found by trying them all; 0: there is none. */
static uint64_t
highest_place(uint64_t top, uint64_t size)
{
	uint64_t addr;

	size = (size + PAGE - 1) / PAGE * PAGE;
	if (top < size) {
		return 0;
	}
	for (addr = (top - size) / PAGE * PAGE; addr >= MODULES_FLOOR; addr -= PAGE) {
		if (is_free(addr, size)) {
			return addr;
		}
	}
	return 0;
}

/* One place after the other, as boot.h has them, each below those before it. */
struct places {
	uint64_t top;
	bool is_full;    /* one did not find a place: the boot must end there */
	bool is_strange; /* the plan has another place */
};

static void
expect_place(struct places *places, uint64_t size, uint64_t addr)
{
	uint64_t expected = places->is_full ? 0 : highest_place(places->top, size);

	places->is_full |= expected == 0;
	places->is_strange |= !places->is_full && expected != addr;
	places->top = expected;
}

static uint64_t
trace_size(void)
{
	return TRACE_HEADER_SIZE +
	       (uint64_t)options.cpu_count * TRACE_CAPACITY * sizeof(struct trace_record);
}

static const char *
check_places(void)
{
	struct places places = { .top = options.memory_size };

	if (plan.image.is_ours) {
		expect_place(&places, trace_size(), plan.trace.addr);
		expect_place(&places, CONSOLE_REGION_SIZE, plan.console.addr);
	}
	for (uint32_t i = 0; i < options.module_count; i++) {
		expect_place(&places, modules[i].size, plan.modules[i].addr);
	}
	if (plan.image.is_ours) {
		expect_place(&places, FDT_SIZE_MAX, plan.tree.addr);
	}
	if (places.is_strange) {
		return "something is not at the highest free place";
	}
	if (places.is_full != (status == EXIT_STATUS_USAGE)) {
		return places.is_full ? "what does not fit is placed" : "what fits is refused";
	}
	return NULL;
}

/* ---- what the guest finds ---- */

static const char *
check_segments(void)
{
	for (uint32_t i = 0; i < plan.image.segment_count; i++) {
		const struct elf_segment *segment = &plan.image.segments[i];
		const uint8_t *bytes = fuzz_memory_written(segment->paddr, segment->file_size);

		if (segment->file_size != 0 &&
		    (bytes == NULL || memcmp(bytes, files[0].bytes + segment->file_offset,
		                             segment->file_size) != 0)) {
			return "a segment is not in memory";
		}
	}
	return NULL;
}

static const char *
check_modules(const struct pvh_start_info *info)
{
	uint32_t count = options.module_count + plan.image.is_ours;
	const uint8_t *list =
		fuzz_memory_written(info->module_list, count * sizeof(struct pvh_module));

	if (info->module_count != count || (count != 0 && list == NULL)) {
		return "the list of modules has another length";
	}
	for (uint32_t i = 0; i < options.module_count; i++) {
		struct pvh_module module;
		const uint8_t *bytes;

		memcpy(&module, list + i * sizeof(module), sizeof(module));
		bytes = fuzz_memory_written(module.addr, module.size);
		if (module.size != modules[i].size ||
		    (module.size != 0 &&
		     (bytes == NULL || memcmp(bytes, modules[i].bytes, module.size) != 0))) {
			return "a module is not in memory";
		}
	}
	return NULL;
}

/* Is it in the map, all of it, as this? */
static bool
map_says(const struct pvh_start_info *info, const uint8_t *map, uint64_t addr, uint64_t size,
         uint32_t type)
{
	for (uint32_t i = 0; i < info->memmap_count; i++) {
		struct pvh_memmap_entry entry;

		memcpy(&entry, map + i * sizeof(entry), sizeof(entry));
		if (entry.type == type && addr >= entry.addr && size <= entry.size &&
		    addr - entry.addr <= entry.size - size) {
			return true;
		}
	}
	return false;
}

/* The map goes through memory without a gap; what is shared is reserved, all else is RAM. */
static const char *
check_map(const struct pvh_start_info *info)
{
	const uint8_t *map = fuzz_memory_written(
		info->memmap, info->memmap_count * sizeof(struct pvh_memmap_entry));
	uint64_t at = 0;
	uint64_t reserved = 0;

	if (map == NULL) {
		return "there is no memory map";
	}
	for (uint32_t i = 0; i < info->memmap_count; i++) {
		struct pvh_memmap_entry entry;

		memcpy(&entry, map + i * sizeof(entry), sizeof(entry));
		if (entry.addr != at || entry.size == 0) {
			return "the memory map has a gap";
		}
		at += entry.size;
		reserved += entry.type == PVH_MEM_RESERVED ? entry.size : 0;
	}
	if (at != options.memory_size || reserved != plan.trace.size + plan.console.size) {
		return "the memory map has another size";
	}
	if (reserved != 0 &&
	    (!map_says(info, map, plan.trace.addr, plan.trace.size, PVH_MEM_RESERVED) ||
	     !map_says(info, map, plan.console.addr, plan.console.size, PVH_MEM_RESERVED))) {
		return "a shared region is not reserved";
	}
	return NULL;
}

static const char *
check_memory(void)
{
	struct kvm_sregs sregs = { 0 };
	struct kvm_regs regs;
	struct pvh_start_info info;
	const uint8_t *bytes;
	const char *finding;

	boot_set_entry(&plan, &sregs, &regs);
	bytes = fuzz_memory_written(regs.rbx, sizeof(info));
	if (bytes == NULL || regs.rip != plan.image.entry) {
		return "there is no start info, or another entry";
	}
	memcpy(&info, bytes, sizeof(info));
	bytes = fuzz_memory_written(info.cmdline, strlen(options.bootargs) + 1);
	if (info.magic != PVH_START_MAGIC || info.version != PVH_START_VERSION || bytes == NULL ||
	    strcmp((const char *)bytes, options.bootargs) != 0) {
		return "the start info is none, or has other boot arguments";
	}
	finding = check_segments();
	if (finding == NULL) {
		finding = check_modules(&info);
	}
	return finding != NULL ? finding : check_map(&info);
}

/* ---- the target ---- */

/* What the file's identification asks for. */
static void
set_options(const uint8_t *bytes, size_t size)
{
	uint8_t ask[EI_NIDENT] = { 0 };

	memcpy(ask, bytes, size < sizeof(ask) ? size : sizeof(ask));
	options.cpu_count = 1 + ask[9] % BOOT_CPUS_MAX;
	options.memory_size = OPTIONS_MEMORY_MIN + ask[10] % 32 * (uint64_t)PAGE;
	options.module_count = ask[11] % 4;
	snprintf(options.bootargs, sizeof(options.bootargs), "%.*s", ask[12] % 8, "hz=1000");
	for (uint32_t i = 0; i <= options.module_count; i++) {
		files[i] = (struct file){
			.path = i == 0 ? "input" : "module",
			.fd = FUZZ_MEMORY_FD + (int)i,
			.bytes = bytes,
			.size = i == 0 ? size : size * ask[12 + i] / 255,
		};
	}
}

static void
plan_and_load(void)
{
	static struct memory memory;

	boot_plan(&plan, &options, &files[0], modules);
	boot_load(&plan, &memory, TSC_HZ);
}

static void
boot(void)
{
	memset(&plan, 0, sizeof(plan));
	fuzz_memory_reset(options.memory_size, files, 1 + options.module_count);
	status = fuzz_memory_try(plan_and_load);
}

static const char *
judge_boot(void)
{
	const char *finding = NULL;

	switch (status) {
	case 0:
		finding = check_places();
		if (finding == NULL) {
			finding = fuzz_memory_fault();
		}
		return finding != NULL ? finding : check_memory();
	case EXIT_STATUS_USAGE:
		return check_places();
	case EXIT_STATUS_BAD_IMAGE:
		return NULL; /* the slow reader has judged that */
	default:
		return "a boot ends in a mistake of the VMM's";
	}
}

static const char *
judge(const uint8_t *bytes, size_t size)
{
	const char *finding;

	set_options(bytes, size);
	finding = elf_oracle_judge_image(bytes, size, options.memory_size);
	if (finding == NULL) {
		finding = elf_oracle_judge_symbols(bytes, size);
	}
	if (finding == NULL) {
		finding = elf_oracle_judge_user(bytes, size);
	}
	if (finding == NULL) {
		boot();
		finding = judge_boot();
	}
	return finding;
}

static bool
begin(const char *bug)
{
	return bug == NULL;
}

static const char *
run(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size + (size == 0)); /* ends where the input does */
	const char *finding;

	memcpy(bytes, data, size);
	finding = judge(bytes, size);
	free(bytes);
	return finding;
}

static void
tell(const uint8_t *data, size_t size, void (*print)(const char *line))
{
	struct user_elf elf;
	const char *refusal = user_elf_parse(data, size, &elf);
	char line[100];
	uint64_t addr;
	size_t piece_size;

	snprintf(line, sizeof(line), "in ring 3: %s", refusal != NULL ? refusal : "a program");
	print(line);
	set_options(data, size);
	snprintf(line, sizeof(line), "%u cpus, %#lx bytes, %u modules, '%.20s'", options.cpu_count,
	         (unsigned long)options.memory_size, options.module_count, options.bootargs);
	print(line);
	boot();
	snprintf(line, sizeof(line), "boot: %.90s",
	         status != 0 ? fuzz_memory_last_words() : "loaded");
	print(line);
	for (size_t i = 0; status == 0 && fuzz_memory_piece(i, &addr, &piece_size); i++) {
		snprintf(line, sizeof(line), "  %#lx: %zu bytes", (unsigned long)addr, piece_size);
		print(line);
	}
}

const struct fuzz_target fuzz_target = {
	.name = "fuzz_elf",
	.size_max = SIZE_MAX_BYTES,
	.begin = begin,
	.run = run,
	.tell = tell,
};
