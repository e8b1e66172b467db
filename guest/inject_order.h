// SPDX-License-Identifier: ISC
/*
 * One error that a boot argument orders (vcpu_inject.h), as it is written: WHAT@exit=N.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guest/vcpu_exit.h"

struct inject_order {
	enum early_cause cause;
	uint32_t exit; /* 1: the first */
};

#define INJECT_ORDER_SEPARATOR "@exit="

extern const char *const inject_order_names[]; /* by cause; EARLY_NONE has none */

/* false: it has another form, and *order is undefined. Any context. */
bool inject_order_parse(const char *text, size_t size, struct inject_order *order);
