// SPDX-License-Identifier: ISC
#include "vmm/input.h"

#include "vmm/terminal.h"

#include "shared/doorbell_abi.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int
input_init(struct input *input, struct devices *devices)
{
	*input = (struct input){ .devices = devices };
	input->room_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (input->room_fd < 0) {
		return -errno;
	}
	devices->input_event_fd = input->room_fd;
	return 0;
}

void
input_destroy(struct input *input)
{
	input->devices->input_event_fd = -1;
	if (input->room_fd >= 0) {
		close(input->room_fd);
	}
}

#define NS_PER_MS 1000000ll

/* The devices' lock is held for long only while its holder waits for a slow reader. */
#define LOCK_RETRY_NS (10 * NS_PER_MS)

/* Nothing tells a running process that its shell has put it into the foreground. */
#define TERMINAL_RETRY_NS (500 * NS_PER_MS)

static void
deliver(struct input *input)
{
	size_t taken;

	if (input->count == 0) {
		return;
	}
	if (!devices_receive(input->devices, input->bytes, input->count, &taken)) {
		input->retry_ns = LOCK_RETRY_NS;
		return;
	}
	input->count -= taken;
	memmove(input->bytes, input->bytes + taken, input->count);
}

int
input_prepare(struct input *input)
{
	size_t room = 0;
	uint64_t wakeups;

	/* Cleared before the room is looked at: room that comes later makes it readable again. */
	(void)!read(input->room_fd, &wakeups, sizeof(wakeups));
	input->retry_ns = 0;
	deliver(input);
	if (input->is_over || input->count > 0) {
		return -1;
	}
	if (!terminal_is_readable()) {
		terminal_take();
	}
	if (!terminal_is_readable()) {
		input->retry_ns = TERMINAL_RETRY_NS;
		return -1;
	}
	if (!devices_receive_room(input->devices, &room)) {
		input->retry_ns = LOCK_RETRY_NS;
	}
	return room > 0 ? STDIN_FILENO : -1;
}

void
input_read(struct input *input)
{
	size_t room = 0;
	ssize_t count;

	/* No more than fits: the rest stays where others can still read it. */
	if (!devices_receive_room(input->devices, &room) || room == 0) {
		return;
	}
	count = read(STDIN_FILENO, input->bytes, room);
	if (count > 0) {
		input->count = (size_t)count;
		deliver(input);
	} else if (count == 0 || (errno != EINTR && errno != EAGAIN)) {
		/* Nothing is read while there is something to deliver: the UART has had it all. */
		input->is_over = true;
		devices_raise_event(input->devices, DOORBELL_EVENT_INPUT_END);
	}
}
