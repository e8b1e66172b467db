// SPDX-License-Identifier: ISC
/*
 * Every run but one of each set of equivalent ones: source sets and sleep sets (Abdulla, Aronis,
 * Jonsson, Sagonas 2014). Two transitions are dependent if one may enable or change the other or
 * their order can be told afterwards; runs that differ in the order of independent ones are
 * equivalent.
 *
 * A cpu and each interrupt that it may take are processes of their own, all dependent on each
 * other; so is each store buffer, as in Zhang, Kusano, Wang 2015: putting a store into it is nobody
 * else's business, its reaching memory is a write.
 *
 * Where a transition could not have happened earlier, because the other one made it possible, there
 * is an order but no race: from a store to its reaching memory, from an emptied buffer to the
 * locked operation that waited for it, from a change to the end of a spin.
 *
 * A value (host_choose()) is part of the transition that its cpu was resumed for: which one the cpu
 * gets is settled before its next transition is known, and changes nothing for the others. Fix all
 * values, by cpu and number: what is left is a program without choices, of which the argument above
 * holds. So each value that a transition may get is tried below it, before that transition sleeps:
 * what sleeps was explored with every value, and no value itself sleeps or races. The races of runs
 * with other values may add to what is wanted of a node that they share; that does no harm.
 */
#include <assert.h>
#include <string.h>

#include "tests/explore/chain.h"
#include "tests/explore/pick.h"

typedef unsigned __int128 pids_t; /* a set of processes: bit n is pid n */
#define ONE ((pids_t)1)
_Static_assert(HOST_PIDS_MAX <= 128, "each has its bit");

/* One moment of the run: what could happen, what did, what is to be tried. */
struct node {
	struct host_transition chosen;
	/* Its number among its process's, and the same of all that came before it. */
	uint16_t number;
	uint16_t clock[HOST_PIDS_MAX];
	pids_t possible;
	uint32_t open;   /* cpus with interrupts on */
	pids_t sleeping; /* explored already, from here or from an equivalent state */
	pids_t wanted;   /* to be explored from here */
	unsigned int count;
	unsigned int choice;
};

/* A value, of the transition of nodes[after - 1]. */
struct value {
	uint16_t after;
	uint8_t count;
	uint8_t choice;
};

static struct host_transition transitions_of[EXPLORE_MOMENTS_MAX][HOST_PIDS_MAX];
static struct node nodes[EXPLORE_MOMENTS_MAX];
static unsigned int prefix; /* nodes whose choice is given */

static struct value values[EXPLORE_VALUES_MAX];
static unsigned int value_prefix;
static struct pick_place at; /* in both */

static const struct host_transition *
chosen(const struct node *node)
{
	return &node->chosen;
}

static struct host_transition *
transitions_at(const struct node *node)
{
	return transitions_of[node - nodes];
}

/* ---- dependence ---- */

static bool
is_cpu_itself(const struct host_transition *t)
{
	return t->actor != HOST_DRAIN && t->actor != HOST_CLOCK;
}

static bool
writes(const struct host_transition *t)
{
	return t->actor != HOST_STEP || t->op.kind == HOST_OP_LOCKED ||
	       t->op.kind == HOST_OP_LOOSE || t->op.kind == HOST_OP_SEND;
}

static bool
touches_memory(const struct host_transition *t)
{
	return t->op.addr != NULL && !(t->actor == HOST_STEP && t->op.kind == HOST_OP_STORE);
}

static bool
dependent(const struct host_transition *a, const struct host_transition *b)
{
	if (a->pid == b->pid || (a->cpu == b->cpu && is_cpu_itself(a) && is_cpu_itself(b))) {
		return true;
	}
	if (a->op.kind == HOST_OP_CLOCK || b->op.kind == HOST_OP_CLOCK) {
		return true;
	}
	return touches_memory(a) && touches_memory(b) && a->op.addr == b->op.addr &&
	       (writes(a) || writes(b));
}

/* ---- order ---- */

static bool
is_before(const struct node *first, const struct node *second)
{
	return second->clock[chosen(first)->pid] >= first->number;
}

static void
join(struct node *node, const struct node *before)
{
	for (unsigned int pid = 0; pid < HOST_PIDS_MAX; pid++) {
		uint16_t clock = before->clock[pid]; /* no branch: eight at once */

		node->clock[pid] = clock > node->clock[pid] ? clock : node->clock[pid];
	}
}

static bool
is_interrupt(const struct host_transition *t)
{
	return t->actor != HOST_STEP && is_cpu_itself(t);
}

static bool
waits_for_empty_buffer(const struct host_transition *t)
{
	return t->op.kind == HOST_OP_LOCKED || t->op.kind == HOST_OP_FENCE ||
	       t->op.kind == HOST_OP_RETURN;
}

static struct brief
brief_of(const struct node *node)
{
	const struct host_transition *t = chosen(node);

	return (struct brief){
		.addr = touches_memory(t) ? t->op.addr : NULL,
		.number = node->number,
		.pid = t->pid,
		.marks = (uint8_t)((writes(t) ? WRITES : 0) | (is_cpu_itself(t) ? CPU_ITSELF : 0) |
		                   (t->op.kind == HOST_OP_CLOCK ? OF_CLOCK : 0)),
	};
}

/* What had to come before, race or not: the process's last transition, and what made this one
 * possible. */
static void
order(struct node *node)
{
	const struct host_transition *t = chosen(node);
	unsigned int drain = HOST_DRAIN * HOST_CPUS_MAX + t->cpu;
	unsigned int own = t->pid;

	memset(node->clock, 0, sizeof(node->clock));
	node->number = 1;
	drain = waits_for_empty_buffer(t) ? drain : HOST_PIDS_MAX;
	for (size_t n = (size_t)(node - nodes);
	     n-- != 0 && (own != HOST_PIDS_MAX || drain != HOST_PIDS_MAX);) {
		if (briefs[n].pid == own) {
			node->number = (uint16_t)(briefs[n].number + 1);
			join(node, &nodes[n]);
			own = HOST_PIDS_MAX;
		} else if (briefs[n].pid == drain) {
			join(node, &nodes[n]);
			drain = HOST_PIDS_MAX;
		}
	}
	assert(t->after < node - nodes);
	if (t->after >= 0) {
		join(node, &nodes[t->after]);
	}
	briefs[node - nodes] = brief_of(node);
}

/* ---- races ---- */

/*
 * The processes that can begin a run in which `last` comes before `first`: those of the transitions
 * between that do not depend on `first`, and last's own, each unless another of them comes before
 * it.
 */
static pids_t
beginners(const struct node *first, const struct node *last)
{
	static const struct node *free_of_first[EXPLORE_MOMENTS_MAX];
	unsigned int count = 0;
	pids_t set = 0;
	pids_t seen = 0;

	for (const struct node *n = first + 1; n <= last; n++) {
		pids_t bit = ONE << chosen(n)->pid;
		bool is_first = true;

		if (n != last && is_before(first, n)) {
			continue;
		}
		for (unsigned int i = 0; i < count && is_first; i++) {
			is_first = !is_before(free_of_first[i], n);
		}
		if (is_first && !(seen & bit)) {
			set |= bit;
		}
		seen |= bit;
		free_of_first[count++] = n;
	}
	return set;
}

static void
want_reversed(struct node *first, const struct node *last)
{
	pids_t own = ONE << chosen(last)->pid;
	pids_t set = beginners(first, last);

	if (set & own) {
		/* Else only `first` made it possible. */
		if ((first->possible & own) &&
		    (chosen(first)->cpu == chosen(last)->cpu || !(first->wanted & set))) {
			first->wanted |= own;
		}
		return;
	}
	set &= first->possible;
	if (set != 0 && !(first->wanted & set)) {
		first->wanted |= set & -set;
	}
}

/*
 * At n the cpu had interrupts off, so this one could not come; it races with what the cpu did last
 * before it turned them off, and that is not hidden by what it did since.
 */
static bool
is_masked(const struct node *n, const struct host_transition *t)
{
	return is_interrupt(t) && t->actor != HOST_NMI && chosen(n)->cpu == t->cpu &&
	       is_cpu_itself(chosen(n)) && !(n->open >> t->cpu & 1);
}

/*
 * An interrupt waits for an empty buffer, but could have come before the stores: that order, too,
 * hides no race.
 */
static bool
is_own_drain(const struct node *n, const struct host_transition *t)
{
	return is_interrupt(t) && chosen(n)->cpu == t->cpu && chosen(n)->actor == HOST_DRAIN;
}

static struct node *races[EXPLORE_MOMENTS_MAX];

static unsigned int
races_of_interrupt(struct node *last)
{
	const struct node *hidden[2] = { NULL, NULL };
	unsigned int count = 0;

	for (struct node *n = last; n-- != nodes;) {
		if (is_masked(n, chosen(last))) {
			hidden[0] = hidden[0] == NULL ? n : hidden[0];
		} else if (is_own_drain(n, chosen(last))) {
			hidden[1] = hidden[1] == NULL ? n : hidden[1];
		} else if (!is_before(n, last) && dependent(chosen(n), chosen(last))) {
			races[count++] = n;
			join(last, n);
		}
	}
	for (unsigned int i = 0; i < 2; i++) {
		if (hidden[i] != NULL) {
			join(last, hidden[i]);
		}
	}
	return count;
}

static void
race_with(struct node *last, unsigned int n, unsigned int *count)
{
	races[(*count)++] = &nodes[n];
	join(last, &nodes[n]);
}

/* Of one that depends on everything. */
static unsigned int
races_of_clock(struct node *last)
{
	unsigned int count = 0;

	for (unsigned int n = (unsigned int)(last - nodes); n-- != 0;) {
		if (last->clock[briefs[n].pid] < briefs[n].number) {
			race_with(last, n, &count);
		}
	}
	return count;
}

static unsigned int
later(unsigned int a, unsigned int b)
{
	return a > b ? a : b;
}

/*
 * Of anything else: nothing hides one. What a transition depends on is before it; so each chain
 * ends at the first one that depends on all that the chain still has.
 */
static unsigned int
races_of_other(struct node *last)
{
	const struct brief *own = &briefs[last - nodes];
	unsigned int by_addr = own->addr != NULL ? chain_at(own->addr) : 0;
	unsigned int by_cpu = own->marks & CPU_ITSELF ? chain_of_cpu(own) : 0;
	unsigned int by_clock = chain_of_clock();
	unsigned int count = 0;
	unsigned int n;

	while ((n = later(by_clock, later(by_addr, by_cpu))) != 0) {
		const struct brief *b = &briefs[n - 1];
		bool depends = n == by_clock || n == by_cpu || ((own->marks | b->marks) & WRITES);

		if (depends && last->clock[b->pid] < b->number) {
			race_with(last, n - 1, &count);
		}
		if (n == by_clock) {
			return count;
		}
		if (n == by_addr) {
			by_addr = b->marks & WRITES ? 0 : b->before_at_addr;
		}
		if (n == by_cpu) {
			by_cpu = b->pid == own->pid ? 0 : b->before_of_cpu;
		}
	}
	return count;
}

static unsigned int
races_of(struct node *last)
{
	if (is_interrupt(chosen(last))) {
		return races_of_interrupt(last);
	}
	return chosen(last)->op.kind == HOST_OP_CLOCK ? races_of_clock(last) : races_of_other(last);
}

static void
find_races(struct node *last)
{
	unsigned int count = races_of(last);

	last->clock[chosen(last)->pid] = last->number;
	for (unsigned int i = 0; i < count; i++) {
		want_reversed(races[i], last);
	}
}

/* ---- the search ---- */

static pids_t
still_sleeping(const struct node *parent)
{
	pids_t set = 0;

	for (unsigned int i = 0; i < parent->count; i++) {
		const struct host_transition *t = &transitions_at(parent)[i];

		if ((parent->sleeping >> t->pid & 1) && !dependent(t, chosen(parent))) {
			set |= ONE << t->pid;
		}
	}
	return set;
}

static void
begin_node(struct node *node, const struct host_transition *transitions, unsigned int count)
{
	node->count = count;
	memcpy(transitions_at(node), transitions, count * sizeof(*transitions));
	node->possible = 0;
	node->open = 0;
	for (unsigned int cpu = 0; cpu < HOST_CPUS_MAX; cpu++) {
		node->open |= (uint32_t)host_cpu(cpu)->irqs_on << cpu;
	}
	for (unsigned int i = 0; i < count; i++) {
		node->possible |= ONE << transitions[i].pid;
	}
	node->sleeping = node == nodes ? 0 : still_sleeping(node - 1);
	node->wanted = 0;
}

/* The first in `set` becomes the choice. */
static bool
choose_from(struct node *node, pids_t set)
{
	for (unsigned int i = 0; i < node->count; i++) {
		const struct host_transition *t = &transitions_at(node)[i];

		if (set >> t->pid & 1) {
			node->choice = i;
			node->chosen = *t;
			node->wanted |= ONE << t->pid;
			return true;
		}
	}
	return false;
}

static void
check_buffers(const struct host_transition *transitions, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (host_cpu(transitions[i].cpu)->store_count == HOST_STORES_MAX) {
			host_fail("a full store buffer: its order is not modelled here");
		}
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
		check_buffers(transitions, count);
		begin_node(node, transitions, count);
		if (!choose_from(node, ~node->sleeping)) {
			pick_prune();
		}
	}
	assert(node->count == count);
	if (at.depth + 1 >= prefix) {
		order(node);
		find_races(node);
		chain_link((unsigned int)(node - nodes));
	}
	at.depth++;
	return pick_note(node->choice, count);
}

static unsigned int
pick_value(unsigned int n)
{
	struct value *value = &values[at.value_depth];

	if (at.value_depth >= value_prefix) {
		*value = (struct value){ .after = (uint16_t)at.depth, .count = (uint8_t)n };
	}
	assert(value->after == at.depth);
	assert(value->count == n);
	at.value_depth++;
	return value->choice;
}

/* Interrupts that were never taken, because their cpu has them off for good, could have been. */
static void
find_races_of_pending(void)
{
	struct node *node = &nodes[at.depth];

	for (unsigned int cpu = 0; cpu < HOST_CPUS_MAX && at.depth < EXPLORE_MOMENTS_MAX; cpu++) {
		for (unsigned int kind = 0; host_cpu(cpu)->pending >> kind != 0; kind++) {
			unsigned int actor = HOST_IRQ + kind;

			if (host_cpu(cpu)->pending >> kind & 1) {
				node->chosen = (struct host_transition){
					.actor = (uint8_t)actor,
					.cpu = (uint8_t)cpu,
					.pid = (uint8_t)(actor * HOST_CPUS_MAX + cpu),
					.op = { HOST_OP_NONE, &host_cpu(cpu)->pending },
					.after = -1,
				};
				order(node);
				find_races(node);
			}
		}
	}
}

/* Of the last transition's values, the last that has another one left takes it. */
static bool
next_value(void)
{
	while (at.value_depth != 0 && values[at.value_depth - 1].after == at.depth) {
		struct value *value = &values[--at.value_depth];

		if (value->choice + 1u < value->count) {
			value->choice++;
			value_prefix = at.value_depth + 1;
			prefix = at.depth;
			return true;
		}
	}
	return false;
}

static bool
next_prefix(void)
{
	while (at.depth != 0) {
		struct node *node;

		if (next_value()) {
			return true;
		}
		node = &nodes[--at.depth];
		node->sleeping |= ONE << chosen(node)->pid;
		if (choose_from(node, node->wanted & ~node->sleeping)) {
			prefix = at.depth + 1;
			value_prefix = at.value_depth;
			return true;
		}
	}
	return false;
}

void
explore_all(const struct explore_scenario *scenario, uint64_t limit, struct explore_report *report)
{
	pick_begin(scenario, true, pick, pick_value, report);
	chain_forget();
	prefix = 0;
	value_prefix = 0;
	do {
		if (report->runs + report->pruned == limit) {
			return;
		}
		chain_cut(prefix == 0 ? 0 : prefix - 1);
		if (pick_run_from(scenario, prefix, &at, report)) {
			return;
		}
		find_races_of_pending();
	} while (next_prefix());
	report->complete = true;
}
