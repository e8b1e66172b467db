// SPDX-License-Identifier: ISC
#include "guest/arch.h"
#include "guest/page.h"
#include "guest/user_elf.h"
#include "tests/unit/elf_oracle.h"
#include "tests/unit/elf_slow.h"

#include <string.h>

static bool
shares_page(const struct elf_slow *file, uint64_t a, uint64_t b)
{
	uint64_t a_first = elf_slow_get(file, a, p_vaddr) / PAGE_SIZE;
	uint64_t b_first = elf_slow_get(file, b, p_vaddr) / PAGE_SIZE;
	uint64_t a_last =
		(elf_slow_get(file, a, p_vaddr) + elf_slow_get(file, a, p_memsz) - 1) / PAGE_SIZE;
	uint64_t b_last =
		(elf_slow_get(file, b, p_vaddr) + elf_slow_get(file, b, p_memsz) - 1) / PAGE_SIZE;

	return elf_slow_overlap(a_first, a_last - a_first + 1, b_first, b_last - b_first + 1);
}

static bool
user_segment_is_good(const struct elf_slow *file, uint64_t i)
{
	uint64_t at = elf_slow_program(file, i);
	wide_t size = elf_slow_get(file, at, p_memsz);
	wide_t va = elf_slow_get(file, at, p_vaddr);
	bool is_good = size <= USER_IMAGE_MAX && va >= PAGE_SIZE &&
	               va + size <= ARCH_USER_PROGRAM_END &&
	               elf_slow_get(file, at, p_filesz) <= size &&
	               elf_slow_has(file, elf_slow_get(file, at, p_offset),
	                            elf_slow_get(file, at, p_filesz)) &&
	               (elf_slow_get(file, at, p_flags) & 3) != 3;

	for (uint64_t k = 0; is_good && k < i; k++) {
		uint64_t other = elf_slow_program(file, k);

		is_good = !elf_slow_is_loaded(file, other) || !shares_page(file, at, other);
	}
	return is_good;
}

static bool
entry_is_code(const struct elf_slow *file)
{
	uint64_t entry = elf_slow_get(file, 0, e_entry);

	for (uint64_t i = 0; i < elf_slow_get(file, 0, e_phnum); i++) {
		uint64_t at = elf_slow_program(file, i);
		uint64_t va = elf_slow_get(file, at, p_vaddr);

		if (elf_slow_is_loaded(file, at) && (elf_slow_get(file, at, p_flags) & 1) != 0 &&
		    entry >= va && entry < (wide_t)va + elf_slow_get(file, at, p_filesz)) {
			return true;
		}
	}
	return false;
}

static bool
is_program(const struct elf_slow *file)
{
	uint64_t count = 0;
	wide_t total = 0;

	if (file->size < 64 || memcmp(file->bytes, "\x7f\x45\x4c\x46\x02\x01", 6) != 0 ||
	    elf_slow_get(file, 0, e_type) != 2 || elf_slow_get(file, 0, e_machine) != 62 ||
	    !elf_slow_programs(file, UINT16_MAX)) {
		return false;
	}
	for (uint64_t i = 0; i < elf_slow_get(file, 0, e_phnum); i++) {
		uint64_t at = elf_slow_program(file, i);

		if (elf_slow_get(file, at, p_type) == 3 ||
		    (elf_slow_is_loaded(file, at) && !user_segment_is_good(file, i))) {
			return false;
		}
		count += elf_slow_is_loaded(file, at);
		total += elf_slow_is_loaded(file, at) ? elf_slow_get(file, at, p_memsz) : 0;
	}
	return count <= USER_SEGMENTS_MAX && total <= USER_IMAGE_MAX && entry_is_code(file);
}

static bool
same_program(const struct elf_slow *file, const struct user_elf *elf)
{
	unsigned int count = 0;

	for (uint64_t i = 0; i < elf_slow_get(file, 0, e_phnum); i++) {
		uint64_t at = elf_slow_program(file, i);
		const struct user_segment *segment = &elf->segments[count];
		uint64_t flags = elf_slow_get(file, at, p_flags);
		unsigned int prot =
			(flags & 2 ? ARCH_PROT_WRITE : 0) | (flags & 1 ? ARCH_PROT_EXEC : 0);

		if (!elf_slow_is_loaded(file, at)) {
			continue;
		}
		if (count++ == elf->segment_count ||
		    segment->va != elf_slow_get(file, at, p_vaddr) ||
		    segment->size != elf_slow_get(file, at, p_memsz) ||
		    segment->offset != elf_slow_get(file, at, p_offset) ||
		    segment->file_size != elf_slow_get(file, at, p_filesz) ||
		    segment->prot != prot) {
			return false;
		}
	}
	return count == elf->segment_count && elf->entry == elf_slow_get(file, 0, e_entry);
}

const char *
elf_oracle_judge_user(const void *bytes, size_t size)
{
	struct elf_slow file = { .bytes = bytes, .size = size, .is_64 = true };
	struct user_elf elf;
	const char *refusal = user_elf_parse(bytes, size, &elf);

	if ((refusal == NULL) != is_program(&file)) {
		return refusal == NULL ? "what is no program of ring 3 is accepted"
		                       : "a program of ring 3 is refused";
	}
	if (refusal != NULL) {
		return refusal[0] == '\0' ? "a program is refused without a word" : NULL;
	}
	return same_program(&file, &elf) ? NULL : "a program's segments are read wrongly";
}
