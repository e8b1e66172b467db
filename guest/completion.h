// SPDX-License-Identifier: ISC
/*
 * Completions: a count of things done, and the tasks that wait for one. Linux's
 * include/linux/completion.h, with timeouts in ns. Lock order: completion->lock, then
 * task->pi_lock.
 *
 * A completion may live on the stack of the one task that waits for it: when the wait returns that
 * it was done, complete() has finished with it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/list.h"
#include "guest/spinlock.h"

struct completion {
	struct raw_spinlock lock;
	uint32_t done;       /* completed and not yet waited for; UINT32_MAX: for ever */
	struct list waiters; /* in the order in which they came */
};

#define COMPLETION_INIT(name)                                                              \
	{                                                                                  \
		.lock = RAW_SPINLOCK_INIT, .done = 0, .waiters = LIST_INIT((name).waiters) \
	}

#define DECLARE_COMPLETION(name) struct completion name = COMPLETION_INIT(name)

/* Nothing done, nobody waits. Before first use. */
void init_completion(struct completion *completion);

/* Nothing done, again: nobody waits or completes meanwhile. */
void reinit_completion(struct completion *completion);

/* One more is done: wakes the first waiter. Any context but NMI. */
void complete(struct completion *completion);

/* Everything is done, for ever: wakes all; every wait returns at once. Any context but NMI. */
void complete_all(struct completion *completion);

/* Sleeps until one is done, and takes it. May sleep. */
void wait_for_completion(struct completion *completion);

/* The same until a signal comes, or a fatal one. Returns 0 or -EINTR; one that is done is taken. */
int wait_for_completion_interruptible(struct completion *completion);
int wait_for_completion_killable(struct completion *completion);

/* The same with a timeout: returns 0 if it has passed, else what is left, at least 1. */
int64_t wait_for_completion_timeout(struct completion *completion, int64_t timeout_ns);

/* Returns what the former returns, or -EINTR. */
int64_t wait_for_completion_interruptible_timeout(struct completion *completion,
                                                  int64_t timeout_ns);
int64_t wait_for_completion_killable_timeout(struct completion *completion, int64_t timeout_ns);

/* Takes one if it is done; returns whether it did. Any context but NMI. */
bool try_wait_for_completion(struct completion *completion);

/* Is there one that nobody has taken yet? Any context but NMI. */
bool completion_done(struct completion *completion);
