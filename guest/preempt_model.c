// SPDX-License-Identifier: ISC
/*
 * The preemption models: which points of the kernel may switch under which. The policy word is read
 * at the points (preempt.c) and written here only, under a lock, so that two changes at once do not
 * mix. The models' names are in preempt_names.c.
 */
#include "guest/preempt_model.h"

#include "guest/atomic.h"
#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/spinlock.h"
#include "guest/trace.h"

/* While the model changes: every point is open. */
#define POLICY_ALL                                                              \
	(POLICY_COND_RESCHED | POLICY_MIGHT_RESCHED | POLICY_PREEMPT_SCHEDULE | \
	 POLICY_IRQ_RETURN | POLICY_IN_TRANSIT << POLICY_MODEL_SHIFT)

#define POLICY_FULL (POLICY_PREEMPT_SCHEDULE | POLICY_IRQ_RETURN)

static const uint32_t model_policies[PREEMPT_MODEL_COUNT] = {
	[PREEMPT_NONE] = POLICY_COND_RESCHED,
	[PREEMPT_VOLUNTARY] = POLICY_COND_RESCHED | POLICY_MIGHT_RESCHED,
	[PREEMPT_FULL] = POLICY_FULL,
};

static struct atomic policy_now = ATOMIC_INIT(POLICY_FULL | PREEMPT_FULL << POLICY_MODEL_SHIFT);

/* Linux takes a mutex here; nothing in our change of the model sleeps. */
static struct raw_spinlock change_lock = RAW_SPINLOCK_INIT;

static struct atomic model_now = ATOMIC_INIT(PREEMPT_FULL); /* written under change_lock */

uint32_t
preempt_policy(void)
{
	return atomic_load(&policy_now);
}

enum preempt_model
preempt_model(void)
{
	return (enum preempt_model)atomic_load(&model_now);
}

/* Written from the table of models in words, not from the bits, so that each checks the other. */
bool
preempt_policy_allows(uint32_t policy, enum sched_reason reason)
{
	uint32_t model = policy >> POLICY_MODEL_SHIFT;

	if (model == POLICY_IN_TRANSIT) {
		return true;
	}
	switch (reason) {
	case SCHED_REASON_COND_RESCHED:
		return model == PREEMPT_NONE || model == PREEMPT_VOLUNTARY;
	case SCHED_REASON_MIGHT_SLEEP:
		return model == PREEMPT_VOLUNTARY;
	case SCHED_REASON_PREEMPT_ENABLE:
	case SCHED_REASON_IRQ_RETURN:
		return model == PREEMPT_FULL;
	default:
		return false; /* no preemption, but a decision of the task itself */
	}
}

static void
set_locked(enum preempt_model model)
{
	enum preempt_model old = preempt_model();

	ASSERT(raw_spin_is_locked(&change_lock));
	atomic_store_mb(&policy_now, POLICY_ALL);
	atomic_store(&model_now, model);
	atomic_store_mb(&policy_now, model_policies[model] | model << POLICY_MODEL_SHIFT |
	                                     (bug(MIGHT_SLEEP_IN_NONE) ? POLICY_MIGHT_RESCHED : 0));
	trace(TRACE_model_switch, model, old);
}

void
preempt_model_set(enum preempt_model model)
{
	ASSERT(in_task());
	ASSERT(model < PREEMPT_MODEL_COUNT);
	raw_spin_lock(&change_lock);
	set_locked(model);
	raw_spin_unlock(&change_lock);
}

enum preempt_model
preempt_model_set_next(void)
{
	enum preempt_model next;

	ASSERT(in_task());
	raw_spin_lock(&change_lock);
	next = (enum preempt_model)((preempt_model() + 1) % PREEMPT_MODEL_COUNT);
	set_locked(next);
	raw_spin_unlock(&change_lock);
	return next;
}
