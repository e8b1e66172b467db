// SPDX-License-Identifier: ISC
/*
 * The road to guest memory: what lies in RAM is copied whole, all the rest is refused, for
 * addresses and sizes around every edge.
 */
#include "vmm/memory.h"

#include "tests/unit/suite.h"

#include <check.h>
#include <string.h>

#define PAGE 4096ull

static struct memory memory;

/* Low RAM of the full 3 GiB, and four pages from 4 GiB on. None of it is touched but the edges. */
static void
setup(void)
{
	ck_assert_int_eq(memory_init(&memory, MEMORY_LOW_MAX + 4 * PAGE), 0);
}

static void
teardown(void)
{
	memory_destroy(&memory);
}

/* By the definition, in arithmetic that cannot wrap. */
static bool
is_ram(uint64_t address, uint64_t size)
{
	__uint128_t end = (__uint128_t)address + size;

	return (address < MEMORY_LOW_MAX && end <= MEMORY_LOW_MAX) ||
	       (address >= MEMORY_HIGH_BASE && address < MEMORY_HIGH_BASE + 4 * PAGE &&
	        end <= MEMORY_HIGH_BASE + 4 * PAGE);
}

/*
 * Every edge plus and minus a few bytes, by sizes from 0 to all of it: accepted exactly if it is
 * RAM.
 */
START_TEST(test_memory_access_is_bounded_at_every_edge)
{
	static const uint64_t edges[] = {
		0,
		PAGE,
		MEMORY_LOW_MAX,
		MEMORY_HIGH_BASE,
		MEMORY_HIGH_BASE + 4 * PAGE,
		0x8000000000000000ull, /* and, by the differences below, the end of all addresses */
	};
	static const uint64_t sizes[] = { 0, 1, 4, 8, PAGE };
	static uint8_t bytes[PAGE];

	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		for (int64_t difference = -9; difference <= 9; difference++) {
			uint64_t address = edges[i] + (uint64_t)difference;

			for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
				bool expected = is_ram(address, sizes[j]);

				ck_assert(memory_write(&memory, gpa(address), bytes, sizes[j]) ==
				          expected);
				ck_assert(memory_read(&memory, gpa(address), bytes, sizes[j]) ==
				          expected);
			}
			ck_assert(!memory_read(&memory, gpa(address), bytes, SIZE_MAX));
			ck_assert(!memory_read(&memory, gpa(address), bytes, SIZE_MAX - address));
		}
	}
}
END_TEST

/* A word is read and written whole, and only where it is aligned. */
START_TEST(test_memory_word_must_be_aligned)
{
	uint32_t value = 0;

	for (uint64_t at = 0; at < 8; at++) {
		ck_assert(memory_store_u32(&memory, gpa(at), 0x12345678) == (at % 4 == 0));
		ck_assert(memory_load_u32(&memory, gpa(at), &value) == (at % 4 == 0));
	}
	ck_assert_uint_eq(value, 0x12345678);
	ck_assert(memory_load_u32(&memory, gpa(MEMORY_LOW_MAX - 4), &value));
	ck_assert(!memory_load_u32(&memory, gpa(MEMORY_LOW_MAX), &value));
	ck_assert(!memory_load_u32(&memory, gpa(UINT64_MAX - 3), &value));
}
END_TEST

/* Fresh memory is zero, and what is written to one range is not seen in the other. */
START_TEST(test_memory_ranges_are_separate)
{
	uint64_t value;

	ck_assert(memory_write(&memory, gpa(0), &(uint64_t){ UINT64_MAX }, 8));
	ck_assert(memory_read(&memory, gpa(MEMORY_HIGH_BASE), &value, 8));
	ck_assert_uint_eq(value, 0);
}
END_TEST

static Suite *
memory_suite(void)
{
	Suite *suite = suite_create("memory");
	TCase *tests = tcase_create("memory");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_memory_access_is_bounded_at_every_edge);
	tcase_add_test(tests, test_memory_word_must_be_aligned);
	tcase_add_test(tests, test_memory_ranges_are_separate);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(memory_suite());
}
