// SPDX-License-Identifier: ISC
/*
 * The symbol table against images built here, of both classes: which symbols name code, how far
 * each one reaches, and that a broken table is an empty one. Images lie in allocations of their
 * exact size, so that the sanitizer sees any read beyond.
 */
#include "vmm/symbols.h"

#include "tests/unit/elf_oracle.h"
#include "tests/unit/random.h"
#include "tests/unit/suite.h"

#include <elf.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define IMAGE_MAX 16384u
#define NAMES_MAX 4096u

/* Where the sections are loaded; TEXT and MORE are executable, and not adjacent. */
#define TEXT_ADDR 0x100000u
#define TEXT_SIZE 0x1000u
#define MORE_ADDR 0x102000u
#define MORE_SIZE 0x800u
#define DATA_ADDR 0x103000u
#define DATA_SIZE 0x1000u

enum { SECTION_NULL, SECTION_TEXT, SECTION_MORE, SECTION_DATA, SECTION_SYMTAB, SECTION_STRTAB };
#define SECTION_COUNT 6u

struct image {
	bool is_64;
	bool sections_last;
	uint32_t symbol_count;
	size_t names_size;
	char names[NAMES_MAX];
	Elf64_Sym symbols[256];
	Elf64_Shdr sections[SECTION_COUNT];
	uint16_t section_count; /* as the file header says */
	uint16_t section_size;
	uint64_t sections_offset;
	size_t size; /* of the file, once written */
	uint8_t bytes[IMAGE_MAX];
};

static void
start(struct image *image, bool is_64)
{
	*image = (struct image){
		.is_64 = is_64,
		.names_size = 1,
		.section_count = SECTION_COUNT,
		.section_size = is_64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr),
	};
	image->symbol_count = 1; /* the null symbol */
	image->sections[SECTION_TEXT] = (Elf64_Shdr){
		.sh_type = SHT_PROGBITS,
		.sh_flags = SHF_ALLOC | SHF_EXECINSTR,
		.sh_addr = TEXT_ADDR,
		.sh_size = TEXT_SIZE,
	};
	image->sections[SECTION_MORE] = (Elf64_Shdr){
		.sh_type = SHT_PROGBITS,
		.sh_flags = SHF_ALLOC | SHF_EXECINSTR,
		.sh_addr = MORE_ADDR,
		.sh_size = MORE_SIZE,
	};
	image->sections[SECTION_DATA] = (Elf64_Shdr){
		.sh_type = SHT_PROGBITS,
		.sh_flags = SHF_ALLOC | SHF_WRITE,
		.sh_addr = DATA_ADDR,
		.sh_size = DATA_SIZE,
	};
	image->sections[SECTION_SYMTAB] = (Elf64_Shdr){
		.sh_type = SHT_SYMTAB,
		.sh_link = SECTION_STRTAB,
		.sh_entsize = is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym),
	};
	image->sections[SECTION_STRTAB] = (Elf64_Shdr){ .sh_type = SHT_STRTAB };
}

static void
add_typed(struct image *image, const char *name, uint8_t info, uint16_t section, uint64_t addr,
          uint64_t size)
{
	size_t length = strlen(name) + 1;

	ck_assert_uint_le(image->names_size + length, NAMES_MAX);
	ck_assert_uint_lt(image->symbol_count, 256);
	memcpy(image->names + image->names_size, name, length);
	image->symbols[image->symbol_count++] = (Elf64_Sym){
		.st_name = (uint32_t)image->names_size,
		.st_info = info,
		.st_shndx = section,
		.st_value = addr,
		.st_size = size,
	};
	image->names_size += length;
}

static void
add_function(struct image *image, const char *name, uint64_t addr, uint64_t size)
{
	add_typed(image, name, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
	          addr < MORE_ADDR ? SECTION_TEXT : SECTION_MORE, addr, size);
}

static size_t
append(struct image *image, const void *bytes, size_t size)
{
	size_t at = image->size;

	/* Not ck_assert: that reports each success to the runner, too often here. */
	if (at + size > IMAGE_MAX) {
		ck_abort_msg("the image outgrows its room");
	}
	memcpy(image->bytes + at, bytes, size);
	image->size += size;
	return at;
}

static void
append_symbol(struct image *image, const Elf64_Sym *wide)
{
	Elf32_Sym narrow = {
		.st_name = wide->st_name,
		.st_value = (uint32_t)wide->st_value,
		.st_size = (uint32_t)wide->st_size,
		.st_info = wide->st_info,
		.st_shndx = wide->st_shndx,
	};

	if (image->is_64) {
		append(image, wide, sizeof(*wide));
	} else {
		append(image, &narrow, sizeof(narrow));
	}
}

static void
append_section(struct image *image, const Elf64_Shdr *wide)
{
	Elf32_Shdr narrow = {
		.sh_type = wide->sh_type,
		.sh_flags = (uint32_t)wide->sh_flags,
		.sh_addr = (uint32_t)wide->sh_addr,
		.sh_offset = (uint32_t)wide->sh_offset,
		.sh_size = (uint32_t)wide->sh_size,
		.sh_link = wide->sh_link,
		.sh_entsize = (uint32_t)wide->sh_entsize,
	};

	if (image->is_64) {
		append(image, wide, sizeof(*wide));
	} else {
		append(image, &narrow, sizeof(narrow));
	}
}

static void
write_header(struct image *image)
{
	Elf64_Ehdr wide = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_shoff = image->sections_offset,
		.e_shentsize = image->section_size,
		.e_shnum = image->section_count,
	};
	Elf32_Ehdr narrow = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_386,
		.e_version = EV_CURRENT,
		.e_shoff = (uint32_t)image->sections_offset,
		.e_shentsize = image->section_size,
		.e_shnum = image->section_count,
	};

	if (image->is_64) {
		memcpy(image->bytes, &wide, sizeof(wide));
	} else {
		memcpy(image->bytes, &narrow, sizeof(narrow));
	}
}

static void
append_sections(struct image *image)
{
	for (uint32_t i = 0; i < SECTION_COUNT; i++) {
		append_section(image, &image->sections[i]);
	}
}

/*
 * Header, names, section headers, symbols; or the last two the other way round. What stands last
 * ends the allocation, so that an entry read too many is seen.
 */
static void
write_image(struct image *image)
{
	size_t sections_size = (size_t)SECTION_COUNT * image->section_size;
	Elf64_Shdr *symtab = &image->sections[SECTION_SYMTAB];
	Elf64_Shdr *strtab = &image->sections[SECTION_STRTAB];

	image->size = image->is_64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	strtab->sh_offset = append(image, image->names, image->names_size);
	strtab->sh_size = image->names_size;
	symtab->sh_size = image->symbol_count * symtab->sh_entsize;
	symtab->sh_offset = image->size + (image->sections_last ? 0 : sections_size);
	image->sections_offset = image->size + (image->sections_last ? symtab->sh_size : 0);
	if (!image->sections_last) {
		append_sections(image);
	}
	for (uint32_t i = 0; i < image->symbol_count; i++) {
		append_symbol(image, &image->symbols[i]);
	}
	if (image->sections_last) {
		append_sections(image);
	}
	write_header(image);
}

/* Writes the file header and the section headers again, after a test has changed them. */
static void
rewrite_headers(struct image *image)
{
	size_t size = image->size;

	image->size = image->sections_offset;
	append_sections(image);
	image->size = size;
	write_header(image);
}

/* A copy of exactly the image's size, and the table over it. */
struct loaded {
	uint8_t *bytes;
	struct symbols *symbols;
};

static struct loaded
load_image(const struct image *image)
{
	struct loaded loaded = { .bytes = malloc(image->size + (image->size == 0)) };

	ck_assert_ptr_nonnull(loaded.bytes);
	memcpy(loaded.bytes, image->bytes, image->size);
	loaded.symbols = symbols_load(loaded.bytes, image->size);
	ck_assert_ptr_nonnull(loaded.symbols);
	return loaded;
}

static void
unload(struct loaded *loaded)
{
	symbols_free(loaded->symbols);
	free(loaded->bytes);
}

static void
assert_name(const struct loaded *loaded, uint64_t addr, const char *expected)
{
	char buf[300];

	ck_assert_ptr_eq(symbols_format(loaded->symbols, addr, buf, sizeof(buf)), buf);
	ck_assert_msg(strcmp(buf, expected) == 0, "0x%" PRIx64 ": expected \"%s\", got \"%s\"",
	              addr, expected, buf);
}

/* One function "f" of 0x10 bytes at TEXT_ADDR: does the image, as it stands, name it? */
static bool
names_function(const struct image *image)
{
	struct loaded loaded = load_image(image);
	char buf[64];
	bool named =
		strcmp(symbols_format(loaded.symbols, TEXT_ADDR, buf, sizeof(buf)), "f+0x0") == 0;

	unload(&loaded);
	return named;
}

START_TEST(test_symbols_sized_function_covers_its_bytes)
{
	/* First and last byte belong to a function, the bytes around it to none; both classes. */
	static struct image image;

	for (int is_64 = 0; is_64 < 2; is_64++) {
		struct loaded loaded;

		start(&image, is_64);
		add_function(&image, "late", TEXT_ADDR + 0x200, 0x20);
		add_function(&image, "early", TEXT_ADDR + 0x100, 0x80);
		write_image(&image);
		loaded = load_image(&image);
		assert_name(&loaded, TEXT_ADDR + 0xff, "0x1000ff");
		assert_name(&loaded, TEXT_ADDR + 0x100, "early+0x0");
		assert_name(&loaded, TEXT_ADDR + 0x17f, "early+0x7f");
		assert_name(&loaded, TEXT_ADDR + 0x180, "0x100180");
		assert_name(&loaded, TEXT_ADDR + 0x200, "late+0x0");
		assert_name(&loaded, TEXT_ADDR + 0x21f, "late+0x1f");
		assert_name(&loaded, TEXT_ADDR + 0x220, "0x100220");
		assert_name(&loaded, 0, "0x0");
		assert_name(&loaded, UINT64_MAX, "0xffffffffffffffff");
		unload(&loaded);
	}
}
END_TEST

START_TEST(test_symbols_high_addresses_are_found)
{
	/* A kernel in the top 2 GiB: no signed comparison, no 32-bit truncation. */
	static struct image image;
	struct loaded loaded;
	uint64_t base = 0xffffffff80000000ull;

	start(&image, true);
	image.sections[SECTION_TEXT].sh_addr = base;
	add_typed(&image, "kernel", ELF64_ST_INFO(STB_LOCAL, STT_FUNC), SECTION_TEXT, base + 0x40,
	          0x40);
	add_function(&image, "low", MORE_ADDR, 0x40);
	write_image(&image);
	loaded = load_image(&image);
	assert_name(&loaded, base + 0x7f, "kernel+0x3f");
	assert_name(&loaded, base + 0x80, "0xffffffff80000080");
	assert_name(&loaded, MORE_ADDR + 1, "low+0x1");
	assert_name(&loaded, 0x80000040, "0x80000040");
	unload(&loaded);
}
END_TEST

START_TEST(test_symbols_unsized_label_reaches_to_the_next)
{
	/*
	 * Labels of size 0 reach to the next function, the last to its section's end, no further.
	 */
	static struct image image;

	for (int is_64 = 0; is_64 < 2; is_64++) {
		uint8_t label = ELF64_ST_INFO(STB_LOCAL, STT_NOTYPE);
		struct loaded loaded;

		start(&image, is_64);
		add_typed(&image, "entry", label, SECTION_TEXT, TEXT_ADDR + 0x10, 0);
		add_typed(&image, "exit", label, SECTION_TEXT, TEXT_ADDR + 0x30, 0);
		add_typed(&image, "more", label, SECTION_MORE, MORE_ADDR, 0);
		write_image(&image);
		loaded = load_image(&image);
		assert_name(&loaded, TEXT_ADDR + 0xf, "0x10000f");
		assert_name(&loaded, TEXT_ADDR + 0x2f, "entry+0x1f");
		assert_name(&loaded, TEXT_ADDR + 0x30, "exit+0x0");
		assert_name(&loaded, TEXT_ADDR + TEXT_SIZE - 1, "exit+0xfcf");
		assert_name(&loaded, TEXT_ADDR + TEXT_SIZE, "0x101000");
		assert_name(&loaded, MORE_ADDR + MORE_SIZE - 1, "more+0x7ff");
		assert_name(&loaded, MORE_ADDR + MORE_SIZE, "0x102800");
		unload(&loaded);
	}
}
END_TEST

START_TEST(test_symbols_other_symbols_are_no_functions)
{
	/* Data, files, sections, undefined and absolute symbols, labels of data: none is shown. */
	static const struct {
		uint8_t type;
		uint16_t section;
		uint64_t addr;
	} others[] = {
		{ STT_OBJECT, SECTION_TEXT, TEXT_ADDR },
		{ STT_SECTION, SECTION_TEXT, TEXT_ADDR },
		{ STT_FILE, SECTION_TEXT, TEXT_ADDR },
		{ STT_TLS, SECTION_TEXT, TEXT_ADDR },
		{ STT_NOTYPE, SECTION_DATA, DATA_ADDR },
		{ STT_FUNC, SHN_UNDEF, TEXT_ADDR },
		{ STT_FUNC, SHN_ABS, TEXT_ADDR },
		{ STT_FUNC, SHN_COMMON, TEXT_ADDR },
		{ STT_FUNC, SECTION_COUNT, TEXT_ADDR },
		{ STT_FUNC, SECTION_TEXT, TEXT_ADDR - 1 },
		{ STT_NOTYPE, SECTION_TEXT, TEXT_ADDR + TEXT_SIZE },
	};
	static struct image image;
	struct loaded loaded;
	char buf[64];

	start(&image, true);
	image.sections_last = true;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		add_typed(&image, "other", ELF64_ST_INFO(STB_GLOBAL, others[i].type),
		          others[i].section, others[i].addr, 4);
	}
	add_function(&image, "too_long", TEXT_ADDR, TEXT_SIZE + 1);
	write_image(&image);
	loaded = load_image(&image);
	for (uint64_t addr = TEXT_ADDR - 4; addr < DATA_ADDR + 8; addr++) {
		symbols_format(loaded.symbols, addr, buf, sizeof(buf));
		ck_assert_msg(strncmp(buf, "0x", 2) == 0, "0x%" PRIx64 " is %s", addr, buf);
	}
	unload(&loaded);
}
END_TEST

START_TEST(test_symbols_several_at_one_address_show_the_best)
{
	/* Typed before untyped, sized before unsized, global before local, in any order. */
	static const struct {
		const char *name;
		uint8_t info;
		uint64_t size;
	} aliases[] = {
		/* worst first */
		{ "label_local", ELF64_ST_INFO(STB_LOCAL, STT_NOTYPE), 0 },
		{ "label_global", ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE), 0 },
		{ "label_sized", ELF64_ST_INFO(STB_LOCAL, STT_NOTYPE), 8 },
		{ "func_local", ELF64_ST_INFO(STB_LOCAL, STT_FUNC), 0 },
		{ "func_global", ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0 },
		{ "sized_local", ELF64_ST_INFO(STB_LOCAL, STT_FUNC), 8 },
		{ "sized_global", ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 8 },
	};
	size_t count = sizeof(aliases) / sizeof(aliases[0]);
	static struct image image;

	for (size_t best = 0; best < count; best++) {
		for (size_t first = 0; first <= best; first++) {
			struct loaded loaded;
			char expected[32];

			start(&image, true);
			for (size_t i = 0; i <= best; i++) {
				size_t which = (first + i) % (best + 1);

				add_typed(&image, aliases[which].name, aliases[which].info,
				          SECTION_TEXT, TEXT_ADDR, aliases[which].size);
			}
			write_image(&image);
			loaded = load_image(&image);
			snprintf(expected, sizeof(expected), "%s+0x1", aliases[best].name);
			assert_name(&loaded, TEXT_ADDR + 1, expected);
			unload(&loaded);
		}
	}
}
END_TEST

START_TEST(test_symbols_aliases_have_a_stable_order)
{
	/*
	 * Of aliases with nothing else to choose by, the name decides, not the order in the file.
	 */
	static const char *const names[] = { "alpha", "beta", "gamma" };
	static struct image image;

	for (size_t first = 0; first < 3; first++) {
		struct loaded loaded;

		start(&image, true);
		for (size_t i = 0; i < 3; i++) {
			add_function(&image, names[(first + i) % 3], TEXT_ADDR, 8);
		}
		write_image(&image);
		loaded = load_image(&image);
		assert_name(&loaded, TEXT_ADDR, "gamma+0x0");
		unload(&loaded);
	}
}
END_TEST

START_TEST(test_symbols_same_name_at_one_address_shows_the_longest)
{
	/* Of one name and one address the longest counts, wherever it stands in the file. */
	static struct image image;

	for (uint64_t first = 0; first < 3; first++) {
		struct loaded loaded;

		start(&image, true);
		for (uint64_t i = 0; i < 3; i++) {
			add_function(&image, "twin", TEXT_ADDR, 8 * (1 + (first + i) % 3));
		}
		write_image(&image);
		loaded = load_image(&image);
		assert_name(&loaded, TEXT_ADDR + 0x17, "twin+0x17");
		unload(&loaded);
	}
}
END_TEST

START_TEST(test_symbols_label_at_section_end_names_nothing)
{
	/*
	 * A linker's end label has the address of the next section, whose own label is to be shown.
	 */
	static struct image image;
	struct loaded loaded;

	start(&image, true);
	image.sections[SECTION_MORE].sh_addr = TEXT_ADDR + TEXT_SIZE;
	add_typed(&image, "text_end", ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE), SECTION_TEXT,
	          TEXT_ADDR + TEXT_SIZE, 0);
	add_typed(&image, "more", ELF64_ST_INFO(STB_LOCAL, STT_NOTYPE), SECTION_MORE,
	          TEXT_ADDR + TEXT_SIZE, 0);
	write_image(&image);
	loaded = load_image(&image);
	assert_name(&loaded, TEXT_ADDR + TEXT_SIZE, "more+0x0");
	unload(&loaded);
}
END_TEST

START_TEST(test_symbols_unfit_name_is_ignored)
{
	/*
	 * Empty names, names with control bytes or of excessive length do not reach the terminal.
	 */
	static struct image image;
	char longest[SYMBOLS_NAME_MAX + 1];
	char too_long[SYMBOLS_NAME_MAX + 2];
	char expected[SYMBOLS_NAME_MAX + 8];
	struct loaded loaded;

	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	memset(too_long, 'b', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	start(&image, true);
	add_function(&image, "", TEXT_ADDR, 8);
	add_function(&image, "a\033[2J", TEXT_ADDR + 0x10, 8);
	add_function(&image, "a b", TEXT_ADDR + 0x20, 8);
	add_function(&image, "a\x80", TEXT_ADDR + 0x30, 8);
	add_function(&image, "a\x7f", TEXT_ADDR + 0x40, 8);
	add_function(&image, too_long, TEXT_ADDR + 0x50, 8);
	add_function(&image, longest, TEXT_ADDR + 0x60, 8);
	add_function(&image, "a.cold", TEXT_ADDR + 0x70, 8);
	add_function(&image, "!~", TEXT_ADDR + 0x80, 8);
	write_image(&image);
	loaded = load_image(&image);
	assert_name(&loaded, TEXT_ADDR, "0x100000");
	assert_name(&loaded, TEXT_ADDR + 0x10, "0x100010");
	assert_name(&loaded, TEXT_ADDR + 0x20, "0x100020");
	assert_name(&loaded, TEXT_ADDR + 0x30, "0x100030");
	assert_name(&loaded, TEXT_ADDR + 0x40, "0x100040");
	assert_name(&loaded, TEXT_ADDR + 0x50, "0x100050");
	snprintf(expected, sizeof(expected), "%s+0x0", longest);
	assert_name(&loaded, TEXT_ADDR + 0x60, expected);
	assert_name(&loaded, TEXT_ADDR + 0x71, "a.cold+0x1");
	assert_name(&loaded, TEXT_ADDR + 0x80, "!~+0x0");
	unload(&loaded);
}
END_TEST

START_TEST(test_symbols_unterminated_name_is_ignored)
{
	/* The last name of the table without its NUL: nothing behind the table is read. */
	static struct image image;

	start(&image, true);
	add_function(&image, "f", TEXT_ADDR, 0x10);
	write_image(&image);
	ck_assert(names_function(&image));
	image.sections[SECTION_STRTAB].sh_size--;
	rewrite_headers(&image);
	ck_assert(!names_function(&image));
}
END_TEST

/* What may be wrong with the tables; each alone makes the image one without symbols. */
static void
break_sections(struct image *image, int way)
{
	Elf64_Shdr *symtab = &image->sections[SECTION_SYMTAB];
	Elf64_Shdr *strtab = &image->sections[SECTION_STRTAB];

	switch (way) {
	case 0:
		image->section_count = 0;
		break;
	case 1:
		image->section_count = SECTION_COUNT + 1;
		break;
	case 2:
		image->section_size++;
		break;
	case 3:
		image->sections_offset = image->size + 1;
		break;
	case 4:
		symtab->sh_type = SHT_PROGBITS;
		break;
	case 5:
		symtab->sh_entsize = 0;
		break;
	case 6:
		symtab->sh_entsize--;
		break;
	case 7:
		symtab->sh_offset = image->size;
		break;
	case 8:
		symtab->sh_size = image->size - symtab->sh_offset + 1;
		break;
	case 9:
		symtab->sh_size = UINT64_MAX;
		break;
	case 10:
		symtab->sh_offset = UINT64_MAX;
		break;
	case 11:
		symtab->sh_link = SECTION_COUNT;
		break;
	case 12:
		symtab->sh_link = SECTION_DATA;
		break;
	case 13:
		strtab->sh_offset = image->size - 1;
		break;
	case 14:
		strtab->sh_size = UINT64_MAX;
		break;
	case 15:
		strtab->sh_size = 1;
		break;
	default:
		ck_abort_msg("no such way");
	}
}
#define WAYS 16

START_TEST(test_symbols_broken_table_is_empty)
{
	/* Each way in which a section header may lie gives an image without symbols, no crash. */
	static struct image image;

	for (int is_64 = 0; is_64 < 2; is_64++) {
		for (int way = 0; way < WAYS; way++) {
			uint64_t sections_offset;

			start(&image, is_64);
			add_function(&image, "f", TEXT_ADDR, 0x10);
			write_image(&image);
			ck_assert(names_function(&image));
			sections_offset = image.sections_offset;
			break_sections(&image, way);
			if (image.sections_offset == sections_offset) {
				rewrite_headers(&image);
			} else {
				write_header(&image);
			}
			ck_assert_msg(!names_function(&image), "way %d", way);
		}
	}
}
END_TEST

START_TEST(test_symbols_no_image_is_empty)
{
	/*
	 * No bytes at all, and every prefix of an image: a table that can be asked, and is empty.
	 */
	static struct image image;
	size_t whole;

	start(&image, true);
	add_function(&image, "f", TEXT_ADDR, 0x10);
	write_image(&image);
	whole = image.size;
	for (image.size = 0; image.size < whole; image.size++) {
		ck_assert_msg(!names_function(&image), "%zu of %zu bytes", image.size, whole);
	}
}
END_TEST

START_TEST(test_symbols_format_is_cut_to_the_buffer)
{
	/* Any buffer size: terminated, a prefix of the whole, and not a byte further. */
	static struct image image;
	struct loaded loaded;

	start(&image, true);
	add_function(&image, "function", TEXT_ADDR, 0x10);
	write_image(&image);
	loaded = load_image(&image);
	for (size_t size = 1; size < 20; size++) {
		char *buf = malloc(size);

		ck_assert_ptr_nonnull(buf);
		symbols_format(loaded.symbols, TEXT_ADDR + 0xf, buf, size);
		ck_assert_uint_lt(strlen(buf), size);
		ck_assert_int_eq(strncmp(buf, "function+0xf", strlen(buf)), 0);
		symbols_format(loaded.symbols, UINT64_MAX, buf, size);
		ck_assert_uint_lt(strlen(buf), size);
		free(buf);
	}
	unload(&loaded);
}
END_TEST

/* The name of an address by walking all functions: the oracle of the binary search. */
static void
format_slowly(const struct image *image, uint64_t addr, char *buf, size_t size)
{
	const Elf64_Sym *best = NULL;

	for (uint32_t i = 1; i < image->symbol_count; i++) {
		const Elf64_Sym *symbol = &image->symbols[i];

		if (symbol->st_value <= addr &&
		    (best == NULL || symbol->st_value > best->st_value)) {
			best = symbol;
		}
	}
	if (best != NULL && (best->st_size == 0 ? addr < TEXT_ADDR + TEXT_SIZE
	                                        : addr - best->st_value < best->st_size)) {
		snprintf(buf, size, "%s+0x%" PRIx64, image->names + best->st_name,
		         addr - best->st_value);
	} else {
		snprintf(buf, size, "0x%" PRIx64, addr);
	}
}

START_TEST(test_symbols_random_tables_agree_with_linear_search)
{
	/* Random functions at distinct addresses, in random order: every address, both searches. */
	static struct image image;

	for (uint64_t seed = 0; seed < 16; seed++) {
		struct random random = random_seeded(seed);
		size_t count = random_below(&random, 100);
		bool taken[TEXT_SIZE / 16] = { false };
		struct loaded loaded;

		start(&image, (seed & 1) != 0);
		for (size_t i = 0; i < count; i++) {
			size_t slot = random_below(&random, TEXT_SIZE / 16);
			char name[16];

			if (!taken[slot]) {
				taken[slot] = true;
				snprintf(name, sizeof(name), "f%zu", slot);
				add_function(&image, name, TEXT_ADDR + 16 * slot,
				             random_below(&random, 17));
			}
		}
		write_image(&image);
		loaded = load_image(&image);
		for (uint64_t addr = TEXT_ADDR - 2; addr < TEXT_ADDR + TEXT_SIZE + 2; addr++) {
			char expected[64];
			char got[64];

			format_slowly(&image, addr, expected, sizeof(expected));
			symbols_format(loaded.symbols, addr, got, sizeof(got));
			if (strcmp(expected, got) != 0) {
				ck_abort_msg("seed %ju, 0x%" PRIx64 ": expected %s, got %s",
				             (uintmax_t)seed, addr, expected, got);
			}
		}
		unload(&loaded);
	}
}
END_TEST

START_TEST(test_symbols_hostile_image_is_survived)
{
	/*
	 * Thousands of mutated images: no read outside, every answer is printable, and the one that
	 * a slow reader gives.
	 */
	static struct image image;

	for (uint64_t seed = 0; seed < 5000; seed++) {
		struct random random = random_seeded(seed);
		struct loaded loaded;
		const char *finding;
		size_t mutations = 1 + random_below(&random, 6);

		start(&image, (seed & 1) != 0);
		add_function(&image, "one", TEXT_ADDR, 0x10);
		add_function(&image, "two", TEXT_ADDR + 0x20, 0);
		add_typed(&image, "three", STT_NOTYPE, SECTION_MORE, MORE_ADDR, 0);
		write_image(&image);
		for (size_t i = 0; i < mutations; i++) {
			size_t at = random_below(&random, image.size);

			if (random_below(&random, 3) == 0) {
				image.bytes[at] = random_below(&random, 2) != 0 ? 0xff : 0;
			} else {
				image.bytes[at] ^= (uint8_t)(1u << random_below(&random, 8));
			}
		}
		if (random_below(&random, 8) == 0) {
			image.size = random_below(&random, image.size);
		}
		finding = elf_oracle_judge_symbols(image.bytes, image.size);
		if (finding != NULL) {
			ck_abort_msg("seed %ju: %s", (uintmax_t)seed, finding);
		}
		loaded = load_image(&image);
		for (size_t i = 0; i < 16; i++) {
			char buf[64];

			symbols_format(loaded.symbols, TEXT_ADDR + random_below(&random, 0x4000),
			               buf, sizeof(buf));
			for (const char *c = buf; *c != '\0'; c++) {
				if (*c <= ' ' || *c > '~') {
					ck_abort_msg("seed %ju: byte 0x%x", (uintmax_t)seed,
					             (unsigned char)*c);
				}
			}
		}
		unload(&loaded);
	}
}
END_TEST

static Suite *
symbols_suite(void)
{
	Suite *suite = suite_create("symbols");
	TCase *tests = tcase_create("symbols");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_symbols_sized_function_covers_its_bytes);
	tcase_add_test(tests, test_symbols_high_addresses_are_found);
	tcase_add_test(tests, test_symbols_unsized_label_reaches_to_the_next);
	tcase_add_test(tests, test_symbols_other_symbols_are_no_functions);
	tcase_add_test(tests, test_symbols_several_at_one_address_show_the_best);
	tcase_add_test(tests, test_symbols_aliases_have_a_stable_order);
	tcase_add_test(tests, test_symbols_same_name_at_one_address_shows_the_longest);
	tcase_add_test(tests, test_symbols_label_at_section_end_names_nothing);
	tcase_add_test(tests, test_symbols_unfit_name_is_ignored);
	tcase_add_test(tests, test_symbols_unterminated_name_is_ignored);
	tcase_add_test(tests, test_symbols_broken_table_is_empty);
	tcase_add_test(tests, test_symbols_no_image_is_empty);
	tcase_add_test(tests, test_symbols_format_is_cut_to_the_buffer);
	tcase_add_test(tests, test_symbols_random_tables_agree_with_linear_search);
	tcase_add_test(tests, test_symbols_hostile_image_is_survived);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(symbols_suite());
}
