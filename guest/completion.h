// SPDX-License-Identifier: ISC
/*
 * Completions: a count of things done, and the tasks that wait for one. Linux's
 * include/linux/completion.h. Lock order: completion->lock, then task->pi_lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/list.h"
#include "guest/spinlock.h"

struct completion {
	struct raw_spinlock lock;
	uint32_t done;       /* completed and not yet waited for */
	struct list waiters; /* in the order in which they came */
};

/* Nothing done, nobody waits. Before first use. */
void init_completion(struct completion *completion);

/* One more is done: wakes the first waiter. Any context but NMI. */
void complete(struct completion *completion);

/* Sleeps until one is done, and takes it. May sleep. */
void wait_for_completion(struct completion *completion);

/* Is there one that nobody has taken yet? Any context but NMI. */
bool completion_done(struct completion *completion);
