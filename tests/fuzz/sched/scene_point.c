// SPDX-License-Identifier: ISC
/*
 * Scenes of points of preemption: where a request must be answered, and where it must not.
 */
#include <stddef.h>

#include "guest/arch.h"
#include "guest/cmdline.h"
#include "guest/context_tracking.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/softirq.h"
#include "guest/timer.h"
#include "tests/fuzz/sched/misuse.h"
#include "tests/fuzz/sched/operation.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/host/machine.h"

#define STEPS 4u

static uint64_t
switches_of(const struct task *task)
{
	return task->nvcsw + task->nivcsw;
}

/* No point of its own: what an interrupt asks for its return answers. */
static void
play_lingering(unsigned int cpu, unsigned int form)
{
	(void)cpu;
	for (unsigned int n = 0; n < STEPS * (1 + form); n++) {
		scene_pass(1);
		operation_expect_answered("an interrupt");
	}
}

/* As idle does: nothing may be switched to here. */
static void
play_unwatched(unsigned int cpu, unsigned int form)
{
	uint64_t switches = switches_of(current);

	(void)cpu;
	arch_irq_disable();
	ct_idle_enter();
	arch_irq_enable();
	scene_pass(STEPS * (1 + form));
	arch_irq_disable();
	if (switches_of(current) != switches) {
		host_fail("a switch where RCU does not watch");
	}
	ct_idle_exit();
	arch_irq_enable();
	operation_have_a_chance();
}

/* For the rest of the run. */
static void
play_polling(unsigned int cpu, unsigned int form)
{
	(void)cpu;
	(void)form;
	boot_args.idle_polls = true;
}

/* ---- interrupts leave their softirqs to ksoftirqd ---- */

static HOST_STATE struct timer raiser;
static HOST_STATE struct atomic raised;
static HOST_STATE unsigned int times;

static void
raise_again(struct timer *timer)
{
	raise_softirq(BLOCK_SOFTIRQ);
	if (--times != 0) {
		timer_start(timer, arch_clock_ns() + 100 * (times % 3));
	} else {
		atomic_store(&raised, 1);
	}
}

static void
play_threaded(unsigned int cpu, unsigned int form)
{
	(void)cpu;
	boot_args.threadirqs = true;
	atomic_store(&raised, 0);
	times = 4 * (1 + form);
	timer_init(&raiser, raise_again);
	timer_start(&raiser, arch_clock_ns());
	scene_await(&raised, 1);
	boot_args.threadirqs = false;
}

static void
play_misuse(unsigned int cpu, unsigned int form)
{
	(void)cpu;
	misuse_commit(form);
}

const struct scene scene_points[] = {
	{ "lingering", play_lingering },
	{ "unwatched", play_unwatched },
	{ "idle polls", play_polling },
	{ "threaded softirqs", play_threaded },
	{ "a misuse, which ends the run", play_misuse },
	{ NULL, NULL },
};
