// SPDX-License-Identifier: ISC
/*
 * Reading a device tree's bytes: big-endian numbers at any alignment, and strings compared with
 * literals a word at a time. The caller has checked that the bytes are there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "big-endian numbers are swapped here");

static inline uint64_t
fdt_load64(const void *bytes)
{
	uint64_t word;

	__builtin_memcpy(&word, bytes, sizeof(word));
	return word;
}

static inline uint32_t
fdt_load32(const void *bytes)
{
	uint32_t word;

	__builtin_memcpy(&word, bytes, sizeof(word));
	return word;
}

static inline uint32_t
fdt_be32(const uint8_t *bytes)
{
	return __builtin_bswap32(fdt_load32(bytes));
}

static inline uint64_t
fdt_be64(const uint8_t *bytes)
{
	return __builtin_bswap64(fdt_load64(bytes));
}

/*
 * Are the first `size` bytes the same? With a constant size this is a handful of instructions:
 * words first, the last of them overlapping the one before, so that no tail is left of 4 bytes or
 * more.
 */
static inline __attribute__((always_inline)) bool
fdt_same(const uint8_t *a, const char *b, size_t size)
{
	size_t at = 0;

	for (; size - at >= 8; at += 8) {
		if (fdt_load64(a + at) != fdt_load64(b + at)) {
			return false;
		}
	}
	if (size >= 8) {
		return size == at || fdt_load64(a + size - 8) == fdt_load64(b + size - 8);
	}
	if (size >= 4) {
		return fdt_load32(a) == fdt_load32(b) &&
		       fdt_load32(a + size - 4) == fdt_load32(b + size - 4);
	}
	for (; at < size; at++) {
		if (a[at] != (uint8_t)b[at]) {
			return false;
		}
	}
	return true;
}

/* Do these bytes, at most `size` of them, begin with the literal and its NUL? */
#define FDT_BEGINS_WITH(bytes, size, literal) \
	((size) >= sizeof(literal) && fdt_same(bytes, literal, sizeof(literal)))
