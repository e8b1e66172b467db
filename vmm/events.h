// SPDX-License-Identifier: ISC
/*
 * Events for the guest (DOORBELL_EVENT of shared/doorbell_abi.h): which have come, and which cpu
 * wants to hear of them. Without a lock, so that the main thread never waits for a cpu's.
 *
 * An event is stored before the subscription is read, and a subscription before the events are: one
 * of the two sides sees both, and interrupts. Both may: the guest then finds nothing the second
 * time.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct events {
	atomic_uint pending;      /* DOORBELL_EVENT_* */
	atomic_uint subscription; /* the value that was last written to the port */
	atomic_bool was_subscribed;
};

/* An interrupt that is to be sent; vector 0: none. */
struct events_interrupt {
	uint8_t vector;
	uint8_t apic_id;
};

/* Adds events. Any thread. */
struct events_interrupt events_raise(struct events *events, uint32_t mask);

/* The guest's OUT of this value: any value. Any thread. */
struct events_interrupt events_subscribe(struct events *events, uint32_t value);

/* The guest's IN: what is pending, which is cleared. Any thread. */
uint32_t events_take(struct events *events);

/* Has one of these events come to a guest that has never asked for any? Any thread. */
bool events_are_unheard(struct events *events, uint32_t mask);
