// SPDX-License-Identifier: ISC
/*
 * What a guest of ring 3 hands to its machine: the bytes at which it was stopped, and its image.
 *
 * The first byte of an input says which, and bounds the memory for an image. Bytes of instructions
 * are decoded one behind the other, each with every end that it could have; images are loaded, and
 * what was mapped is compared byte by byte with what they say. Pages, address spaces and messages
 * are this file's: small ones, that run out.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/arch.h"
#include "guest/errno.h"
#include "guest/mm.h"
#include "guest/page.h"
#include "guest/printk.h"
#include "guest/user_elf.h"
#include "guest/vm_load.h"
#include "shared/payload_abi.h"
#include "tests/fuzz/target.h"
#include "tests/unit/decode_oracle.h"

#define SIZE_MAX_BYTES 4096u
#define CODE_MAX       40u /* bytes of instructions that are looked at */
#define PAGES_MAX      32u

/* ---- instructions ---- */

static uint8_t *code; /* CODE_MAX bytes, behind which none may be read */

static const uint8_t *
with_end(const uint8_t *bytes, size_t count)
{
	return memcpy(code + CODE_MAX - count, bytes, count);
}

static const char *
judge_ends(const uint8_t *bytes, size_t count)
{
	const char *finding = NULL;

	for (size_t end = 0; finding == NULL && end <= count; end++) {
		finding = decode_oracle_judge(with_end(bytes, end), end);
	}
	return finding;
}

static const char *
run_code(const uint8_t *data, size_t size)
{
	size_t count = size < CODE_MAX ? size : CODE_MAX;
	const char *finding = NULL;

	for (size_t at = 0; finding == NULL && at < count;) {
		struct vcpu_insn insn = vcpu_decode(with_end(data + at, count - at), count - at);
		size_t length = insn.length != 0 ? insn.length : 1;

		fuzz_feature((uint32_t)insn.kind << 8 | insn.length << 4 | insn.width);
		finding = decode_oracle_judge(with_end(data + at, count - at), count - at);
		if (finding == NULL && insn.length <= count - at) {
			finding = judge_ends(data + at, insn.length);
		}
		at += length;
	}
	return finding;
}

/* ---- images ---- */

struct mapping {
	uintptr_t va;
	unsigned int prot;
	uint8_t *page;
};

static struct mm the_mm;
static struct mapping mappings[PAGES_MAX];
static unsigned int mapping_count;
static unsigned int mappings_left; /* before memory is short */
static int mm_count;               /* address spaces that nobody has given up */
static const char *mapped_wrongly;
static char said[PRINTK_SIZE];

struct mm *
mm_create(void)
{
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

/* A flat image as a segment, else the image's own. */
static bool
describe(const uint8_t *image, size_t size, struct user_elf *elf)
{
	if (size >= 4 && memcmp(image,
	                        "\x7f"
	                        "ELF",
	                        4) == 0) {
		return user_elf_parse(image, size, elf) == NULL;
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
check_load(int status, const uint8_t *image, size_t size, size_t pages,
           const struct vm_image *loaded)
{
	struct user_elf elf;
	bool is_good = describe(image, size, &elf) && is_in_memory(&elf);

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
load(const uint8_t *image, size_t size, size_t pages, struct vm_image *loaded)
{
	mapping_count = 0;
	mappings_left = (unsigned int)pages;
	mm_count = 0;
	mapped_wrongly = NULL;
	said[0] = '\0';
	return vm_load("input", image, size, loaded);
}

static const char *
run_image(const uint8_t *data, size_t size, size_t pages)
{
	struct vm_image loaded;
	uint8_t *image = malloc(size + (size == 0)); /* ends where the input does */
	const char *finding;
	int status;

	memcpy(image, data, size);
	status = load(image, size, pages, &loaded);
	finding = check_load(status, image, size, pages, &loaded);
	free(image);
	return finding;
}

/* ---- the target ---- */

static bool
begin(const char *bug)
{
	code = malloc(CODE_MAX);
	for (unsigned int i = 0; i < PAGES_MAX; i++) {
		mappings[i].page = malloc(PAGE_SIZE);
	}
	return bug == NULL;
}

static bool
is_image(uint8_t first)
{
	return first & 1;
}

static size_t
page_limit(uint8_t first)
{
	return (first >> 1) % (PAGES_MAX + 1);
}

static const char *
run(const uint8_t *data, size_t size)
{
	if (size == 0) {
		return NULL;
	}
	return is_image(data[0]) ? run_image(data + 1, size - 1, page_limit(data[0]))
	                         : run_code(data + 1, size - 1);
}

static void
tell_code(const uint8_t *data, size_t size, void (*print)(const char *line))
{
	size_t count = size < CODE_MAX ? size : CODE_MAX;
	char line[100];

	for (size_t at = 0; at < count;) {
		struct vcpu_insn insn = vcpu_decode(data + at, count - at);

		snprintf(line, sizeof(line),
		         "at %2zu: kind %u, length %u, size %u of %u, reg %u%s%s%s, value %#lx", at,
		         insn.kind, insn.length, insn.size, insn.width, insn.reg,
		         insn.is_high ? ", high" : "", insn.is_signed ? ", signed" : "",
		         insn.port_is_in_dx ? ", port in DX" : "", (unsigned long)insn.value);
		print(line);
		at += insn.length != 0 ? insn.length : 1;
	}
}

static void
tell_image(const uint8_t *data, size_t size, size_t pages, void (*print)(const char *line))
{
	struct vm_image loaded;
	int status = load(data, size, pages, &loaded);
	char line[100];

	snprintf(line, sizeof(line), "%zu bytes, memory for %zu pages: %d", size, pages, status);
	print(line);
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(said, "\n"), said);
	print(line);
	for (unsigned int i = 0; status == 0 && i < mapping_count; i++) {
		snprintf(line, sizeof(line), "page %#lx, prot %u", (unsigned long)mappings[i].va,
		         mappings[i].prot);
		print(line);
	}
}

static void
tell(const uint8_t *data, size_t size, void (*print)(const char *line))
{
	if (size != 0 && is_image(data[0])) {
		tell_image(data + 1, size - 1, page_limit(data[0]), print);
	} else if (size != 0) {
		tell_code(data + 1, size - 1, print);
	}
}

const struct fuzz_target fuzz_target = {
	.name = "fuzz_payload",
	.size_max = SIZE_MAX_BYTES,
	.begin = begin,
	.run = run,
	.tell = tell,
};
