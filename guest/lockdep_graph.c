// SPDX-License-Identifier: ISC
/*
 * The order of classes, as far as it has been seen: an edge of one of four types for each pair that
 * was taken one under the other, and the search for what a new one closes.
 *
 * A path deadlocks only where each of its locks blocks: a lock that is taken as a recursive reader
 * does not wait for one that is held by a reader. So a node that was reached only so is weak: it
 * goes on only by edges that hold it as a writer. Backwards it is the other way round.
 */
#include <stddef.h>

#include "guest/bug.h"
#include "guest/lockdep_internal.h"

#define NODES   (2u * LOCKDEP_CLASSES_MAX)
#define NO_NODE NODES

LOCKDEP_TABLE struct lock_edge lock_edges[LOCKDEP_EDGES_MAX];
unsigned int lock_edge_count;

/* ---- searching ---- */

/* Node 2n is class n, 2n + 1 the same when it is weak. */
static LOCKDEP_TABLE uint16_t queue[NODES];
static LOCKDEP_TABLE uint16_t parents[NODES];
static LOCKDEP_TABLE struct class_set seen[2];
static unsigned int queue_length;

struct wanted {
	unsigned int class; /* 0: any */
	uint32_t usage;     /* any of these bits; 0: any */
	bool weak_is_enough;
	uint32_t found_usage; /* of all nodes, instead of the first that fits */
};

static void
push(unsigned int class, bool weak, unsigned int parent)
{
	if (class_set_has(&seen[0], class) || class_set_has(&seen[weak], class)) {
		return; /* a strong node goes wherever the weak one does */
	}
	class_set_add(&seen[weak], class);
	queue[queue_length++] = (uint16_t)(2 * class + weak);
	parents[2 * class + weak] = (uint16_t)parent;
}

static void
push_edge(unsigned int to, unsigned int type, bool backward, unsigned int node)
{
	unsigned int leaves = backward ? EDGE_TAKEN_RECURSIVE : EDGE_HELD_SHARED;
	unsigned int arrives = backward ? EDGE_HELD_SHARED : EDGE_TAKEN_RECURSIVE;

	if (bug(LOCKDEP_READERS_BLOCK)) {
		push(to, false, node);
	} else if (!(node & 1) || !(type & leaves)) {
		push(to, type & arrives, node);
	}
}

/* In the order of their numbers. */
static void
push_neighbours(unsigned int node, bool backward)
{
	const struct lock_class *class = &lock_classes[node / 2];
	const struct class_set *edges = backward ? class->before : class->after;

	for (unsigned int word = 0; word < CLASS_WORDS; word++) {
		uint64_t left = 0;

		for (unsigned int type = 0; type < EDGE_TYPES; type++) {
			left |= edges[type].words[word];
		}
		for (; left != 0; left &= left - 1) {
			unsigned int other = word * 64 + (unsigned int)__builtin_ctzll(left);

			for (unsigned int type = 0; type < EDGE_TYPES; type++) {
				if (class_set_has(&edges[type], other)) {
					push_edge(other, type, backward, node);
				}
			}
		}
	}
}

/* Of a weak node only what does not depend on readers counts. */
static uint32_t
usage_of(unsigned int node)
{
	return lock_classes[node / 2].usage & (node & 1 ? USE_ALL_WRITE : ~0u);
}

static bool
is_wanted(unsigned int node, const struct wanted *wanted)
{
	if (wanted->class != 0 &&
	    (node / 2 != wanted->class || ((node & 1) && !wanted->weak_is_enough))) {
		return false;
	}
	return wanted->usage == 0 || (usage_of(node) & wanted->usage);
}

/* Breadth first: the shortest path. Returns the node, or NO_NODE. */
static unsigned int
search(unsigned int class, bool weak, bool backward, struct wanted *wanted)
{
	seen[0] = seen[1] = (struct class_set){ { 0 } };
	queue_length = 0;
	push(class, weak, NO_NODE);
	for (unsigned int n = 0; n < queue_length; n++) {
		unsigned int node = queue[n];

		wanted->found_usage |= usage_of(node);
		if (is_wanted(node, wanted)) {
			return node;
		}
		if (n == 0 || !bug(LOCKDEP_SHALLOW)) {
			push_neighbours(node, backward);
		}
	}
	return NO_NODE;
}

/* From where the search ended back to its start. */
static void
add_path(struct lock_path *path, unsigned int node)
{
	for (; node != NO_NODE; node = parents[node]) {
		path->classes[path->count++] = (uint8_t)(node / 2);
	}
}

static void
turn(struct lock_path *path)
{
	for (unsigned int n = 0; n < path->count / 2; n++) {
		uint8_t class = path->classes[n];

		path->classes[n] = path->classes[path->count - 1 - n];
		path->classes[path->count - 1 - n] = class;
	}
}

/* ---- a cycle ---- */

/* Is there a way from next back to prev, by which somebody else waits for next? */
static void
check_cycle(const struct held_lock *prev, const struct held_lock *next)
{
	struct wanted wanted = {
		.class = prev->class,
		.weak_is_enough = prev->read == LOCKDEP_WRITE,
	};
	bool weak = next->read == LOCKDEP_READ_RECURSIVE && !bug(LOCKDEP_READERS_BLOCK);
	unsigned int node = search(next->class, weak, false, &wanted);
	struct lock_path path = { .count = 0 };

	if (node != NO_NODE) {
		add_path(&path, node);
		turn(&path);
		lockdep_report_cycle(prev, next, &path);
	}
}

/* ---- interrupts ---- */

/* The bits of both kinds of users, writers and readers. */
static uint32_t
users(uint32_t use, unsigned int state)
{
	return (use | use << USE_READ) << state * USE_STATE_BITS;
}

/* Of what a lock of this usage must not be held over, in an order: what has interrupts on. */
static uint32_t
unsafe_for(uint32_t usage)
{
	uint32_t unsafe = 0;

	for (unsigned int state = 0; state < USE_STATES; state++) {
		if (usage & users(USE_IN_IRQ, state)) {
			unsafe |= users(USE_IRQS_ON, state);
		}
	}
	return unsafe;
}

/*
 * A lock that interrupts take, on a way by the edge from prev to next to one that is held with
 * interrupts on: who holds the second is interrupted, the interrupt waits for the first, and its
 * holder for the second.
 */
static void
check_irq_order(const struct held_lock *prev, const struct held_lock *next)
{
	struct wanted all = { .class = LOCKDEP_CLASSES_MAX }; /* there is none: it looks at each */
	struct wanted unsafe = { .usage = 0 };
	struct wanted safe = { .usage = 0 };
	struct lock_path path = { .count = 0 };
	struct lock_path rest = { .count = 0 };
	unsigned int state;
	unsigned int node;

	search(prev->class, prev->read != LOCKDEP_WRITE, true, &all);
	unsafe.usage = unsafe_for(all.found_usage);
	if (unsafe.usage == 0) {
		return;
	}
	node = search(next->class, next->read == LOCKDEP_READ_RECURSIVE, false, &unsafe);
	if (node == NO_NODE) {
		return;
	}
	state = usage_of(node) & unsafe.usage & users(USE_IRQS_ON, 0) ? 0 : 1;
	add_path(&rest, node);
	turn(&rest);
	safe.usage = users(USE_IN_IRQ, state);
	add_path(&path, search(prev->class, prev->read != LOCKDEP_WRITE, true, &safe));
	for (unsigned int n = 0; n < rest.count; n++) {
		path.classes[path.count++] = rest.classes[n];
	}
	lockdep_report_irq_order(&path, state, prev, next);
}

/* The same where the order was there before the usage. */
void
lockdep_check_usage_order(const struct held_lock *lock, unsigned int bit)
{
	unsigned int state = bit / USE_STATE_BITS;
	bool irqs_on = bit & 2;
	struct wanted wanted = { .usage = users(irqs_on ? USE_IN_IRQ : USE_IRQS_ON, state) };
	bool weak = irqs_on ? lock->read != LOCKDEP_WRITE : lock->read == LOCKDEP_READ_RECURSIVE;
	unsigned int node = search(lock->class, weak, irqs_on, &wanted);
	struct lock_path path = { .count = 0 };

	if (node != NO_NODE) {
		add_path(&path, node);
		if (!irqs_on) {
			turn(&path);
		}
		lockdep_report_irq_order(&path, state, NULL, lock);
	}
}

/* ---- learning ---- */

static void
learn(const struct held_lock *prev, const struct held_lock *next, unsigned int type)
{
	if (lock_edge_count == LOCKDEP_EDGES_MAX) {
		lockdep_give_up(LOCKDEP_EDGES_MAX, "edges between classes");
		return;
	}
	lock_edges[lock_edge_count++] = (struct lock_edge){
		.held = prev->class,
		.taken = next->class,
		.type = (uint8_t)type,
		.held_ip = prev->ip,
		.taken_ip = next->ip,
	};
	class_set_add(&lock_classes[prev->class].after[type], next->class);
	class_set_add(&lock_classes[next->class].before[type], prev->class);
}

void
lockdep_add_edge(const struct held_lock *prev, const struct held_lock *next)
{
	unsigned int type = (prev->read != LOCKDEP_WRITE ? EDGE_HELD_SHARED : 0) |
	                    (next->read == LOCKDEP_READ_RECURSIVE ? EDGE_TAKEN_RECURSIVE : 0);

	if (class_set_has(&lock_classes[prev->class].after[type], next->class)) {
		return;
	}
	lockdep_graph_lock();
	if (!class_set_has(&lock_classes[prev->class].after[type], next->class)) {
		check_cycle(prev, next);
		check_irq_order(prev, next);
		learn(prev, next, type);
	}
	lockdep_graph_unlock();
}
