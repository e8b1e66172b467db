// SPDX-License-Identifier: ISC
/*
 * What a guest finds at entry: the PVH start info (Xen's public hvm_start_info ABI), the ELF note
 * by which an image says that it is ours, and the names in the device tree.
 *
 * Guest-physical addresses are plain integers on both sides. All fields are little-endian.
 *
 * Entry state (PVH): 32-bit protected mode, paging off, flat segments, interrupts off,
 * EBX = physical address of struct pvh_start_info. Application processors wait for INIT-SIPI-SIPI.
 *
 * Modules: the user's come first. Only to an image with the note below, the flattened device tree
 * is appended as the last module; the guest knows it by FDT_MAGIC, wherever it stands.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PVH_START_MAGIC   0x336ec578u
#define PVH_START_VERSION 1u

struct pvh_start_info {
	uint32_t magic;
	uint32_t version;
	uint32_t flags;
	uint32_t module_count;
	uint64_t module_list; /* gpa of module_count struct pvh_module */
	uint64_t cmdline;     /* gpa of a NUL-terminated string, or 0 */
	uint64_t rsdp;        /* 0: no ACPI */
	uint64_t memmap;      /* gpa of memmap_count struct pvh_memmap_entry, version >= 1 */
	uint32_t memmap_count;
	uint32_t reserved;
};
_Static_assert(sizeof(struct pvh_start_info) == 56, "PVH ABI");

struct pvh_module {
	uint64_t addr;
	uint64_t size; /* bytes */
	uint64_t cmdline;
	uint64_t reserved;
};
_Static_assert(sizeof(struct pvh_module) == 32, "PVH ABI");

struct pvh_memmap_entry {
	uint64_t addr;
	uint64_t size; /* bytes */
	uint32_t type; /* PVH_MEM_* */
	uint32_t reserved;
};
_Static_assert(sizeof(struct pvh_memmap_entry) == 24, "PVH ABI");

#define PVH_MEM_RAM      1u
#define PVH_MEM_RESERVED 2u

/*
 * The PVH entry point: an ELF note with owner "Xen" and this type, descriptor: entry, 4 or 8 bytes.
 */
#define PVH_NOTE_OWNER "Xen"
#define PVH_NOTE_TYPE  18u

/* Our own note: owner, type, descriptor: a 4-byte ABI version. */
#define BOOT_NOTE_OWNER   "Overtake"
#define BOOT_NOTE_TYPE    1u
#define BOOT_NOTE_VERSION 1u

#define FDT_MAGIC_BE 0xd00dfeedu /* as a big-endian word */

/* Most cpus that any image or VMM of this project supports. */
#define BOOT_CPUS_MAX 64u

/*
 * The device tree. Root: #address-cells = #size-cells = 2.
 *   /chosen            bootargs (string)
 *   /cpus              timebase-frequency (64-bit, Hz): the TSC's; absent if unknown
 *                      bus-frequency (64-bit, Hz): what the local APIC's timer counts; likewise
 *   /cpus/cpu@N        device_type = "cpu", reg = APIC id; the boot cpu comes first
 *   /memory@X          device_type = "memory", reg = ranges of RAM
 *   /reserved-memory   its children: the regions below, inside RAM; not for the guest's allocators
 *   /isa               the ISA binding: #address-cells = 2 (1 = I/O space, port), #size-cells = 1
 */
#define FDT_COMPAT_CONSOLE  "overtake,console"  /* struct console_ring, doorbell_abi.h */
#define FDT_COMPAT_TRACE    "overtake,trace"    /* struct trace_region, trace_abi.h */
#define FDT_COMPAT_DOORBELL "overtake,doorbell" /* struct of ports, doorbell_abi.h */
#define FDT_COMPAT_UART     "ns16550a"
