// SPDX-License-Identifier: ISC
/*
 * Where things go in guest memory, and what the guest is told of it. The images are made up as
 * parsed ones would be: a plan is pure but for the files that it is loaded from, so those are real.
 */
#include "vmm/boot.h"

#include "tests/unit/suite.h"

#include "shared/boot_abi.h"
#include "shared/doorbell_abi.h"
#include "shared/trace_abi.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MIB (1ull << 20)

static uint8_t image_bytes[0x2000];
static struct options options;
static struct file image, modules[OPTIONS_MODULES_MAX];
static struct boot_plan plan;
static struct memory memory;

static struct file
make_file(const void *bytes, size_t size)
{
	FILE *file = tmpfile();

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
	ck_assert_int_eq(fflush(file), 0);
	return (struct file){ .path = "made up", .fd = fileno(file), .bytes = bytes, .size = size };
}

/* An ELF64 image of one segment at `paddr` and the notes that the VMM looks for. */
static void
make_image(uint64_t paddr, uint64_t memory_size, bool is_ours)
{
	Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
		             EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(header),
		.e_ehsize = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
	};
	uint32_t notes[] = {
		4,
		4,
		PVH_NOTE_TYPE,
		0x006e6558,
		(uint32_t)paddr,
		9,
		4,
		BOOT_NOTE_TYPE,
		0x7265764f,
		0x656b6174,
		0,
		BOOT_NOTE_VERSION,
	};
	Elf64_Phdr tables[] = {
		{ .p_type = PT_LOAD,
		  .p_offset = 0x1000,
		  .p_paddr = paddr,
		  .p_vaddr = paddr,
		  .p_filesz = 0x1000,
		  .p_memsz = memory_size },
		{ .p_type = PT_NOTE,
		  .p_offset = 0x200,
		  .p_align = 4,
		  .p_filesz = is_ours ? sizeof(notes) : 20,
		  .p_memsz = sizeof(notes) },
	};

	memcpy(&notes[8], "Overtake", 9);
	memset(image_bytes, 0, sizeof(image_bytes));
	memcpy(image_bytes, &header, sizeof(header));
	memcpy(image_bytes + header.e_phoff, tables, sizeof(tables));
	memcpy(image_bytes + 0x200, notes, sizeof(notes));
	memset(image_bytes + 0x1000, 0xee, 0x1000);
	image = make_file(image_bytes, sizeof(image_bytes));
}

static void
setup(void)
{
	memset(&options, 0, sizeof(options));
	options.cpu_count = 2;
	options.memory_size = 32 * MIB;
	strcpy(options.bootargs, "a=1 b");
}

static void
load(void)
{
	boot_plan(&plan, &options, &image, modules);
	ck_assert_int_eq(memory_init(&memory, options.memory_size), 0);
	boot_load(&plan, &memory, 1000000000);
}

static struct pvh_start_info
get_info(void)
{
	struct kvm_sregs sregs = { 0 };
	struct kvm_regs regs;
	struct pvh_start_info info;

	boot_set_entry(&plan, &sregs, &regs);
	ck_assert_uint_eq(regs.rip, plan.image.entry);
	ck_assert(memory_read(&memory, gpa(regs.rbx), &info, sizeof(info)));
	ck_assert_uint_eq(info.magic, PVH_START_MAGIC);
	ck_assert_uint_eq(info.version, PVH_START_VERSION);
	return info;
}

static struct pvh_module
get_module(const struct pvh_start_info *info, uint32_t i)
{
	struct pvh_module module;

	ck_assert_uint_lt(i, info->module_count);
	ck_assert(memory_read(&memory, gpa(info->module_list + i * sizeof(module)), &module,
	                      sizeof(module)));
	return module;
}

static struct pvh_memmap_entry
get_entry(const struct pvh_start_info *info, uint32_t i)
{
	struct pvh_memmap_entry entry;

	ck_assert(
		memory_read(&memory, gpa(info->memmap + i * sizeof(entry)), &entry, sizeof(entry)));
	return entry;
}

static bool
overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

/* Everything that has a place lies in low RAM, at a page, and touches nothing else. */
static void
expect_disjoint(void)
{
	struct fdt_range ranges[3 + OPTIONS_MODULES_MAX + ELF_SEGMENTS_MAX] = {
		plan.console,
		plan.trace,
		plan.tree,
	};
	size_t count = 3;

	for (uint32_t i = 0; i < options.module_count; i++, count++) {
		ranges[count] = (struct fdt_range){ plan.modules[i].addr, modules[i].size };
	}
	for (size_t i = 0; i < count; i++) {
		if (ranges[i].size > 0) {
			ck_assert_uint_eq(ranges[i].addr % 4096, 0);
			ck_assert_uint_ge(ranges[i].addr, MIB);
		}
	}
	for (uint32_t i = 0; i < plan.image.segment_count; i++, count++) {
		ranges[count] = (struct fdt_range){ plan.image.segments[i].paddr,
			                            plan.image.segments[i].memory_size };
	}
	for (size_t i = 0; i < count; i++) {
		ck_assert_uint_le(ranges[i].addr + ranges[i].size, options.memory_size);
		for (size_t j = 0; j < i; j++) {
			ck_assert(ranges[i].size == 0 || ranges[j].size == 0 ||
			          !overlap(ranges[i].addr, ranges[i].size, ranges[j].addr,
			                   ranges[j].size));
		}
	}
}

/* The map covers RAM exactly once and in order; just the shared regions in it are reserved. */
static void
expect_exact_map(const struct pvh_start_info *info)
{
	uint64_t at = 0, reserved = 0;

	for (uint32_t i = 0; i < info->memmap_count; i++) {
		struct pvh_memmap_entry entry = get_entry(info, i);

		ck_assert_uint_gt(entry.size, 0);
		if (entry.addr == MEMORY_HIGH_BASE) {
			ck_assert_uint_eq(at, MEMORY_LOW_MAX);
			at = MEMORY_HIGH_BASE;
		}
		ck_assert_uint_eq(entry.addr, at);
		at += entry.size;
		if (entry.type == PVH_MEM_RESERVED) {
			ck_assert(entry.addr == plan.console.addr || entry.addr == plan.trace.addr);
			reserved += entry.size;
		} else {
			ck_assert_uint_eq(entry.type, PVH_MEM_RAM);
		}
	}
	ck_assert_uint_eq(reserved, plan.console.size + plan.trace.size);
	ck_assert_uint_eq(at, options.memory_size <= MEMORY_LOW_MAX
	                              ? options.memory_size
	                              : MEMORY_HIGH_BASE + options.memory_size - MEMORY_LOW_MAX);
}

/* Our own image gets both shared regions, and the tree as its only, and last, module. */
START_TEST(test_boot_own_image_gets_regions_and_tree)
{
	struct pvh_start_info info;
	struct pvh_module tree;
	uint32_t magic;
	char cmdline[6];

	make_image(MIB, 0x3000, true);
	load();
	expect_disjoint();
	info = get_info();
	expect_exact_map(&info);
	ck_assert_uint_eq(plan.console.size, CONSOLE_REGION_SIZE);
	ck_assert_uint_eq(plan.trace.size, TRACE_HEADER_SIZE + 2 * TRACE_CAPACITY * 32);
	ck_assert_uint_eq(plan.trace.addr + plan.trace.size, options.memory_size);
	ck_assert_uint_eq(info.module_count, 1);
	tree = get_module(&info, 0);
	ck_assert(memory_read(&memory, gpa(tree.addr), &magic, sizeof(magic)));
	ck_assert_uint_eq(__builtin_bswap32(magic), FDT_MAGIC_BE);
	ck_assert(memory_read(&memory, gpa(info.cmdline), cmdline, sizeof(cmdline)));
	ck_assert_str_eq(cmdline, "a=1 b");
}
END_TEST

/* Another's image gets all of RAM and no tree. */
START_TEST(test_boot_foreign_image_gets_plain_ram)
{
	struct pvh_start_info info;

	make_image(MIB, 0x3000, false);
	load();
	info = get_info();
	expect_exact_map(&info);
	ck_assert_uint_eq(info.memmap_count, 1);
	ck_assert_uint_eq(info.module_count, 0);
	ck_assert_uint_eq(plan.tree.size, 0);
}
END_TEST

/* The image is in place, with zeroes after its bytes. */
START_TEST(test_boot_image_is_in_place)
{
	uint8_t bytes[0x3000];

	make_image(2 * MIB, 0x3000, true);
	load();
	ck_assert(memory_read(&memory, gpa(2 * MIB), bytes, sizeof(bytes)));
	for (size_t i = 0; i < sizeof(bytes); i++) {
		ck_assert_uint_eq(bytes[i], i < 0x1000 ? 0xee : 0);
	}
}
END_TEST

/* The user's modules come first, in their order and whole, an empty one too. */
START_TEST(test_boot_modules_come_first)
{
	static const size_t sizes[] = { 1, 4096, 0, 4097, 70000 };
	static uint8_t content[5][70000];
	static uint8_t copy[70000];
	struct pvh_start_info info;

	make_image(MIB, 0x3000, true);
	for (uint32_t i = 0; i < 5; i++) {
		memset(content[i], (int)('a' + i), sizes[i]);
		modules[i] = make_file(content[i], sizes[i]);
	}
	options.module_count = 5;
	load();
	expect_disjoint();
	info = get_info();
	ck_assert_uint_eq(info.module_count, 6);
	for (uint32_t i = 0; i < 5; i++) {
		struct pvh_module module = get_module(&info, i);

		ck_assert_uint_eq(module.size, sizes[i]);
		ck_assert(memory_read(&memory, gpa(module.addr), copy, sizes[i]));
		ck_assert_mem_eq(copy, content[i], sizes[i]);
	}
	ck_assert_uint_eq(get_module(&info, 5).addr, plan.tree.addr);
}
END_TEST

/*
 * An image anywhere, the very top included, is given way to: by every position in steps of 36 KiB.
 */
START_TEST(test_boot_regions_give_way_to_image)
{
	static uint8_t content[50000];

	modules[0] = make_file(content, sizeof(content));
	options.module_count = 1;
	options.memory_size = 4 * MIB;
	for (uint64_t at = MIB; at <= 4 * MIB - 0x3000; at += 0x9000) {
		struct pvh_start_info info;

		make_image(at, at + 0x9000 > 4 * MIB - 0x3000 ? 4 * MIB - at : 0x3000, true);
		load();
		expect_disjoint();
		info = get_info();
		expect_exact_map(&info);
		memory_destroy(&memory);
		close(image.fd);
	}
}
END_TEST

/* RAM that does not fit below 3 GiB goes on at 4 GiB, and the map says so. */
START_TEST(test_boot_high_memory_is_mapped)
{
	struct pvh_start_info info;

	make_image(MIB, 0x3000, true);
	options.memory_size = 4096 * MIB;
	boot_plan(&plan, &options, &image, modules);
	ck_assert_int_eq(memory_init(&memory, options.memory_size), 0);
	boot_load(&plan, &memory, 0);
	info = get_info();
	expect_exact_map(&info);
	ck_assert_uint_eq(plan.trace.addr + plan.trace.size, MEMORY_LOW_MAX);
}
END_TEST

/* PVH's entry state: 32-bit protected mode without paging, flat segments, a busy 32-bit TSS. */
START_TEST(test_boot_entry_state_is_pvh)
{
	struct kvm_sregs sregs = { .cr4 = 0xff, .efer = 0x500, .cr3 = 0x1000 };
	struct kvm_regs regs = { .rax = 1, .rflags = 0x202 };

	make_image(MIB, 0x3000, true);
	boot_plan(&plan, &options, &image, modules);
	boot_set_entry(&plan, &sregs, &regs);
	ck_assert_uint_eq(sregs.cr0, 0x11);
	ck_assert_uint_eq(sregs.cr4 | sregs.cr3 | sregs.efer, 0);
	ck_assert_uint_eq(sregs.cs.base, 0);
	ck_assert_uint_eq(sregs.cs.limit, UINT32_MAX);
	ck_assert_uint_eq(sregs.cs.db, 1);
	ck_assert_uint_eq(sregs.ss.limit, UINT32_MAX);
	ck_assert_uint_eq(sregs.tr.type, 0xb);
	ck_assert_uint_eq(regs.rflags, 2);
	ck_assert_uint_eq(regs.rip, MIB);
}
END_TEST

static Suite *
boot_suite(void)
{
	Suite *suite = suite_create("boot");
	TCase *tests = tcase_create("boot");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, test_boot_own_image_gets_regions_and_tree);
	tcase_add_test(tests, test_boot_foreign_image_gets_plain_ram);
	tcase_add_test(tests, test_boot_image_is_in_place);
	tcase_add_test(tests, test_boot_modules_come_first);
	tcase_add_test(tests, test_boot_regions_give_way_to_image);
	tcase_add_test(tests, test_boot_high_memory_is_mapped);
	tcase_add_test(tests, test_boot_entry_state_is_pvh);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(boot_suite());
}
