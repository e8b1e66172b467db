// SPDX-License-Identifier: ISC
#include "tests/fuzz/sched/misuse.h"

#include <stddef.h>
#include <string.h>

#include "guest/arch.h"
#include "guest/irq_work.h"
#include "guest/lockdep.h"
#include "guest/preempt.h"
#include "guest/preempt_notifier.h"
#include "guest/sched.h"
#include "guest/sleep.h"
#include "guest/spinlock.h"
#include "guest/task.h"
#include "tests/fuzz/sched/program.h"
#include "tests/host/machine.h"

#define SLEEPS   4u
#define DELAY_NS 1000u
#define DISABLES 250u /* more than fit */

static const char *expected; /* words of the report; NULL: nothing was done wrong */

static HOST_STATE DEFINE_RAW_SPINLOCK(lock_a);
static HOST_STATE DEFINE_RAW_SPINLOCK(lock_b);
static HOST_STATE DEFINE_RAW_SPINLOCK(lock_c);
static HOST_STATE struct lockdep_map sleeping = LOCKDEP_MAP_INIT("sleeping", LD_WAIT_SLEEP);
static HOST_STATE struct irq_work irq_work;
static HOST_STATE struct preempt_notifier notifier;

/* ---- the count ---- */

static void
disable_too_often(void)
{
	arch_irq_disable();
	for (unsigned int n = 0; n < DISABLES; n++) {
		preempt_disable();
	}
}

static void
enable_at_zero(void)
{
	arch_irq_disable();
	preempt_enable_no_resched();
}

/* ---- notifiers ---- */

static void
change_list(struct preempt_notifier *self, struct task *next)
{
	(void)next;
	preempt_notifier_unregister(self);
}

static void
see_in(struct preempt_notifier *self, unsigned int cpu)
{
	(void)self;
	(void)cpu;
}

static void
see_out(struct preempt_notifier *self, struct task *next)
{
	(void)self;
	(void)next;
}

static const struct preempt_ops quiet = { see_in, see_out };
static const struct preempt_ops changing = { see_in, change_list };

static void
begin_notifier(const struct preempt_ops *ops)
{
	preempt_notifier_init(&notifier, ops);
	preempt_disable();
	preempt_notifier_register(&notifier);
	preempt_enable();
}

/* Where another has the key, there is nothing wrong. */
static void
register_without_key(void)
{
	begin_notifier(&quiet);
}

static void
change_in_call(void)
{
	preempt_notifier_inc();
	begin_notifier(&changing);
	for (unsigned int n = 0; n < SLEEPS; n++) { /* the time may be over before the switch */
		schedule_timeout_uninterruptible(DELAY_NS << n);
	}
}

static void
end_with_notifier(void *unused)
{
	(void)unused;
	preempt_notifier_inc();
	begin_notifier(&quiet);
}

static void
have_one_end(void)
{
	task_join(task_run(&(struct task_params){ .comm = "misuser", .fn = end_with_notifier }));
}

/* ---- locks ---- */

static void
nest(struct raw_spinlock *outer, struct raw_spinlock *inner)
{
	raw_spin_lock(outer);
	raw_spin_lock(inner);
	raw_spin_unlock(inner);
	raw_spin_unlock(outer);
}

static void
lock_in_circles(void)
{
	nest(&lock_a, &lock_b);
	nest(&lock_b, &lock_c);
	nest(&lock_c, &lock_a);
}

static void
sleep_under_raw(void)
{
	raw_spin_lock(&lock_a);
	lock_map_acquire(&sleeping);
}

static void
lock_in_irq(struct irq_work *unused)
{
	(void)unused;
	raw_spin_lock(&lock_a);
	raw_spin_unlock(&lock_a);
}

/* In this order: else the interrupt, which the report is to save from that, would spin for ever. */
static void
lock_with_irqs_on(void)
{
	init_irq_work(&irq_work, lock_in_irq);
	irq_work_queue(&irq_work);
	irq_work_sync(&irq_work);
	raw_spin_lock(&lock_a);
	raw_spin_unlock(&lock_a);
}

/* ---- all ---- */

static const struct misuse {
	void (*commit)(void);
	const char *words;
} misuses[] = {
	{ enable_at_zero, "underflows: preempt - 1" },
	{ disable_too_often, "overflows: preempt + 1" },
	{ have_one_end, "ends with a preempt notifier" },
	{ change_in_call, "in a call of the list" },
	{ register_without_key, "without the key" },
	{ lock_in_circles, "possible deadlock: lock_a is taken under lock_c here" },
	{ sleep_under_raw, "wrong nesting: sleeping" },
	{ lock_with_irqs_on, "possible deadlock: lock_a is taken with interrupts on here" },
};

void
misuse_commit(unsigned int form)
{
	const struct misuse *misuse = &misuses[form % (sizeof(misuses) / sizeof(misuses[0]))];

	if (misuse->commit == register_without_key && program_plan()->has[FUZZ_TASK_NOTIFIER]) {
		misuse = &misuses[0];
	}
	expected = misuse->words;
	misuse->commit();
	host_fail("a misuse is not reported as %s", misuse->words);
}

bool
misuse_is_reported(const char *reason)
{
	return expected != NULL && strstr(reason, expected) != NULL &&
	       strstr(reason, "not reported") == NULL;
}

void
misuse_prepare(void)
{
	expected = NULL;
}
