// SPDX-License-Identifier: ISC
/*
 * One function a kind of node. Properties and devices that appear twice: the first counts.
 */
#include "guest/fdt_node.h"

#include "guest/fdt_bytes.h"
#include "guest/string.h"

#define ISA_IO_SPACE 1u /* first cell of an ISA address */

/* What a node is for us, by its compatible. */
enum kind { KIND_UNKNOWN, KIND_CONSOLE, KIND_TRACE, KIND_DOORBELL, KIND_UART };

struct value {
	const uint8_t *bytes; /* NULL: there is no such property */
	uint32_t size;
};

static struct value
value_of(const struct fdt_walk *walk, enum fdt_property property)
{
	const uint8_t *at;

	if ((walk->gathered >> property & 1) == 0) {
		return (struct value){ .bytes = NULL };
	}
	at = walk->properties[property];
	return (struct value){
		.bytes = at + FDT_PROPERTY_VALUE,
		.size = fdt_be32(at + FDT_PROPERTY_SIZE),
	};
}

static bool
is_available(const struct fdt_walk *walk)
{
	struct value status = value_of(walk, FDT_STATUS);

	return status.bytes == NULL || FDT_BEGINS_WITH(status.bytes, status.size, "okay") ||
	       FDT_BEGINS_WITH(status.bytes, status.size, "ok");
}

static const char *
add_range(struct boot_range *ranges, uint32_t *count, uint64_t addr, uint64_t size)
{
	if (size == 0) {
		return NULL;
	}
	if (addr + size < addr) {
		return "a range of memory wraps around";
	}
	if (*count == BOOT_RANGES_MAX) {
		return "there are more ranges of memory than the kernel has room for";
	}
	ranges[*count] = (struct boot_range){ .addr = addr, .size = size };
	++*count;
	return NULL;
}

/* A number of one or two cells. */
static uint64_t
read_cells(const uint8_t *bytes, uint32_t cells)
{
	return cells == 1 ? fdt_be32(bytes) : fdt_be64(bytes);
}

/* Appends every range of the reg property, in the cells that the parent prescribes. */
static const char *
add_reg(const struct fdt_walk *walk, struct boot_range *ranges, uint32_t *count)
{
	struct value reg = value_of(walk, FDT_REG);
	uint32_t address_cells = walk->level[-1].address_cells;
	uint32_t size_cells = walk->level[-1].size_cells;
	uint32_t address_size = 4 * address_cells;
	uint32_t entry_size = address_size + 4 * size_cells;

	if (reg.bytes == NULL) {
		return NULL;
	}
	if (address_cells - 1 > 1 || size_cells - 1 > 1) {
		return "a range of memory has neither one nor two cells";
	}
	if (reg.size % entry_size != 0) {
		return "a reg property ends inside a range of memory";
	}
	for (uint32_t at = 0; at < reg.size; at += entry_size) {
		const char *error =
			add_range(ranges, count, read_cells(reg.bytes + at, address_cells),
		                  read_cells(reg.bytes + at + address_size, size_cells));

		if (error != NULL) {
			return error;
		}
	}
	return NULL;
}

static const char *
take_memory(struct fdt_walk *walk)
{
	struct value type = value_of(walk, FDT_DEVICE_TYPE);

	if (!FDT_BEGINS_WITH(type.bytes, type.size, "memory")) {
		return NULL;
	}
	return add_reg(walk, walk->info->memory, &walk->info->memory_count);
}

static const char *
take_chosen(struct fdt_walk *walk)
{
	struct value bootargs = value_of(walk, FDT_BOOTARGS);
	const char *text = (const char *)bootargs.bytes;

	if (text != NULL && walk->info->bootargs == NULL) {
		walk->info->bootargs = text;
		walk->info->bootargs_size = (uint32_t)strnlen(text, bootargs.size);
	}
	return NULL;
}

/* The number of cells that the property says, or the specification's default. */
static const char *
take_cell_count(const struct fdt_walk *walk, enum fdt_property property, uint8_t fallback,
                uint8_t *cells)
{
	struct value value = value_of(walk, property);
	uint32_t number = fallback;

	if (value.bytes != NULL) {
		if (value.size != 4) {
			return "#address-cells or #size-cells is not one cell";
		}
		number = fdt_be32(value.bytes);
	}
	*cells = number < UINT8_MAX ? (uint8_t)number : UINT8_MAX;
	return NULL;
}

/* A node with children that matter. */
static const char *
take_parent(struct fdt_walk *walk)
{
	struct fdt_level *level = walk->level;
	const char *error = take_cell_count(walk, FDT_ADDRESS_CELLS, 2, &level->address_cells);

	if (error != NULL) {
		return error;
	}
	return take_cell_count(walk, FDT_SIZE_CELLS, 1, &level->size_cells);
}

/* False: it has neither one nor two cells. */
static bool
take_frequency(struct fdt_walk *walk, enum fdt_property property, uint64_t *hz)
{
	struct value value = value_of(walk, property);

	if (value.bytes != NULL && *hz == 0) {
		if (value.size != 4 && value.size != 8) {
			return false;
		}
		*hz = read_cells(value.bytes, value.size / 4);
	}
	return true;
}

static const char *
take_cpus(struct fdt_walk *walk)
{
	if (!take_frequency(walk, FDT_TIMEBASE, &walk->info->tsc_hz)) {
		return "timebase-frequency has neither one nor two cells";
	}
	if (!take_frequency(walk, FDT_BUS, &walk->info->bus_hz)) {
		return "bus-frequency has neither one nor two cells";
	}
	return take_parent(walk);
}

static const char *
take_cpu(struct fdt_walk *walk)
{
	const struct fdt_level *cpus = walk->level - 1;
	struct value type = value_of(walk, FDT_DEVICE_TYPE);
	struct value reg = value_of(walk, FDT_REG);
	struct boot_info *info = walk->info;
	uint64_t apic_id;

	if (!FDT_BEGINS_WITH(type.bytes, type.size, "cpu")) {
		return NULL;
	}
	if (cpus->address_cells - 1u > 1 || reg.bytes == NULL ||
	    reg.size != 4u * (cpus->address_cells + cpus->size_cells)) {
		return "a cpu's reg is not one address of one or two cells";
	}
	apic_id = read_cells(reg.bytes, cpus->address_cells);
	if (apic_id > UINT32_MAX) {
		return "an APIC id has more than 32 bits";
	}
	if (info->cpu_count == BOOT_CPUS_MAX) {
		return "there are more cpus than the kernel has room for";
	}
	info->apic_ids[info->cpu_count++] = (uint32_t)apic_id;
	return NULL;
}

/* What the first string of compatible that is known here says; it is a list, each with its NUL. */
static enum kind
find_kind(const struct fdt_walk *walk)
{
	struct value list = value_of(walk, FDT_COMPATIBLE);
	const uint8_t *at = list.bytes;
	size_t left = list.size;

	while (left != 0) { /* each turn takes a byte at least */
		size_t length;

		if (FDT_BEGINS_WITH(at, left, FDT_COMPAT_CONSOLE)) {
			return KIND_CONSOLE;
		}
		if (FDT_BEGINS_WITH(at, left, FDT_COMPAT_TRACE)) {
			return KIND_TRACE;
		}
		if (FDT_BEGINS_WITH(at, left, FDT_COMPAT_DOORBELL)) {
			return KIND_DOORBELL;
		}
		if (FDT_BEGINS_WITH(at, left, FDT_COMPAT_UART)) {
			return KIND_UART;
		}
		length = strnlen((const char *)at, left);
		if (length == left) {
			break;
		}
		at += length + 1;
		left -= length + 1;
	}
	return KIND_UNKNOWN;
}

static const char *
take_region(struct fdt_walk *walk)
{
	struct boot_info *info = walk->info;
	uint32_t first = info->reserved_count;
	const char *error = add_reg(walk, info->reserved, &info->reserved_count);
	enum kind kind;

	if (error != NULL || info->reserved_count == first) {
		return error;
	}
	kind = find_kind(walk);
	if (kind == KIND_CONSOLE && info->console.size == 0) {
		info->console = info->reserved[first];
	}
	if (kind == KIND_TRACE && info->trace.size == 0) {
		info->trace = info->reserved[first];
	}
	return NULL;
}

/* The first port of a device on the ISA bus; one that has memory there instead is none of ours. */
static const char *
take_port(const struct fdt_walk *walk, uint16_t *port)
{
	const struct fdt_level *isa = walk->level - 1;
	struct value reg = value_of(walk, FDT_REG);

	if (*port != 0) {
		return NULL;
	}
	if (isa->address_cells != 2 || isa->size_cells != 1 || reg.size < 12) {
		return "a device's reg does not follow the ISA binding";
	}
	if (fdt_be32(reg.bytes) != ISA_IO_SPACE) {
		return NULL;
	}
	if (fdt_be32(reg.bytes + 4) > UINT16_MAX) {
		return "an I/O port has more than 16 bits";
	}
	*port = (uint16_t)fdt_be32(reg.bytes + 4);
	return NULL;
}

static const char *
take_device(struct fdt_walk *walk)
{
	switch (find_kind(walk)) {
	case KIND_DOORBELL:
		return take_port(walk, &walk->info->doorbell_port);
	case KIND_UART:
		return take_port(walk, &walk->info->uart_port);
	default:
		return NULL;
	}
}

const char *
fdt_node_take(struct fdt_walk *walk)
{
	switch (walk->level->place) {
	case FDT_NOWHERE:
	case FDT_AROUND_ROOT:
		return NULL;
	case FDT_ROOT:
	case FDT_RESERVED:
	case FDT_ISA:
		return take_parent(walk);
	case FDT_CPUS:
		return take_cpus(walk);
	case FDT_CHOSEN:
		return take_chosen(walk);
	case FDT_BELOW_ROOT:
		return is_available(walk) ? take_memory(walk) : NULL;
	case FDT_CPU:
		return is_available(walk) ? take_cpu(walk) : NULL;
	case FDT_REGION:
		return is_available(walk) ? take_region(walk) : NULL;
	case FDT_DEVICE:
		return is_available(walk) ? take_device(walk) : NULL;
	}
	return NULL;
}

enum fdt_place
fdt_node_place(enum fdt_place parent, const uint8_t *name, size_t name_size)
{
	switch (parent) {
	case FDT_AROUND_ROOT:
		return FDT_ROOT;
	case FDT_CPUS:
		return FDT_CPU;
	case FDT_RESERVED:
		return FDT_REGION;
	case FDT_ISA:
		return FDT_DEVICE;
	case FDT_ROOT:
		break;
	default:
		return FDT_NOWHERE;
	}
	if (FDT_BEGINS_WITH(name, name_size, "cpus")) {
		return FDT_CPUS;
	}
	if (FDT_BEGINS_WITH(name, name_size, "chosen")) {
		return FDT_CHOSEN;
	}
	if (FDT_BEGINS_WITH(name, name_size, "reserved-memory")) {
		return FDT_RESERVED;
	}
	if (FDT_BEGINS_WITH(name, name_size, "isa")) {
		return FDT_ISA;
	}
	return FDT_BELOW_ROOT;
}

const char *
fdt_node_reserve(struct fdt_walk *walk, uint64_t addr, uint64_t size)
{
	return add_range(walk->info->reserved, &walk->info->reserved_count, addr, size);
}
