// SPDX-License-Identifier: ISC
/*
 * The names of addresses, by walking the whole table for each.
 */
#include "tests/unit/elf_oracle.h"
#include "tests/unit/elf_slow.h"
#include "vmm/symbols.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SYMBOLS_ASKED 4u

static uint64_t
section_at(const struct elf_slow *file, uint64_t i)
{
	return elf_slow_get(file, 0, e_shoff) + i * SECTION_SIZE(file);
}

/* The section header of the first symbol table, or 0 if it cannot be used. */
static uint64_t
find_symbols(struct elf_slow *file)
{
	uint64_t count;

	if (!elf_slow_header(file) || elf_slow_get(file, 0, e_shentsize) != SECTION_SIZE(file)) {
		return 0;
	}
	count = elf_slow_get(file, 0, e_shnum);
	if (!elf_slow_has(file, elf_slow_get(file, 0, e_shoff),
	                  (wide_t)count * SECTION_SIZE(file))) {
		return 0;
	}
	for (uint64_t i = 0; i < count; i++) {
		uint64_t at = section_at(file, i);
		uint64_t names = section_at(file, elf_slow_get(file, at, sh_link));

		if (elf_slow_get(file, at, sh_type) != 2) {
			continue;
		}
		return elf_slow_get(file, at, sh_entsize) == SYMBOL_SIZE(file) &&
		                       elf_slow_has(file, elf_slow_get(file, at, sh_offset),
		                                    elf_slow_get(file, at, sh_size)) &&
		                       elf_slow_get(file, at, sh_link) < count &&
		                       elf_slow_get(file, names, sh_type) == 3 &&
		                       elf_slow_has(file, elf_slow_get(file, names, sh_offset),
		                                    elf_slow_get(file, names, sh_size))
		               ? at
		               : 0;
	}
	return 0;
}

struct named {
	const char *name; /* NULL: none */
	uint64_t start;
	wide_t end;
	int rank;
};

static const char *
name_of(const struct elf_slow *file, uint64_t names, uint64_t offset)
{
	uint64_t size = elf_slow_get(file, names, sh_size);
	const char *name =
		(const char *)file->bytes + elf_slow_get(file, names, sh_offset) + offset;
	size_t length = 0;

	while (offset + length < size && length <= SYMBOLS_NAME_MAX && name[length] > ' ' &&
	       name[length] <= '~') {
		length++;
	}
	return length > 0 && length <= SYMBOLS_NAME_MAX && offset + length < size &&
	                       name[length] == '\0'
	               ? name
	               : NULL;
}

static struct named
read_symbol(const struct elf_slow *file, uint64_t table, uint64_t i)
{
	uint64_t at = elf_slow_get(file, table, sh_offset) + i * SYMBOL_SIZE(file);
	uint64_t index = elf_slow_get(file, at, st_shndx);
	uint64_t section = section_at(file, index);
	uint64_t type = elf_slow_get(file, at, st_info) % 16;
	struct named named = { .start = elf_slow_get(file, at, st_value) };
	wide_t section_start = elf_slow_get(file, section, sh_addr);
	wide_t section_end = section_start + elf_slow_get(file, section, sh_size);
	uint64_t size = elf_slow_get(file, at, st_size);
	bool is_typed = type == 2;

	named.end = size != 0 ? (wide_t)named.start + size : section_end;
	named.rank = (is_typed ? 4 : 0) + (size != 0 ? 2 : 0) +
	             (elf_slow_get(file, at, st_info) / 16 != 0 ? 1 : 0);
	if ((!is_typed && (type != 0 || (elf_slow_get(file, section, sh_flags) & 4) == 0)) ||
	    index == 0 || index >= elf_slow_get(file, 0, e_shnum) || section_end > UINT64_MAX ||
	    named.start < section_start || named.start >= section_end || named.end > section_end) {
		return (struct named){ 0 };
	}
	named.name = name_of(file, section_at(file, elf_slow_get(file, table, sh_link)),
	                     elf_slow_get(file, at, st_name));
	return named;
}

static bool
is_better(const struct named *a, const struct named *b)
{
	if (b->name == NULL || a->start != b->start) {
		return b->name == NULL || a->start > b->start;
	}
	if (a->rank != b->rank) {
		return a->rank > b->rank;
	}
	return strcmp(a->name, b->name) != 0 ? strcmp(a->name, b->name) > 0 : a->end > b->end;
}

#define TEXT_SIZE (SYMBOLS_NAME_MAX + 32)

static void
format_slowly(const struct elf_slow *file, uint64_t table, uint64_t address, char *text)
{
	uint64_t count = table == 0 ? 0 : elf_slow_get(file, table, sh_size) / SYMBOL_SIZE(file);
	struct named best = { 0 };
	wide_t end = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct named named = read_symbol(file, table, i);

		if (named.name != NULL && named.start <= address && is_better(&named, &best)) {
			best = named;
			end = named.end;
		}
	}
	if (best.name != NULL && address < end) {
		snprintf(text, TEXT_SIZE, "%s+0x%" PRIx64, best.name, address - best.start);
	} else {
		snprintf(text, TEXT_SIZE, "0x%" PRIx64, address);
	}
}

static const char *
judge_address(const struct elf_slow *file, uint64_t table, const struct symbols *symbols,
              uint64_t address)
{
	char text[TEXT_SIZE];
	char slow[TEXT_SIZE];

	symbols_format(symbols, address, text, sizeof(text));
	format_slowly(file, table, address, slow);
	if (strcmp(text, slow) != 0) {
		return "an address has another name than the table says";
	}
	/* A call is the byte before, if that has a name. */
	format_slowly(file, table, address - 1, slow);
	return symbols_call_of(symbols, address) == address - (strchr(slow, '+') != NULL)
	               ? NULL
	               : "a return address is named by another call";
}

const char *
elf_oracle_judge_symbols(const void *bytes, size_t size)
{
	struct elf_slow file = { .bytes = bytes, .size = size };
	struct symbols *symbols = symbols_load(bytes, size);
	uint64_t table = find_symbols(&file);
	const char *finding = judge_address(&file, table, symbols, 0x100000);

	for (uint64_t i = 0; table != 0 && finding == NULL && i < SYMBOLS_ASKED; i++) {
		uint64_t at = elf_slow_get(&file, table, sh_offset) + i * SYMBOL_SIZE(&file);
		uint64_t value = elf_slow_get(&file, at, st_value);
		uint64_t end = value + elf_slow_get(&file, at, st_size);

		finding = judge_address(&file, table, symbols, value);
		if (finding == NULL) {
			finding = judge_address(&file, table, symbols, end);
		}
		if (finding == NULL) {
			finding = judge_address(&file, table, symbols, end - 1);
		}
	}
	symbols_free(symbols);
	return finding;
}
