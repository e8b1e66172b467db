// SPDX-License-Identifier: ISC
/*
 * What the kernel makes of a start info: its memory, what it keeps, its modules and cpus. Physical
 * memory is an array here, from address BASE on; a panic ends the test.
 */
#include "guest/arch/x86_64/boot_info.h"

#include <check.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/arch/x86_64/boot.h"
#include "guest/panic.h"
#include "shared/boot_abi.h"
#include "tests/unit/suite.h"

#define BASE    0x8000u
#define MODULES (BASE + 0x100)
#define MAP     (BASE + 0x200)
#define CMDLINE (BASE + 0x400)
#define RSDP    (BASE + 0x500)
#define RSDT    (BASE + 0x540)
#define MADT    (BASE + 0x600)
#define MIB     (1ull << 20)

static uint8_t memory[0x2000] __attribute__((aligned(16)));
static struct boot_info info;
static struct pvh_start_info start;

const void *
boot_early_bytes(uint64_t addr, uint64_t size)
{
	if (addr < BASE || addr - BASE >= sizeof(memory) || size > sizeof(memory) - (addr - BASE)) {
		return NULL;
	}
	return memory + (addr - BASE);
}

void
panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	abort();
}

static void
put(uint64_t addr, const void *bytes, size_t size)
{
	memcpy(memory + (addr - BASE), bytes, size);
}

/* One range of RAM, no modules. */
static void
set_up(void)
{
	const struct pvh_memmap_entry map = { .addr = MIB, .size = 32 * MIB, .type = PVH_MEM_RAM };

	memset(memory, 0, sizeof(memory));
	put(MAP, &map, sizeof(map));
	start = (struct pvh_start_info){
		.magic = PVH_START_MAGIC,
		.version = PVH_START_VERSION,
		.module_list = MODULES,
		.memmap = MAP,
		.memmap_count = 1,
	};
}

static void
add_range(uint64_t addr, uint64_t size)
{
	const struct pvh_memmap_entry range = { .addr = addr, .size = size, .type = PVH_MEM_RAM };

	put(start.memmap + start.memmap_count++ * sizeof(range), &range, sizeof(range));
}

static void
add_module(uint64_t addr, uint64_t size)
{
	const struct pvh_module module = { .addr = addr, .size = size };

	put(start.module_list + start.module_count++ * sizeof(module), &module, sizeof(module));
}

static void
read_info(void)
{
	put(BASE, &start, sizeof(start));
	boot_info_read(&info, BASE, (struct boot_range){ 2 * MIB, MIB }, 7);
}

/* RAM is memory, and free but for the image; a loader's words are the kernel's. */
START_TEST(test_boot_info_plain_map_is_memory)
{
	put(CMDLINE, "hz=250", 7);
	start.cmdline = CMDLINE;
	read_info();
	ck_assert_uint_eq(info.memory_count, 1);
	ck_assert_uint_eq(info.memory[0].addr, MIB);
	ck_assert_uint_eq(info.memory[0].size, 32 * MIB);
	ck_assert(boot_range_is_free(MIB, MIB));
	ck_assert(!boot_range_is_free(2 * MIB, 4096));
	ck_assert(boot_range_is_free(3 * MIB, 30 * MIB));
	ck_assert(!boot_range_is_free(33 * MIB, 4096));
	ck_assert_uint_eq(info.bootargs_size, 6);
	ck_assert_uint_eq(info.cpu_count, 1);
	ck_assert_uint_eq(info.apic_ids[0], 7);
}
END_TEST

/* Ranges in any order that touch or overlap become one; parts of pages are none. */
START_TEST(test_boot_info_ranges_are_joined)
{
	add_range(48 * MIB, MIB);
	add_range(32 * MIB, 4 * MIB);
	add_range(36 * MIB, 4096 + 5);
	add_range(64 * MIB + 1, 8190);
	read_info();
	ck_assert_uint_eq(info.memory_count, 2);
	ck_assert_uint_eq(info.memory[0].size, 35 * MIB + 4096);
	ck_assert_uint_eq(info.memory[1].addr, 48 * MIB);
}
END_TEST

/* A range in the last page of all addresses has no page: it is not taken for all memory. */
START_TEST(test_boot_info_range_at_the_very_end_is_none)
{
	add_range(-0x800ull, 0x100);
	read_info();
	ck_assert_uint_eq(info.memory_count, 1);
	ck_assert_uint_eq(info.memory[0].size, 32 * MIB);
}
END_TEST

/* A module is kept to the last of its bytes, though they be more than there are addresses. */
START_TEST(test_boot_info_module_is_kept)
{
	add_module(4 * MIB + 1, 4096);
	add_module(16 * MIB, -16ull);
	read_info();
	ck_assert(boot_range_is_free(4 * MIB - 4096, 4096));
	ck_assert(!boot_range_is_free(4 * MIB, 4096));
	ck_assert(!boot_range_is_free(4 * MIB + 4096, 4096));
	ck_assert(boot_range_is_free(4 * MIB + 8192, 4096));
	ck_assert(!boot_range_is_free(16 * MIB, 4096));
	ck_assert(!boot_range_is_free(32 * MIB, 4096));
	ck_assert_uint_eq(info.module_count, 1);
	ck_assert_uint_eq(info.modules[0].addr, 4 * MIB + 1);
}
END_TEST

/* Lists at odd addresses are read as they are. */
START_TEST(test_boot_info_misaligned_lists_are_read)
{
	start.memmap = MAP + 3;
	start.module_list = MODULES + 5;
	start.memmap_count = 0;
	add_range(MIB, 8 * MIB);
	add_module(4 * MIB, 1);
	read_info();
	ck_assert_uint_eq(info.memory[0].size, 8 * MIB);
	ck_assert_uint_eq(info.modules[0].addr, 4 * MIB);
}
END_TEST

static void
put_sum(uint64_t addr, size_t size, size_t sum_at)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++) {
		sum = (uint8_t)(sum + memory[addr - BASE + i]);
	}
	memory[addr - BASE + sum_at] = (uint8_t)(memory[addr - BASE + sum_at] - sum);
}

static void
put_table(uint64_t addr, const char *name, const void *body, uint32_t size)
{
	uint32_t length = 36 + size;

	put(addr, name, 4);
	put(addr + 4, &length, sizeof(length));
	put(addr + 36, body, size);
	put_sum(addr, length, 9);
}

/* Without a tree ACPI names the cpus: the usable ones, this one first. */
START_TEST(test_boot_info_cpus_are_of_acpi)
{
	static const uint8_t madt[] = { 0, 0,  0, 0, 0, 0, 0, 0, 0, 8, 0, 5, 1, 0, 0, 0,
		                        0, 8,  1, 7, 1, 0, 0, 0, 0, 8, 2, 6, 0, 0, 0, 0,
		                        9, 16, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 };
	const uint32_t tables[] = { MADT };
	const uint32_t root = RSDT;

	put(RSDP, "RSD PTR ", 8);
	put(RSDP + 16, &root, sizeof(root));
	put_sum(RSDP, 20, 8);
	put_table(RSDT, "RSDT", tables, sizeof(tables));
	put_table(MADT, "APIC", madt, sizeof(madt));
	start.rsdp = RSDP;
	read_info();
	ck_assert_uint_eq(info.cpu_count, 3);
	ck_assert_uint_eq(info.apic_ids[0], 7);
	ck_assert_uint_eq(info.apic_ids[1], 5);
	ck_assert_uint_eq(info.apic_ids[2], 0x100);
}
END_TEST

/* What is no start info, or has no memory, panics. */
START_TEST(test_boot_info_useless_start_panics)
{
	if (_i == 0) {
		start.magic ^= 1;
	} else {
		start.memmap_count = 0;
	}
	read_info();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("boot_info");
	TCase *tests = tcase_create("boot_info");

	tcase_add_checked_fixture(tests, set_up, NULL);
	tcase_add_test(tests, test_boot_info_plain_map_is_memory);
	tcase_add_test(tests, test_boot_info_ranges_are_joined);
	tcase_add_test(tests, test_boot_info_range_at_the_very_end_is_none);
	tcase_add_test(tests, test_boot_info_module_is_kept);
	tcase_add_test(tests, test_boot_info_misaligned_lists_are_read);
	tcase_add_test(tests, test_boot_info_cpus_are_of_acpi);
	tcase_add_loop_test_raise_signal(tests, test_boot_info_useless_start_panics, SIGABRT, 0, 2);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
