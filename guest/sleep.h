// SPDX-License-Identifier: ISC
/*
 * Sleeps with a timeout. Linux's kernel/time/sleep_timeout.c, but in nanoseconds, where Linux
 * counts jiffies.
 */
#pragma once

#include <stdint.h>

#define MAX_SCHEDULE_TIMEOUT INT64_MAX /* no timeout */

/*
 * schedule(), for timeout_ns at most; 0 is a moment. The state is the caller's: with TASK_RUNNING
 * it does not sleep. Returns what is left in ns: 0 if the timeout has passed, MAX_SCHEDULE_TIMEOUT
 * if there was none. Not negative. Count 0, irqs on.
 */
int64_t schedule_timeout(int64_t timeout_ns);

/* The same with current's state set to INTERRUPTIBLE, KILLABLE, UNINTERRUPTIBLE. */
int64_t schedule_timeout_interruptible(int64_t timeout_ns);
int64_t schedule_timeout_killable(int64_t timeout_ns);
int64_t schedule_timeout_uninterruptible(int64_t timeout_ns);
