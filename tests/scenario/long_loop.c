// SPDX-License-Identifier: ISC
/*
 * A kernel loop over many items, as a boot has it that clears memory, with cond_resched() or
 * might_sleep() in each item and without, while an interrupt wakes a more important task: how long
 * that one waits, under each model. Times are shown; what is checked is in items and ticks.
 */
#include <stdbool.h>
#include <stdint.h>

#include "guest/cmdline.h"
#include "guest/main.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "guest/trace.h"
#include "shared/scenario_abi.h"

#define WAKEUPS     3     /* of each cell: the worst is shown */
#define LOOP_TICKS  4     /* that the loop goes on after the wakeup, if nobody comes */
#define WORK_STEPS  100   /* of an item */
#define WAKE_AFTER  50000 /* ns */
#define HEAVY_NICE  (-10)
#define RT_PRIORITY 50

enum look { LOOKS_NOWHERE, LOOKS_COND_RESCHED, LOOKS_MIGHT_SLEEP, LOOK_COUNT };
enum wakee { WAKEE_FAIR, WAKEE_FIFO, WAKEE_COUNT };
enum place { AT_ONCE, NEXT_ITEM, NEXT_TICK, LOOP_END };

static const char *const look_names[LOOK_COUNT] = { "nothing", "cond_resched", "might_sleep" };
static const char *const place_names[] = { "at once", "next item", "next tick", "loop's end" };

/* What each model promises: a column a wakee, a row what the loop does in each item. */
static const enum place promises[PREEMPT_MODEL_COUNT][LOOK_COUNT][WAKEE_COUNT] = {
	[PREEMPT_NONE] = { { LOOP_END, LOOP_END },
	                   { NEXT_ITEM, NEXT_ITEM },
	                   { LOOP_END, LOOP_END } },
	[PREEMPT_VOLUNTARY] = { { LOOP_END, LOOP_END },
	                        { NEXT_ITEM, NEXT_ITEM },
	                        { NEXT_ITEM, NEXT_ITEM } },
	[PREEMPT_FULL] = { { AT_ONCE, AT_ONCE }, { AT_ONCE, AT_ONCE }, { AT_ONCE, AT_ONCE } },
	[PREEMPT_LAZY] = { { NEXT_TICK, AT_ONCE }, { NEXT_TICK, AT_ONCE }, { NEXT_TICK, AT_ONCE } },
};

struct delay {
	uint64_t items; /* that were finished */
	uint64_t ticks;
	uint64_t ns;
};

static enum look look;
static struct task *wakee;
static struct timer alarm;
static struct atomic has_run;
static uint64_t items;
static uint64_t woken_items;
static uint64_t woken_record; /* number of the first record of the wakeup; 0: not yet */
static uint64_t woken_ns;
static struct delay delay;
static unsigned int failures;

static void
wake(struct timer *timer)
{
	(void)timer;
	woken_items = items;
	woken_ns = arch_clock_ns();
	woken_record = trace_head(raw_smp_processor_id());
	wake_up_process(wakee);
}

/* Since the wakeup, on this cpu: no other timers than the tick and ours run here. */
static uint64_t
count_ticks(void)
{
	unsigned int cpu = raw_smp_processor_id();
	uint64_t end = trace_head(cpu);
	struct trace_record record;
	uint64_t ticks = 0;

	for (uint64_t n = woken_record; n < end && trace_read(cpu, n, &record); n++) {
		ticks += record.event == TRACE_timer_expire && record.b != (uintptr_t)wake;
	}
	return ticks;
}

static void
run_wakee(void *unused)
{
	(void)unused;
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	delay = (struct delay){ items - woken_items, count_ticks(), arch_clock_ns() - woken_ns };
	atomic_store_release(&has_run, 1);
}

static void
do_item(void)
{
	for (unsigned int step = 0; step < WORK_STEPS; step++) {
		barrier();
	}
	*(volatile uint64_t *)&items = items + 1;
	if (look == LOOKS_COND_RESCHED) {
		cond_resched();
	} else if (look == LOOKS_MIGHT_SLEEP) {
		might_sleep();
	}
}

static bool
loop_ends(void)
{
	return atomic_load_acquire(&has_run) ||
	       (*(volatile uint64_t *)&woken_record != 0 && count_ticks() >= LOOP_TICKS);
}

static void
run_loop(void *unused)
{
	(void)unused;
	while (atomic_load(&wakee->on_rq)) { /* bounded: it goes to sleep */
		yield();
	}
	arch_irq_disable();
	timer_start(&alarm, arch_clock_ns() + WAKE_AFTER);
	arch_irq_enable();
	while (!loop_ends()) { /* bounded: by ticks */
		do_item();
	}
}

static struct task *
start_wakee(enum wakee kind)
{
	return task_run(&(struct task_params){
		.comm = "wakee",
		.fn = run_wakee,
		.policy = kind == WAKEE_FIFO ? SCHED_FIFO : SCHED_NORMAL,
		.rt_priority = RT_PRIORITY,
		.nice = HEAVY_NICE,
		.cpus_allowed = 1ull << (cpu_count - 1),
	});
}

static void
wake_once(enum wakee kind)
{
	atomic_store(&has_run, 0);
	items = 0;
	woken_record = 0;
	timer_init(&alarm, wake);
	wakee = start_wakee(kind);
	task_join(task_run(&(struct task_params){
		.comm = "loop",
		.fn = run_loop,
		.cpus_allowed = 1ull << (cpu_count - 1),
	}));
	task_join(wakee);
	timer_cancel(&alarm);
}

static bool
is_as_promised(enum place place)
{
	switch (place) {
	case AT_ONCE:
		return delay.items == 0;
	case NEXT_ITEM:
		return delay.items <= 1; /* 0: the interrupt hit its last instructions */
	case NEXT_TICK:
		return delay.ticks == 1;
	case LOOP_END:
		return delay.ticks >= LOOP_TICKS;
	}
	return false;
}

static struct delay
worst_of(struct delay a, struct delay b)
{
	return (struct delay){
		.items = a.items > b.items ? a.items : b.items,
		.ticks = a.ticks > b.ticks ? a.ticks : b.ticks,
		.ns = a.ns > b.ns ? a.ns : b.ns,
	};
}

static void
try_cell(enum preempt_model model, enum wakee kind)
{
	enum place place = promises[model][look][kind];
	struct delay worst = { 0, 0, 0 };
	bool right = true;

	for (unsigned int n = 0; n < WAKEUPS; n++) {
		wake_once(kind);
		right = right && is_as_promised(place);
		worst = worst_of(worst, delay);
	}
	printk("  %-10s%c%8lu%6lu%9lu", place_names[place], right ? ' ' : '!', worst.items,
	       worst.ticks, worst.ns / 1000);
	failures += !right;
}

int
main(void)
{
	if (!trace_on) {
		printk("trace=off: ticks are counted by their records\n");
		return EXIT_STATUS_USAGE;
	}
	printk("A kernel loop over items; an interrupt wakes a task. The worst of %u delays, "
	       "%u Hz.\n\n"
	       "%-26sa SCHED_NORMAL task, nice %-9da SCHED_FIFO task\n"
	       "preempt=    in each item  ",
	       WAKEUPS, boot_args.hz, "", HEAVY_NICE);
	for (unsigned int kind = 0; kind < WAKEE_COUNT; kind++) {
		printk("  %-11s%8s%6s%9s", "overtakes", "items", "ticks", "us");
	}
	printk("\n");
	for (unsigned int m = 0; m < PREEMPT_MODEL_COUNT; m++) {
		enum preempt_model model = (enum preempt_model)m;

		preempt_model_set(model);
		for (look = LOOKS_NOWHERE; look < LOOK_COUNT; look++) {
			printk("%-12s%-14s", look == 0 ? preempt_model_names[model] : "",
			       look_names[look]);
			try_cell(model, WAKEE_FAIR);
			try_cell(model, WAKEE_FIFO);
			printk("\n");
		}
	}
	printk("\n%s each overtakes where its model says%s\n%u failures\n",
	       failures == 0 ? "PASS" : "FAIL", failures == 0 ? "" : ": not where a ! stands",
	       failures);
	return failures == 0 ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
