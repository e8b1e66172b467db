// SPDX-License-Identifier: ISC
/*
 * The urgent task: more important than all that runs on cpu 0 beside it, asleep there until
 * somebody wakes it, and asleep again when it has run. Where it runs, there was a switch.
 */
#pragma once

#include "guest/task.h"

extern struct task *urgent;
extern unsigned int urgent_runs;

/* In boot(), before the tasks that it overtakes. */
void urgent_boot(void);

/*
 * In boot(), under the model full: body on cpu 0, where the urgent task is ready and nobody has
 * asked yet (urgent_make_ready()), against a request from cpu 1.
 */
void urgent_boot_asked(void (*body)(void *));

/* A task's body: wakes the urgent task from scenario_gate() on, and stops. */
void urgent_wake(void *unused);

/* It becomes runnable on this cpu, but no request is left. Interrupts are off. */
void urgent_make_ready(void);

bool urgent_ran(void);

/* On cpu 0: a remote request's interrupt has been taken, and the request is still there. */
bool urgent_overslept(void);

/* In check(): it has run once, or at most once, and every cpu halts. */
void urgent_check_once(void);
void urgent_check_at_most_once(void);
