// SPDX-License-Identifier: ISC
#include "tests/unit/fdt_oracle.h"

#include "guest/fdt.h"

#include <check.h>
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

struct property {
	const uint8_t *bytes; /* NULL: absent */
	size_t size;
};

static struct property
property_of(const void *fdt, int node, const char *name)
{
	int size = 0;
	const void *bytes = fdt_getprop(fdt, node, name, &size);

	return (struct property){ .bytes = bytes, .size = bytes == NULL ? 0 : (size_t)size };
}

/* The property's first string, whatever follows it. */
static bool
is_string(struct property property, const char *string)
{
	return property.bytes != NULL &&
	       strnlen((const char *)property.bytes, property.size) < property.size &&
	       strcmp((const char *)property.bytes, string) == 0;
}

static bool
is_available(const void *fdt, int node)
{
	struct property status = property_of(fdt, node, "status");

	return status.bytes == NULL || is_string(status, "okay") || is_string(status, "ok");
}

/* The first string of compatible that is one of ours, or NULL. */
static const char *
compatible_of(const void *fdt, int node)
{
	static const char *const ours[] = { FDT_COMPAT_CONSOLE, FDT_COMPAT_TRACE,
		                            FDT_COMPAT_DOORBELL, FDT_COMPAT_UART };
	const char *string;

	for (int i = 0; (string = fdt_stringlist_get(fdt, node, "compatible", i, NULL)) != NULL;
	     i++) {
		for (size_t j = 0; j < sizeof(ours) / sizeof(ours[0]); j++) {
			if (strcmp(string, ours[j]) == 0) {
				return ours[j];
			}
		}
	}
	return NULL;
}

/* Returns -1 if the property is not one cell. */
static int64_t
cells_of(const void *fdt, int node, const char *name, uint32_t fallback)
{
	struct property property = property_of(fdt, node, name);

	if (property.bytes == NULL) {
		return fallback;
	}
	return property.size == 4 ? (int64_t)fdt32_ld((const fdt32_t *)property.bytes) : -1;
}

static uint64_t
number(const uint8_t *bytes, int64_t cells)
{
	uint64_t value = 0;

	for (int64_t i = 0; i < 4 * cells; i++) {
		value = value << 8 | bytes[i];
	}
	return value;
}

static const char *
append(struct boot_range *ranges, uint32_t *count, uint64_t addr, uint64_t size)
{
	if (size == 0) {
		return NULL;
	}
	if ((unsigned __int128)addr + size > UINT64_MAX) {
		return "wraps";
	}
	if (*count >= BOOT_RANGES_MAX) {
		return "too many ranges";
	}
	ranges[(*count)++] = (struct boot_range){ addr, size };
	return NULL;
}

struct bus {
	int64_t address_cells;
	int64_t size_cells;
};

static const char *
bus_of(const void *fdt, int node, struct bus *bus)
{
	bus->address_cells = cells_of(fdt, node, "#address-cells", 2);
	bus->size_cells = cells_of(fdt, node, "#size-cells", 1);
	return bus->address_cells < 0 || bus->size_cells < 0 ? "cells" : NULL;
}

static const char *
append_reg(const void *fdt, int node, const struct bus *bus, struct boot_range *ranges,
           uint32_t *count)
{
	struct property reg = property_of(fdt, node, "reg");
	size_t entry = (size_t)(4 * (bus->address_cells + bus->size_cells));
	const char *error = NULL;

	if (reg.bytes == NULL) {
		return NULL;
	}
	if (bus->address_cells < 1 || bus->address_cells > 2 || bus->size_cells < 1 ||
	    bus->size_cells > 2 || reg.size % entry != 0) {
		return "reg";
	}
	for (size_t at = 0; error == NULL && at < reg.size; at += entry) {
		error = append(ranges, count, number(reg.bytes + at, bus->address_cells),
		               number(reg.bytes + at + 4 * bus->address_cells, bus->size_cells));
	}
	return error;
}

static void
read_chosen(const void *fdt, int node, struct boot_info *info)
{
	struct property bootargs = property_of(fdt, node, "bootargs");

	if (bootargs.bytes != NULL && info->bootargs == NULL) {
		info->bootargs = (const char *)bootargs.bytes;
		info->bootargs_size = (uint32_t)strnlen(info->bootargs, bootargs.size);
	}
}

static const char *
read_cpu(const void *fdt, int node, const struct bus *bus, struct boot_info *info)
{
	struct property reg = property_of(fdt, node, "reg");
	uint64_t id;

	if (!is_string(property_of(fdt, node, "device_type"), "cpu") || !is_available(fdt, node)) {
		return NULL;
	}
	if (bus->address_cells < 1 || bus->address_cells > 2 || reg.bytes == NULL ||
	    reg.size != (size_t)(4 * (bus->address_cells + bus->size_cells))) {
		return "cpu's reg";
	}
	id = number(reg.bytes, bus->address_cells);
	if (id > UINT32_MAX || info->cpu_count >= BOOT_CPUS_MAX) {
		return "cpu";
	}
	info->apic_ids[info->cpu_count++] = (uint32_t)id;
	return NULL;
}

static bool
read_frequency(const void *fdt, int node, const char *name, uint64_t *hz)
{
	struct property property = property_of(fdt, node, name);

	if (property.bytes != NULL && *hz == 0) {
		if (property.size != 4 && property.size != 8) {
			return false;
		}
		*hz = number(property.bytes, (int64_t)property.size / 4);
	}
	return true;
}

static const char *
read_cpus(const void *fdt, int node, struct boot_info *info)
{
	struct bus bus;
	const char *error = bus_of(fdt, node, &bus);
	int child;

	if (!read_frequency(fdt, node, "timebase-frequency", &info->tsc_hz) ||
	    !read_frequency(fdt, node, "bus-frequency", &info->bus_hz)) {
		return "a frequency";
	}
	fdt_for_each_subnode(child, fdt, node)
	{
		if (error == NULL) {
			error = read_cpu(fdt, child, &bus, info);
		}
	}
	return error;
}

static const char *
read_region(const void *fdt, int node, const struct bus *bus, struct boot_info *info)
{
	const char *compatible = compatible_of(fdt, node);
	uint32_t first = info->reserved_count;
	const char *error;

	if (!is_available(fdt, node)) {
		return NULL;
	}
	error = append_reg(fdt, node, bus, info->reserved, &info->reserved_count);
	if (error != NULL || compatible == NULL || info->reserved_count == first) {
		return error;
	}
	if (strcmp(compatible, FDT_COMPAT_CONSOLE) == 0 && info->console.size == 0) {
		info->console = info->reserved[first];
	}
	if (strcmp(compatible, FDT_COMPAT_TRACE) == 0 && info->trace.size == 0) {
		info->trace = info->reserved[first];
	}
	return NULL;
}

static const char *
read_device(const void *fdt, int node, const struct bus *bus, struct boot_info *info)
{
	const char *compatible = compatible_of(fdt, node);
	struct property reg = property_of(fdt, node, "reg");
	uint16_t *port = NULL;

	if (compatible != NULL && strcmp(compatible, FDT_COMPAT_UART) == 0) {
		port = &info->uart_port;
	}
	if (compatible != NULL && strcmp(compatible, FDT_COMPAT_DOORBELL) == 0) {
		port = &info->doorbell_port;
	}
	if (port == NULL || *port != 0 || !is_available(fdt, node)) {
		return NULL;
	}
	if (bus->address_cells != 2 || bus->size_cells != 1 || reg.bytes == NULL || reg.size < 12) {
		return "device's reg";
	}
	if (number(reg.bytes, 1) == 1) {
		if (number(reg.bytes + 4, 1) > UINT16_MAX) {
			return "port";
		}
		*port = (uint16_t)number(reg.bytes + 4, 1);
	}
	return NULL;
}

typedef const char *reader(const void *fdt, int node, const struct bus *bus,
                           struct boot_info *info);

static const char *
read_children(const void *fdt, int node, reader *read, struct boot_info *info)
{
	struct bus bus;
	const char *error = bus_of(fdt, node, &bus);
	int child;

	fdt_for_each_subnode(child, fdt, node)
	{
		if (error == NULL) {
			error = read(fdt, child, &bus, info);
		}
	}
	return error;
}

static const char *
read_below_root(const void *fdt, int node, const struct bus *bus, struct boot_info *info)
{
	const char *name = fdt_get_name(fdt, node, NULL);

	if (strcmp(name, "chosen") == 0) {
		read_chosen(fdt, node, info);
		return NULL;
	}
	if (strcmp(name, "cpus") == 0) {
		return read_cpus(fdt, node, info);
	}
	if (strcmp(name, "reserved-memory") == 0) {
		return read_children(fdt, node, read_region, info);
	}
	if (strcmp(name, "isa") == 0) {
		return read_children(fdt, node, read_device, info);
	}
	if (is_string(property_of(fdt, node, "device_type"), "memory") && is_available(fdt, node)) {
		return append_reg(fdt, node, bus, info->memory, &info->memory_count);
	}
	return NULL;
}

const char *
fdt_oracle_read(const void *fdt, struct boot_info *info)
{
	const char *error = NULL;
	int reservations = fdt_num_mem_rsv(fdt);

	*info = (struct boot_info){ 0 };
	for (int i = 0; error == NULL && i < reservations; i++) {
		uint64_t addr = 0;
		uint64_t size = 0;

		fdt_get_mem_rsv(fdt, i, &addr, &size);
		error = append(info->reserved, &info->reserved_count, addr, size);
	}
	if (error == NULL) {
		error = read_children(fdt, 0, read_below_root, info);
	}
	return error;
}

const char *
fdt_oracle_scan(const void *bytes, size_t size, struct boot_info *info, void **copy)
{
	*copy = malloc(size + (size == 0));
	memcpy(*copy, bytes, size);
	memset(info, 0xa5, sizeof(*info));
	return fdt_scan(*copy, size, info);
}

const char *
fdt_oracle_sentence(const struct fdt_blob *blob, struct boot_info *info)
{
	void *copy;
	const char *error = fdt_oracle_scan(blob->bytes, blob->size, info, &copy);

	free(copy);
	return error;
}

/*
 * Where the scanner may be stricter than fdt_check_full() and libfdt's reading: the format, never
 * the contents.
 */
static bool
is_strictness(const void *fdt, const char *error)
{
	static const char *const sentences[] = {
		"its version is not one that the kernel reads",
		"its strings block does not end with a NUL",
		"its structure block is misplaced",
		"its structure block does not begin with a node",
		"its structure block ends inside a node", /* a last word that is not whole */
		"its memory reservation block is misplaced",
		"its nodes are nested too deeply",
		"a property is cut off, or follows a subnode",
		"something else than the end follows its root node",
		"a node's name has no end", /* ... or no padding */
		"a property's value is cut off",
	};

	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++) {
		if (strcmp(error, sentences[i]) == 0) {
			return true;
		}
	}
	/* libfdt looks at the size of the strings block from version 17 on. */
	return fdt_version(fdt) < 17 &&
	       strcmp(error, "a property's name lies outside the strings block") == 0;
}

/* Where the two differ, or NULL. */
static const char *
difference(const struct boot_info *a, const struct boot_info *b)
{
#define SAME(field)                                                \
	if (memcmp(&a->field, &b->field, sizeof(a->field)) != 0) { \
		return #field " differs from libfdt's";            \
	}
	SAME(bootargs);
	SAME(bootargs_size);
	SAME(cpu_count);
	SAME(apic_ids);
	SAME(tsc_hz);
	SAME(bus_hz);
	SAME(memory_count);
	SAME(memory);
	SAME(reserved_count);
	SAME(reserved);
	SAME(console);
	SAME(trace);
	SAME(doorbell_port);
	SAME(uart_port);
#undef SAME
	return NULL;
}

/* Is there what looks like a property with a value that is larger than all of the tree? */
static bool
has_endless_value(const uint8_t *tree, size_t size)
{
	for (size_t at = 0; at + 8 <= size; at++) {
		if (fdt32_ld((const fdt32_t *)(tree + at)) == FDT_PROP &&
		    fdt32_ld((const fdt32_t *)(tree + at + 4)) > size) {
			return true;
		}
	}
	return false;
}

/*
 * What libfdt 1.6 falls over, or goes around in for ever, it is not asked: the properties of trees
 * older than version 16, and values whose ends wrap around. The scanner takes neither.
 */
static int
check_full(const void *tree, size_t size, const char *error)
{
	if (error != NULL && size >= sizeof(struct fdt_header) && fdt_version(tree) < 16) {
		return -FDT_ERR_BADVERSION;
	}
	if (error != NULL && has_endless_value(tree, size)) {
		return -FDT_ERR_BADSTRUCTURE;
	}
	return fdt_check_full(tree, size);
}

const char *
fdt_oracle_judge(const void *bytes, size_t size, enum fdt_verdict *verdict)
{
	struct boot_info info;
	struct boot_info expected;
	const char *finding = NULL;
	void *copy;
	const char *error = fdt_oracle_scan(bytes, size, &info, &copy);
	int full = check_full(copy, size, error);

	*verdict = FDT_BOTH_REFUSE;
	if (error == NULL) {
		const char *objection = NULL;

		*verdict = FDT_BOTH_ACCEPT;
		finding = full != 0 ? "accepted, but fdt_check_full() is against it" : NULL;
		if (finding == NULL) {
			objection = fdt_oracle_read(copy, &expected);
			finding = objection != NULL ? "accepted, but libfdt objects" : NULL;
		}
		if (finding == NULL) {
			finding = difference(&info, &expected);
		}
	} else if (full == 0 && fdt_oracle_read(copy, &expected) == NULL) {
		*verdict = FDT_SCANNER_STRICTER;
		finding = is_strictness(copy, error) ? NULL
		                                     : "libfdt accepts what the scanner refuses";
	}
	free(copy);
	return finding;
}

enum fdt_verdict
fdt_oracle_compare(const void *bytes, size_t size, const char *what, uint64_t seed)
{
	enum fdt_verdict verdict;
	const char *finding = fdt_oracle_judge(bytes, size, &verdict);

	if (finding != NULL) {
		ck_abort_msg("%s %ju: %s", what, (uintmax_t)seed, finding);
	}
	return verdict;
}
