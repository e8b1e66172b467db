// SPDX-License-Identifier: ISC
/*
 * The preemption models: which points of the kernel may switch under which. The policy word is read
 * at the points (preempt.c) and written here only, under a lock, so that two changes at once do not
 * mix. The models' names are in preempt_names.c.
 */
#include "guest/preempt_model.h"
#include "guest/preempt_policy.h"

#include "guest/atomic.h"
#include "guest/bug.h"
#include "guest/errno.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/spinlock.h"
#include "guest/trace.h"

/* While the model changes: every point is open, and whoever asks asks at once. */
#define POLICY_ALL                                                              \
	(POLICY_COND_RESCHED | POLICY_MIGHT_RESCHED | POLICY_PREEMPT_SCHEDULE | \
	 POLICY_IRQ_RETURN | POLICY_IN_TRANSIT << POLICY_MODEL_SHIFT)

#define POLICY_VOLUNTARY (POLICY_COND_RESCHED | POLICY_MIGHT_RESCHED)
#define POLICY_FULL      (POLICY_PREEMPT_SCHEDULE | POLICY_IRQ_RETURN)

static const uint32_t model_policies[PREEMPT_MODEL_COUNT] = {
	[PREEMPT_NONE] = POLICY_COND_RESCHED,
	[PREEMPT_VOLUNTARY] = POLICY_VOLUNTARY,
	[PREEMPT_FULL] = POLICY_FULL,
	[PREEMPT_LAZY] = POLICY_FULL | POLICY_LAZY,
};

struct atomic preempt_policy_now = ATOMIC_INIT(
	CONFIG_PREEMPT_COUNT ? POLICY_FULL | PREEMPT_FULL << POLICY_MODEL_SHIFT
			     : POLICY_VOLUNTARY | PREEMPT_VOLUNTARY << POLICY_MODEL_SHIFT);

/* Linux takes a mutex here; nothing in our change of the model sleeps. */
static DEFINE_RAW_SPINLOCK(change_lock);

static struct atomic model_now = ATOMIC_INIT(
	CONFIG_PREEMPT_COUNT ? PREEMPT_FULL : PREEMPT_VOLUNTARY); /* written under change_lock */

enum preempt_model
preempt_model(void)
{
	return (enum preempt_model)atomic_load(&model_now);
}

/* Mistakes in a column of the table. */
static uint32_t
seed(enum preempt_model model, uint32_t policy)
{
	if (bug(MIGHT_SLEEP_IN_NONE)) {
		policy |= POLICY_MIGHT_RESCHED;
	}
	if (bug(IRQ_RETURN_IN_VOLUNTARY) && model == PREEMPT_VOLUNTARY) {
		policy |= POLICY_IRQ_RETURN;
	}
	if (bug(COND_RESCHED_IN_FULL) && model == PREEMPT_FULL) {
		policy |= POLICY_COND_RESCHED;
	}
	if (bug(LAZY_IRQ_RETURN_OFF) && model == PREEMPT_LAZY) {
		policy &= ~POLICY_IRQ_RETURN;
	}
	return policy;
}

static void
set_locked(enum preempt_model model)
{
	enum preempt_model old = preempt_model();

	ASSERT(raw_spin_is_locked(&change_lock));
	/* Both into one word, so in this order for everybody; a point that comes late meets the
	 * old. */
	atomic_store(&preempt_policy_now,
	             bug(DISABLE_FIRST) ? POLICY_IN_TRANSIT << POLICY_MODEL_SHIFT : POLICY_ALL);
	atomic_store(&model_now, model);
	atomic_store(&preempt_policy_now,
	             seed(model, model_policies[model]) | model << POLICY_MODEL_SHIFT);
	trace(TRACE_model_switch, model, old);
}

/* On the way out of the kernel every model looks. */
#define OUTWARD                                                                      \
	[SCHED_REASON_SYSCALL_RETURN] = true, [SCHED_REASON_USER_IRQ_RETURN] = true, \
	[SCHED_REASON_GUEST_ENTRY] = true

/* Of table B3 in words, not of the policy bits: so each checks the other. */
const bool preempt_point_switches[PREEMPT_MODEL_COUNT][SCHED_REASON_COUNT] = {
	[PREEMPT_NONE] = { OUTWARD, [SCHED_REASON_COND_RESCHED] = true },
	[PREEMPT_VOLUNTARY] = { OUTWARD, [SCHED_REASON_COND_RESCHED] = true,
	                        [SCHED_REASON_MIGHT_SLEEP] = true },
	[PREEMPT_FULL] = { OUTWARD, [SCHED_REASON_PREEMPT_ENABLE] = true,
	                   [SCHED_REASON_IRQ_RETURN] = true },
	[PREEMPT_LAZY] = { OUTWARD, [SCHED_REASON_PREEMPT_ENABLE] = true,
	                   [SCHED_REASON_IRQ_RETURN] = true },
};

/* What preempts anywhere must know where it may not. */
static bool
is_possible(enum preempt_model model)
{
	return CONFIG_PREEMPT_COUNT || !preempt_model_preempts(model);
}

int
preempt_model_set(enum preempt_model model)
{
	ASSERT(in_task());
	ASSERT(model < PREEMPT_MODEL_COUNT);
	if (!is_possible(model)) {
		return -EINVAL;
	}
	raw_spin_lock(&change_lock);
	set_locked(model);
	raw_spin_unlock(&change_lock);
	return 0;
}

enum preempt_model
preempt_model_set_next(void)
{
	enum preempt_model next;

	ASSERT(in_task());
	raw_spin_lock(&change_lock);
	next = preempt_model();
	do { /* bounded: the models, of which none is always possible */
		next = (enum preempt_model)((next + 1) % PREEMPT_MODEL_COUNT);
	} while (!is_possible(next));
	set_locked(next);
	raw_spin_unlock(&change_lock);
	return next;
}
