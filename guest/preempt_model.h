// SPDX-License-Identifier: ISC
/*
 * The preemption models, and the change from one to another. Follows Linux 6.18's PREEMPT_DYNAMIC.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The models, in the order of their names; the value is Linux's. */
enum preempt_model {
	PREEMPT_NONE,
	PREEMPT_VOLUNTARY,
	PREEMPT_FULL,
	PREEMPT_LAZY,
	PREEMPT_MODEL_COUNT,
};

extern const char *const preempt_model_names[PREEMPT_MODEL_COUNT];

/* The model of the latest change, the one under way included. Any context. */
enum preempt_model preempt_model(void);

/* Does the model preempt the kernel wherever nothing forbids it? Any context. */
static inline bool
preempt_model_preempts(enum preempt_model model)
{
	return model == PREEMPT_FULL || model == PREEMPT_LAZY;
}

/*
 * Switches the model: first everything is enabled, then what the new one does not want is disabled,
 * so that no state lacks both cond_resched and preemption. A pending request, lazy or not, crosses
 * the switch. Of several callers at once the last one's stays. Task context. 0, or -EINVAL: without
 * PREEMPT_COUNT there is no full and no lazy.
 */
int preempt_model_set(enum preempt_model model);

/* Switches to the next one that is possible, from the last to the first. Returns the new one. */
enum preempt_model preempt_model_set_next(void);
