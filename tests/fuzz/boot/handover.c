// SPDX-License-Identifier: ISC
/*
 * Memory as the VMM fills it, read by the guest: what one side means is what the other understands.
 */
#include <elf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "shared/boot_abi.h"
#include "tests/fuzz/boot/readers.h"
#include "tests/fuzz/fuzz_memory.h"
#include "vmm/boot.h"

#define PAGE     4096u
#define MIB      (1ull << 20)
#define TSC_HZ   2000000000u
#define TEXT_MAX 16u /* bytes of the image that are loaded */

struct image {
	Elf64_Ehdr header;
	Elf64_Phdr text;
	Elf64_Phdr notes;
	struct {
		Elf64_Nhdr pvh;
		char pvh_owner[4];
		uint32_t entry;
		Elf64_Nhdr ours;
		char our_owner[12];
		uint32_t version;
	} note;
	uint8_t bytes[TEXT_MAX];
};

static struct options options;
static struct file files[1 + OPTIONS_MODULES_MAX];
static struct boot_plan plan;
static struct image image;

static void
make_image(uint32_t paddr, uint32_t size)
{
	image = (struct image){
		.header = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			             EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = offsetof(struct image, text),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2,
		},
		.text = { .p_type = PT_LOAD,
		          .p_offset = offsetof(struct image, bytes),
		          .p_paddr = paddr,
		          .p_filesz = TEXT_MAX,
		          .p_memsz = size },
		.notes = { .p_type = PT_NOTE,
		           .p_offset = offsetof(struct image, note),
		           .p_filesz = sizeof(image.note),
		           .p_align = 4 },
		.note = { .pvh = { 4, 4, PVH_NOTE_TYPE },
		          .pvh_owner = PVH_NOTE_OWNER,
		          .entry = paddr,
		          .ours = { 9, 4, BOOT_NOTE_TYPE },
		          .our_owner = BOOT_NOTE_OWNER,
		          .version = BOOT_NOTE_VERSION },
		.bytes = "code",
	};
}

static void
set_files(const uint8_t *sizes, size_t count, const uint8_t *bytes, size_t size)
{
	files[0] = (struct file){ "image", FUZZ_MEMORY_FD, (const uint8_t *)&image, sizeof(image) };
	for (uint32_t i = 0; i < options.module_count; i++) {
		files[1 + i] = (struct file){
			.path = "module",
			.fd = FUZZ_MEMORY_FD + 1 + (int)i,
			.bytes = bytes,
			.size = size * sizes[i % count] / 255,
		};
	}
}

/* The first bytes say how large it all is; the modules are made of all of them. */
static void
set_options(const uint8_t *data, size_t size)
{
	static const uint64_t memory_sizes[] = { 4 * MIB,    4 * MIB + PAGE,    32 * MIB,
		                                 3072 * MIB, 3072 * MIB + PAGE, 5000 * MIB };
	uint8_t ask[16] = { 0 };

	memcpy(ask, data, size < sizeof(ask) ? size : sizeof(ask));
	options.cpu_count = 1 + ask[0] % 8;
	options.memory_size = memory_sizes[ask[1] % 6];
	options.module_count = ask[2] % (OPTIONS_MODULES_MAX + 1);
	snprintf(options.bootargs, sizeof(options.bootargs), "%.*s", ask[3] % 8, "hz=1000");
	make_image((uint32_t)(MIB + ask[4] * 3u * PAGE), (1 + ask[5]) * PAGE);
	set_files(&ask[6], sizeof(ask) - 6, data, size);
}

static void
plan_and_load(void)
{
	static struct memory memory;

	boot_plan(&plan, &options, &files[0], &files[1]);
	boot_load(&plan, &memory, TSC_HZ);
}

static bool
is_same(const struct boot_range *read, const struct fdt_range *planned)
{
	return read->addr == planned->addr && read->size == planned->size;
}

static const char *
compare(const struct boot_info *read)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < read->memory_count; i++) {
		total += read->memory[i].size;
	}
	if (total != options.memory_size) {
		return "the guest has another memory than the VMM gives";
	}
	if (!is_same(&read->console, &plan.console) || !is_same(&read->trace, &plan.trace)) {
		return "the guest shares other regions with the VMM";
	}
	if (read->tsc_hz != TSC_HZ || read->cpu_count < options.cpu_count ||
	    read->bootargs_size != strlen(options.bootargs) ||
	    (read->bootargs_size != 0 &&
	     memcmp(read->bootargs, options.bootargs, read->bootargs_size) != 0)) {
		return "the guest has other cpus or boot arguments";
	}
	if (read->module_count != options.module_count) {
		return "the guest has another number of modules";
	}
	for (uint32_t i = 0; i < read->module_count; i++) {
		if (read->modules[i].addr != plan.modules[i].addr ||
		    read->modules[i].size != files[1 + i].size) {
			return "the guest has other modules";
		}
	}
	return NULL;
}

/* Returns the address of the start info, or 0: it does not fit. */
static uint64_t
load(const uint8_t *data, size_t size)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	set_options(data, size);
	memset(&plan, 0, sizeof(plan));
	fuzz_memory_reset(options.memory_size, files, 1 + options.module_count);
	if (fuzz_memory_try(plan_and_load) != 0) {
		return 0;
	}
	boot_set_entry(&plan, &sregs, &regs);
	return regs.rbx;
}

static const char *
judge(uint64_t start)
{
	const struct elf_segment *segment = &plan.image.segments[0];
	const struct boot_info *read;
	const char *finding = boot_judge_start(
		start, (struct boot_range){ segment->paddr, segment->memory_size }, &read);

	if (finding == NULL) {
		finding = read == NULL ? "the guest panics with what the VMM hands over"
		                       : compare(read);
	}
	return finding;
}

static const char *
run(const uint8_t *data, size_t size)
{
	uint64_t start = load(data, size);
	const char *finding = start == 0 ? NULL : fuzz_memory_fault();

	if (start != 0 && finding == NULL) {
		finding = judge(start);
	}
	fuzz_memory_reset(0, NULL, 0);
	return finding;
}

static void
tell(const uint8_t *data, size_t size, void (*print)(const char *line))
{
	uint64_t start = load(data, size);

	if (start == 0) {
		print(fuzz_memory_last_words());
	} else {
		judge(start);
		boot_tell_start(print);
	}
	fuzz_memory_reset(0, NULL, 0);
}

const struct boot_part boot_handover = { run, tell };
