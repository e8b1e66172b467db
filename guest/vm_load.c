// SPDX-License-Identifier: ISC
#include "guest/vm_load.h"

#include "guest/arch.h"
#include "guest/errno.h"
#include "guest/mm.h"
#include "guest/page.h"
#include "guest/printk.h"
#include "guest/string.h"
#include "guest/user.h"
#include "guest/user_elf.h"
#include "shared/payload_abi.h"

static bool
is_elf(const void *image, size_t size)
{
	static const uint8_t magic[4] = { 0x7f, 'E', 'L', 'F' };

	return size >= sizeof(magic) && memcmp(image, magic, sizeof(magic)) == 0;
}

static const char *
elf_fault(const void *image, size_t size, struct user_elf *elf)
{
	const char *fault = user_elf_parse(image, size, elf);

	for (unsigned int i = 0; fault == NULL && i < elf->segment_count; i++) {
		const struct user_segment *segment = &elf->segments[i];

		if (segment->va < VM_MEMORY_START || segment->size > VM_STACKS ||
		    segment->va > VM_STACKS - segment->size) {
			fault = "a segment lies outside of the machine's memory, or in its stacks";
		}
	}
	return fault;
}

static const char *
flat_fault(size_t size)
{
	if (size == 0) {
		return "it is empty";
	}
	return size > VM_FLAT_MAX ? "it is too large for a flat image" : NULL;
}

static int
load_flat(struct mm *mm, const uint8_t *image, size_t size)
{
	for (size_t at = 0; at < size; at += PAGE_SIZE) {
		size_t length = size - at < PAGE_SIZE ? size - at : PAGE_SIZE;
		void *page =
			mm_map_guest_page(mm, VM_FLAT_BASE + at, ARCH_PROT_WRITE | ARCH_PROT_EXEC);

		if (page == NULL) {
			return -ENOMEM;
		}
		memcpy(page, image + at, length);
	}
	return 0;
}

/* elf: NULL for a flat image. */
static int
load(const struct user_elf *elf, const void *image, size_t size, struct vm_image *loaded)
{
	int error;

	loaded->entry = elf != NULL ? elf->entry : VM_FLAT_BASE;
	loaded->mm = mm_create();
	if (loaded->mm == NULL) {
		return -ENOMEM;
	}
	error = elf != NULL ? user_load_segments(loaded->mm, elf, image)
	                    : load_flat(loaded->mm, image, size);
	if (error != 0) {
		mm_put(loaded->mm);
		loaded->mm = NULL;
	}
	return error;
}

int
vm_load(const char *name, const void *image, size_t size, struct vm_image *loaded)
{
	struct user_elf elf;
	bool flat = !is_elf(image, size);
	const char *fault = flat ? flat_fault(size) : elf_fault(image, size, &elf);

	if (fault != NULL) {
		printk("payload %s: %s\n", name, fault);
		return -ENOEXEC;
	}
	return load(flat ? NULL : &elf, image, size, loaded);
}
