// SPDX-License-Identifier: ISC
/*
 * Payloads: from an image to the address space of a virtual machine. An ELF image is one that
 * user_elf.h takes, within the machine's memory and below its stacks. What does not begin as ELF is
 * flat: its bytes lie at VM_FLAT_BASE and begin with the first, and may be written and executed.
 * Stacks, and whatever else of the machine's memory is touched, come later, page by page
 * (vm_touch()).
 *
 * What is both writable and executable is so for ring 3 alone: the kernel's mappings of the same
 * pages are those of all its memory, not executable; and what a guest may write is its own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct mm;

/* For vm_create(), which takes the address space over. */
struct vm_image {
	struct mm *mm;
	uintptr_t entry;
};

#define VM_FLAT_MAX 0x100000u /* bytes */

/*
 * Returns 0; -ENOEXEC: the image is none, said by a line on the console with its name; -ENOMEM.
 * Task context, may sleep.
 */
int vm_load(const char *name, const void *image, size_t size, struct vm_image *loaded);
