// SPDX-License-Identifier: ISC
/*
 * A storm of works, delayed works, timers, parks and stops on every cpu, bounded by counts, drawn
 * from the seed behind "--"; at its end nothing may be lost, left over, or have run twice at a
 * time.
 */
#include <stdbool.h>
#include <stdint.h>

#include "guest/completion.h"
#include "guest/errno.h"
#include "guest/kthread.h"
#include "guest/main.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "guest/workqueue.h"
#include "shared/scenario_abi.h"
#include "tests/scenario/seed.h"

#define WORKS    16
#define ROUNDS   400
#define PARKS    50
#define TIMERS   64
#define SHORT_NS 20000 /* of a delay or a sleep in the storm */

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

/* ---- works ---- */

struct item {
	struct delayed_work delayed;
	struct atomic inside;
	struct atomic ended;
	struct atomic overlapped;
	struct atomic asked; /* set before it is queued, seen by the next call */
	struct atomic served;
	uint32_t number;
};

static struct item items[WORKS];
static struct workqueue *queues[4];

static void
serve(struct work *work)
{
	struct item *item = container_of(work, struct item, delayed.work);

	if (atomic_fetch_add(&item->inside, 1) != 0) {
		atomic_store(&item->overlapped, 1);
	}
	atomic_store(&item->served, atomic_load(&item->asked));
	if (item->number % 3 == 0) {
		timer_sleep(SHORT_NS); /* others of its pool go on */
	}
	atomic_fetch_sub(&item->inside, 1);
	atomic_fetch_add(&item->ended, 1);
}

static void
disturb(struct item *item, uint32_t choice, unsigned int cpu)
{
	struct workqueue *wq = queues[item->number % 4];

	switch (choice % 8) {
	case 0:
		mod_delayed_work_on(cpu, wq, &item->delayed, choice % SHORT_NS);
		break;
	case 1:
		flush_work(&item->delayed.work);
		break;
	case 2:
		cancel_delayed_work_sync(&item->delayed);
		break;
	case 3:
		queue_delayed_work_on(cpu, wq, &item->delayed, choice % SHORT_NS);
		break;
	default:
		queue_work_on(cpu, wq, &item->delayed.work);
	}
}

static int
storm(void *arg)
{
	uint32_t state = (uint32_t)(uintptr_t)arg + 1 + 16 * storm_seed();

	for (uint32_t n = 0; n < ROUNDS; n++) {
		struct item *item = &items[random_next(&state) % WORKS];

		disturb(item, random_next(&state), random_next(&state) % cpu_count);
	}
	return (int)(uintptr_t)arg;
}

static bool
items_are_whole(void)
{
	bool whole = true;

	for (uint32_t n = 0; n < WORKS; n++) {
		struct item *item = &items[n];

		cancel_delayed_work_sync(&item->delayed);
		atomic_store(&item->asked, 1);
		queue_work(queues[n % 4], &item->delayed.work);
		flush_work(&item->delayed.work);
		whole = whole && atomic_load(&item->served) == 1 &&
		        atomic_load(&item->inside) == 0 && !work_pending(&item->delayed.work);
	}
	return whole;
}

static bool
nothing_overlapped(void)
{
	bool none = true;

	for (uint32_t n = 0; n < WORKS; n++) {
		none = none && !atomic_load(&items[n].overlapped) && atomic_load(&items[n].ended);
	}
	return none;
}

/* P32, P36: works from all cpus, queued, delayed, moved, flushed and cancelled at a time. */
static void
check_works(void)
{
	struct task *threads[CPUS_MAX];
	bool right = true;

	workqueue_init();
	queues[0] = system_wq;
	queues[1] = alloc_workqueue("high", WQ_HIGHPRI, 2);
	queues[2] = alloc_workqueue("unbound", WQ_UNBOUND, 3);
	queues[3] = alloc_ordered_workqueue("ordered");
	for (uint32_t n = 0; n < WORKS; n++) {
		items[n].number = n;
		INIT_DELAYED_WORK(&items[n].delayed, serve);
	}
	for_each_cpu (cpu) {
		threads[cpu] =
			kthread_create_on_cpu(storm, (void *)(uintptr_t)cpu, cpu, "storm/%u", cpu);
		wake_up_process(threads[cpu]);
	}
	for_each_cpu (cpu) {
		/* It may not have begun: then its function does not run. */
		while (atomic_load(&threads[cpu]->state) != TASK_DEAD) { /* bounded: it ends */
			timer_sleep(SHORT_NS);
		}
		right = right && kthread_stop(threads[cpu]) == (int)cpu;
	}
	report(right, "threads of the storm end with their results");
	report(items_are_whole(), "every work is served once more, and none is left pending");
	report(nothing_overlapped(), "no work ran twice at a time");
	for (unsigned int n = 1; n < 4; n++) {
		destroy_workqueue(queues[n]);
	}
	flush_workqueue(system_wq);
}

/* ---- threads ---- */

static struct atomic steps;

static int
step(void *arg)
{
	while (!kthread_should_stop()) { /* bounded: until it is stopped */
		kthread_parkme();
		atomic_fetch_add(&steps, 1);
		set_current_state(TASK_IDLE);
		if (!kthread_should_stop() && !kthread_should_park()) {
			schedule();
		}
		__set_current_state(TASK_RUNNING);
	}
	return (int)(uintptr_t)arg;
}

/* P32, P36: while a thread is parked it does not step; each unpark and stop arrives. */
static void
check_threads(void)
{
	bool right = true;

	for_each_cpu (cpu) {
		struct task *thread = kthread_create_on_cpu(step, (void *)7, cpu, "step/%u", cpu);

		wake_up_process(thread);
		for (unsigned int n = 0; n < PARKS; n++) {
			uint32_t seen;

			right = right && kthread_park(thread) == 0;
			seen = atomic_load(&steps);
			wake_up_process(thread);
			right = right && kthread_park(thread) == -EBUSY;
			right = right && atomic_load(&thread->state) == TASK_PARKED &&
			        !atomic_load(&thread->on_cpu) && atomic_load(&steps) == seen;
			kthread_unpark(thread);
			wake_up_process(thread);
		}
		right = right && kthread_stop(thread) == 7;
	}
	report(right, "threads park, unpark and stop");
	right = kthread_stop(kthread_create(step, NULL, "never")) == -EINTR;
	report(right, "a thread that never ran ends with -EINTR");
}

/* ---- timers ---- */

static struct timer timers[TIMERS];
static struct atomic fired;
static struct atomic to_fire;

static void
count_fired(struct timer *timer)
{
	(void)timer;
	atomic_fetch_add(&fired, 1);
}

/* Starts each, moves it, and takes some back. */
static void
start_and_move(struct work *unused)
{
	uint32_t state = raw_smp_processor_id() + 1 + 16 * storm_seed();

	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		uint32_t choice = random_next(&state);

		if (choice % 4 == 0) {
			timer_try_to_cancel(&timers[choice / 4 % TIMERS]);
		} else {
			timer_start(&timers[choice / 4 % TIMERS],
			            arch_clock_ns() + choice % SHORT_NS);
		}
	}
	atomic_fetch_add(&to_fire, 1);
}

/* P36: timers that all cpus start, move and cancel fire, and none is left behind. */
static void
check_timers(void)
{
	static struct work movers[CPUS_MAX];
	bool none_pending = true;

	for (unsigned int n = 0; n < TIMERS; n++) {
		timer_init(&timers[n], count_fired);
	}
	for_each_cpu (cpu) {
		INIT_WORK(&movers[cpu], start_and_move);
		queue_work_on(cpu, system_wq, &movers[cpu]);
	}
	flush_workqueue(system_wq);
	report(atomic_load(&to_fire) == cpu_count, "a flush waits for all cpus' works");
	timer_start(&timers[0], arch_clock_ns());
	while (timer_pending(&timers[0])) { /* bounded: it expires */
		timer_sleep(SHORT_NS);
	}
	for (unsigned int n = 0; n < TIMERS; n++) {
		timer_cancel(&timers[n]);
		none_pending = none_pending && !timer_pending(&timers[n]);
	}
	report(none_pending && atomic_load(&fired) != 0, "timers fire, and none is left pending");
}

int
main(void)
{
	check_works();
	check_threads();
	check_timers();
	report(sched_nr_uninterruptible() == 0, "idle workers are no load");
	printk("%u failures\n", failures);
	return failures == 0 ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
