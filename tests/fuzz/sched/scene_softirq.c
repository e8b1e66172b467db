// SPDX-License-Identifier: ISC
/*
 * Scenes of softirqs: how long they are served, by whom, and on which stack; and of tasklets, which
 * are scheduled, disabled and killed by two at a time.
 */
#include <stddef.h>

#include "guest/arch.h"
#include "guest/bottom_half.h"
#include "guest/completion.h"
#include "guest/irq_stack.h"
#include "guest/irq_work.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/softirq.h"
#include "guest/tasklet.h"
#include "guest/timer.h"
#include "tests/fuzz/sched/promises.h"
#include "tests/fuzz/schedule.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/host/machine.h"

#define FLOOD_RUNS  13 /* of a vector that raises itself: more than are served at once */
#define ROUNDS_MAX  10
#define ROUND_NS    1000000u
#define TIME_NS     2000000u
#define ASKED_AFTER 3

/* ---- a flood ---- */

enum flood_form { FLOOD_PLAIN, FLOOD_SLOW, FLOOD_ASKED, FLOOD_LAZY };

static HOST_STATE struct {
	enum flood_form form;
	bool goes_on;
	unsigned int runs;
	bool at_once; /* within the first do_softirq() */
	unsigned int runs_at_once;
	struct completion done;
	struct irq_work work; /* comes meanwhile, and raises another vector */
	struct completion work_served;
} flood;

static void
run_flood(void)
{
	HOST_EXPECT(in_serving_softirq());
	if (!flood.goes_on) {
		return;
	}
	if (flood.at_once) {
		flood.runs_at_once++;
		if (!arch_on_stack(this_cpu_read(hardirq_stack))) {
			host_fail("softirqs of a task run on its own stack");
		}
	}
	if (flood.form == FLOOD_SLOW) {
		host_clock_advance(ROUND_NS);
	}
	if (flood.runs + 1 == ASKED_AFTER && flood.form == FLOOD_ASKED) {
		resched_cpu(smp_processor_id());
	}
	if (flood.runs == 0 && flood.form == FLOOD_LAZY) {
		atomic_fetch_or(&current->flags, TIF_NEED_RESCHED_LAZY);
	}
	if (++flood.runs < FLOOD_RUNS) {
		raise_softirq(IRQ_POLL_SOFTIRQ);
	} else {
		flood.goes_on = false;
		complete(&flood.done);
	}
}

static void
serve_work(void)
{
	complete(&flood.work_served);
}

static void
raise_work(struct irq_work *unused)
{
	(void)unused;
	raise_softirq_irqoff(NET_TX_SOFTIRQ);
}

/* What may end it before its last round is a request, or time. */
static void
check_flood(uint64_t begin_ns)
{
	bool asked = need_resched();

	if (flood.runs_at_once > ROUNDS_MAX) {
		host_fail("softirqs are served in %u rounds", flood.runs_at_once);
	}
	if (flood.form == FLOOD_SLOW && flood.runs_at_once > TIME_NS / ROUND_NS) {
		host_fail("softirqs are served for %u ms", flood.runs_at_once);
	}
	if (flood.form == FLOOD_ASKED && flood.runs_at_once > ASKED_AFTER) {
		host_fail("softirqs are served although a request stands");
	}
	if (flood.runs_at_once < ROUNDS_MAX && !asked && arch_clock_ns() - begin_ns < TIME_NS) {
		host_fail("softirqs are left after %u rounds, without need", flood.runs_at_once);
	}
}

static void
play_flood(unsigned int cpu, unsigned int form)
{
	unsigned long flags;
	uint64_t begin_ns;

	(void)cpu;
	flood.form = (enum flood_form)(form % 4);
	flood.runs = 0;
	flood.runs_at_once = 0;
	init_completion(&flood.done);
	init_completion(&flood.work_served);
	init_irq_work(&flood.work, raise_work);
	open_softirq(IRQ_POLL_SOFTIRQ, run_flood);
	open_softirq(NET_TX_SOFTIRQ, serve_work);
	flags = arch_irq_save();
	begin_ns = arch_clock_ns();
	irq_work_queue(&flood.work);
	flood.goes_on = true;
	flood.at_once = true;
	__raise_softirq_irqoff(IRQ_POLL_SOFTIRQ);
	do_softirq();
	flood.at_once = false;
	check_flood(begin_ns);
	arch_irq_restore(flags);
	wait_for_completion(&flood.done);
	wait_for_completion(&flood.work_served);
	irq_work_sync(&flood.work);
}

/* ---- who wakes ksoftirqd ---- */

/* The enable serves it: nobody else need. */
static void
play_raise(unsigned int cpu, unsigned int form)
{
	unsigned long flags;
	struct task *thread;
	bool was_awake;

	(void)cpu;
	(void)form;
	init_completion(&flood.work_served);
	open_softirq(NET_TX_SOFTIRQ, serve_work);
	local_bh_disable();
	flags = arch_irq_save();
	thread = this_cpu_read(ksoftirqd);
	was_awake = atomic_load(&thread->state) == TASK_RUNNING;
	raise_softirq_irqoff(NET_TX_SOFTIRQ);
	if (!was_awake && atomic_load(&thread->state) == TASK_RUNNING) {
		host_fail("ksoftirqd is woken although bottom halves are but off");
	}
	arch_irq_restore(flags);
	local_bh_enable();
	wait_for_completion(&flood.work_served);
}

/* While nobody else can run here, ksoftirqd cannot either. */
static void
play_threaded(unsigned int cpu, unsigned int form)
{
	(void)cpu;
	(void)form;
	init_completion(&flood.work_served);
	init_irq_work(&flood.work, raise_work);
	open_softirq(NET_TX_SOFTIRQ, serve_work);
	preempt_disable();
	promises_force_threads(true);
	irq_work_queue(&flood.work);
	irq_work_sync(&flood.work);
	scene_pass(8);
	if (completion_done(&flood.work_served)) {
		host_fail("an interrupt serves what is for threads");
	}
	promises_force_threads(false);
	preempt_enable();
	wait_for_completion(&flood.work_served);
}

/* ---- raised while an interrupt raises another ---- */

#define POINTS_MAX 12
#define PATIENCE   20

static HOST_STATE struct irq_work torn_work;
static HOST_STATE struct atomic torn_raised;
static HOST_STATE struct atomic torn_seen;

static void
see_torn(void)
{
	atomic_store(&torn_seen, atomic_load(&torn_raised));
}

static void
see_nothing(void)
{
}

static void
raise_torn(struct irq_work *unused)
{
	(void)unused;
	atomic_fetch_add(&torn_raised, 1);
	raise_softirq_irqoff(SCHED_SOFTIRQ);
}

/* Not at once: ksoftirqd may have it. Sleeps while time does not go on without. */
static void
expect_torn_served(void)
{
	uint64_t ns = 1000;

	for (unsigned int n = 0; atomic_load(&torn_seen) != atomic_load(&torn_raised); n++) {
		if (n == PATIENCE) {
			host_fail("a softirq that an interrupt has raised is never served");
		}
		timer_sleep(ns);
		ns += ns;
	}
}

/* The interrupt comes a point later each time: while another is raised here, or at the enable. */
static void
raise_interrupted(void *at_enable)
{
	for (unsigned int n = 0; n < POINTS_MAX; n++) {
		unsigned int cpu = smp_processor_id();
		unsigned long flags;

		local_bh_disable();
		flags = arch_irq_save();
		schedule_act(FUZZ_ACTION_HOLD, cpu);
		irq_work_queue(&torn_work);
		arch_irq_restore(flags);
		schedule_act_later(n, FUZZ_ACTION_RELEASE, cpu);
		if (at_enable == NULL) {
			raise_softirq(HRTIMER_SOFTIRQ);
		}
		local_bh_enable();
		irq_work_sync(&torn_work);
		expect_torn_served();
	}
}

static void
play_torn(unsigned int cpu, unsigned int form)
{
	open_softirq(SCHED_SOFTIRQ, see_torn);
	open_softirq(HRTIMER_SOFTIRQ, see_nothing);
	init_irq_work(&torn_work, raise_torn);
	scene_cast(raise_interrupted, form & 1 ? &torn_work : NULL, cpu);
	scene_join();
}

/* ---- tasklets ---- */

#define TASKLET_ROUNDS 8

static HOST_STATE struct tasklet tasklet;
static HOST_STATE struct atomic tasklet_inside;
static HOST_STATE struct atomic tasklet_off;
static HOST_STATE struct atomic tasklet_asked;
static HOST_STATE struct atomic tasklet_seen;
static HOST_STATE struct atomic tasklet_scheduled;
static HOST_STATE unsigned int tasklet_form;

static void
run_tasklet(struct tasklet *unused)
{
	(void)unused;
	if (atomic_fetch_add(&tasklet_inside, 1) != 0) {
		host_fail("a tasklet runs on two cpus");
	}
	if (atomic_load(&tasklet_off)) {
		host_fail("a tasklet runs that is disabled");
	}
	atomic_store(&tasklet_seen, atomic_load(&tasklet_asked));
	scene_pass(10);
	if (atomic_load(&tasklet_off)) {
		host_fail("a tasklet runs that is disabled");
	}
	atomic_fetch_sub(&tasklet_inside, 1);
}

static void
schedule_tasklet(void)
{
	local_bh_disable();
	atomic_fetch_add(&tasklet_asked, 1);
	tasklet_schedule(&tasklet);
	atomic_fetch_add(&tasklet_scheduled, 1);
	local_bh_enable();
}

static void
schedule_often(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < TASKLET_ROUNDS; n++) {
		scene_meet(2);
		schedule_tasklet();
		scene_pass(tasklet_form == 2 ? 30 : 0);
	}
}

static void
expect_no_tasklet(void)
{
	if (atomic_load(&tasklet_inside)) {
		host_fail("a tasklet still runs that was disabled or killed");
	}
}

/* With interrupts on this cpu's softirqs could find it disabled, and wait for us. */
static void
disable_tasklet(void)
{
	unsigned long flags = arch_irq_save();

	tasklet_disable_in_atomic(&tasklet);
	atomic_store_mb(&tasklet_off, 1);
	expect_no_tasklet();
	atomic_store_release(&tasklet_off, 0);
	tasklet_enable(&tasklet);
	arch_irq_restore(flags);
}

/* Only what was scheduled before is waited for: the next time is behind the next meeting. */
static void
kill_tasklet(unsigned int scheduled)
{
	scene_await(&tasklet_scheduled, scheduled);
	tasklet_kill(&tasklet);
	expect_no_tasklet();
}

static void
interfere(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < TASKLET_ROUNDS; n++) {
		scene_meet(2);
		switch (tasklet_form) {
		case 0:
			schedule_tasklet();
			break;
		case 1:
			disable_tasklet();
			break;
		default:
			kill_tasklet(n + 1);
			break;
		}
	}
}

static void
play_tasklet(unsigned int cpu, unsigned int form)
{
	tasklet_form = form % 3;
	tasklet_setup(&tasklet, run_tasklet);
	atomic_store(&tasklet_scheduled, 0);
	scene_cast(schedule_often, NULL, cpu);
	scene_cast(interfere, NULL, cpu + 1);
	scene_join();
	tasklet_kill(&tasklet);
	expect_no_tasklet();
	if (atomic_load(&tasklet_seen) != atomic_load(&tasklet_asked)) {
		host_fail("a tasklet has not run since it was scheduled");
	}
}

const struct scene scene_softirqs[] = {
	{ "softirqs that raise themselves", play_flood },
	{ "a softirq is raised with bottom halves off", play_raise },
	{ "a softirq of an interrupt, with threadirqs", play_threaded },
	{ "softirqs raised here and by interrupts", play_torn },
	{ "a tasklet of two cpus", play_tasklet },
	{ NULL, NULL },
};
