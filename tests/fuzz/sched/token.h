// SPDX-License-Identifier: ISC
/*
 * What tasks of a program wait for: objects of all kinds, and wakeups of their own. A post is one
 * token, and a wait takes one, so that no wakeup may be lost, and none may come twice.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/fuzz/sched/plan.h"

struct completion;
struct task;

/* In boot(), in a task that may sleep. */
void token_boot(void);

/* Before each run. waiters_move: token_move_waiters() will be called in it. */
void token_prepare(bool waiters_move);

/* Who sleeps in token_sleep(), as worker `number`; NULL: not yet. */
void token_set_worker(unsigned int number, struct task *task);

/*
 * Posts to an object, or (PLAN_OBJECT_COUNT + n) wakes worker n. by_queue: of who is to be woken
 * (wake_q.h), or after a look whether anybody waits. Any context but NMI.
 */
void token_post(unsigned int target, bool by_queue);

/* complete_all(), and a wait for it; surely: it has come, or will. */
void token_complete_all(void);
void token_wait_for_all(unsigned int form, bool surely);

/* Waits for a post to the object. surely: there is one, or will be; else for a moment only. */
void token_wait(unsigned int object, unsigned int form, bool surely);

/* The same for a wakeup of current, which is this worker. */
void token_sleep(unsigned int worker, unsigned int form, bool surely);

/* For one that will be completed, in any of four forms. */
void token_wait_for_completion(struct completion *completion, unsigned int form);

/* Has waiters of the first futex wait for the second; wakes so many before. Any context but NMI. */
void token_move_waiters(unsigned int wakes);
