// SPDX-License-Identifier: ISC
/*
 * Taking and releasing: what a task holds, and what is asked of each lock that it takes. Order as
 * in Linux: twice, usage, wait type, then the edges from what is held already.
 *
 * A task's locks are its own, with irqs off. What was learned is read without the graph's lock,
 * which only the first of a kind takes.
 */
#include "guest/lockdep.h"

#include "guest/atomic.h"
#include "guest/bug.h"
#include "guest/lockdep_internal.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/task.h"

#include "arch_lockdep.h"

static bool is_off;
static struct atomic graph_lock;

/* Of a table that was full: to be said where no lock is held. */
static const char *full_table;
static unsigned int full_count;

void
lockdep_graph_lock(void)
{
	arch_lockdep_lock(&graph_lock);
}

void
lockdep_graph_unlock(void)
{
	arch_lockdep_unlock(&graph_lock);
}

void
lockdep_stop(void)
{
	is_off = true;
}

bool
lockdep_is_on(void)
{
	return !is_off;
}

void
lockdep_give_up(unsigned int count, const char *what)
{
	full_table = what;
	full_count = count;
	lockdep_stop();
}

/* The console's lock may be what was taken: only the caller's own disable is in force. */
static void
say_why_off(void)
{
	const char *what = full_table;

	if (what != NULL && preempt_count() <= PREEMPT_DISABLE_OFFSET) {
		full_table = NULL;
		printk("lockdep off: %u %s are too few\n", full_count, what);
	}
}

/* ---- what current is ---- */

static uint8_t
context_of(uint32_t count)
{
	return count & HARDIRQ_MASK ? 2 : count & SOFTIRQ_OFFSET ? 1 : 0;
}

/*
 * In an interrupt a lock is waited for, where a reader that is not recursive waits like a writer;
 * with interrupts on it is held, where all readers are alike.
 */
static inline unsigned int
bit_of(const struct held_lock *lock, unsigned int state, bool irqs_on)
{
	bool read = irqs_on ? lock->read != LOCKDEP_WRITE : lock->read == LOCKDEP_READ_RECURSIVE;

	return state * USE_STATE_BITS + (irqs_on ? 2 : 0) + read;
}

/* Each lock is marked once: it is no longer held with them off then. */
__attribute__((noinline)) void
lockdep_mark_held(struct lockdep_task *self, bool softirqs_on)
{
	for (unsigned int n = 0; n < self->depth; n++) {
		struct held_lock *lock = &self->held[n];

		if (lock->irqs_off) {
			lock->irqs_off = false;
			lockdep_mark(lock, bit_of(lock, 0, true));
		}
		if (lock->softirqs_off && softirqs_on) {
			lock->softirqs_off = false;
			lockdep_mark(lock, bit_of(lock, 1, true));
		}
	}
}

/* Linux marks a trylock for what can interrupt it, but not for where it is: it waits for nobody. */
static inline uint32_t
usage_of(const struct held_lock *lock, uint32_t count)
{
	uint32_t usage = lock->read != LOCKDEP_WRITE ? USE_AT_ALL_READ : USE_AT_ALL;

	if (!lock->trylock && !bug(LOCKDEP_IRQ_USE_UNSEEN)) {
		if (count & HARDIRQ_MASK) {
			usage |= 1u << bit_of(lock, 0, false);
		}
		if (count & SOFTIRQ_OFFSET) {
			usage |= 1u << bit_of(lock, 1, false);
		}
	}
	if (!lock->irqs_off) {
		usage |= 1u << bit_of(lock, 0, true);
	}
	if (!lock->softirqs_off) {
		usage |= 1u << bit_of(lock, 1, true);
	}
	return usage;
}

static inline void
mark_usage(const struct held_lock *lock, uint32_t count)
{
	uint32_t unknown = usage_of(lock, count) & ~lock_classes[lock->class].usage;

	for (; __builtin_expect(unknown != 0, 0); unknown &= unknown - 1) {
		lockdep_mark(lock, (unsigned int)__builtin_ctz(unknown));
	}
}

/* ---- what is asked of a lock ---- */

/* Returns whether it is a recursion that is allowed. */
static bool
check_twice(const struct lockdep_task *self, const struct held_lock *next)
{
	bool recursion = false;

	for (unsigned int n = 0; n < self->depth; n++) {
		const struct held_lock *prev = &self->held[n];

		if (prev->class == next->class && !next->trylock) {
			if (next->read != LOCKDEP_READ_RECURSIVE || prev->read == LOCKDEP_WRITE) {
				lockdep_report_twice(prev, next);
			}
			recursion = true;
		}
	}
	return recursion;
}

/* Locks of the interrupted code are no business of the interrupt's. */
static unsigned int
first_of_context(const struct lockdep_task *self, uint8_t context)
{
	unsigned int first = self->depth;

	while (first != 0 && self->held[first - 1].context == context) {
		first--;
	}
	return first;
}

static void
check_nesting(const struct lockdep_task *self, const struct held_lock *next)
{
	const struct held_lock *under = NULL;
	uint8_t outer = lock_classes[next->class].wait_outer;
	uint8_t inner = next->context == 0                    ? LD_WAIT_MAX
	                : next->context == 2 && self->raw_irq ? LD_WAIT_SPIN
	                                                      : LD_WAIT_CONFIG;

	if (outer == LD_WAIT_INV || next->trylock) {
		return;
	}
	for (unsigned int n = first_of_context(self, next->context); n < self->depth; n++) {
		uint8_t held = lock_classes[self->held[n].class].wait_inner;

		if (held != LD_WAIT_INV && held < inner) {
			under = &self->held[n];
			inner = held;
		}
	}
	if (outer > inner && !bug(LOCKDEP_NESTING_UNSEEN)) {
		lockdep_report_nesting(next, under, inner);
	}
}

/*
 * To the nearest lock that was waited for: it has edges from those before it. A trylock has none,
 * so those behind it are asked too.
 */
static void
add_edges(const struct lockdep_task *self, const struct held_lock *next)
{
	unsigned int first = first_of_context(self, next->context);

	for (unsigned int n = self->depth; n != first; n--) {
		lockdep_add_edge(&self->held[n - 1], next);
		if (!self->held[n - 1].trylock) {
			return;
		}
	}
}

/* An NMI does not wait for what it may have interrupted: Linux's verify_lock_unused(). */
static void
check_in_nmi(const struct lockdep_map *map, unsigned int subclass, struct held_lock next)
{
	uint32_t bad = USE_AT_ALL | (next.read != LOCKDEP_READ_RECURSIVE ? USE_AT_ALL_READ : 0);

	next.class = (uint8_t)lockdep_known_class(map, subclass);
	if (!next.trylock && (lock_classes[next.class].usage & bad)) {
		lockdep_report_nmi(&next);
	}
}

/* ---- what has been asked before ---- */

/*
 * Whoever holds the same locks in the same ways, and takes the same in the same way, is answered as
 * the one before: nothing that was learned is ever forgotten. Linux's chain cache.
 */
#define CHAINS_MAX 128u /* a power of two */
#define CHAIN_MIX  0x9e3779b97f4a7c15ull

static uint64_t known_chains[CHAINS_MAX] LOCKDEP_TABLE; /* 0: none */

void
lockdep_forget_chains(void)
{
	for (unsigned int n = 0; n < CHAINS_MAX; n++) {
		known_chains[n] = 0;
	}
}

void
lockdep_each_chain_table(void (*each)(void *start, size_t size))
{
	each(known_chains, sizeof(known_chains));
}

/* Everything that an answer depends on, but what is held: it is in the key before. */
static inline uint64_t
chain_with(uint64_t before, const struct lockdep_task *self, uint32_t how, uint32_t count)
{
	uint64_t where = (uint64_t)(count & (HARDIRQ_MASK | SOFTIRQ_OFFSET)) << 40;

	where |= (uint64_t)self->raw_irq << 52 | 1ull << 60;
	before = (before ^ how ^ where) * CHAIN_MIX;
	return before ^ before >> 32;
}

static inline uint64_t *
chain_place(uint64_t chain)
{
	return &known_chains[chain % CHAINS_MAX];
}

/* One from the middle is gone: what was asked of those behind it does not hold for what is left. */
static void
rechain(struct lockdep_task *self, struct held_lock *from)
{
	for (; from != &self->held[self->depth]; from++) {
		uint64_t before = from == self->held ? 0 : from[-1].chain;

		from->chain = (before ^ from->class ^ (uint64_t)from->read << 8 ^
		               (uint64_t)from->trylock << 10) *
		                      CHAIN_MIX |
		              1;
	}
}

static __attribute__((noinline)) void
ask(const struct lockdep_task *self, const struct held_lock *next, uint32_t count)
{
	mark_usage(next, count);
	check_nesting(self, next);
	if (!check_twice(self, next) && !next->trylock) {
		add_edges(self, next);
	}
}

/* Asks of next, which may stand behind those that are held. false: it cannot be noted down. */
static inline __attribute__((always_inline)) bool
check(struct lockdep_task *self, struct held_lock *next, struct held_lock taken,
      unsigned int subclass, uint32_t count)
{
	struct lockdep_map *map = (struct lockdep_map *)taken.map;
	uint64_t before = self->depth != 0 ? self->held[self->depth - 1].chain : 0;
	unsigned int class = subclass < LOCKDEP_CACHED ? map->classes[subclass] : 0;

	if (__builtin_expect(class == 0, 0)) {
		class = lockdep_class_of(map, subclass);
		if (class == 0) {
			return false;
		}
	}
	if (!taken.irqs_off && self->depth != 0) {
		lockdep_mark_held(self, !taken.softirqs_off);
	}
	taken.class = class & 0xff;
	taken.chain = chain_with(before, self, taken.how, count);
	*next = taken;
	if (*chain_place(taken.chain) != taken.chain) {
		ask(self, next, count);
		*chain_place(taken.chain) = taken.chain;
	}
	return true;
}

static inline __attribute__((always_inline)) void
acquire(struct lockdep_task *self, struct held_lock taken, unsigned int subclass, uint32_t count)
{
	if (self->depth == LOCKDEP_DEPTH_MAX) {
		lockdep_give_up(LOCKDEP_DEPTH_MAX, "locks held by a task");
	} else if (check(self, &self->held[self->depth], taken, subclass, count)) {
		self->depth++;
	}
}

void
lock_acquire(struct lockdep_map *map, unsigned int subclass, bool trylock, enum lockdep_read read,
             uintptr_t ip)
{
	unsigned long flags = arch_lockdep_enter();
	bool irqs_on = arch_lockdep_irqs_on(flags);
	struct task *task = current;

	if (!is_off && task != NULL) { /* before the first task there is nobody to wait for */
		uint32_t count = preempt_count();
		struct held_lock taken = {
			.map = map,
			.ip = ip != 0 ? ip : (uintptr_t)__builtin_return_address(0),
			.read = (uint8_t)read,
			.context = context_of(count),
			.trylock = trylock,
			.irqs_off = !irqs_on,
			.softirqs_off = !irqs_on || (count & SOFTIRQ_MASK),
		};

		if (__builtin_expect(count & NMI_MASK, 0)) {
			check_in_nmi(map, subclass, taken);
		} else {
			acquire(&task->lockdep, taken, subclass, count);
		}
	}
	arch_lockdep_exit(flags);
	if (__builtin_expect(full_table != NULL, 0)) {
		say_why_off();
	}
}

/* Who waits holds nothing that an interrupt could want: as if interrupts were off. */
void
lock_sync(struct lockdep_map *map, uintptr_t ip)
{
	unsigned long flags = arch_lockdep_enter();
	struct task *task = current;

	if (!is_off && task != NULL && !(preempt_count() & NMI_MASK)) {
		uint32_t count = preempt_count();
		struct held_lock next;
		struct held_lock taken = {
			.map = map,
			.ip = ip != 0 ? ip : (uintptr_t)__builtin_return_address(0),
			.read = LOCKDEP_WRITE,
			.context = context_of(count),
			.irqs_off = true,
			.softirqs_off = true,
		};

		check(&task->lockdep, &next, taken, 0, count);
	}
	arch_lockdep_exit(flags);
}

/* ---- releasing ---- */

/* The newest, of this context only: an interrupt does not release what it interrupted. */
static struct held_lock *
find_held(struct lockdep_task *self, const struct lockdep_map *map, uint8_t context)
{
	for (unsigned int n = self->depth; n != 0; n--) {
		struct held_lock *lock = &self->held[n - 1];

		if (lock->context != context) {
			return NULL;
		}
		if (lock->map == map) {
			return lock;
		}
	}
	return NULL;
}

static void
release(struct lockdep_task *self, const struct lockdep_map *map, uintptr_t ip, uint32_t count,
        bool irqs_on)
{
	struct held_lock *lock = find_held(self, map, context_of(count));

	if (lock == NULL) {
		lockdep_report_held(lockdep_known_class(map, 0), ip, "is released, and not held");
	}
	if (irqs_on) {
		lockdep_mark_held(self, !(count & SOFTIRQ_MASK));
	}
	self->depth--;
	if (__builtin_expect(lock != &self->held[self->depth], 0)) {
		struct held_lock *gap = lock;

		for (; lock != &self->held[self->depth]; lock++) {
			*lock = lock[1];
		}
		rechain(self, gap);
	}
}

void
lock_release(struct lockdep_map *map, uintptr_t ip)
{
	unsigned long flags = arch_lockdep_enter();
	struct task *task = current;
	uint32_t count = preempt_count();

	if (!is_off && task != NULL && !(count & NMI_MASK)) {
		release(&task->lockdep, map, ip != 0 ? ip : (uintptr_t)__builtin_return_address(0),
		        count, arch_lockdep_irqs_on(flags));
	}
	arch_lockdep_exit(flags);
}
