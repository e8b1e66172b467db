// SPDX-License-Identifier: ISC
/*
 * Tasks that do what the operations of an input say, on the simulated machine. What each operation
 * gives depends on the input alone, whatever the schedule and the model.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/preempt_model.h"
#include "tests/fuzz/sched/plan.h"

struct task;

/* host_boot()'s: what an image has. */
void program_boot_image(void);

/* The program of the next runs. */
void program_load(const struct fuzz_input *input);

/* Before each run (host_prepare): the model, and the tasks that are there from the start. */
void program_prepare(void);
void program_set_model(enum fuzz_model model);

/* At rest (host_inspect): all has been done, and as often as the plan says. */
void program_check(void);

/* After a run: what each operation gave, 0 for those that were not done. */
const uint8_t *program_results(unsigned int *count);
const struct plan *program_plan(void);

/* For operations. program_start(): creates the worker (class and cpus: see FUZZ_TASK_CLASS). */
void program_start(unsigned int number, unsigned int class, unsigned int cpus);
struct task *program_task(unsigned int number); /* NULL: not created yet */
uint64_t program_cpus_of(unsigned int mask);    /* all, where none of these is online */
enum preempt_model program_model(void);         /* that the run began with */
