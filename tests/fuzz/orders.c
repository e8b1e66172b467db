// SPDX-License-Identifier: ISC
#include "tests/fuzz/orders.h"

#include <string.h>

#include "tests/host/machine.h"

static struct {
	bool is_there;
	uint32_t point;
	struct order order;
} later;

static struct {
	const void *word; /* NULL: there is none */
	unsigned int left;
	struct order order;
} at_words[HOST_CPUS_MAX];

static unsigned int word_count;

void
orders_forget(void)
{
	later.is_there = false;
	orders_forget_words();
}

void
orders_add_later(uint32_t point, struct order order)
{
	later.is_there = true;
	later.point = point;
	later.order = order;
}

bool
orders_have_later(void)
{
	return later.is_there;
}

uint32_t
orders_point(void)
{
	return later.point;
}

bool
orders_take_due(uint32_t point, struct order *order)
{
	if (!later.is_there || point < later.point) {
		return false;
	}
	later.is_there = false;
	*order = later.order;
	return true;
}

void
orders_add_at(unsigned int cpu, const void *word, unsigned int nth, struct order order)
{
	word_count += at_words[cpu].word == NULL;
	at_words[cpu].word = word;
	at_words[cpu].left = nth;
	at_words[cpu].order = order;
}

bool
orders_have_words(void)
{
	return word_count != 0;
}

void
orders_forget_words(void)
{
	memset(at_words, 0, sizeof(at_words));
	word_count = 0;
}

bool
orders_take_at(unsigned int cpu, const void *word, bool is_now, struct order *order)
{
	if (at_words[cpu].word == NULL || at_words[cpu].word != word) {
		return false;
	}
	if (at_words[cpu].left > 1) {
		at_words[cpu].left -= is_now;
		return false;
	}
	at_words[cpu].word = NULL;
	word_count--;
	*order = at_words[cpu].order;
	return true;
}
