// SPDX-License-Identifier: ISC
/*
 * Depth first over the choices, with a bound on those that are not the first (CHESS, Musuvathi and
 * Qadeer 2007). Where the cpu that ran can do nothing more, the choice of another one costs
 * nothing.
 */
#include "tests/explore/pick.h"

struct node {
	uint8_t choice;
	uint8_t count;
	uint64_t free;  /* choices that cost nothing */
	uint16_t spent; /* before this choice */
};

static struct node nodes[EXPLORE_CHOICES_MAX];
static unsigned int prefix; /* nodes whose choice is given */
static struct pick_place at;

static unsigned int
cost(const struct node *node, unsigned int choice)
{
	return choice != 0 && !(node->free >> choice & 1);
}

static uint64_t
free_choices(const struct host_transition *transitions, unsigned int count)
{
	uint64_t set = 0;

	for (unsigned int n = 1; n < count && transitions[0].cpu != host_this->id; n++) {
		set |= (uint64_t)(transitions[n].actor != HOST_DRAIN) << n;
	}
	return set;
}

static void
begin_node(struct node *node, unsigned int count, uint64_t free)
{
	*node = (struct node){ .count = (uint8_t)count, .free = free };
	if (node != nodes) {
		node->spent = (uint16_t)(node[-1].spent + cost(&node[-1], node[-1].choice));
	}
}

static unsigned int
pick(const struct host_transition *transitions, unsigned int count)
{
	struct node *node;

	pick_keep(&at);
	node = &nodes[at.depth];
	pick_moment();
	if (at.depth >= prefix) {
		begin_node(node, count, free_choices(transitions, count));
	}
	at.depth++;
	return pick_note(node->choice, count);
}

static unsigned int
value(unsigned int n)
{
	struct node *node = &nodes[at.depth];

	if (at.depth >= prefix) {
		begin_node(node, n, UINT64_MAX);
	}
	at.depth++;
	return node->choice;
}

/* The deepest node that has another choice within the bound takes it. */
static bool
next_prefix(unsigned int deviations)
{
	while (at.depth != 0) {
		struct node *node = &nodes[--at.depth];

		while (node->choice + 1u < node->count) {
			node->choice++;
			if (node->spent + cost(node, node->choice) <= deviations) {
				prefix = at.depth + 1;
				return true;
			}
		}
	}
	return false;
}

void
explore_bounded(const struct explore_scenario *scenario, unsigned int deviations, uint64_t limit,
                struct explore_report *report)
{
	pick_begin(scenario, false, pick, value, report);
	prefix = 0;
	do {
		if (report->runs == limit) {
			return;
		}
		if (pick_run_from(scenario, prefix, &at, report)) {
			return;
		}
	} while (next_prefix(deviations));
	report->complete = true;
}
