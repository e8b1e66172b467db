// SPDX-License-Identifier: ISC
/*
 * Small ELF images for tests of the loader, in both classes, whose fields can be broken one by one.
 */
#pragma once

#include "vmm/elf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_IMAGE_MAX 4096u /* bytes */
#define RAM_SIZE      0x400000u

/* Where the good image has its parts. */
#define TEXT_OFFSET  0x600u
#define TEXT_SIZE    0x100u
#define TEXT_PADDR   0x100000u
#define DATA_OFFSET  0x700u
#define DATA_SIZE    0x40u
#define DATA_PADDR   0x102000u
#define DATA_MEMORY  0x1000u
#define BSS_PADDR    0x104000u
#define BSS_SIZE     0x2000u
#define NOTES_OFFSET 0x740u
#define ENTRY        (TEXT_PADDR + 0x10u)

/* Program headers of the good image. */
enum { PH_TEXT, PH_DATA, PH_BSS, PH_NOTES, PH_COUNT };

struct elf_test_image {
	bool is_64;
	uint32_t note_align;
	size_t size;
	size_t boot_note; /* offsets in the file */
	size_t pvh_note;
	uint8_t bytes[ELF_IMAGE_MAX];
};

/* The fields that rows break. Those of a program header and of a note need to know which. */
enum elf_field {
	IDENT, /* byte `index` */
	E_TYPE,
	E_MACHINE,
	E_VERSION,
	E_PHOFF,
	E_PHENTSIZE,
	E_PHNUM,
	P_TYPE, /* of program header `index` */
	P_OFFSET,
	P_PADDR,
	P_FILESZ,
	P_MEMSZ,
	P_ALIGN,
	BOOT_NOTE, /* 32-bit word `index` of the note: name size, descriptor size, type, owner */
	PVH_NOTE,
};

/* The good image: two segments with bytes, one without, and notes at the file's end. */
void elf_image_build(struct elf_test_image *image, bool is_64, uint32_t note_align);

/* Its parts, to be written anew. A note goes to the end of the file, at the offset returned. */
void elf_image_put(struct elf_test_image *image, size_t offset, const void *bytes, size_t size);
void elf_image_header(struct elf_test_image *image, uint16_t program_count);
void elf_image_program(struct elf_test_image *image, uint32_t index, const Elf64_Phdr *wide);
size_t elf_image_note(struct elf_test_image *image, const char *owner, uint32_t type,
                      const void *desc, uint32_t size);

void elf_image_set(struct elf_test_image *image, enum elf_field field, uint32_t index,
                   uint64_t value);

/*
 * Parses a copy of exactly the image's size against RAM_SIZE; the second at an address `shift`
 * bytes off the allocator's alignment.
 */
const char *elf_image_parse(const struct elf_test_image *image, struct elf_image *parsed);
const char *elf_image_parse_shifted(const struct elf_test_image *image, size_t shift,
                                    struct elf_image *parsed);
