// SPDX-License-Identifier: ISC
/*
 * Reads an image in one pass over its program headers. Structures of both classes are copied out
 * (the bytes may be unaligned) and widened, so that each check exists once.
 */
#include "vmm/elf.h"

#include "shared/boot_abi.h"

#include <string.h>

struct parse {
	const uint8_t *bytes;
	size_t size;
	uint64_t low_size;
	bool is_64;
	bool has_entry;
	struct elf_image *image;
};

static void
widen_header(const Elf32_Ehdr *from, Elf64_Ehdr *to)
{
	memcpy(to->e_ident, from->e_ident, sizeof(to->e_ident));
	to->e_type = from->e_type;
	to->e_machine = from->e_machine;
	to->e_version = from->e_version;
	to->e_entry = from->e_entry;
	to->e_phoff = from->e_phoff;
	to->e_shoff = from->e_shoff;
	to->e_flags = from->e_flags;
	to->e_ehsize = from->e_ehsize;
	to->e_phentsize = from->e_phentsize;
	to->e_phnum = from->e_phnum;
	to->e_shentsize = from->e_shentsize;
	to->e_shnum = from->e_shnum;
	to->e_shstrndx = from->e_shstrndx;
}

static const char *
check_ident(const uint8_t *ident, size_t size)
{
	if (size < EI_NIDENT) {
		return "not an ELF file: it is shorter than 16 bytes";
	}
	if (memcmp(ident, ELFMAG, SELFMAG) != 0) {
		return "not an ELF file: it does not begin with 7f 'E' 'L' 'F'";
	}
	if (ident[EI_CLASS] != ELFCLASS64 && ident[EI_CLASS] != ELFCLASS32) {
		return "neither a 64-bit nor a 32-bit ELF file";
	}
	if (ident[EI_DATA] != ELFDATA2LSB) {
		return "not a little-endian ELF file";
	}
	if (ident[EI_VERSION] != EV_CURRENT) {
		return "its ELF identification has an unknown version";
	}
	return NULL;
}

const char *
elf_read_header(const void *bytes, size_t size, Elf64_Ehdr *header)
{
	const char *error = check_ident(bytes, size);
	bool is_64;

	if (error != NULL) {
		return error;
	}
	is_64 = ((const uint8_t *)bytes)[EI_CLASS] == ELFCLASS64;
	if (size < (is_64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr))) {
		return "the file ends inside its ELF header";
	}
	if (is_64) {
		memcpy(header, bytes, sizeof(*header));
	} else {
		Elf32_Ehdr narrow;

		memcpy(&narrow, bytes, sizeof(narrow));
		widen_header(&narrow, header);
	}
	if (header->e_type != ET_EXEC) {
		return "not a linked executable (its ELF type is not ET_EXEC)";
	}
	if (header->e_machine != (is_64 ? EM_X86_64 : EM_386)) {
		return is_64 ? "a 64-bit image for another machine than x86-64"
		             : "a 32-bit image for another machine than i386";
	}
	if (header->e_version != EV_CURRENT) {
		return "its ELF header has an unknown version";
	}
	return NULL;
}

static const char *
check_program_headers(const struct parse *parse, const Elf64_Ehdr *header)
{
	uint64_t end;

	if (header->e_phnum == 0) {
		return "it has no program headers";
	}
	if (header->e_phnum > ELF_PROGRAM_HEADERS_MAX) {
		return "it has more than 64 program headers";
	}
	if (header->e_phentsize != (parse->is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr))) {
		return "its program headers have the wrong size";
	}
	if (__builtin_add_overflow(header->e_phoff, (uint64_t)header->e_phnum * header->e_phentsize,
	                           &end)) {
		return "the offset of its program headers wraps around";
	}
	if (end > parse->size) {
		return "its program headers lie outside the file";
	}
	return NULL;
}
_Static_assert(ELF_PROGRAM_HEADERS_MAX == 64, "the sentence above says so");

static Elf64_Phdr
read_program_header(const struct parse *parse, uint64_t offset)
{
	Elf64_Phdr wide;
	Elf32_Phdr narrow;

	if (parse->is_64) {
		memcpy(&wide, parse->bytes + offset, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, parse->bytes + offset, sizeof(narrow));
	return (Elf64_Phdr){
		.p_type = narrow.p_type,
		.p_flags = narrow.p_flags,
		.p_offset = narrow.p_offset,
		.p_vaddr = narrow.p_vaddr,
		.p_paddr = narrow.p_paddr,
		.p_filesz = narrow.p_filesz,
		.p_memsz = narrow.p_memsz,
		.p_align = narrow.p_align,
	};
}

static const char *
check_segment_bytes(const struct parse *parse, const Elf64_Phdr *program)
{
	uint64_t end;

	if (program->p_filesz > program->p_memsz) {
		return "a segment is larger in the file than in memory";
	}
	/* Linkers give a segment without bytes whatever offset comes next, even past the end. */
	if (program->p_filesz == 0) {
		return NULL;
	}
	if (__builtin_add_overflow(program->p_offset, program->p_filesz, &end)) {
		return "the file range of a segment wraps around";
	}
	if (end > parse->size) {
		return "a segment reaches beyond the end of the file";
	}
	return NULL;
}

static const char *
check_segment_place(const struct parse *parse, const Elf64_Phdr *program)
{
	uint64_t end;

	if (__builtin_add_overflow(program->p_paddr, program->p_memsz, &end)) {
		return "the physical addresses of a segment wrap around";
	}
	if (program->p_paddr < ELF_LOAD_MIN) {
		return "a segment lies below 0x10000, where the boot structures go";
	}
	if (end > parse->low_size) {
		return "a segment reaches beyond the guest's RAM (see --memory)";
	}
	for (uint32_t i = 0; i < parse->image->segment_count; i++) {
		const struct elf_segment *other = &parse->image->segments[i];

		if (program->p_paddr < other->paddr + other->memory_size && other->paddr < end) {
			return "two segments overlap";
		}
	}
	return NULL;
}
_Static_assert(ELF_LOAD_MIN == 0x10000, "the sentence above says so");

static const char *
add_segment(struct parse *parse, const Elf64_Phdr *program)
{
	struct elf_image *image = parse->image;
	const char *error = check_segment_bytes(parse, program);

	if (error != NULL || program->p_memsz == 0) {
		return error;
	}
	error = check_segment_place(parse, program);
	if (error != NULL) {
		return error;
	}
	if (image->segment_count == ELF_SEGMENTS_MAX) {
		return "it has more than 16 loadable segments";
	}
	image->segments[image->segment_count++] = (struct elf_segment){
		.paddr = program->p_paddr,
		.memory_size = program->p_memsz,
		.file_offset = program->p_filesz == 0 ? 0 : program->p_offset,
		.file_size = program->p_filesz,
	};
	return NULL;
}
_Static_assert(ELF_SEGMENTS_MAX == 16, "the sentence above says so");

static const char *
take_pvh_note(struct parse *parse, const uint8_t *desc, uint32_t desc_size)
{
	uint64_t entry = 0;

	if (desc_size != sizeof(uint32_t) && desc_size != sizeof(uint64_t)) {
		return "its PVH note holds neither 4 nor 8 bytes";
	}
	memcpy(&entry, desc, desc_size);
	if (entry > UINT32_MAX) {
		return "its PVH entry lies above 4 GiB";
	}
	/*
	 * The same note may be reached through two PT_NOTE segments; then it says the same twice.
	 */
	if (parse->has_entry && entry != parse->image->entry) {
		return "it has two PVH notes with different entries";
	}
	parse->has_entry = true;
	parse->image->entry = (uint32_t)entry;
	return NULL;
}

static const char *
take_boot_note(struct parse *parse, const uint8_t *desc, uint32_t desc_size)
{
	uint32_t version;

	if (desc_size != sizeof(version)) {
		return "its Overtake note does not hold 4 bytes";
	}
	memcpy(&version, desc, sizeof(version));
	if (version != BOOT_NOTE_VERSION) {
		return "it was built for another version of the boot ABI";
	}
	parse->image->is_ours = true;
	return NULL;
}

static bool
note_is(const Elf32_Nhdr *note, const uint8_t *name, const char *owner, uint32_t type)
{
	size_t owner_size = strlen(owner) + 1;

	return note->n_type == type && note->n_namesz == owner_size &&
	       memcmp(name, owner, owner_size) == 0;
}

static const char *
take_note(struct parse *parse, const Elf32_Nhdr *note, const uint8_t *name, const uint8_t *desc)
{
	if (note_is(note, name, PVH_NOTE_OWNER, PVH_NOTE_TYPE)) {
		return take_pvh_note(parse, desc, note->n_descsz);
	}
	if (note_is(note, name, BOOT_NOTE_OWNER, BOOT_NOTE_TYPE)) {
		return take_boot_note(parse, desc, note->n_descsz);
	}
	return NULL;
}

static uint64_t
align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

/*
 * Nothing here can wrap: `size` is at most the file's, and a note's two lengths have 32 bits. The
 * words of a note have 4 bytes in both classes; only its padding follows p_align, which is 8 in
 * files that carry GNU properties. Other alignments are those of the section, not of the notes.
 */
static const char *
walk_notes(struct parse *parse, const uint8_t *notes, uint64_t size, uint64_t align)
{
	uint64_t next = 0;

	while (next < size) { /* each turn takes a header's size at least */
		Elf32_Nhdr note;
		uint64_t name = next + sizeof(note);
		uint64_t desc;
		const char *error;

		if (size - next < sizeof(note)) {
			return "a note's header reaches beyond its segment";
		}
		memcpy(&note, notes + next, sizeof(note));
		if (note.n_namesz > size - name) {
			return "a note's name reaches beyond its segment";
		}
		desc = align_up(name + note.n_namesz, align);
		if (note.n_descsz != 0 && desc + note.n_descsz > size) {
			return "a note's descriptor reaches beyond its segment";
		}
		next = align_up(desc + note.n_descsz, align);
		if (desc > size) {
			desc = size; /* the padding before an empty descriptor may be missing */
		}
		error = take_note(parse, &note, notes + name, notes + desc);
		if (error != NULL) {
			return error;
		}
	}
	return NULL;
}

static const char *
add_notes(struct parse *parse, const Elf64_Phdr *program)
{
	uint64_t end;

	if (program->p_filesz == 0) {
		return NULL;
	}
	if (__builtin_add_overflow(program->p_offset, program->p_filesz, &end)) {
		return "the file range of a note segment wraps around";
	}
	if (end > parse->size) {
		return "a note segment reaches beyond the end of the file";
	}
	return walk_notes(parse, parse->bytes + program->p_offset, program->p_filesz,
	                  program->p_align == 8 ? 8 : 4);
}

static bool
is_loaded_from_file(const struct elf_image *image, uint64_t addr)
{
	for (uint32_t i = 0; i < image->segment_count; i++) {
		const struct elf_segment *segment = &image->segments[i];

		if (addr >= segment->paddr && addr - segment->paddr < segment->file_size) {
			return true;
		}
	}
	return false;
}

static const char *
check_image(const struct parse *parse)
{
	if (parse->image->segment_count == 0) {
		return "it has no loadable segment";
	}
	if (!parse->has_entry) {
		return "it has no PVH note (owner \"Xen\", type 18), so its entry is unknown";
	}
	if (!is_loaded_from_file(parse->image, parse->image->entry)) {
		return "its PVH entry lies outside the bytes that are loaded";
	}
	return NULL;
}

const char *
elf_parse(const void *bytes, size_t size, uint64_t low_size, struct elf_image *image)
{
	struct parse parse = { .bytes = bytes, .size = size, .low_size = low_size, .image = image };
	Elf64_Ehdr header;
	const char *error = elf_read_header(bytes, size, &header);

	if (error != NULL) {
		return error;
	}
	parse.is_64 = header.e_ident[EI_CLASS] == ELFCLASS64;
	*image = (struct elf_image){ 0 };
	error = check_program_headers(&parse, &header);
	for (uint32_t i = 0; error == NULL && i < header.e_phnum; i++) {
		Elf64_Phdr program = read_program_header(
			&parse, header.e_phoff + (uint64_t)i * header.e_phentsize);

		if (program.p_type == PT_LOAD) {
			error = add_segment(&parse, &program);
		} else if (program.p_type == PT_NOTE) {
			error = add_notes(&parse, &program);
		}
	}
	return error != NULL ? error : check_image(&parse);
}
