// SPDX-License-Identifier: ISC
/*
 * A 16550A serial port, as PC16550D (National Semiconductor, 1995) describes it: a pure state
 * machine that writes bytes and an interrupt level through callbacks. Sending takes no time;
 * receiving is paced by the guest: uart_receive() takes what fits, so nothing is ever overrun, and
 * a guest that clears its FIFO does so just before the bytes arrive, so that its set-up costs no
 * input.
 *
 * No lock of its own: the caller serializes (devices.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART_PORT  0x3f8u
#define UART_PORTS 8u
#define UART_IRQ   4u

#define UART_FIFO_SIZE 16u

struct uart_host {
	void (*output)(void *context, uint8_t byte);
	void (*set_irq)(void *context, bool level); /* called on changes only */
	void *context;
};

struct uart {
	struct uart_host host;
	uint8_t ier, fcr, lcr, mcr, scratch;
	uint8_t divisor[2]; /* low, high */
	uint8_t msr_delta;  /* what changed since MSR was read: only loopback changes anything */
	bool thre_pending;  /* the transmitter became empty, and nobody has seen it in IIR */
	bool overrun;       /* loopback into a full FIFO */
	bool has_looped;    /* rx[] has bytes that came by loopback */
	bool irq_level;
	uint8_t rx[UART_FIFO_SIZE];
	uint32_t rx_first, rx_count;
};

void uart_init(struct uart *uart, const struct uart_host *host);

/* A byte access to register 0..7. */
uint8_t uart_read(struct uart *uart, uint32_t offset);
void uart_write(struct uart *uart, uint32_t offset, uint8_t value);

/* How many bytes uart_receive() would take now: 0 while the guest has to read first. */
size_t uart_receive_room(const struct uart *uart);

/* Bytes from outside. Returns how many were taken. */
size_t uart_receive(struct uart *uart, const uint8_t *bytes, size_t size);
