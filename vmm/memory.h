// SPDX-License-Identifier: ISC
/*
 * Guest memory and the only accessors to it. RAM lies below 3 GiB and, what does not fit there,
 * from 4 GiB on; between the two are the interrupt controllers and the holes of a PC.
 *
 * The guest's cpus write this memory at any time. Therefore nothing hands out pointers into it:
 * data is copied out once, checked once, then used.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMORY_LOW_MAX   0xc0000000ull
#define MEMORY_HIGH_BASE 0x100000000ull
#define MEMORY_RANGES    2

/* A guest-physical address: not a number by accident, never a pointer. */
typedef struct {
	uint64_t value;
} gpa_t;

static inline gpa_t
gpa(uint64_t value)
{
	return (gpa_t){ value };
}

struct memory_range {
	uint64_t base; /* guest-physical */
	uint64_t size; /* bytes; 0: absent */
	uint8_t *host; /* for the memory slot in vm.c; nobody else looks */
};

struct memory {
	struct memory_range ranges[MEMORY_RANGES]; /* below 3 GiB, from 4 GiB */
};

/* How `size` bytes of RAM are divided. */
uint64_t memory_low_size(uint64_t size);

/* Zeroed memory of `size` bytes, a multiple of the page size. Returns 0 or -errno. */
int memory_init(struct memory *memory, uint64_t size);
void memory_destroy(struct memory *memory);

/* All or nothing: false, and nothing copied, unless the whole of [from, from + size) is RAM. */
bool memory_read(const struct memory *memory, gpa_t from, void *buf, size_t size);
bool memory_write(struct memory *memory, gpa_t to, const void *buf, size_t size);

/* The same from [offset, offset + size) of a file. Also false if the file ends before or fails. */
bool memory_write_file(struct memory *memory, gpa_t to, int fd, uint64_t offset, size_t size);

/*
 * One naturally aligned word, read or written at once. The load is an acquire, the store a release:
 * they order the words of a ring against its bytes. False if misaligned or not RAM.
 */
bool memory_load_u32(const struct memory *memory, gpa_t from, uint32_t *value);
bool memory_store_u32(struct memory *memory, gpa_t to, uint32_t value);
