// SPDX-License-Identifier: ISC
#include "tests/unit/elf_slow.h"

#include <string.h>

bool
elf_slow_has(const struct elf_slow *file, wide_t offset, wide_t size)
{
	return offset + size <= file->size;
}

uint64_t
elf_slow_number(const struct elf_slow *file, uint64_t offset, size_t size)
{
	uint64_t value = 0;

	if (elf_slow_has(file, offset, size)) {
		memcpy(&value, file->bytes + offset, size);
	}
	return value;
}

uint64_t
elf_slow_get(const struct elf_slow *file, uint64_t base, struct elf_place field)
{
	return file->is_64 ? elf_slow_number(file, base + field.offset_64, field.size_64)
	                   : elf_slow_number(file, base + field.offset_32, field.size_32);
}

uint64_t
elf_slow_program(const struct elf_slow *file, uint64_t i)
{
	return elf_slow_get(file, 0, e_phoff) + i * PROGRAM_SIZE(file);
}

bool
elf_slow_overlap(wide_t a, wide_t a_size, wide_t b, wide_t b_size)
{
	return a < b + b_size && b < a + a_size;
}

bool
elf_slow_header(struct elf_slow *file)
{
	const uint8_t *ident = file->bytes;

	if (file->size < 16 || memcmp(ident, "\x7f\x45\x4c\x46", 4) != 0 ||
	    (ident[4] != 1 && ident[4] != 2) || ident[5] != 1 || ident[6] != 1) {
		return false;
	}
	file->is_64 = ident[4] == 2;
	return file->size >= HEADER_SIZE(file) && elf_slow_get(file, 0, e_type) == 2 &&
	       elf_slow_get(file, 0, e_machine) == (file->is_64 ? 62 : 3) &&
	       elf_slow_get(file, 0, e_version) == 1;
}

bool
elf_slow_programs(const struct elf_slow *file, uint64_t count_max)
{
	uint64_t count = elf_slow_get(file, 0, e_phnum);

	return count <= count_max && elf_slow_get(file, 0, e_phentsize) == PROGRAM_SIZE(file) &&
	       elf_slow_has(file, elf_slow_get(file, 0, e_phoff),
	                    (wide_t)count * PROGRAM_SIZE(file));
}

bool
elf_slow_is_loaded(const struct elf_slow *file, uint64_t program)
{
	return elf_slow_get(file, program, p_type) == 1 &&
	       elf_slow_get(file, program, p_memsz) != 0;
}
