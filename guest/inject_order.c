// SPDX-License-Identifier: ISC
#include "guest/inject_order.h"

#include "guest/string.h"

#define DIGITS_MAX     9
#define SEPARATOR_SIZE (sizeof(INJECT_ORDER_SEPARATOR) - 1)

const char *const inject_order_names[] = {
	[EARLY_NMI] = "nmi",
	[EARLY_RECOVERABLE] = "mce",
	[EARLY_UNCONTAINABLE] = "mce-fatal",
};
#define NAME_COUNT (sizeof(inject_order_names) / sizeof(inject_order_names[0]))

/* Where the separator begins, or NULL. */
static const char *
find_separator(const char *text, size_t size)
{
	const char *at = memchr(text, INJECT_ORDER_SEPARATOR[0], size);

	if (at == NULL || size - (size_t)(at - text) < SEPARATOR_SIZE ||
	    memcmp(at, INJECT_ORDER_SEPARATOR, SEPARATOR_SIZE) != 0) {
		return NULL;
	}
	return at;
}

/* EARLY_NONE: no such name. */
static enum early_cause
find_cause(const char *name, size_t size)
{
	for (uint32_t cause = EARLY_NMI; cause < NAME_COUNT; cause++) {
		if (strlen(inject_order_names[cause]) == size &&
		    memcmp(inject_order_names[cause], name, size) == 0) {
			return (enum early_cause)cause;
		}
	}
	return EARLY_NONE;
}

/* 0: no such number. */
static uint32_t
parse_exit(const char *digits, size_t count)
{
	uint32_t value = 0;

	if (count > DIGITS_MAX) {
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		if (digits[i] < '0' || digits[i] > '9') {
			return 0;
		}
		value = value * 10 + (uint32_t)(digits[i] - '0');
	}
	return value;
}

bool
inject_order_parse(const char *text, size_t size, struct inject_order *order)
{
	const char *at = find_separator(text, size);

	if (at == NULL) {
		return false;
	}
	order->cause = find_cause(text, (size_t)(at - text));
	at += SEPARATOR_SIZE;
	order->exit = parse_exit(at, size - (size_t)(at - text));
	return order->cause != EARLY_NONE && order->exit != 0;
}
