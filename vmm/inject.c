// SPDX-License-Identifier: ISC
#include "vmm/inject.h"

#include "shared/doorbell_abi.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
	[DOORBELL_INJECT_NMI] = "nmi",
	[DOORBELL_INJECT_MCE] = "mce",
	[DOORBELL_INJECT_MCE_FATAL] = "mce-fatal",
};
#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

static const char separator[] = "@exit=";

/* 0: no such name. */
static uint32_t
find_name(const char *text, size_t length)
{
	for (uint32_t what = DOORBELL_INJECT_NMI; what < NAME_COUNT; what++) {
		if (strlen(names[what]) == length && memcmp(names[what], text, length) == 0) {
			return what;
		}
	}
	return 0;
}

static bool
parse_exit(const char *text, uint32_t *exit)
{
	*exit = 0;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (*exit > INJECT_EXIT_MAX / 10) {
			return false;
		}
		*exit = *exit * 10 + (uint32_t)(*text - '0');
	}
	return *text == '\0' && *exit != 0;
}
_Static_assert(INJECT_EXIT_MAX == 999999999, "each number of nine digits is in range");

bool
inject_parse(const char *text, struct inject_order *order)
{
	const char *at = strstr(text, separator);

	*order = (struct inject_order){ .is_done = false };
	if (at == NULL) {
		return false;
	}
	order->what = find_name(text, (size_t)(at - text));
	return order->what != 0 && parse_exit(at + sizeof(separator) - 1, &order->exit);
}

void
inject_format(const struct inject_order *order, char word[INJECT_WORD_MAX])
{
	snprintf(word, INJECT_WORD_MAX, "%s%s%u", names[order->what], separator, order->exit);
}

bool
inject_take(struct inject *inject, uint32_t what)
{
	struct inject_order *next = NULL;

	for (uint32_t i = 0; i < inject->count; i++) {
		struct inject_order *order = &inject->orders[i];

		if (order->what == what && !order->is_done &&
		    (next == NULL || order->exit < next->exit)) {
			next = order;
		}
	}
	if (next == NULL) {
		return false;
	}
	next->is_done = true;
	return true;
}

uint32_t
inject_left(const struct inject *inject)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < inject->count; i++) {
		if (!inject->orders[i].is_done) {
			left |= 1u << inject->orders[i].what;
		}
	}
	return left;
}
