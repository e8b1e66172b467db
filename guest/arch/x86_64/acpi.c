// SPDX-License-Identifier: ISC
/*
 * Finding the MADT: root pointer, root table, the table named "APIC". Lengths are checked against
 * the early map, and sums must be right, before anything is believed.
 */
#include "guest/arch/x86_64/acpi.h"

#include <stdbool.h>
#include <stddef.h>

#include "guest/arch/x86_64/boot.h"
#include "guest/string.h"

#define TABLE_SIZE_MAX   0x10000u /* bytes */
#define ROOT_ENTRIES_MAX 64u

#define MADT_LOCAL_APIC       0
#define MADT_LOCAL_X2APIC     9
#define MADT_ENABLED          1u
#define MADT_APIC_ID_EVERYONE 0xffu

struct rsdp {
	char signature[8];
	uint8_t sum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt;
	/* Revision 2 and later. */
	uint32_t length;
	uint64_t xsdt;
	uint8_t extended_sum;
	uint8_t reserved[3];
} __attribute__((packed));
_Static_assert(sizeof(struct rsdp) == 36, "ACPI's layout");

struct table {
	char signature[4];
	uint32_t length; /* bytes, header included */
	uint8_t revision;
	uint8_t sum;
	char oem[26];
} __attribute__((packed));
_Static_assert(sizeof(struct table) == 36, "ACPI's layout");

struct madt {
	struct table header;
	uint32_t apic_address;
	uint32_t flags;
	uint8_t entries[];
} __attribute__((packed));

struct madt_entry {
	uint8_t type;
	uint8_t length; /* bytes, these two included */
} __attribute__((packed));

struct madt_apic {
	struct madt_entry entry;
	uint8_t processor;
	uint8_t apic_id;
	uint32_t flags;
} __attribute__((packed));

struct madt_x2apic {
	struct madt_entry entry;
	uint16_t reserved;
	uint32_t apic_id;
	uint32_t flags;
	uint32_t processor;
} __attribute__((packed));

static bool
sum_is_right(const void *bytes, size_t size)
{
	const uint8_t *byte = bytes;
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++) {
		sum += byte[i];
	}
	return sum == 0;
}

/* The whole table at addr, or NULL. */
static const struct table *
table_at(uint64_t addr, const char *signature)
{
	const struct table *table = boot_early_bytes(addr, sizeof(*table));

	if (!table || memcmp(table->signature, signature, sizeof(table->signature)) != 0) {
		return NULL;
	}
	if (table->length < sizeof(*table) || table->length > TABLE_SIZE_MAX) {
		return NULL;
	}
	table = boot_early_bytes(addr, table->length);
	return table && sum_is_right(table, table->length) ? table : NULL;
}

/* The root table and how wide its entries are. */
static const struct table *
root_table(uint64_t addr, size_t *entry_size)
{
	const struct rsdp *rsdp = boot_early_bytes(addr, sizeof(*rsdp));

	if (!rsdp || memcmp(rsdp->signature, "RSD PTR ", sizeof(rsdp->signature)) != 0 ||
	    !sum_is_right(rsdp, offsetof(struct rsdp, length))) {
		return NULL;
	}
	if (rsdp->revision >= 2 && rsdp->xsdt != 0 && sum_is_right(rsdp, sizeof(*rsdp))) {
		*entry_size = sizeof(uint64_t);
		return table_at(rsdp->xsdt, "XSDT");
	}
	*entry_size = sizeof(uint32_t);
	return table_at(rsdp->rsdt, "RSDT");
}

static const struct madt *
find_madt(uint64_t rsdp)
{
	size_t entry_size;
	const struct table *root = root_table(rsdp, &entry_size);
	const uint8_t *entry;
	size_t count;

	if (!root) {
		return NULL;
	}
	entry = (const uint8_t *)(root + 1);
	count = (root->length - sizeof(*root)) / entry_size;
	for (size_t i = 0; i < count && i < ROOT_ENTRIES_MAX; i++) {
		const struct table *table;
		uint64_t addr = 0;

		memcpy(&addr, entry + i * entry_size, entry_size);
		table = table_at(addr, "APIC");
		if (table && table->length >= sizeof(struct madt)) {
			return (const struct madt *)table;
		}
	}
	return NULL;
}

static bool
read_entry(const struct madt_entry *entry, uint32_t *apic_id)
{
	const struct madt_apic *apic = (const struct madt_apic *)entry;
	const struct madt_x2apic *x2apic = (const struct madt_x2apic *)entry;

	if (entry->type == MADT_LOCAL_APIC && entry->length >= sizeof(*apic)) {
		*apic_id = apic->apic_id;
		return (apic->flags & MADT_ENABLED) && apic->apic_id != MADT_APIC_ID_EVERYONE;
	}
	if (entry->type == MADT_LOCAL_X2APIC && entry->length >= sizeof(*x2apic)) {
		*apic_id = x2apic->apic_id;
		return x2apic->flags & MADT_ENABLED;
	}
	return false;
}

uint32_t
acpi_read_cpus(uint64_t rsdp, uint32_t *apic_ids, uint32_t max)
{
	const struct madt *madt = find_madt(rsdp);
	const uint8_t *at;
	const uint8_t *end;
	uint32_t count = 0;

	if (!madt) {
		return 0;
	}
	at = madt->entries;
	end = (const uint8_t *)madt + madt->header.length;
	while ((size_t)(end - at) >= sizeof(struct madt_entry) && count < max) {
		const struct madt_entry *entry = (const struct madt_entry *)at;

		if (entry->length < sizeof(*entry) || entry->length > end - at) {
			break;
		}
		if (read_entry(entry, &apic_ids[count])) {
			count++;
		}
		at += entry->length;
	}
	return count;
}
