// SPDX-License-Identifier: ISC
/*
 * What the code of a run has ordered of its own schedule: an action so many points later, and one
 * of each cpu at its nth access to a word.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "shared/fuzz_abi.h"

struct order {
	enum fuzz_action action;
	unsigned int cpu; /* whom it is about */
};

/* Before a run: there are none. */
void orders_forget(void);

/* At this point of the run, in the place of what was ordered for another. */
void orders_add_later(uint32_t point, struct order order);
bool orders_have_later(void);
uint32_t orders_point(void); /* of it, if there is one */

/* Takes what is due at this point. false: nothing is. */
bool orders_take_due(uint32_t point, struct order *order);

/* Before this cpu's nth access to this word from now on, in the place of another word's. */
void orders_add_at(unsigned int cpu, const void *word, unsigned int nth, struct order order);
bool orders_have_words(void); /* of any cpu */
void orders_forget_words(void);

/*
 * The cpu is about to access this word (is_now), or to do what must come before it. Takes what is
 * to happen before both. false: nothing is.
 */
bool orders_take_at(unsigned int cpu, const void *word, bool is_now, struct order *order);
