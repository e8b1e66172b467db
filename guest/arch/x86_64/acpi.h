// SPDX-License-Identifier: ISC
/*
 * The one thing asked of ACPI: which cpus there are. For machines that give no device tree.
 */
#pragma once

#include <stdint.h>

/*
 * Reads the APIC ids of the usable cpus, at most `max`, from the MADT below the root pointer at
 * physical address rsdp. Returns how many; 0 if the tables are absent or wrong. Trusts nothing.
 * Boot, before mmu_init().
 */
uint32_t acpi_read_cpus(uint64_t rsdp, uint32_t *apic_ids, uint32_t max);
