// SPDX-License-Identifier: ISC
/*
 * The reader of trace rings: the right records in order, and nothing but 0 of a region that lies.
 */
#include "vmm/trace.h"

#include "tests/unit/random.h"
#include "tests/unit/suite.h"

#include <string.h>

#define MEMORY_SIZE 0x400000u
#define REGION_ADDR 0x100000u
#define CPUS        2u
#define CAPACITY    16u
#define LAST        8u

static struct memory memory;
static const struct fdt_range region = {
	REGION_ADDR,
	TRACE_HEADER_SIZE + CPUS *CAPACITY * sizeof(struct trace_record),
};

static void
put(uint64_t addr, const void *bytes, size_t size)
{
	ck_assert(memory_write(&memory, gpa(addr), bytes, size));
}

static void
write_header(const struct trace_region *header)
{
	put(region.addr, header, sizeof(*header));
}

static const struct trace_region good = {
	.magic = TRACE_MAGIC,
	.version = TRACE_VERSION,
	.cpu_count = CPUS,
	.capacity = CAPACITY,
	.tsc_hz = 1000000,
};

/* cpu's ring after `head` records, each with its number as tsc. */
static void
write_ring(uint32_t cpu, uint64_t head)
{
	struct trace_ring ring = { .head = head };

	put(region.addr + sizeof(struct trace_region) + cpu * sizeof(ring), &ring, sizeof(ring));
	for (uint64_t n = head > CAPACITY ? head - CAPACITY : 0; n < head; n++) {
		struct trace_record record = { .tsc = n, .cpu = (uint8_t)cpu };
		uint64_t slot = cpu * CAPACITY + n % CAPACITY;

		put(region.addr + TRACE_HEADER_SIZE + slot * sizeof(record), &record,
		    sizeof(record));
	}
}

static void
set_up(void)
{
	ck_assert_int_eq(memory_init(&memory, MEMORY_SIZE), 0);
	write_header(&good);
}

static void
tear_down(void)
{
	memory_destroy(&memory);
}

static size_t
read_last(uint32_t cpu, struct trace_record *records)
{
	uint64_t hz = 0;

	return trace_read_last(&memory, &region, cpu, records, LAST, &hz);
}

/* Before and after the ring has wrapped, of either cpu, the last records come oldest first. */
START_TEST(test_trace_last_records_in_order)
{
	static const uint64_t heads[] = { 0, 1, 7, 8, 9, 15, 16, 17, 1000 };
	struct trace_record records[LAST];

	for (size_t h = 0; h < sizeof(heads) / sizeof(heads[0]); h++) {
		for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
			uint64_t expected = heads[h] < LAST ? heads[h] : LAST;

			write_ring(cpu, heads[h]);
			ck_assert_uint_eq(read_last(cpu, records), expected);
			for (uint64_t i = 0; i < expected; i++) {
				ck_assert_uint_eq(records[i].tsc, heads[h] - expected + i);
				ck_assert_uint_eq(records[i].cpu, cpu);
			}
		}
	}
}
END_TEST

/* Each field of the header that lies makes the trace absent, and nothing is read beside memory. */
START_TEST(test_trace_lying_header_is_no_trace)
{
	struct trace_region lies[] = { good, good, good, good, good, good, good };
	struct trace_record records[LAST];

	write_ring(0, 100);
	lies[0].magic ^= 1;
	lies[1].version = TRACE_VERSION + 1;
	lies[2].cpu_count = 0;
	lies[3].cpu_count = UINT32_MAX;
	lies[4].capacity = 0;
	lies[5].capacity = CAPACITY - 1;
	lies[6].capacity = CAPACITY * 2;
	ck_assert_uint_eq(read_last(0, records), LAST);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		write_header(&lies[i]);
		ck_assert_msg(read_last(0, records) == 0, "lie %zu is believed", i);
	}
	write_header(&good);
	ck_assert_uint_eq(read_last(CPUS, records), 0);
}
END_TEST

/* Whatever lies in the region, reading ends in at most LAST records and no sanitizer's report. */
START_TEST(test_trace_garbage_is_survived)
{
	struct random random = random_seeded((uint64_t)_i);
	struct trace_record records[LAST];

	for (int round = 0; round < 1000; round++) {
		struct trace_region header = good;
		uint8_t *bytes = (uint8_t *)&header;

		bytes[random_below(&random, sizeof(header))] ^= 1u << random_below(&random, 8);
		write_header(&header);
		write_ring(0, random_below(&random, 64));
		ck_assert_uint_le(read_last(0, records), LAST);
	}
}
END_TEST

/* Regions that are absent, too small, or outside of memory hold no trace. */
START_TEST(test_trace_bad_region_is_no_trace)
{
	const struct fdt_range bad[] = {
		{ 0, 0 },
		{ REGION_ADDR, TRACE_HEADER_SIZE },
		{ MEMORY_SIZE, region.size },
		{ UINT64_MAX - 16, region.size },
	};
	struct trace_record records[LAST];
	uint64_t hz;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_uint_eq(trace_read_last(&memory, &bad[i], 0, records, LAST, &hz), 0);
	}
}
END_TEST

/* A line has the time before the last record, the event's name and both fields. */
START_TEST(test_trace_print_says_when_and_what)
{
	const struct trace_record records[] = {
		{ .tsc = 1000, .event = TRACE_irq_entry, .pid = 7, .a = 1, .b = 0xabc },
		{ .tsc = 1500, .event = 0xffff, .pid = 7 },
	};
	char text[512] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	ck_assert_ptr_nonnull(out);
	trace_print(out, records, 2, 1000000);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, "-500.0 us  pid 7"));
	ck_assert_ptr_nonnull(strstr(text, "irq_entry"));
	ck_assert_ptr_nonnull(strstr(text, "a=1 b=abc"));
	ck_assert_ptr_nonnull(strstr(text, "unknown event"));
}
END_TEST

/* The guest may have written any times: even the farthest apart have a distance. */
START_TEST(test_trace_print_takes_any_time)
{
	static const uint64_t times[] = { 0, 1, UINT64_MAX, 1ull << 63, (1ull << 63) - 1 };
	char text[512] = "";

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		const struct trace_record records[] = { { .tsc = times[i] }, { .tsc = 0 } };
		FILE *out = fmemopen(text, sizeof(text), "w");

		ck_assert_ptr_nonnull(out);
		trace_print(out, records, 2, 1000000);
		fclose(out);
	}
	/* The last of them is half of the range after the record that follows it. */
	ck_assert_ptr_nonnull(strstr(text, "  9223372036854775808.0 us"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("trace");
	TCase *tests = tcase_create("trace");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, test_trace_last_records_in_order);
	tcase_add_test(tests, test_trace_lying_header_is_no_trace);
	tcase_add_loop_test(tests, test_trace_garbage_is_survived, 1, 4);
	tcase_add_test(tests, test_trace_bad_region_is_no_trace);
	tcase_add_test(tests, test_trace_print_says_when_and_what);
	tcase_add_test(tests, test_trace_print_takes_any_time);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
