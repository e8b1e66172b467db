// SPDX-License-Identifier: ISC
/*
 * What tasks of a program tell each other: posts to objects, and to tasks that sleep, on many ways
 * (by a timer, an interrupt, a work item, ...), and the waits for them. A post is one token, and a
 * wait takes one, so that no wakeup may be lost, and none may come twice.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/fuzz/sched/plan.h"

struct task;

/* In boot(), in a task that may sleep. */
void message_boot(void);

/* Before each run. waiters_move: message_move_waiters() will be called in it. */
void message_prepare(bool waiters_move);

/* Who sleeps in message_sleep(), as worker `number`; NULL: not yet. */
void message_set_worker(unsigned int number, struct task *task);

/* Posts to an object, or (PLAN_OBJECT_COUNT + n) wakes worker n. way: any. */
void message_post(unsigned int target, unsigned int way, unsigned int cpu);

/* Has a completion on the own stack completed on this way, and waits for it. Count 0. */
void message_ask(unsigned int way, unsigned int cpu, unsigned int form);

/* complete_all(), and a wait for it; surely: it has come, or will. */
void message_complete_all(void);
void message_wait_for_all(unsigned int form, bool surely);

/* Waits for a post to the object. surely: there is one, or will be; else for a moment only. */
void message_wait(unsigned int object, unsigned int form, bool surely);

/* The same for a wakeup of current, which is this worker. */
void message_sleep(unsigned int worker, unsigned int form, bool surely);

/* Has waiters of the first futex wait for the second; wakes so many before. Any context but NMI. */
void message_move_waiters(unsigned int wakes);

/* An NMI for this cpu, as posts use it. */
void message_send_nmi(unsigned int cpu);

/* At rest: every post has arrived. */
void message_check(void);
