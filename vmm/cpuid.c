// SPDX-License-Identifier: ISC
#include "vmm/cpuid.h"

enum {
	LEAF_FEATURES = 0x1,
	LEAF_CACHES = 0x4,
	LEAF_MONITOR = 0x5,
	LEAF_PMU = 0xa,
	LEAF_TOPOLOGY = 0xb,
	LEAF_TOPOLOGY_V2 = 0x1f,
};
#define LEAF_AMD_FEATURES 0x80000001u
#define LEAF_AMD_SIZES    0x80000008u
#define LEAF_AMD_CACHES   0x8000001du
#define LEAF_AMD_TOPOLOGY 0x8000001eu
#define LEAF_AMD_PMU      0x80000022u

#define ECX_MONITOR      (1u << 3)
#define ECX_TSC_DEADLINE (1u << 24)
#define ECX_HYPERVISOR   (1u << 31)
#define EDX_HTT          (1u << 28)
#define AMD_ECX_CMP      (1u << 1)  /* more than one core in the package */
#define AMD_ECX_PERFCTR  (7u << 23) /* core, northbridge; bit 25 has no meaning */

#define TOPOLOGY_LEVEL_SMT  1u
#define TOPOLOGY_LEVEL_CORE 2u

/* Bits of an APIC id that tell the cores of the package apart. */
static uint32_t
core_bits(uint32_t cpu_count)
{
	uint32_t bits = 0;

	while ((1u << bits) < cpu_count) {
		bits++;
	}
	return bits;
}

static void
clear(struct kvm_cpuid_entry2 *entry)
{
	entry->eax = entry->ebx = entry->ecx = entry->edx = 0;
}

/* Cores that share a cache: its EAX[25:14] + 1. Levels 1 and 2 are private, the rest shared. */
static void
set_cache_sharing(struct kvm_cpuid_entry2 *entry, uint32_t cpu_count)
{
	uint32_t level = entry->eax >> 5 & 7;
	uint32_t sharing = level > 2 ? (1u << core_bits(cpu_count)) - 1 : 0;

	if ((entry->eax & 0x1f) != 0) {
		entry->eax = (entry->eax & ~0x03ffc000u) | sharing << 14;
	}
}

static void
init_entry(struct kvm_cpuid_entry2 *entry, uint32_t cpu_count, bool has_tsc_deadline)
{
	switch (entry->function) {
	case LEAF_FEATURES:
		entry->ebx = (entry->ebx & 0xff00ffffu) | 1u << core_bits(cpu_count) << 16;
		entry->ecx = (entry->ecx & ~(ECX_MONITOR | ECX_TSC_DEADLINE)) | ECX_HYPERVISOR;
		entry->ecx |= has_tsc_deadline ? ECX_TSC_DEADLINE : 0;
		entry->edx = (entry->edx & ~EDX_HTT) | (cpu_count > 1 ? EDX_HTT : 0);
		break;
	case LEAF_CACHES:
		set_cache_sharing(entry, cpu_count);
		if ((entry->eax & 0x1f) != 0) {
			entry->eax = (entry->eax & 0x03ffffffu) | ((1u << core_bits(cpu_count)) - 1)
			                                                  << 26;
		}
		break;
	case LEAF_MONITOR:
	case LEAF_PMU:
	case LEAF_AMD_PMU:
		clear(entry);
		break;
	case LEAF_AMD_FEATURES:
		entry->ecx &= ~(AMD_ECX_CMP | AMD_ECX_PERFCTR);
		entry->ecx |= cpu_count > 1 ? AMD_ECX_CMP : 0;
		break;
	case LEAF_AMD_SIZES:
		entry->ecx = (entry->ecx & ~0xf0ffu) | core_bits(cpu_count) << 12 | (cpu_count - 1);
		break;
	case LEAF_AMD_CACHES:
		set_cache_sharing(entry, cpu_count);
		break;
	case LEAF_AMD_TOPOLOGY:
		clear(entry); /* the core's id comes per cpu; one thread a core, node 0 of 1 */
		break;
	default:
		break;
	}
}

/* KVM answers zeroes for a leaf that is not in the table: such entries only cost it time. */
static bool
is_zero(const struct kvm_cpuid_entry2 *entry)
{
	return (entry->eax | entry->ebx | entry->ecx | entry->edx) == 0;
}

static bool
is_topology(const struct kvm_cpuid_entry2 *entry)
{
	return entry->function == LEAF_TOPOLOGY || entry->function == LEAF_TOPOLOGY_V2;
}

/* Level 0 is the threads of a core, level 1 the cores of the package. */
static void
append_topology(struct cpuid_table *table, uint32_t leaf, uint32_t cpu_count)
{
	for (uint32_t level = 0; level < 2 && table->nent < CPUID_ENTRIES_MAX; level++) {
		table->entries[table->nent++] = (struct kvm_cpuid_entry2){
			.function = leaf,
			.index = level,
			.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
			.eax = level == 0 ? 0 : core_bits(cpu_count),
			.ebx = level == 0 ? 1 : cpu_count,
			.ecx = level | (level == 0 ? TOPOLOGY_LEVEL_SMT : TOPOLOGY_LEVEL_CORE) << 8,
		};
	}
}

void
cpuid_init(struct cpuid_table *table, uint32_t cpu_count, bool has_tsc_deadline)
{
	uint32_t kept = 0, leaf_max = 0;

	for (uint32_t i = 0; i < table->nent; i++) {
		struct kvm_cpuid_entry2 *entry = &table->entries[i];

		/* The levels are those of the host: ours replace them. */
		if (is_topology(entry)) {
			continue;
		}
		if (entry->function == 0) {
			leaf_max = entry->eax;
		}
		init_entry(entry, cpu_count, has_tsc_deadline);
		/* This one is filled in per cpu. */
		if (!is_zero(entry) || entry->function == LEAF_AMD_TOPOLOGY) {
			table->entries[kept++] = *entry;
		}
	}
	table->nent = kept;
	if (leaf_max >= LEAF_TOPOLOGY) {
		append_topology(table, LEAF_TOPOLOGY, cpu_count);
	}
	if (leaf_max >= LEAF_TOPOLOGY_V2) {
		append_topology(table, LEAF_TOPOLOGY_V2, cpu_count);
	}
}

void
cpuid_set_cpu(struct cpuid_table *table, uint32_t id)
{
	for (uint32_t i = 0; i < table->nent; i++) {
		struct kvm_cpuid_entry2 *entry = &table->entries[i];

		if (entry->function == LEAF_FEATURES) {
			entry->ebx = (entry->ebx & 0x00ffffffu) | id << 24;
		} else if (is_topology(entry)) {
			entry->edx = id;
		} else if (entry->function == LEAF_AMD_TOPOLOGY) {
			entry->eax = id;
			entry->ebx = id;
		}
	}
}
