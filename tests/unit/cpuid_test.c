// SPDX-License-Identifier: ISC
/*
 * The guest's CPUID: ids and topology that agree with each other for every number of cpus, and
 * nothing offered that is not there. The host's table is made up, of the leaves that matter, full
 * of ones.
 */
#include "vmm/cpuid.h"

#include "tests/unit/suite.h"

#include "shared/boot_abi.h"

#include <check.h>

static struct cpuid_table table;

static void
add(uint32_t function, uint32_t index)
{
	table.entries[table.nent++] = (struct kvm_cpuid_entry2){
		.function = function,
		.index = index,
		.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		.eax = UINT32_MAX,
		.ebx = UINT32_MAX,
		.ecx = UINT32_MAX,
		.edx = UINT32_MAX,
	};
}

static void
make_host(uint32_t leaf_max)
{
	static const uint32_t leaves[] = {
		0, 1, 5, 0xa, 0x80000001, 0x80000008, 0x8000001e, 0x80000022,
	};

	table.nent = 0;
	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		add(leaves[i], 0);
	}
	table.entries[0].eax = leaf_max;
	for (uint32_t i = 0; i < 5; i++) {
		add(0xb, i);
		add(0x1f, i);
	}
}

/* The one entry, or NULL; two of them fail the test. */
static const struct kvm_cpuid_entry2 *
find(uint32_t function, uint32_t index)
{
	const struct kvm_cpuid_entry2 *found = NULL;

	for (uint32_t i = 0; i < table.nent; i++) {
		if (table.entries[i].function == function && table.entries[i].index == index) {
			ck_assert_ptr_null(found);
			found = &table.entries[i];
		}
	}
	return found;
}

/*
 * For every number of cpus and each cpu: its APIC id in all leaves, and levels that hold them all.
 */
START_TEST(test_cpuid_topology_agrees_for_all_counts)
{
	for (uint32_t count = 1; count <= BOOT_CPUS_MAX; count++) {
		uint32_t bits;

		make_host(0x1f);
		cpuid_init(&table, count, true);
		bits = find(0xb, 1)->eax;
		ck_assert_uint_ge(1u << bits, count);
		ck_assert(bits == 0 || 1u << (bits - 1) < count);
		for (uint32_t id = 0; id < count; id++) {
			cpuid_set_cpu(&table, id);
			ck_assert_uint_eq(find(1, 0)->ebx >> 24, id);
			ck_assert_uint_eq(find(0x8000001e, 0)->eax, id);
			for (uint32_t level = 0; level < 2; level++) {
				ck_assert_uint_eq(find(0xb, level)->edx, id);
				ck_assert_uint_eq(find(0x1f, level)->edx, id);
			}
		}
		ck_assert_uint_eq(find(0xb, 0)->ecx, 0x100);
		ck_assert_uint_eq(find(0xb, 0)->ebx, 1);
		ck_assert_uint_eq(find(0xb, 1)->ecx, 0x201);
		ck_assert_uint_eq(find(0xb, 1)->ebx, count);
		ck_assert_ptr_null(find(0xb, 2));
		ck_assert_uint_eq(find(1, 0)->ebx >> 16 & 0xff, 1u << bits);
		ck_assert_uint_eq(find(1, 0)->edx >> 28 & 1, count > 1);
		ck_assert_uint_eq(find(0x80000008, 0)->ecx & 0xff, count - 1);
		ck_assert_uint_eq(find(0x80000008, 0)->ecx >> 12 & 0xf, bits);
	}
}
END_TEST

/*
 * No PMU, no MONITOR; a hypervisor; TSC-deadline just as KVM has it; a leaf beyond the last is not
 * made.
 */
START_TEST(test_cpuid_features_are_what_is_there)
{
	for (int has = 0; has < 2; has++) {
		make_host(0xd);
		cpuid_init(&table, 2, has != 0);
		ck_assert_uint_eq(find(1, 0)->ecx >> 3 & 1, 0);
		ck_assert_uint_eq(find(1, 0)->ecx >> 24 & 1, (unsigned int)has);
		ck_assert_uint_eq(find(1, 0)->ecx >> 31, 1);
		ck_assert_ptr_null(find(5, 0));
		ck_assert_ptr_null(find(0xa, 0));
		ck_assert_ptr_null(find(0x80000022, 0));
		ck_assert_ptr_nonnull(find(0xb, 0));
		ck_assert_ptr_null(find(0x1f, 0));
	}
}
END_TEST

/* A table that is full already is not overrun by our levels. */
START_TEST(test_cpuid_full_table_is_not_overrun)
{
	make_host(0x1f);
	while (table.nent < CPUID_ENTRIES_MAX) {
		add(0x7, table.nent);
	}
	for (uint32_t i = 0; i < table.nent; i++) {
		if (table.entries[i].function == 0xb || table.entries[i].function == 0x1f) {
			table.entries[i].function = 0x7;
		}
	}
	cpuid_init(&table, 64, true);
	ck_assert_uint_le(table.nent, CPUID_ENTRIES_MAX);
}
END_TEST

static Suite *
cpuid_suite(void)
{
	Suite *suite = suite_create("cpuid");
	TCase *tests = tcase_create("cpuid");

	tcase_add_test(tests, test_cpuid_topology_agrees_for_all_counts);
	tcase_add_test(tests, test_cpuid_features_are_what_is_there);
	tcase_add_test(tests, test_cpuid_full_table_is_not_overrun);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(cpuid_suite());
}
