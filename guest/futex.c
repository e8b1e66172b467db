// SPDX-License-Identifier: ISC
/*
 * Waiters stand in a bucket, chosen by the hash of their word's key, on their own stacks. Whoever
 * takes one off stores its `bucket` as NULL last: then it may be gone.
 *
 * A bucket's count saves wakers the lock. Waiter: count up, full barrier, read the word. Waker:
 * write the word, full barrier, read the count. So the waiter reads the new word, or the waker sees
 * the waiter.
 */
#include "guest/futex.h"

#include <stddef.h>

#include "guest/bug.h"
#include "guest/errno.h"
#include "guest/list.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/spinlock.h"
#include "guest/task.h"
#include "guest/wake_q.h"

#define BUCKET_BITS  4
#define BUCKET_COUNT (1u << BUCKET_BITS)

/* Two keys are one futex if they are equal. */
struct futex_key {
	const void *space; /* NULL: the kernel's */
	uintptr_t address; /* in it */
};

struct bucket {
	struct atomic waiters; /* in the chain, or on their way in */
	struct raw_spinlock lock;
	struct list chain;
};

struct waiter {
	struct list node;
	struct task *task;
	struct futex_key key; /* this and bucket: under the bucket's lock */
	struct atomic_ptr bucket;
	uint32_t bitset;
};

#define BUCKET(n)                                                               \
	{                                                                       \
		.lock = RAW_SPINLOCK_INIT, .chain = LIST_INIT(buckets[n].chain) \
	}

static struct bucket buckets[BUCKET_COUNT] = {
	BUCKET(0),  BUCKET(1),  BUCKET(2),  BUCKET(3),  BUCKET(4),  BUCKET(5),
	BUCKET(6),  BUCKET(7),  BUCKET(8),  BUCKET(9),  BUCKET(10), BUCKET(11),
	BUCKET(12), BUCKET(13), BUCKET(14), BUCKET(15),
};

static struct futex_key
key_of(const struct atomic *word)
{
	return (struct futex_key){ .address = (uintptr_t)word };
}

static bool
is_same_key(const struct futex_key *a, const struct futex_key *b)
{
	return a->space == b->space && a->address == b->address;
}

/* Fibonacci hashing of what varies. */
static struct bucket *
bucket_of(const struct futex_key *key)
{
	uint64_t hash = (key->address >> 2 ^ (uintptr_t)key->space) * 0x9e3779b97f4a7c15ull;

	return &buckets[hash >> (64 - BUCKET_BITS)];
}

/* ---- the count ---- */

static void
count_up(struct bucket *bucket)
{
	if (bug(FUTEX_COUNT_UNORDERED)) {
		atomic_store(&bucket->waiters, atomic_load(&bucket->waiters) + 1);
		return;
	}
	atomic_fetch_add(&bucket->waiters, 1); /* a full barrier; pairs with is_awaited() */
}

static void
count_down(struct bucket *bucket)
{
	uint32_t waiters = atomic_fetch_sub(&bucket->waiters, 1);

	ASSERT(waiters != 0);
}

static bool
is_awaited(const struct bucket *bucket)
{
	if (!bug(FUTEX_WAKE_UNORDERED)) {
		smp_mb(); /* the caller's word before the count; pairs with count_up() */
	}
	return atomic_load(&bucket->waiters) != 0;
}

unsigned int
futex_waiter_count(void)
{
	unsigned int count = 0;

	for (unsigned int n = 0; n < BUCKET_COUNT; n++) {
		count += atomic_load(&buckets[n].waiters);
	}
	return count;
}

/* ---- waiting ---- */

/*
 * Into the bucket, with the state set, if the word is what is expected. The state is set before
 * anybody can find the waiter, and the lock orders it for whoever does.
 */
static int
enqueue(struct waiter *waiter, const struct atomic *word, uint32_t expected)
{
	struct bucket *bucket = bucket_of(&waiter->key);
	bool counts_late = bug(FUTEX_COUNT_LATE);

	if (!counts_late) {
		count_up(bucket);
	}
	raw_spin_lock_irq(&bucket->lock);
	if (atomic_load(word) != expected) {
		raw_spin_unlock_irq(&bucket->lock);
		if (!counts_late) {
			count_down(bucket);
		}
		return -EAGAIN;
	}
	if (counts_late) {
		count_up(bucket);
	}
	set_current_state(TASK_INTERRUPTIBLE);
	list_add_tail(&bucket->chain, &waiter->node);
	atomic_store(&waiter->bucket, bucket);
	raw_spin_unlock_irq(&bucket->lock);
	return 0;
}

static void
remove_locked(struct bucket *bucket, struct waiter *waiter)
{
	ASSERT(raw_spin_is_locked(&bucket->lock));
	list_remove(&waiter->node);
	count_down(bucket);
}

/* Takes it off, wherever it was moved to; returns false if a waker has. */
static bool
dequeue(struct waiter *waiter)
{
	for (;;) { /* bounded: a turn for each time that it is moved */
		struct bucket *bucket =
			atomic_load_acquire(&waiter->bucket); /* pairs with take() */
		bool stayed;

		if (bucket == NULL) {
			return false;
		}
		raw_spin_lock_irq(&bucket->lock);
		stayed = atomic_load(&waiter->bucket) == bucket || bug(FUTEX_MOVE_UNSEEN);
		if (stayed) {
			remove_locked(bucket, waiter);
		}
		raw_spin_unlock_irq(&bucket->lock);
		if (stayed) {
			return true;
		}
	}
}

int
futex_wait(const struct atomic *word, uint32_t expected, uint32_t bitset, int64_t timeout_ns)
{
	struct waiter waiter = { .task = current, .key = key_of(word), .bitset = bitset };

	might_sleep();
	if (bitset == 0) {
		return -EINVAL;
	}
	list_init(&waiter.node);
	for (;;) { /* bounded: a turn for each wakeup by somebody else */
		int error = enqueue(&waiter, word, expected);

		if (error != 0) {
			return error;
		}
		timeout_ns = schedule_timeout(timeout_ns);
		if (!dequeue(&waiter)) {
			return 0; /* whatever came besides: the wakeup is ours */
		}
		if (timeout_ns == 0) {
			return -ETIMEDOUT;
		}
		if (signal_pending(current)) {
			return -EINTR;
		}
		waiter.key = key_of(word); /* it may have been moved */
	}
}

/* ---- waking ---- */

/* Off the bucket, for a wakeup after the lock. The task may go on, and end, at the last store. */
static void
take(struct bucket *bucket, struct waiter *waiter, struct wake_q_head *wakes)
{
	struct task *task = waiter->task;

	if (!bug(FUTEX_TASK_UNHELD)) {
		task_get(task);
	}
	remove_locked(bucket, waiter);
	atomic_store_release(&waiter->bucket, NULL); /* pairs with dequeue() */
	wake_q_add(wakes, task);
	if (!bug(FUTEX_TASK_UNHELD)) {
		task_put(task);
	}
}

/* The next of this key and set behind node, or NULL. */
static struct waiter *
next_locked(struct bucket *bucket, const struct list *node, const struct futex_key *key,
            uint32_t bitset)
{
	for (node = node->next; node != &bucket->chain; node = node->next) {
		struct waiter *waiter = container_of(node, struct waiter, node);

		if (is_same_key(&waiter->key, key) && (waiter->bitset & bitset)) {
			return waiter;
		}
	}
	return NULL;
}

/* The first `count` at most. */
static unsigned int
take_some_locked(struct bucket *bucket, const struct futex_key *key, unsigned int count,
                 uint32_t bitset, struct wake_q_head *wakes)
{
	unsigned int taken = 0;
	struct waiter *waiter;

	while (taken < count) { /* bounded: the waiters */
		waiter = next_locked(bucket, &bucket->chain, key, bitset);
		if (waiter == NULL) {
			break;
		}
		take(bucket, waiter, wakes);
		taken++;
	}
	return taken;
}

int
futex_wake(const struct atomic *word, unsigned int count, uint32_t bitset)
{
	struct futex_key key = key_of(word);
	struct bucket *bucket = bucket_of(&key);
	struct wake_q_head wakes;
	unsigned int woken;
	unsigned long flags;

	ASSERT(!in_nmi());
	if (bitset == 0) {
		return -EINVAL;
	}
	if (!is_awaited(bucket)) {
		return 0;
	}
	wake_q_init(&wakes);
	flags = raw_spin_lock_irqsave(&bucket->lock);
	woken = take_some_locked(bucket, &key, count, bitset, &wakes);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	wake_up_q(&wakes);
	return (int)woken;
}

/* ---- moving ---- */

/* irqs off. */
static void
lock_both(struct bucket *from, struct bucket *to)
{
	raw_spin_lock(from <= to ? &from->lock : &to->lock);
	if (from != to) {
		raw_spin_lock(from <= to ? &to->lock : &from->lock);
	}
}

static void
unlock_both(struct bucket *from, struct bucket *to)
{
	raw_spin_unlock(&from->lock);
	if (from != to) {
		raw_spin_unlock(&to->lock);
	}
}

/* A waiter that wakes meanwhile finds itself in the one bucket or in the other. */
static void
move(struct bucket *from, struct bucket *to, struct waiter *waiter, const struct futex_key *key)
{
	waiter->key = *key;
	list_remove(&waiter->node);
	list_add_tail(&to->chain, &waiter->node);
	if (!bug(FUTEX_MOVE_UNCOUNTED)) {
		count_down(from);
		count_up(to);
	}
	atomic_store(&waiter->bucket, to);
}

static unsigned int
move_some_locked(struct bucket *from, struct bucket *to, const struct futex_key *key,
                 const struct futex_key *new_key, unsigned int count)
{
	struct list *before = &from->chain;
	unsigned int moved = 0;

	while (moved < count) { /* bounded: the waiters */
		struct waiter *waiter = next_locked(from, before, key, FUTEX_BITSET_MATCH_ANY);

		if (waiter == NULL) {
			break;
		}
		before = waiter->node.prev;
		move(from, to, waiter, new_key);
		moved++;
	}
	return moved;
}

/*
 * The target's bucket is counted up from the start: who has been woken here and at once wakes for
 * the target waits for the lock, and finds who was moved (69cd9eba3886). expected: NULL for any.
 */
static int
requeue(const struct atomic *word, const struct atomic *target, unsigned int wakes,
        unsigned int moves, const uint32_t *expected)
{
	struct futex_key key = key_of(word);
	struct futex_key new_key = key_of(target);
	struct bucket *from = bucket_of(&key);
	struct bucket *to = bucket_of(&new_key);
	struct wake_q_head woken;
	int count = -EAGAIN;
	unsigned long flags;

	ASSERT(!in_nmi());
	wake_q_init(&woken);
	if (!bug(FUTEX_TARGET_UNCOUNTED)) {
		count_up(to);
	}
	preempt_disable();
	flags = arch_irq_save();
	lock_both(from, to);
	if (expected == NULL || atomic_load(word) == *expected) {
		count = (int)take_some_locked(from, &key, wakes, FUTEX_BITSET_MATCH_ANY, &woken);
		if (!is_same_key(&key, &new_key)) {
			count += (int)move_some_locked(from, to, &key, &new_key, moves);
		}
	}
	unlock_both(from, to);
	arch_irq_restore(flags);
	preempt_enable(); /* last: a request may have come meanwhile */
	if (!bug(FUTEX_TARGET_UNCOUNTED)) {
		count_down(to);
	}
	wake_up_q(&woken);
	return count;
}

int
futex_requeue(const struct atomic *word, const struct atomic *target, unsigned int wakes,
              unsigned int moves)
{
	return requeue(word, target, wakes, moves, NULL);
}

int
futex_cmp_requeue(const struct atomic *word, const struct atomic *target, unsigned int wakes,
                  unsigned int moves, uint32_t expected)
{
	return requeue(word, target, wakes, moves, &expected);
}
