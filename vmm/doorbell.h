// SPDX-License-Identifier: ISC
/*
 * The doorbell's ports (shared/doorbell_abi.h), decoded: pure functions. devices.c does what they
 * say.
 */
#pragma once

#include <stdint.h>

enum doorbell_verb {
	DOORBELL_VERB_NONE, /* nothing: also every access that the ABI does not define */
	DOORBELL_VERB_EXIT, /* end the run with `status` */
	DOORBELL_VERB_DRAIN,
	DOORBELL_VERB_PANIC,
};

struct doorbell_action {
	enum doorbell_verb verb;
	uint8_t status; /* of DOORBELL_VERB_EXIT; a value above 255 arrives as 255, not as 0 */
};

/* An OUT of `size` bytes (1, 2, 4) to DOORBELL_PORT + offset. */
struct doorbell_action doorbell_write(uint32_t offset, uint32_t size, uint32_t value);

/* An IN: the value, in the low `size` bytes. */
uint32_t doorbell_read(uint32_t offset, uint32_t size);
