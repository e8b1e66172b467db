// SPDX-License-Identifier: ISC
/*
 * The order of trace records, checked: those of all cpus in one list, from the boot on, when every
 * cpu runs its idle task and no other task is known.
 *
 *  1 A record is of the task that runs on its cpu; a switch names that task's successor.
 *  2 A switch happens with count 2 and interrupts off, and leaves no request behind.
 *  3 Its reason fits the state: who blocks has left RUNNING, who exits is DEAD, who yields would
 *    have blocked in another state than RUNNING; who is preempted may have any but DEAD.
 *  4 A task runs on one cpu only. It is switched in if it was woken since it was new or blocked;
 *    after a preemption no wakeup is needed.
 *  5 Each wakeup has its own waking before it. Nobody wakes the dead.
 *  6 Interrupts end in the order in which they began, and carry a hardirq count.
 */
#pragma once

#include <stddef.h>

#include "shared/trace_abi.h"

#define ORDER_PIDS_MAX 64

/* NULL if all is in order, else what is not; *at is the number of the record. */
const char *order_check(const struct trace_record *records, size_t count, size_t *at);

/* At the end of a recorded run (record_runs): fails it if its records are out of order. */
void order_expect(void);
