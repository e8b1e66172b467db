// SPDX-License-Identifier: ISC
/*
 * The format: header, blocks, tokens, names. What a node says is taken in fdt_node.c once all of
 * its properties are gathered, because what reg means is known only from device_type or compatible,
 * which may follow it. A node's place (its parent and, below the root, its name) says beforehand
 * whether its properties are worth a look.
 *
 * Cheapness is a feature: where the kernel is interpreted, a thousand instructions are a
 * millisecond. So names are compared as words, and nodes without a meaning here are only skipped.
 */
#include "guest/fdt.h"

#include "guest/fdt_bytes.h"
#include "guest/fdt_node.h"

#define HEADER_SIZE   40u /* bytes, of version 17: no tree has blocks below it */
#define VERSION_READ  17u
#define VERSION_FIRST 16u /* the first with this structure block; it has no size_dt_struct */

/* Offsets of header fields, 4 bytes each, big-endian as everything in the tree. */
#define HEADER_MAGIC        0u
#define HEADER_TOTAL_SIZE   4u
#define HEADER_STRUCT       8u
#define HEADER_STRINGS      12u
#define HEADER_RESERVATIONS 16u
#define HEADER_VERSION      20u
#define HEADER_COMPATIBLE   24u
#define HEADER_STRINGS_SIZE 32u
#define HEADER_STRUCT_SIZE  36u

#define TOKEN_BEGIN_NODE 1u
#define TOKEN_END_NODE   2u
#define TOKEN_PROPERTY   3u
#define TOKEN_NOP        4u
#define TOKEN_END        9u

#define WORD(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

/*
 * Moves behind the NUL-terminated, padded name at walk->at. Returns its bytes with NUL and padding,
 * or 0 if it does not end. Four bytes at a time: a zero among them borrows into its top bit.
 */
static size_t
skip_name(struct fdt_walk *walk)
{
	const uint8_t *at = walk->at;

	while (at != walk->end) { /* each turn takes four bytes */
		uint32_t word = fdt_load32(at);

		at += 4;
		if (((word - 0x01010101u) & ~word & 0x80808080u) != 0) {
			size_t size = (size_t)(at - walk->at);

			walk->at = at;
			return size;
		}
	}
	return 0;
}

/*
 * Properties that matter, by their first four letters (NUL included, all have so many); the
 * frequent ones come first.
 */
static enum fdt_property
identify(const uint8_t *name, uint32_t size)
{
	uint32_t letters;

	if (size < 4) {
		return FDT_OTHER;
	}
	letters = fdt_be32(name);
	if (letters == WORD('r', 'e', 'g', '\0')) {
		return FDT_REG;
	}
	if (letters == WORD('c', 'o', 'm', 'p')) {
		return FDT_BEGINS_WITH(name, size, "compatible") ? FDT_COMPATIBLE : FDT_OTHER;
	}
	if (letters == WORD('d', 'e', 'v', 'i')) {
		return FDT_BEGINS_WITH(name, size, "device_type") ? FDT_DEVICE_TYPE : FDT_OTHER;
	}
	if (letters == WORD('#', 'a', 'd', 'd')) {
		return FDT_BEGINS_WITH(name, size, "#address-cells") ? FDT_ADDRESS_CELLS
		                                                     : FDT_OTHER;
	}
	if (letters == WORD('#', 's', 'i', 'z')) {
		return FDT_BEGINS_WITH(name, size, "#size-cells") ? FDT_SIZE_CELLS : FDT_OTHER;
	}
	if (letters == WORD('s', 't', 'a', 't')) {
		return FDT_BEGINS_WITH(name, size, "status") ? FDT_STATUS : FDT_OTHER;
	}
	if (letters == WORD('b', 'o', 'o', 't')) {
		return FDT_BEGINS_WITH(name, size, "bootargs") ? FDT_BOOTARGS : FDT_OTHER;
	}
	if (letters == WORD('b', 'u', 's', '-')) {
		return FDT_BEGINS_WITH(name, size, "bus-frequency") ? FDT_BUS : FDT_OTHER;
	}
	if (letters == WORD('t', 'i', 'm', 'e')) {
		return FDT_BEGINS_WITH(name, size, "timebase-frequency") ? FDT_TIMEBASE : FDT_OTHER;
	}
	return FDT_OTHER;
}

/* Keeps a property if it matters and is the first of its name. Returns what is then gathered. */
static uint32_t
gather(struct fdt_walk *walk, uint32_t gathered, const uint8_t *property, uint32_t name)
{
	enum fdt_property id = identify(walk->strings + name, walk->strings_size - name);

	if (id == FDT_OTHER || (gathered >> id & 1) != 0) {
		return gathered;
	}
	walk->properties[id] = property;
	return gathered | 1u << id;
}

/* Checks the properties at walk->at and moves behind them. */
static const char *
gather_properties(struct fdt_walk *walk)
{
	bool matters = walk->level->place != FDT_NOWHERE;
	const uint8_t *at = walk->at;
	size_t left = (size_t)(walk->end - at);
	uint32_t gathered = 0;

	while (left >= FDT_PROPERTY_VALUE) { /* a token a turn */
		uint32_t token = fdt_be32(at);
		uint32_t size = fdt_be32(at + FDT_PROPERTY_SIZE);
		uint32_t name = fdt_be32(at + FDT_PROPERTY_NAME);
		size_t whole = 4;

		if (token == TOKEN_PROPERTY) {
			if (size > left - FDT_PROPERTY_VALUE) {
				return "a property's value is cut off";
			}
			if (name >= walk->strings_size) {
				return "a property's name lies outside the strings block";
			}
			if (matters) {
				gathered = gather(walk, gathered, at, name);
			}
			whole = ((size_t)size + FDT_PROPERTY_VALUE + 3) & ~(size_t)3;
		} else if (token != TOKEN_NOP) {
			break;
		}
		at += whole;
		left -= whole;
	}
	walk->at = at;
	walk->gathered = gathered;
	return NULL;
}

static const char *
begin_node(struct fdt_walk *walk)
{
	const uint8_t *name = walk->at;
	size_t name_size = skip_name(walk);
	enum fdt_place place = fdt_node_place(walk->level->place, name, name_size);
	const char *error;

	if (name_size == 0) {
		return "a node's name has no end";
	}
	if (place == FDT_ROOT && name[0] != '\0') {
		return "its root node has a name";
	}
	if (walk->level == &walk->levels[FDT_DEPTH_MAX]) {
		return "its nodes are nested too deeply";
	}
	walk->level++;
	walk->level->place = place;
	error = gather_properties(walk);
	return error == NULL ? fdt_node_take(walk) : error;
}

/* The next token; where there is none, TOKEN_END. */
static uint32_t
next_token(struct fdt_walk *walk)
{
	uint32_t token;

	if (walk->at == walk->end) {
		return TOKEN_END;
	}
	token = fdt_be32(walk->at);
	walk->at += 4;
	return token;
}

/* A token that is not known ends the scan: what follows it cannot be found. */
static const char *
take_token(struct fdt_walk *walk)
{
	switch (next_token(walk)) {
	case TOKEN_BEGIN_NODE:
		return begin_node(walk);
	case TOKEN_END_NODE:
		walk->level--;
		return NULL;
	case TOKEN_NOP:
		return NULL;
	case TOKEN_PROPERTY:
		return "a property is cut off, or follows a subnode";
	case TOKEN_END:
		return "its structure block ends inside a node";
	default:
		return "an unknown token stands in the structure block";
	}
}

static const char *
scan_root(struct fdt_walk *walk)
{
	const char *error;

	if (next_token(walk) != TOKEN_BEGIN_NODE) {
		return "its structure block does not begin with a node";
	}
	error = begin_node(walk);
	while (error == NULL && walk->level != walk->levels) { /* a token a turn */
		error = take_token(walk);
	}
	if (error != NULL) {
		return error;
	}
	if (walk->at == walk->end || next_token(walk) != TOKEN_END) {
		return "something else than the end follows its root node";
	}
	return NULL;
}

/* The list ends with an entry of size 0, as for libfdt. */
static const char *
scan_reservations(struct fdt_walk *walk, const uint8_t *blob, size_t total_size)
{
	size_t at = fdt_be32(blob + HEADER_RESERVATIONS);

	if (at < HEADER_SIZE || at % 8 != 0) {
		return "its memory reservation block is misplaced";
	}
	for (; at + 16 <= total_size; at += 16) { /* each turn takes an entry */
		uint64_t size = fdt_be64(blob + at + 8);
		const char *error;

		if (size == 0) {
			return NULL;
		}
		error = fdt_node_reserve(walk, fdt_be64(blob + at), size);
		if (error != NULL) {
			return error;
		}
	}
	return "its memory reservation block has no end";
}

static bool
is_inside(size_t offset, size_t size, size_t total_size)
{
	return offset >= HEADER_SIZE && offset <= total_size && size <= total_size - offset;
}

static const char *
check_header(const uint8_t *blob, size_t size)
{
	uint32_t version;

	if (size < HEADER_SIZE) {
		return "it is shorter than its header";
	}
	if (fdt_be32(blob + HEADER_MAGIC) != FDT_MAGIC_BE) {
		return "its magic number is wrong";
	}
	version = fdt_be32(blob + HEADER_VERSION);
	if (version < VERSION_FIRST || fdt_be32(blob + HEADER_COMPATIBLE) > VERSION_READ ||
	    fdt_be32(blob + HEADER_COMPATIBLE) > version) {
		return "its version is not one that the kernel reads";
	}
	if (fdt_be32(blob + HEADER_TOTAL_SIZE) < HEADER_SIZE) {
		return "its size is less than its header's";
	}
	if (fdt_be32(blob + HEADER_TOTAL_SIZE) > size) {
		return "it is cut off";
	}
	return NULL;
}

/* Finds the two blocks. The strings' last byte must be NUL: then every name in them has an end. */
static const char *
find_blocks(struct fdt_walk *walk, const uint8_t *blob, size_t total_size)
{
	size_t structure = fdt_be32(blob + HEADER_STRUCT);
	size_t strings = fdt_be32(blob + HEADER_STRINGS);
	size_t structure_size;

	walk->strings_size = fdt_be32(blob + HEADER_STRINGS_SIZE);
	if (!is_inside(strings, walk->strings_size, total_size)) {
		return "its strings block lies outside";
	}
	walk->strings = blob + strings;
	if (walk->strings_size != 0 && walk->strings[walk->strings_size - 1] != '\0') {
		return "its strings block does not end with a NUL";
	}
	if (!is_inside(structure, 0, total_size) || structure % 4 != 0) {
		return "its structure block is misplaced";
	}
	structure_size = total_size - structure;
	if (fdt_be32(blob + HEADER_VERSION) >= VERSION_READ) {
		structure_size = fdt_be32(blob + HEADER_STRUCT_SIZE);
	}
	if (!is_inside(structure, structure_size, total_size)) {
		return "its structure block lies outside";
	}
	/* All that it holds is made of whole words. */
	walk->at = blob + structure;
	walk->end = walk->at + (structure_size & ~(size_t)3);
	return NULL;
}

const char *
fdt_scan(const void *blob, size_t size, struct boot_info *info)
{
	struct fdt_walk walk;
	const char *error = check_header(blob, size);
	size_t total_size;

	if (error != NULL) {
		return error;
	}
	*info = (struct boot_info){ 0 };
	walk.info = info;
	walk.level = walk.levels;
	walk.levels[0].place = FDT_AROUND_ROOT;
	total_size = fdt_be32((const uint8_t *)blob + HEADER_TOTAL_SIZE);
	error = find_blocks(&walk, blob, total_size);
	if (error == NULL) {
		error = scan_reservations(&walk, blob, total_size);
	}
	return error == NULL ? scan_root(&walk) : error;
}
