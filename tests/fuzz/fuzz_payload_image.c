// SPDX-License-Identifier: ISC
/*
 * Images of ring 3, loaded as a program and as a vcpu's payload. Pages, address spaces and messages
 * are this file's: few, so that they run out.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/arch.h"
#include "guest/errno.h"
#include "guest/mm.h"
#include "guest/page.h"
#include "guest/printk.h"
#include "guest/user.h"
#include "guest/user_elf.h"
#include "guest/vm_load.h"
#include "shared/payload_abi.h"
#include "tests/fuzz/fuzz_payload.h"

struct mapping {
	uintptr_t va;
	unsigned int prot;
	uint8_t page[PAGE_SIZE];
};

static struct mm the_mm;
static struct mapping mappings[PAYLOAD_PAGES_MAX];
static unsigned int mapping_count;
static unsigned int mappings_left; /* before memory is short */
static int mm_count;               /* address spaces that nobody has given up */
static const char *mapped_wrongly;
static char said[PRINTK_SIZE];

struct mm *
mm_create(void)
{
	if (mappings_left == 0) {
		return NULL;
	}
	mm_count++;
	return &the_mm;
}

void
mm_put(struct mm *mm)
{
	(void)mm;
	mm_count--;
}

void *
mm_map_guest_page(struct mm *mm, uintptr_t va, unsigned int prot)
{
	(void)mm;
	if (va % PAGE_SIZE != 0 || va < PAGE_SIZE || va >= ARCH_USER_END) {
		mapped_wrongly = "a page is mapped where none can be";
	}
	for (unsigned int i = 0; i < mapping_count; i++) {
		if (mappings[i].va == va) {
			mapped_wrongly = "a page is mapped twice";
		}
	}
	if (mappings_left == 0) {
		return NULL;
	}
	mappings_left--;
	mappings[mapping_count].va = va;
	mappings[mapping_count].prot = prot;
	memset(mappings[mapping_count].page, 0, PAGE_SIZE);
	return mappings[mapping_count++].page;
}

void *
mm_map_page(struct mm *mm, uintptr_t va, unsigned int prot)
{
	if (prot == (ARCH_PROT_WRITE | ARCH_PROT_EXEC)) {
		mapped_wrongly = "a page of a program is both writable and executable";
	}
	return mm_map_guest_page(mm, va, prot);
}

void
printk(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
}

/* Who loads it. */
enum loader { FOR_RING_3, FOR_VCPUS, LOADERS };

static bool
is_in_memory(const struct user_elf *elf)
{
	for (unsigned int i = 0; i < elf->segment_count; i++) {
		const struct user_segment *segment = &elf->segments[i];

		if (segment->va < VM_MEMORY_START || segment->va >= VM_STACKS ||
		    segment->size > VM_STACKS - segment->va) {
			return false;
		}
	}
	return true;
}

/* Its segments, a flat image's too. false: it is not to be loaded. */
static bool
describe(enum loader loader, const uint8_t *image, size_t size, struct user_elf *elf)
{
	if (loader == FOR_RING_3) {
		return user_elf_parse(image, size, elf) == NULL;
	}
	if (size >= 4 && memcmp(image, "\x7f\x45\x4c\x46", 4) == 0) {
		return user_elf_parse(image, size, elf) == NULL && is_in_memory(elf);
	}
	*elf = (struct user_elf){
		.entry = VM_FLAT_BASE,
		.segment_count = 1,
		.segments = { { .va = VM_FLAT_BASE,
		                .size = size,
		                .file_size = size,
		                .prot = ARCH_PROT_WRITE | ARCH_PROT_EXEC } },
	};
	return size != 0;
}

static const struct user_segment *
segment_at(const struct user_elf *elf, uintptr_t page)
{
	for (unsigned int i = 0; i < elf->segment_count; i++) {
		const struct user_segment *segment = &elf->segments[i];

		if (segment->va < page + PAGE_SIZE && page < segment->va + segment->size) {
			return segment;
		}
	}
	return NULL;
}

static const char *
check_page(const struct user_elf *elf, const uint8_t *image, const struct mapping *mapping)
{
	static uint8_t expected[PAGE_SIZE];
	const struct user_segment *segment = segment_at(elf, mapping->va);
	uintptr_t from;
	uintptr_t file_end;

	if (segment == NULL || segment->prot != mapping->prot) {
		return "a page is mapped that no segment has, or not as the segment says";
	}
	from = segment->va > mapping->va ? segment->va : mapping->va;
	file_end = segment->va + segment->file_size;
	memset(expected, 0, PAGE_SIZE);
	if (from < file_end) {
		size_t room = mapping->va + PAGE_SIZE - from;

		memcpy(expected + (from - mapping->va),
		       image + segment->offset + (from - segment->va),
		       file_end - from < room ? file_end - from : room);
	}
	if (memcmp(expected, mapping->page, PAGE_SIZE) != 0) {
		return "a byte of the image is not where it belongs";
	}
	return NULL;
}

static size_t
count_pages(const struct user_elf *elf)
{
	size_t count = 0;

	for (unsigned int i = 0; i < elf->segment_count; i++) {
		const struct user_segment *segment = &elf->segments[i];

		count +=
			(segment->va + segment->size - 1) / PAGE_SIZE - segment->va / PAGE_SIZE + 1;
	}
	return count;
}

static const char *
check_loaded(const struct user_elf *elf, const uint8_t *image, const struct vm_image *loaded)
{
	const char *finding = NULL;
	const struct user_segment *text = segment_at(elf, loaded->entry / PAGE_SIZE * PAGE_SIZE);

	if (loaded->mm != &the_mm || mm_count != 1 || loaded->entry != elf->entry) {
		return "a loaded image has no address space, or another entry";
	}
	if (text == NULL || (text->prot & ARCH_PROT_EXEC) == 0 || loaded->entry < text->va ||
	    loaded->entry - text->va >= text->file_size) {
		return "a loaded image's entry is none of its code";
	}
	if (mapping_count != count_pages(elf)) {
		return "pages of a segment are missing";
	}
	for (unsigned int i = 0; finding == NULL && i < mapping_count; i++) {
		finding = check_page(elf, image, &mappings[i]);
	}
	return finding;
}

static const char *
check_load(enum loader loader, int status, const uint8_t *image, size_t size, size_t pages,
           const struct vm_image *loaded)
{
	struct user_elf elf;
	bool is_good = describe(loader, image, size, &elf);

	if (mapped_wrongly != NULL) {
		return mapped_wrongly;
	}
	if ((status == -ENOEXEC) != (said[0] != '\0')) {
		return "a refusal is not said, or what is none is";
	}
	if (status != 0 && mm_count != 0) {
		return "an image that is not loaded keeps an address space";
	}
	switch (status) {
	case -ENOEXEC:
		return is_good || mapping_count != 0 ? "a good image is refused" : NULL;
	case -ENOMEM:
		return !is_good || count_pages(&elf) <= pages ? "memory is not short" : NULL;
	default:
		return is_good ? check_loaded(&elf, image, loaded) : "a bad image is loaded";
	}
}

static int
load(enum loader loader, const uint8_t *image, size_t size, size_t pages, struct vm_image *loaded)
{
	struct user_program program;
	int status;

	mapping_count = 0;
	mappings_left = (unsigned int)pages;
	mm_count = 0;
	mapped_wrongly = NULL;
	said[0] = '\0';
	if (loader == FOR_VCPUS) {
		return vm_load("input", image, size, loaded);
	}
	status = user_load("input", image, size, &program);
	if (status == 0) {
		*loaded = (struct vm_image){ program.mm, program.entry };
	}
	return status;
}

const char *
payload_run_image(const uint8_t *data, size_t size, size_t pages)
{
	struct vm_image loaded;
	uint8_t *image = malloc(size + (size == 0)); /* ends where the input does */
	const char *finding = NULL;

	memcpy(image, data, size);
	for (enum loader loader = 0; finding == NULL && loader < LOADERS; loader++) {
		int status = load(loader, image, size, pages, &loaded);

		finding = check_load(loader, status, image, size, pages, &loaded);
	}
	free(image);
	return finding;
}

void
payload_tell_image(const uint8_t *data, size_t size, size_t pages, void (*print)(const char *line))
{
	static const char *const loaders[LOADERS] = { "for ring 3", "for vcpus" };
	struct vm_image loaded;
	char line[100];

	for (enum loader loader = 0; loader < LOADERS; loader++) {
		int status = load(loader, data, size, pages, &loaded);

		snprintf(line, sizeof(line), "%s, memory for %zu pages: %d", loaders[loader], pages,
		         status);
		print(line);
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(said, "\n"), said);
		print(line);
		for (unsigned int i = 0; status == 0 && i < mapping_count; i++) {
			snprintf(line, sizeof(line), "page %#lx, prot %u",
			         (unsigned long)mappings[i].va, mappings[i].prot);
			print(line);
		}
	}
}
