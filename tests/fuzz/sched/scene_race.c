// SPDX-License-Identifier: ISC
/*
 * Scenes of two who meet at one point of a line, a timer, a tasklet or a task. The first cpu is
 * where it is handled; the second interferes.
 */
#include <stddef.h>

#include "guest/arch.h"
#include "guest/bottom_half.h"
#include "guest/interrupt.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/signal.h"
#include "guest/smp.h"
#include "guest/smp_call.h"
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
static HOST_STATE struct task *whom;
static HOST_STATE struct atomic condition;
static HOST_STATE struct atomic step; /* the last round that the other one is through with */

static void
play_two(void (*first)(void *), void (*second)(void *), unsigned int cpu)
{
	first_cpu = cpu;
	second_cpu = (cpu + 1) % cpu_count;
	atomic_store(&inside, 0);
	atomic_store(&off, 0);
	atomic_store(&condition, 0);
	atomic_store(&step, 0);
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

/* ---- a timer ---- */

static HOST_STATE struct timer timer;
static HOST_STATE struct atomic expired; /* so many times: counted where it begins */

static void
expire(struct timer *unused)
{
	(void)unused;
	atomic_fetch_add(&expired, 1);
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
start_to_cancel(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_face(true);
		timer_start(&timer, arch_clock_ns());
		scene_pass(4);
	}
}

/* Its function has begun, and nobody starts it until the next round. */
static void
cancel_inside(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_face(false);
		scene_spin(&expired, n);
		timer_cancel(&timer);
		if (atomic_load(&inside)) {
			host_fail("a timer's function still runs, and the timer was cancelled");
		}
	}
}

/* ---- a tasklet ---- */

#define ENDS 8 /* points behind the function, one more in each round */

static HOST_STATE struct tasklet tasklet;
static HOST_STATE struct atomic asked;
static HOST_STATE struct atomic scheduled;
static HOST_STATE struct atomic seen;

static void
schedule_tasklet(void)
{
	local_bh_disable();
	atomic_fetch_add(&asked, 1);
	tasklet_schedule(&tasklet);
	atomic_fetch_add(&scheduled, 1);
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

/* Who schedules it meanwhile would be refused. */
static void
kill_at_end(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ENDS; n++) {
		scene_face(false);
		scene_spin(&scheduled, n + 1);
		tasklet_kill(&tasklet);
	}
}

/* ---- a call ---- */

static HOST_STATE struct call_single_data call;

/* That it has begun is seen late. */
static void
see_call(struct call_single_data *unused)
{
	(void)unused;
	atomic_store(&seen, atomic_load(&asked));
	scene_hand_over(second_cpu);
	scene_pass(2);
}

static void
be_called(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_face(true);
		schedule_act_at(&call.queued, 1, FUZZ_ACTION_HOLD, first_cpu);
		scene_hand_over(second_cpu);
		scene_pass(2);
	}
}

/* The second one is refused, or comes; what was stored before is seen in both cases. */
static void
call_twice(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_face(false);
		atomic_store(&asked, 2 * n - 1);
		smp_call_function_single_async(first_cpu, &call);
		scene_hand_over(first_cpu);
		atomic_store(&asked, 2 * n);
		smp_call_function_single_async(first_cpu, &call);
		scene_await(&seen, 2 * n);
	}
}

/* ---- a task ---- */

/* A stop ends by SIGCONT, and not by who has seen it in the sleep before. */
static void
sleep_and_stop(void *unused)
{
	(void)unused;
	whom = current;
	allow_signal(SIGSTOP);
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		send_sig(SIGSTOP, current);
		scene_face(true);
		scene_hand_over_at(&condition, 1, second_cpu);
		set_current_state(TASK_UNINTERRUPTIBLE);
		while (atomic_load(&condition) < n) { /* bounded: it comes true */
			schedule();
			set_current_state(TASK_UNINTERRUPTIBLE);
		}
		__set_current_state(TASK_RUNNING);
		HOST_EXPECT(get_signal() == 0);
		if (atomic_load(&step) < n) {
			host_fail("a stop ends, and nobody has continued it");
		}
	}
}

/* With the task in hand it lets it go on. */
static void
wake_and_continue(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_face(false);
		atomic_store_mb(&condition, n);
		scene_hand_over_at(&whom->state, 2, first_cpu);
		wake_up_process(whom);
		scene_hand_over(first_cpu);
		scene_pass(8);
		atomic_store(&step, n);
		send_sig(SIGCONT, whom);
	}
}

#define POINTS_MAX 6

/* The interrupt that moves it comes a point later in each round. */
static void
count_and_move(void *unused)
{
	(void)unused;
	whom = current;
	for (unsigned int n = 0; n < POINTS_MAX; n++) {
		HOST_EXPECT(set_cpus_allowed(current, 1ul << first_cpu) == 0);
		scene_face(true);
		schedule_act(FUZZ_ACTION_HOLD, first_cpu);
		scene_hand_over(second_cpu);
		scene_spin(&step, n + 1);
		schedule_act_later(n, FUZZ_ACTION_RELEASE, first_cpu);
		preempt_disable();
		preempt_enable();
	}
}

static void
move_often(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < POINTS_MAX; n++) {
		scene_face(false);
		HOST_EXPECT(set_cpus_allowed(whom, 1ul << second_cpu) == 0);
		atomic_store(&step, n + 1);
	}
}

/* ---- all of them ---- */

static void
play_line(unsigned int cpu)
{
	HOST_EXPECT(request_irq(LINE, handle, 0, "race", &device) == 0);
	play_two(take_interrupts, disable_line, cpu);
	free_irq(LINE, &device);
}

static void
play_timer(unsigned int cpu)
{
	timer_init(&timer, expire);
	play_two(start_timer, start_timer, cpu);
	timer_cancel(&timer);
	atomic_store(&expired, 0);
	play_two(start_to_cancel, cancel_inside, cpu);
}

static void
play_tasklet(void (*function)(struct tasklet *), void (*first)(void *), void (*second)(void *),
             unsigned int cpu)
{
	atomic_store(&asked, 0);
	atomic_store(&scheduled, 0);
	atomic_store(&seen, 0);
	tasklet_setup(&tasklet, function);
	play_two(first, second, cpu);
	tasklet_kill(&tasklet);
	if (atomic_load(&seen) != atomic_load(&asked)) {
		host_fail("a tasklet has not run since it was scheduled");
	}
}

static void
play_race(unsigned int cpu, unsigned int form)
{
	if (cpu_count < 2) {
		return;
	}
	switch (form % 8) {
	case 0:
		play_line(cpu);
		break;
	case 1:
		play_timer(cpu);
		break;
	case 2:
		play_tasklet(run_once_more, schedule_while_inside, schedule_while_inside, cpu);
		break;
	case 3:
		play_tasklet(run_once_more, schedule_to_meet, disable_tasklet, cpu);
		break;
	case 4:
		play_tasklet(end_late, schedule_to_end, kill_at_end, cpu);
		break;
	case 5:
		play_two(sleep_and_stop, wake_and_continue, cpu);
		break;
	case 6:
		play_two(count_and_move, move_often, cpu);
		break;
	default:
		call = (struct call_single_data)CALL_SINGLE_DATA_INIT(see_call);
		atomic_store(&seen, 0);
		play_two(be_called, call_twice, cpu);
		break;
	}
}

const struct scene scene_races[] = {
	{ "two at one point", play_race },
	{ NULL, NULL },
};
