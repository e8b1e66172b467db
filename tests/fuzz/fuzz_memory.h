// SPDX-License-Identifier: ISC
/*
 * A guest's memory for targets that boot one: it keeps what the VMM writes, where, and zeroes
 * elsewhere. In the place of vmm/memory.c and vmm/die.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/file.h"

#define FUZZ_MEMORY_FD 100 /* of files[0], and so on: nobody opens them */

/* Empty memory of so many bytes; files that may be loaded into it. They must outlive it. */
void fuzz_memory_reset(uint64_t size, const struct file *files, size_t file_count);

/* One piece of memory that something lies in. false: it cannot. */
bool fuzz_memory_keep(uint64_t addr, const void *bytes, size_t size);

/* What the VMM has written against its contract since the reset, or NULL. */
const char *fuzz_memory_fault(void);

/* What was written at addr, or NULL: nothing, or not in one piece. */
const uint8_t *fuzz_memory_written(uint64_t addr, size_t size);

/*
 * Memory as a cpu reads it, of at most FUZZ_MEMORY_READ_MAX bytes; more are NULL. Behind them none
 * may be read. The same bytes are at the same place, until the reset.
 */
#define FUZZ_MEMORY_READ_MAX 0x10000u
const void *fuzz_memory_read(uint64_t addr, uint64_t size);

/* The n-th piece. false: there are not so many. */
bool fuzz_memory_piece(size_t n, uint64_t *addr, size_t *size);

/* Runs it. Returns 0, or the status with which it died. */
int fuzz_memory_try(void (*boot)(void));

/* Of the last that died. */
const char *fuzz_memory_last_words(void);
