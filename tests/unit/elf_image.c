// SPDX-License-Identifier: ISC
#include "tests/unit/elf_image.h"

#include "shared/boot_abi.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

void
elf_image_put(struct elf_test_image *image, size_t offset, const void *bytes, size_t size)
{
	/* Not ck_assert: that reports each success to the runner, too often here. */
	if (offset + size > sizeof(image->bytes)) {
		ck_abort_msg("the image outgrows its room");
	}
	memcpy(image->bytes + offset, bytes, size);
}

void
elf_image_header(struct elf_test_image *image, uint16_t program_count)
{
	if (image->is_64) {
		Elf64_Ehdr header = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = sizeof(header),
			.e_ehsize = sizeof(header),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = program_count,
		};

		elf_image_put(image, 0, &header, sizeof(header));
	} else {
		Elf32_Ehdr header = {
			.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_386,
			.e_version = EV_CURRENT,
			.e_phoff = sizeof(header),
			.e_ehsize = sizeof(header),
			.e_phentsize = sizeof(Elf32_Phdr),
			.e_phnum = program_count,
		};

		elf_image_put(image, 0, &header, sizeof(header));
	}
}

void
elf_image_program(struct elf_test_image *image, uint32_t index, const Elf64_Phdr *wide)
{
	if (image->is_64) {
		elf_image_put(image, sizeof(Elf64_Ehdr) + index * sizeof(*wide), wide,
		              sizeof(*wide));
	} else {
		Elf32_Phdr narrow = {
			.p_type = wide->p_type,
			.p_offset = (uint32_t)wide->p_offset,
			.p_paddr = (uint32_t)wide->p_paddr,
			.p_filesz = (uint32_t)wide->p_filesz,
			.p_memsz = (uint32_t)wide->p_memsz,
			.p_align = (uint32_t)wide->p_align,
		};

		elf_image_put(image, sizeof(Elf32_Ehdr) + index * sizeof(narrow), &narrow,
		              sizeof(narrow));
	}
}

static size_t
align_up(size_t value, size_t align)
{
	return (value + align - 1) / align * align;
}

size_t
elf_image_note(struct elf_test_image *image, const char *owner, uint32_t type, const void *desc,
               uint32_t size)
{
	Elf32_Nhdr note = { .n_namesz = (uint32_t)strlen(owner) + 1,
		            .n_descsz = size,
		            .n_type = type };
	size_t start = image->size;
	size_t desc_at = start + align_up(sizeof(note) + note.n_namesz, image->note_align);

	elf_image_put(image, start, &note, sizeof(note));
	elf_image_put(image, start + sizeof(note), owner, note.n_namesz);
	elf_image_put(image, desc_at, desc, size);
	image->size = desc_at + align_up(size, image->note_align);
	return start;
}

static void
put_notes(struct elf_test_image *image)
{
	uint32_t version = BOOT_NOTE_VERSION;
	uint64_t entry = ENTRY;

	image->size = NOTES_OFFSET;
	elf_image_note(image, "GNU", 5, "propert", 8);
	image->boot_note = elf_image_note(image, BOOT_NOTE_OWNER, BOOT_NOTE_TYPE, &version, 4);
	image->pvh_note =
		elf_image_note(image, PVH_NOTE_OWNER, PVH_NOTE_TYPE, &entry, image->is_64 ? 8 : 4);
}

void
elf_image_build(struct elf_test_image *image, bool is_64, uint32_t note_align)
{
	*image = (struct elf_test_image){ .is_64 = is_64, .note_align = note_align };
	elf_image_header(image, PH_COUNT);
	put_notes(image);
	elf_image_program(image, PH_TEXT,
	                  &(Elf64_Phdr){
				  .p_type = PT_LOAD,
				  .p_offset = TEXT_OFFSET,
				  .p_paddr = TEXT_PADDR,
				  .p_filesz = TEXT_SIZE,
				  .p_memsz = TEXT_SIZE,
			  });
	elf_image_program(image, PH_DATA,
	                  &(Elf64_Phdr){
				  .p_type = PT_LOAD,
				  .p_offset = DATA_OFFSET,
				  .p_paddr = DATA_PADDR,
				  .p_filesz = DATA_SIZE,
				  .p_memsz = DATA_MEMORY,
			  });
	elf_image_program(image, PH_BSS,
	                  &(Elf64_Phdr){
				  .p_type = PT_LOAD,
				  .p_offset = 0x100000, /* past the end, as linkers do */
				  .p_paddr = BSS_PADDR,
				  .p_memsz = BSS_SIZE,
			  });
	elf_image_program(image, PH_NOTES,
	                  &(Elf64_Phdr){
				  .p_type = PT_NOTE,
				  .p_offset = NOTES_OFFSET,
				  .p_filesz = image->size - NOTES_OFFSET,
				  .p_align = note_align,
			  });
}

const char *
elf_image_parse_shifted(const struct elf_test_image *image, size_t shift, struct elf_image *parsed)
{
	uint8_t *block = malloc(image->size + shift + (image->size + shift == 0));
	const char *error;

	ck_assert_ptr_nonnull(block);
	memcpy(block + shift, image->bytes, image->size);
	memset(parsed, 0xa5, sizeof(*parsed));
	error = elf_parse(block + shift, image->size, RAM_SIZE, parsed);
	free(block);
	return error;
}

const char *
elf_image_parse(const struct elf_test_image *image, struct elf_image *parsed)
{
	return elf_image_parse_shifted(image, 0, parsed);
}

struct place {
	size_t offset;
	size_t width;
};

#define PLACE(type64, type32, field)                                                            \
	(image->is_64 ? (struct place){ offsetof(type64, field), sizeof(((type64 *)0)->field) } \
	              : (struct place){ offsetof(type32, field), sizeof(((type32 *)0)->field) })

static struct place
header_place(const struct elf_test_image *image, enum elf_field field)
{
	switch (field) {
	case E_TYPE:
		return PLACE(Elf64_Ehdr, Elf32_Ehdr, e_type);
	case E_MACHINE:
		return PLACE(Elf64_Ehdr, Elf32_Ehdr, e_machine);
	case E_VERSION:
		return PLACE(Elf64_Ehdr, Elf32_Ehdr, e_version);
	case E_PHOFF:
		return PLACE(Elf64_Ehdr, Elf32_Ehdr, e_phoff);
	case E_PHENTSIZE:
		return PLACE(Elf64_Ehdr, Elf32_Ehdr, e_phentsize);
	case E_PHNUM:
		return PLACE(Elf64_Ehdr, Elf32_Ehdr, e_phnum);
	default:
		ck_abort_msg("not a field of the file header");
	}
}

static struct place
program_place(const struct elf_test_image *image, enum elf_field field)
{
	switch (field) {
	case P_TYPE:
		return PLACE(Elf64_Phdr, Elf32_Phdr, p_type);
	case P_OFFSET:
		return PLACE(Elf64_Phdr, Elf32_Phdr, p_offset);
	case P_PADDR:
		return PLACE(Elf64_Phdr, Elf32_Phdr, p_paddr);
	case P_FILESZ:
		return PLACE(Elf64_Phdr, Elf32_Phdr, p_filesz);
	case P_MEMSZ:
		return PLACE(Elf64_Phdr, Elf32_Phdr, p_memsz);
	case P_ALIGN:
		return PLACE(Elf64_Phdr, Elf32_Phdr, p_align);
	default:
		ck_abort_msg("not a field of a program header");
	}
}

static struct place
place_of(const struct elf_test_image *image, enum elf_field field, uint32_t index)
{
	struct place place;

	if (field == IDENT) {
		return (struct place){ index, 1 };
	}
	if (field == BOOT_NOTE) {
		return (struct place){ image->boot_note + 4 * index, 4 };
	}
	if (field == PVH_NOTE) {
		return (struct place){ image->pvh_note + 4 * index, 4 };
	}
	if (field < P_TYPE) {
		return header_place(image, field);
	}
	place = program_place(image, field);
	place.offset += image->is_64 ? sizeof(Elf64_Ehdr) + index * sizeof(Elf64_Phdr)
	                             : sizeof(Elf32_Ehdr) + index * sizeof(Elf32_Phdr);
	return place;
}

void
elf_image_set(struct elf_test_image *image, enum elf_field field, uint32_t index, uint64_t value)
{
	struct place place = place_of(image, field, index);

	elf_image_put(image, place.offset, &value, place.width);
}
