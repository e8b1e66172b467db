// SPDX-License-Identifier: ISC
/*
 * A preempt notifier that looks, at each of its calls, whether everything is as it is to be there:
 * the context, who runs, where it is in the run queue, and that out and in follow each other, a
 * pair for each switch of the task. As a vcpu does, it has a place on the cpu while it is in.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/preempt_notifier.h"

struct explore_scenario;

struct probe {
	struct preempt_notifier notifier;
	struct task *task;
	unsigned int outs;
	unsigned int ins;
	uint64_t switches; /* of the task, when it was registered */
	void (*in)(void);  /* called at the end of sched_in, if set; the same for the other */
	void (*out)(void);
};

/* Current's, from here on; takes the key. Count 0, irqs on. */
void probe_register(struct probe *probe);
void probe_unregister(struct probe *probe);

/* In its own task, or at rest: each out has its in, and its switch; the place is its own. */
void probe_check(const struct probe *probe);

/* The probe that is in on this cpu, or NULL. */
const struct probe *probe_on(unsigned int cpu);

/*
 * scenario.h's, and in each run every interrupt is looked at: before sched_in nothing is there, and
 * the task itself has not gone on. Prints how many calls of sched_in and such windows there were.
 */
void probe_must_hold(const struct explore_scenario *scenario);
void probe_must_hold_within(const struct explore_scenario *scenario, unsigned int deviations);
void probe_must_survive(const struct explore_scenario *scenario, uint64_t runs);
void probe_must_catch(const struct explore_scenario *scenario, const char *bug, const char *words);

/* In the runs of the last of these: sched_in was called; an interrupt came before it. */
bool probe_was_called(void);
void probe_must_have_hit(void);
