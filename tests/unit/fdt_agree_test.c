// SPDX-License-Identifier: ISC
/*
 * The guest's device-tree scanner and libfdt agree: on random trees, on thousands of mutated ones,
 * and on every single-bit fault of a small one. fdt_oracle_compare() is the rule.
 */
#include "guest/fdt.h"

#include "tests/unit/fdt_oracle.h"
#include "tests/unit/fdt_tree.h"
#include "tests/unit/random.h"
#include "tests/unit/suite.h"
#include "vmm/fdt.h"

#include "shared/boot_abi.h"

#include <libfdt.h>
#include <string.h>

static struct fdt_tree tree;
static struct fdt_blob blob;

/* ---- random trees ---- */

static void
random_noise(struct random *random)
{
	static const char *const names[] = {
		"ranges",       "phandle",           "r",        "re",      "regx",
		"compatibl",    "compatiblex",       "status-x", "bootarg", "#address-cell",
		"#size-cellsx", "timebase-frequenc", ""
	};
	uint8_t bytes[24];

	while (random_below(random, 3) == 0) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			bytes[i] = (uint8_t)random_next(random);
		}
		fdt_tree_bytes(&tree, names[random_below(random, sizeof(names) / sizeof(names[0]))],
		               bytes, random_below(random, sizeof(bytes) + 1));
	}
	while (random_below(random, 6) == 0) {
		fdt_tree_word(&tree, FDT_NOP);
	}
}

static void
random_cell_count(struct random *random, const char *name, uint32_t usual)
{
	static const uint32_t counts[] = { 0, 1, 2, 3, 0xff, 0x100, 0x101, 0xffffffff };

	switch (random_below(random, 12)) {
	case 0:
		break;
	case 1:
		fdt_tree_cells(&tree, name, 1,
		               counts[random_below(random, sizeof(counts) / sizeof(counts[0]))]);
		break;
	case 2:
		fdt_tree_cells(&tree, name, 1, 1);
		break;
	default:
		fdt_tree_cells(&tree, name, 1, usual);
		break;
	}
	random_noise(random);
}

static uint32_t
random_cell(struct random *random)
{
	static const uint32_t cells[] = { 0,      1,       2,          0x3f8,     0x1000,
		                          0xffff, 0x10000, 0x80000000, 0xffffffff };

	return cells[random_below(random, sizeof(cells) / sizeof(cells[0]))];
}

static void
random_reg(struct random *random, int usual)
{
	int count = random_below(random, 8) == 0 ? (int)random_below(random, 9) : usual;
	uint32_t c[8];

	for (int i = 0; i < 8; i++) {
		c[i] = random_cell(random);
	}
	fdt_tree_cells(&tree, "reg", count, c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]);
}

/* The properties of a leaf in random order, each usually there. */
static void
random_leaf(struct random *random, const char *name, const char *type, int reg_cells)
{
	static const char compatibles[][64] = {
		FDT_COMPAT_CONSOLE,
		FDT_COMPAT_TRACE,
		FDT_COMPAT_DOORBELL,
		FDT_COMPAT_UART,
		"a\0" FDT_COMPAT_CONSOLE,
		"\0" FDT_COMPAT_UART,
		FDT_COMPAT_UART "x",
		FDT_COMPAT_TRACE "\0" FDT_COMPAT_CONSOLE,
		"other",
	};
	size_t first = random_below(random, 4);

	fdt_tree_begin(&tree, name);
	for (size_t i = 0; i < 4; i++) {
		random_noise(random);
		if (random_below(random, 16) == 0) {
			continue;
		}
		switch ((first + i) % 4) {
		case 0:
			random_reg(random, reg_cells);
			break;
		case 1:
			fdt_tree_string(&tree, "device_type", type);
			break;
		case 2:
			fdt_tree_bytes(&tree, "compatible", compatibles[random_below(random, 9)],
			               1 + random_below(random, 40));
			break;
		default:
			if (random_below(random, 4) == 0) {
				fdt_tree_string(&tree, "status",
				                random_below(random, 2) != 0 ? "okay" : "disabled");
			}
			break;
		}
	}
	random_noise(random);
	fdt_tree_end(&tree);
}

static void
random_child(struct random *random)
{
	static const char *const names[] = { "cpus", "reserved-memory", "isa", "soc" };
	static const char *const leaves[] = { "cpu", "region", "device", "x" };
	static const uint32_t cells[][2] = { { 1, 0 }, { 2, 2 }, { 2, 1 }, { 1, 1 } };
	size_t which = random_below(random, 4);

	fdt_tree_begin(&tree, names[which]);
	random_cell_count(random, "#address-cells", cells[which][0]);
	random_cell_count(random, "#size-cells", cells[which][1]);
	if (random_below(random, 3) == 0) {
		fdt_tree_cells(&tree, "timebase-frequency", 1 + (int)random_below(random, 2), 1, 2);
	}
	if (random_below(random, 3) == 0) {
		fdt_tree_cells(&tree, "bus-frequency", 1 + (int)random_below(random, 2), 1, 2);
	}
	for (size_t i = random_below(random, 4); i > 0; i--) {
		random_leaf(random, leaves[which], which == 0 ? "cpu" : "memory",
		            (int)(cells[which][0] + cells[which][1]));
	}
	fdt_tree_end(&tree);
}

static void
random_tree(struct random *random)
{
	fdt_tree_start(&tree);
	tree.reservation_count = (uint32_t)random_below(random, 3);
	for (uint32_t i = 0; i < tree.reservation_count; i++) {
		tree.reservations[i][0] = random_cell(random);
		tree.reservations[i][1] = random_cell(random);
	}
	fdt_tree_begin(&tree, "");
	random_cell_count(random, "#address-cells", 2);
	random_cell_count(random, "#size-cells", 2);
	for (size_t i = random_below(random, 6); i > 0; i--) {
		switch (random_below(random, 4)) {
		case 0:
			fdt_tree_begin(&tree, "chosen");
			fdt_tree_string(&tree, "bootargs", "a=b");
			random_noise(random);
			fdt_tree_end(&tree);
			break;
		case 1:
			random_leaf(random, "memory@0", "memory", 4);
			break;
		default:
			random_child(random);
			break;
		}
		if (random_below(random, 4) == 0) {
			fdt_tree_word(&tree, FDT_NOP);
		}
	}
	fdt_tree_finish(&tree, &blob);
}

START_TEST(test_fdt_random_tree_agrees_with_libfdt)
{
	/* Well-formed trees, random contents: fdt_oracle_compare()'s rule; both outcomes occur. */
	uint32_t counts[3] = { 0 };

	for (uint64_t seed = 0; seed < 20000; seed++) {
		struct random random = random_seeded(seed);

		random_tree(&random);
		ck_assert_int_eq(fdt_check_full(blob.bytes, blob.size), 0);
		counts[fdt_oracle_compare(blob.bytes, blob.size, "seed", seed)]++;
	}
	ck_assert_uint_gt(counts[FDT_BOTH_ACCEPT], 1000);
	ck_assert_uint_gt(counts[FDT_BOTH_REFUSE], 500);
	ck_assert_uint_eq(counts[FDT_SCANNER_STRICTER], 0);
}
END_TEST

/* ---- mutated trees ---- */

static void
mutate(struct random *random)
{
	static const uint32_t words[] = { 0,          1,          2,         3,          4,
		                          9,          8,          16,        0x7fffffff, 0x80000000,
		                          0xfffffffc, 0xfffffffd, 0xffffffff };
	size_t at = random_below(random, blob.size);

	switch (random_below(random, 8)) {
	case 0:
		blob.size = 1 + at;
		if (random_below(random, 2) != 0) {
			fdt_blob_set(&blob, 4, (uint32_t)blob.size);
		}
		break;
	case 1:
		fdt_blob_set(&blob, 4 * random_below(random, 10),
		             (uint32_t)random_below(random, 2 * blob.size));
		break;
	case 2:
		fdt_blob_set(&blob, at & ~(size_t)3,
		             words[random_below(random, sizeof(words) / sizeof(words[0]))]);
		break;
	case 3:
		fdt_blob_set(&blob, at & ~(size_t)3, (uint32_t)random_below(random, 64));
		break;
	case 4: {
		size_t from = random_below(random, blob.size) & ~(size_t)3;
		uint8_t word[4];

		memcpy(word, blob.bytes + from, sizeof(word));
		memcpy(blob.bytes + (at & ~(size_t)3), word, sizeof(word));
		break;
	}
	default:
		blob.bytes[at] ^= (uint8_t)(1u << random_below(random, 8));
		break;
	}
}

static void
write_machine(uint32_t cpu_count)
{
	struct fdt_machine machine = {
		.bootargs = "preempt=full hz=250",
		.cpu_count = cpu_count,
		.tsc_hz = 2500000000,
		.memory = { { 0, 0x2000000 }, { 0x100000000, 0x1000 } },
		.console = { 0x1fde000, 0x2000 },
		.trace = { 0x1fe0000, 0x20000 },
		.doorbell_port = 0xd00,
		.uart_port = 0x3f8,
	};

	blob.size = fdt_build_machine(&machine, blob.bytes, sizeof(blob.bytes));
	ck_assert_uint_gt(blob.size, 0);
}

START_TEST(test_fdt_mutated_tree_agrees_with_libfdt)
{
	/* Truncated, bit-flipped, hostile offsets, words moved: fdt_oracle_compare()'s rule. */
	uint32_t counts[3] = { 0 };

	for (uint64_t seed = 0; seed < 40000; seed++) {
		struct random random = random_seeded(seed);
		size_t mutations = 1 + random_below(&random, 3);

		switch (seed % 3) {
		case 0:
			write_machine(1 + (uint32_t)random_below(&random, 3));
			break;
		case 1:
			fdt_tree_everything(&tree, &blob);
			break;
		default:
			random_tree(&random);
			break;
		}
		for (size_t i = 0; i < mutations; i++) {
			mutate(&random);
		}
		counts[fdt_oracle_compare(blob.bytes, blob.size, "seed", seed)]++;
	}
	ck_assert_uint_gt(counts[FDT_BOTH_ACCEPT], 1000);
	ck_assert_uint_gt(counts[FDT_BOTH_REFUSE], 500);
	ck_assert_uint_gt(counts[FDT_SCANNER_STRICTER], 0);
}
END_TEST

START_TEST(test_fdt_every_bit_flip_agrees_with_libfdt)
{
	/* All single-bit faults of the tree of one cpu, exhaustively. */
	static struct fdt_blob good;

	write_machine(1);
	good = blob;
	for (size_t bit = 0; bit < 8 * good.size; bit++) {
		good.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		fdt_oracle_compare(good.bytes, good.size, "bit", bit);
		good.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

static Suite *
fdt_agree_suite(void)
{
	Suite *suite = suite_create("fdt_agree");
	TCase *tests = tcase_create("fdt_agree");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_fdt_random_tree_agrees_with_libfdt);
	tcase_add_test(tests, test_fdt_mutated_tree_agrees_with_libfdt);
	tcase_add_test(tests, test_fdt_every_bit_flip_agrees_with_libfdt);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(fdt_agree_suite());
}
