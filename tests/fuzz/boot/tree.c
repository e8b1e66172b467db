// SPDX-License-Identifier: ISC
/*
 * Device trees: any bytes; trees that are assembled as the input says, well-formed or nearly; and
 * the VMM's own. libfdt reads them beside the scanner.
 */
#include <libfdt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/fdt.h"
#include "tests/fuzz/boot/readers.h"
#include "tests/fuzz/target.h"
#include "tests/unit/fdt_oracle.h"
#include "tests/unit/fdt_tree.h"
#include "vmm/fdt.h"

#define GROWTH_MAX 80u /* nodes and properties: what fdt_tree has room for */

/* ---- any bytes ---- */

static const char *
run_tree(const uint8_t *data, size_t size)
{
	enum fdt_verdict verdict;
	const char *finding = fdt_oracle_judge(data, size, &verdict);

	fuzz_feature(verdict);
	return finding;
}

static void
tell_info(const struct boot_info *info, void (*print)(const char *line))
{
	char line[100];

	snprintf(line, sizeof(line), "bootargs '%.60s', tsc %lu Hz, bus %lu Hz, ports %#x %#x",
	         info->bootargs != NULL ? info->bootargs : "", (unsigned long)info->tsc_hz,
	         (unsigned long)info->bus_hz, info->doorbell_port, info->uart_port);
	print(line);
	for (uint32_t i = 0; i < info->cpu_count; i++) {
		snprintf(line, sizeof(line), "cpu %u: APIC %u", i, info->apic_ids[i]);
		print(line);
	}
	for (uint32_t i = 0; i < info->memory_count + info->reserved_count; i++) {
		bool is_memory = i < info->memory_count;
		const struct boot_range *range =
			is_memory ? &info->memory[i] : &info->reserved[i - info->memory_count];

		snprintf(line, sizeof(line), "%s %#lx, %#lx bytes",
		         is_memory ? "memory" : "reserved", (unsigned long)range->addr,
		         (unsigned long)range->size);
		print(line);
	}
}

static void
tell_tree(const uint8_t *data, size_t size, void (*print)(const char *line))
{
	struct boot_info info;
	void *copy;
	const char *error = fdt_oracle_scan(data, size, &info, &copy);

	print(error != NULL ? error : "a tree");
	if (error == NULL) {
		tell_info(&info, print);
	}
	free(copy);
}

const struct boot_part boot_tree = { run_tree, tell_tree };

/* ---- assembled trees ---- */

static const char *const nodes[] = { "",         "cpus",   "cpu@0",
	                             "memory@0", "chosen", "reserved-memory",
	                             "isa",      "device", "region",
	                             "cpusx",    "isa@0",  "reserved-memor" };

static const char *const properties[] = {
	"#address-cells",
	"#size-cells",
	"reg",
	"compatible",
	"device_type",
	"bootargs",
	"status",
	"ranges",
	"timebase-frequency",
	"bus-frequency",
	"regx",
	"statu",
	"boot",
	"#size-cellsx",
	"compatibl",
	"",
};

static const char *const strings[] = {
	"cpu",
	"memory",
	"okay",
	"ok",
	"disabled",
	FDT_COMPAT_CONSOLE,
	"hz=10",
	"",
	"okayx",
	FDT_COMPAT_TRACE,
	FDT_COMPAT_DOORBELL,
	FDT_COMPAT_UART,
};

static const uint32_t cells[] = { 0,      1,       2,          3,         4,    0x3f8,
	                          0x1000, 0xffff,  0x10000,    0x100000,  0xff, 0x100,
	                          0xd00,  1000000, 0x80000000, 0xffffffff };

static const uint32_t tokens[] = { FDT_NOP, FDT_NOP, FDT_END, FDT_BEGIN_NODE, FDT_PROP, 0 };

#define PICK(table, n) ((table)[(n) % (sizeof(table) / sizeof((table)[0]))])

struct growth {
	const uint8_t *data;
	size_t left;
	struct fdt_tree tree;
	struct fdt_blob blob;
	unsigned int depth;
};

static uint8_t
next(struct growth *growth)
{
	if (growth->left == 0) {
		return 0;
	}
	growth->left--;
	return *growth->data++;
}

static void
grow_property(struct growth *growth, unsigned int kind)
{
	const char *name = PICK(properties, next(growth));
	uint32_t some[4] = { 0 };
	char text[32] = { 0 };
	uint8_t size = next(growth);

	switch (kind) {
	case 0:
		for (size_t i = 0; i < 1 + size % 4u; i++) {
			some[i] = PICK(cells, next(growth));
		}
		fdt_tree_cells(&growth->tree, name, 1 + size % 4, some[0], some[1], some[2],
		               some[3]);
		break;
	case 1:
		fdt_tree_string(&growth->tree, name, PICK(strings, size));
		break;
	case 2: /* a list of two, perhaps without its last NUL */
		snprintf(text, sizeof(text), "%.15s", PICK(strings, next(growth)));
		snprintf(text + strlen(text) + 1, 16, "%.15s", PICK(strings, next(growth)));
		fdt_tree_bytes(&growth->tree, name, text, size % sizeof(text));
		break;
	default:
		for (size_t i = 0; i < size % sizeof(text); i++) {
			text[i] = (char)next(growth);
		}
		fdt_tree_bytes(&growth->tree, name, text, size % sizeof(text));
		break;
	}
}

static void
grow_reservation(struct growth *growth)
{
	struct fdt_tree *tree = &growth->tree;

	if (tree->reservation_count < 12) {
		tree->reservations[tree->reservation_count][0] = PICK(cells, next(growth));
		tree->reservations[tree->reservation_count++][1] = PICK(cells, next(growth));
	}
}

static void
grow_once(struct growth *growth)
{
	uint8_t what = next(growth);

	switch (what % 8) {
	case 0:
		fdt_tree_begin(&growth->tree, PICK(nodes, what / 8));
		growth->depth++;
		break;
	case 1:
		if (growth->depth > 1) { /* the root ends last */
			fdt_tree_end(&growth->tree);
			growth->depth--;
		}
		break;
	case 2:
		if (what / 8 < 4) {
			fdt_tree_word(&growth->tree, PICK(tokens, what / 8));
		}
		break;
	case 3:
		grow_reservation(growth);
		break;
	default:
		grow_property(growth, what % 8 - 4);
		break;
	}
}

static void
grow(struct growth *growth, const uint8_t *data, size_t size)
{
	uint8_t first;

	growth->data = data;
	growth->left = size;
	growth->depth = 1;
	first = next(growth);
	fdt_tree_start(&growth->tree);
	growth->tree.version = first % 4 == 3 ? 16 : 17;
	fdt_tree_begin(&growth->tree, "");
	for (unsigned int i = 0; growth->left != 0 && i < GROWTH_MAX; i++) {
		grow_once(growth);
	}
	while (growth->depth-- > 1) {
		fdt_tree_end(&growth->tree);
	}
	fdt_tree_finish(&growth->tree, &growth->blob);
}

static const char *
run_grown(const uint8_t *data, size_t size)
{
	static struct growth growth;

	grow(&growth, data, size);
	return run_tree(growth.blob.bytes, growth.blob.size);
}

static void
tell_grown(const uint8_t *data, size_t size, void (*print)(const char *line))
{
	static struct growth growth;

	grow(&growth, data, size);
	tell_tree(growth.blob.bytes, growth.blob.size, print);
}

const struct boot_part boot_grown = { run_grown, tell_grown };

/* ---- the VMM's ---- */

struct __attribute__((packed)) machine_bytes {
	uint8_t cpus;
	uint8_t room; /* 0: enough, else so many bytes times 16 */
	uint16_t doorbell_port;
	uint16_t uart_port;
	uint64_t tsc_hz;
	uint64_t bus_hz;
	uint64_t ranges[4][2];
};

static size_t
build(const uint8_t *data, size_t size, struct fdt_machine *machine, void *buf)
{
	static char bootargs[2048];
	struct machine_bytes bytes = { 0 };
	size_t used = size < sizeof(bytes) ? size : sizeof(bytes);
	size_t left = size - used < sizeof(bootargs) ? size - used : sizeof(bootargs) - 1;
	struct fdt_range *ranges[] = { &machine->memory[0], &machine->memory[1], &machine->console,
		                       &machine->trace };

	memcpy(&bytes, data, used);
	memcpy(bootargs, data + used, left);
	bootargs[left] = '\0';
	*machine = (struct fdt_machine){
		.bootargs = bootargs,
		.cpu_count = 1 + bytes.cpus % BOOT_CPUS_MAX,
		.tsc_hz = bytes.tsc_hz,
		.bus_hz = bytes.bus_hz,
		.doorbell_port = bytes.doorbell_port,
		.uart_port = bytes.uart_port,
	};
	for (size_t i = 0; i < 4; i++) {
		ranges[i]->addr = bytes.ranges[i][0];
		ranges[i]->size = bytes.ranges[i][1];
	}
	return fdt_build_machine(machine, buf, bytes.room == 0 ? FDT_SIZE_MAX : bytes.room * 16u);
}

static bool
is_range(const struct boot_range *seen, const struct fdt_range *built)
{
	return seen->addr == built->addr && seen->size == built->size;
}

/* Those of two that are there, in their order. */
static bool
are_ranges(const struct boot_range *seen, uint32_t count, const struct fdt_range *first,
           const struct fdt_range *second)
{
	uint32_t at = 0;

	if (first->size != 0 && (at == count || !is_range(&seen[at++], first))) {
		return false;
	}
	if (second->size != 0 && (at == count || !is_range(&seen[at++], second))) {
		return false;
	}
	return at == count;
}

static bool
wraps(const struct fdt_range *range)
{
	return range->size != 0 && range->addr + range->size < range->addr;
}

static const char *
compare(const struct fdt_machine *machine, const struct boot_info *info)
{
	if (info->bootargs_size != strlen(machine->bootargs) ||
	    memcmp(info->bootargs, machine->bootargs, info->bootargs_size) != 0) {
		return "the guest reads other boot arguments than the VMM has written";
	}
	for (uint32_t i = 0; i < machine->cpu_count; i++) {
		if (info->cpu_count != machine->cpu_count || info->apic_ids[i] != i) {
			return "the guest reads other cpus than the VMM has written";
		}
	}
	if (info->tsc_hz != machine->tsc_hz || info->bus_hz != machine->bus_hz ||
	    info->doorbell_port != machine->doorbell_port ||
	    info->uart_port != machine->uart_port) {
		return "the guest reads other clocks or ports than the VMM has written";
	}
	if (!are_ranges(info->memory, info->memory_count, &machine->memory[0],
	                &machine->memory[1]) ||
	    !are_ranges(info->reserved, info->reserved_count, &machine->console, &machine->trace)) {
		return "the guest reads other memory than the VMM has written";
	}
	if ((machine->console.size != 0 && !is_range(&info->console, &machine->console)) ||
	    (machine->trace.size != 0 && !is_range(&info->trace, &machine->trace))) {
		return "the guest reads other regions than the VMM has written";
	}
	return NULL;
}

static const char *
run_machine(const uint8_t *data, size_t size)
{
	static uint8_t tree[FDT_SIZE_MAX] __attribute__((aligned(8)));
	struct fdt_machine machine;
	struct boot_info info;
	size_t tree_size = build(data, size, &machine, tree);
	bool is_whole = size < 2 || data[1] == 0;
	const char *complaint;

	if (tree_size == 0) {
		return is_whole ? "the VMM's tree has no room" : NULL;
	}
	if (fdt_check_full(tree, tree_size) != 0) {
		return "the VMM writes a tree that libfdt does not take";
	}
	complaint = fdt_scan(tree, tree_size, &info);
	if (wraps(&machine.memory[0]) || wraps(&machine.memory[1]) || wraps(&machine.console) ||
	    wraps(&machine.trace)) {
		return complaint == NULL ? "a range that wraps is taken" : NULL;
	}
	return complaint != NULL ? "the guest refuses the VMM's tree" : compare(&machine, &info);
}

static void
tell_machine(const uint8_t *data, size_t size, void (*print)(const char *line))
{
	static uint8_t tree[FDT_SIZE_MAX] __attribute__((aligned(8)));
	struct fdt_machine machine;

	tell_tree(tree, build(data, size, &machine, tree), print);
}

const struct boot_part boot_machine = { run_machine, tell_machine };
