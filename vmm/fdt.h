// SPDX-License-Identifier: ISC
/*
 * The flattened device tree that shows the machine to our own images. boot_abi.h names its nodes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct fdt_range {
	uint64_t addr;
	uint64_t size; /* bytes; 0: absent */
};

struct fdt_machine {
	const char *bootargs;
	uint32_t cpu_count;         /* APIC ids are 0..cpu_count-1 */
	uint64_t tsc_hz;            /* 0: unknown, property left out */
	uint64_t bus_hz;            /* of the local APIC's timer; likewise */
	struct fdt_range memory[2]; /* below 4 GiB, above 4 GiB */
	struct fdt_range console;
	struct fdt_range trace;
	uint16_t doorbell_port;
	uint16_t uart_port;
};

/* Bytes: room for BOOT_CPUS_MAX cpus and the longest boot arguments. */
#define FDT_SIZE_MAX 16384u

/* Writes the tree into buf. Returns its size in bytes, or 0 if buf is too small. */
size_t fdt_build_machine(const struct fdt_machine *machine, void *buf, size_t size);
