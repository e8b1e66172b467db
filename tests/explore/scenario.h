// SPDX-License-Identifier: ISC
/*
 * What scenarios begin with, and what their tests say in the end.
 */
#pragma once

#include "guest/preempt_model.h"
#include "guest/task.h"
#include "tests/explore/explore.h"

/* In boot(): a task that only this cpu runs. */
struct task *scenario_task(unsigned int cpu, void (*fn)(void *), void *arg);

/* The same with a FIFO priority. */
struct task *scenario_fifo_task(unsigned int cpu, uint8_t priority, void (*fn)(void *), void *arg);

/* In boot(): a name for the task and what others see of it, in what is told of a run. */
void scenario_name_task(struct task *task, const char *name);

/* In boot(): names for the run queues and idle tasks of the first `cpus` cpus. */
void scenario_name_cpus(unsigned int cpus);

/* host_gate(). A bug of scenario_must_catch_late() is there from here on. */
void scenario_gate(void);

/* The current task sleeps; the run fails if somebody wakes it. */
_Noreturn void scenario_sleep(void);

/* On cpu 0: until it has taken every interrupt that is pending there. Interrupts are on. */
void scenario_take_interrupts(void);

/* A task's body: from the gate on, asks cpu 0 for a reschedule, and stops. */
void scenario_ask(void *unused);

/* Without PREEMPT_COUNT the kernel is not preempted: it has no model that does it. */
bool scenario_has_model(enum preempt_model model);

/* A task has come as far as it was to come. */
void scenario_done(void);

/*
 * In check(): so many tasks have, every cpu halts (scenario_check_quiet: or polls), and no request
 * is left behind.
 */
void scenario_check_at_rest(unsigned int wanted);
void scenario_check_quiet(unsigned int wanted);

/*
 * Explores everything; fails the test, with the replay, if a run fails or the space is not
 * exhausted (other builds than the folded one may stop earlier, see scenario.c). Prints the number
 * of runs, and a failing one as a picture (picture.h).
 */
void scenario_must_hold(const struct explore_scenario *scenario, uint64_t limit);

/* The same within a number of deviations. */
void scenario_must_hold_within(const struct explore_scenario *scenario, unsigned int deviations,
                               uint64_t limit);

/* Did the last of these meet every run? Where not, a window may not have been hit. */
bool scenario_was_exhausted(void);

/*
 * `runs` random runs, and as many by priorities: fails the test if one fails. Proves nothing more.
 */
void scenario_must_survive(const struct explore_scenario *scenario, uint64_t runs);

/*
 * A mutant: fails the test unless a run fails with a reason that contains these words, and fails
 * alike when its string, made shorter, is replayed. The environment's EXPLORE_TELL asks for more:
 * timeline (the picture), steps (each transition), all.
 */
void scenario_must_fail(const struct explore_scenario *scenario, const char *words, uint64_t limit);

/* The same within a number of deviations. */
void scenario_must_fail_within(const struct explore_scenario *scenario, const char *words,
                               unsigned int deviations, uint64_t limit);

/* A mutant, of all runs: the scenario with this seeded bug, as bug= takes it, switched on. */
void scenario_must_catch(const struct explore_scenario *scenario, const char *bug,
                         const char *words, uint64_t limit);

/* The same within a number of deviations. */
void scenario_must_catch_within(const struct explore_scenario *scenario, unsigned int deviations,
                                const char *bug, const char *words, uint64_t limit);

/*
 * The same for a bug with which the scenario would not even boot: it is switched on in
 * scenario_gate().
 */
void scenario_must_catch_late(const struct explore_scenario *scenario, const char *bug,
                              const char *words, uint64_t limit);
