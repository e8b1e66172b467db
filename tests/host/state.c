// SPDX-License-Identifier: ISC
/*
 * The kernel's sections are renamed to C identifiers when it is linked into one object, so that the
 * linker marks their ends. Copies go around the sanitizer: redzones are part of what is copied.
 */
#include "tests/host/state.h"

#include <assert.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif

#define PIECES_MAX 256
#define COPY_SIZE  0x200000u

struct piece {
	char *start;
	size_t size;
};

extern char __start_kernel_data[];
extern char __stop_kernel_data[];
extern char __start_kernel_bss[];
extern char __stop_kernel_bss[];
extern char __start_kernel_percpu[];
extern char __stop_kernel_percpu[];
extern char __start_host_state[];
extern char __stop_host_state[];

struct copy {
	struct piece pieces[PIECES_MAX];
	size_t count;
	size_t size;
	char bytes[COPY_SIZE];
};

static struct copy pristine; /* before any boot */
static struct copy slots[STATE_SLOTS];
static struct copy *taken = &slots[0];

/* Most pieces are so small that "rep movsb" would take its time to begin. */
static void
copy_raw(void *to, const void *from, size_t size)
{
#ifdef HAS_ASAN
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
#else
	memcpy(to, from, size);
#endif
}

static void
add(struct copy *copy, char *from, size_t size)
{
	struct piece *last = copy->count != 0 ? &copy->pieces[copy->count - 1] : NULL;

	assert(size <= COPY_SIZE - copy->size);
	copy->size += size;
	if (last != NULL && last->start + last->size == from) {
		last->size += size;
		return;
	}
	assert(copy->count < PIECES_MAX);
	copy->pieces[copy->count++] = (struct piece){ from, size };
}

static void
add_section(struct copy *copy, char *from, char *to)
{
	add(copy, from, (size_t)((uintptr_t)to - (uintptr_t)from));
}

static void
add_sections(struct copy *copy)
{
	copy->count = 0;
	copy->size = 0;
	add_section(copy, __start_kernel_data, __stop_kernel_data);
	add_section(copy, __start_kernel_bss, __stop_kernel_bss);
	add_section(copy, __start_kernel_percpu, __stop_kernel_percpu);
	add_section(copy, __start_host_state, __stop_host_state);
}

static void
take(struct copy *copy)
{
	char *to = copy->bytes;

	for (size_t i = 0; i < copy->count; i++) {
		copy_raw(to, copy->pieces[i].start, copy->pieces[i].size);
		to += copy->pieces[i].size;
	}
}

static void
put_back(const struct copy *copy)
{
	const char *from = copy->bytes;

	for (size_t i = 0; i < copy->count; i++) {
		copy_raw(copy->pieces[i].start, from, copy->pieces[i].size);
		from += copy->pieces[i].size;
	}
}

void
state_begin(void)
{
	if (pristine.count == 0) {
		add_sections(&pristine);
		take(&pristine);
	} else {
		put_back(&pristine);
	}
	state_begin_slot(0);
}

void
state_begin_slot(unsigned int slot)
{
	assert(slot < STATE_SLOTS);
	taken = &slots[slot];
	add_sections(taken);
}

void
state_add(void *from, size_t size)
{
	add(taken, from, size);
}

void
state_take(void)
{
	take(taken);
}

void
state_put_back(unsigned int slot)
{
	put_back(&slots[slot]);
}

uint64_t
state_hash(unsigned int slot)
{
	const struct copy *copy = &slots[slot];
	uint64_t hash = copy->size;

	for (size_t at = 0; at < copy->size; at += sizeof(uint64_t)) {
		size_t left = copy->size - at;
		uint64_t word = 0;

		memcpy(&word, copy->bytes + at, left < sizeof(word) ? left : sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 29;
	}
	return hash;
}

size_t
state_size(void)
{
	return slots[0].size;
}
