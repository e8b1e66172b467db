// SPDX-License-Identifier: ISC
/*
 * What the guest's device-tree scanner reads from good trees, checked by hand and against libfdt's
 * reading of the same tree (fdt_oracle.c).
 */
#include "guest/fdt.h"

#include "tests/unit/fdt_oracle.h"
#include "tests/unit/fdt_tree.h"
#include "tests/unit/suite.h"

#include "shared/boot_abi.h"

#include <libfdt.h>
#include <string.h>

static struct fdt_tree tree;
static struct fdt_blob blob;

static void
assert_accepted(struct boot_info *info)
{
	const char *error = fdt_oracle_sentence(&blob, info);

	ck_assert_msg(error == NULL, "refused: %s", error);
}

START_TEST(test_fdt_everything_known_is_read)
{
	/* One tree with all that the scanner looks for, reg before what gives it its meaning. */
	static const struct boot_range reserved[] = {
		{ 0x9f000, 0x1000 },
		{ 0x110000, 0x2000 },
		{ 0x120000, 0x1000 },
		{ 0x100000000, 0x200000000 },
	};
	struct boot_info info;
	const char *error;
	void *copy;

	fdt_tree_everything(&tree, &blob);
	error = fdt_oracle_scan(blob.bytes, blob.size, &info, &copy);
	ck_assert_msg(error == NULL, "%s", error);
	ck_assert_uint_eq(info.bootargs_size, 6);
	ck_assert_mem_eq(info.bootargs, "hz=250", 6);
	free(copy);
	ck_assert_uint_eq(info.cpu_count, 2);
	ck_assert_uint_eq(info.apic_ids[0], 3);
	ck_assert_uint_eq(info.apic_ids[1], 0xffffffff);
	ck_assert_uint_eq(info.tsc_hz, 0x100000002);
	ck_assert_uint_eq(info.bus_hz, 1000000000);
	ck_assert_uint_eq(info.memory_count, 1);
	ck_assert_uint_eq(info.memory[0].addr, 0x100000);
	ck_assert_uint_eq(info.memory[0].size, 0x200000);
	ck_assert_uint_eq(info.reserved_count, 4);
	ck_assert_mem_eq(info.reserved, reserved, sizeof(reserved));
	ck_assert_mem_eq(&info.console, &reserved[1], sizeof(info.console));
	ck_assert_mem_eq(&info.trace, &reserved[2], sizeof(info.trace));
	ck_assert_uint_eq(info.uart_port, 0x2f8);
	ck_assert_uint_eq(info.doorbell_port, 0xd00);
	ck_assert_int_eq(fdt_oracle_compare(blob.bytes, blob.size, "everything", 0),
	                 FDT_BOTH_ACCEPT);
}
END_TEST

START_TEST(test_fdt_empty_root_gives_nothing)
{
	/* A tree that says nothing is a good one: all zero, as boot_info.h documents. */
	static const struct boot_info nothing;
	struct boot_info info;

	fdt_tree_begin_root(&tree);
	fdt_tree_finish(&tree, &blob);
	assert_accepted(&info);
	ck_assert_mem_eq(&info, &nothing, sizeof(info));
}
END_TEST

START_TEST(test_fdt_version_16_is_read)
{
	/* Version 16 has no structure size in its header; what stands there is not believed. */
	struct boot_info info;

	fdt_tree_everything(&tree, &blob);
	tree.version = 16;
	fdt_tree_assemble(&tree, &blob);
	fdt_blob_set(&blob, 36, 0xffffffff);
	assert_accepted(&info);
	ck_assert_uint_eq(info.uart_port, 0x2f8);
	ck_assert_int_eq(fdt_oracle_compare(blob.bytes, blob.size, "version 16", 0),
	                 FDT_BOTH_ACCEPT);
}
END_TEST

START_TEST(test_fdt_status_decides_what_counts)
{
	/* A node counts without a status, and with "okay" or "ok"; each kind of node is tried. */
	static const struct {
		const char *status;
		size_t size;
		bool counts;
	} rows[] = {
		{ "okay", 5, true },      { "ok", 3, true },        { "okay\0x", 7, true },
		{ "disabled", 9, false }, { "fail", 5, false },     { "", 1, false },
		{ "", 0, false },         { "okay", 4, false },     { "okayx", 6, false },
		{ "OKAY", 5, false },     { "reserved", 9, false },
	};
	struct boot_info info;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t counts = rows[i].counts ? 1 : 0;

		fdt_tree_begin_root(&tree);
		fdt_tree_begin_cpus(&tree);
		fdt_tree_begin(&tree, "cpu");
		fdt_tree_cells(&tree, "reg", 1, 7);
		fdt_tree_bytes(&tree, "status", rows[i].status, rows[i].size);
		fdt_tree_string(&tree, "device_type", "cpu");
		fdt_tree_end(&tree);
		fdt_tree_end(&tree);
		fdt_tree_begin(&tree, "memory");
		fdt_tree_bytes(&tree, "status", rows[i].status, rows[i].size);
		fdt_tree_cells(&tree, "reg", 4, 0, 0, 0, 1);
		fdt_tree_string(&tree, "device_type", "memory");
		fdt_tree_end(&tree);
		fdt_tree_begin_reserved(&tree);
		fdt_tree_begin(&tree, "region");
		fdt_tree_bytes(&tree, "status", rows[i].status, rows[i].size);
		fdt_tree_cells(&tree, "reg", 4, 0, 0, 0, 1);
		fdt_tree_end(&tree);
		fdt_tree_end(&tree);
		fdt_tree_begin_isa(&tree);
		fdt_tree_begin(&tree, "device");
		fdt_tree_cells(&tree, "reg", 3, 1, 0x3f8, 8);
		fdt_tree_string(&tree, "compatible", FDT_COMPAT_UART);
		fdt_tree_bytes(&tree, "status", rows[i].status, rows[i].size);
		fdt_tree_end(&tree);
		fdt_tree_end(&tree);
		fdt_tree_finish(&tree, &blob);
		assert_accepted(&info);
		ck_assert_msg(info.cpu_count == counts && info.memory_count == counts &&
		                      info.reserved_count == counts &&
		                      (info.uart_port != 0) == rows[i].counts,
		              "status \"%s\" of %zu bytes", rows[i].status, rows[i].size);
		ck_assert_int_eq(fdt_oracle_compare(blob.bytes, blob.size, "status", i),
		                 FDT_BOTH_ACCEPT);
	}
}
END_TEST

START_TEST(test_fdt_place_decides_what_counts)
{
	/* Look-alikes in other places mean nothing: nested cpus, deep memory, MMIO serial ports. */
	static const struct boot_info nothing;
	struct boot_info info;

	fdt_tree_begin_root(&tree);
	fdt_tree_string(&tree, "device_type", "memory");
	fdt_tree_string(&tree, "bootargs", "of the root");
	fdt_tree_device(&tree, FDT_COMPAT_UART, 1, 0x3f8);
	fdt_tree_cpu(&tree, 1);
	fdt_tree_begin(&tree, "soc");
	fdt_tree_cells(&tree, "#address-cells", 1, 3);
	fdt_tree_memory(&tree, 0x1000, 0x1000);
	fdt_tree_begin_cpus(&tree);
	fdt_tree_cpu(&tree, 2);
	fdt_tree_end(&tree);
	fdt_tree_begin_reserved(&tree);
	fdt_tree_memory(&tree, 0x2000, 0x1000);
	fdt_tree_end(&tree);
	fdt_tree_begin_isa(&tree);
	fdt_tree_device(&tree, FDT_COMPAT_UART, 1, 0x3f8);
	fdt_tree_end(&tree);
	fdt_tree_end(&tree);
	fdt_tree_begin_isa(&tree);
	fdt_tree_device(&tree, FDT_COMPAT_UART, 0, 0x3f8);
	fdt_tree_device(&tree, "ns16550", 1, 0x3f8);
	fdt_tree_device(&tree, FDT_COMPAT_UART "x", 1, 0x3f8);
	fdt_tree_end(&tree);
	fdt_tree_begin(&tree, "cpus@0");
	fdt_tree_cpu(&tree, 3);
	fdt_tree_end(&tree);
	fdt_tree_begin(&tree, "cpu");
	fdt_tree_end(&tree);
	fdt_tree_begin(&tree, "cpusx");
	fdt_tree_cpu(&tree, 4);
	fdt_tree_end(&tree);
	fdt_tree_finish(&tree, &blob);
	assert_accepted(&info);
	ck_assert_mem_eq(&info, &nothing, sizeof(info));
	ck_assert_int_eq(fdt_oracle_compare(blob.bytes, blob.size, "places", 0), FDT_BOTH_ACCEPT);
}
END_TEST

START_TEST(test_fdt_cell_counts_come_from_the_parent)
{
	/*
	 * One and two cells in both roles, and the defaults 2 and 1 where the parent says nothing.
	 */
	struct boot_info info;

	for (int address_cells = 0; address_cells <= 2; address_cells++) {
		for (int size_cells = 0; size_cells <= 2; size_cells++) {
			uint32_t reg[4] = { 0 };
			int count = 0;

			fdt_tree_start(&tree);
			fdt_tree_begin(&tree, "");
			if (address_cells != 0) {
				fdt_tree_cells(&tree, "#address-cells", 1, address_cells);
			}
			if (size_cells != 0) {
				fdt_tree_cells(&tree, "#size-cells", 1, size_cells);
			}
			if (address_cells != 1) {
				reg[count++] = 0x11;
			}
			reg[count++] = 0x22000;
			if (size_cells == 2) {
				reg[count++] = 0x33;
			}
			reg[count++] = 0x44000;
			fdt_tree_begin(&tree, "memory");
			fdt_tree_string(&tree, "device_type", "memory");
			fdt_tree_cells(&tree, "reg", count, reg[0], reg[1], reg[2], reg[3]);
			fdt_tree_end(&tree);
			fdt_tree_finish(&tree, &blob);
			assert_accepted(&info);
			ck_assert_uint_eq(info.memory_count, 1);
			ck_assert_uint_eq(info.memory[0].addr,
			                  address_cells == 1 ? 0x22000 : 0x1100022000);
			ck_assert_uint_eq(info.memory[0].size,
			                  size_cells == 2 ? 0x3300044000 : 0x44000);
		}
	}
}
END_TEST

START_TEST(test_fdt_first_of_two_counts)
{
	/* Of two properties of one name, two consoles, two serial ports, two chosen: the first. */
	struct boot_info info;
	const char *error;
	void *copy;

	fdt_tree_begin_root(&tree);
	fdt_tree_begin(&tree, "chosen");
	fdt_tree_string(&tree, "bootargs", "first");
	fdt_tree_string(&tree, "bootargs", "second");
	fdt_tree_end(&tree);
	fdt_tree_begin(&tree, "chosen");
	fdt_tree_string(&tree, "bootargs", "third");
	fdt_tree_end(&tree);
	fdt_tree_begin_reserved(&tree);
	for (uint32_t i = 1; i < 3; i++) {
		fdt_tree_begin(&tree, "console");
		fdt_tree_cells(&tree, "reg", 4, 0, 0x1000 * i, 0, 0x1000);
		fdt_tree_string(&tree, "compatible", FDT_COMPAT_CONSOLE);
		fdt_tree_end(&tree);
	}
	fdt_tree_end(&tree);
	fdt_tree_begin_isa(&tree);
	fdt_tree_device(&tree, FDT_COMPAT_UART, 1, 0x3f8);
	fdt_tree_device(&tree, FDT_COMPAT_UART, 1, 0x2f8);
	fdt_tree_end(&tree);
	fdt_tree_finish(&tree, &blob);
	error = fdt_oracle_scan(blob.bytes, blob.size, &info, &copy);
	ck_assert_msg(error == NULL, "%s", error);
	ck_assert_uint_eq(info.bootargs_size, 5);
	ck_assert_mem_eq(info.bootargs, "first", 5);
	free(copy);
	ck_assert_uint_eq(info.console.addr, 0x1000);
	ck_assert_uint_eq(info.uart_port, 0x3f8);
	ck_assert_int_eq(fdt_oracle_compare(blob.bytes, blob.size, "doubles", 0), FDT_BOTH_ACCEPT);
}
END_TEST

START_TEST(test_fdt_bootargs_end_at_nul_or_value)
{
	/* The first NUL ends the boot arguments, or else the value does. */
	static const struct {
		const char *bytes;
		size_t size;
		uint32_t length;
	} rows[] = {
		{ "abc", 4, 3 }, { "abc", 3, 3 }, { "a\0c", 4, 1 },
		{ "", 1, 0 },    { "", 0, 0 },    { "abcd", 4, 4 },
	};
	struct boot_info info;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fdt_tree_begin_root(&tree);
		fdt_tree_begin(&tree, "chosen");
		fdt_tree_bytes(&tree, "bootargs", rows[i].bytes, rows[i].size);
		fdt_tree_end(&tree);
		fdt_tree_finish(&tree, &blob);
		assert_accepted(&info);
		ck_assert_uint_eq(info.bootargs_size, rows[i].length);
	}
}
END_TEST

static Suite *
fdt_suite(void)
{
	Suite *suite = suite_create("fdt");
	TCase *tests = tcase_create("fdt");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_fdt_everything_known_is_read);
	tcase_add_test(tests, test_fdt_empty_root_gives_nothing);
	tcase_add_test(tests, test_fdt_version_16_is_read);
	tcase_add_test(tests, test_fdt_status_decides_what_counts);
	tcase_add_test(tests, test_fdt_place_decides_what_counts);
	tcase_add_test(tests, test_fdt_cell_counts_come_from_the_parent);
	tcase_add_test(tests, test_fdt_first_of_two_counts);
	tcase_add_test(tests, test_fdt_bootargs_end_at_nul_or_value);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(fdt_suite());
}
