// SPDX-License-Identifier: ISC
#include "tests/unit/elf_oracle.h"

#include "shared/boot_abi.h"
#include "tests/unit/elf_slow.h"
#include "vmm/elf.h"

#include <string.h>

static bool
segment_is_good(const struct elf_slow *file, uint64_t i, uint64_t low_size)
{
	uint64_t at = elf_slow_program(file, i);
	wide_t size = elf_slow_get(file, at, p_memsz);
	wide_t paddr = elf_slow_get(file, at, p_paddr);
	wide_t file_size = elf_slow_get(file, at, p_filesz);

	if (elf_slow_get(file, at, p_type) != 1) {
		return true;
	}
	if (file_size > size ||
	    (file_size != 0 && !elf_slow_has(file, elf_slow_get(file, at, p_offset), file_size))) {
		return false;
	}
	if (size != 0 && (paddr < 0x10000 || paddr + size > low_size)) {
		return false;
	}
	for (uint64_t k = 0; size != 0 && k < i; k++) {
		uint64_t other = elf_slow_program(file, k);

		if (elf_slow_is_loaded(file, other) &&
		    elf_slow_overlap(paddr, size, elf_slow_get(file, other, p_paddr),
		                     elf_slow_get(file, other, p_memsz))) {
			return false;
		}
	}
	return true;
}

/* What the notes say. */
struct said {
	bool is_broken;
	bool has_entry;
	bool is_ours;
	uint64_t entry;
};

static void
hear_note(const struct elf_slow *file, uint64_t name, uint64_t name_size, uint64_t desc,
          uint64_t desc_size, uint64_t type, struct said *said)
{
	const void *owner = file->bytes + name;

	if (type == PVH_NOTE_TYPE && name_size == 4 && memcmp(owner, "Xen", 4) == 0) {
		uint64_t entry = elf_slow_number(file, desc, desc_size == 4 ? 4 : 8);

		said->is_broken |= (desc_size != 4 && desc_size != 8) || entry > UINT32_MAX ||
		                   (said->has_entry && said->entry != entry);
		said->has_entry = true;
		said->entry = entry;
	}
	if (type == BOOT_NOTE_TYPE && name_size == 9 && memcmp(owner, "Overtake", 9) == 0) {
		said->is_broken |=
			desc_size != 4 || elf_slow_number(file, desc, 4) != BOOT_NOTE_VERSION;
		said->is_ours = true;
	}
}

static uint64_t
padded(uint64_t size, uint64_t to)
{
	while (size % to != 0) {
		size++;
	}
	return size;
}

static void
hear_notes(const struct elf_slow *file, uint64_t program, struct said *said)
{
	uint64_t start = elf_slow_get(file, program, p_offset);
	uint64_t size = elf_slow_get(file, program, p_filesz);
	uint64_t align = elf_slow_get(file, program, p_align) == 8 ? 8 : 4;
	uint64_t at = 0;

	if (size == 0) {
		return;
	}
	said->is_broken |= !elf_slow_has(file, start, size);
	while (!said->is_broken && at < size) { /* each turn goes on by 12 at least */
		uint64_t name_size = elf_slow_number(file, start + at, 4);
		uint64_t desc_size = elf_slow_number(file, start + at + 4, 4);
		uint64_t desc = padded(at + 12 + name_size, align);

		if (at + 12 + name_size > size || (desc_size != 0 && desc + desc_size > size)) {
			said->is_broken = true;
			return;
		}
		hear_note(file, start + at + 12, name_size, start + desc, desc_size,
		          elf_slow_number(file, start + at + 8, 4), said);
		at = padded(desc + desc_size, align);
	}
}

static bool
entry_is_loaded(const struct elf_slow *file, uint64_t entry)
{
	for (uint64_t i = 0; i < elf_slow_get(file, 0, e_phnum); i++) {
		uint64_t at = elf_slow_program(file, i);
		uint64_t paddr = elf_slow_get(file, at, p_paddr);

		if (elf_slow_get(file, at, p_type) == 1 && entry >= paddr &&
		    entry < (wide_t)paddr + elf_slow_get(file, at, p_filesz)) {
			return true;
		}
	}
	return false;
}

static bool
is_bootable(struct elf_slow *file, uint64_t low_size, struct said *said)
{
	uint64_t segments = 0;

	*said = (struct said){ 0 };
	if (!elf_slow_header(file) || !elf_slow_programs(file, 64)) {
		return false;
	}
	for (uint64_t i = 0; i < elf_slow_get(file, 0, e_phnum); i++) {
		if (!segment_is_good(file, i, low_size)) {
			return false;
		}
		segments += elf_slow_is_loaded(file, elf_slow_program(file, i));
		if (elf_slow_get(file, elf_slow_program(file, i), p_type) == 4) {
			hear_notes(file, elf_slow_program(file, i), said);
		}
	}
	return segments >= 1 && segments <= 16 && !said->is_broken && said->has_entry &&
	       entry_is_loaded(file, said->entry);
}

static bool
same_segments(const struct elf_slow *file, const struct elf_image *image)
{
	uint32_t count = 0;

	for (uint64_t i = 0; i < elf_slow_get(file, 0, e_phnum); i++) {
		uint64_t at = elf_slow_program(file, i);
		const struct elf_segment *segment = &image->segments[count];

		if (!elf_slow_is_loaded(file, at)) {
			continue;
		}
		if (count++ == image->segment_count ||
		    segment->paddr != elf_slow_get(file, at, p_paddr) ||
		    segment->memory_size != elf_slow_get(file, at, p_memsz) ||
		    segment->file_size != elf_slow_get(file, at, p_filesz) ||
		    (segment->file_size != 0 &&
		     segment->file_offset != elf_slow_get(file, at, p_offset))) {
			return false;
		}
	}
	return count == image->segment_count;
}

const char *
elf_oracle_judge_image(const void *bytes, size_t size, uint64_t low_size)
{
	struct elf_slow file = { .bytes = bytes, .size = size };
	struct elf_image image;
	struct said said;
	const char *refusal = elf_parse(bytes, size, low_size, &image);

	if ((refusal == NULL) != is_bootable(&file, low_size, &said)) {
		return refusal == NULL ? "an image that is not bootable is accepted"
		                       : "a bootable image is refused";
	}
	if (refusal != NULL) {
		return refusal[0] == '\0' ? "an image is refused without a word" : NULL;
	}
	if (image.entry != said.entry || image.is_ours != said.is_ours) {
		return "an image's notes are read wrongly";
	}
	return same_segments(&file, &image) ? NULL : "an image's segments are read wrongly";
}
