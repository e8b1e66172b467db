// SPDX-License-Identifier: ISC
#include "vmm/doorbell.h"

#include "shared/doorbell_abi.h"

struct doorbell_action
doorbell_write(uint32_t offset, uint32_t size, uint32_t value)
{
	struct doorbell_action action = { .verb = DOORBELL_VERB_NONE };

	if (size != sizeof(uint32_t)) {
		return action;
	}
	switch (offset) {
	case DOORBELL_EXIT:
		action.verb = DOORBELL_VERB_EXIT;
		action.status = value > UINT8_MAX ? UINT8_MAX : (uint8_t)value;
		break;
	case DOORBELL_CONSOLE:
		action.verb = DOORBELL_VERB_DRAIN;
		break;
	case DOORBELL_PANIC:
		action.verb = DOORBELL_VERB_PANIC;
		action.value = value;
		break;
	case DOORBELL_EVENT:
		action.verb = DOORBELL_VERB_SUBSCRIBE;
		action.value = value;
		break;
	case DOORBELL_PLACE:
		action.verb = DOORBELL_VERB_PLACE;
		action.value = value;
		break;
	case DOORBELL_INJECT:
		action.verb = DOORBELL_VERB_INJECT;
		action.value = value;
		break;
	default:
		/* DOORBELL_SETTLE too: the exit to here is all that it asks for. */
		break;
	}
	return action;
}

bool
doorbell_reads_events(uint32_t offset, uint32_t size)
{
	return offset == DOORBELL_EVENT && size == sizeof(uint32_t);
}

bool
doorbell_reads_orders(uint32_t offset, uint32_t size)
{
	return offset == DOORBELL_INJECT && size == sizeof(uint32_t);
}

uint32_t
doorbell_read(uint32_t offset, uint32_t size)
{
	if (offset == DOORBELL_ID && size == sizeof(uint32_t)) {
		return DOORBELL_MAGIC;
	}
	return UINT32_MAX;
}
