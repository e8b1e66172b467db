// SPDX-License-Identifier: ISC
#include "guest/arch/x86_64/uart.h"

#include <stdbool.h>

#include "guest/arch/x86_64/insn.h"

#define UART_DATA         0
#define UART_DIVISOR_LOW  0
#define UART_INTERRUPTS   1
#define UART_DIVISOR_HIGH 1
#define UART_FIFO         2
#define UART_LINE         3
#define UART_LINE_STATUS  5

#define FIFO_ENABLE           0x01
#define FIFO_ENABLE_AND_CLEAR 0x07
#define FIFO_SIZE             16u /* bytes */

#define LINE_8N1            0x03
#define LINE_DIVISOR_ACCESS 0x80
#define LINE_STATUS_DATA    0x01
#define LINE_STATUS_EMPTY   0x20
#define LINE_STATUS_NOBODY  0xff /* what reads as all ones is not there */

#define DIVISOR_115200 1

/* A full FIFO takes 1.4 ms at this speed; a read of a port takes a microsecond, or more. */
#define POLLS_MAX 100000u

static uint16_t base = 0x3f8;
static bool has_fifo;

void
uart_init(uint16_t port)
{
	base = port;
	if (port == 0) {
		return;
	}
	outb(port + UART_INTERRUPTS, 0);
	outb(port + UART_LINE, LINE_DIVISOR_ACCESS | LINE_8N1);
	outb(port + UART_DIVISOR_LOW, DIVISOR_115200);
	outb(port + UART_DIVISOR_HIGH, 0);
	outb(port + UART_LINE, LINE_8N1);
	outb(port + UART_FIFO, FIFO_ENABLE_AND_CLEAR);
	has_fifo = true;
}

void
uart_set_port(uint16_t port)
{
	base = port;
}

static void
wait_empty(void)
{
	for (unsigned int poll = 0; poll < POLLS_MAX; poll++) {
		if (inb(base + UART_LINE_STATUS) & LINE_STATUS_EMPTY) {
			return;
		}
	}
}

void
uart_write(const char *text, size_t length)
{
	if (base == 0) {
		return;
	}
	for (size_t i = 0; i < length; i++) {
		if (i % FIFO_SIZE == 0) {
			wait_empty();
		}
		outb(base + UART_DATA, (uint8_t)text[i]);
	}
}

int
uart_read(void)
{
	uint8_t status;

	if (base == 0) {
		return -1;
	}
	if (!has_fifo) {
		outb(base + UART_FIFO, FIFO_ENABLE);
		has_fifo = true;
	}
	status = inb(base + UART_LINE_STATUS);
	if (status == LINE_STATUS_NOBODY || !(status & LINE_STATUS_DATA)) {
		return -1;
	}
	return inb(base + UART_DATA);
}
