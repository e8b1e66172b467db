// SPDX-License-Identifier: ISC
#include "vmm/devices.h"

#include "vmm/doorbell.h"

#include "shared/doorbell_abi.h"

#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define KEYBOARD_COMMAND_PORT 0x64u
#define KEYBOARD_RESET        0xfeu

/* A message-signalled interrupt: fixed, edge-triggered, to the cpu with this APIC id. */
#define MSI_ADDRESS          0xfee00000u
#define MSI_ADDRESS_ID_SHIFT 12

static void
uart_output(void *context, uint8_t byte)
{
	struct devices *devices = context;

	/* What the guest put into the ring before this byte comes before it. */
	console_drain(&devices->console);
	console_write(&devices->console, &byte, sizeof(byte));
}

static void
uart_set_irq(void *context, bool level)
{
	struct devices *devices = context;
	struct kvm_irq_level line = { .irq = UART_IRQ, .level = level };

	if (devices->vm_fd >= 0) {
		ioctl(devices->vm_fd, KVM_IRQ_LINE, &line);
	}
}

void
devices_init(struct devices *devices, struct memory *memory, int vm_fd, int output_fd)
{
	struct uart_host host = {
		.output = uart_output,
		.set_irq = uart_set_irq,
		.context = devices,
	};

	pthread_mutex_init(&devices->lock, NULL);
	console_init(&devices->console, memory, output_fd);
	uart_init(&devices->uart, &host);
	devices->events = (struct events){ .pending = 0 };
	devices->place_count = 0;
	devices->inject.count = 0;
	devices->vm_fd = vm_fd;
	devices->input_event_fd = -1;
}

void
devices_destroy(struct devices *devices)
{
	pthread_mutex_destroy(&devices->lock);
}

static bool
is_doorbell(uint16_t port)
{
	return port >= DOORBELL_PORT && port < DOORBELL_PORT + DOORBELL_PORTS;
}

static bool
is_uart(uint32_t port)
{
	return port >= UART_PORT && port < UART_PORT + UART_PORTS;
}

/* Vectors and cpus are the guest's choice; if it has no such cpu, nothing comes. */
static void
interrupt(const struct devices *devices, struct events_interrupt interrupt)
{
	struct kvm_msi msi = {
		.address_lo = MSI_ADDRESS | (uint32_t)interrupt.apic_id << MSI_ADDRESS_ID_SHIFT,
		.data = interrupt.vector,
	};

	if (interrupt.vector != 0 && devices->vm_fd >= 0) {
		ioctl(devices->vm_fd, KVM_SIGNAL_MSI, &msi);
	}
}

void
devices_raise_event(struct devices *devices, uint32_t mask)
{
	interrupt(devices, events_raise(&devices->events, mask));
}

/* The upper half of a sign's extension. */
static uint64_t
kernel_address(uint32_t word)
{
	return (uint64_t)(int64_t)(int32_t)word;
}

uint32_t
devices_places(const struct devices *devices, uint64_t places[DOORBELL_PLACES_MAX])
{
	for (uint32_t i = 0; i < devices->place_count; i++) {
		places[i] = kernel_address(devices->places[i]);
	}
	return devices->place_count;
}

/* Each once. */
static void
add_place(struct devices *devices, uint32_t word)
{
	for (uint32_t i = 0; i < devices->place_count; i++) {
		if (devices->places[i] == word) {
			return;
		}
	}
	if (devices->place_count < DOORBELL_PLACES_MAX) {
		devices->places[devices->place_count++] = word;
	}
}

/*
 * Of one instruction's words the first counts for each error: a cpu would take two of them as one,
 * and the second order would be lost.
 */
static void
inject(struct devices *devices, uint32_t what, uint32_t *errors)
{
	bool is_coming = what < 32 && (*errors & 1u << what) != 0;

	if (!is_coming && inject_take(&devices->inject, what)) {
		*errors |= 1u << what;
	}
}

static struct end
doorbell_out(struct devices *devices, uint16_t port, const uint8_t *data, uint32_t size,
             uint32_t *errors)
{
	struct doorbell_action action;
	struct end end = { .kind = END_NONE };
	uint32_t value = 0;

	memcpy(&value, data, size);
	action = doorbell_write(port - DOORBELL_PORT, size, value);
	switch (action.verb) {
	case DOORBELL_VERB_NONE:
		break;
	case DOORBELL_VERB_DRAIN:
		console_drain(&devices->console);
		break;
	case DOORBELL_VERB_EXIT:
		end.kind = END_GUEST_EXIT;
		end.status = action.status;
		break;
	case DOORBELL_VERB_PANIC:
		end.kind = END_GUEST_PANIC;
		end.preempt_disable_ip = kernel_address(action.value);
		break;
	case DOORBELL_VERB_SUBSCRIBE:
		interrupt(devices, events_subscribe(&devices->events, action.value));
		break;
	case DOORBELL_VERB_PLACE:
		add_place(devices, action.value);
		break;
	case DOORBELL_VERB_INJECT:
		inject(devices, action.value, errors);
		break;
	}
	return end;
}

static void
bytes_out(struct devices *devices, uint16_t port, const uint8_t *data, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++) {
		/* Beyond port 0xffff there is nothing: the sum is wider than a port. */
		uint32_t at = (uint32_t)port + i;

		if (is_uart(at)) {
			uart_write(&devices->uart, at - UART_PORT, data[i]);
		}
	}
}

/* Wakes the main thread, which has stopped reading its input for want of room. */
static void
announce_room(const struct devices *devices)
{
	uint64_t one = 1;

	if (devices->input_event_fd >= 0) {
		/* Only a counter that is about to overflow refuses, and that wakes as well. */
		(void)!write(devices->input_event_fd, &one, sizeof(one));
	}
}

struct end
devices_out(struct devices *devices, uint16_t port, const uint8_t *data, uint32_t size,
            uint32_t *errors)
{
	struct end end = { .kind = END_NONE };
	bool was_full;

	pthread_mutex_lock(&devices->lock);
	was_full = uart_receive_room(&devices->uart) == 0;
	if (is_doorbell(port)) {
		end = doorbell_out(devices, port, data, size, errors);
	} else if (port == KEYBOARD_COMMAND_PORT && size == 1 && data[0] == KEYBOARD_RESET) {
		end.kind = END_GUEST_RESET;
	} else {
		bytes_out(devices, port, data, size);
	}
	if (end.kind == END_NONE && devices->console.error != 0) {
		end.kind = END_OUTPUT_FAILED;
		end.error = devices->console.error;
	}
	if (was_full && uart_receive_room(&devices->uart) > 0) {
		announce_room(devices);
	}
	pthread_mutex_unlock(&devices->lock);
	return end;
}

static uint32_t
doorbell_in(struct devices *devices, uint32_t offset, uint32_t size)
{
	if (doorbell_reads_events(offset, size)) {
		return events_take(&devices->events);
	}
	if (doorbell_reads_orders(offset, size)) {
		return inject_left(&devices->inject);
	}
	return doorbell_read(offset, size);
}

static uint8_t
byte_in(struct devices *devices, uint32_t port)
{
	if (is_uart(port)) {
		return uart_read(&devices->uart, port - UART_PORT);
	}
	/*
	 * The keyboard controller has one function here, reset, and is always ready for it: kernels
	 * wait for its busy bit to clear before they ask, some of them for ever.
	 */
	return port == KEYBOARD_COMMAND_PORT ? 0 : UINT8_MAX;
}

void
devices_in(struct devices *devices, uint16_t port, uint8_t *data, uint32_t size)
{
	bool was_full;

	pthread_mutex_lock(&devices->lock);
	was_full = uart_receive_room(&devices->uart) == 0;
	if (is_doorbell(port)) {
		uint32_t value = doorbell_in(devices, port - DOORBELL_PORT, size);

		memcpy(data, &value, size);
	} else {
		for (uint32_t i = 0; i < size; i++) {
			data[i] = byte_in(devices, (uint32_t)port + i);
		}
	}
	if (was_full && uart_receive_room(&devices->uart) > 0) {
		announce_room(devices);
	}
	pthread_mutex_unlock(&devices->lock);
}

bool
devices_receive_room(struct devices *devices, size_t *room)
{
	if (pthread_mutex_trylock(&devices->lock) != 0) {
		return false;
	}
	*room = uart_receive_room(&devices->uart);
	pthread_mutex_unlock(&devices->lock);
	return true;
}

bool
devices_receive(struct devices *devices, const uint8_t *bytes, size_t size, size_t *taken)
{
	if (pthread_mutex_trylock(&devices->lock) != 0) {
		return false;
	}
	*taken = uart_receive(&devices->uart, bytes, size);
	pthread_mutex_unlock(&devices->lock);
	return true;
}

int
devices_drain(struct devices *devices, int cancel_fd, int patience_ms)
{
	int error;

	pthread_mutex_lock(&devices->lock);
	devices->console.cancel_fd = cancel_fd;
	devices->console.patience_ms = patience_ms;
	console_drain(&devices->console);
	error = devices->console.error;
	pthread_mutex_unlock(&devices->lock);
	return error;
}
