// SPDX-License-Identifier: ISC
/*
 * A 16550 that only sends, and is asked rather than listened to.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* port 0: there is none. Boot. */
void uart_init(uint16_t port);

/*
 * Waits until the UART has taken it all, but not for ever. Serialized by the caller. Any context.
 */
void uart_write(const char *text, size_t length);
