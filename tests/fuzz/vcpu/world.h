// SPDX-License-Identifier: ISC
/*
 * A virtual machine, the tasks that run its vcpus (runners), those that do what an input tells to
 * them (workers), and the driver, who starts all, waits for the workers, and ends the machine: so
 * every run comes to its end, with arch_exit().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/fuzz/vcpu/exits.h"

#define WORLD_WORKERS 3u
#define WORLD_TASKS   (EXITS_VCPUS + WORLD_WORKERS) /* runners first */

/* The machine, in a run. */
extern struct vm *world_vm;

/* By number of the vcpu, then workers; they stay until the run's end. */
extern struct task *world_tasks[WORLD_TASKS];

/* A seeded bug for all runs to come (bug_choose()), or NULL. Before the boot. */
extern const char *world_bug;

/* For schedule_boot(). */
void world_boot(void);
_Noreturn void world_idle(void);

/* Reads the operations. model: enum preempt_model. Between runs. */
void world_load(const struct fuzz_input *input, unsigned int model);

/* For schedule_run(). */
void world_prepare(void);

/* Has this task begin, by its number, if it has not. Task context. */
void world_start(unsigned int n);

/* An NMI's handler. */
void world_take_nmi(void);
