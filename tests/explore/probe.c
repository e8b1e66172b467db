// SPDX-License-Identifier: ISC
#include "tests/explore/probe.h"

#include <check.h>
#include <stdio.h>

#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "tests/explore/scenario.h"

#define LIMIT 400000

static unsigned int windows; /* over all runs: interrupts before sched_in */
static unsigned int calls;   /* the same: of sched_in */

static HOST_STATE const struct probe *on[HOST_CPUS_MAX]; /* the oldest of the task's */

static uint64_t
switches_of(const struct task *task)
{
	return task->nvcsw + task->nivcsw;
}

static struct probe *
probe_of(struct preempt_notifier *notifier)
{
	return container_of(notifier, struct probe, notifier);
}

/* Registered before it by the same task, or NULL. */
static const struct probe *
below(const struct probe *probe)
{
	struct preempt_notifier *next = probe->notifier.next;

	return next != NULL ? probe_of(next) : NULL;
}

static const struct probe *
oldest(const struct probe *probe)
{
	while (below(probe) != NULL) { /* bounded: few are registered */
		probe = below(probe);
	}
	return probe;
}

const struct probe *
probe_on(unsigned int cpu)
{
	return on[cpu];
}

static unsigned int
places_of(const struct probe *probe)
{
	unsigned int count = 0;

	for (unsigned int cpu = 0; cpu < HOST_CPUS_MAX; cpu++) {
		count += on[cpu] == probe;
	}
	return count;
}

/* ---- the calls ---- */

static void
check_out(const struct probe *probe, struct task *next)
{
	struct rq *rq = this_cpu_ptr(&runqueue);

	HOST_EXPECT(probe->outs == probe->ins);
	HOST_EXPECT(preempt_count() == FORK_PREEMPT_COUNT);
	HOST_EXPECT(raw_spin_is_locked(&rq->lock));
	HOST_EXPECT(lock_is_held(&rq->lock.dep_map));
	HOST_EXPECT(current == probe->task);
	HOST_EXPECT(next != probe->task);
	HOST_EXPECT(rq->curr == next);
	HOST_EXPECT(atomic_load(&probe->task->on_cpu));
	HOST_EXPECT(!atomic_load(&next->on_cpu));
	HOST_EXPECT(arch_on_stack(probe->task->stack));
	HOST_EXPECT(on[rq->cpu] == oldest(probe));
	HOST_EXPECT(places_of(oldest(probe)) == 1);
	if (below(probe) != NULL && below(probe)->outs != below(probe)->ins) {
		host_fail("%s: sched_out is to be called for the youngest first", current->comm);
	}
}

static void
sched_out(struct preempt_notifier *notifier, struct task *next)
{
	struct probe *probe = probe_of(notifier);
	unsigned long flags = host_step_begin();

	HOST_EXPECT(!(flags & HOST_STEP_IRQS_ON));
	check_out(probe, next);
	probe->outs++;
	HOST_EXPECT(probe->outs == switches_of(probe->task) - probe->switches);
	if (below(probe) == NULL) {
		on[raw_smp_processor_id()] = NULL;
	}
	host_step_end(flags);
	if (probe->out != NULL) {
		probe->out();
	}
}

/* It may run elsewhere meanwhile, and be on its way back: that it is allowed only here says
 * nothing.
 */
static void
check_prev(const struct task *prev)
{
	HOST_EXPECT(prev != current);
	if (atomic_load(&prev->cpu) == raw_smp_processor_id()) {
		HOST_EXPECT(!atomic_load(&prev->on_cpu));
	}
}

static void
check_in(const struct probe *probe, unsigned int cpu)
{
	struct rq *rq = this_cpu_ptr(&runqueue);

	if (below(probe) != NULL && below(probe)->outs == below(probe)->ins) {
		host_fail("%s: sched_in is to be called for the youngest first", current->comm);
	}
	HOST_EXPECT(probe->outs == probe->ins + 1);
	HOST_EXPECT(preempt_count() == PREEMPT_DISABLE_OFFSET);
	HOST_EXPECT(!lock_is_held(&rq->lock.dep_map));
	HOST_EXPECT(current == probe->task);
	HOST_EXPECT(rq->curr == probe->task);
	HOST_EXPECT(atomic_load(&probe->task->on_cpu));
	HOST_EXPECT(cpu == rq->cpu);
	HOST_EXPECT(places_of(oldest(probe)) == 0);
	HOST_EXPECT(on[cpu] == NULL);
	check_prev(host_this->switched_from);
}

static void
sched_in(struct preempt_notifier *notifier, unsigned int cpu)
{
	struct probe *probe = probe_of(notifier);
	unsigned long flags = host_step_begin();

	HOST_EXPECT(flags & HOST_STEP_IRQS_ON);
	check_in(probe, cpu);
	probe->ins++;
	calls++;
	if (below(probe) == NULL) {
		on[cpu] = probe;
	}
	host_step_end(flags);
	if (probe->in != NULL) {
		probe->in();
	}
}

static const struct preempt_ops ops = { .sched_in = sched_in, .sched_out = sched_out };

/* ---- for scenarios ---- */

void
probe_register(struct probe *probe)
{
	preempt_notifier_inc();
	preempt_disable();
	probe->task = current;
	probe->outs = 0;
	probe->ins = 0;
	probe->switches = switches_of(current);
	preempt_notifier_init(&probe->notifier, &ops);
	if (current->preempt_notifiers == NULL) {
		on[smp_processor_id()] = probe;
	}
	preempt_notifier_register(&probe->notifier);
	preempt_enable();
}

void
probe_unregister(struct probe *probe)
{
	preempt_disable();
	HOST_EXPECT(probe->outs == probe->ins);
	preempt_notifier_unregister(&probe->notifier);
	if (current->preempt_notifiers == NULL) {
		on[smp_processor_id()] = NULL;
	}
	preempt_enable();
	preempt_notifier_dec();
}

void
probe_check(const struct probe *probe)
{
	unsigned long flags = host_step_begin();

	HOST_EXPECT(probe->outs == probe->ins);
	HOST_EXPECT(probe->outs == switches_of(probe->task) - probe->switches);
	if (current == probe->task) {
		HOST_EXPECT(on[raw_smp_processor_id()] == oldest(probe));
		HOST_EXPECT(places_of(oldest(probe)) == 1);
	}
	host_step_end(flags);
}

/* ---- what is said of runs ---- */

/* Nothing of the task runs before sched_in: what it does itself has the count 0. */
static void
see_interrupt(unsigned int cpu)
{
	unsigned long flags = host_step_begin();
	const struct probe *probe = NULL;

	if (current->preempt_notifiers != NULL) {
		probe = oldest(probe_of(current->preempt_notifiers));
	}
	if (probe != NULL && probe->outs != probe->ins) {
		HOST_EXPECT(per_cpu(runqueue, cpu).curr == current);
		HOST_EXPECT(on[cpu] == NULL);
		HOST_EXPECT(preempt_count() != 0 || !CONFIG_PREEMPT_COUNT);
		windows++;
	} else if (probe != NULL) {
		HOST_EXPECT(on[cpu] == probe);
	}
	host_step_end(flags);
}

static void
begin(void)
{
	host_interrupt_seen = see_interrupt;
	windows = 0;
	calls = 0;
}

static void
end(void)
{
	host_interrupt_seen = NULL;
	printf("    %u calls of sched_in; window before it: hit %u times\n", calls, windows);
	fflush(stdout);
}

void
probe_must_hold(const struct explore_scenario *scenario)
{
	begin();
	scenario_must_hold(scenario, LIMIT);
	end();
}

void
probe_must_hold_within(const struct explore_scenario *scenario, unsigned int deviations)
{
	begin();
	scenario_must_hold_within(scenario, deviations, LIMIT);
	end();
}

void
probe_must_survive(const struct explore_scenario *scenario, uint64_t runs)
{
	begin();
	scenario_must_survive(scenario, runs);
	end();
}

void
probe_must_catch(const struct explore_scenario *scenario, const char *bug, const char *words)
{
	begin();
	scenario_must_catch(scenario, bug, words, LIMIT);
	host_interrupt_seen = NULL;
}

bool
probe_was_called(void)
{
	return calls != 0;
}

void
probe_must_have_hit(void)
{
	ck_assert(windows != 0 || !scenario_was_exhausted());
}
