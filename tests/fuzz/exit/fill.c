// SPDX-License-Identifier: ISC
#include "tests/fuzz/exit/fill.h"

#include "vmm/exits.h"
#include "vmm/uart.h"

#include "tests/fuzz/exit/kinds.h"

#include "shared/doorbell_abi.h"

#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(struct kvm_run) <= EXIT_DATA_AT, "the data are behind it");

/* Most instructions are no strings; the longest fills its page. */
static uint32_t
string_count(unsigned int arg)
{
	if (arg < 192) {
		return 1;
	}
	return arg < 255 ? arg - 190 : EXIT_DATA_SIZE;
}

static uint8_t *
fill_io(struct kvm_run *kvm, bool is_out, uint32_t port, uint32_t size, uint32_t count)
{
	kvm->exit_reason = KVM_EXIT_IO;
	kvm->io.direction = is_out ? KVM_EXIT_IO_OUT : KVM_EXIT_IO_IN;
	kvm->io.port = (uint16_t)port;
	kvm->io.size = (uint8_t)size;
	kvm->io.count = count;
	kvm->io.data_offset = EXIT_DATA_AT;
	return (uint8_t *)kvm + EXIT_DATA_AT;
}

/* In, before and behind the devices; at the end of all ports; anywhere. */
static uint32_t
port_of(const struct fuzz_item *op)
{
	static const uint32_t places[] = { DOORBELL_PORT - 4, UART_PORT - 4, 0x60, 0xfff0 };
	static const uint32_t lengths[] = { DOORBELL_PORTS + 8, UART_PORTS + 8, 8, 16 };
	unsigned int place = fuzz_arg(op, 0, EXIT_PLACES);
	unsigned int at = fuzz_arg(op, 1, 256);

	return place < 4 ? places[place] + at % lengths[place] : at * 257;
}

static void
fill_any_io(struct kvm_run *kvm, const struct fuzz_item *op, uint32_t *budget)
{
	uint32_t port = port_of(op);
	uint32_t size = 1u << fuzz_arg(op, 2, 3);
	uint32_t count = string_count(fuzz_arg(op, 3, 256));
	uint8_t *data;

	count = count < EXIT_DATA_SIZE / size ? count : EXIT_DATA_SIZE / size;
	count = count < *budget ? count : 1;
	*budget -= count > 1 ? count : 0;
	data = fill_io(kvm, op->kind == OP_OUT, port, size, count);
	for (uint32_t i = 0; i < size * count; i++) {
		data[i] = (uint8_t)fuzz_arg(op, 4 + i % 4, 256);
	}
}

static void
fill_word(struct kvm_run *kvm, const struct fuzz_item *op)
{
	static const uint32_t rests[] = { 0,          0,           0x100,       0x4000,
		                          0x10000000, 0x80000000u, 0x80001000u, 0xffffff00u };
	uint32_t port = DOORBELL_PORT + fuzz_arg(op, 0, 8) * sizeof(uint32_t);
	uint32_t word = exit_small(op, 1) | rests[fuzz_arg(op, 2, 8)];

	memcpy(fill_io(kvm, op->kind == OP_RING, port, sizeof(word), 1), &word, sizeof(word));
}

static void
fill_uart(struct kvm_run *kvm, const struct fuzz_item *op)
{
	uint32_t port = UART_PORT + fuzz_arg(op, 0, UART_PORTS);

	*fill_io(kvm, op->kind == OP_UART_OUT, port, 1, 1) = (uint8_t)fuzz_arg(op, 1, 256);
}

static void
fill_string(struct kvm_run *kvm, const struct fuzz_item *op)
{
	uint32_t count = fuzz_arg(op, 0, 64);
	uint8_t *data = fill_io(kvm, true, UART_PORT, 1, count);

	for (uint32_t i = 0; i < count; i++) {
		data[i] = (uint8_t)(fuzz_arg(op, 1, 256) + i);
	}
}

static void
fill_mmio(struct kvm_run *kvm, const struct fuzz_item *op)
{
	kvm->exit_reason = KVM_EXIT_MMIO;
	kvm->mmio.is_write = fuzz_arg(op, 0, 2) != 0;
	kvm->mmio.len = fuzz_arg(op, 1, 9);
	kvm->mmio.phys_addr = (uint64_t)fuzz_arg(op, 2, 256) << 24;
	memset(kvm->mmio.data, (int)fuzz_arg(op, 3, 256), sizeof(kvm->mmio.data));
}

/* Those that say more have operations of their own. */
static void
fill_reason(struct kvm_run *kvm, const struct fuzz_item *op)
{
	uint32_t reason = fuzz_arg(op, 0, 64) | fuzz_arg(op, 1, 2) << 8;

	switch (reason) {
	case KVM_EXIT_IO:
	case KVM_EXIT_MMIO:
	case KVM_EXIT_SYSTEM_EVENT:
		kvm->exit_reason = KVM_EXIT_HLT;
		break;
	default:
		kvm->exit_reason = reason;
		break;
	}
}

static void
fill_internal(struct kvm_run *kvm, const struct fuzz_item *op)
{
	const uint32_t room = sizeof(kvm->internal.data) / sizeof(kvm->internal.data[0]);

	kvm->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	kvm->internal.suberror = fuzz_arg(op, 0, 8);
	kvm->internal.ndata = fuzz_arg(op, 1, 256);
	for (uint32_t i = 0; i < room; i++) {
		kvm->internal.data[i] = (uint64_t)fuzz_arg(op, 2, 256) << 4 * i;
	}
}

bool
exit_fill(struct kvm_run *kvm, const struct fuzz_item *op, uint32_t *budget)
{
	memset(&kvm->padding, 0, sizeof(kvm->padding));
	switch ((enum exit_op)op->kind) {
	case OP_OUT:
	case OP_IN:
		fill_any_io(kvm, op, budget);
		return true;
	case OP_RING:
	case OP_ASK:
		fill_word(kvm, op);
		return true;
	case OP_UART_OUT:
	case OP_UART_IN:
		fill_uart(kvm, op);
		return true;
	case OP_TYPE:
		fill_string(kvm, op);
		return true;
	case OP_MMIO:
		fill_mmio(kvm, op);
		return true;
	case OP_REASON:
		fill_reason(kvm, op);
		return true;
	case OP_INTERNAL:
		fill_internal(kvm, op);
		return true;
	case OP_FAIL_ENTRY:
		kvm->exit_reason = KVM_EXIT_FAIL_ENTRY;
		kvm->fail_entry.hardware_entry_failure_reason = 1ull << 63 | fuzz_arg(op, 0, 256);
		kvm->fail_entry.cpu = fuzz_arg(op, 1, 256);
		return true;
	case OP_SYSTEM:
		kvm->exit_reason = KVM_EXIT_SYSTEM_EVENT;
		kvm->system_event.type = fuzz_arg(op, 0, 8);
		kvm->system_event.ndata = fuzz_arg(op, 1, 256);
		return true;
	default:
		return false;
	}
}

void
exit_fill_part(struct kvm_run *kvm, uint32_t n)
{
	if (n % 2 == 0) {
		kvm->exit_reason = KVM_EXIT_MMIO;
	} else {
		fill_io(kvm, true, UART_PORT, 1, 1);
	}
}

static void
format_io(const struct kvm_run *kvm, char *line, size_t size)
{
	const uint8_t *data = (const uint8_t *)kvm + kvm->io.data_offset;
	uint32_t count = kvm->io.count * kvm->io.size;
	size_t length;

	length = (size_t)snprintf(line, size, "%s 0x%x, %u x %u bytes",
	                          kvm->io.direction == KVM_EXIT_IO_OUT ? "OUT" : "IN", kvm->io.port,
	                          kvm->io.count, kvm->io.size);
	if (kvm->io.direction != KVM_EXIT_IO_OUT) {
		return;
	}
	for (uint32_t i = 0; i < count && i < 8 && length < size; i++) {
		length += (size_t)snprintf(line + length, size - length, "%s%02x",
		                           i == 0 ? ": " : " ", data[i]);
	}
}

void
exit_format(const struct kvm_run *kvm, char *line, size_t size)
{
	const char *name = exits_name(kvm->exit_reason);

	switch (kvm->exit_reason) {
	case KVM_EXIT_IO:
		format_io(kvm, line, size);
		break;
	case KVM_EXIT_MMIO:
		snprintf(line, size, "%s of %u bytes at 0x%llx",
		         kvm->mmio.is_write ? "write" : "read", kvm->mmio.len,
		         (unsigned long long)kvm->mmio.phys_addr);
		break;
	default:
		snprintf(line, size, "reason %u, %s", kvm->exit_reason,
		         name != NULL ? name : "which has no name");
		break;
	}
}
