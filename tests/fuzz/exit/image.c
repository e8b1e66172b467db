// SPDX-License-Identifier: ISC
#include "tests/fuzz/exit/image.h"

#include <elf.h>

#define TEXT      0xffffffff80000000ull
#define TEXT_SIZE 0x4000u

static const struct {
	Elf64_Ehdr header;
	Elf64_Shdr sections[4];
	Elf64_Sym symbols[3];
	char names[16];
} image = {
	.header = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_shoff = sizeof(Elf64_Ehdr),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = 4,
	},
	.sections = {
		[1] = { .sh_type = SHT_NOBITS,
			.sh_flags = SHF_EXECINSTR,
			.sh_addr = TEXT,
			.sh_size = 2 * TEXT_SIZE },
		[2] = { .sh_type = SHT_SYMTAB,
			.sh_offset = sizeof(Elf64_Ehdr) + 4 * sizeof(Elf64_Shdr),
			.sh_size = 3 * sizeof(Elf64_Sym),
			.sh_link = 3,
			.sh_entsize = sizeof(Elf64_Sym) },
		[3] = { .sh_type = SHT_STRTAB,
			.sh_offset = sizeof(Elf64_Ehdr) + 4 * sizeof(Elf64_Shdr) +
	                             3 * sizeof(Elf64_Sym),
			.sh_size = 16 },
	},
	.symbols = {
		[1] = { .st_name = 1,
			.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			.st_shndx = 1,
			.st_value = TEXT,
			.st_size = TEXT_SIZE },
		[2] = { .st_name = 7,
			.st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC),
			.st_shndx = 1,
			.st_value = TEXT + TEXT_SIZE,
			.st_size = TEXT_SIZE },
	},
	.names = "\0first\0second",
};

const void *const exit_image = &image;
const size_t exit_image_size = sizeof(image);
