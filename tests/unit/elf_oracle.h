// SPDX-License-Identifier: ISC
/*
 * ELF images read slowly: every field by its offset in the file, every sum wide enough, every pair
 * of segments compared. Shares nothing with the readers but their contracts.
 *
 * Each judge returns NULL, or what the reader does against its contract, in one line.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Of vmm/elf.h, against a guest whose RAM is [0, low_size). */
const char *elf_oracle_judge_image(const void *bytes, size_t size, uint64_t low_size);

/* Of vmm/symbols.h: the names of addresses at and around the first few symbols. */
const char *elf_oracle_judge_symbols(const void *bytes, size_t size);

/* Of guest/user_elf.h. */
const char *elf_oracle_judge_user(const void *bytes, size_t size);
