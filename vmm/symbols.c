// SPDX-License-Identifier: ISC
/*
 * A sorted array of functions, searched by halves for the last one that begins at or before an
 * address.
 */
#include "vmm/symbols.h"

#include "vmm/elf.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct function {
	uint64_t start;
	uint64_t end;     /* exclusive */
	const char *name; /* in the image */
	uint32_t rank;    /* which of several at one address is shown: the highest */
};

struct symbols {
	size_t count;
	struct function functions[];
};

/* What the collecting step reads, all of it checked against the size of the file. */
struct source {
	const uint8_t *bytes;
	size_t size;
	bool is_64;
	Elf64_Ehdr header;
	uint64_t section_count;
	Elf64_Shdr table; /* .symtab */
	Elf64_Shdr names; /* its string table */
};

static struct symbols no_symbols;

static bool
inside(const struct source *source, uint64_t offset, uint64_t length)
{
	return offset <= source->size && length <= source->size - offset;
}

static Elf64_Shdr
read_section(const struct source *source, uint64_t index)
{
	const uint8_t *at =
		source->bytes + source->header.e_shoff + index * source->header.e_shentsize;
	Elf64_Shdr wide;
	Elf32_Shdr narrow;

	if (source->is_64) {
		memcpy(&wide, at, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, at, sizeof(narrow));
	return (Elf64_Shdr){
		.sh_type = narrow.sh_type,
		.sh_flags = narrow.sh_flags,
		.sh_addr = narrow.sh_addr,
		.sh_offset = narrow.sh_offset,
		.sh_size = narrow.sh_size,
		.sh_link = narrow.sh_link,
		.sh_entsize = narrow.sh_entsize,
	};
}

static Elf64_Sym
read_symbol(const struct source *source, uint64_t index)
{
	const uint8_t *at =
		source->bytes + source->table.sh_offset + index * source->table.sh_entsize;
	Elf64_Sym wide;
	Elf32_Sym narrow;

	if (source->is_64) {
		memcpy(&wide, at, sizeof(wide));
		return wide;
	}
	memcpy(&narrow, at, sizeof(narrow));
	return (Elf64_Sym){
		.st_name = narrow.st_name,
		.st_info = narrow.st_info,
		.st_shndx = narrow.st_shndx,
		.st_value = narrow.st_value,
		.st_size = narrow.st_size,
	};
}

/* Images with 0xff00 sections or more keep their number elsewhere: none that we would name. */
static bool
find_sections(struct source *source)
{
	const Elf64_Ehdr *header = &source->header;

	source->section_count = header->e_shnum;
	return header->e_shentsize == (source->is_64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr)) &&
	       inside(source, header->e_shoff, source->section_count * header->e_shentsize);
}

static bool
find_table(struct source *source)
{
	size_t symbol_size = source->is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);

	for (uint64_t i = 0; i < source->section_count; i++) {
		source->table = read_section(source, i);
		if (source->table.sh_type == SHT_SYMTAB) {
			break;
		}
	}
	if (source->table.sh_type != SHT_SYMTAB || source->table.sh_entsize != symbol_size ||
	    !inside(source, source->table.sh_offset, source->table.sh_size) ||
	    source->table.sh_link >= source->section_count) {
		return false;
	}
	source->names = read_section(source, source->table.sh_link);
	return source->names.sh_type == SHT_STRTAB &&
	       inside(source, source->names.sh_offset, source->names.sh_size);
}

/*
 * The name at an offset of the string table, or NULL if it is not fit to be shown. A hostile image
 * must not send escape sequences to a terminal, nor have one long name scanned for each symbol.
 */
static const char *
read_name(const struct source *source, uint32_t offset)
{
	const char *name;

	if (offset >= source->names.sh_size) {
		return NULL;
	}
	name = (const char *)source->bytes + source->names.sh_offset + offset;
	for (uint64_t i = 0; i < source->names.sh_size - offset && i <= SYMBOLS_NAME_MAX; i++) {
		if (name[i] == '\0') {
			return i == 0 ? NULL : name;
		}
		if (name[i] <= ' ' || name[i] > '~') {
			return NULL;
		}
	}
	return NULL;
}

static uint32_t
symbol_rank(const Elf64_Sym *symbol)
{
	return (ELF64_ST_TYPE(symbol->st_info) == STT_FUNC) * 4u + (symbol->st_size != 0) * 2u +
	       (ELF64_ST_BIND(symbol->st_info) != STB_LOCAL);
}

/* Fills *function if the symbol names code that lies in its section. */
static bool
read_function(const struct source *source, const Elf64_Sym *symbol, struct function *function)
{
	uint8_t type = ELF64_ST_TYPE(symbol->st_info);
	Elf64_Shdr section;
	uint64_t section_end;

	if ((type != STT_FUNC && type != STT_NOTYPE) || symbol->st_shndx == SHN_UNDEF ||
	    symbol->st_shndx >= source->section_count) {
		return false;
	}
	section = read_section(source, symbol->st_shndx);
	section_end = section.sh_addr + section.sh_size;
	if ((type == STT_NOTYPE && (section.sh_flags & SHF_EXECINSTR) == 0) ||
	    section_end < section.sh_addr || symbol->st_value < section.sh_addr ||
	    symbol->st_value >= section_end || symbol->st_size > section_end - symbol->st_value) {
		return false;
	}
	/* A function without a size ends where the next one begins: the search sees to that. */
	*function = (struct function){
		.start = symbol->st_value,
		.end = symbol->st_size == 0 ? section_end : symbol->st_value + symbol->st_size,
		.name = read_name(source, symbol->st_name),
		.rank = symbol_rank(symbol),
	};
	return function->name != NULL;
}

static struct symbols *
collect(const struct source *source)
{
	uint64_t symbol_count = source->table.sh_size / source->table.sh_entsize;
	struct symbols *symbols;

	/* The count is bounded by the file's size, so the product cannot wrap. */
	symbols = malloc(sizeof(*symbols) + symbol_count * sizeof(symbols->functions[0]));
	if (symbols == NULL) {
		return &no_symbols;
	}
	symbols->count = 0;
	for (uint64_t i = 0; i < symbol_count; i++) {
		Elf64_Sym symbol = read_symbol(source, i);

		if (read_function(source, &symbol, &symbols->functions[symbols->count])) {
			symbols->count++;
		}
	}
	return symbols;
}

/*
 * By address; the one to be shown last. Names, and of one name the ends, make the order total: what
 * is shown depends on the symbols, not on how they are sorted.
 */
static int
compare(const void *left, const void *right)
{
	const struct function *a = left;
	const struct function *b = right;
	int order;

	if (a->start != b->start) {
		return a->start < b->start ? -1 : 1;
	}
	if (a->rank != b->rank) {
		return a->rank < b->rank ? -1 : 1;
	}
	order = strcmp(a->name, b->name);
	if (order == 0 && a->end != b->end) {
		return a->end < b->end ? -1 : 1;
	}
	return order;
}

struct symbols *
symbols_load(const void *bytes, size_t size)
{
	struct source source = { .bytes = bytes, .size = size };
	struct symbols *symbols;

	if (elf_read_header(bytes, size, &source.header) != NULL) {
		return &no_symbols;
	}
	source.is_64 = source.header.e_ident[EI_CLASS] == ELFCLASS64;
	if (!find_sections(&source) || !find_table(&source)) {
		return &no_symbols;
	}
	symbols = collect(&source);
	qsort(symbols->functions, symbols->count, sizeof(symbols->functions[0]), compare);
	return symbols;
}

void
symbols_free(struct symbols *symbols)
{
	if (symbols != &no_symbols) {
		free(symbols);
	}
}

/* The last function that starts at or before the address, if it reaches so far. */
static const struct function *
find(const struct symbols *symbols, uint64_t address)
{
	size_t low = 0;
	size_t high = symbols->count;

	while (low < high) { /* functions[0..low) start at or before it, [high..count) after it */
		size_t middle = low + (high - low) / 2;

		if (symbols->functions[middle].start <= address) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	if (low == 0 || address >= symbols->functions[low - 1].end) {
		return NULL;
	}
	return &symbols->functions[low - 1];
}

char *
symbols_format(const struct symbols *symbols, uint64_t address, char *buf, size_t size)
{
	const struct function *function = find(symbols, address);

	if (function == NULL) {
		snprintf(buf, size, "0x%" PRIx64, address);
	} else {
		snprintf(buf, size, "%s+0x%" PRIx64, function->name, address - function->start);
	}
	return buf;
}

uint64_t
symbols_call_of(const struct symbols *symbols, uint64_t address)
{
	return find(symbols, address - 1) != NULL ? address - 1 : address;
}
