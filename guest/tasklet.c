// SPDX-License-Identifier: ISC
/*
 * Whoever sets SCHED puts the tasklet into this cpu's list, once; whoever takes it from there sets
 * RUN before it looks whether it is disabled, as whoever disables it counts before he looks at RUN:
 * one of the two sees the other.
 */
#include "guest/tasklet.h"

#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/percpu.h"
#include "guest/preempt.h"
#include "guest/softirq.h"
#include "guest/wait.h"

#define TASKLET_SCHED 0x1u
#define TASKLET_RUN   0x2u

/* In the order in which they were scheduled. irqs off. */
struct tasklet_list {
	struct tasklet *first;
	struct tasklet *last; /* if there is a first */
};

static DEFINE_PER_CPU(struct tasklet_list, normal_tasklets);
static DEFINE_PER_CPU(struct tasklet_list, hi_tasklets);

static DECLARE_WAIT_QUEUE_HEAD(waiters); /* for a bit of any tasklet to be clear */

void
tasklet_setup(struct tasklet *tasklet, void (*fn)(struct tasklet *tasklet))
{
	*tasklet = (struct tasklet){ .callback = fn };
}

/* ---- scheduling ---- */

static void
append(struct tasklet_list *list, struct tasklet *tasklet)
{
	tasklet->next = NULL;
	if (list->first == NULL) {
		list->first = tasklet;
	} else {
		list->last->next = tasklet;
	}
	list->last = tasklet;
}

/* The list is a per-CPU variable's. */
static void
schedule_on(struct tasklet_list *lists, enum softirq nr, struct tasklet *tasklet)
{
	unsigned long flags;

	ASSERT(!in_nmi());
	if (atomic_fetch_or(&tasklet->state, TASKLET_SCHED) & TASKLET_SCHED) {
		return;
	}
	flags = arch_irq_save();
	append(this_cpu_ptr(lists), tasklet);
	raise_softirq_irqoff(nr);
	arch_irq_restore(flags);
}

void
tasklet_schedule(struct tasklet *tasklet)
{
	schedule_on(&normal_tasklets, TASKLET_SOFTIRQ, tasklet);
}

void
tasklet_hi_schedule(struct tasklet *tasklet)
{
	schedule_on(&hi_tasklets, HI_SOFTIRQ, tasklet);
}

/* ---- running ---- */

/* A full barrier, behind which the waiters are looked for: pairs with the state of their sleep. */
static void
clear(struct tasklet *tasklet, uint32_t bit)
{
	if (bug(TASKLET_CLEAR_UNORDERED)) {
		atomic_store(&tasklet->state, atomic_load(&tasklet->state) & ~bit);
	} else {
		atomic_fetch_and(&tasklet->state, ~bit);
	}
	if (waitqueue_active(&waiters)) {
		wake_up_all(&waiters);
	}
}

/* It may be gone at return. */
static bool
try_to_run(struct tasklet *tasklet)
{
	bool disabled = bug(TASKLET_COUNT_FIRST) && atomic_load(&tasklet->count) != 0;

	if ((atomic_fetch_or(&tasklet->state, TASKLET_RUN) & TASKLET_RUN) &&
	    !bug(TASKLET_REENTERS)) {
		return false;
	}
	if (!bug(TASKLET_COUNT_FIRST)) {
		disabled = atomic_load(&tasklet->count) != 0;
	}
	if (!disabled) {
		if (!bug(TASKLET_SCHED_LATE)) {
			clear(tasklet, TASKLET_SCHED); /* before it looks at what is to be done */
		}
		tasklet->callback(tasklet);
		if (bug(TASKLET_SCHED_LATE)) {
			clear(tasklet, TASKLET_SCHED);
		}
	}
	clear(tasklet, TASKLET_RUN);
	return !disabled;
}

static bool
is_running(struct tasklet *tasklet)
{
	return atomic_load_acquire(&tasklet->state) & TASKLET_RUN;
}

/* For the next round; whoever runs it, or has it disabled, may need a while. */
static void
put_back(struct tasklet_list *lists, enum softirq nr, struct tasklet *tasklet)
{
	arch_irq_disable();
	append(this_cpu_ptr(lists), tasklet);
	__raise_softirq_irqoff(nr);
	arch_irq_enable();
	if (is_running(tasklet) || atomic_load(&tasklet->count) != 0) {
		arch_cpu_relax();
	}
}

static void
run_list(struct tasklet_list *lists, enum softirq nr)
{
	struct tasklet_list *list = this_cpu_ptr(lists);
	struct tasklet *next;

	arch_irq_disable();
	next = list->first;
	list->first = NULL;
	arch_irq_enable();
	while (next != NULL) { /* bounded: the list's length */
		struct tasklet *tasklet = next;

		next = tasklet->next;
		if (!try_to_run(tasklet)) {
			put_back(lists, nr, tasklet);
		}
	}
}

static void
run_normal(void)
{
	run_list(&normal_tasklets, TASKLET_SOFTIRQ);
}

static void
run_hi(void)
{
	run_list(&hi_tasklets, HI_SOFTIRQ);
}

void
tasklet_init(void)
{
	open_softirq(TASKLET_SOFTIRQ, run_normal);
	open_softirq(HI_SOFTIRQ, run_hi);
}

/* ---- waiting ---- */

void
tasklet_disable_nosync(struct tasklet *tasklet)
{
	atomic_fetch_add(&tasklet->count, 1);
}

void
tasklet_disable(struct tasklet *tasklet)
{
	might_sleep();
	tasklet_disable_nosync(tasklet);
	if (!bug(TASKLET_DISABLE_EARLY)) {
		wait_event(waiters, !is_running(tasklet));
	}
}

void
tasklet_disable_in_atomic(struct tasklet *tasklet)
{
	ASSERT(!in_serving_softirq());
	tasklet_disable_nosync(tasklet);
	while (is_running(tasklet) && !bug(TASKLET_DISABLE_EARLY)) { /* bounded: it ends */
		arch_cpu_relax();
	}
}

void
tasklet_enable(struct tasklet *tasklet)
{
	uint32_t count = atomic_fetch_sub(&tasklet->count, 1);

	ASSERT(count != 0);
}

/* Who has SCHED keeps others from scheduling it: us, until it does not run. */
void
tasklet_kill(struct tasklet *tasklet)
{
	might_sleep();
	wait_event(waiters, !(atomic_fetch_or(&tasklet->state, TASKLET_SCHED) & TASKLET_SCHED));
	if (!bug(TASKLET_KILL_EARLY)) {
		wait_event(waiters, !is_running(tasklet));
	}
	clear(tasklet, TASKLET_SCHED);
}
