// SPDX-License-Identifier: ISC
/*
 * What CPUID tells the guest: what KVM supports, less what we do not offer, with a topology of
 * cpu_count single-threaded cores in one package. Pure functions over KVM's table.
 */
#pragma once

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPUID_ENTRIES_MAX 256u

struct cpuid_table { /* struct kvm_cpuid2 with its room */
	uint32_t nent;
	uint32_t padding;
	struct kvm_cpuid_entry2 entries[CPUID_ENTRIES_MAX];
};
_Static_assert(offsetof(struct cpuid_table, entries) == offsetof(struct kvm_cpuid2, entries),
               "cpuid_table is a kvm_cpuid2");

/* Turns KVM_GET_SUPPORTED_CPUID's answer into the table of this machine. */
void cpuid_init(struct cpuid_table *table, uint32_t cpu_count, bool has_tsc_deadline);

/* Makes it the table of cpu `id`, whose APIC id is the same. May be repeated for other cpus. */
void cpuid_set_cpu(struct cpuid_table *table, uint32_t id);
