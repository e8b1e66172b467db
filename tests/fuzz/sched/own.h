// SPDX-License-Identifier: ISC
/*
 * What each task of a program has of its own, and nobody else touches: a work item and a timer that
 * go on by themselves for a while, a kthread, a preempt notifier, a workqueue; and the signals that
 * it sends.
 */
#pragma once

#include <stdbool.h>

#include "tests/fuzz/sched/plan.h"

struct task;

/* Before each run. */
void own_prepare(unsigned int worker);

/* The own work and timer: `times` more than once. may_sleep: sync. */
void own_queue_work(unsigned int worker, unsigned int times, unsigned int cpu);
void own_cancel_work(unsigned int worker, unsigned int form);
void own_start_timer(unsigned int worker, unsigned int times);
void own_cancel_timer(unsigned int worker);

/* FUZZ_TASK_NOTIFIER, _KTHREAD, _PARK. Count 0. */
void own_begin_notifier(unsigned int worker);
void own_end_notifier(unsigned int worker);
void own_begin_kthread(unsigned int worker, unsigned int form, unsigned int cpu);
void own_end_kthread(unsigned int worker);
void own_begin_parking(unsigned int worker);
void own_end_parking(unsigned int worker);

/* Makes a workqueue, uses it, and destroys it. */
void own_use_workqueue(unsigned int worker, unsigned int form);

/* At rest: nothing of it goes on. */
void own_check(unsigned int worker);
