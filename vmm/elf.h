// SPDX-License-Identifier: ISC
/*
 * The ELF loader: pure functions over (bytes, length), no I/O. 64-bit and 32-bit little-endian
 * x86 executables with a PVH note. Nothing here trusts a length, and the bytes need no alignment.
 *
 * Addresses are physical: p_paddr places a segment, and p_vaddr is the guest's own business.
 */
#pragma once

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_SEGMENTS_MAX        16 /* loadable, not empty */
#define ELF_PROGRAM_HEADERS_MAX 64 /* of any type: bounds the work on a hostile image */

/* No segment may begin below: the VMM puts the structures of boot_abi.h there. */
#define ELF_LOAD_MIN 0x10000u

struct elf_segment {
	uint64_t paddr;       /* guest-physical, where the bytes go */
	uint64_t memory_size; /* bytes, >= file_size; the rest is zero */
	uint64_t file_offset;
	uint64_t file_size; /* bytes */
};

struct elf_image {
	uint32_t entry; /* PVH entry, guest-physical, where a segment loads bytes of the file */
	bool is_ours;   /* carries BOOT_NOTE of boot_abi.h */
	uint32_t segment_count;
	struct elf_segment segments[ELF_SEGMENTS_MAX]; /* PT_LOAD with memory_size > 0; disjoint */
};

/*
 * Checks an image of `size` bytes against a guest whose RAM is [0, low_size): every PT_LOAD must
 * lie in it, at or above ELF_LOAD_MIN, and none may overlap another. Returns NULL and fills *image,
 * or one sentence that names what is wrong (static storage; a different sentence for each check;
 * lower case, without a full stop), and *image is undefined.
 */
const char *elf_parse(const void *bytes, size_t size, uint64_t low_size, struct elf_image *image);

/*
 * The file header of either class, checked as far as every reader needs it (identification, type,
 * machine, version) and widened to 64 bits. Returns NULL, or a sentence as elf_parse() does.
 */
const char *elf_read_header(const void *bytes, size_t size, Elf64_Ehdr *header);
