// SPDX-License-Identifier: ISC
/*
 * The tree that the VMM builds, read back through libfdt and through the guest's scanner.
 */
#include "vmm/fdt.h"

#include "guest/fdt.h"

#include "tests/unit/suite.h"

#include "shared/boot_abi.h"
#include "shared/doorbell_abi.h"

#include <libfdt.h>
#include <stdio.h>
#include <string.h>

static const struct fdt_machine default_machine = {
	.bootargs = "preempt=full hz=250",
	.cpu_count = 2,
	.tsc_hz = 2500000001,
	.bus_hz = 1000000000,
	.memory = { { 0, 0x80000000 }, { 0x100000000, 0x140000000 } },
	.console = { 0x1fde000, 0x2000 },
	.trace = { 0x1fe0000, 0x20000 },
	.doorbell_port = DOORBELL_PORT,
	.uart_port = 0x3f8,
};

static uint8_t tree[FDT_SIZE_MAX] __attribute__((aligned(8)));

static void
build(const struct fdt_machine *machine)
{
	size_t size = fdt_build_machine(machine, tree, sizeof(tree));

	ck_assert_uint_gt(size, 0);
	ck_assert_uint_eq(size, fdt_totalsize(tree));
	ck_assert_int_eq(fdt_check_full(tree, size), 0);
}

static int
node_at(const char *path)
{
	int node = fdt_path_offset(tree, path);

	ck_assert_msg(node >= 0, "no %s", path);
	return node;
}

static void
assert_absent(const char *path)
{
	ck_assert_msg(fdt_path_offset(tree, path) == -FDT_ERR_NOTFOUND, "%s is there", path);
}

static void
assert_string(const char *path, const char *name, const char *expected)
{
	int size;
	const char *value = fdt_getprop(tree, node_at(path), name, &size);

	ck_assert_msg(value != NULL, "no %s in %s", name, path);
	ck_assert_int_eq(size, (int)strlen(expected) + 1);
	ck_assert_str_eq(value, expected);
}

static void
assert_cells(const char *path, const char *name, const uint32_t *expected, int count)
{
	int size;
	const fdt32_t *value = fdt_getprop(tree, node_at(path), name, &size);

	ck_assert_msg(value != NULL, "no %s in %s", name, path);
	ck_assert_int_eq(size, 4 * count);
	for (int i = 0; i < count; i++) {
		ck_assert_uint_eq(fdt32_to_cpu(value[i]), expected[i]);
	}
}

#define ASSERT_CELLS(path, name, ...)                               \
	assert_cells(path, name, (const uint32_t[]){ __VA_ARGS__ }, \
	             sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t))

START_TEST(test_fdt_build_machine_has_documented_nodes)
{
	/* Every node and property that boot_abi.h lists, by its path, with its exact bytes. */
	build(&default_machine);
	ASSERT_CELLS("/", "#address-cells", 2);
	ASSERT_CELLS("/", "#size-cells", 2);
	assert_string("/", "compatible", "overtake,machine");
	ck_assert_ptr_nonnull(fdt_getprop(tree, 0, "model", NULL));
	assert_string("/chosen", "bootargs", default_machine.bootargs);
	assert_string("/chosen", "stdout-path", "/isa/serial@i3f8");
	ASSERT_CELLS("/cpus", "#address-cells", 1);
	ASSERT_CELLS("/cpus", "#size-cells", 0);
	ASSERT_CELLS("/cpus", "timebase-frequency", 0, 2500000001);
	ASSERT_CELLS("/cpus", "bus-frequency", 0, 1000000000);
	assert_string("/cpus/cpu@0", "device_type", "cpu");
	ASSERT_CELLS("/cpus/cpu@0", "reg", 0);
	ASSERT_CELLS("/cpus/cpu@1", "reg", 1);
	assert_absent("/cpus/cpu@2");
	assert_string("/memory@0", "device_type", "memory");
	ASSERT_CELLS("/memory@0", "reg", 0, 0, 0, 0x80000000);
	assert_string("/memory@100000000", "device_type", "memory");
	ASSERT_CELLS("/memory@100000000", "reg", 1, 0, 1, 0x40000000);
	ASSERT_CELLS("/reserved-memory", "#address-cells", 2);
	ASSERT_CELLS("/reserved-memory", "#size-cells", 2);
	assert_cells("/reserved-memory", "ranges", NULL, 0);
	assert_string("/reserved-memory/console@1fde000", "compatible", FDT_COMPAT_CONSOLE);
	ASSERT_CELLS("/reserved-memory/console@1fde000", "reg", 0, 0x1fde000, 0, 0x2000);
	assert_string("/reserved-memory/trace@1fe0000", "compatible", FDT_COMPAT_TRACE);
	ASSERT_CELLS("/reserved-memory/trace@1fe0000", "reg", 0, 0x1fe0000, 0, 0x20000);
	ASSERT_CELLS("/isa", "#address-cells", 2);
	ASSERT_CELLS("/isa", "#size-cells", 1);
	assert_string("/isa/serial@i3f8", "compatible", FDT_COMPAT_UART);
	ASSERT_CELLS("/isa/serial@i3f8", "reg", 1, 0x3f8, 8);
	assert_string("/isa/doorbell@id00", "compatible", FDT_COMPAT_DOORBELL);
	ASSERT_CELLS("/isa/doorbell@id00", "reg", 1, 0xd00, 0x20);
}
END_TEST

START_TEST(test_fdt_build_absent_parts_are_left_out)
{
	/* Size 0, port 0 and frequency 0 leave no node, no property, and no dangling path. */
	struct fdt_machine machine = { .bootargs = "", .cpu_count = 1 };

	build(&machine);
	assert_string("/chosen", "bootargs", "");
	ck_assert_ptr_null(fdt_getprop(tree, node_at("/chosen"), "stdout-path", NULL));
	ck_assert_ptr_null(fdt_getprop(tree, node_at("/cpus"), "timebase-frequency", NULL));
	ck_assert_ptr_null(fdt_getprop(tree, node_at("/cpus"), "bus-frequency", NULL));
	assert_absent("/memory");
	ck_assert_int_lt(fdt_first_subnode(tree, node_at("/reserved-memory")), 0);
	ck_assert_int_lt(fdt_first_subnode(tree, node_at("/isa")), 0);
}
END_TEST

START_TEST(test_fdt_build_scan_gives_machine_back)
{
	/* What the VMM wrote is what the guest reads, for every number of cpus. */
	for (uint32_t count = 1; count <= BOOT_CPUS_MAX; count++) {
		struct fdt_machine machine = default_machine;
		struct boot_info info;
		const char *error;

		machine.cpu_count = count;
		build(&machine);
		memset(&info, 0xa5, sizeof(info));
		error = fdt_scan(tree, fdt_totalsize(tree), &info);
		ck_assert_msg(error == NULL, "%u cpus: %s", count, error);
		ck_assert_uint_eq(info.bootargs_size, strlen(machine.bootargs));
		ck_assert_mem_eq(info.bootargs, machine.bootargs, info.bootargs_size);
		ck_assert_uint_eq(info.cpu_count, count);
		for (uint32_t i = 0; i < count; i++) {
			ck_assert_uint_eq(info.apic_ids[i], i);
		}
		ck_assert_uint_eq(info.tsc_hz, machine.tsc_hz);
		ck_assert_uint_eq(info.bus_hz, machine.bus_hz);
		ck_assert_uint_eq(info.memory_count, 2);
		ck_assert_mem_eq(info.memory, machine.memory, sizeof(machine.memory));
		ck_assert_uint_eq(info.reserved_count, 2);
		ck_assert_mem_eq(&info.reserved[0], &machine.console, sizeof(machine.console));
		ck_assert_mem_eq(&info.reserved[1], &machine.trace, sizeof(machine.trace));
		ck_assert_mem_eq(&info.console, &machine.console, sizeof(machine.console));
		ck_assert_mem_eq(&info.trace, &machine.trace, sizeof(machine.trace));
		ck_assert_uint_eq(info.doorbell_port, machine.doorbell_port);
		ck_assert_uint_eq(info.uart_port, machine.uart_port);
	}
}
END_TEST

START_TEST(test_fdt_build_largest_machine_fits)
{
	/* All cpus and the longest boot arguments fit FDT_SIZE_MAX, as fdt.h promises. */
	static char bootargs[2048];
	struct fdt_machine machine = default_machine;

	memset(bootargs, 'x', sizeof(bootargs) - 1);
	machine.bootargs = bootargs;
	machine.cpu_count = BOOT_CPUS_MAX;
	machine.memory[0] = (struct fdt_range){ UINT64_MAX - 1, 1 };
	machine.console = (struct fdt_range){ UINT64_MAX - 2, 1 };
	build(&machine);
	assert_string("/chosen", "bootargs", bootargs);
	assert_string("/cpus/cpu@3f", "device_type", "cpu");
	assert_string("/memory@fffffffffffffffe", "device_type", "memory");
}
END_TEST

START_TEST(test_fdt_build_small_buffer_gives_zero)
{
	/*
	 * Every buffer size up to the whole: 0, or the same tree; never a byte beyond the buffer.
	 */
	size_t whole;

	build(&default_machine);
	whole = fdt_totalsize(tree);
	for (size_t size = 0; size < 2 * whole; size++) {
		uint8_t *buf = malloc(size + (size == 0));
		size_t built;

		ck_assert_ptr_nonnull(buf);
		built = fdt_build_machine(&default_machine, buf, size);
		ck_assert_msg(built == 0 || (built == whole && size >= whole), "%zu bytes: %zu",
		              size, built);
		ck_assert(built == 0 || memcmp(buf, tree, whole) == 0);
		ck_assert(built != 0 || size < whole + 64);
		free(buf);
	}
}
END_TEST

START_TEST(test_fdt_build_same_machine_gives_same_bytes)
{
	/* Whatever the buffer held before, padding included. */
	static uint8_t other[FDT_SIZE_MAX] __attribute__((aligned(8)));

	memset(tree, 0x55, sizeof(tree));
	memset(other, 0xaa, sizeof(other));
	build(&default_machine);
	ck_assert_uint_eq(fdt_build_machine(&default_machine, other, sizeof(other)),
	                  fdt_totalsize(tree));
	ck_assert_mem_eq(tree, other, sizeof(tree));
}
END_TEST

static Suite *
fdt_build_suite(void)
{
	Suite *suite = suite_create("fdt_build");
	TCase *tests = tcase_create("fdt_build");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_fdt_build_machine_has_documented_nodes);
	tcase_add_test(tests, test_fdt_build_absent_parts_are_left_out);
	tcase_add_test(tests, test_fdt_build_scan_gives_machine_back);
	tcase_add_test(tests, test_fdt_build_largest_machine_fits);
	tcase_add_test(tests, test_fdt_build_small_buffer_gives_zero);
	tcase_add_test(tests, test_fdt_build_same_machine_gives_same_bytes);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(fdt_build_suite());
}
