// SPDX-License-Identifier: ISC
#include "vmm/memory.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_SIZE 4096ull

uint64_t
memory_low_size(uint64_t size)
{
	return size < MEMORY_LOW_MAX ? size : MEMORY_LOW_MAX;
}

static int
range_init(struct memory_range *range, uint64_t base, uint64_t size)
{
	void *host;

	*range = (struct memory_range){ .base = base, .size = size };
	if (size == 0) {
		return 0;
	}
	/* No reserve: a guest pays for the pages it touches, as every process does. */
	host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
	            -1, 0);
	if (host == MAP_FAILED) {
		range->size = 0;
		return -errno;
	}
	range->host = host;
	return 0;
}

int
memory_init(struct memory *memory, uint64_t size)
{
	uint64_t low_size = memory_low_size(size);
	int error;

	memory->ranges[1] = (struct memory_range){ 0 };
	error = range_init(&memory->ranges[0], 0, low_size);
	if (error == 0) {
		error = range_init(&memory->ranges[1], MEMORY_HIGH_BASE, size - low_size);
	}
	if (error != 0) {
		memory_destroy(memory);
	}
	return error;
}

void
memory_destroy(struct memory *memory)
{
	for (unsigned int i = 0; i < MEMORY_RANGES; i++) {
		if (memory->ranges[i].size > 0) {
			munmap(memory->ranges[i].host, memory->ranges[i].size);
		}
		memory->ranges[i] = (struct memory_range){ 0 };
	}
}

/*
 * The one translation. Written with subtractions only, so that no sum can wrap; below the base the
 * difference does, to more than any size.
 */
static uint8_t *
translate(const struct memory *memory, gpa_t address, size_t size)
{
	for (unsigned int i = 0; i < MEMORY_RANGES; i++) {
		const struct memory_range *range = &memory->ranges[i];
		uint64_t offset = address.value - range->base;

		if (offset < range->size && size <= range->size - offset) {
			return range->host + offset;
		}
	}
	return NULL;
}

bool
memory_read(const struct memory *memory, gpa_t from, void *buf, size_t size)
{
	const uint8_t *host = translate(memory, from, size);

	if (host == NULL) {
		return false;
	}
	memcpy(buf, host, size);
	return true;
}

bool
memory_write(struct memory *memory, gpa_t to, const void *buf, size_t size)
{
	uint8_t *host = translate(memory, to, size);

	if (host == NULL) {
		return false;
	}
	memcpy(host, buf, size);
	return true;
}

bool
memory_write_file(struct memory *memory, gpa_t to, int fd, uint64_t offset, size_t size)
{
	uint8_t *host = translate(memory, to, size);
	size_t in_page = to.value % PAGE_SIZE;
	size_t done = 0;

	if (host == NULL) {
		return false;
	}
	/* A hint, for its speed: one call instead of a fault for each page. */
	madvise(host - in_page, in_page + size, MADV_POPULATE_WRITE);
	while (done < size) {
		ssize_t count = pread(fd, host + done, size - done, (off_t)(offset + done));

		if (count == 0 || (count < 0 && errno != EINTR)) {
			return false;
		}
		done += count > 0 ? (size_t)count : 0;
	}
	return true;
}

bool
memory_load_u32(const struct memory *memory, gpa_t from, uint32_t *value)
{
	const uint8_t *host = translate(memory, from, sizeof(*value));

	if (host == NULL || from.value % sizeof(*value) != 0) {
		return false;
	}
	*value = __atomic_load_n((const uint32_t *)host, __ATOMIC_ACQUIRE);
	return true;
}

bool
memory_store_u32(struct memory *memory, gpa_t to, uint32_t value)
{
	uint8_t *host = translate(memory, to, sizeof(value));

	if (host == NULL || to.value % sizeof(value) != 0) {
		return false;
	}
	__atomic_store_n((uint32_t *)host, value, __ATOMIC_RELEASE);
	return true;
}
