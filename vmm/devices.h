// SPDX-License-Identifier: ISC
/*
 * The machine's I/O ports: which device an access reaches, and what it does to the run.
 *
 * One lock guards the state of all devices, the console's output included. It is a leaf: nothing
 * else is locked under it. A cpu's thread may wait under it for a slow reader of stdout, so the
 * main thread, which must stay awake for signals, only tries it.
 */
#pragma once

#include "vmm/console.h"
#include "vmm/end.h"
#include "vmm/events.h"
#include "vmm/inject.h"
#include "vmm/uart.h"

#include "shared/doorbell_abi.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct devices {
	pthread_mutex_t lock;
	struct console console;
	struct uart uart;
	uint32_t place_count;
	uint32_t places[DOORBELL_PLACES_MAX]; /* DOORBELL_PLACE */
	struct inject inject;                 /* empty after devices_init() */
	struct events events;                 /* not under the lock */
	int vm_fd;                            /* for the UART's interrupt; -1: nowhere */
	int input_event_fd; /* written when the UART has room again; -1: nobody waits */
};

void devices_init(struct devices *devices, struct memory *memory, int vm_fd, int output_fd);
void devices_destroy(struct devices *devices);

/*
 * One access of `size` bytes (1, 2, 4) at `port`. What no device answers reads as all ones and
 * ignores writes. An access that straddles devices reaches each with the bytes that are its own,
 * as on an ISA bus; the doorbell has no bytes, only whole words. Any thread.
 *
 * errors: bit DOORBELL_INJECT_* is set if the cpu that made the access now gets that one; others
 * stay as they are.
 */
struct end devices_out(struct devices *devices, uint16_t port, const uint8_t *data, uint32_t size,
                       uint32_t *errors);
void devices_in(struct devices *devices, uint16_t port, uint8_t *data, uint32_t size);

/*
 * The addresses that the guest wanted named in its report; returns how many. Once no cpu runs.
 */
uint32_t devices_places(const struct devices *devices, uint64_t places[DOORBELL_PLACES_MAX]);

/* Tells the guest of these events (DOORBELL_EVENT_*), now or when it asks. Never waits. Any thread.
 */
void devices_raise_event(struct devices *devices, uint32_t mask);

/* How many bytes the guest can receive. False if the lock is taken: ask again later. */
bool devices_receive_room(struct devices *devices, size_t *room);

/*
 * Bytes for the guest: *taken of them. The room may have shrunk meanwhile (the guest turned its
 * FIFO off): offer the rest again. False if the lock is taken.
 */
bool devices_receive(struct devices *devices, const uint8_t *bytes, size_t size, size_t *taken);

/*
 * The last bytes of the ring, once no cpu runs: for at most patience_ms, or until cancel_fd.
 * Returns 0 or the errno of the write that failed, now or before.
 */
int devices_drain(struct devices *devices, int cancel_fd, int patience_ms);
