// SPDX-License-Identifier: ISC
/*
 * The output that a guest's text must come to: the bytes of the UART, and before each of them, and
 * whenever the doorbell says so, what is in the console ring; as far as its reader takes it.
 */
#pragma once

#include "vmm/console.h"

#include <stdbool.h>
#include <stdint.h>

/* is_named: addresses in the ring's text get their names. */
void text_reset(uint32_t ring_size, bool is_named);

/* The ring is drained. */
void text_drain(void);

/* The UART sends a byte. */
void text_byte(uint8_t byte);

/* The errno of the write that failed, 0: none has. */
int text_error(void);

/* Since the last question. NULL, or what is wrong with the output. */
const char *text_check(const struct console *console);

/* The whole output, names included, once the run has ended. */
const char *text_check_all(void);
