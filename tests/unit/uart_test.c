// SPDX-License-Identifier: ISC
/*
 * The 16550A as drivers see it: registers by the data sheet, interrupts as edges and levels, input
 * without loss. The host side is a buffer and a log of the interrupt line.
 */
#include "vmm/uart.h"

#include "tests/unit/suite.h"

#include <check.h>
#include <string.h>

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCRATCH };
#define FCR IIR

static struct uart uart;
static char sent[64];
static size_t sent_count;
static bool line;
static unsigned int edges; /* rising */

static void
on_output(void *context, uint8_t byte)
{
	ck_assert_ptr_eq(context, &uart);
	ck_assert_uint_lt(sent_count, sizeof(sent));
	sent[sent_count++] = (char)byte;
}

static void
on_irq(void *context, bool level)
{
	ck_assert_ptr_eq(context, &uart);
	ck_assert(level != line); /* called on changes only */
	line = level;
	edges += level ? 1 : 0;
}

static void
setup(void)
{
	const struct uart_host host = {
		.output = on_output,
		.set_irq = on_irq,
		.context = &uart,
	};

	sent_count = 0;
	line = false;
	edges = 0;
	uart_init(&uart, &host);
}

static size_t
receive(const char *bytes)
{
	return uart_receive(&uart, (const uint8_t *)bytes, strlen(bytes));
}

/* A polling driver can send at once and its bytes arrive in order. */
START_TEST(test_uart_polled_output_arrives)
{
	ck_assert_uint_eq(uart_read(&uart, LSR), 0x60);
	uart_write(&uart, DATA, 'o');
	uart_write(&uart, DATA, 'k');
	ck_assert_uint_eq(uart_read(&uart, LSR), 0x60);
	ck_assert_mem_eq(sent, "ok", sent_count);
	ck_assert_uint_eq(edges, 0);
}
END_TEST

/* With DLAB set the first two registers are the divisor, and nothing is sent or enabled by them. */
START_TEST(test_uart_dlab_reaches_divisor)
{
	uart_write(&uart, LCR, 0x83);
	uart_write(&uart, DATA, 0x34);
	uart_write(&uart, IER, 0x12);
	ck_assert_uint_eq(uart_read(&uart, DATA), 0x34);
	ck_assert_uint_eq(uart_read(&uart, IER), 0x12);
	uart_write(&uart, LCR, 0x03);
	ck_assert_uint_eq(uart_read(&uart, IER), 0);
	ck_assert_uint_eq(uart_read(&uart, LCR), 0x03);
	ck_assert_uint_eq(sent_count, 0);
}
END_TEST

/* The probe of Linux's 8250 driver finds a 16550A: IER, scratch, loopback lines, FIFO bits. */
START_TEST(test_uart_linux_probe_finds_16550a)
{
	uart_write(&uart, IER, 0);
	ck_assert_uint_eq(uart_read(&uart, IER) & 0x0f, 0);
	uart_write(&uart, IER, 0x0f);
	ck_assert_uint_eq(uart_read(&uart, IER) & 0x0f, 0x0f);
	uart_write(&uart, IER, 0);
	uart_write(&uart, MCR, 0x10 | 0x0a);
	ck_assert_uint_eq(uart_read(&uart, MSR) & 0xf0, 0x90);
	uart_write(&uart, MCR, 0);
	uart_write(&uart, FCR, 0x01);
	ck_assert_uint_eq(uart_read(&uart, IIR) >> 6, 3);
	uart_write(&uart, SCRATCH, 0xa5);
	ck_assert_uint_eq(uart_read(&uart, SCRATCH), 0xa5);
	uart_write(&uart, IER, 0x40); /* only later chips have it */
	ck_assert_uint_eq(uart_read(&uart, IER), 0);
}
END_TEST

/* In loopback, bytes sent come back and do not leave; the outside waits. */
START_TEST(test_uart_loopback_returns_bytes)
{
	uart_write(&uart, MCR, 0x10);
	ck_assert_uint_eq(receive("x"), 0);
	uart_write(&uart, DATA, 0xae);
	ck_assert_uint_eq(uart_read(&uart, LSR) & 1, 1);
	ck_assert_uint_eq(uart_read(&uart, DATA), 0xae);
	ck_assert_uint_eq(sent_count, 0);
	uart_write(&uart, MCR, 0);
	ck_assert_uint_eq(receive("x"), 1);
}
END_TEST

/*
 * A second byte in loopback without FIFO overruns the first: LSR says so once, by the line
 * interrupt.
 */
START_TEST(test_uart_loopback_overrun_reported_once)
{
	uart_write(&uart, IER, 0x04);
	uart_write(&uart, MCR, 0x10);
	uart_write(&uart, DATA, 'a');
	uart_write(&uart, DATA, 'b');
	ck_assert_uint_eq(uart_read(&uart, IIR), 0x06);
	ck_assert_uint_eq(uart_read(&uart, LSR) & 2, 2);
	ck_assert_uint_eq(uart_read(&uart, LSR) & 2, 0);
	ck_assert_uint_eq(uart_read(&uart, IIR), 0x01);
	ck_assert_uint_eq(uart_read(&uart, DATA), 'a');
}
END_TEST

/*
 * Enabling the transmitter's interrupt raises it; reading IIR sees it away; each byte is a new
 * edge.
 */
START_TEST(test_uart_thre_interrupt_edge_per_byte)
{
	uart_write(&uart, IER, 0x02);
	ck_assert(line);
	ck_assert_uint_eq(uart_read(&uart, IIR), 0x02);
	ck_assert(!line);
	ck_assert_uint_eq(uart_read(&uart, IIR), 0x01);
	uart_write(&uart, DATA, 'a');
	ck_assert(line);
	uart_write(&uart, DATA, 'b'); /* unseen: the line falls and rises */
	ck_assert_uint_eq(edges, 3);
	uart_write(&uart, IER, 0);
	ck_assert(!line);
}
END_TEST

/* Without FIFO one byte is taken at a time, and the rest waits outside. */
START_TEST(test_uart_receive_without_fifo_takes_one)
{
	ck_assert_uint_eq(uart_receive_room(&uart), 1);
	ck_assert_uint_eq(receive("abc"), 1);
	ck_assert_uint_eq(uart_receive_room(&uart), 0);
	ck_assert_uint_eq(receive("bc"), 0);
	ck_assert_uint_eq(uart_read(&uart, LSR) & 3, 1);
	ck_assert_uint_eq(uart_read(&uart, DATA), 'a');
	ck_assert_uint_eq(uart_read(&uart, LSR) & 3, 0);
	ck_assert_uint_eq(receive("bc"), 1);
}
END_TEST

/*
 * A thousand bytes through the FIFO, in uneven steps of both sides, arrive complete and in order.
 */
START_TEST(test_uart_receive_with_fifo_loses_nothing)
{
	uint8_t next_in = 0, next_out = 0;
	unsigned int step = 1;

	uart_write(&uart, FCR, 0x01);
	ck_assert_uint_eq(uart_receive_room(&uart), UART_FIFO_SIZE);
	for (unsigned int total = 0; total < 1000; step = step * 7 % 23) {
		uint8_t bytes[32];
		size_t taken;

		for (size_t i = 0; i < sizeof(bytes); i++) {
			bytes[i] = (uint8_t)(next_in + i);
		}
		taken = uart_receive(&uart, bytes, step);
		ck_assert_uint_le(taken, UART_FIFO_SIZE);
		next_in = (uint8_t)(next_in + taken);
		for (unsigned int i = 0; i <= step / 2 && uart_read(&uart, LSR) % 2 != 0; i++) {
			ck_assert_uint_eq(uart_read(&uart, DATA), next_out);
			next_out++;
			total++;
		}
	}
}
END_TEST

/*
 * IIR tells a FIFO at its trigger level (RDA) from one below it (timeout), and the line stays up.
 */
START_TEST(test_uart_receive_interrupt_by_trigger_level)
{
	uart_write(&uart, FCR, 0x41); /* trigger at 4 */
	uart_write(&uart, IER, 0x01);
	receive("abc");
	ck_assert(line);
	ck_assert_uint_eq(uart_read(&uart, IIR), 0xcc);
	receive("d");
	ck_assert_uint_eq(uart_read(&uart, IIR), 0xc4);
	uart_read(&uart, DATA);
	ck_assert_uint_eq(uart_read(&uart, IIR), 0xcc);
	uart_read(&uart, DATA);
	uart_read(&uart, DATA);
	ck_assert(line);
	uart_read(&uart, DATA);
	ck_assert(!line);
	ck_assert_uint_eq(edges, 1);
}
END_TEST

/* Clearing the receiver, and switching the FIFO either way, drops what came by loopback. */
START_TEST(test_uart_fifo_clear_drops_looped_bytes)
{
	uart_write(&uart, MCR, 0x10);
	uart_write(&uart, FCR, 0x01);
	uart_write(&uart, DATA, 'a');
	uart_write(&uart, FCR, 0x03);
	ck_assert_uint_eq(uart_read(&uart, LSR) & 1, 0);
	uart_write(&uart, DATA, 'a');
	uart_write(&uart, MCR, 0x00);
	uart_write(&uart, FCR, 0x00);
	ck_assert_uint_eq(uart_read(&uart, LSR) & 1, 0);
	ck_assert_uint_eq(uart_read(&uart, IIR), 0x01);
}
END_TEST

/*
 * Input that came before the driver's set-up is still there after it, and beyond one byte in order.
 */
START_TEST(test_uart_fifo_clear_keeps_input)
{
	receive("a");
	uart_write(&uart, FCR, 0x07);
	ck_assert_uint_eq(receive("bc"), 2);
	uart_write(&uart, FCR, 0x00);
	ck_assert_uint_eq(uart_receive_room(&uart), 0);
	ck_assert_uint_eq(receive("d"), 0);
	ck_assert_uint_eq(uart_read(&uart, DATA), 'a');
	ck_assert_uint_eq(uart_read(&uart, DATA), 'b');
	ck_assert_uint_eq(uart_read(&uart, DATA), 'c');
	ck_assert_uint_eq(uart_receive_room(&uart), 1);
}
END_TEST

/* The modem lines are those of a terminal that is there; a change by loopback is reported once. */
START_TEST(test_uart_modem_delta_cleared_by_read)
{
	ck_assert_uint_eq(uart_read(&uart, MSR), 0xb0);
	uart_write(&uart, IER, 0x08);
	uart_write(&uart, MCR, 0x10); /* all lines fall */
	ck_assert(line);
	ck_assert_uint_eq(uart_read(&uart, IIR), 0x00);
	ck_assert_uint_eq(uart_read(&uart, MSR), 0x0b);
	ck_assert_uint_eq(uart_read(&uart, MSR), 0x00);
	ck_assert(!line);
}
END_TEST

/*
 * No sequence of accesses breaks the invariants: 100,000 pseudo-random reads and writes of every
 * register, also those beyond the eighth, with input in between (sanitizers watch the rest).
 */
START_TEST(test_uart_garbage_keeps_invariants)
{
	uint32_t state = 1;

	for (unsigned int i = 0; i < 100000; i++) {
		uint32_t offset, value;

		state = state * 1664525u + 1013904223u;
		offset = state >> 24 & 0xf;
		value = state >> 16 & 0xff;
		if ((state >> 30) == 0) {
			uart_read(&uart, offset);
		} else if ((state >> 30) == 1) {
			receive("garbage");
		} else {
			uart_write(&uart, offset, (uint8_t)value);
		}
		sent_count = 0;
		ck_assert_uint_le(uart.rx_count, UART_FIFO_SIZE);
		ck_assert_uint_lt(uart.rx_first, UART_FIFO_SIZE);
		ck_assert(line == uart.irq_level);
	}
}
END_TEST

static Suite *
uart_suite(void)
{
	Suite *suite = suite_create("uart");
	TCase *tests = tcase_create("uart");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, test_uart_polled_output_arrives);
	tcase_add_test(tests, test_uart_dlab_reaches_divisor);
	tcase_add_test(tests, test_uart_linux_probe_finds_16550a);
	tcase_add_test(tests, test_uart_loopback_returns_bytes);
	tcase_add_test(tests, test_uart_loopback_overrun_reported_once);
	tcase_add_test(tests, test_uart_thre_interrupt_edge_per_byte);
	tcase_add_test(tests, test_uart_receive_without_fifo_takes_one);
	tcase_add_test(tests, test_uart_receive_with_fifo_loses_nothing);
	tcase_add_test(tests, test_uart_receive_interrupt_by_trigger_level);
	tcase_add_test(tests, test_uart_fifo_clear_drops_looped_bytes);
	tcase_add_test(tests, test_uart_fifo_clear_keeps_input);
	tcase_add_test(tests, test_uart_modem_delta_cleared_by_read);
	tcase_add_test(tests, test_uart_garbage_keeps_invariants);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(uart_suite());
}
