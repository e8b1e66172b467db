// SPDX-License-Identifier: ISC
/*
 * lockdep's own, between its files: the classes and what is known of them, and the graph of their
 * order. All of it is written under the graph's lock and only grows, so that what has been seen is
 * read without it.
 *
 * From the architecture's arch_lockdep.h:
 *   unsigned long arch_lockdep_enter(void)       irqs off; on the simulated machine all that
 *   void arch_lockdep_exit(flags)                follows is one step
 *   bool arch_lockdep_irqs_on(flags)             at enter
 *   void arch_lockdep_lock(word), _unlock(word)  a spinlock that nobody watches
 *   void arch_lockdep_place(ip)                  the VMM's report is to name this code
 *   bool arch_is_static(addr)                    a variable of the image, which is never freed
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/lockdep.h"

#define LOCKDEP_CLASSES_MAX 128u /* below 255: a map holds the number in a byte */
#define LOCKDEP_EDGES_MAX   768u
#define LOCKDEP_NAME_SIZE   48u /* bytes, NUL included */

/* Apart from other variables: what of it is in use, lockdep_for_each_table() tells. */
#define LOCKDEP_TABLE __attribute__((section(".bss.lockdep")))

/*
 * How a class has been used: for hardirqs, then for softirqs, taken in one (as a reader), taken or
 * held with them on (as a reader); then at all (as a reader).
 */
#define USE_STATES      2u
#define USE_STATE_BITS  4u
#define USE_IN_IRQ      0x1u
#define USE_IRQS_ON     0x4u
#define USE_READ        1u /* shift */
#define USE_ALL_IN_IRQ  0x33u
#define USE_ALL_IRQS_ON 0xccu
#define USE_ALL_WRITE   0x55u
#define USE_IRQ_BITS    (USE_STATES * USE_STATE_BITS)
#define USE_AT_ALL      0x100u
#define USE_AT_ALL_READ 0x200u

/* An edge's type: is what is held shared, is what is taken under it read recursively? */
#define EDGE_HELD_SHARED     1u
#define EDGE_TAKEN_RECURSIVE 2u
#define EDGE_TYPES           4u

#define CLASS_WORDS (LOCKDEP_CLASSES_MAX / 64u)

struct class_set {
	uint64_t words[CLASS_WORDS];
};

struct lock_class {
	const void *key;
	const char *name;
	uint8_t subclass;
	uint8_t wait_outer;
	uint8_t wait_inner;
	uint32_t usage;
	uintptr_t usage_ip[USE_IRQ_BITS];    /* where a bit was first seen */
	struct class_set after[EDGE_TYPES];  /* what was taken while this was held */
	struct class_set before[EDGE_TYPES]; /* the same from its other end */
};

/* The first time that `taken` was taken while `held` was the lock before. */
struct lock_edge {
	uint8_t held;
	uint8_t taken;
	uint8_t type;
	uintptr_t held_ip;
	uintptr_t taken_ip;
};

extern struct lock_class lock_classes[LOCKDEP_CLASSES_MAX]; /* 0 is none */
extern unsigned int lock_class_count;                       /* 0 included, once there is any */
extern struct lock_edge lock_edges[LOCKDEP_EDGES_MAX];
extern unsigned int lock_edge_count;

static inline bool
class_set_has(const struct class_set *set, unsigned int class)
{
	return set->words[class / 64] >> class % 64 & 1;
}

static inline void
class_set_add(struct class_set *set, unsigned int class)
{
	set->words[class / 64] |= 1ull << class % 64;
}

/* ---- lockdep.c ---- */

/* Around every change. irqs off. */
void lockdep_graph_lock(void);
void lockdep_graph_unlock(void);

/* Interrupts are on (and softirqs): the locks that were taken with them off are held so from now
 * on.
 */
void lockdep_mark_held(struct lockdep_task *self, bool softirqs_on);

/* A table is full: says so, once that can be said, and is silent from now on. */
void lockdep_give_up(unsigned int count, const char *what);

/* With the first class: what is known may be of an earlier run. */
void lockdep_forget_chains(void);

/* A part of lockdep_for_each_table(). */
void lockdep_each_chain_table(void (*each)(void *start, size_t size));

/* ---- lockdep_class.c ---- */

/* The map's class, made if it is new; 0: there is no room. irqs off. */
unsigned int lockdep_class_of(struct lockdep_map *map, unsigned int subclass);

/* The same, 0 if it is new. Any context. */
unsigned int lockdep_known_class(const struct lockdep_map *map, unsigned int subclass);

/* The class has been used so, bit n of its usage: reports what that contradicts. irqs off. */
void lockdep_mark(const struct held_lock *lock, unsigned int bit);

/* ---- lockdep_graph.c ---- */

/* `next` is taken under `prev`: learns it, or reports what that closes. irqs off. */
void lockdep_add_edge(const struct held_lock *prev, const struct held_lock *next);

/*
 * The usage bits of a lock have changed: reports an order by which an interrupt could take a lock
 * whose holder waits for one that it interrupted.
 */
void lockdep_check_usage_order(const struct held_lock *lock, unsigned int bit);

/* ---- lockdep_report.c ---- */

/* The path from one class to another along edges, for a report: at most this many classes. */
struct lock_path {
	unsigned int count;
	uint8_t classes[LOCKDEP_CLASSES_MAX];
};

/* Of the class, into buf. */
const char *lockdep_name(unsigned int class, char buf[LOCKDEP_NAME_SIZE]);

/* Each ends the kernel. */
_Noreturn void lockdep_report_cycle(const struct held_lock *prev, const struct held_lock *next,
                                    const struct lock_path *path);
_Noreturn void lockdep_report_irq_order(const struct lock_path *path, unsigned int state,
                                        const struct held_lock *prev, const struct held_lock *next);
_Noreturn void lockdep_report_twice(const struct held_lock *prev, const struct held_lock *next);
_Noreturn void lockdep_report_usage(const struct held_lock *lock, unsigned int bit,
                                    unsigned int other);
_Noreturn void lockdep_report_nesting(const struct held_lock *lock, const struct held_lock *under,
                                      uint8_t inner);
_Noreturn void lockdep_report_nmi(const struct held_lock *lock);
_Noreturn void lockdep_report_key(const struct lockdep_map *map);
_Noreturn __attribute__((format(printf, 3, 4))) void lockdep_report_held(unsigned int class,
                                                                         uintptr_t ip,
                                                                         const char *format, ...);
