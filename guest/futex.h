// SPDX-License-Identifier: ISC
/*
 * The futex core: tasks wait for a wakeup of a word's address as long as the word has the value
 * that they expect. Linux's kernel/futex, without priority inheritance; timeouts are relative, in
 * ns.
 *
 * A waker changes the word, then calls futex_wake(): a waiter that read the old value is found, and
 * one that comes later reads the new one. Wakers of words that nobody waits for take no lock.
 *
 * Lock order: bucket, of two the lower address first; then task->pi_lock. Wakeups are made after
 * the buckets' locks.
 */
#pragma once

#include <stdint.h>

#include "guest/atomic.h"
#include "guest/sleep.h"

#define FUTEX_BITSET_MATCH_ANY UINT32_MAX

/*
 * Waits for a wakeup of word, whose set has a bit of this one, while it is `expected`. Returns 0 if
 * woken; -EAGAIN if the word is another; -EINTR for a signal; -ETIMEDOUT after timeout_ns
 * (MAX_SCHEDULE_TIMEOUT: none); -EINVAL for an empty set. Count 0, irqs on.
 */
int futex_wait(const struct atomic *word, uint32_t expected, uint32_t bitset, int64_t timeout_ns);

/*
 * Wakes `count` waiters of word at most whose set has a bit of this one, in the order in which they
 * came. A full barrier behind what the caller stored. Returns how many, or -EINVAL for an empty
 * set. Any context but NMI.
 */
int futex_wake(const struct atomic *word, unsigned int count, uint32_t bitset);

/*
 * Wakes `wakes` waiters of word at most, and lets as many as `moves` of the others wait for target
 * instead. Returns how many it woke and moved. Any context but NMI.
 */
int futex_requeue(const struct atomic *word, const struct atomic *target, unsigned int wakes,
                  unsigned int moves);

/* The same if the word is still `expected`, else returns -EAGAIN. */
int futex_cmp_requeue(const struct atomic *word, const struct atomic *target, unsigned int wakes,
                      unsigned int moves, uint32_t expected);

/* Waiters in all buckets, when nobody comes or goes. Any context. */
unsigned int futex_waiter_count(void);
