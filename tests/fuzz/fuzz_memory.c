// SPDX-License-Identifier: ISC
#include "tests/fuzz/fuzz_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/die.h"
#include "vmm/memory.h"

#define PIECES_MAX 64u
#define KEPT_MAX   0x20000u /* bytes of all pieces */
#define READS_MAX  256u

struct piece {
	uint64_t addr;
	size_t size;
	const uint8_t *bytes;
};

struct copy {
	uint64_t addr;
	uint64_t size;
	void *block;
	uint8_t *bytes;
};

static uint64_t memory_size;
static const struct file *files;
static size_t file_count;
static struct piece pieces[PIECES_MAX];
static size_t piece_count;
static uint8_t kept[KEPT_MAX];
static size_t kept_size;
static struct copy copies[READS_MAX];
static size_t copy_count;
static const char *fault;

static jmp_buf death;
static char last_words[512];

void
fuzz_memory_reset(uint64_t size, const struct file *its_files, size_t its_file_count)
{
	memory_size = size;
	files = its_files;
	file_count = its_file_count;
	piece_count = 0;
	kept_size = 0;
	fault = NULL;
	while (copy_count != 0) {
		free(copies[--copy_count].block);
	}
}

bool
fuzz_memory_keep(uint64_t addr, const void *bytes, size_t size)
{
	if (size > memory_size || addr > memory_size - size) {
		fault = "something is written outside of the guest's memory";
		return false;
	}
	if (piece_count == PIECES_MAX || size > KEPT_MAX - kept_size) {
		fault = "more is written than there is to write";
		return false;
	}
	for (size_t i = 0; i < piece_count; i++) {
		if (addr < pieces[i].addr + pieces[i].size && pieces[i].addr < addr + size) {
			fault = "something is written over something else";
		}
	}
	memcpy(kept + kept_size, bytes, size);
	pieces[piece_count++] = (struct piece){ addr, size, kept + kept_size };
	kept_size += size;
	return true;
}

const char *
fuzz_memory_fault(void)
{
	return fault;
}

const uint8_t *
fuzz_memory_written(uint64_t addr, size_t size)
{
	for (size_t i = 0; i < piece_count; i++) {
		if (addr >= pieces[i].addr && size <= pieces[i].size &&
		    addr - pieces[i].addr <= pieces[i].size - size) {
			return pieces[i].bytes + (addr - pieces[i].addr);
		}
	}
	return NULL;
}

bool
fuzz_memory_piece(size_t n, uint64_t *addr, size_t *size)
{
	if (n >= piece_count) {
		return false;
	}
	*addr = pieces[n].addr;
	*size = pieces[n].size;
	return true;
}

/* What of the piece lies in the copy. */
static void
lay_over(const struct copy *copy, const struct piece *piece)
{
	uint64_t from = piece->addr > copy->addr ? piece->addr : copy->addr;
	uint64_t copy_end = copy->addr + copy->size;
	uint64_t piece_end = piece->addr + piece->size;
	uint64_t end = piece_end < copy_end ? piece_end : copy_end;

	if (from < end) {
		memcpy(copy->bytes + (from - copy->addr), piece->bytes + (from - piece->addr),
		       end - from);
	}
}

const void *
fuzz_memory_read(uint64_t addr, uint64_t size)
{
	size_t shift = addr % 16; /* aligned as it is in the guest */
	struct copy *copy = &copies[copy_count];

	for (size_t i = 0; i < copy_count; i++) {
		if (copies[i].addr == addr && copies[i].size == size) {
			return copies[i].bytes;
		}
	}
	if (copy_count == READS_MAX || size > FUZZ_MEMORY_READ_MAX || addr > UINT64_MAX - size) {
		return NULL;
	}
	*copy = (struct copy){ .addr = addr, .size = size, .block = calloc(1, shift + size) };
	copy->bytes = (uint8_t *)copy->block + shift;
	copy_count++;
	for (size_t i = 0; i < piece_count; i++) {
		lay_over(copy, &pieces[i]);
	}
	return copy->bytes;
}

/* ---- the VMM's neighbours ---- */

uint64_t
memory_low_size(uint64_t size)
{
	return size < MEMORY_LOW_MAX ? size : MEMORY_LOW_MAX;
}

bool
memory_write(struct memory *memory, gpa_t to, const void *buf, size_t size)
{
	(void)memory;
	return fuzz_memory_keep(to.value, buf, size);
}

bool
memory_write_file(struct memory *memory, gpa_t to, int fd, uint64_t offset, size_t size)
{
	const struct file *file = &files[fd - FUZZ_MEMORY_FD];

	(void)memory;
	if ((size_t)(fd - FUZZ_MEMORY_FD) >= file_count || offset > file->size ||
	    size > file->size - offset) {
		fault = "a file is read behind its end";
		return false;
	}
	return fuzz_memory_keep(to.value, file->bytes + offset, size);
}

static int death_status;

void
die(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(last_words, sizeof(last_words), format, args);
	va_end(args);
	death_status = status;
	longjmp(death, 1);
}

int
fuzz_memory_try(void (*boot)(void))
{
	death_status = 0;
	if (setjmp(death) == 0) {
		boot();
	}
	return death_status;
}

const char *
fuzz_memory_last_words(void)
{
	return last_words;
}
