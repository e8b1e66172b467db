// SPDX-License-Identifier: ISC
/*
 * The ports put together: which device an access reaches, what it does to the run, and who is told
 * of what.
 */
#include "vmm/devices.h"

#include "tests/unit/suite.h"

#include "shared/doorbell_abi.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MEMORY_SIZE 0x10000u

static struct memory memory;
static struct devices devices;
static int output[2];
static uint32_t errors;

static void
set_up(void)
{
	ck_assert_int_eq(memory_init(&memory, MEMORY_SIZE), 0);
	ck_assert_int_eq(pipe(output), 0);
	devices_init(&devices, &memory, -1, output[1]);
	errors = 0;
}

static void
tear_down(void)
{
	devices_destroy(&devices);
	close(output[0]);
	close(output[1]);
	memory_destroy(&memory);
}

static struct end
out(uint16_t port, uint32_t value, uint32_t size)
{
	uint8_t data[sizeof(value)];

	memcpy(data, &value, sizeof(value));
	return devices_out(&devices, port, data, size, &errors);
}

static uint32_t
in(uint16_t port, uint32_t size)
{
	uint32_t value = 0;

	devices_in(&devices, port, (uint8_t *)&value, size);
	return value;
}

/*
 * Two words of one instruction ask for the same error: the cpu gets it once, and the second order
 * is left for the next instruction. By devices_out() with the errors of one exit, then of another.
 */
START_TEST(test_devices_string_of_requests_takes_one_order)
{
	for (uint32_t exit = 1; exit <= 2; exit++) {
		devices.inject.orders[devices.inject.count++] =
			(struct inject_order){ .what = DOORBELL_INJECT_NMI, .exit = exit };
	}
	out(DOORBELL_PORT + DOORBELL_INJECT, DOORBELL_INJECT_NMI, 4);
	out(DOORBELL_PORT + DOORBELL_INJECT, DOORBELL_INJECT_NMI, 4);
	ck_assert_uint_eq(errors, 1u << DOORBELL_INJECT_NMI);
	ck_assert_uint_eq(in(DOORBELL_PORT + DOORBELL_INJECT, 4), 1u << DOORBELL_INJECT_NMI);
	errors = 0;
	out(DOORBELL_PORT + DOORBELL_INJECT, DOORBELL_INJECT_NMI, 4);
	ck_assert_uint_eq(errors, 1u << DOORBELL_INJECT_NMI);
	ck_assert_uint_eq(in(DOORBELL_PORT + DOORBELL_INJECT, 4), 0);
}
END_TEST

/* Whatever number a guest writes, it is no order. By numbers that no bit could stand for. */
START_TEST(test_devices_request_of_no_order_is_nothing)
{
	static const uint32_t numbers[] = { 0, 4, 31, 32, 33, 64, UINT32_MAX };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		out(DOORBELL_PORT + DOORBELL_INJECT, numbers[i], 4);
	}
	ck_assert_uint_eq(errors, 0);
}
END_TEST

/* A word across the UART's edge reaches it with the bytes that are its own, and nothing else. */
START_TEST(test_devices_word_across_an_edge_is_taken_apart)
{
	uint8_t byte = 0;

	out(UART_PORT - 2, 0x00414243, 4);
	ck_assert_int_eq(read(output[0], &byte, 1), 1);
	ck_assert_uint_eq(byte, 0x41);
	ck_assert_uint_eq(in(UART_PORT - 2, 2), 0xffff);
	out(UART_PORT + 7, 0x00000055, 4);
	ck_assert_uint_eq(in(UART_PORT + 7, 4), 0xffffff55);
	ck_assert_uint_eq(in(0xffff, 4), 0xffffffff);
}
END_TEST

/* Only the keyboard controller's reset, a byte, ends the run. By its neighbours in port, size,
 * value. */
START_TEST(test_devices_reset_is_one_byte)
{
	ck_assert_int_eq(out(0x64, 0xff, 1).kind, END_NONE);
	ck_assert_int_eq(out(0x64, 0xfe, 2).kind, END_NONE);
	ck_assert_int_eq(out(0x63, 0xfe00, 2).kind, END_NONE);
	ck_assert_uint_eq(in(0x64, 1), 0);
	ck_assert_int_eq(out(0x64, 0xfe, 1).kind, END_GUEST_RESET);
}
END_TEST

/* Who waits with input is told as soon as there is room, by a read and by a write that makes it. */
START_TEST(test_devices_room_is_announced)
{
	const uint8_t bytes[] = "ab";
	uint64_t count = 0;
	size_t taken = 0;

	devices.input_event_fd = eventfd(0, EFD_NONBLOCK);
	ck_assert(devices_receive(&devices, bytes, 2, &taken));
	ck_assert_uint_eq(taken, 1);
	ck_assert_int_lt(read(devices.input_event_fd, &count, sizeof(count)), 0);
	ck_assert_uint_eq(in(UART_PORT, 1), 'a');
	ck_assert_int_eq(read(devices.input_event_fd, &count, sizeof(count)), sizeof(count));
	ck_assert(devices_receive(&devices, bytes, 2, &taken));
	out(UART_PORT + 2, 1, 1); /* its FIFO has room for more */
	ck_assert_int_eq(read(devices.input_event_fd, &count, sizeof(count)), sizeof(count));
	close(devices.input_event_fd);
}
END_TEST

/* The main thread never waits for a cpu that is in the devices. By a lock that is taken. */
START_TEST(test_devices_input_does_not_wait)
{
	size_t size = 0;

	pthread_mutex_lock(&devices.lock);
	ck_assert(!devices_receive_room(&devices, &size));
	ck_assert(!devices_receive(&devices, (const uint8_t *)"a", 1, &size));
	pthread_mutex_unlock(&devices.lock);
	ck_assert(devices_receive_room(&devices, &size));
	ck_assert_uint_eq(size, 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("devices");
	TCase *tests = tcase_create("devices");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, test_devices_string_of_requests_takes_one_order);
	tcase_add_test(tests, test_devices_request_of_no_order_is_nothing);
	tcase_add_test(tests, test_devices_word_across_an_edge_is_taken_apart);
	tcase_add_test(tests, test_devices_reset_is_one_byte);
	tcase_add_test(tests, test_devices_room_is_announced);
	tcase_add_test(tests, test_devices_input_does_not_wait);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
