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
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/user_elf.h"
#include "shared/boot_abi.h"
#include "shared/doorbell_abi.h"
#include "shared/scenario_abi.h"
#include "shared/trace_abi.h"
#include "tests/fuzz/target.h"
#include "tests/unit/elf_oracle.h"
#include "vmm/boot.h"
#include "vmm/die.h"

#define SIZE_MAX_BYTES 4096u
#define PAGE           4096u
#define MODULES_FLOOR  0x100000u
#define WRITES_MAX     64u
#define KEPT_MAX       0x20000u /* bytes of all writes */
#define TSC_HZ         2000000000u
#define IMAGE_FD       100 /* and those of modules behind it: nobody opens them */

/* ---- guest memory, and the end of a boot ---- */

struct write {
	uint64_t addr;
	size_t size;
	const uint8_t *bytes;
};

static struct write writes[WRITES_MAX];
static size_t write_count;
static uint8_t kept[KEPT_MAX];
static size_t kept_size;
static const char *written_wrongly;

static struct file image_file, modules[OPTIONS_MODULES_MAX];
static struct options options;
static struct boot_plan plan;

static jmp_buf death;
static int death_status; /* 0: alive */
static char last_words[512];

void
die(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(last_words, sizeof(last_words), format, args);
	va_end(args);
	death_status = status;
	longjmp(death, 1);
}

uint64_t
memory_low_size(uint64_t size)
{
	return size < MEMORY_LOW_MAX ? size : MEMORY_LOW_MAX;
}

static bool
keep_write(uint64_t addr, const void *bytes, size_t size)
{
	if (size > options.memory_size || addr > options.memory_size - size) {
		written_wrongly = "something is written outside of the guest's memory";
		return false;
	}
	if (write_count == WRITES_MAX || size > KEPT_MAX - kept_size) {
		written_wrongly = "more is written than there is to write";
		return false;
	}
	for (size_t i = 0; i < write_count; i++) {
		if (addr < writes[i].addr + writes[i].size && writes[i].addr < addr + size) {
			written_wrongly = "something is written over something else";
		}
	}
	memcpy(kept + kept_size, bytes, size);
	writes[write_count++] = (struct write){ addr, size, kept + kept_size };
	kept_size += size;
	return true;
}

bool
memory_write(struct memory *memory, gpa_t to, const void *buf, size_t size)
{
	(void)memory;
	return keep_write(to.value, buf, size);
}

bool
memory_write_file(struct memory *memory, gpa_t to, int fd, uint64_t offset, size_t size)
{
	const struct file *file = fd == IMAGE_FD ? &image_file : &modules[fd - IMAGE_FD - 1];

	(void)memory;
	if (offset > file->size || size > file->size - offset) {
		written_wrongly = "a file is read behind its end";
		return false;
	}
	return keep_write(to.value, file->bytes + offset, size);
}

/* What was written at addr, or NULL: nothing, or not in one piece. */
static const uint8_t *
written(uint64_t addr, size_t size)
{
	for (size_t i = 0; i < write_count; i++) {
		if (addr >= writes[i].addr && size <= writes[i].size &&
		    addr - writes[i].addr <= writes[i].size - size) {
			return writes[i].bytes + (addr - writes[i].addr);
		}
	}
	return NULL;
}

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
	if (places.is_full != (death_status == EXIT_STATUS_USAGE)) {
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
		const uint8_t *bytes = written(segment->paddr, segment->file_size);

		if (segment->file_size != 0 &&
		    (bytes == NULL || memcmp(bytes, image_file.bytes + segment->file_offset,
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
	const uint8_t *list = written(info->module_list, count * sizeof(struct pvh_module));

	if (info->module_count != count || (count != 0 && list == NULL)) {
		return "the list of modules has another length";
	}
	for (uint32_t i = 0; i < options.module_count; i++) {
		struct pvh_module module;
		const uint8_t *bytes;

		memcpy(&module, list + i * sizeof(module), sizeof(module));
		bytes = written(module.addr, module.size);
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
	const uint8_t *map =
		written(info->memmap, info->memmap_count * sizeof(struct pvh_memmap_entry));
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
	bytes = written(regs.rbx, sizeof(info));
	if (bytes == NULL || regs.rip != plan.image.entry) {
		return "there is no start info, or another entry";
	}
	memcpy(&info, bytes, sizeof(info));
	bytes = written(info.cmdline, strlen(options.bootargs) + 1);
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
	for (uint32_t i = 0; i < options.module_count; i++) {
		modules[i] = (struct file){
			.path = "module",
			.fd = IMAGE_FD + 1 + (int)i,
			.bytes = bytes,
			.size = size * ask[13 + i] / 255,
		};
	}
	image_file = (struct file){ "input", IMAGE_FD, bytes, size };
}

static void
boot(void)
{
	static struct memory memory;

	memset(&plan, 0, sizeof(plan));
	write_count = 0;
	kept_size = 0;
	written_wrongly = NULL;
	death_status = 0;
	if (setjmp(death) == 0) {
		boot_plan(&plan, &options, &image_file, modules);
		boot_load(&plan, &memory, TSC_HZ);
	}
}

static const char *
judge_boot(void)
{
	const char *finding = NULL;

	switch (death_status) {
	case 0:
		finding = check_places();
		if (finding == NULL) {
			finding = written_wrongly != NULL ? written_wrongly : check_memory();
		}
		return finding;
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

	snprintf(line, sizeof(line), "in ring 3: %s", refusal != NULL ? refusal : "a program");
	print(line);
	set_options(data, size);
	snprintf(line, sizeof(line), "%u cpus, %#lx bytes, %u modules, '%.20s'", options.cpu_count,
	         (unsigned long)options.memory_size, options.module_count, options.bootargs);
	print(line);
	boot();
	snprintf(line, sizeof(line), "boot: %.90s", death_status != 0 ? last_words : "loaded");
	print(line);
	for (size_t i = 0; death_status == 0 && i < write_count; i++) {
		snprintf(line, sizeof(line), "  %#lx: %zu bytes", (unsigned long)writes[i].addr,
		         writes[i].size);
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
