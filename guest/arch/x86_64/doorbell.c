// SPDX-License-Identifier: ISC
#include "guest/arch/x86_64/doorbell.h"

#include "guest/arch.h"
#include "guest/arch/x86_64/apic.h"
#include "guest/arch/x86_64/insn.h"
#include "guest/boot_info.h"
#include "guest/percpu.h"
#include "guest/string.h"
#include "shared/doorbell_abi.h"

static uint16_t port; /* 0: none */
static struct console_ring *ring;
static uint32_t ring_size; /* bytes, a power of two */

static void
init_ring(const struct boot_range *region)
{
	struct console_ring *candidate = arch_phys_to_virt(region->addr);
	uint32_t size;

	if (region->size < sizeof(*candidate) || region->addr + region->size > EARLY_MAP_SIZE) {
		return;
	}
	size = candidate->size;
	if (size == 0 || (size & (size - 1)) != 0 || size > region->size - sizeof(*candidate)) {
		return;
	}
	ring = candidate;
	ring_size = size;
}

void
doorbell_init(const struct boot_info *info)
{
	if (info->doorbell_port == 0 || inl(info->doorbell_port + DOORBELL_ID) != DOORBELL_MAGIC) {
		return;
	}
	port = info->doorbell_port;
	init_ring(&info->console);
}

bool
doorbell_is_there(void)
{
	return port != 0;
}

bool
doorbell_has_console(void)
{
	return ring != NULL;
}

/*
 * As much as fits up to the ring's end or its unread part; the VMM has drained it at the last bell.
 */
static size_t
put(const char *text, size_t length)
{
	uint32_t start = ring->head & (ring_size - 1);
	size_t room = ring_size - start;

	if (length > room) {
		length = room;
	}
	memcpy(ring->data + start, text, length);
	__atomic_store_n(&ring->head, ring->head + (uint32_t)length, __ATOMIC_RELEASE);
	outl(port + DOORBELL_CONSOLE, 0);
	return length;
}

void
doorbell_write(const char *text, size_t length)
{
	while (length != 0) { /* bounded: each turn writes at least a byte */
		size_t written = put(text, length);

		text += written;
		length -= written;
	}
}

void
doorbell_exit(int status)
{
	if (port != 0) {
		outl(port + DOORBELL_EXIT, (uint32_t)status & 0xff);
		halt_forever();
	}
}

void
doorbell_panic(uintptr_t preempt_disable_ip)
{
	if (port != 0) {
		outl(port + DOORBELL_PANIC, (uint32_t)preempt_disable_ip);
		halt_forever();
	}
}

/* One that knows of no errors reads as all ones. */
bool
doorbell_inject(uint32_t what)
{
	uint32_t ordered = port != 0 ? inl(port + DOORBELL_INJECT) : 0;

	if (ordered == UINT32_MAX || !(ordered & 1u << what)) {
		return false;
	}
	outl(port + DOORBELL_INJECT, what);
	return true;
}

void
arch_irq_settle(void)
{
	if (port != 0) {
		outl(port + DOORBELL_SETTLE, 0);
	}
}

void
arch_event_subscribe(void)
{
	if (port != 0) {
		outl(port + DOORBELL_EVENT, VECTOR_EVENT | apic_id(smp_processor_id()) << 8);
	}
}

uint32_t
arch_event_take(void)
{
	return port != 0 ? inl(port + DOORBELL_EVENT) : 0;
}
