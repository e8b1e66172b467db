// SPDX-License-Identifier: ISC
/*
 * What the kernel's own events promise (shared/trace_abi.h): who asks for a switch, how, and for
 * whom; and that no switch leaves softirqs to a ksoftirqd that sleeps. Looked at where an event is
 * traced; no point of the machine.
 */
#pragma once

#include <stdbool.h>

/*
 * Before each run. strict: nothing in it asks for a switch but wakeups and ticks: no change of a
 * task or of the model, and no resched_cpu().
 */
void promises_prepare(bool strict);

/* Around sched_tick(), irqs off: a request is promoted by the tick behind the one that made it. */
void promises_begin_tick(void);
void promises_end_tick(void);

/* set_user_nice(): asks at once, also under lazy. */
struct task;
void promises_renice(struct task *task, int nice);

/* While it goes these steps the architecture vetoes preemption by interrupts. Task context, irqs
 * on. */
void promises_veto(unsigned int steps);

/* Sets whether threads serve softirqs: of a run where they ever did idle may wake them. */
void promises_force_threads(bool forced);
