// SPDX-License-Identifier: ISC
/*
 * From the image of a program of ring 3 to its address space.
 */
#include "guest/errno.h"
#include "guest/mm.h"
#include "guest/page.h"
#include "guest/printk.h"
#include "guest/string.h"
#include "guest/user.h"
#include "guest/user_elf.h"

static bool
load_page(struct mm *mm, const struct user_segment *segment, const uint8_t *image, uintptr_t va)
{
	uintptr_t start = va > segment->va ? va : segment->va;
	uintptr_t file_end = segment->va + segment->file_size;
	uintptr_t end = va + PAGE_SIZE < file_end ? va + PAGE_SIZE : file_end;
	uint8_t *page = mm_map_page(mm, va, segment->prot);

	if (page == NULL) {
		return false;
	}
	if (start < end) {
		memcpy(page + (start - va), image + segment->offset + (start - segment->va),
		       end - start);
	}
	return true;
}

int
user_load_segments(struct mm *mm, const struct user_elf *elf, const void *image)
{
	for (unsigned int i = 0; i < elf->segment_count; i++) {
		const struct user_segment *segment = &elf->segments[i];
		uintptr_t va = segment->va / PAGE_SIZE * PAGE_SIZE;

		for (; va < segment->va + segment->size; va += PAGE_SIZE) {
			if (!load_page(mm, segment, image, va)) {
				return -ENOMEM;
			}
		}
	}
	return 0;
}

int
user_load(const char *name, const void *image, size_t size, struct user_program *program)
{
	struct user_elf elf;
	const char *fault = user_elf_parse(image, size, &elf);
	int error;

	if (fault != NULL) {
		printk("program %s: %s\n", name, fault);
		return -ENOEXEC;
	}
	program->mm = mm_create();
	program->entry = elf.entry;
	if (program->mm == NULL) {
		return -ENOMEM;
	}
	error = user_load_segments(program->mm, &elf, image);
	if (error != 0) {
		user_unload(program);
	}
	return error;
}

void
user_unload(struct user_program *program)
{
	mm_put(program->mm);
	program->mm = NULL;
}
