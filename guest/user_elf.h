// SPDX-License-Identifier: ISC
/*
 * Reading the ELF image of a program of ring 3: what is to be mapped where, or what is wrong with
 * it. Nothing of the image is believed before it was checked; no memory is written but *elf.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define USER_SEGMENTS_MAX 8u
#define USER_IMAGE_MAX    0x1000000u /* bytes that the segments of one program may take */

/* Bytes offset .. offset + file_size of the image go to va; the rest of size is zero. */
struct user_segment {
	uintptr_t va;
	size_t size;
	size_t offset;
	size_t file_size;
	unsigned int prot; /* ARCH_PROT_* */
};

struct user_elf {
	uintptr_t entry; /* in an executable segment */
	unsigned int segment_count;
	struct user_segment segments[USER_SEGMENTS_MAX]; /* no two on one page */
};

/* Returns NULL, or what is wrong, for the user to read. Any context. */
const char *user_elf_parse(const void *image, size_t size, struct user_elf *elf);
