// SPDX-License-Identifier: ISC
/*
 * User tasks of programs of their own: each runs a script in ring 3, and whoever started it waits
 * for its end. What they may not do is done, too, and must end as it has to.
 */
#pragma once

#define USERS_SCRIPTS 16u

/*
 * worker: of FUZZ_TASKS_MAX, who calls; script: below USERS_SCRIPTS, an odd one by two tasks of one
 * program. cpus: mask, not 0. Count 0, irqs on.
 */
void users_run(unsigned int worker, unsigned int script, unsigned int steps, unsigned long cpus);
