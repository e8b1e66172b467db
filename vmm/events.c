// SPDX-License-Identifier: ISC
#include "vmm/events.h"

#include "shared/boot_abi.h"

#define EXCEPTIONS 32u /* vectors of the processor's own */

/* A guest that writes nonsense gets nothing; APIC ids are the numbers of the cpus. */
static struct events_interrupt
interrupt_of(uint32_t subscription)
{
	struct events_interrupt interrupt = { .vector = (uint8_t)subscription };
	uint32_t apic_id = subscription >> 8;

	if (interrupt.vector < EXCEPTIONS || apic_id >= BOOT_CPUS_MAX) {
		return (struct events_interrupt){ .vector = 0 };
	}
	interrupt.apic_id = (uint8_t)apic_id;
	return interrupt;
}

struct events_interrupt
events_raise(struct events *events, uint32_t mask)
{
	atomic_fetch_or(&events->pending, mask);
	return interrupt_of(atomic_load(&events->subscription));
}

struct events_interrupt
events_subscribe(struct events *events, uint32_t value)
{
	struct events_interrupt interrupt = interrupt_of(value);

	atomic_store(&events->subscription, value);
	if (interrupt.vector != 0) {
		atomic_store(&events->was_subscribed, true);
	}
	if (atomic_load(&events->pending) == 0) {
		interrupt.vector = 0;
	}
	return interrupt;
}

uint32_t
events_take(struct events *events)
{
	return atomic_exchange(&events->pending, 0);
}

bool
events_are_unheard(struct events *events, uint32_t mask)
{
	return (atomic_load(&events->pending) & mask) != 0 && !atomic_load(&events->was_subscribed);
}
