// SPDX-License-Identifier: ISC
/*
 * A 16550 that is asked rather than listened to: its interrupts stay off.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* port 0: there is none. Boot. */
void uart_init(uint16_t port);

/* The same for one that only receives: it is set up when it is read for the first time. Boot. */
void uart_set_port(uint16_t port);

/* The next byte that it has received, or -1. Task context, one caller. */
int uart_read(void);

/*
 * Waits until the UART has taken it all, but not for ever. Serialized by the caller. Any context.
 */
void uart_write(const char *text, size_t length);
