// SPDX-License-Identifier: ISC
#include "tests/fuzz/priorities.h"

#include <assert.h>

#include "tests/explore/pct.h"

_Static_assert(FUZZ_DROPS_MAX < PCT_DEPTH_MAX, "a depth is one more than there are drops");
_Static_assert(HOST_CPUS_MAX <= 8, "a mover has three bits for its cpu");
_Static_assert(HOST_PIDS_MAX <= 255, "they are the arguments of one record");

static struct pct pct;
static unsigned int choice; /* the run's, counted from 1 */

/* An actor's number in the format, which stays; and back. HOST_ACTOR_COUNT: there is none. */
static unsigned int
who_of(unsigned int actor)
{
	switch (actor) {
	case HOST_STEP:
		return FUZZ_WHO_STEPS;
	case HOST_NMI:
		return FUZZ_WHO_NMI;
	case HOST_DRAIN:
		return FUZZ_WHO_STORES;
	case HOST_CLOCK:
		return FUZZ_WHO_CLOCK;
	default:
		return FUZZ_WHO_INTERRUPT + (actor - HOST_IRQ);
	}
}

static unsigned int
actor_of(unsigned int who)
{
	unsigned int actor = 0;

	while (actor < HOST_ACTOR_COUNT && who_of(actor) != who) {
		actor++;
	}
	return actor;
}

/* The highest first; nobody twice. */
static void
set_priorities(const struct fuzz_item *item)
{
	int next = HOST_PIDS_MAX * 2;

	for (unsigned int pid = 0; pid < HOST_PIDS_MAX; pid++) {
		pct.priorities[pid] = (int)(HOST_PIDS_MAX - pid);
	}
	for (unsigned int n = 0; n < item->length; n++) {
		unsigned int actor = actor_of(FUZZ_MOVER_WHO(item->args[n]));
		unsigned int pid = actor * HOST_CPUS_MAX + FUZZ_MOVER_CPU(item->args[n]);

		if (pid < HOST_PIDS_MAX && pct.priorities[pid] <= HOST_PIDS_MAX) {
			pct.priorities[pid] = next--;
		}
	}
}

bool
priorities_read(const struct fuzz_input *input)
{
	struct fuzz_cursor cursor = fuzz_cursor(input, FUZZ_SCHEDULE);
	struct fuzz_item item;
	bool are_set = false;

	choice = 0;
	pct.lowest = 0;
	pct.change_count = 0;
	while (fuzz_next(&cursor, &item)) {
		if (item.kind == FUZZ_PRIORITIES && !are_set) {
			set_priorities(&item);
			are_set = true;
		} else if (item.kind == FUZZ_DROP && pct.change_count < FUZZ_DROPS_MAX) {
			pct.changes[pct.change_count++] =
				fuzz_arg(&item, 0, 256) + fuzz_arg(&item, 1, 256) * 256;
		}
	}
	return are_set;
}

unsigned int
priorities_pick(const struct host_transition *transitions, unsigned int count)
{
	if (++choice % FUZZ_FAIR == 0) {
		pct_change(&pct, transitions, count);
	}
	return pct_pick(&pct, choice, transitions, count);
}

static void
shuffle(struct random *random, uint8_t *bytes, unsigned int count)
{
	for (unsigned int n = 1; n < count; n++) {
		unsigned int other = (unsigned int)random_below(random, n + 1);
		uint8_t kept = bytes[n];

		bytes[n] = bytes[other];
		bytes[other] = kept;
	}
}

size_t
priorities_draw(struct random *random, unsigned int cpus, unsigned int drops, unsigned int choices,
                uint8_t *bytes)
{
	unsigned int count = HOST_ACTOR_COUNT * cpus;
	uint8_t *at = bytes;

	assert(cpus <= HOST_CPUS_MAX && drops <= FUZZ_DROPS_MAX && choices != 0);
	*at++ = FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_PRIORITIES);
	*at++ = (uint8_t)count;
	for (unsigned int n = 0; n < count; n++) {
		at[n] = FUZZ_MOVER(who_of(n / cpus), n % cpus);
	}
	shuffle(random, at, count);
	at += count;
	for (unsigned int n = 0; n < drops; n++) {
		unsigned int place = (unsigned int)random_below(random, choices);

		*at++ = FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_DROP);
		*at++ = FUZZ_DROP_LENGTH;
		*at++ = (uint8_t)place;
		*at++ = (uint8_t)(place >> 8);
	}
	return (size_t)(at - bytes);
}
