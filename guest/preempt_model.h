// SPDX-License-Identifier: ISC
/*
 * The preemption models: one policy word, consulted at named points. Follows Linux 6.18's
 * PREEMPT_DYNAMIC, whose static calls are the bits of this word.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "shared/trace_abi.h"

/* The models, in the order of their names; the value is Linux's. */
enum preempt_model {
	PREEMPT_NONE,
	PREEMPT_VOLUNTARY,
	PREEMPT_FULL,
	PREEMPT_MODEL_COUNT,
};

extern const char *const preempt_model_names[PREEMPT_MODEL_COUNT];

/* The bits of the policy word: which points may switch. */
#define POLICY_COND_RESCHED     0x01u /* cond_resched() */
#define POLICY_MIGHT_RESCHED    0x02u /* might_sleep() */
#define POLICY_PREEMPT_SCHEDULE 0x04u /* preempt_enable() */
#define POLICY_IRQ_RETURN       0x08u /* interrupt and exception return to the kernel */

/* Its bits 8-15: the model that those belong to, or that it changes. */
#define POLICY_MODEL_SHIFT 8
#define POLICY_IN_TRANSIT  0xffu

/*
 * The policy word. A point reads it once, so that a switch of the model falls before its decision
 * or after. Any context.
 */
uint32_t preempt_policy(void);

/*
 * Does the model of this word let the running kernel be preempted for this reason? The oracle of
 * each preemption: it looks at the model, not at the bits. Any context.
 */
bool preempt_policy_allows(uint32_t policy, enum sched_reason reason);

/* The model of the latest change, the one under way included. Any context. */
enum preempt_model preempt_model(void);

/*
 * Switches the model: first everything is enabled, then what the new one does not want is disabled,
 * so that no state lacks both cond_resched and preemption. Of several callers at once the last
 * one's stays. Task context.
 */
void preempt_model_set(enum preempt_model model);

/* Switches from the one that is to the one behind it, from the last to the first. Returns the new.
 */
enum preempt_model preempt_model_set_next(void);
