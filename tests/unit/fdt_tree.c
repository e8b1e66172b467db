// SPDX-License-Identifier: ISC
#include "tests/unit/fdt_tree.h"

#include "shared/boot_abi.h"

#include <check.h>
#include <libfdt.h>
#include <stdbool.h>
#include <string.h>

/* Not ck_assert: that reports each success to the runner, too often here. */
static void
require(bool condition)
{
	if (!condition) {
		ck_abort_msg("a tree outgrows its room");
	}
}

void
fdt_tree_start(struct fdt_tree *tree)
{
	*tree = (struct fdt_tree){ .version = 17 };
}

static void
put(struct fdt_tree *tree, const void *bytes, size_t size)
{
	size_t padded = (size + 3) & ~(size_t)3;

	require(tree->structure_size + padded <= sizeof(tree->structure));
	memcpy(tree->structure + tree->structure_size, bytes, size);
	tree->structure_size += padded;
}

void
fdt_tree_word(struct fdt_tree *tree, uint32_t word)
{
	fdt32_t be = cpu_to_fdt32(word);

	put(tree, &be, sizeof(be));
}

void
fdt_tree_begin(struct fdt_tree *tree, const char *name)
{
	fdt_tree_word(tree, FDT_BEGIN_NODE);
	put(tree, name, strlen(name) + 1);
}

void
fdt_tree_end(struct fdt_tree *tree)
{
	fdt_tree_word(tree, FDT_END_NODE);
}

/* The offset of a string in the strings block, where each stands once. */
static uint32_t
intern(struct fdt_tree *tree, const char *string)
{
	size_t size = strlen(string) + 1;
	size_t at = 0;

	while (at < tree->strings_size) {
		if (strcmp(tree->strings + at, string) == 0) {
			return (uint32_t)at;
		}
		at += strlen(tree->strings + at) + 1;
	}
	require(at + size <= sizeof(tree->strings));
	memcpy(tree->strings + at, string, size);
	tree->strings_size = at + size;
	return (uint32_t)at;
}

void
fdt_tree_bytes(struct fdt_tree *tree, const char *name, const void *bytes, size_t size)
{
	fdt_tree_word(tree, FDT_PROP);
	fdt_tree_word(tree, (uint32_t)size);
	fdt_tree_word(tree, intern(tree, name));
	put(tree, bytes, size);
}

void
fdt_tree_cells(struct fdt_tree *tree, const char *name, int count, ...)
{
	fdt32_t cells[64];
	va_list args;

	require(count <= 64);
	va_start(args, count);
	for (int i = 0; i < count; i++) {
		cells[i] = cpu_to_fdt32(va_arg(args, uint32_t));
	}
	va_end(args);
	fdt_tree_bytes(tree, name, cells, (size_t)count * 4);
}

void
fdt_tree_string(struct fdt_tree *tree, const char *name, const char *string)
{
	fdt_tree_bytes(tree, name, string, strlen(string) + 1);
}

void
fdt_blob_set(struct fdt_blob *blob, size_t offset, uint32_t word)
{
	fdt32_t be = cpu_to_fdt32(word);

	require(offset + sizeof(be) <= sizeof(blob->bytes));
	memcpy(blob->bytes + offset, &be, sizeof(be));
}

static void
set_header(struct fdt_blob *blob, const uint32_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		fdt_blob_set(blob, 4 * i, words[i]);
	}
}

void
fdt_tree_assemble(const struct fdt_tree *tree, struct fdt_blob *blob)
{
	uint32_t reservations = 40;
	uint32_t structure = reservations + 16 * (tree->reservation_count + 1);
	uint32_t strings = structure + (uint32_t)tree->structure_size;
	uint32_t total = strings + (uint32_t)tree->strings_size;
	const uint32_t header[] = { FDT_MAGIC,
		                    total,
		                    structure,
		                    strings,
		                    reservations,
		                    tree->version,
		                    16,
		                    0,
		                    (uint32_t)tree->strings_size,
		                    (uint32_t)tree->structure_size };

	require(total <= sizeof(blob->bytes));
	memset(blob, 0, sizeof(*blob));
	set_header(blob, header, sizeof(header) / sizeof(header[0]));
	for (uint32_t i = 0; i < tree->reservation_count; i++) {
		fdt64_t entry[2] = { cpu_to_fdt64(tree->reservations[i][0]),
			             cpu_to_fdt64(tree->reservations[i][1]) };

		memcpy(blob->bytes + reservations + 16 * i, entry, sizeof(entry));
	}
	memcpy(blob->bytes + structure, tree->structure, tree->structure_size);
	memcpy(blob->bytes + strings, tree->strings, tree->strings_size);
	blob->size = total;
}

void
fdt_tree_begin_root(struct fdt_tree *tree)
{
	fdt_tree_start(tree);
	fdt_tree_begin(tree, "");
	fdt_tree_cells(tree, "#address-cells", 1, 2);
	fdt_tree_cells(tree, "#size-cells", 1, 2);
}

void
fdt_tree_finish(struct fdt_tree *tree, struct fdt_blob *blob)
{
	fdt_tree_end(tree);
	fdt_tree_word(tree, FDT_END);
	fdt_tree_assemble(tree, blob);
}

void
fdt_tree_begin_cpus(struct fdt_tree *tree)
{
	fdt_tree_begin(tree, "cpus");
	fdt_tree_cells(tree, "#address-cells", 1, 1);
	fdt_tree_cells(tree, "#size-cells", 1, 0);
}

void
fdt_tree_cpu(struct fdt_tree *tree, uint32_t id)
{
	fdt_tree_begin(tree, "cpu");
	fdt_tree_string(tree, "device_type", "cpu");
	fdt_tree_cells(tree, "reg", 1, id);
	fdt_tree_end(tree);
}

void
fdt_tree_begin_reserved(struct fdt_tree *tree)
{
	fdt_tree_begin(tree, "reserved-memory");
	fdt_tree_cells(tree, "#address-cells", 1, 2);
	fdt_tree_cells(tree, "#size-cells", 1, 2);
}

void
fdt_tree_begin_isa(struct fdt_tree *tree)
{
	fdt_tree_begin(tree, "isa");
	fdt_tree_cells(tree, "#address-cells", 1, 2);
	fdt_tree_cells(tree, "#size-cells", 1, 1);
}

void
fdt_tree_device(struct fdt_tree *tree, const char *compatible, uint32_t space, uint32_t port)
{
	fdt_tree_begin(tree, "device");
	fdt_tree_cells(tree, "reg", 3, space, port, 8);
	fdt_tree_string(tree, "compatible", compatible);
	fdt_tree_end(tree);
}

void
fdt_tree_memory(struct fdt_tree *tree, uint32_t addr, uint32_t size)
{
	fdt_tree_begin(tree, "memory");
	fdt_tree_cells(tree, "reg", 4, 0, addr, 0, size);
	fdt_tree_string(tree, "device_type", "memory");
	fdt_tree_end(tree);
}

void
fdt_tree_everything(struct fdt_tree *tree, struct fdt_blob *blob)
{
	fdt_tree_begin_root(tree);
	tree->reservations[0][0] = 0x9f000;
	tree->reservations[0][1] = 0x1000;
	tree->reservation_count = 1;
	fdt_tree_begin(tree, "chosen");
	fdt_tree_string(tree, "bootargs", "hz=250");
	fdt_tree_end(tree);
	fdt_tree_begin_cpus(tree);
	fdt_tree_cells(tree, "timebase-frequency", 2, 1, 2);
	fdt_tree_cells(tree, "bus-frequency", 1, 1000000000);
	fdt_tree_cpu(tree, 3);
	fdt_tree_cpu(tree, 0xffffffff);
	fdt_tree_end(tree);
	fdt_tree_memory(tree, 0x100000, 0x200000);
	fdt_tree_begin_reserved(tree);
	fdt_tree_begin(tree, "a");
	fdt_tree_cells(tree, "reg", 4, 0, 0x110000, 0, 0x2000);
	fdt_tree_bytes(tree, "compatible", "x\0" FDT_COMPAT_CONSOLE,
	               2 + sizeof(FDT_COMPAT_CONSOLE));
	fdt_tree_end(tree);
	fdt_tree_begin(tree, "b");
	fdt_tree_bytes(tree, "compatible", FDT_COMPAT_TRACE "\0y", sizeof(FDT_COMPAT_TRACE) + 2);
	fdt_tree_cells(tree, "reg", 8, 0, 0x120000, 0, 0x1000, 1, 0, 2, 0);
	fdt_tree_end(tree);
	fdt_tree_end(tree);
	fdt_tree_begin_isa(tree);
	fdt_tree_device(tree, FDT_COMPAT_UART, 1, 0x2f8);
	fdt_tree_device(tree, FDT_COMPAT_DOORBELL, 1, 0xd00);
	fdt_tree_end(tree);
	fdt_tree_finish(tree, blob);
}
