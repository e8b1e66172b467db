// SPDX-License-Identifier: ISC
/*
 * A sleeper on cpu 0 and who wakes it from cpu 1: bodies for both. Each sleeper is done
 * (scenario_done()) when it was woken, and then stops its cpu.
 */
#pragma once

#include "guest/task.h"

extern struct task *sleeper;
extern struct atomic sleeper_condition;

/* In boot(): both tasks, with names for them and for what their cpus say to each other. */
void sleeper_boot(void (*body)(void *), void (*waker)(void *));

/* From the gate on sleeps until the condition is set, as one should. */
void sleeper_wait(void *unused);

/*
 * The same, but the task ends (its creator's reference keeps it). If it does not come to sleep, its
 * waker's hand may still be out then.
 */
void sleeper_wait_and_end(void *unused);

/*
 * Sleeps once. Its state is set before scenario_gate(), so that the waker always finds it; cpu 0 is
 * on its way to idle.
 */
void sleeper_block(void *unused);

/* From the gate on: sets the condition, and wakes a sleeper that may be awake. */
void sleeper_set_and_wake(void *unused);

/* From scenario_gate() on: wakes a sleeper that must need it. */
void sleeper_wake(void *unused);
