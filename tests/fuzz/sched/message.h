// SPDX-License-Identifier: ISC
/*
 * Posts (token.h) on their ways: by a timer, an interrupt, a work item, ... Each arrives, and once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/fuzz/sched/plan.h"

/* In boot(), in a task that may sleep. */
void message_boot(void);

/* Posts to an object, or (PLAN_OBJECT_COUNT + n) wakes worker n. way: any. */
void message_post(unsigned int target, unsigned int way, unsigned int cpu);

/* Has fn(arg) called, on this way: never by the caller itself. fn: any context but NMI. */
void message_call(void (*fn)(void *arg), void *arg, unsigned int way, unsigned int cpu);

/* An NMI for this cpu, as posts use it. */
void message_send_nmi(unsigned int cpu);

/* At rest: every post has arrived. */
void message_check(void);
