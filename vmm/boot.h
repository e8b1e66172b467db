// SPDX-License-Identifier: ISC
/*
 * Booting: where everything lies in guest memory, putting it there, and the state a cpu enters
 * with.
 *
 *   0x6000..0x7fff     start info, module list, memory map, command line
 *   >= ELF_LOAD_MIN    the image's segments, where it wants them
 *   top of low RAM     (our own images) trace region, below it the console ring; reserved
 *   below that         modules and the device tree, page aligned, from the top down
 *
 * Only regions that the guest and the VMM share are reserved in the memory map. The rest lies in
 * RAM and is the guest's once it has read it.
 */
#pragma once

#include "vmm/elf.h"
#include "vmm/fdt.h"
#include "vmm/file.h"
#include "vmm/memory.h"
#include "vmm/options.h"

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct boot_module {
	const struct file *file;
	uint64_t addr;
};

struct boot_plan {
	const struct options *options;
	const struct file *file; /* the image */
	struct elf_image image;
	struct boot_module modules[OPTIONS_MODULES_MAX];
	struct fdt_range console; /* the next three only for our own images, else size 0 */
	struct fdt_range trace;
	struct fdt_range tree; /* room for FDT_SIZE_MAX */
};

/*
 * Pure: decides where things go. Dies with EXIT_STATUS_BAD_IMAGE if the image is not bootable, with
 * EXIT_STATUS_USAGE if the memory is too small for it all. The arguments must outlive the plan;
 * modules[] has options->module_count files.
 */
void boot_plan(struct boot_plan *plan, const struct options *options, const struct file *image,
               const struct file *modules);

/* Writes the tree that the guest would get. Returns its size, 0 if the image is not ours. */
size_t boot_build_tree(const struct boot_plan *plan, uint64_t tsc_hz, void *buf, size_t size);

/* Puts everything into fresh (zero) memory. Dies if that is impossible. */
void boot_load(const struct boot_plan *plan, struct memory *memory, uint64_t tsc_hz);

/* PVH's entry state, on top of the state that KVM gives a cpu at reset. */
void boot_set_entry(const struct boot_plan *plan, struct kvm_sregs *sregs, struct kvm_regs *regs);
