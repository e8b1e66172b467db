// SPDX-License-Identifier: ISC
/*
 * Preempt notifiers in a storm: on each cpu tasks with one to three of them lose the cpu in every
 * way, move to other cpus, and register anew, while others wake, call and ask for reschedules. Each
 * call looks at its context; each interrupt looks whether it came between a switch and its
 * sched_in. Behind "--": the seed, the rounds of each task, and 1 if such an interrupt must have
 * come.
 */
#include "guest/preempt_notifier.h"

#include <stdbool.h>
#include <stdint.h>

#include "guest/kthread.h"
#include "guest/main.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/smp.h"
#include "guest/smp_call.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "shared/scenario_abi.h"
#include "tests/scenario/seed.h"

#define ROUNDS        60    /* of a task, under each model */
#define SHORT_NS      30000 /* of a sleep */
#define NOTIFIERS_MAX 3
#define TASKS_A_CPU   2
#define TASKS_MAX     (TASKS_A_CPU * CPUS_MAX)

struct probe {
	struct preempt_notifier notifier;
	struct storm *storm;
	uint32_t outs;
	uint32_t ins;
};

/* Its task's; interrupts of its cpu read it. */
struct storm {
	struct probe probes[NOTIFIERS_MAX]; /* in the order in which they were registered */
	unsigned int count;                 /* of those that are */
	struct task *task;
	uint64_t switches; /* of the task, when it registered the first */
	uint32_t random;
	uint64_t pairs;
	uint64_t moves;
};

static uint32_t failures;
static uint32_t rounds;
static struct storm storms[TASKS_MAX];
static struct storm *on[CPUS_MAX]; /* whose sched_in was called, and whose sched_out was not */
static struct atomic storms_left;
static struct atomic windows;
static struct atomic wrong_count;
static const char *wrong; /* the first */

static void
report(bool passed, const char *name)
{
	printk("%s %s (preempt=%s)\n", passed ? "PASS" : "FAIL", name,
	       preempt_model_names[preempt_model()]);
	failures += !passed;
}

static void
note_wrong(const char *what)
{
	if (atomic_fetch_add(&wrong_count, 1) == 0) {
		wrong = what;
	}
}

#define EXPECT(condition) ((condition) ? (void)0 : note_wrong(#condition))

/* ---- the calls ---- */

static uint64_t
switches_of(const struct task *task)
{
	return task->nvcsw + task->nivcsw;
}

/* The last that was registered is called first: those before it in the list have not been yet. */
static void
expect_turn(const struct probe *probe, bool is_out)
{
	const struct storm *storm = probe->storm;
	unsigned int n = (unsigned int)(probe - storm->probes);

	EXPECT(n < storm->count);
	EXPECT(probe->outs - probe->ins == is_out);
	for (unsigned int other = 0; other < storm->count; other++) {
		bool was_called = other > n;

		EXPECT(storm->probes[other].outs - storm->probes[other].ins ==
		       (was_called ? !is_out : is_out));
	}
}

static void
sched_out(struct preempt_notifier *notifier, struct task *next)
{
	struct probe *probe = container_of(notifier, struct probe, notifier);
	struct storm *storm = probe->storm;
	const struct rq *rq = this_cpu_ptr(&runqueue);

	EXPECT(arch_irqs_disabled());
	EXPECT(preempt_count() == FORK_PREEMPT_COUNT);
	EXPECT(raw_spin_is_locked(&rq->lock));
	EXPECT(current == storm->task);
	EXPECT(next != current);
	EXPECT(rq->curr == next);
	EXPECT(atomic_load(&current->on_cpu));
	EXPECT(!atomic_load(&next->on_cpu));
	EXPECT(on[rq->cpu] == storm);
	expect_turn(probe, false);
	probe->outs++;
	if (probe == storm->probes) {
		EXPECT(probe->outs == switches_of(current) - storm->switches);
		on[rq->cpu] = NULL;
	}
}

static void
sched_in(struct preempt_notifier *notifier, unsigned int cpu)
{
	struct probe *probe = container_of(notifier, struct probe, notifier);
	struct storm *storm = probe->storm;

	EXPECT(!arch_irqs_disabled());
	EXPECT(preempt_count() == PREEMPT_DISABLE_OFFSET);
	EXPECT(cpu == smp_processor_id());
	EXPECT(current == storm->task);
	EXPECT(per_cpu(runqueue, cpu).curr == current);
	EXPECT(atomic_load(&current->on_cpu));
	EXPECT(on[cpu] == NULL);
	expect_turn(probe, true);
	if (probe == storm->probes) {
		on[cpu] = storm;
		barrier(); /* an interrupt that does not find it finds that it is out */
		storm->pairs++;
	}
	probe->ins++;
}

static const struct preempt_ops ops = { .sched_in = sched_in, .sched_out = sched_out };

/* In an interrupt; and in the idle loop, which has no notifiers. */
static void
look(struct call_single_data *call)
{
	struct preempt_notifier *notifier = current->preempt_notifiers;
	const struct storm *storm;

	(void)call;
	if (notifier == NULL) {
		return;
	}
	storm = container_of(notifier, struct probe, notifier)->storm;
	if (on[smp_processor_id()] == NULL) {
		EXPECT(storm->probes[0].outs != storm->probes[0].ins);
		EXPECT(preempt_count() & PREEMPT_MASK);
		atomic_fetch_add(&windows, 1);
	} else {
		EXPECT(on[smp_processor_id()] == storm);
	}
}

/* ---- the storm ---- */

static void
register_another(struct storm *storm)
{
	struct probe *probe = &storm->probes[storm->count];

	preempt_disable();
	*probe = (struct probe){ .storm = storm };
	preempt_notifier_init(&probe->notifier, &ops);
	if (storm->count == 0) {
		storm->switches = switches_of(current);
		on[smp_processor_id()] = storm;
	}
	storm->count++;
	barrier(); /* an interrupt finds what the list has */
	preempt_notifier_register(&probe->notifier);
	preempt_enable();
}

static void
unregister_last(struct storm *storm)
{
	struct probe *probe = &storm->probes[storm->count - 1];

	preempt_disable();
	EXPECT(probe->outs == probe->ins);
	preempt_notifier_unregister(&probe->notifier);
	barrier();
	storm->count--;
	if (storm->count == 0) {
		EXPECT(on[smp_processor_id()] == storm);
		on[smp_processor_id()] = NULL;
	}
	preempt_enable();
}

/* Numbers that differ a little from round to round; not shared between tasks. */
static uint32_t
random_next(struct storm *storm)
{
	storm->random = storm->random * 1664525u + 1013904223u;
	return storm->random >> 8;
}

static void
change_list(struct storm *storm)
{
	if (storm->count == NOTIFIERS_MAX || (storm->count > 1 && random_next(storm) % 2)) {
		unregister_last(storm);
	} else {
		register_another(storm);
	}
}

static void
expect_in(const struct storm *storm)
{
	preempt_disable();
	EXPECT(on[smp_processor_id()] == storm);
	EXPECT(storm->probes[0].outs == storm->probes[0].ins);
	preempt_enable();
}

static void
move(struct storm *storm)
{
	unsigned int cpu = random_next(storm) % cpu_count;

	EXPECT(set_cpus_allowed(current, 1ull << cpu) == 0);
	EXPECT(raw_smp_processor_id() == cpu);
	storm->moves++;
}

static void
do_round(struct storm *storm)
{
	switch (random_next(storm) % 8) {
	case 0:
		timer_sleep(SHORT_NS);
		break;
	case 1:
		move(storm);
		break;
	case 2:
		change_list(storm);
		break;
	case 3:
		preempt_disable();
		resched_cpu(smp_processor_id());
		preempt_enable();
		break;
	case 4:
		cond_resched();
		break;
	case 5:
		schedule();
		break;
	default:
		yield();
	}
	expect_in(storm);
}

static void
run_storm(void *arg)
{
	struct storm *storm = arg;

	storm->task = current;
	register_another(storm);
	for (uint32_t n = 0; n < rounds; n++) {
		do_round(storm);
	}
	while (storm->count != 0) { /* bounded: NOTIFIERS_MAX */
		unregister_last(storm);
	}
	EXPECT(current->preempt_notifiers == NULL);
	atomic_fetch_sub(&storms_left, 1);
}

/* Calls and asks every cpu, until the storm is over. */
static void
pester(void *arg)
{
	static struct call_single_data calls[CPUS_MAX][CPUS_MAX];
	unsigned int cpu = (unsigned int)(uintptr_t)arg;

	for (uint32_t n = 0; atomic_load(&storms_left) != 0; n++) { /* bounded: it ends */
		unsigned int target = n % cpu_count;

		calls[cpu][target].fn = look;
		smp_call_function_single_async(target, &calls[cpu][target]);
		if (n % 8 == 0) {
			resched_cpu(target);
		}
		if (n % 4 == 0) {
			timer_sleep(SHORT_NS);
		} else {
			yield();
		}
	}
}

static struct task *
start(void (*fn)(void *), void *arg, const char *name, uint64_t cpus)
{
	return task_run(&(struct task_params){
		.comm = name,
		.fn = fn,
		.arg = arg,
		.cpus_allowed = cpus,
	});
}

/* P48-P50, P59: the calls alternate, in their contexts, whatever happens. */
static void
check_storm(uint32_t seed)
{
	static struct task *tasks[TASKS_MAX];
	static struct task *pesterers[CPUS_MAX];
	uint32_t count = TASKS_A_CPU * cpu_count;
	uint64_t pairs = 0;
	uint64_t moves = 0;

	atomic_store(&storms_left, count);
	for (uint32_t n = 0; n < count; n++) {
		storms[n] = (struct storm){ .random = seed * TASKS_MAX + n };
		tasks[n] = start(run_storm, &storms[n], "notified", 1ull << n % cpu_count);
	}
	for_each_cpu (cpu) {
		pesterers[cpu] = start(pester, (void *)(uintptr_t)cpu, "pesterer", 1ull << cpu);
	}
	for (uint32_t n = 0; n < count; n++) {
		task_join(tasks[n]);
		pairs += storms[n].pairs;
		moves += storms[n].moves;
	}
	for_each_cpu (cpu) {
		task_join(pesterers[cpu]);
		EXPECT(on[cpu] == NULL);
	}
	printk("%llu pairs, %llu moves, %u windows\n", (unsigned long long)pairs,
	       (unsigned long long)moves, atomic_load(&windows));
	report(pairs != 0, "notified tasks were switched");
	report(atomic_load(&wrong_count) == 0, "each call is in its turn and its context");
	if (atomic_load(&wrong_count) != 0) {
		printk("%u expectations failed, the first: %s\n", atomic_load(&wrong_count), wrong);
	}
}

int
main(void)
{
	uint32_t seed = storm_seed();

	rounds = storm_number(1, ROUNDS);
	preempt_notifier_inc();
	for (unsigned int model = 0; model < PREEMPT_MODEL_COUNT; model++) {
		preempt_model_set((enum preempt_model)model);
		check_storm(seed + model);
	}
	preempt_notifier_dec();
	report(atomic_load(&windows) != 0 || storm_number(2, 0) == 0,
	       "interrupts came between a switch and its sched_in");
	printk("%u failures\n", failures);
	return failures == 0 ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
