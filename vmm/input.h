// SPDX-License-Identifier: ISC
/*
 * Standard input on its way to the guest's UART. Nothing is read before the guest has room for it,
 * so what it does not take stays with its writer. Its end is an event for the guest. Main thread
 * only; never waits for the devices' lock.
 */
#pragma once

#include "vmm/devices.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input {
	struct devices *devices;
	int room_fd; /* eventfd: the guest has room again */
	bool is_over;
	int64_t retry_ns; /* call input_prepare() again so soon, without any event; 0: no need */
	uint8_t bytes[UART_FIFO_SIZE]; /* read, and not yet received */
	size_t count;
};

/* Returns 0 or -errno. */
int input_init(struct input *input, struct devices *devices);
void input_destroy(struct input *input);

/*
 * Moves what can be moved and sets retry_ns. Returns the descriptor to wait for until the next
 * call, beside room_fd; -1 if there is none.
 */
int input_prepare(struct input *input);

/* That descriptor is readable. */
void input_read(struct input *input);
