// SPDX-License-Identifier: ISC
/*
 * What the nodes of a device tree mean to the kernel. fdt.c walks the tree, gathers the properties
 * of the node that it has begun, and has them taken here, before it goes on to the node's children.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "guest/boot_info.h"

#define FDT_DEPTH_MAX 16u /* nested nodes, the root included */

/* Offsets in a property, which begins with its token. */
#define FDT_PROPERTY_SIZE  4 /* of the value */
#define FDT_PROPERTY_NAME  8 /* offset in the strings block */
#define FDT_PROPERTY_VALUE 12

/* What a node is for us, by its place: its parent and, below the root, its name. */
enum fdt_place {
	FDT_NOWHERE,
	FDT_AROUND_ROOT,
	FDT_ROOT,
	FDT_BELOW_ROOT, /* may be memory */
	FDT_CHOSEN,
	FDT_CPUS,
	FDT_CPU,
	FDT_RESERVED,
	FDT_REGION, /* below /reserved-memory */
	FDT_ISA,
	FDT_DEVICE, /* below /isa */
};

enum fdt_property {
	FDT_ADDRESS_CELLS,
	FDT_SIZE_CELLS,
	FDT_BOOTARGS,
	FDT_BUS,
	FDT_COMPATIBLE,
	FDT_DEVICE_TYPE,
	FDT_REG,
	FDT_STATUS,
	FDT_TIMEBASE,
	FDT_OTHER,
};

struct fdt_level {
	enum fdt_place place;
	uint8_t address_cells; /* for its children's reg, where they matter; 255: as many or more */
	uint8_t size_cells;
};

struct fdt_walk {
	const uint8_t *at;  /* in the structure block: the next token, always at a whole word */
	const uint8_t *end; /* a number of whole words behind at */
	const uint8_t *strings;
	uint32_t strings_size; /* bytes */
	struct boot_info *info;

	struct fdt_level *level;                    /* of the node begun last, below its parent's */
	struct fdt_level levels[FDT_DEPTH_MAX + 1]; /* [0] stands for what is around the root */

	uint32_t gathered;                    /* bit p: the node begun last has properties[p] */
	const uint8_t *properties[FDT_OTHER]; /* each checked to lie in the structure block */
};

/* The place of a child of a node at `parent`; its name has `size` bytes with NUL and padding. */
enum fdt_place fdt_node_place(enum fdt_place parent, const uint8_t *name, size_t size);

/* Takes what the node begun last says into walk->info. Returns NULL or a sentence (fdt.h). */
const char *fdt_node_take(struct fdt_walk *walk);

/* Adds an entry of the memory reservation block to walk->info. Returns as fdt_node_take(). */
const char *fdt_node_reserve(struct fdt_walk *walk, uint64_t addr, uint64_t size);
