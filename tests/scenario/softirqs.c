// SPDX-License-Identifier: ISC
/*
 * Softirqs on every cpu, bounded by counts: a flood of one vector, against which tasks and another
 * vector go on; and storms of raises from tasks and timers, and of tasklets, drawn from the seed
 * behind "--", at whose end none may be lost, pending, or half done.
 */
#include "guest/softirq.h"

#include <stdbool.h>
#include <stdint.h>

#include "guest/bottom_half.h"
#include "guest/kthread.h"
#include "guest/main.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/smp_call.h"
#include "guest/spinlock.h"
#include "guest/task.h"
#include "guest/tasklet.h"
#include "guest/timer.h"
#include "shared/scenario_abi.h"
#include "tests/scenario/seed.h"

#define STEPS    300    /* of a task against the flood */
#define PULSES   20     /* of the timer against it, on each cpu */
#define PULSE_NS 700000 /* between them */
#define ROUNDS   150    /* of the storm, on each cpu */
#define SHORT_NS 30000  /* of a timer or a sleep in the storm */
#define RUNS     25     /* of a vector that raises itself */

static uint32_t failures;

static void
report(bool passed, const char *name)
{
	printk("%s %s\n", passed ? "PASS" : "FAIL", name);
	failures += !passed;
}

/* Numbers that differ a little from round to round; not shared between tasks. */
static uint32_t
random_next(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* fn(cpu) in a thread on each cpu, all at a time; returns when all have ended. */
static void
on_each_cpu(int (*fn)(void *), const char *name)
{
	struct task *threads[CPUS_MAX];

	for_each_cpu (cpu) {
		threads[cpu] =
			kthread_create_on_cpu(fn, (void *)(uintptr_t)cpu, cpu, "%s/%u", name, cpu);
		wake_up_process(threads[cpu]);
	}
	for_each_cpu (cpu) {
		/* It may not have begun: then its function does not run. */
		while (atomic_load(&threads[cpu]->state) != TASK_DEAD) { /* bounded: it ends */
			timer_sleep(SHORT_NS);
		}
		kthread_stop(threads[cpu]);
	}
}

/* What each cpu has of its own; its tasks and interrupts change it, others read it at the end. */
struct counts {
	struct timer pulse;
	struct timer shot;
	struct call_single_data call;
	uint32_t floods;      /* runs of the flood */
	uint32_t floods_then; /* when the pulse was raised */
	uint32_t pulses;
	uint32_t pulses_seen;
	uint32_t delay_max; /* in runs of the flood, from raise to run */
	uint32_t again;     /* runs of the vector that raises itself */
	bool is_flooded;
	struct atomic asked[NR_SOFTIRQS]; /* by the storm */
	struct atomic seen[NR_SOFTIRQS];
	uint32_t calls;
	struct atomic calls_done;
	struct atomic wrong; /* contexts */
};

static struct counts counts[CPUS_MAX];

static struct counts *
here(void)
{
	return &counts[raw_smp_processor_id()];
}

/* ---- a vector that raises itself ---- */

static void
run_again(void)
{
	if (++here()->again < RUNS) {
		raise_softirq(BLOCK_SOFTIRQ);
	}
}

static int
raise_again(void *arg)
{
	struct counts *own = &counts[(uintptr_t)arg];

	local_bh_disable();
	raise_softirq(BLOCK_SOFTIRQ);
	local_bh_enable();
	while (own->again < RUNS) { /* bounded: ksoftirqd serves the rest */
		timer_sleep(SHORT_NS);
	}
	return 0;
}

/* P42, J32: what raises itself is served at once for a while, and then by ksoftirqd. */
static void
check_bound(void)
{
	bool right = true;

	open_softirq(BLOCK_SOFTIRQ, run_again);
	on_each_cpu(raise_again, "again");
	for_each_cpu (cpu) {
		right = right && counts[cpu].again == RUNS;
	}
	report(right, "a vector that raises itself is served to its end");
}

/* ---- a flood ---- */

static void
flood(void)
{
	struct counts *own = here();

	own->floods++;
	if (own->is_flooded) {
		raise_softirq(NET_RX_SOFTIRQ);
	}
}

static void
raise_pulse(struct timer *timer)
{
	struct counts *own = container_of(timer, struct counts, pulse);

	own->floods_then = own->floods;
	own->pulses++;
	raise_softirq_irqoff(NET_TX_SOFTIRQ);
}

/* It goes first, so that at most the run that was interrupted comes before it. */
static void
see_pulse(void)
{
	struct counts *own = here();
	uint32_t delay = own->floods - own->floods_then;

	own->pulses_seen++;
	own->delay_max = delay > own->delay_max ? delay : own->delay_max;
	if (own->pulses < PULSES) {
		timer_start(&own->pulse, arch_clock_ns() + PULSE_NS);
	}
}

static int
step_through_flood(void *arg)
{
	struct counts *own = &counts[(uintptr_t)arg];

	timer_init(&own->pulse, raise_pulse);
	own->is_flooded = true;
	raise_softirq(NET_RX_SOFTIRQ);
	timer_start(&own->pulse, arch_clock_ns() + PULSE_NS);
	for (uint32_t step = 0; step < STEPS || own->pulses_seen < PULSES; step++) {
		barrier(); /* bounded: the pulses come */
		cond_resched();
	}
	own->is_flooded = false;
	return 0;
}

/* J31: a flood on every cpu starves neither tasks nor other vectors. */
static void
check_flood(void)
{
	bool flooded = true;
	bool prompt = true;

	open_softirq(NET_TX_SOFTIRQ, see_pulse);
	open_softirq(NET_RX_SOFTIRQ, flood);
	on_each_cpu(step_through_flood, "step");
	for_each_cpu (cpu) {
		flooded = flooded && counts[cpu].floods > SOFTIRQ_ROUNDS_MAX;
		prompt = prompt && counts[cpu].pulses_seen == PULSES && counts[cpu].delay_max <= 1;
	}
	report(flooded, "tasks go on in a flood");
	report(prompt, "another vector waits for one run of the flood at most");
}

/* ---- a storm ---- */

static DEFINE_SPINLOCK(shared_lock);
static uint64_t shared[2]; /* the same, always */
static uint64_t shared_by_tasks;
static struct atomic torn;
static struct atomic handled;

static void
add_shared(void)
{
	if (shared[0] != shared[1]) {
		atomic_store(&torn, 1);
	}
	shared[0]++;
	shared[1]++;
}

/* Whatever was asked before is seen by a run that begins later. */
static void
see(enum softirq nr)
{
	struct counts *own = here();

	if (!in_serving_softirq() || in_hardirq() || arch_irqs_disabled()) {
		atomic_store(&own->wrong, 1);
	}
	atomic_store(&own->seen[nr], atomic_load(&own->asked[nr]));
	spin_lock(&shared_lock);
	add_shared();
	spin_unlock(&shared_lock);
	atomic_fetch_add(&handled, 1);
}

static void
see_timer(void)
{
	see(TIMER_SOFTIRQ);
}

static void
see_sched(void)
{
	see(SCHED_SOFTIRQ);
}

static void
ask(enum softirq nr)
{
	atomic_fetch_add(&here()->asked[nr], 1);
	raise_softirq(nr);
}

static void
ask_in_timer(struct timer *timer)
{
	(void)timer;
	ask(SCHED_SOFTIRQ);
}

static void
ask_in_call(struct call_single_data *call)
{
	ask(SCHED_SOFTIRQ);
	atomic_fetch_add(&container_of(call, struct counts, call)->calls_done, 1);
}

static void
disturb(struct counts *own, uint32_t choice)
{
	enum softirq nr = choice & 8 ? TIMER_SOFTIRQ : SCHED_SOFTIRQ;

	switch (choice % 8) {
	case 0:
		timer_start(&own->shot, arch_clock_ns() + choice % SHORT_NS);
		break;
	case 1:
		timer_sleep(choice % SHORT_NS);
		break;
	case 2:
		local_bh_disable();
		ask(nr);
		timer_start(&own->shot, arch_clock_ns());
		local_bh_enable();
		break;
	case 3:
		preempt_disable();
		ask(nr);
		preempt_enable();
		break;
	case 4:
		yield();
		break;
	case 5:
		ask(nr);
		break;
	case 6:
		own->calls += !smp_call_function_single_async(choice / 16 % cpu_count, &own->call);
		break;
	default:
		spin_lock_bh(&shared_lock);
		add_shared();
		shared_by_tasks++;
		spin_unlock_bh(&shared_lock);
	}
}

static int
storm(void *arg)
{
	struct counts *own = &counts[(uintptr_t)arg];
	uint32_t state = (uint32_t)(uintptr_t)arg + 1 + 16 * storm_seed();

	timer_init(&own->shot, ask_in_timer);
	own->call = (struct call_single_data)CALL_SINGLE_DATA_INIT(ask_in_call);
	for (uint32_t n = 0; n < ROUNDS; n++) {
		disturb(own, random_next(&state));
	}
	while (timer_pending(&own->shot)) { /* bounded: it expires */
		timer_sleep(SHORT_NS);
	}
	timer_cancel(&own->shot);
	while (atomic_load(&own->calls_done) != own->calls) { /* bounded: they are made */
		timer_sleep(SHORT_NS);
	}
	return 0;
}

static bool
is_quiet(unsigned int cpu)
{
	return per_cpu(softirq_pending, cpu) == 0 && !atomic_load(&per_cpu(ksoftirqd, cpu)->on_rq);
}

/* P41, P43: raised anywhere, served; and tasks and softirqs share what spin_lock_bh() guards. */
static void
check_storm(void)
{
	bool all_seen = true;
	bool right = true;

	open_softirq(TIMER_SOFTIRQ, see_timer);
	open_softirq(SCHED_SOFTIRQ, see_sched);
	on_each_cpu(storm, "storm");
	for_each_cpu (cpu) {
		while (!is_quiet(cpu)) { /* bounded: ksoftirqd ends */
			timer_sleep(SHORT_NS);
		}
		for (unsigned int nr = 0; nr < NR_SOFTIRQS; nr++) {
			all_seen = all_seen && atomic_load(&counts[cpu].asked[nr]) ==
			                               atomic_load(&counts[cpu].seen[nr]);
		}
		right = right && !atomic_load(&counts[cpu].wrong);
	}
	report(all_seen, "every raise is served, and nothing is left pending");
	report(right, "handlers run in a softirq, with interrupts on");
	report(!atomic_load(&torn) && shared[0] == shared_by_tasks + atomic_load(&handled),
	       "what spin_lock_bh() guards adds up");
}

/* ---- tasklets ---- */

#define TASKLETS 6

static struct item {
	struct tasklet tasklet;
	struct atomic inside;
	struct atomic overlapped;
	struct atomic asked;
	struct atomic served;
} items[TASKLETS];

static void
serve(struct tasklet *tasklet)
{
	struct item *item = container_of(tasklet, struct item, tasklet);

	if (atomic_fetch_add(&item->inside, 1) != 0 || !in_serving_softirq()) {
		atomic_store(&item->overlapped, 1);
	}
	atomic_store(&item->served, atomic_load(&item->asked));
	atomic_fetch_sub(&item->inside, 1);
}

static void
use_tasklet(struct item *item, uint32_t choice)
{
	switch (choice % 8) {
	case 0:
		tasklet_disable(&item->tasklet);
		if (atomic_load(&item->inside) != 0) {
			atomic_store(&item->overlapped, 1);
		}
		tasklet_enable(&item->tasklet);
		break;
	case 1:
		tasklet_hi_schedule(&item->tasklet);
		break;
	case 2:
		local_bh_disable();
		tasklet_schedule(&item->tasklet);
		local_bh_enable();
		break;
	case 3:
		timer_sleep(choice % SHORT_NS);
		break;
	default:
		atomic_fetch_add(&item->asked, 1);
		tasklet_schedule(&item->tasklet);
	}
}

static int
use_tasklets(void *arg)
{
	uint32_t state = (uint32_t)(uintptr_t)arg + 7 + 16 * storm_seed();

	for (uint32_t n = 0; n < ROUNDS; n++) {
		struct item *item = &items[random_next(&state) % TASKLETS];

		use_tasklet(item, random_next(&state));
	}
	return 0;
}

/* P36, P41: tasklets that all cpus schedule and disable run one at a time, and are all served. */
static void
check_tasklets(void)
{
	bool all_served = true;
	bool alone = true;

	for (unsigned int n = 0; n < TASKLETS; n++) {
		tasklet_setup(&items[n].tasklet, serve);
	}
	on_each_cpu(use_tasklets, "tasklets");
	for (unsigned int n = 0; n < TASKLETS; n++) {
		struct item *item = &items[n];

		tasklet_kill(&item->tasklet);
		all_served = all_served && atomic_load(&item->served) == atomic_load(&item->asked);
		alone = alone && !atomic_load(&item->overlapped) && !atomic_load(&item->inside);
	}
	report(all_served, "every tasklet is served");
	report(alone, "no tasklet ran twice at a time, or while it was disabled");
}

int
main(void)
{
	softirq_init();
	check_bound();
	check_flood();
	check_storm();
	check_tasklets();
	report(preempt_count() == 0 && sched_nr_uninterruptible() == 0, "nothing is left behind");
	printk("%u failures\n", failures);
	return failures == 0 ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
