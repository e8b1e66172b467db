// SPDX-License-Identifier: ISC
/*
 * An interrupt at every instruction of a window: a timer that expires one nanosecond later each
 * time. Under QEMU's -icount shift=0, where a nanosecond is an instruction, no instruction is left
 * out; elsewhere it is a soak. The interrupt makes a more important task runnable, or opens what
 * somebody waits for.
 */
#include <stdbool.h>
#include <stdint.h>

#include "guest/bottom_half.h"
#include "guest/completion.h"
#include "guest/main.h"
#include "guest/page.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/softirq.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "shared/scenario_abi.h"

#define LOW_PRIORITY    10
#define MIDDLE_PRIORITY 20
#define HIGH_PRIORITY   30

/* A wakeup may wait for the interrupt's own length, never for the next tick, which is 10 ms. */
#define LATENCY_MAX_NS 1000000

#define SLEEP_NS       3000 /* more instructions than from arming the timer to idle's halt */
#define DELAY_MAX_NS   20000
#define OUTSIDE_ENOUGH 20

static struct completion interrupt_came; /* the timer -> the high task */
static struct completion high_done;      /* the high task -> the main one */
static struct atomic stop;
static struct timer swept;

static void
on_timer(struct timer *timer)
{
	(void)timer;
	complete(&interrupt_came);
}

/* Runs whenever the swept interrupt has come. */
static void
run_high(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop)) { /* bounded: until the sweeps are over */
		wait_for_completion(&interrupt_came);
		complete(&high_done);
	}
}

static struct task *
start(const char *comm, void (*fn)(void *), uint8_t priority)
{
	return task_run(&(struct task_params){
		.comm = comm,
		.fn = fn,
		.policy = SCHED_FIFO,
		.rt_priority = priority,
		.cpus_allowed = 1,
	});
}

static void
arm(uint64_t delay_ns)
{
	timer_init(&swept, on_timer);
	timer_start(&swept, arch_clock_ns() + delay_ns);
}

/* The window's end: wherever the interrupt came, the high task has run or will. Was it inside? */
static bool
finish(void)
{
	bool inside = !timer_pending(&swept);

	wait_for_completion(&high_done);
	timer_cancel(&swept);
	return inside;
}

static void
run_nothing(void *unused)
{
	(void)unused;
}

/* P39, and a dead task is never queued: the interrupt comes anywhere in a task's life and death. */
static bool
sweep_exit(uint64_t delay_ns)
{
	struct task *task;

	arm(delay_ns);
	task = start("mortal", run_nothing, MIDDLE_PRIORITY);
	task_join(task);
	return finish();
}

/*
 * P6: the interrupt comes anywhere in preempt_enable(): the request is neither lost nor served
 * twice.
 */
static bool
sweep_preempt_enable(uint64_t delay_ns)
{
	bool came;

	arm(delay_ns);
	for (int turn = 0; turn < 4; turn++) {
		preempt_disable();
		preempt_disable();
		preempt_enable();
		came = completion_done(&interrupt_came);
		preempt_enable();
		if (came && preempt_model_preempts(preempt_model())) {
			ASSERT(!completion_done(&interrupt_came)); /* served before it returned */
		}
	}
	return finish();
}

static void
on_overslept(struct timer *timer)
{
	(void)timer;
	panic("overslept: a wakeup was lost");
}

/*
 * P32, P33: the interrupt that ends a sleep comes anywhere on the way to it, and in idle. Another
 * timer tells when it was lost; one that an idle cpu overlooked is found by the next tick, which is
 * late. The window is the way to idle's halt.
 */
static bool
sweep_sleep(uint64_t delay_ns)
{
	uint64_t before = arch_clock_ns();
	struct timer guard;

	timer_init(&guard, on_overslept);
	timer_start(&guard, before + delay_ns + LATENCY_MAX_NS);
	timer_sleep(delay_ns);
	ASSERT(timer_cancel(&guard));
	ASSERT(arch_clock_ns() - before >= delay_ns);
	return delay_ns < SLEEP_NS;
}

static uint32_t asked[NR_SOFTIRQS];
static uint32_t seen[NR_SOFTIRQS]; /* of those, by the last run */
static bool bh_is_off;

static void
see_tx(void)
{
	seen[NET_TX_SOFTIRQ] = asked[NET_TX_SOFTIRQ];
}

static void
see_rx(void)
{
	ASSERT(!bh_is_off);
	seen[NET_RX_SOFTIRQ] = asked[NET_RX_SOFTIRQ];
}

static void
raise_rx(struct timer *timer)
{
	(void)timer;
	asked[NET_RX_SOFTIRQ]++;
	raise_softirq_irqoff(NET_RX_SOFTIRQ);
}

/*
 * P40, P41: the interrupt that raises a softirq comes anywhere while bottom halves are off, and
 * while another one is raised and served: both are.
 */
static bool
sweep_softirq(uint64_t delay_ns)
{
	bool inside;

	timer_init(&swept, raise_rx);
	timer_start(&swept, arch_clock_ns() + delay_ns);
	local_bh_disable();
	bh_is_off = true;
	local_bh_disable();
	local_bh_enable();
	bh_is_off = false;
	local_bh_enable();
	ASSERT(local_softirq_pending() == 0);
	local_bh_disable();
	asked[NET_TX_SOFTIRQ]++;
	raise_softirq(NET_TX_SOFTIRQ);
	local_bh_enable();
	inside = !timer_pending(&swept);
	timer_cancel(&swept);
	ASSERT(local_softirq_pending() == 0);
	ASSERT(seen[NET_TX_SOFTIRQ] == asked[NET_TX_SOFTIRQ]);
	ASSERT(seen[NET_RX_SOFTIRQ] == asked[NET_RX_SOFTIRQ]);
	return inside;
}

/*
 * Until the interrupt comes after the window's end, several times: a tick may have stretched one.
 */
static void
sweep(const char *name, bool (*window)(uint64_t))
{
	uint64_t delay_ns = 0;
	uint32_t outside = 0;
	uint32_t inside = 0;
	size_t pages;

	window(0);
	pages = page_count_free();
	while (outside < OUTSIDE_ENOUGH && delay_ns < DELAY_MAX_NS) {
		if (window(delay_ns++)) {
			inside++;
		} else {
			outside++;
		}
	}
	ASSERT(inside != 0);
	ASSERT(page_count_free() == pages);
	printk("PASS %s: an interrupt at %u places (preempt=%s)\n", name, inside,
	       preempt_model_names[preempt_model()]);
}

static void
run_sweeps(void *unused)
{
	struct task *high;

	(void)unused;
	init_completion(&interrupt_came);
	init_completion(&high_done);
	open_softirq(NET_TX_SOFTIRQ, see_tx);
	open_softirq(NET_RX_SOFTIRQ, see_rx);
	high = start("high", run_high, HIGH_PRIORITY);
	for (unsigned int model = 0; model < PREEMPT_MODEL_COUNT; model++) {
		preempt_model_set((enum preempt_model)model);
		sweep("a task's life and death", sweep_exit);
		sweep("preempt_enable", sweep_preempt_enable);
		sweep("the way to idle", sweep_sleep);
		sweep("a softirq", sweep_softirq);
	}
	atomic_store(&stop, 1);
	arm(0);
	finish();
	task_join(high);
}

int
main(void)
{
	task_join(start("sweeps", run_sweeps, LOW_PRIORITY));
	printk("all sweeps passed\n");
	return EXIT_STATUS_OK;
}
