// SPDX-License-Identifier: ISC
/*
 * Fields are copied out of the image once each, as it may be unaligned. Sums are formed so that
 * they cannot wrap: what is subtracted from was compared before.
 */
#include "guest/user_elf.h"

#include <stdbool.h>

#include "guest/arch.h"
#include "guest/page.h"
#include "guest/string.h"

#define CLASS_64      2
#define LITTLE_ENDIAN 1
#define TYPE_EXEC     2
#define PT_LOAD       1u
#define PT_INTERP     3u
#define FLAG_EXEC     1u
#define FLAG_WRITE    2u

struct header {
	uint8_t magic[4];
	uint8_t class;
	uint8_t endianness;
	uint8_t ident[10];
	uint16_t type;
	uint16_t machine;
	uint32_t version;
	uint64_t entry;
	uint64_t program_offset;
	uint64_t section_offset;
	uint32_t flags;
	uint16_t header_size;
	uint16_t program_entry_size;
	uint16_t program_count;
	uint16_t rest[3];
};
_Static_assert(sizeof(struct header) == 64, "ELF64 header");

struct program_header {
	uint32_t type;
	uint32_t flags;
	uint64_t offset;
	uint64_t va;
	uint64_t pa;
	uint64_t file_size;
	uint64_t size;
	uint64_t align;
};
_Static_assert(sizeof(struct program_header) == 56, "ELF64 program header");

static const char *
header_fault(const struct header *header, size_t size)
{
	static const uint8_t magic[4] = { 0x7f, 'E', 'L', 'F' };

	if (memcmp(header->magic, magic, sizeof(magic)) != 0) {
		return "not an ELF image";
	}
	if (header->class != CLASS_64 || header->endianness != LITTLE_ENDIAN ||
	    header->machine != ARCH_ELF_MACHINE) {
		return "not for this machine";
	}
	if (header->type != TYPE_EXEC) {
		return "not a static executable: link it with -static -no-pie";
	}
	if (header->program_entry_size != sizeof(struct program_header) ||
	    header->program_offset > size ||
	    header->program_count >
	            (size - header->program_offset) / sizeof(struct program_header)) {
		return "its program headers lie outside of it";
	}
	return NULL;
}

static const char *
segment_fault(const struct program_header *header, size_t size)
{
	if (header->offset > size || header->file_size > size - header->offset) {
		return "a segment lies outside of the image";
	}
	if (header->file_size > header->size) {
		return "a segment is larger in the image than in memory";
	}
	if (header->va < PAGE_SIZE || header->va >= ARCH_USER_END ||
	    header->size > ARCH_USER_PROGRAM_END ||
	    header->va > ARCH_USER_PROGRAM_END - header->size) {
		return "a segment lies outside of the user's half";
	}
	if ((header->flags & FLAG_EXEC) && (header->flags & FLAG_WRITE)) {
		return "a segment is both writable and executable";
	}
	return NULL;
}

static bool
share_page(const struct user_segment *a, const struct program_header *b)
{
	uintptr_t a_last = (a->va + a->size - 1) / PAGE_SIZE;
	uintptr_t b_last = (b->va + b->size - 1) / PAGE_SIZE;

	return a->va / PAGE_SIZE <= b_last && b->va / PAGE_SIZE <= a_last;
}

static const char *
add_segment(struct user_elf *elf, const struct program_header *header, size_t *total)
{
	if (elf->segment_count == USER_SEGMENTS_MAX) {
		return "it has too many segments";
	}
	*total += header->size;
	if (header->size > USER_IMAGE_MAX || *total > USER_IMAGE_MAX) {
		return "it is too large";
	}
	for (unsigned int i = 0; i < elf->segment_count; i++) {
		if (share_page(&elf->segments[i], header)) {
			return "two segments share a page: link it with -z separate-code";
		}
	}
	elf->segments[elf->segment_count++] = (struct user_segment){
		.va = header->va,
		.size = header->size,
		.offset = header->offset,
		.file_size = header->file_size,
		.prot = (header->flags & FLAG_WRITE ? ARCH_PROT_WRITE : 0) |
		        (header->flags & FLAG_EXEC ? ARCH_PROT_EXEC : 0),
	};
	return NULL;
}

static const char *
read_segment(const uint8_t *at, size_t size, struct user_elf *elf, size_t *total)
{
	struct program_header header;
	const char *fault;

	memcpy(&header, at, sizeof(header));
	if (header.type == PT_INTERP) {
		return "it wants a dynamic linker: link it with -static";
	}
	if (header.type != PT_LOAD || header.size == 0) {
		return NULL;
	}
	fault = segment_fault(&header, size);
	return fault != NULL ? fault : add_segment(elf, &header, total);
}

static bool
is_code(const struct user_elf *elf, uintptr_t va)
{
	for (unsigned int i = 0; i < elf->segment_count; i++) {
		const struct user_segment *segment = &elf->segments[i];

		if ((segment->prot & ARCH_PROT_EXEC) && va >= segment->va &&
		    va - segment->va < segment->file_size) {
			return true;
		}
	}
	return false;
}

const char *
user_elf_parse(const void *image, size_t size, struct user_elf *elf)
{
	struct header header;
	const char *fault;
	size_t total = 0;

	if (size < sizeof(header)) {
		return "not an ELF image";
	}
	memcpy(&header, image, sizeof(header));
	fault = header_fault(&header, size);
	elf->entry = header.entry;
	elf->segment_count = 0;
	for (unsigned int i = 0; fault == NULL && i < header.program_count; i++) {
		const uint8_t *at = (const uint8_t *)image + header.program_offset +
		                    i * sizeof(struct program_header);

		fault = read_segment(at, size, elf, &total);
	}
	if (fault == NULL && !is_code(elf, header.entry)) {
		fault = "its entry is not in an executable segment";
	}
	return fault;
}
