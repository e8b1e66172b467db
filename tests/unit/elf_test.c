// SPDX-License-Identifier: ISC
/*
 * The ELF loader against images built here, of both classes. Each check of the loader has a row
 * that breaks one field of a good image and expects the check's own sentence; the bounds have rows
 * on their accepting side too. Images lie in allocations of their exact size, so that the
 * sanitizer sees any read beyond.
 */
#include "vmm/elf.h"

#include "tests/unit/elf_image.h"
#include "tests/unit/elf_oracle.h"
#include "tests/unit/random.h"
#include "tests/unit/suite.h"

#include "shared/boot_abi.h"

#include <stdint.h>
#include <string.h>

enum { ON_32 = 1, ON_64 = 2, ON_BOTH = 3 };

struct row {
	enum elf_field field;
	uint32_t index;
	uint64_t value;
	unsigned int classes;
	const char *sentence; /* NULL: accepted */
};

/* The size of the good image differs by class, so rows about the file's end count from it. */
#define FROM_END (1ull << 62)

static const struct row broken_headers[] = {
	{ IDENT, 0, 0x7e, ON_BOTH, "not an ELF file: it does not begin with 7f 'E' 'L' 'F'" },
	{ IDENT, 1, 'e', ON_BOTH, "not an ELF file: it does not begin with 7f 'E' 'L' 'F'" },
	{ IDENT, 2, 'l', ON_BOTH, "not an ELF file: it does not begin with 7f 'E' 'L' 'F'" },
	{ IDENT, 3, 'f', ON_BOTH, "not an ELF file: it does not begin with 7f 'E' 'L' 'F'" },
	{ IDENT, EI_CLASS, 0, ON_BOTH, "neither a 64-bit nor a 32-bit ELF file" },
	{ IDENT, EI_CLASS, 3, ON_BOTH, "neither a 64-bit nor a 32-bit ELF file" },
	{ IDENT, EI_DATA, 0, ON_BOTH, "not a little-endian ELF file" },
	{ IDENT, EI_DATA, ELFDATA2MSB, ON_BOTH, "not a little-endian ELF file" },
	{ IDENT, EI_VERSION, 0, ON_BOTH, "its ELF identification has an unknown version" },
	{ IDENT, EI_VERSION, 2, ON_BOTH, "its ELF identification has an unknown version" },
	{ E_TYPE, 0, ET_NONE, ON_BOTH, "not a linked executable (its ELF type is not ET_EXEC)" },
	{ E_TYPE, 0, ET_REL, ON_BOTH, "not a linked executable (its ELF type is not ET_EXEC)" },
	{ E_TYPE, 0, ET_DYN, ON_BOTH, "not a linked executable (its ELF type is not ET_EXEC)" },
	{ E_TYPE, 0, ET_CORE, ON_BOTH, "not a linked executable (its ELF type is not ET_EXEC)" },
	{ E_MACHINE, 0, EM_386, ON_64, "a 64-bit image for another machine than x86-64" },
	{ E_MACHINE, 0, EM_AARCH64, ON_64, "a 64-bit image for another machine than x86-64" },
	{ E_MACHINE, 0, EM_X86_64, ON_32, "a 32-bit image for another machine than i386" },
	{ E_MACHINE, 0, EM_ARM, ON_32, "a 32-bit image for another machine than i386" },
	{ E_VERSION, 0, 0, ON_BOTH, "its ELF header has an unknown version" },
	{ E_VERSION, 0, 2, ON_BOTH, "its ELF header has an unknown version" },
	{ E_PHNUM, 0, 0, ON_BOTH, "it has no program headers" },
	{ E_PHNUM, 0, ELF_PROGRAM_HEADERS_MAX + 1, ON_BOTH, "it has more than 64 program headers" },
	{ E_PHNUM, 0, ELF_PROGRAM_HEADERS_MAX, ON_BOTH,
	  "its program headers lie outside the file" },
	{ E_PHNUM, 0, PN_XNUM, ON_BOTH, "it has more than 64 program headers" },
	{ E_PHENTSIZE, 0, 0, ON_BOTH, "its program headers have the wrong size" },
	{ E_PHENTSIZE, 0, sizeof(Elf64_Phdr), ON_32, "its program headers have the wrong size" },
	{ E_PHENTSIZE, 0, sizeof(Elf32_Phdr), ON_64, "its program headers have the wrong size" },
	{ E_PHENTSIZE, 0, sizeof(Elf64_Phdr) + 1, ON_64,
	  "its program headers have the wrong size" },
	{ E_PHOFF, 0, UINT64_MAX, ON_64, "the offset of its program headers wraps around" },
	{ E_PHOFF, 0, 0 - PH_COUNT * sizeof(Elf64_Phdr), ON_64,
	  "the offset of its program headers wraps around" },
	{ E_PHOFF, 0, UINT64_MAX - PH_COUNT * sizeof(Elf64_Phdr), ON_64,
	  "its program headers lie outside the file" },
	{ E_PHOFF, 0, UINT32_MAX, ON_32, "its program headers lie outside the file" },
	{ E_PHOFF, 0, FROM_END - PH_COUNT * sizeof(Elf64_Phdr) + 1, ON_64,
	  "its program headers lie outside the file" },
	{ E_PHOFF, 0, FROM_END - PH_COUNT * sizeof(Elf32_Phdr) + 1, ON_32,
	  "its program headers lie outside the file" },
};

static const struct row broken_segments[] = {
	{ P_FILESZ, PH_TEXT, TEXT_SIZE + 1, ON_BOTH,
	  "a segment is larger in the file than in memory" },
	{ P_MEMSZ, PH_DATA, DATA_SIZE - 1, ON_BOTH,
	  "a segment is larger in the file than in memory" },
	{ P_MEMSZ, PH_DATA, 0, ON_BOTH, "a segment is larger in the file than in memory" },
	{ P_OFFSET, PH_TEXT, UINT64_MAX, ON_64, "the file range of a segment wraps around" },
	{ P_OFFSET, PH_TEXT, 0ull - TEXT_SIZE, ON_64, "the file range of a segment wraps around" },
	{ P_OFFSET, PH_TEXT, UINT64_MAX - TEXT_SIZE, ON_64,
	  "a segment reaches beyond the end of the file" },
	{ P_OFFSET, PH_TEXT, UINT32_MAX, ON_32, "a segment reaches beyond the end of the file" },
	{ P_OFFSET, PH_TEXT, FROM_END - TEXT_SIZE + 1, ON_BOTH,
	  "a segment reaches beyond the end of the file" },
	{ P_OFFSET, PH_DATA, FROM_END, ON_BOTH, "a segment reaches beyond the end of the file" },
	{ P_PADDR, PH_TEXT, 0ull - TEXT_SIZE, ON_64,
	  "the physical addresses of a segment wrap around" },
	{ P_MEMSZ, PH_BSS, UINT64_MAX, ON_64, "the physical addresses of a segment wrap around" },
	{ P_PADDR, PH_TEXT, 0, ON_BOTH,
	  "a segment lies below 0x10000, where the boot structures go" },
	{ P_PADDR, PH_TEXT, ELF_LOAD_MIN - 1, ON_BOTH,
	  "a segment lies below 0x10000, where the boot structures go" },
	{ P_PADDR, PH_DATA, RAM_SIZE - DATA_MEMORY + 1, ON_BOTH,
	  "a segment reaches beyond the guest's RAM (see --memory)" },
	{ P_PADDR, PH_TEXT, RAM_SIZE, ON_BOTH,
	  "a segment reaches beyond the guest's RAM (see --memory)" },
	{ P_MEMSZ, PH_BSS, UINT32_MAX, ON_BOTH,
	  "a segment reaches beyond the guest's RAM (see --memory)" },
	{ P_PADDR, PH_TEXT, UINT64_MAX - TEXT_SIZE, ON_64,
	  "a segment reaches beyond the guest's RAM (see --memory)" },
	{ P_PADDR, PH_DATA, TEXT_PADDR + TEXT_SIZE - 1, ON_BOTH, "two segments overlap" },
	{ P_PADDR, PH_DATA, TEXT_PADDR - DATA_MEMORY + 1, ON_BOTH, "two segments overlap" },
	{ P_PADDR, PH_BSS, DATA_PADDR + DATA_MEMORY - 1, ON_BOTH, "two segments overlap" },
	{ P_MEMSZ, PH_DATA, BSS_PADDR - DATA_PADDR + 1, ON_BOTH, "two segments overlap" },
	{ P_PADDR, PH_DATA, TEXT_PADDR, ON_BOTH, "two segments overlap" },
};

static const struct row broken_notes[] = {
	{ P_OFFSET, PH_NOTES, UINT64_MAX, ON_64, "the file range of a note segment wraps around" },
	{ P_FILESZ, PH_NOTES, 0ull - NOTES_OFFSET, ON_64,
	  "the file range of a note segment wraps around" },
	{ P_OFFSET, PH_NOTES, NOTES_OFFSET + 1, ON_BOTH,
	  "a note segment reaches beyond the end of the file" },
	{ P_FILESZ, PH_NOTES, UINT32_MAX, ON_BOTH,
	  "a note segment reaches beyond the end of the file" },
	{ P_FILESZ, PH_NOTES, 1, ON_BOTH, "a note's header reaches beyond its segment" },
	{ P_FILESZ, PH_NOTES, 11, ON_BOTH, "a note's header reaches beyond its segment" },
	{ P_FILESZ, PH_NOTES, 12, ON_BOTH, "a note's name reaches beyond its segment" },
	{ P_FILESZ, PH_NOTES, 16, ON_BOTH, "a note's descriptor reaches beyond its segment" },
	{ P_FILESZ, PH_NOTES, 23, ON_BOTH, "a note's descriptor reaches beyond its segment" },
	{ BOOT_NOTE, 0, UINT32_MAX, ON_BOTH, "a note's name reaches beyond its segment" },
	{ PVH_NOTE, 0, 0x40, ON_BOTH, "a note's name reaches beyond its segment" },
	{ BOOT_NOTE, 1, UINT32_MAX, ON_BOTH, "a note's descriptor reaches beyond its segment" },
	{ PVH_NOTE, 1, 9, ON_64, "a note's descriptor reaches beyond its segment" },
	{ PVH_NOTE, 1, 5, ON_32, "a note's descriptor reaches beyond its segment" },
	{ PVH_NOTE, 1, 0, ON_BOTH, "its PVH note holds neither 4 nor 8 bytes" },
	{ PVH_NOTE, 1, 3, ON_BOTH, "its PVH note holds neither 4 nor 8 bytes" },
	{ PVH_NOTE, 1, 7, ON_64, "its PVH note holds neither 4 nor 8 bytes" },
	{ PVH_NOTE, 5, 1, ON_64, "its PVH entry lies above 4 GiB" },
	{ PVH_NOTE, 4, UINT32_MAX, ON_BOTH,
	  "its PVH entry lies outside the bytes that are loaded" },
	{ BOOT_NOTE, 1, 0, ON_BOTH, "its Overtake note does not hold 4 bytes" },
	{ BOOT_NOTE, 1, 3, ON_BOTH, "its Overtake note does not hold 4 bytes" },
	{ BOOT_NOTE, 1, 8, ON_BOTH, "its Overtake note does not hold 4 bytes" },
	{ BOOT_NOTE, 6, BOOT_NOTE_VERSION + 1, ON_BOTH,
	  "it was built for another version of the boot ABI" },
	{ BOOT_NOTE, 6, 0, ON_BOTH, "it was built for another version of the boot ABI" },
	{ PVH_NOTE, 2, PVH_NOTE_TYPE - 1, ON_BOTH,
	  "it has no PVH note (owner \"Xen\", type 18), so its entry is unknown" },
	{ PVH_NOTE, 3, 0x006e6578, ON_BOTH, /* "xen" */
	  "it has no PVH note (owner \"Xen\", type 18), so its entry is unknown" },
	{ PVH_NOTE, 0, 3, ON_BOTH, /* "Xen" without its NUL */
	  "it has no PVH note (owner \"Xen\", type 18), so its entry is unknown" },
	{ P_TYPE, PH_NOTES, PT_NULL, ON_BOTH,
	  "it has no PVH note (owner \"Xen\", type 18), so its entry is unknown" },
	{ P_FILESZ, PH_NOTES, 0, ON_BOTH,
	  "it has no PVH note (owner \"Xen\", type 18), so its entry is unknown" },
	{ PVH_NOTE, 4, TEXT_PADDR - 1, ON_BOTH,
	  "its PVH entry lies outside the bytes that are loaded" },
	{ PVH_NOTE, 4, TEXT_PADDR + TEXT_SIZE, ON_BOTH,
	  "its PVH entry lies outside the bytes that are loaded" },
	{ PVH_NOTE, 4, DATA_PADDR + DATA_SIZE, ON_BOTH,
	  "its PVH entry lies outside the bytes that are loaded" },
	{ PVH_NOTE, 4, BSS_PADDR, ON_BOTH, "its PVH entry lies outside the bytes that are loaded" },
	{ PVH_NOTE, 4, 0, ON_BOTH, "its PVH entry lies outside the bytes that are loaded" },
};

static const struct row accepted[] = {
	{ P_PADDR, PH_DATA, ELF_LOAD_MIN, ON_BOTH, NULL },
	{ P_PADDR, PH_DATA, RAM_SIZE - DATA_MEMORY, ON_BOTH, NULL },
	{ P_PADDR, PH_DATA, TEXT_PADDR + TEXT_SIZE, ON_BOTH, NULL },
	{ P_PADDR, PH_DATA, TEXT_PADDR - DATA_MEMORY, ON_BOTH, NULL },
	{ P_OFFSET, PH_DATA, FROM_END - DATA_SIZE, ON_BOTH, NULL },
	{ P_OFFSET, PH_BSS, UINT64_MAX, ON_BOTH, NULL },
	{ P_MEMSZ, PH_DATA, DATA_SIZE, ON_BOTH, NULL },
	{ P_MEMSZ, PH_BSS, BSS_SIZE - 1, ON_BOTH, NULL },
	{ P_TYPE, PH_BSS, PT_INTERP, ON_BOTH, NULL },
	{ P_TYPE, PH_BSS, PT_NOTE, ON_BOTH, NULL }, /* without bytes, at an offset past the end */
	{ P_ALIGN, PH_NOTES, 0, ON_BOTH, NULL },
	{ P_ALIGN, PH_NOTES, 4096, ON_BOTH, NULL },
	{ PVH_NOTE, 4, TEXT_PADDR, ON_BOTH, NULL },
	{ PVH_NOTE, 4, TEXT_PADDR + TEXT_SIZE - 1, ON_BOTH, NULL },
	{ PVH_NOTE, 4, DATA_PADDR + DATA_SIZE - 1, ON_BOTH, NULL },
	{ BOOT_NOTE, 2, BOOT_NOTE_TYPE + 1, ON_BOTH, NULL }, /* another note of our owner */
};

static void
check_row(const struct row *row, bool is_64)
{
	struct elf_image parsed;
	struct elf_test_image image;
	uint64_t value = row->value;
	const char *error;

	elf_image_build(&image, is_64, 4);
	if (row->value > FROM_END / 2 && row->value < FROM_END * 2) {
		value = row->value - FROM_END + image.size;
	}
	elf_image_set(&image, row->field, row->index, value);
	error = elf_image_parse(&image, &parsed);
	if (row->sentence == NULL) {
		ck_assert_msg(error == NULL, "field %d[%u] = 0x%jx, %s-bit: %s", row->field,
		              row->index, (uintmax_t)value, is_64 ? "64" : "32", error);
	} else {
		ck_assert_msg(error != NULL && strcmp(error, row->sentence) == 0,
		              "field %d[%u] = 0x%jx, %s-bit: expected \"%s\", got \"%s\"",
		              row->field, row->index, (uintmax_t)value, is_64 ? "64" : "32",
		              row->sentence, error == NULL ? "accepted" : error);
	}
}

static void
check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if ((rows[i].classes & ON_64) != 0) {
			check_row(&rows[i], true);
		}
		if ((rows[i].classes & ON_32) != 0) {
			check_row(&rows[i], false);
		}
	}
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void
assert_good(const struct elf_test_image *image, const struct elf_image *parsed)
{
	static const struct elf_segment expected[] = {
		{ TEXT_PADDR, TEXT_SIZE, TEXT_OFFSET, TEXT_SIZE },
		{ DATA_PADDR, DATA_MEMORY, DATA_OFFSET, DATA_SIZE },
		{ BSS_PADDR, BSS_SIZE, 0, 0 },
	};

	ck_assert_uint_eq(parsed->entry, ENTRY);
	ck_assert_int_eq(parsed->is_ours, image->boot_note != 0);
	ck_assert_uint_eq(parsed->segment_count, 3);
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(parsed->segments[i].paddr, expected[i].paddr);
		ck_assert_uint_eq(parsed->segments[i].memory_size, expected[i].memory_size);
		ck_assert_uint_eq(parsed->segments[i].file_offset, expected[i].file_offset);
		ck_assert_uint_eq(parsed->segments[i].file_size, expected[i].file_size);
	}
}

START_TEST(test_elf_good_image_is_read)
{
	/* Both classes and both note alignments give the segments, the entry and our note. */
	struct elf_image parsed;
	struct elf_test_image image;

	for (int i = 0; i < 4; i++) {
		elf_image_build(&image, (i & 1) != 0, (i & 2) != 0 ? 8 : 4);
		ck_assert_ptr_null(elf_image_parse(&image, &parsed));
		assert_good(&image, &parsed);
	}
}
END_TEST

START_TEST(test_elf_unaligned_bytes_are_read)
{
	/* The loader copies what it reads: UBSan stays silent at every alignment of the file. */
	struct elf_image parsed;
	struct elf_test_image image;

	for (size_t shift = 1; shift < 16; shift++) {
		elf_image_build(&image, (shift & 1) != 0, 4);
		ck_assert_ptr_null(elf_image_parse_shifted(&image, shift, &parsed));
		assert_good(&image, &parsed);
	}
}
END_TEST

START_TEST(test_elf_broken_header_has_its_sentence)
{
	/* Each check of the file header: one field of a good image broken, the exact sentence. */
	CHECK_ROWS(broken_headers);
}
END_TEST

START_TEST(test_elf_broken_segment_has_its_sentence)
{
	/* Each check of a PT_LOAD, at the first value that it must refuse and at extreme ones. */
	CHECK_ROWS(broken_segments);
}
END_TEST

START_TEST(test_elf_broken_note_has_its_sentence)
{
	/* Each check of a PT_NOTE and of the notes, lying sizes included. */
	CHECK_ROWS(broken_notes);
}
END_TEST

START_TEST(test_elf_value_at_the_bound_is_accepted)
{
	/* The accepting side of each bound: the last value that is right. */
	CHECK_ROWS(accepted);
}
END_TEST

START_TEST(test_elf_prefix_is_refused)
{
	/*
	 * An image cut off anywhere is refused: its last bytes are needed. All lengths are tried.
	 */
	struct elf_image parsed;
	struct elf_test_image image;

	for (int is_64 = 0; is_64 < 2; is_64++) {
		size_t whole;

		elf_image_build(&image, is_64, 4);
		whole = image.size;
		for (image.size = 0; image.size < whole; image.size++) {
			ck_assert_msg(elf_image_parse(&image, &parsed) != NULL,
			              "%zu of %zu bytes accepted", image.size, whole);
		}
	}
}
END_TEST

START_TEST(test_elf_header_cut_off_has_its_sentence)
{
	/*
	 * The two lengths at which the file header's checks begin: 16 bytes, and the whole header.
	 */
	struct elf_image parsed;
	struct elf_test_image image;

	for (int is_64 = 0; is_64 < 2; is_64++) {
		elf_image_build(&image, is_64, 4);
		image.size = EI_NIDENT - 1;
		ck_assert_str_eq(elf_image_parse(&image, &parsed),
		                 "not an ELF file: it is shorter than 16 bytes");
		image.size++;
		ck_assert_str_eq(elf_image_parse(&image, &parsed),
		                 "the file ends inside its ELF header");
		image.size = (is_64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)) - 1;
		ck_assert_str_eq(elf_image_parse(&image, &parsed),
		                 "the file ends inside its ELF header");
		image.size++;
		ck_assert_str_eq(elf_image_parse(&image, &parsed),
		                 "its program headers lie outside the file");
	}
}
END_TEST

/* An image of `count` segments of one page each, all of the same bytes, and the notes. */
static void
build_many(struct elf_test_image *image, uint32_t count)
{
	elf_image_build(image, true, 4);
	elf_image_header(image, (uint16_t)(count + 1));
	for (uint32_t i = 0; i < count; i++) {
		elf_image_program(image, i,
		                  &(Elf64_Phdr){
					  .p_type = PT_LOAD,
					  .p_offset = TEXT_OFFSET,
					  .p_paddr = TEXT_PADDR + i * 0x1000,
					  .p_filesz = TEXT_SIZE,
					  .p_memsz = 0x1000,
				  });
	}
	elf_image_program(image, count,
	                  &(Elf64_Phdr){
				  .p_type = PT_NOTE,
				  .p_offset = NOTES_OFFSET,
				  .p_filesz = image->size - NOTES_OFFSET,
			  });
}

START_TEST(test_elf_segment_too_many_is_refused)
{
	/* ELF_SEGMENTS_MAX segments fit, adjacent ones are disjoint, one more has its sentence. */
	struct elf_image parsed;
	struct elf_test_image image;

	build_many(&image, ELF_SEGMENTS_MAX);
	ck_assert_ptr_null(elf_image_parse(&image, &parsed));
	ck_assert_uint_eq(parsed.segment_count, ELF_SEGMENTS_MAX);
	build_many(&image, ELF_SEGMENTS_MAX + 1);
	ck_assert_str_eq(elf_image_parse(&image, &parsed), "it has more than 16 loadable segments");
	/* An empty one is none. */
	elf_image_set(&image, P_FILESZ, 3, 0);
	elf_image_set(&image, P_MEMSZ, 3, 0);
	ck_assert_ptr_null(elf_image_parse(&image, &parsed));
	ck_assert_uint_eq(parsed.segment_count, ELF_SEGMENTS_MAX);
}
END_TEST

START_TEST(test_elf_entry_is_sought_in_all_segments)
{
	/* The entry lies in the last of as many segments as fit, or in none of them. */
	struct elf_test_image image;
	struct elf_image parsed;

	build_many(&image, ELF_SEGMENTS_MAX);
	elf_image_set(&image, PVH_NOTE, 4, TEXT_PADDR + 0x1000 * (ELF_SEGMENTS_MAX - 1));
	ck_assert_ptr_null(elf_image_parse(&image, &parsed));
	elf_image_set(&image, PVH_NOTE, 4, TEXT_PADDR + 0x1000 * ELF_SEGMENTS_MAX);
	ck_assert_str_eq(elf_image_parse(&image, &parsed),
	                 "its PVH entry lies outside the bytes that are loaded");
}
END_TEST

START_TEST(test_elf_program_headers_may_end_the_file)
{
	/* A table of program headers that ends with the file is read to its end, and no further. */
	struct elf_test_image image;
	struct elf_image parsed;

	for (int is_64 = 0; is_64 < 2; is_64++) {
		size_t table = is_64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
		size_t size = PH_COUNT * (is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr));

		elf_image_build(&image, is_64, 4);
		elf_image_put(&image, image.size, image.bytes + table, size);
		elf_image_set(&image, E_PHOFF, 0, image.size);
		image.size += size;
		ck_assert_ptr_null(elf_image_parse(&image, &parsed));
		assert_good(&image, &parsed);
	}
}
END_TEST

START_TEST(test_elf_no_segment_is_refused)
{
	/* Without a PT_LOAD, or with empty ones only, there is nothing to load. */
	struct elf_image parsed;
	struct elf_test_image image;

	for (int is_64 = 0; is_64 < 2; is_64++) {
		elf_image_build(&image, is_64, 4);
		elf_image_set(&image, P_TYPE, PH_TEXT, PT_NULL);
		elf_image_set(&image, P_TYPE, PH_DATA, PT_PHDR);
		elf_image_set(&image, P_MEMSZ, PH_BSS, 0);
		ck_assert_str_eq(elf_image_parse(&image, &parsed), "it has no loadable segment");
	}
}
END_TEST

START_TEST(test_elf_two_pvh_notes_must_agree)
{
	/* A second PVH note with the same entry is harmless, one with another entry is refused. */
	struct elf_image parsed;
	struct elf_test_image image;
	uint32_t entry = ENTRY;

	for (int is_64 = 0; is_64 < 2; is_64++) {
		size_t second;

		elf_image_build(&image, is_64, 4);
		second = elf_image_note(&image, PVH_NOTE_OWNER, PVH_NOTE_TYPE, &entry, 4);
		elf_image_set(&image, P_FILESZ, PH_NOTES, image.size - NOTES_OFFSET);
		ck_assert_ptr_null(elf_image_parse(&image, &parsed));
		assert_good(&image, &parsed);
		image.bytes[second + 16] ^= 1;
		ck_assert_str_eq(elf_image_parse(&image, &parsed),
		                 "it has two PVH notes with different entries");
	}
}
END_TEST

START_TEST(test_elf_foreign_image_is_not_ours)
{
	/* Without our note the image is loaded all the same, and known to be another's. */
	struct elf_image parsed;
	struct elf_test_image image;

	elf_image_build(&image, true, 4);
	image.bytes[image.boot_note + 12] = 'o';
	ck_assert_ptr_null(elf_image_parse(&image, &parsed));
	ck_assert(!parsed.is_ours);
	ck_assert_uint_eq(parsed.entry, ENTRY);
}
END_TEST

START_TEST(test_elf_empty_last_note_may_lack_padding)
{
	/* A note with an empty descriptor at the segment's end needs no padding behind its name. */
	struct elf_image parsed;
	struct elf_test_image image;

	elf_image_build(&image, true, 4);
	elf_image_note(&image, "abcde", 1, "", 0);
	image.size -= 2;
	elf_image_set(&image, P_FILESZ, PH_NOTES, image.size - NOTES_OFFSET);
	ck_assert_ptr_null(elf_image_parse(&image, &parsed));
	assert_good(&image, &parsed);
}
END_TEST

/* What must hold of whatever is accepted, computed in a way of its own (128-bit sums). */
static void
assert_sound(const struct elf_test_image *image, const struct elf_image *parsed, uint64_t seed)
{
	bool entry_found = false;

	ck_assert_msg(parsed->segment_count >= 1 && parsed->segment_count <= ELF_SEGMENTS_MAX,
	              "seed %ju: %u segments", (uintmax_t)seed, parsed->segment_count);
	for (uint32_t i = 0; i < parsed->segment_count; i++) {
		const struct elf_segment *a = &parsed->segments[i];
		unsigned __int128 end = (unsigned __int128)a->paddr + a->memory_size;

		ck_assert_msg(a->file_size <= a->memory_size && a->memory_size > 0 &&
		                      a->paddr >= ELF_LOAD_MIN && end <= RAM_SIZE &&
		                      (unsigned __int128)a->file_offset + a->file_size <=
		                              image->size,
		              "seed %ju: segment %u", (uintmax_t)seed, i);
		entry_found |= parsed->entry >= a->paddr && parsed->entry < a->paddr + a->file_size;
		for (uint32_t j = 0; j < i; j++) {
			const struct elf_segment *b = &parsed->segments[j];

			ck_assert_msg(end <= b->paddr || b->paddr + b->memory_size <= a->paddr,
			              "seed %ju: segments %u and %u", (uintmax_t)seed, i, j);
		}
	}
	ck_assert_msg(entry_found, "seed %ju: entry 0x%x", (uintmax_t)seed, parsed->entry);
}

/* Numbers that parsers get wrong. */
static uint64_t
hostile_number(struct random *random, const struct elf_test_image *image)
{
	static const uint64_t numbers[] = {
		0,
		1,
		4,
		7,
		8,
		0x7f,
		0xff,
		0xffff,
		0x7fffffff,
		0x80000000,
		0xfffffff0,
		0xffffffff,
		0x100000000,
		INT64_MAX,
		1ull << 63,
		UINT64_MAX - 8,
		UINT64_MAX,
		RAM_SIZE,
		ELF_LOAD_MIN,
		TEXT_PADDR,
		NOTES_OFFSET,
	};
	size_t choice = random_below(random, sizeof(numbers) / sizeof(numbers[0]) + 1);

	if (choice == 0) {
		return image->size + random_below(random, 9) - 4;
	}
	return numbers[choice - 1];
}

/* The text and the padding between are of no interest: mutations go to headers and notes. */
static size_t
random_offset(struct random *random, const struct elf_test_image *image)
{
	if (random_below(random, 3) == 0 && image->size > NOTES_OFFSET) {
		return NOTES_OFFSET + random_below(random, image->size - NOTES_OFFSET);
	}
	return random_below(random, sizeof(Elf64_Ehdr) + PH_COUNT * sizeof(Elf64_Phdr));
}

static void
mutate(struct random *random, struct elf_test_image *image)
{
	size_t offset = random_offset(random, image);

	switch (random_below(random, 8)) {
	case 0:
		image->size = random_below(random, image->size + 1);
		break;
	case 1:
	case 2:
	case 3: {
		static const size_t widths[] = { 1, 2, 4, 8 };
		size_t width = widths[random_below(random, 4)];
		uint64_t number = hostile_number(random, image);

		elf_image_put(image, offset / width * width, &number, width);
		break;
	}
	default:
		image->bytes[offset] ^= (uint8_t)(1u << random_below(random, 8));
		break;
	}
}

START_TEST(test_elf_hostile_image_is_refused_or_sound)
{
	/*
	 * Truncated, bit-flipped and hostile images: an error sentence, or an image that keeps
	 * every promise of elf.h; and a slow reader takes and reads the same. Both outcomes must
	 * occur, or the mutations were pointless.
	 */
	uint32_t accepted_count = 0;
	uint32_t refused_count = 0;

	for (uint64_t seed = 0; seed < 20000; seed++) {
		struct random random = random_seeded(seed);
		struct elf_image parsed;
		struct elf_test_image image;
		const char *finding;
		size_t mutations = 1 + random_below(&random, 4);

		elf_image_build(&image, random_below(&random, 2) != 0,
		                random_below(&random, 2) != 0 ? 8 : 4);
		for (size_t i = 0; i < mutations; i++) {
			mutate(&random, &image);
		}
		finding = elf_oracle_judge_image(image.bytes, image.size, RAM_SIZE);
		if (finding != NULL) {
			ck_abort_msg("seed %ju: %s", (uintmax_t)seed, finding);
		}
		if (elf_image_parse_shifted(&image, random_below(&random, 8), &parsed) == NULL) {
			assert_sound(&image, &parsed, seed);
			accepted_count++;
		} else {
			refused_count++;
		}
	}
	ck_assert_uint_gt(accepted_count, 1000);
	ck_assert_uint_gt(refused_count, 1000);
}
END_TEST

START_TEST(test_elf_noise_is_refused)
{
	/*
	 * Random bytes behind a right identification, of any length: never a crash, never accepted.
	 */
	for (uint64_t seed = 0; seed < 2000; seed++) {
		struct random random = random_seeded(seed);
		struct elf_image parsed;
		struct elf_test_image image;

		elf_image_build(&image, (seed & 1) != 0, 4);
		for (size_t i = EI_NIDENT; i < sizeof(image.bytes); i++) {
			image.bytes[i] = (uint8_t)random_next(&random);
		}
		image.size = random_below(&random, sizeof(image.bytes));
		ck_assert_msg(elf_image_parse(&image, &parsed) != NULL, "seed %ju",
		              (uintmax_t)seed);
	}
}
END_TEST

static Suite *
elf_suite(void)
{
	Suite *suite = suite_create("elf");
	TCase *tests = tcase_create("elf");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_elf_good_image_is_read);
	tcase_add_test(tests, test_elf_unaligned_bytes_are_read);
	tcase_add_test(tests, test_elf_broken_header_has_its_sentence);
	tcase_add_test(tests, test_elf_broken_segment_has_its_sentence);
	tcase_add_test(tests, test_elf_broken_note_has_its_sentence);
	tcase_add_test(tests, test_elf_value_at_the_bound_is_accepted);
	tcase_add_test(tests, test_elf_prefix_is_refused);
	tcase_add_test(tests, test_elf_header_cut_off_has_its_sentence);
	tcase_add_test(tests, test_elf_segment_too_many_is_refused);
	tcase_add_test(tests, test_elf_entry_is_sought_in_all_segments);
	tcase_add_test(tests, test_elf_program_headers_may_end_the_file);
	tcase_add_test(tests, test_elf_no_segment_is_refused);
	tcase_add_test(tests, test_elf_two_pvh_notes_must_agree);
	tcase_add_test(tests, test_elf_foreign_image_is_not_ours);
	tcase_add_test(tests, test_elf_empty_last_note_may_lack_padding);
	tcase_add_test(tests, test_elf_hostile_image_is_refused_or_sound);
	tcase_add_test(tests, test_elf_noise_is_refused);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(elf_suite());
}
