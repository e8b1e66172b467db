// SPDX-License-Identifier: ISC
/*
 * What is wrong with a run, whatever it was to do. Beside the kernel's own assertions: requests
 * that are not answered, tasks that wait although they go before who runs, and what is left behind
 * at the end. None of it can be wrong under some schedule of a right kernel.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "shared/trace_abi.h"

/* Before each run (host_prepare). uses_rcu: the run has readers or updaters of RCU. */
void oracle_prepare(bool uses_rcu);

/* Of each event that is traced: its second argument. */
void oracle_see(enum trace_event event, uint64_t b);

/* In a task, where it is about to do something else. No point. */
void oracle_look(void);

/* At rest (host_inspect), first: every cpu halts, in its idle task. */
void oracle_check_halted(void);

/* At rest (host_inspect), when the tasks of the run are gone: nothing is left behind. */
void oracle_check(void);

/*
 * In ring 3, no point: what stands there although an interrupt is to come, or should have been done
 * on the way. works_are_certain: nobody is about to add one.
 */
void oracle_look_in_user(bool works_are_certain);

/* In ring 3: makes this system call, without arguments; lazy requests do not survive that. */
void oracle_look_around(uint64_t number);
