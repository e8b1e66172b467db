// SPDX-License-Identifier: ISC
#include "tests/fuzz/exit/model.h"

#include "tests/fuzz/exit/host.h"
#include "tests/fuzz/exit/text.h"

#include "shared/boot_abi.h"
#include "shared/doorbell_abi.h"

#include <stddef.h>
#include <string.h>

#define KEYBOARD_PORT  0x64u
#define KEYBOARD_RESET 0xfeu
#define LCR_DLAB       0x80u
#define MCR_LOOP       0x10u
#define ANSWERS_MAX    64u /* bytes of one exit's that are looked at */

static struct {
	uint8_t lcr, mcr, scratch;
	uint32_t pending, subscription;
	struct inject inject;
	uint32_t errors; /* of this exit */
	struct model_errors counts;

	struct events_interrupt msis[EXIT_MSIS_MAX];
	uint32_t msi_count;
	struct end end;

	uint8_t answers[ANSWERS_MAX], is_known[ANSWERS_MAX];
} model;

void
model_reset(uint32_t ring_size, bool is_named)
{
	memset(&model, 0, sizeof(model));
	text_reset(ring_size, is_named);
}

void
model_order(uint32_t what, uint32_t exit)
{
	model.inject.orders[model.inject.count++] = (struct inject_order){ what, exit, false };
}

static void
expect_interrupt(void)
{
	uint32_t vector = model.subscription & 0xff;
	uint32_t cpu = model.subscription >> 8;

	if (vector < 32 || cpu >= BOOT_CPUS_MAX || model.pending == 0) {
		return;
	}
	if (model.msi_count < EXIT_MSIS_MAX) {
		model.msis[model.msi_count].vector = (uint8_t)vector;
		model.msis[model.msi_count].apic_id = (uint8_t)cpu;
	}
	model.msi_count++;
}

void
model_raise(uint32_t mask)
{
	model.pending |= mask;
	expect_interrupt();
}

static void
uart_out(uint32_t reg, uint8_t value)
{
	if (reg == 0 && (model.lcr & LCR_DLAB) == 0 && (model.mcr & MCR_LOOP) == 0) {
		text_byte(value);
	}
	switch (reg) {
	case 3:
		model.lcr = value;
		break;
	case 4:
		model.mcr = value & 0x1f;
		break;
	case 7:
		model.scratch = value;
		break;
	default:
		break;
	}
}

/* One ordered error of this kind, the earliest; a cpu has at most one of each coming to it. */
static void
inject(uint32_t what)
{
	struct inject_order *next = NULL;

	for (uint32_t i = 0; i < model.inject.count; i++) {
		struct inject_order *order = &model.inject.orders[i];

		if (order->what == what && !order->is_done &&
		    (next == NULL || order->exit < next->exit)) {
			next = order;
		}
	}
	if (next == NULL || (model.errors & 1u << what) != 0) {
		return;
	}
	next->is_done = true;
	model.errors |= 1u << what;
}

static void
doorbell_out(uint32_t offset, uint32_t value)
{
	switch (offset) {
	case DOORBELL_EXIT:
		model.end.kind = END_GUEST_EXIT;
		model.end.status = value < 255 ? (uint8_t)value : 255;
		break;
	case DOORBELL_CONSOLE:
		text_drain();
		break;
	case DOORBELL_PANIC:
		model.end.kind = END_GUEST_PANIC;
		model.end.preempt_disable_ip =
			value < 0x80000000u ? value : value + 0xffffffff00000000ull;
		break;
	case DOORBELL_EVENT:
		model.subscription = value;
		expect_interrupt();
		break;
	case DOORBELL_INJECT:
		inject(value);
		break;
	default:
		break;
	}
}

static void
element_out(uint32_t port, const uint8_t *data, uint32_t size)
{
	uint32_t value;

	if (port >= DOORBELL_PORT && port < DOORBELL_PORT + DOORBELL_PORTS) {
		if (size == sizeof(value)) {
			memcpy(&value, data, sizeof(value));
			doorbell_out(port - DOORBELL_PORT, value);
		}
	} else if (port == KEYBOARD_PORT && size == 1 && data[0] == KEYBOARD_RESET) {
		model.end.kind = END_GUEST_RESET;
	} else {
		for (uint32_t i = 0; i < size; i++) {
			if (port + i >= UART_PORT && port + i < UART_PORT + UART_PORTS) {
				uart_out(port + i - UART_PORT, data[i]);
			}
		}
	}
	if (model.end.kind == END_NONE && text_error() != 0) {
		model.end = (struct end){ .kind = END_OUTPUT_FAILED, .error = text_error() };
	}
}

static uint32_t
doorbell_in(uint32_t offset, uint32_t size)
{
	uint32_t value = UINT32_MAX;

	if (size == sizeof(value) && offset == DOORBELL_ID) {
		value = DOORBELL_MAGIC;
	} else if (size == sizeof(value) && offset == DOORBELL_EVENT) {
		value = model.pending;
		model.pending = 0;
	} else if (size == sizeof(value) && offset == DOORBELL_INJECT) {
		value = 0;
		for (uint32_t i = 0; i < model.inject.count; i++) {
			const struct inject_order *order = &model.inject.orders[i];

			value |= order->is_done ? 0 : 1u << order->what;
		}
	}
	return value;
}

static void
answer(uint32_t at, uint8_t value, bool is_known)
{
	if (at < ANSWERS_MAX) {
		model.answers[at] = value;
		model.is_known[at] = is_known;
	}
}

static void
byte_in(uint32_t port, uint32_t at)
{
	switch (port) {
	case UART_PORT + 3:
		answer(at, model.lcr, true);
		break;
	case UART_PORT + 4:
		answer(at, model.mcr, true);
		break;
	case UART_PORT + 7:
		answer(at, model.scratch, true);
		break;
	case KEYBOARD_PORT:
		answer(at, 0, true);
		break;
	default:
		answer(at, 0xff, port < UART_PORT || port >= UART_PORT + UART_PORTS);
		break;
	}
}

static void
element_in(uint32_t port, uint32_t at, uint32_t size)
{
	bool is_doorbell = port >= DOORBELL_PORT && port < DOORBELL_PORT + DOORBELL_PORTS;
	uint32_t value = is_doorbell ? doorbell_in(port - DOORBELL_PORT, size) : 0;

	for (uint32_t i = 0; i < size; i++) {
		if (is_doorbell) {
			answer(at + i, (uint8_t)(value >> 8 * i), true);
		} else {
			byte_in(port + i, at + i);
		}
	}
}

static void
io(const struct kvm_run *kvm)
{
	const uint8_t *data = (const uint8_t *)kvm + kvm->io.data_offset;
	uint32_t size = kvm->io.size;

	for (uint32_t i = 0; i < kvm->io.count && model.end.kind == END_NONE; i++) {
		if (kvm->io.direction == KVM_EXIT_IO_OUT) {
			element_out(kvm->io.port, data + i * size, size);
		} else {
			element_in(kvm->io.port, i * size, size);
		}
	}
}

void
model_exit(const struct kvm_run *kvm)
{
	model.errors = 0;
	switch (kvm->exit_reason) {
	case KVM_EXIT_IO:
		io(kvm);
		break;
	case KVM_EXIT_MMIO:
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		model.end.kind = kvm->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN ||
		                                 kvm->system_event.type == KVM_SYSTEM_EVENT_RESET
		                         ? END_GUEST_RESET
		                         : END_CRASH;
		break;
	default:
		model.end.kind = END_CRASH;
		break;
	}
	if (model.end.kind == END_NONE) {
		model.counts.nmis += model.errors >> DOORBELL_INJECT_NMI & 1;
		model.counts.mces += model.errors >> DOORBELL_INJECT_MCE & 1;
		model.counts.fatal_mces += model.errors >> DOORBELL_INJECT_MCE_FATAL & 1;
	}
}

void
model_finish(struct end *end)
{
	text_drain();
	if ((end->kind == END_GUEST_EXIT || end->kind == END_GUEST_RESET) && text_error() != 0) {
		*end = (struct end){ .kind = END_OUTPUT_FAILED, .error = text_error() };
	}
}

const struct end *
model_end(void)
{
	return &model.end;
}

struct model_errors
model_errors(void)
{
	return model.counts;
}

static const char *
check_interrupts(void)
{
	if (exit_host.msi_count != model.msi_count) {
		return exit_host.msi_count > model.msi_count ? "an interrupt that no event asks for"
		                                             : "an event without its interrupt";
	}
	for (uint32_t i = 0; i < model.msi_count && i < EXIT_MSIS_MAX; i++) {
		const struct kvm_msi *msi = &exit_host.msis[i];

		if (msi->data != model.msis[i].vector || msi->address_hi != 0 ||
		    msi->address_lo != (0xfee00000u | (uint32_t)model.msis[i].apic_id << 12)) {
			return "an event's interrupt has another vector or cpu";
		}
	}
	exit_host.msi_count = 0;
	model.msi_count = 0;
	return NULL;
}

static const char *
check_answers(const struct kvm_run *kvm)
{
	const uint8_t *data;
	uint32_t size;

	if (kvm->exit_reason != KVM_EXIT_IO || kvm->io.direction != KVM_EXIT_IO_IN) {
		return NULL;
	}
	data = (const uint8_t *)kvm + kvm->io.data_offset;
	size = kvm->io.size * kvm->io.count;
	for (uint32_t i = 0; i < size && i < ANSWERS_MAX; i++) {
		if (model.is_known[i] && data[i] != model.answers[i]) {
			return "an IN reads something else";
		}
	}
	return NULL;
}

static const char *
check_uart(const struct uart *uart)
{
	if (uart->rx_count > UART_FIFO_SIZE || uart->rx_first >= UART_FIFO_SIZE) {
		return "the UART's FIFO has more bytes than room";
	}
	if ((uart->mcr & ~0x1fu) != 0 || (uart->ier & ~0x0fu) != 0 || uart->lcr != model.lcr ||
	    uart->mcr != model.mcr || uart->scratch != model.scratch) {
		return "a register of the UART has what it cannot have";
	}
	if (exit_host.irq_repeats != 0 || exit_host.irq_level != uart->irq_level) {
		return "the UART's line was set to what it was";
	}
	return NULL;
}

const char *
model_check(const struct devices *devices, const struct kvm_run *kvm)
{
	const char *finding = check_interrupts();

	if (finding == NULL) {
		finding = check_answers(kvm);
	}
	if (finding == NULL) {
		finding = check_uart(&devices->uart);
	}
	if (finding == NULL) {
		finding = text_check(&devices->console);
	}
	if (finding == NULL && exit_host.refused != 0) {
		finding = "the VMM asks KVM for something else";
	}
	return finding;
}
