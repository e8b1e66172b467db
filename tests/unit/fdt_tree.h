// SPDX-License-Identifier: ISC
/*
 * A device-tree assembler for tests: it writes what it is told, well-formed or not, which libfdt's
 * writing functions refuse to do.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#define FDT_TREE_MAX 16384u /* bytes of a blob */

struct fdt_tree {
	size_t structure_size;
	size_t strings_size;
	uint32_t reservation_count;
	uint32_t version;
	uint64_t reservations[16][2]; /* address, size; the terminator is added */
	uint8_t structure[8192];
	char strings[1024];
};

struct fdt_blob {
	size_t size;
	uint8_t bytes[FDT_TREE_MAX] __attribute__((aligned(8)));
};

void fdt_tree_start(struct fdt_tree *tree);

/* One big-endian word of the structure block: a token, or nonsense. */
void fdt_tree_word(struct fdt_tree *tree, uint32_t word);

void fdt_tree_begin(struct fdt_tree *tree, const char *name);
void fdt_tree_end(struct fdt_tree *tree);

/* Properties: of any bytes, of `count` 32-bit arguments, of one string. */
void fdt_tree_bytes(struct fdt_tree *tree, const char *name, const void *bytes, size_t size);
void fdt_tree_cells(struct fdt_tree *tree, const char *name, int count, ...);
void fdt_tree_string(struct fdt_tree *tree, const char *name, const char *string);

/* Header, reservations, structure, strings. The word FDT_END is the caller's to write. */
void fdt_tree_assemble(const struct fdt_tree *tree, struct fdt_blob *blob);

/* Replaces the big-endian word at a multiple of 4 in the blob. */
void fdt_blob_set(struct fdt_blob *blob, size_t offset, uint32_t word);

/* Nodes that the scanner knows; those named begin are left open. The root's cells are 2 and 2. */
void fdt_tree_begin_root(struct fdt_tree *tree);
void fdt_tree_begin_cpus(struct fdt_tree *tree);
void fdt_tree_cpu(struct fdt_tree *tree, uint32_t id);
void fdt_tree_memory(struct fdt_tree *tree, uint32_t addr, uint32_t size);
void fdt_tree_begin_reserved(struct fdt_tree *tree);
void fdt_tree_begin_isa(struct fdt_tree *tree);
void fdt_tree_device(struct fdt_tree *tree, const char *compatible, uint32_t space, uint32_t port);

/* Ends the root and the structure block, and assembles. */
void fdt_tree_finish(struct fdt_tree *tree, struct fdt_blob *blob);

/* A finished tree with all that the scanner knows, in an order that decides late. */
void fdt_tree_everything(struct fdt_tree *tree, struct fdt_blob *blob);
