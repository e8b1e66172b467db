// SPDX-License-Identifier: ISC
/*
 * The guest's output: the console ring of shared/doorbell_abi.h, and the descriptor that its bytes
 * and the UART's go to. The VMM's own tail and size count; what the guest writes there is ignored.
 * Addresses in the ring's text get their names.
 *
 * No lock of its own: the caller serializes (devices.c).
 */
#pragma once

#include "vmm/memory.h"
#include "vmm/names.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct console {
	struct memory *memory;
	gpa_t ring;    /* of struct console_ring */
	uint32_t size; /* of its data[]; 0: no ring */
	uint32_t tail;
	bool resynced; /* the guest's head lied, and we have said so */
	struct names names;

	int fd;
	int cancel_fd;   /* readable: give up waiting for a slow reader; -1: none */
	int patience_ms; /* longest wait for it; -1: for ever */
	int error;       /* errno of the write that failed: no output after it */
};

/* A console without a ring, that writes to fd. */
void console_init(struct console *console, struct memory *memory, int fd);

/* Writes the header of a ring into the region. False if the region is too small or not RAM. */
bool console_init_ring(struct console *console, gpa_t region, uint64_t region_size);

/*
 * Both write completely and in order, or stop early: cancelled, out of patience (not an error), or
 * with console->error set. console_drain() leaves in the ring what it could not write.
 */
void console_write(struct console *console, const void *bytes, size_t size);
void console_drain(struct console *console);
