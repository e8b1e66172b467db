// SPDX-License-Identifier: ISC
/*
 * lockdep: the order of locks is learned while they are taken, and what could become a deadlock is
 * reported before it is one. Follows Linux 6.18's kernel/locking/lockdep.c; where Linux warns and
 * goes on, this kernel stops. Images with CONFIG_LOCKDEP have it; in others the map is empty and
 * all this is nothing.
 *
 * A type of lock has a map as member `dep_map`, which its initializer fills (LOCKDEP_MAP_INIT,
 * lockdep_init_map); it calls lock_acquire() before it waits, or after a trylock that succeeded,
 * and lock_release() before it lets go.
 *
 * Locks of one class share their rules. The class is a static lock's own address (for all cpus' of
 * a per-CPU one the same), else the place that initialized it; subclasses tell locks of one class
 * apart that nest in each other.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a lock's waiters wait. What is taken must not be further out than what is held. */
enum lockdep_wait {
	LD_WAIT_INV,    /* not checked */
	LD_WAIT_FREE,   /* not at all: RCU readers */
	LD_WAIT_SPIN,   /* spinning: raw locks */
	LD_WAIT_CONFIG, /* spinning, or sleeping on PREEMPT_RT: spinlock_t */
	LD_WAIT_SLEEP,  /* sleeping: mutexes */
	LD_WAIT_MAX,    /* task context: anything goes */
};

enum lockdep_read {
	LOCKDEP_WRITE,
	LOCKDEP_READ,           /* shared with readers, but behind a writer that waits */
	LOCKDEP_READ_RECURSIVE, /* shared with readers, whoever waits */
};

#define LOCKDEP_SUBCLASSES 8u

#if CONFIG_LOCKDEP

#define LOCKDEP_DEPTH_MAX 16u /* locks that a task holds at a time, interrupts' included */
#define LOCKDEP_CACHED    2u  /* subclasses whose class a map remembers */

/* Its address is what counts. */
struct lock_class_key {
	char unused;
};

struct lockdep_map {
	const char *name;
	const void *key; /* NULL: the own address of a static lock, else the name's */
	uint8_t wait_outer;
	uint8_t wait_inner;
	uint8_t classes[LOCKDEP_CACHED]; /* by subclass; 0: not known yet */
};

struct held_lock {
	const struct lockdep_map *map;
	uintptr_t ip; /* where it was taken */
	union {
		struct {
			uint32_t class : 8;
			uint32_t read : 8;    /* enum lockdep_read */
			uint32_t context : 8; /* 0 task, 1 softirq, 2 hardirq: no order between */
			uint32_t trylock : 1;
			uint32_t irqs_off : 1;     /* since it was taken */
			uint32_t softirqs_off : 1; /* likewise, or irqs off */
			uint32_t unused : 5;       /* 0 */
		};
		uint32_t how; /* all of these */
	};
	uint64_t chain; /* tells what is held up to this one, and how */
};

/* What a task holds, the newest last. Its own; interrupts stack theirs on it. */
struct lockdep_task {
	uint8_t depth;
	bool raw_irq; /* in an interrupt that PREEMPT_RT would not give to a thread */
	struct held_lock held[LOCKDEP_DEPTH_MAX];
};

#define LOCKDEP_STRING_(x) #x
#define LOCKDEP_STRING(x)  LOCKDEP_STRING_(x)

/* The name, and class, of locks that an initializer without a name makes: where it stands. */
#define LOCKDEP_SITE __FILE__ ":" LOCKDEP_STRING(__LINE__)

#define LOCKDEP_MAP_INIT_WAIT(map_name, outer, inner)                            \
	{                                                                        \
		.name = (map_name), .wait_outer = (outer), .wait_inner = (inner) \
	}

/*
 * Before first use; reports a lock that current holds. name and key live for ever. LOCKDEP_INIT
 * makes a key for its place, and names the map by the lock's expression.
 */
void lockdep_init_map(struct lockdep_map *map, const char *name, const struct lock_class_key *key,
                      enum lockdep_wait outer, enum lockdep_wait inner);

/*
 * Takes note of a lock: before the wait for it, or, with trylock, when it is taken. Reports what
 * could become a deadlock. ip: where, for reports; 0: the caller of this. Any context.
 */
void lock_acquire(struct lockdep_map *map, unsigned int subclass, bool trylock,
                  enum lockdep_read read, uintptr_t ip);

/*
 * A wait for whoever holds the map, which current does not take: its order. Task context; ip as
 * above.
 */
void lock_sync(struct lockdep_map *map, uintptr_t ip);

/* A map for what `from` may not outlive: of its class. */
void lockdep_copy_map(struct lockdep_map *to, const struct lockdep_map *from);

/* current's lock is about to be given up. Reports one that it does not hold. Any context. */
void lock_release(struct lockdep_map *map, uintptr_t ip);

/* Does current hold it (and as a writer)? True where lockdep is off, or there is none. */
bool lock_is_held(const struct lockdep_map *map);
bool lock_is_held_write(const struct lockdep_map *map);

/* Panics, naming the map, unless current holds it (write: as a writer), or if it does. */
void lockdep_assert(const struct lockdep_map *map, bool held, bool write);

/*
 * The interrupt's handler is about to run, and has: the same locks are held then. irqs_on: in the
 * interrupted code. threadable: PREEMPT_RT would run it in a thread. irqs off.
 */
unsigned int lockdep_irq_enter(bool irqs_on, bool threadable);
void lockdep_irq_exit(unsigned int entered);

/* Softirqs come on in this task, or one comes: locks taken before are held with softirqs on. */
void lockdep_softirqs_on(void);

/* current is about to sleep by itself: it holds nothing that spins. */
void lockdep_check_sleep(void);

/* current ends, and holds nothing. */
void lockdep_check_exit(void);

/* Nothing that current holds lies in memory that is about to be free. */
void lockdep_check_free(const void *memory, size_t size);

/* Says nothing from now on: the kernel ends. Any context. */
void lockdep_stop(void);

/* What the report that stopped the kernel has to say, and what current holds. After lockdep_stop().
 */
void lockdep_print_last_words(void);

/* The learned order, a line an edge. Task context. */
void lockdep_print_order(void);

/* Calls each() for what the tables hold: nothing else of them is state. */
void lockdep_for_each_table(void (*each)(void *start, size_t size));

/* False since a table was full: lockdep said so, and has been silent since. */
bool lockdep_is_on(void);

#else

struct lock_class_key {
};
struct lockdep_map {
};
struct lockdep_task {
};

#define LOCKDEP_SITE ""

#define LOCKDEP_MAP_INIT_WAIT(map_name, outer, inner) \
	{                                             \
	}

static inline void
lockdep_init_map(struct lockdep_map *map, const char *name, const struct lock_class_key *key,
                 enum lockdep_wait outer, enum lockdep_wait inner)
{
	(void)map, (void)name, (void)key, (void)outer, (void)inner;
}

static inline void
lock_acquire(struct lockdep_map *map, unsigned int subclass, bool trylock, enum lockdep_read read,
             uintptr_t ip)
{
	(void)map, (void)subclass, (void)trylock, (void)read, (void)ip;
}

static inline void
lock_sync(struct lockdep_map *map, uintptr_t ip)
{
	(void)map, (void)ip;
}

static inline void
lockdep_copy_map(struct lockdep_map *to, const struct lockdep_map *from)
{
	(void)to, (void)from;
}

static inline void
lock_release(struct lockdep_map *map, uintptr_t ip)
{
	(void)map, (void)ip;
}

static inline bool
lock_is_held(const struct lockdep_map *map)
{
	(void)map;
	return true;
}

static inline bool
lock_is_held_write(const struct lockdep_map *map)
{
	(void)map;
	return true;
}

static inline void
lockdep_assert(const struct lockdep_map *map, bool held, bool write)
{
	(void)map, (void)held, (void)write;
}

static inline unsigned int
lockdep_irq_enter(bool irqs_on, bool threadable)
{
	(void)irqs_on, (void)threadable;
	return 0;
}

static inline void
lockdep_irq_exit(unsigned int entered)
{
	(void)entered;
}

static inline void
lockdep_softirqs_on(void)
{
}

static inline void
lockdep_check_sleep(void)
{
}

static inline void
lockdep_check_exit(void)
{
}

static inline void
lockdep_check_free(const void *memory, size_t size)
{
	(void)memory, (void)size;
}

static inline void
lockdep_stop(void)
{
}

static inline void
lockdep_print_last_words(void)
{
}

#endif

/* Static initializer of a dep_map whose lock waits in one way, the usual case. */
#define LOCKDEP_MAP_INIT(map_name, wait) LOCKDEP_MAP_INIT_WAIT(map_name, wait, wait)

/* Of a lock in zeroed memory, or after its other members: a class for this place in the source. */
#define LOCKDEP_INIT(lock, wait)                                                      \
	do {                                                                          \
		static struct lock_class_key lockdep_key_;                            \
		lockdep_init_map(&(lock)->dep_map, #lock, &lockdep_key_, wait, wait); \
	} while (0)

#define lock_acquire_exclusive(map, subclass, trylock, ip) \
	lock_acquire(map, subclass, trylock, LOCKDEP_WRITE, ip)
#define lock_acquire_shared(map, subclass, trylock, ip) \
	lock_acquire(map, subclass, trylock, LOCKDEP_READ, ip)
#define lock_acquire_shared_recursive(map, subclass, trylock, ip) \
	lock_acquire(map, subclass, trylock, LOCKDEP_READ_RECURSIVE, ip)

/* Of maps that stand for something that is waited for, and are no locks. Linux's. */
#define lock_map_acquire(map)      lock_acquire(map, 0, false, LOCKDEP_WRITE, 0)
#define lock_map_acquire_read(map) lock_acquire(map, 0, false, LOCKDEP_READ_RECURSIVE, 0)
#define lock_map_release(map)      lock_release(map, 0)
#define lock_map_sync(map)         lock_sync(map, 0)

/* Of anything with a dep_map. */
#define lockdep_assert_held(lock)       lockdep_assert(&(lock)->dep_map, true, false)
#define lockdep_assert_held_write(lock) lockdep_assert(&(lock)->dep_map, true, true)
#define lockdep_assert_not_held(lock)   lockdep_assert(&(lock)->dep_map, false, false)
