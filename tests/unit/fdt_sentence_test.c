// SPDX-License-Identifier: ISC
/*
 * What the guest's device-tree scanner refuses: each of its sentences is provoked, at the first
 * value that must be refused where there is a bound, and the value before it is accepted.
 */
#include "guest/fdt.h"

#include "tests/unit/fdt_oracle.h"
#include "tests/unit/fdt_tree.h"
#include "tests/unit/suite.h"

#include "shared/boot_abi.h"

#include <libfdt.h>
#include <string.h>

#define DEPTH_MAX 16 /* nested nodes that the scanner follows */

static struct fdt_tree tree;
static struct fdt_blob blob;

static void
assert_sentence(const char *expected)
{
	struct boot_info info;
	const char *error = fdt_oracle_sentence(&blob, &info);

	ck_assert_msg(error != NULL && strcmp(error, expected) == 0, "expected \"%s\", got \"%s\"",
	              expected, error == NULL ? "accepted" : error);
}

static void
assert_accepted(struct boot_info *info)
{
	const char *error = fdt_oracle_sentence(&blob, info);

	ck_assert_msg(error == NULL, "refused: %s", error);
}

struct header_row {
	size_t offset;
	uint32_t value;
	const char *sentence;
};

START_TEST(test_fdt_broken_header_has_its_sentence)
{
	/* Each field of the header, at the first value that must be refused and at extreme ones. */
	uint32_t total;
	uint32_t strings;

	fdt_tree_everything(&tree, &blob);
	total = (uint32_t)blob.size;
	strings = (uint32_t)tree.strings_size;
	const struct header_row rows[] = {
		{ 0, 0xd00dfeec, "its magic number is wrong" },
		{ 0, 0xedfe0dd0, "its magic number is wrong" },
		{ 4, 0, "its size is less than its header's" },
		{ 4, 39, "its size is less than its header's" },
		{ 4, 40, "its strings block lies outside" },
		{ 4, total + 1, "it is cut off" },
		{ 4, 0xffffffff, "it is cut off" },
		{ 4, total - 1, "its strings block lies outside" },
		{ 8, 0, "its structure block is misplaced" },
		{ 8, 36, "its structure block is misplaced" },
		{ 8, total - strings - 3, "its structure block is misplaced" },
		{ 8, 0xfffffffc, "its structure block is misplaced" },
		{ 8, total & ~3u, "its structure block lies outside" },
		{ 12, 0, "its strings block lies outside" },
		{ 12, 39, "its strings block lies outside" },
		{ 12, total - strings + 1, "its strings block lies outside" },
		{ 12, 0xffffffff, "its strings block lies outside" },
		{ 12, total - strings - 1, "its strings block does not end with a NUL" },
		{ 16, 0, "its memory reservation block is misplaced" },
		{ 16, 32, "its memory reservation block is misplaced" },
		{ 16, 44, "its memory reservation block is misplaced" },
		{ 16, 0xfffffff8, "its memory reservation block has no end" },
		{ 16, total & ~7u, "its memory reservation block has no end" },
		{ 20, 15, "its version is not one that the kernel reads" },
		{ 20, 0, "its version is not one that the kernel reads" },
		{ 24, 18, "its version is not one that the kernel reads" },
		{ 24, 0xffffffff, "its version is not one that the kernel reads" },
		{ 32, strings + 1, "its strings block lies outside" },
		{ 32, 0xffffffff, "its strings block lies outside" },
		{ 32, strings - 1, "its strings block does not end with a NUL" },
		{ 32, 0, "a property's name lies outside the strings block" },
		{ 36, 0xffffffff, "its structure block lies outside" },
		{ 36, total, "its structure block lies outside" },
		{ 36, 0, "its structure block does not begin with a node" },
		{ 36, 3, "its structure block does not begin with a node" },
		{ 36, (uint32_t)tree.structure_size - 4,
		  "something else than the end follows its root node" },
		{ 36, (uint32_t)tree.structure_size - 8, "its structure block ends inside a node" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct boot_info info;
		const char *error;

		fdt_tree_everything(&tree, &blob);
		fdt_blob_set(&blob, rows[i].offset, rows[i].value);
		error = fdt_oracle_sentence(&blob, &info);
		ck_assert_msg(error != NULL && strcmp(error, rows[i].sentence) == 0,
		              "word %zu = 0x%x: expected \"%s\", got \"%s\"", rows[i].offset,
		              rows[i].value, rows[i].sentence, error == NULL ? "accepted" : error);
		fdt_oracle_compare(blob.bytes, blob.size, "header row", i);
	}
}
END_TEST

START_TEST(test_fdt_version_17_needs_a_compatible_one)
{
	/*
	 * A version 16 that is compatible only with 17 contradicts itself; libfdt refuses it too.
	 */
	struct boot_info info;

	fdt_tree_everything(&tree, &blob);
	fdt_blob_set(&blob, 24, 17);
	assert_accepted(&info);
	fdt_blob_set(&blob, 20, 16);
	assert_sentence("its version is not one that the kernel reads");
	/* A later version that says it is compatible is read as 17. */
	fdt_blob_set(&blob, 20, 18);
	assert_accepted(&info);
}
END_TEST

START_TEST(test_fdt_prefix_is_refused)
{
	/* Every truncation: as it stands, and with a size in the header that agrees. */
	struct boot_info info;
	size_t whole;

	fdt_tree_everything(&tree, &blob);
	whole = blob.size;
	for (size_t size = 0; size < whole; size++) {
		fdt_tree_everything(&tree, &blob);
		blob.size = size;
		if (size < 40) {
			assert_sentence("it is shorter than its header");
		} else {
			assert_sentence("it is cut off");
		}
		fdt_blob_set(&blob, 4, (uint32_t)size);
		ck_assert_msg(fdt_oracle_sentence(&blob, &info) != NULL, "%zu of %zu bytes", size,
		              whole);
		fdt_oracle_compare(blob.bytes, size, "prefix", size);
	}
}
END_TEST

/* Structures that are wrong in one way; each returns with the tree not yet assembled. */

static void
write_nothing_at_all(void)
{
	fdt_tree_start(&tree);
}

static void
write_end_only(void)
{
	fdt_tree_start(&tree);
	fdt_tree_word(&tree, FDT_END);
}

static void
write_nop_before_root(void)
{
	fdt_tree_start(&tree);
	fdt_tree_word(&tree, FDT_NOP);
	fdt_tree_begin(&tree, "");
	fdt_tree_end(&tree);
	fdt_tree_word(&tree, FDT_END);
}

static void
write_property_before_root(void)
{
	fdt_tree_start(&tree);
	fdt_tree_cells(&tree, "reg", 1, 0);
}

static void
write_named_root(void)
{
	fdt_tree_start(&tree);
	fdt_tree_begin(&tree, "r");
	fdt_tree_end(&tree);
	fdt_tree_word(&tree, FDT_END);
}

static void
write_two_roots(void)
{
	fdt_tree_start(&tree);
	fdt_tree_begin(&tree, "");
	fdt_tree_end(&tree);
	fdt_tree_begin(&tree, "");
	fdt_tree_end(&tree);
	fdt_tree_word(&tree, FDT_END);
}

static void
write_end_node_too_many(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_end(&tree);
	fdt_tree_end(&tree);
	fdt_tree_word(&tree, FDT_END);
}

static void
write_end_node_missing(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_begin(&tree, "node");
	fdt_tree_end(&tree);
	fdt_tree_word(&tree, FDT_END);
}

static void
write_no_end(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_end(&tree);
}

static void
write_unknown_token(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_word(&tree, 5);
	fdt_tree_end(&tree);
	fdt_tree_word(&tree, FDT_END);
}

static void
write_property_after_subnode(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_begin(&tree, "node");
	fdt_tree_end(&tree);
	fdt_tree_cells(&tree, "reg", 1, 0);
	fdt_tree_end(&tree);
	fdt_tree_word(&tree, FDT_END);
}

static void
write_endless_name(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_word(&tree, FDT_BEGIN_NODE);
	fdt_tree_word(&tree, 0x61616161);
}

static void
write_no_name(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_word(&tree, FDT_BEGIN_NODE);
}

static void
write_property_cut_off(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_word(&tree, FDT_PROP);
	fdt_tree_word(&tree, 0);
}

static void
write_value_too_long(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_word(&tree, FDT_PROP);
	fdt_tree_word(&tree, 5);
	fdt_tree_word(&tree, 0);
	fdt_tree_word(&tree, FDT_END);
}

static void
write_value_huge(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_word(&tree, FDT_PROP);
	fdt_tree_word(&tree, 0xfffffffd);
	fdt_tree_word(&tree, 0);
	fdt_tree_word(&tree, FDT_END);
}

static void
write_name_outside(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_word(&tree, FDT_PROP);
	fdt_tree_word(&tree, 0);
	fdt_tree_word(&tree, (uint32_t)tree.strings_size);
	fdt_tree_end(&tree);
	fdt_tree_word(&tree, FDT_END);
}

static void
write_long_cell_count(void)
{
	fdt_tree_start(&tree);
	fdt_tree_begin(&tree, "");
	fdt_tree_cells(&tree, "#address-cells", 2, 0, 2);
}

static void
write_short_cell_count(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_begin(&tree, "isa");
	fdt_tree_bytes(&tree, "#size-cells", "\0\0", 2);
	fdt_tree_end(&tree);
	fdt_tree_finish(&tree, &blob);
}

static void
write_timebase_of_three_cells(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_begin_cpus(&tree);
	fdt_tree_cells(&tree, "timebase-frequency", 3, 0, 0, 1);
	fdt_tree_end(&tree);
	fdt_tree_finish(&tree, &blob);
}

static void
write_bus_of_three_cells(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_begin_cpus(&tree);
	fdt_tree_cells(&tree, "bus-frequency", 3, 0, 0, 1);
	fdt_tree_end(&tree);
	fdt_tree_finish(&tree, &blob);
}

static void
write_memory_of_three_cells(void)
{
	fdt_tree_start(&tree);
	fdt_tree_begin(&tree, "");
	fdt_tree_cells(&tree, "#address-cells", 1, 3);
	fdt_tree_memory(&tree, 0x1000, 0x1000);
	fdt_tree_finish(&tree, &blob);
}

static void
write_memory_of_no_cells(void)
{
	fdt_tree_start(&tree);
	fdt_tree_begin(&tree, "");
	fdt_tree_cells(&tree, "#size-cells", 1, 0);
	fdt_tree_memory(&tree, 0x1000, 0x1000);
	fdt_tree_finish(&tree, &blob);
}

static void
write_memory_of_half_a_range(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_begin(&tree, "memory");
	fdt_tree_string(&tree, "device_type", "memory");
	fdt_tree_cells(&tree, "reg", 7, 0, 0, 0, 1, 0, 0, 0);
	fdt_tree_end(&tree);
	fdt_tree_finish(&tree, &blob);
}

static void
write_memory_that_wraps(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_begin(&tree, "memory");
	fdt_tree_string(&tree, "device_type", "memory");
	fdt_tree_cells(&tree, "reg", 4, 0xffffffff, 0xfffff000, 0, 0x1000);
	fdt_tree_end(&tree);
	fdt_tree_finish(&tree, &blob);
}

static void
write_reservation_that_wraps(void)
{
	fdt_tree_begin_root(&tree);
	tree.reservations[0][0] = UINT64_MAX;
	tree.reservations[0][1] = 1;
	tree.reservation_count = 1;
	fdt_tree_finish(&tree, &blob);
}

static void
write_cpu_without_reg(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_begin_cpus(&tree);
	fdt_tree_begin(&tree, "cpu");
	fdt_tree_string(&tree, "device_type", "cpu");
	fdt_tree_end(&tree);
	fdt_tree_end(&tree);
	fdt_tree_finish(&tree, &blob);
}

static void
write_cpu_of_two_ids(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_begin_cpus(&tree);
	fdt_tree_begin(&tree, "cpu");
	fdt_tree_cells(&tree, "reg", 2, 0, 1);
	fdt_tree_string(&tree, "device_type", "cpu");
	fdt_tree_end(&tree);
	fdt_tree_end(&tree);
	fdt_tree_finish(&tree, &blob);
}

static void
write_cpu_of_cells(uint32_t address_cells)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_begin(&tree, "cpus");
	fdt_tree_cells(&tree, "#address-cells", 1, address_cells);
	fdt_tree_cells(&tree, "#size-cells", 1, 0);
	fdt_tree_begin(&tree, "cpu");
	fdt_tree_cells(&tree, "reg", (int)address_cells, 0, 0, 0);
	fdt_tree_string(&tree, "device_type", "cpu");
	fdt_tree_end(&tree);
	fdt_tree_end(&tree);
	fdt_tree_finish(&tree, &blob);
}

static void
write_cpu_of_no_cells(void)
{
	write_cpu_of_cells(0);
}

static void
write_cpu_of_three_cells(void)
{
	write_cpu_of_cells(3);
}

static void
write_cpu_of_a_large_id(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_begin(&tree, "cpus");
	fdt_tree_cells(&tree, "#address-cells", 1, 2);
	fdt_tree_cells(&tree, "#size-cells", 1, 0);
	fdt_tree_begin(&tree, "cpu");
	fdt_tree_cells(&tree, "reg", 2, 1, 0);
	fdt_tree_string(&tree, "device_type", "cpu");
	fdt_tree_end(&tree);
	fdt_tree_end(&tree);
	fdt_tree_finish(&tree, &blob);
}

static void
write_device_on_a_wrong_bus(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_begin(&tree, "isa");
	fdt_tree_cells(&tree, "#address-cells", 1, 2);
	fdt_tree_cells(&tree, "#size-cells", 1, 2);
	fdt_tree_device(&tree, FDT_COMPAT_UART, 1, 0x3f8);
	fdt_tree_end(&tree);
	fdt_tree_finish(&tree, &blob);
}

static void
write_device_without_reg(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_begin_isa(&tree);
	fdt_tree_begin(&tree, "device");
	fdt_tree_string(&tree, "compatible", FDT_COMPAT_DOORBELL);
	fdt_tree_end(&tree);
	fdt_tree_end(&tree);
	fdt_tree_finish(&tree, &blob);
}

static void
write_device_at_a_large_port(void)
{
	fdt_tree_begin_root(&tree);
	fdt_tree_begin_isa(&tree);
	fdt_tree_device(&tree, FDT_COMPAT_DOORBELL, 1, 0x10000);
	fdt_tree_end(&tree);
	fdt_tree_finish(&tree, &blob);
}

START_TEST(test_fdt_broken_structure_has_its_sentence)
{
	/*
	 * Each check of tokens, properties and values: a tree with one fault, the exact sentence.
	 */
	static const struct {
		void (*write)(void);
		const char *sentence;
	} rows[] = {
		{ write_nothing_at_all, "its structure block does not begin with a node" },
		{ write_end_only, "its structure block does not begin with a node" },
		{ write_nop_before_root, "its structure block does not begin with a node" },
		{ write_property_before_root, "its structure block does not begin with a node" },
		{ write_named_root, "its root node has a name" },
		{ write_two_roots, "something else than the end follows its root node" },
		{ write_end_node_too_many, "something else than the end follows its root node" },
		{ write_end_node_missing, "its structure block ends inside a node" },
		{ write_no_end, "something else than the end follows its root node" },
		{ write_unknown_token, "an unknown token stands in the structure block" },
		{ write_property_after_subnode, "a property is cut off, or follows a subnode" },
		{ write_endless_name, "a node's name has no end" },
		{ write_no_name, "a node's name has no end" },
		{ write_property_cut_off, "a property is cut off, or follows a subnode" },
		{ write_value_too_long, "a property's value is cut off" },
		{ write_value_huge, "a property's value is cut off" },
		{ write_name_outside, "a property's name lies outside the strings block" },
		{ write_long_cell_count, "#address-cells or #size-cells is not one cell" },
		{ write_short_cell_count, "#address-cells or #size-cells is not one cell" },
		{ write_timebase_of_three_cells,
		  "timebase-frequency has neither one nor two cells" },
		{ write_bus_of_three_cells, "bus-frequency has neither one nor two cells" },
		{ write_memory_of_three_cells, "a range of memory has neither one nor two cells" },
		{ write_memory_of_no_cells, "a range of memory has neither one nor two cells" },
		{ write_memory_of_half_a_range, "a reg property ends inside a range of memory" },
		{ write_memory_that_wraps, "a range of memory wraps around" },
		{ write_reservation_that_wraps, "a range of memory wraps around" },
		{ write_cpu_without_reg, "a cpu's reg is not one address of one or two cells" },
		{ write_cpu_of_two_ids, "a cpu's reg is not one address of one or two cells" },
		{ write_cpu_of_no_cells, "a cpu's reg is not one address of one or two cells" },
		{ write_cpu_of_three_cells, "a cpu's reg is not one address of one or two cells" },
		{ write_cpu_of_a_large_id, "an APIC id has more than 32 bits" },
		{ write_device_on_a_wrong_bus, "a device's reg does not follow the ISA binding" },
		{ write_device_without_reg, "a device's reg does not follow the ISA binding" },
		{ write_device_at_a_large_port, "an I/O port has more than 16 bits" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct boot_info info;
		const char *error;

		rows[i].write();
		fdt_tree_assemble(&tree, &blob);
		error = fdt_oracle_sentence(&blob, &info);
		ck_assert_msg(error != NULL && strcmp(error, rows[i].sentence) == 0,
		              "row %zu: expected \"%s\", got \"%s\"", i, rows[i].sentence,
		              error == NULL ? "accepted" : error);
		fdt_oracle_compare(blob.bytes, blob.size, "row", i);
	}
}
END_TEST

START_TEST(test_fdt_limits_are_exact)
{
	/* The last cpu, range and level that fit are accepted, one more has its sentence. */
	struct boot_info info;

	for (uint32_t count = BOOT_CPUS_MAX; count <= BOOT_CPUS_MAX + 1; count++) {
		fdt_tree_begin_root(&tree);
		fdt_tree_begin_cpus(&tree);
		for (uint32_t i = 0; i < count; i++) {
			fdt_tree_cpu(&tree, 2 * i);
		}
		fdt_tree_end(&tree);
		fdt_tree_finish(&tree, &blob);
		if (count == BOOT_CPUS_MAX) {
			assert_accepted(&info);
			ck_assert_uint_eq(info.apic_ids[BOOT_CPUS_MAX - 1], 2 * BOOT_CPUS_MAX - 2);
		} else {
			assert_sentence("there are more cpus than the kernel has room for");
		}
	}
	for (uint32_t count = BOOT_RANGES_MAX; count <= BOOT_RANGES_MAX + 1; count++) {
		fdt_tree_begin_root(&tree);
		for (uint32_t i = 0; i < count; i++) {
			fdt_tree_memory(&tree, 0x1000 * i, 0x1000);
		}
		fdt_tree_finish(&tree, &blob);
		if (count == BOOT_RANGES_MAX) {
			assert_accepted(&info);
			ck_assert_uint_eq(info.memory_count, BOOT_RANGES_MAX);
		} else {
			assert_sentence(
				"there are more ranges of memory than the kernel has room for");
		}
	}
	for (int depth = DEPTH_MAX; depth <= DEPTH_MAX + 1; depth++) {
		fdt_tree_begin_root(&tree);
		for (int i = 1; i < depth; i++) {
			fdt_tree_begin(&tree, "deep");
		}
		for (int i = 1; i < depth; i++) {
			fdt_tree_end(&tree);
		}
		fdt_tree_finish(&tree, &blob);
		if (depth == DEPTH_MAX) {
			assert_accepted(&info);
		} else {
			assert_sentence("its nodes are nested too deeply");
		}
	}
}
END_TEST

START_TEST(test_fdt_reserved_ranges_share_one_limit)
{
	/* Entries of the reservation block and regions count together. */
	struct boot_info info;

	for (uint32_t regions = 0; regions <= BOOT_RANGES_MAX; regions++) {
		for (uint32_t extra = 0; extra < 2; extra++) {
			fdt_tree_begin_root(&tree);
			tree.reservation_count = BOOT_RANGES_MAX - regions + extra;
			for (uint32_t i = 0; i < tree.reservation_count; i++) {
				tree.reservations[i][0] = 0x1000 * i;
				tree.reservations[i][1] = 0x1000;
			}
			fdt_tree_begin_reserved(&tree);
			for (uint32_t i = 0; i < regions; i++) {
				fdt_tree_begin(&tree, "region");
				fdt_tree_cells(&tree, "reg", 4, 1, 0x1000 * i, 0, 0x1000);
				fdt_tree_end(&tree);
			}
			fdt_tree_end(&tree);
			fdt_tree_finish(&tree, &blob);
			if (extra == 0) {
				assert_accepted(&info);
				ck_assert_uint_eq(info.reserved_count, BOOT_RANGES_MAX);
			} else {
				assert_sentence("there are more ranges of memory than the kernel "
				                "has room for");
			}
		}
	}
}
END_TEST

static Suite *
fdt_sentence_suite(void)
{
	Suite *suite = suite_create("fdt_sentence");
	TCase *tests = tcase_create("fdt_sentence");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_fdt_broken_header_has_its_sentence);
	tcase_add_test(tests, test_fdt_version_17_needs_a_compatible_one);
	tcase_add_test(tests, test_fdt_prefix_is_refused);
	tcase_add_test(tests, test_fdt_broken_structure_has_its_sentence);
	tcase_add_test(tests, test_fdt_limits_are_exact);
	tcase_add_test(tests, test_fdt_reserved_ranges_share_one_limit);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(fdt_sentence_suite());
}
