// SPDX-License-Identifier: ISC
/*
 * Writes the tree in one sequence with libfdt. The first failure sticks, so that the writing
 * functions read like the tree itself; it can only be a lack of room.
 *
 * Unit addresses follow the bindings (ISA's are "i" and the port), as dtc checks them.
 */
#include "vmm/fdt.h"

#include "vmm/uart.h"

#include "shared/boot_abi.h"
#include "shared/doorbell_abi.h"

#include <inttypes.h>
#include <libfdt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define NODE_NAME_MAX 32 /* bytes, NUL included: "doorbell@i" and 16 hexadecimal digits fit */

#define ISA_IO_SPACE  1u       /* first cell of an ISA address */
#define UART_CLOCK_HZ 1843200u /* of the PC's */

struct tree {
	void *fdt;
	int error; /* 0, or libfdt's first failure */
};

static void
keep(struct tree *tree, int error)
{
	if (tree->error == 0) {
		tree->error = error;
	}
}

static void
begin(struct tree *tree, const char *name)
{
	keep(tree, fdt_begin_node(tree->fdt, name));
}

static void
begin_at(struct tree *tree, const char *name, const char *bus, uint64_t unit)
{
	char full[NODE_NAME_MAX];

	snprintf(full, sizeof(full), "%s@%s%" PRIx64, name, bus, unit);
	begin(tree, full);
}

static void
end(struct tree *tree)
{
	keep(tree, fdt_end_node(tree->fdt));
}

static void
put_cell(struct tree *tree, const char *name, uint32_t value)
{
	keep(tree, fdt_property_u32(tree->fdt, name, value));
}

static void
put_string(struct tree *tree, const char *name, const char *value)
{
	keep(tree, fdt_property_string(tree->fdt, name, value));
}

static void
put_cell_counts(struct tree *tree, uint32_t address_cells, uint32_t size_cells)
{
	put_cell(tree, "#address-cells", address_cells);
	put_cell(tree, "#size-cells", size_cells);
}

static void
put_range(struct tree *tree, const struct fdt_range *range)
{
	fdt64_t reg[2] = { cpu_to_fdt64(range->addr), cpu_to_fdt64(range->size) };

	keep(tree, fdt_property(tree->fdt, "reg", reg, sizeof(reg)));
}

static void
put_ports(struct tree *tree, uint16_t port, uint32_t count)
{
	fdt32_t reg[3] = { cpu_to_fdt32(ISA_IO_SPACE), cpu_to_fdt32(port), cpu_to_fdt32(count) };

	keep(tree, fdt_property(tree->fdt, "reg", reg, sizeof(reg)));
}

static void
write_chosen(struct tree *tree, const struct fdt_machine *machine)
{
	char path[sizeof("/isa/") + NODE_NAME_MAX];

	begin(tree, "chosen");
	put_string(tree, "bootargs", machine->bootargs);
	if (machine->uart_port != 0) {
		snprintf(path, sizeof(path), "/isa/serial@i%x", machine->uart_port);
		put_string(tree, "stdout-path", path);
	}
	end(tree);
}

static void
write_cpus(struct tree *tree, const struct fdt_machine *machine)
{
	begin(tree, "cpus");
	put_cell_counts(tree, 1, 0);
	if (machine->tsc_hz != 0) {
		keep(tree, fdt_property_u64(tree->fdt, "timebase-frequency", machine->tsc_hz));
	}
	if (machine->bus_hz != 0) {
		keep(tree, fdt_property_u64(tree->fdt, "bus-frequency", machine->bus_hz));
	}
	for (uint32_t i = 0; i < machine->cpu_count; i++) {
		begin_at(tree, "cpu", "", i);
		put_string(tree, "device_type", "cpu");
		put_cell(tree, "reg", i);
		end(tree);
	}
	end(tree);
}

static void
write_memory(struct tree *tree, const struct fdt_range *range)
{
	if (range->size == 0) {
		return;
	}
	begin_at(tree, "memory", "", range->addr);
	put_string(tree, "device_type", "memory");
	put_range(tree, range);
	end(tree);
}

static void
write_region(struct tree *tree, const char *name, const char *compatible,
             const struct fdt_range *range)
{
	if (range->size == 0) {
		return;
	}
	begin_at(tree, name, "", range->addr);
	put_string(tree, "compatible", compatible);
	put_range(tree, range);
	end(tree);
}

static void
write_reserved_memory(struct tree *tree, const struct fdt_machine *machine)
{
	begin(tree, "reserved-memory");
	put_cell_counts(tree, 2, 2);
	keep(tree, fdt_property(tree->fdt, "ranges", "", 0));
	write_region(tree, "console", FDT_COMPAT_CONSOLE, &machine->console);
	write_region(tree, "trace", FDT_COMPAT_TRACE, &machine->trace);
	end(tree);
}

static void
write_isa(struct tree *tree, const struct fdt_machine *machine)
{
	begin(tree, "isa");
	put_string(tree, "device_type", "isa");
	put_cell_counts(tree, 2, 1);
	if (machine->uart_port != 0) {
		begin_at(tree, "serial", "i", machine->uart_port);
		put_string(tree, "compatible", FDT_COMPAT_UART);
		put_ports(tree, machine->uart_port, UART_PORTS);
		put_cell(tree, "clock-frequency", UART_CLOCK_HZ);
		end(tree);
	}
	if (machine->doorbell_port != 0) {
		begin_at(tree, "doorbell", "i", machine->doorbell_port);
		put_string(tree, "compatible", FDT_COMPAT_DOORBELL);
		put_ports(tree, machine->doorbell_port, DOORBELL_PORTS);
		end(tree);
	}
	end(tree);
}

static void
write_root(struct tree *tree, const struct fdt_machine *machine)
{
	begin(tree, "");
	put_cell_counts(tree, 2, 2);
	put_string(tree, "compatible", "overtake,machine");
	put_string(tree, "model", "Overtake virtual machine");
	write_chosen(tree, machine);
	write_cpus(tree, machine);
	for (size_t i = 0; i < sizeof(machine->memory) / sizeof(machine->memory[0]); i++) {
		write_memory(tree, &machine->memory[i]);
	}
	write_reserved_memory(tree, machine);
	write_isa(tree, machine);
	end(tree);
}

size_t
fdt_build_machine(const struct fdt_machine *machine, void *buf, size_t size)
{
	struct tree tree = { .fdt = buf };

	if (size > INT_MAX) {
		size = INT_MAX;
	}
	/* libfdt leaves padding as it was; the same machine shall give the same bytes. */
	memset(buf, 0, size);
	if (fdt_create(buf, (int)size) != 0 || fdt_finish_reservemap(buf) != 0) {
		return 0;
	}
	write_root(&tree, machine);
	keep(&tree, fdt_finish(buf));
	return tree.error == 0 ? fdt_totalsize(buf) : 0;
}
