// SPDX-License-Identifier: ISC
/*
 * Errors from outside the guest that the user has ordered (--inject): which, and whether the guest
 * has asked for them (DOORBELL_INJECT of shared/doorbell_abi.h). The guest counts its vcpus' exits
 * and asks at the one that the order names; here the number only tells orders apart.
 *
 * No lock of its own: the caller serializes (devices.c).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define INJECT_MAX      8
#define INJECT_EXIT_MAX 999999999u
#define INJECT_WORD_MAX 32 /* bytes, NUL included */

struct inject_order {
	uint32_t what; /* DOORBELL_INJECT_* */
	uint32_t exit; /* 1..INJECT_EXIT_MAX */
	bool is_done;
};

struct inject {
	struct inject_order orders[INJECT_MAX];
	uint32_t count;
};

/* "nmi@exit=100", "mce@exit=1", "mce-fatal@exit=7". False: it is not of this form. */
bool inject_parse(const char *text, struct inject_order *order);

/* The order in that form. */
void inject_format(const struct inject_order *order, char word[INJECT_WORD_MAX]);

/*
 * The guest asks for one, whatever value it writes. Returns whether one was left: of several the
 * one of the lowest exit is done now.
 */
bool inject_take(struct inject *inject, uint32_t what);

/* What is left. Bit n: DOORBELL_INJECT_* of that number. */
uint32_t inject_left(const struct inject *inject);
