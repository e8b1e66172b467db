// SPDX-License-Identifier: ISC
/*
 * The console ring's drain: complete, in order, never out of bounds whatever the guest writes into
 * it, and never stuck on a reader that has gone or sleeps. The guest is this test, writing to a
 * struct memory; the reader is the other end of a pipe.
 */
#define _GNU_SOURCE /* pipe2, F_SETPIPE_SZ */
#include "vmm/console.h"

#include "tests/unit/suite.h"

#include "shared/doorbell_abi.h"

#include <check.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MEMORY_SIZE 0x10000u
#define REGION      0x4000u

static struct memory memory;
static struct console console;
static int reader, writer;

static void
setup(void)
{
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	reader = fds[0];
	writer = fds[1];
	ck_assert_int_eq(memory_init(&memory, MEMORY_SIZE), 0);
	console_init(&console, &memory, writer);
	ck_assert(console_init_ring(&console, gpa(REGION), CONSOLE_REGION_SIZE));
}

static void
teardown(void)
{
	close(reader);
	close(writer);
	memory_destroy(&memory);
}

static void
set_head(uint32_t head)
{
	ck_assert(memory_store_u32(&memory, gpa(REGION), head));
}

static uint32_t
get_tail(void)
{
	gpa_t tail_at = gpa(REGION + offsetof(struct console_ring, tail));
	uint32_t tail;

	ck_assert(memory_load_u32(&memory, tail_at, &tail));
	return tail;
}

/* Bytes [from, to) of an endless text, written where the ring has them. */
static void
guest_write(uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i != to; i++) {
		uint8_t byte = (uint8_t)(i % 251);
		uint32_t offset = sizeof(struct console_ring) + i % console.size;

		ck_assert(memory_write(&memory, gpa(REGION + offset), &byte, 1));
	}
	set_head(to);
}

/* What came out is exactly [from, to) of that text. */
static void
expect_output(uint32_t from, uint32_t to)
{
	uint8_t bytes[0x2000];
	ssize_t count = to == from ? 0 : read(reader, bytes, sizeof(bytes));

	ck_assert_int_eq(count, to - from);
	for (uint32_t i = 0; i < to - from; i++) {
		ck_assert_uint_eq(bytes[i], (from + i) % 251);
	}
}

static void
expect_no_output(void)
{
	uint8_t byte;

	fcntl(reader, F_SETFL, O_NONBLOCK);
	ck_assert_int_eq(read(reader, &byte, 1), -1);
	ck_assert_int_eq(errno, EAGAIN);
}

/* The ring is the largest power of two that the region holds, for many sizes of region. */
START_TEST(test_console_ring_size_is_largest_power)
{
	ck_assert_uint_eq(console.size, 4096);
	for (uint64_t size = sizeof(struct console_ring) + 1; size < 0x3000; size++) {
		uint64_t room = size - sizeof(struct console_ring);

		ck_assert(console_init_ring(&console, gpa(REGION), size));
		ck_assert_uint_le(console.size, room);
		ck_assert_uint_gt(console.size * 2ull, room);
	}
	ck_assert(!console_init_ring(&console, gpa(REGION), sizeof(struct console_ring)));
	ck_assert(!console_init_ring(&console, gpa(MEMORY_SIZE), 4096));
}
END_TEST

/* Every byte comes out once and in order, across wraps of the ring, by steps of many sizes. */
START_TEST(test_console_drain_wrapping_is_complete)
{
	uint32_t at = 0;

	for (uint32_t step = 0; step <= console.size; step += 1 + step / 3) {
		guest_write(at, at + step);
		console_drain(&console);
		expect_output(at, at + step);
		at += step;
		ck_assert_uint_eq(get_tail(), at);
	}
	ck_assert(!console.resynced);
}
END_TEST

/* The counters wrap at 2^32 without a seam. */
START_TEST(test_console_drain_counter_wrap_is_seamless)
{
	console.tail = UINT32_MAX - 2;
	guest_write(UINT32_MAX - 2, 3);
	console_drain(&console);
	ck_assert_uint_eq(get_tail(), 3);
	ck_assert(!console.resynced);
}
END_TEST

/* A head that no writer can have reached costs one ring of output and is remembered once. */
START_TEST(test_console_drain_lying_head_resyncs)
{
	static const uint32_t heads[] = { 4097, UINT32_MAX, 0x80000000u, 0xdeadbeefu };
	uint8_t bytes[8192];

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		set_head(heads[i]);
		console_drain(&console);
		ck_assert_int_eq(read(reader, bytes, sizeof(bytes)), 4096);
		ck_assert_uint_eq(get_tail(), heads[i]);
		ck_assert(console.resynced);
	}
	/* Back in step: the next bytes come out alone. */
	guest_write(0xdeadbeefu, 0xdeadbeefu + 5);
	console_drain(&console);
	expect_output(0xdeadbeefu, 0xdeadbeefu + 5);
}
END_TEST

/* What the guest writes into the VMM's own fields is not believed. */
START_TEST(test_console_drain_scribbled_header_ignored)
{
	struct console_ring header = { .head = 0, .tail = 77, .size = UINT32_MAX };

	ck_assert(memory_write(&memory, gpa(REGION), &header, sizeof(header)));
	guest_write(0, 100);
	console_drain(&console);
	expect_output(0, 100);
	ck_assert_uint_eq(get_tail(), 100);
}
END_TEST

/* A reader that has gone is an error, said once; later output is dropped without another. */
START_TEST(test_console_write_closed_pipe_is_epipe)
{
	close(reader);
	guest_write(0, 10);
	console_drain(&console);
	ck_assert_int_eq(console.error, EPIPE);
	ck_assert_uint_eq(get_tail(), 0);
	console_write(&console, "x", 1);
	ck_assert_int_eq(console.error, EPIPE);
	reader = dup(writer);
}
END_TEST

/*
 * A full non-blocking pipe (EAGAIN, short writes): what fits is taken, what does not stays in the
 * ring.
 */
START_TEST(test_console_drain_full_pipe_keeps_rest)
{
	uint8_t bytes[0x2000];
	ssize_t count;

	ck_assert_int_ge(fcntl(writer, F_SETPIPE_SZ, 4096), 4096);
	fcntl(writer, F_SETFL, O_NONBLOCK);
	console.patience_ms = 0;
	guest_write(0, 4096);
	console_drain(&console);
	guest_write(4096, 4096 + 100);
	console_drain(&console);
	ck_assert_int_eq(console.error, 0);
	ck_assert_uint_eq(get_tail(), 4096);
	count = read(reader, bytes, sizeof(bytes));
	ck_assert_int_eq(count, 4096);
	console_drain(&console);
	expect_output(4096, 4096 + 100);
}
END_TEST

/*
 * A wait for a sleeping reader ends when the run is cancelled: here it was before the wait began.
 */
START_TEST(test_console_drain_cancelled_gives_up)
{
	int cancel[2];

	ck_assert_int_eq(pipe2(cancel, O_CLOEXEC), 0);
	ck_assert_int_eq(write(cancel[1], "x", 1), 1);
	ck_assert_int_ge(fcntl(writer, F_SETPIPE_SZ, 4096), 4096);
	console.cancel_fd = cancel[0];
	guest_write(0, 4096);
	console_drain(&console); /* there is room: a cancelled run still writes what it can */
	guest_write(4096, 4096 + 100);
	console_drain(&console);
	ck_assert_uint_eq(get_tail(), 4096);
	ck_assert_int_eq(console.error, 0);
	close(cancel[0]);
	close(cancel[1]);
}
END_TEST

/* Without a ring a drain does nothing, and the UART's bytes go out. */
START_TEST(test_console_without_ring_only_writes)
{
	console_init(&console, &memory, writer);
	set_head(100);
	console_drain(&console);
	expect_no_output();
	console_write(&console, "\x00\x01", 2);
	expect_output(0, 2);
}
END_TEST

extern const char __executable_start[];

/*
 * A name behind an address is printed, and not counted: the ring is as empty as if there were none,
 * wherever the address lies in it. The names are this program's own.
 */
START_TEST(test_console_names_are_not_counted)
{
	uintptr_t address = (uintptr_t)setup - (uintptr_t)__executable_start + 1;
	int fd = open("/proc/self/exe", O_RDONLY);
	off_t size = lseek(fd, 0, SEEK_END);
	Elf64_Ehdr *image = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	char text[64], expected[64], out[64];
	uint32_t head = 0;

	ck_assert_ptr_ne(image, MAP_FAILED);
	image->e_type = ET_EXEC; /* as a guest's */
	names_init(&console.names, image, (size_t)size);
	snprintf(text, sizeof(text), "[<%016lx>]\n", address);
	snprintf(expected, sizeof(expected), "[<%016lx>] setup+0x0\n", address);
	while (head < 2 * console.size) {
		for (const char *byte = text; *byte != '\0'; byte++, head++) {
			uint32_t offset = sizeof(struct console_ring) + head % console.size;

			ck_assert(memory_write(&memory, gpa(REGION + offset), byte, 1));
		}
		set_head(head);
		console_drain(&console);
		ck_assert_int_eq(read(reader, out, sizeof(out)), strlen(expected));
		ck_assert_mem_eq(out, expected, strlen(expected));
		ck_assert_uint_eq(get_tail(), head);
	}
	names_destroy(&console.names);
	munmap(image, (size_t)size);
	close(fd);
}
END_TEST

static Suite *
console_suite(void)
{
	Suite *suite = suite_create("console");
	TCase *tests = tcase_create("console");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, test_console_ring_size_is_largest_power);
	tcase_add_test(tests, test_console_drain_wrapping_is_complete);
	tcase_add_test(tests, test_console_drain_counter_wrap_is_seamless);
	tcase_add_test(tests, test_console_drain_lying_head_resyncs);
	tcase_add_test(tests, test_console_drain_scribbled_header_ignored);
	tcase_add_test(tests, test_console_write_closed_pipe_is_epipe);
	tcase_add_test(tests, test_console_drain_full_pipe_keeps_rest);
	tcase_add_test(tests, test_console_drain_cancelled_gives_up);
	tcase_add_test(tests, test_console_without_ring_only_writes);
	tcase_add_test(tests, test_console_names_are_not_counted);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(console_suite());
}
