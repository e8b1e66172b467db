// SPDX-License-Identifier: ISC
/*
 * What the kernel knows of its machine after boot: filled from the device tree (fdt.c), or from the
 * PVH start info where there is none (arch), read-only afterwards.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/boot_abi.h"

#define BOOT_RANGES_MAX  8
#define BOOT_MODULES_MAX 16

struct boot_range {
	uint64_t addr;
	uint64_t size; /* bytes; 0: absent */
};

struct boot_info {
	const char *bootargs;             /* not NUL-terminated by promise: bootargs_size bytes */
	uint32_t bootargs_size;           /* bytes, terminator excluded */
	uint32_t cpu_count;               /* at least 1 after boot; 0 if the tree names none */
	uint32_t apic_ids[BOOT_CPUS_MAX]; /* [0] is the boot cpu */
	uint64_t tsc_hz;                  /* 0: unknown, calibrate */
	uint64_t bus_hz;                  /* of the local APIC's timer; 0: unknown, calibrate */
	uint32_t memory_count;
	struct boot_range memory[BOOT_RANGES_MAX];
	uint32_t reserved_count;
	struct boot_range reserved[BOOT_RANGES_MAX]; /* every child of /reserved-memory and the
	                                              * memory reservation block */
	struct boot_range console;                   /* also in reserved[] */
	struct boot_range trace;                     /* also in reserved[] */
	uint32_t module_count;
	struct boot_range modules[BOOT_MODULES_MAX]; /* files beside the image, in order, but the
	                                              * tree; in memory */
	uint16_t doorbell_port;                      /* 0: none */
	uint16_t uart_port;                          /* 0: none */
};
