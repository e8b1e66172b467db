// SPDX-License-Identifier: ISC
/*
 * Scenes of points of preemption: where a request must be answered, and where it must not.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "guest/arch.h"
#include "guest/cmdline.h"
#include "guest/context_tracking.h"
#include "guest/preempt.h"
#include "guest/preempt_names.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/softirq.h"
#include "guest/timer.h"
#include "tests/fuzz/sched/misuse.h"
#include "tests/fuzz/sched/operation.h"
#include "tests/fuzz/sched/promises.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/fuzz/schedule.h"
#include "tests/host/machine.h"

#define STEPS    4u
#define ACCESSES 10u  /* to ksoftirqd's state, of a round: more than there are */
#define LATE_NS  500u /* later than a round */

/*
 * No point of its own: what an interrupt asks for its return answers. What was asked before, with
 * interrupts off, as by a queued work, waits for a point.
 */
static void
play_lingering(unsigned int cpu, unsigned int form)
{
	(void)cpu;
	operation_have_a_chance();
	for (unsigned int n = 0; n < STEPS * (1 + form); n++) {
		scene_pass(1);
		operation_expect_answered("an interrupt");
	}
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
raise_often(unsigned int form)
{
	atomic_store(&raised, 0);
	times = 4 * (1 + form);
	timer_start(&raiser, arch_clock_ns());
	scene_await(&raised, 1);
}

/* ksoftirqd goes through its round, and is about to look at its state, or to set it: the nth time.
 */
static void
raise_when_it_rests(unsigned int n)
{
	atomic_store(&raised, 0);
	times = 1;
	preempt_disable();
	timer_start(&raiser, arch_clock_ns() + LATE_NS);
	schedule_act_at(&this_cpu_read(ksoftirqd)->state, n, FUZZ_ACTION_TIMER, smp_processor_id());
	raise_softirq(BLOCK_SOFTIRQ);
	preempt_enable();
	scene_await(&raised, 1);
}

static void
play_threaded(unsigned int cpu, unsigned int form)
{
	(void)cpu;
	promises_force_threads(true);
	timer_init(&raiser, raise_again);
	if (form & 1) {
		for (unsigned int n = 1; n <= ACCESSES; n++) {
			raise_when_it_rests(n);
		}
	} else {
		raise_often(form);
	}
	promises_force_threads(false);
}

/* ---- a request that came with interrupts off ---- */

/* What it is asked for is this task's own cpu: nobody else answers. */
static void
ask_here(void)
{
	resched_cpu(raw_smp_processor_id());
}

/* What was asked is still to be done. */
static void
expect_unanswered(const char *where)
{
	if (!need_resched()) {
		host_fail("a request is answered %s", where);
	}
}

/* As idle does: nothing may be switched to here, whatever comes. */
static void
play_unwatched(unsigned int cpu, unsigned int form)
{
	(void)cpu;
	arch_irq_disable();
	ask_here();
	arch_ipi_send(raw_smp_processor_id(), IRQ_RESCHEDULE);
	ct_idle_enter();
	arch_irq_enable();
	scene_pass(STEPS * (1 + form));
	arch_irq_disable();
	expect_unanswered("where RCU does not watch");
	ct_idle_exit();
	arch_irq_enable();
	operation_have_a_chance();
}

static void
play_asked(unsigned int cpu, unsigned int form)
{
	(void)cpu;
	arch_irq_disable();
	ask_here();
	if (form % 4 == 0) {
		operation_take_exception();
		expect_unanswered("with interrupts off");
	}
	arch_irq_enable();
	switch (form % 4) {
	case 1:
		cond_resched();
		break;
	case 2:
		might_sleep();
		break;
	case 3:
		operation_take_exception();
		operation_expect_answered("an exception");
		break;
	default:
		break;
	}
	operation_have_a_chance();
}

/* ---- the model's name ---- */

static void
play_names(unsigned int cpu, unsigned int form)
{
	enum preempt_model shown = (enum preempt_model)(form % PREEMPT_MODEL_COUNT);
	char names[PREEMPT_NAMES_SIZE];
	char wanted[PREEMPT_NAMES_SIZE];

	(void)cpu;
	preempt_names_format(names, sizeof(names), shown);
	snprintf(wanted, sizeof(wanted), "(%s)", preempt_model_names[shown]);
	if (strstr(names, wanted) == NULL) {
		host_fail("the active model is not shown: %s", names);
	}
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
	{ "asked with interrupts off", play_asked },
	{ "the model's name", play_names },
	{ "a misuse, which ends the run", play_misuse },
	{ NULL, NULL },
};
