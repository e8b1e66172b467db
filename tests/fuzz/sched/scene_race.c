// SPDX-License-Identifier: ISC
/*
 * Scenes of two who meet at one point of a line, a softirq, a tasklet, a timer, a task or its
 * memory. The first cpu is where it is handled; the second interferes.
 */
#include <stddef.h>

#include "guest/arch.h"
#include "guest/bottom_half.h"
#include "guest/interrupt.h"
#include "guest/irq_work.h"
#include "guest/mutex.h"
#include "guest/object.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/signal.h"
#include "guest/smp.h"
#include "guest/softirq.h"
#include "guest/tasklet.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "tests/fuzz/schedule.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/host/machine.h"

#define ROUNDS 3

static HOST_STATE unsigned int first_cpu;
static HOST_STATE unsigned int second_cpu;
static HOST_STATE struct atomic inside;
static HOST_STATE struct atomic off; /* disabled */

static void
play_two(void (*first)(void *), void (*second)(void *), unsigned int cpu)
{
	first_cpu = cpu;
	second_cpu = (cpu + 1) % cpu_count;
	atomic_store(&inside, 0);
	atomic_store(&off, 0);
	scene_cast(first, NULL, first_cpu);
	scene_cast(second, NULL, second_cpu);
	scene_join();
}

/* In what is to run alone, and not while it is disabled: the other one goes on meanwhile. */
static void
be_inside(const char *what)
{
	if (atomic_fetch_add(&inside, 1) != 0) {
		host_fail("%s runs twice at a time", what);
	}
	if (atomic_load(&off)) {
		host_fail("%s runs, and is disabled", what);
	}
	scene_hand_over(second_cpu);
	scene_pass(4);
	atomic_fetch_sub(&inside, 1);
}

static void
expect_nobody_inside(const char *what)
{
	atomic_store_mb(&off, 1);
	if (atomic_load(&inside)) {
		host_fail("%s still runs, and is disabled", what);
	}
}

/* ---- a line ---- */

#define LINE IRQ_EVENT

static HOST_STATE uint32_t device;

static enum irqreturn
handle(unsigned int irq, void *unused)
{
	(void)irq;
	(void)unused;
	be_inside("a line's handler");
	return IRQ_HANDLED;
}

static void
take_interrupts(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_face(true);
		preempt_disable();
		arch_ipi_send(first_cpu, LINE);
		preempt_enable();
		scene_pass(4);
	}
}

static void
disable_line(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_face(false);
		disable_irq(LINE);
		expect_nobody_inside("a line's handler");
		atomic_store_release(&off, 0);
		enable_irq(LINE);
	}
}

static void
play_line(unsigned int cpu, unsigned int form)
{
	if (cpu_count < 2) {
		return;
	}
	(void)form;
	HOST_EXPECT(request_irq(LINE, handle, 0, "race", &device) == 0);
	play_two(take_interrupts, disable_line, cpu);
	free_irq(LINE, &device);
}

/* ---- a timer ---- */

static HOST_STATE struct timer timer;

static void
expire(struct timer *unused)
{
	(void)unused;
	be_inside("a timer's function");
}

static void
start_timer(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_face(smp_processor_id() == first_cpu);
		timer_start(&timer, arch_clock_ns());
		scene_pass(4);
	}
}

static void
play_timer(unsigned int cpu, unsigned int form)
{
	if (cpu_count < 2) {
		return;
	}
	(void)form;
	timer_init(&timer, expire);
	play_two(start_timer, start_timer, cpu);
	timer_cancel(&timer);
}

/* ---- a softirq that is raised while an interrupt raises another ---- */

#define POINTS_MAX 12
#define PATIENCE   20

static HOST_STATE struct irq_work work;
static HOST_STATE struct atomic raised;
static HOST_STATE struct atomic seen;

static void
see_raised(void)
{
	atomic_store(&seen, atomic_load(&raised));
}

static void
see_nothing(void)
{
}

static void
raise_in_interrupt(struct irq_work *unused)
{
	(void)unused;
	atomic_fetch_add(&raised, 1);
	raise_softirq_irqoff(TIMER_SOFTIRQ);
}

/* Sleeps while time does not go on without: ksoftirqd may have it. */
static void
expect_served(void)
{
	uint64_t ns = 1000;

	for (unsigned int n = 0; atomic_load(&seen) != atomic_load(&raised); n++) {
		if (n == PATIENCE) {
			host_fail("a softirq that an interrupt has raised is never served");
		}
		timer_sleep(ns);
		ns += ns;
	}
}

static void
raise_interrupted(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < POINTS_MAX; n++) {
		unsigned int cpu = smp_processor_id();
		unsigned long flags;

		local_bh_disable();
		flags = arch_irq_save();
		schedule_act(FUZZ_ACTION_HOLD, cpu);
		irq_work_queue(&work);
		arch_irq_restore(flags);
		schedule_act_later(n, FUZZ_ACTION_RELEASE, cpu);
		raise_softirq(RCU_SOFTIRQ);
		local_bh_enable();
		irq_work_sync(&work);
		expect_served();
	}
}

static void
play_raises(unsigned int cpu, unsigned int form)
{
	(void)form;
	open_softirq(TIMER_SOFTIRQ, see_raised);
	open_softirq(RCU_SOFTIRQ, see_nothing);
	init_irq_work(&work, raise_in_interrupt);
	scene_cast(raise_interrupted, NULL, cpu);
	scene_join();
}

/* ---- a tasklet ---- */

#define ENDS 8 /* points behind the function, one more in each round */

static HOST_STATE struct tasklet tasklet;
static HOST_STATE struct atomic asked;

static void
schedule_tasklet(void)
{
	local_bh_disable();
	atomic_fetch_add(&asked, 1);
	tasklet_schedule(&tasklet);
	local_bh_enable();
}

/* Its latest question is one that it has seen, or it runs again. */
static void
run_once_more(struct tasklet *unused)
{
	(void)unused;
	atomic_store(&seen, atomic_load(&asked));
	be_inside("a tasklet");
}

static void
schedule_while_inside(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_face(smp_processor_id() == first_cpu);
		schedule_tasklet();
	}
}

/* As it is marked as running, and not before, the other one disables it. */
static void
schedule_to_meet(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_face(true);
		scene_hand_over_at(&tasklet.state, 2, second_cpu);
		schedule_tasklet();
	}
}

static void
disable_tasklet(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		unsigned long flags;

		scene_face(false);
		flags = arch_irq_save();
		tasklet_disable_in_atomic(&tasklet);
		expect_nobody_inside("a tasklet");
		scene_hand_over(first_cpu);
		scene_pass(4);
		atomic_store_release(&off, 0);
		tasklet_enable(&tasklet);
		arch_irq_restore(flags);
	}
}

static HOST_STATE unsigned int end_points;

/* What this cpu stores at its end is seen late. */
static void
end_late(struct tasklet *unused)
{
	(void)unused;
	atomic_store(&seen, atomic_load(&asked));
	schedule_act(FUZZ_ACTION_HOLD, smp_processor_id());
	schedule_act_later(end_points, FUZZ_ACTION_SWITCH, second_cpu);
}

static void
schedule_to_end(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ENDS; n++) {
		scene_face(true);
		end_points = n + 1;
		schedule_tasklet();
	}
}

static void
kill_at_end(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ENDS; n++) {
		scene_face(false);
		tasklet_kill(&tasklet);
	}
}

static void
play_tasklet(unsigned int cpu, unsigned int form)
{
	if (cpu_count < 2) {
		return;
	}
	atomic_store(&asked, 0);
	atomic_store(&seen, 0);
	switch (form % 3) {
	case 0:
		tasklet_setup(&tasklet, run_once_more);
		play_two(schedule_while_inside, schedule_while_inside, cpu);
		break;
	case 1:
		tasklet_setup(&tasklet, run_once_more);
		play_two(schedule_to_meet, disable_tasklet, cpu);
		break;
	default:
		tasklet_setup(&tasklet, end_late);
		play_two(schedule_to_end, kill_at_end, cpu);
		break;
	}
	tasklet_kill(&tasklet);
	if (atomic_load(&seen) != atomic_load(&asked)) {
		host_fail("a tasklet has not run since it was scheduled");
	}
}

const struct scene scene_races[] = {
	{ "a line is disabled as its handler runs", play_line },
	{ "a timer is started as its function runs", play_timer },
	{ "a softirq is raised as an interrupt raises another", play_raises },
	{ "a tasklet runs as others need it", play_tasklet },
	{ NULL, NULL },
};
