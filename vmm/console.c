// SPDX-License-Identifier: ISC
#include "vmm/console.h"

#include "vmm/die.h"

#include "shared/doorbell_abi.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/*
 * Longest single write. A pipe that polls writable takes a page without blocking, so a reader that
 * has stopped can only block us in poll(), where we can be cancelled.
 */
#define WRITE_MAX 4096u

void
console_init(struct console *console, struct memory *memory, int fd)
{
	*console = (struct console){
		.memory = memory,
		.fd = fd,
		.cancel_fd = -1,
		.patience_ms = -1,
	};
}

bool
console_init_ring(struct console *console, gpa_t region, uint64_t region_size)
{
	struct console_ring header = { 0 };

	if (region_size <= sizeof(header) || region_size > UINT32_MAX) {
		return false;
	}
	header.size = 1;
	while (header.size <= (region_size - sizeof(header)) / 2) {
		header.size *= 2;
	}
	if (!memory_write(console->memory, region, &header, sizeof(header))) {
		return false;
	}
	console->ring = region;
	console->size = header.size;
	console->tail = 0;
	return true;
}

/* Waits until fd takes bytes. False: cancelled or out of patience. */
static bool
wait_writable(const struct console *console)
{
	struct pollfd fds[] = {
		{ .fd = console->fd, .events = POLLOUT },
		{ .fd = console->cancel_fd, .events = POLLIN },
	};

	for (;;) { /* forever: until one of the descriptors is ready */
		int ready = poll(fds, 2, console->patience_ms);

		if (ready < 0 && errno == EINTR) {
			continue;
		}
		/* Room counts more than a cancellation: it is the wait that must end. */
		return ready < 0 || fds[0].revents != 0;
	}
}

/* Returns how many bytes were written. */
static size_t
write_all(struct console *console, const uint8_t *bytes, size_t size)
{
	size_t done = 0;

	while (done < size && console->error == 0) {
		size_t chunk = size - done < WRITE_MAX ? size - done : WRITE_MAX;
		ssize_t written;

		if (!wait_writable(console)) {
			break;
		}
		written = write(console->fd, bytes + done, chunk);
		if (written >= 0) {
			done += (size_t)written;
		} else if (errno != EINTR && errno != EAGAIN) {
			console->error = errno;
		}
	}
	return done;
}

void
console_write(struct console *console, const void *bytes, size_t size)
{
	write_all(console, bytes, size);
}

/* Returns how many bytes of the guest were written. */
static size_t
write_named(struct console *console, const uint8_t *bytes, size_t size)
{
	size_t done = 0;

	for (size_t i = 0; i < size; i++) {
		const char *name = names_before(&console->names, bytes[i]);

		if (name == NULL) {
			continue;
		}
		done += write_all(console, bytes + done, i - done);
		if (done < i) {
			return done;
		}
		console_write(console, name, strlen(name));
	}
	return done + write_all(console, bytes + done, size - done);
}

/*
 * The unread bytes by the guest's word. A head more than a ring ahead is a lie or an overrun; the
 * last ring's worth of bytes is the best that can be had.
 */
static uint32_t
unread(struct console *console, uint32_t head)
{
	uint32_t count = head - console->tail;

	if (count <= console->size) {
		return count;
	}
	if (!console->resynced) {
		warn("the console ring's head (0x%x) is more than %u bytes past its tail (0x%x): "
		     "resynchronised",
		     head, console->size, console->tail);
		console->resynced = true;
	}
	console->tail = head - console->size;
	return console->size;
}

void
console_drain(struct console *console)
{
	gpa_t head_at = gpa(console->ring.value + offsetof(struct console_ring, head));
	gpa_t tail_at = gpa(console->ring.value + offsetof(struct console_ring, tail));
	gpa_t data_at = gpa(console->ring.value + offsetof(struct console_ring, data));
	uint32_t head, count;

	/* Read once, as an acquire: pairs with the guest's release of its bytes. */
	if (console->size == 0 || !memory_load_u32(console->memory, head_at, &head)) {
		return;
	}
	count = unread(console, head);
	while (count > 0 && console->error == 0) {
		uint8_t bytes[WRITE_MAX];
		uint32_t start = console->tail & (console->size - 1);
		uint32_t chunk = count < WRITE_MAX ? count : WRITE_MAX;
		size_t done;

		if (chunk > console->size - start) {
			chunk = console->size - start;
		}
		memory_read(console->memory, gpa(data_at.value + start), bytes, chunk);
		done = write_named(console, bytes, chunk);
		console->tail += (uint32_t)done;
		count -= (uint32_t)done;
		if (done < chunk) {
			break;
		}
	}
	memory_store_u32(console->memory, tail_at, console->tail);
}
