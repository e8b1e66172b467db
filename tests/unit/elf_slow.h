// SPDX-License-Identifier: ISC
/*
 * An ELF file of either class as numbers at offsets: the ground that its slow readers stand on.
 * Reads behind the end are 0.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef unsigned __int128 wide_t; /* no sum of three numbers of the file wraps */

struct elf_slow {
	const uint8_t *bytes;
	size_t size;
	bool is_64;
};

/* Where a field is, in files of 64 bits and of 32. */
struct elf_place {
	uint8_t offset_64, size_64;
	uint8_t offset_32, size_32;
};

static const struct elf_place e_type = { 16, 2, 16, 2 };
static const struct elf_place e_machine = { 18, 2, 18, 2 };
static const struct elf_place e_version = { 20, 4, 20, 4 };
static const struct elf_place e_entry = { 24, 8, 24, 4 };
static const struct elf_place e_phoff = { 32, 8, 28, 4 };
static const struct elf_place e_shoff = { 40, 8, 32, 4 };
static const struct elf_place e_phentsize = { 54, 2, 42, 2 };
static const struct elf_place e_phnum = { 56, 2, 44, 2 };
static const struct elf_place e_shentsize = { 58, 2, 46, 2 };
static const struct elf_place e_shnum = { 60, 2, 48, 2 };
static const struct elf_place p_type = { 0, 4, 0, 4 };
static const struct elf_place p_flags = { 4, 4, 24, 4 };
static const struct elf_place p_offset = { 8, 8, 4, 4 };
static const struct elf_place p_vaddr = { 16, 8, 8, 4 };
static const struct elf_place p_paddr = { 24, 8, 12, 4 };
static const struct elf_place p_filesz = { 32, 8, 16, 4 };
static const struct elf_place p_memsz = { 40, 8, 20, 4 };
static const struct elf_place p_align = { 48, 8, 28, 4 };
static const struct elf_place sh_type = { 4, 4, 4, 4 };
static const struct elf_place sh_flags = { 8, 8, 8, 4 };
static const struct elf_place sh_addr = { 16, 8, 12, 4 };
static const struct elf_place sh_offset = { 24, 8, 16, 4 };
static const struct elf_place sh_size = { 32, 8, 20, 4 };
static const struct elf_place sh_link = { 40, 4, 24, 4 };
static const struct elf_place sh_entsize = { 56, 8, 36, 4 };
static const struct elf_place st_name = { 0, 4, 0, 4 };
static const struct elf_place st_info = { 4, 1, 12, 1 };
static const struct elf_place st_shndx = { 6, 2, 14, 2 };
static const struct elf_place st_value = { 8, 8, 4, 4 };
static const struct elf_place st_size = { 16, 8, 8, 4 };

#define HEADER_SIZE(file)  ((file)->is_64 ? 64u : 52u)
#define PROGRAM_SIZE(file) ((file)->is_64 ? 56u : 32u)
#define SECTION_SIZE(file) ((file)->is_64 ? 64u : 40u)
#define SYMBOL_SIZE(file)  ((file)->is_64 ? 24u : 16u)

/* Does the file have these bytes? */
bool elf_slow_has(const struct elf_slow *file, wide_t offset, wide_t size);

uint64_t elf_slow_number(const struct elf_slow *file, uint64_t offset, size_t size);

/* A field of the structure at base. */
uint64_t elf_slow_get(const struct elf_slow *file, uint64_t base, struct elf_place field);

bool elf_slow_overlap(wide_t a, wide_t a_size, wide_t b, wide_t b_size);

/* Is there a header that every reader of the VMM takes? Sets is_64. */
bool elf_slow_header(struct elf_slow *file);

/* Are there program headers, at most so many, and all of them? */
bool elf_slow_programs(const struct elf_slow *file, uint64_t count_max);

/* Where the i-th is. */
uint64_t elf_slow_program(const struct elf_slow *file, uint64_t i);

/* Is it one that memory is filled or cleared for? */
bool elf_slow_is_loaded(const struct elf_slow *file, uint64_t program);
