// SPDX-License-Identifier: ISC
/*
 * The policy word of the preemption model, consulted at named points: its bits are the static calls
 * of Linux's PREEMPT_DYNAMIC.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/atomic.h"
#include "guest/preempt_model.h"
#include "shared/trace_abi.h"

/* The bits of the policy word: which points may switch, */
#define POLICY_COND_RESCHED     0x01u /* cond_resched() */
#define POLICY_MIGHT_RESCHED    0x02u /* might_sleep() */
#define POLICY_PREEMPT_SCHEDULE 0x04u /* preempt_enable() */
#define POLICY_IRQ_RETURN       0x08u /* interrupt and exception return to the kernel */

/* And how the fair class asks: lazily, Linux's key preempt_lazy. */
#define POLICY_LAZY 0x10u

/* Its bits 8-15: the model that those belong to, or that it changes. */
#define POLICY_MODEL_SHIFT 8
#define POLICY_IN_TRANSIT  0xffu

extern struct atomic preempt_policy_now;

/*
 * The policy word. A point reads it once, so that a switch of the model falls before its decision
 * or after. Any context.
 */
static inline uint32_t
preempt_policy(void)
{
	return atomic_load(&preempt_policy_now);
}

extern const bool preempt_point_switches[PREEMPT_MODEL_COUNT][SCHED_REASON_COUNT];

/*
 * Does the model of this word let the running task be switched away from for this reason, in the
 * kernel or on its way out of it? The oracle of each preemption: it looks at the model, not at the
 * bits. Any context.
 */
static inline bool
preempt_policy_allows(uint32_t policy, enum sched_reason reason)
{
	uint32_t model = policy >> POLICY_MODEL_SHIFT;

	return model == POLICY_IN_TRANSIT || preempt_point_switches[model][reason];
}
