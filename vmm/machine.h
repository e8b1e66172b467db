// SPDX-License-Identifier: ISC
/*
 * The machine put together: files, plan, VM, cpus, devices; ready for its first instruction.
 */
#pragma once

#include "vmm/boot.h"
#include "vmm/cpu.h"
#include "vmm/devices.h"
#include "vmm/file.h"
#include "vmm/options.h"
#include "vmm/vm.h"

#include "shared/boot_abi.h"

#include <stdint.h>

struct machine {
	const struct options *options;
	struct file image;
	struct file modules[OPTIONS_MODULES_MAX];
	struct boot_plan plan;
	struct vm vm;
	struct cpu cpus[BOOT_CPUS_MAX];
	struct devices devices;
	uint64_t tsc_hz;
};

/* Reads the files and decides where things go: no KVM needed. Dies on what it cannot use. */
void machine_plan(struct machine *machine, const struct options *options);

/* Builds the planned machine, up to its first KVM_RUN. Its output goes to output_fd. */
void machine_create(struct machine *machine, int output_fd);

/* The opposite of both. */
void machine_destroy(struct machine *machine);

/* Writes the tree that the guest would get to options->dump_dtb. Needs no machine_create(). */
void machine_dump_tree(const struct machine *machine);

/* For -v: what was set up, on stderr. */
void machine_print(const struct machine *machine);
