// SPDX-License-Identifier: ISC
/*
 * The doorbell's ports (shared/doorbell_abi.h), decoded: pure functions. devices.c does what they
 * say.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum doorbell_verb {
	DOORBELL_VERB_NONE, /* nothing: also every access that the ABI does not define */
	DOORBELL_VERB_EXIT, /* end the run with `status` */
	DOORBELL_VERB_DRAIN,
	DOORBELL_VERB_PANIC,
	DOORBELL_VERB_SUBSCRIBE,
	DOORBELL_VERB_PLACE,
	DOORBELL_VERB_INJECT,
};

struct doorbell_action {
	enum doorbell_verb verb;
	uint8_t status; /* of DOORBELL_VERB_EXIT; a value above 255 arrives as 255, not as 0 */
	uint32_t value; /* of DOORBELL_VERB_PANIC, _SUBSCRIBE, _PLACE, _INJECT: the word itself */
};

/* An OUT of `size` bytes (1, 2, 4) to DOORBELL_PORT + offset. */
struct doorbell_action doorbell_write(uint32_t offset, uint32_t size, uint32_t value);

/* Does this IN take the pending events? It returns them then, and no other IN has an effect. */
bool doorbell_reads_events(uint32_t offset, uint32_t size);

/* Does this IN ask which errors are ordered? */
bool doorbell_reads_orders(uint32_t offset, uint32_t size);

/* Any other IN: the value, in the low `size` bytes. */
uint32_t doorbell_read(uint32_t offset, uint32_t size);
