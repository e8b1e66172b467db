// SPDX-License-Identifier: ISC
/*
 * ksoftirqd: serves what was raised where no exit follows, and what is too much for one exit, as a
 * task among others. Linux 6.18's kernel/softirq.c.
 */
#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/kthread.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/softirq.h"
#include "guest/task.h"
#include "guest/tasklet.h"

DEFINE_PER_CPU(struct task *, ksoftirqd);

/* Whoever raises makes it pending before the wakeup: set before the look, the state misses none. */
static void
sleep_until_raised(void)
{
	bool raised = bug(KSOFTIRQD_TESTS_FIRST) && local_softirq_pending() != 0;

	set_current_state(TASK_INTERRUPTIBLE);
	if (!bug(KSOFTIRQD_TESTS_FIRST)) {
		raised = local_softirq_pending() != 0;
	}
	if (!raised && !kthread_should_stop() && !kthread_should_park()) {
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

/*
 * What a handler asked for is answered by the enable, or, in models that do not preempt, behind it:
 * the end of a softirq is no such point.
 */
static void
serve(void)
{
	preempt_disable();
	run_ksoftirqd();
	if (bug(KSOFTIRQD_NO_POINT)) {
		preempt_enable_no_resched();
		return;
	}
	preempt_enable();
	cond_resched();
}

static int
run(void *unused)
{
	(void)unused;
	while (!kthread_should_stop()) { /* bounded: until it is stopped */
		kthread_parkme();
		sleep_until_raised();
		serve();
	}
	return 0;
}

void
softirq_init(void)
{
	if (per_cpu(ksoftirqd, 0) != NULL) {
		return;
	}
	tasklet_init();
	for_each_cpu (cpu) {
		struct task *thread = kthread_create_on_cpu(run, NULL, cpu, "ksoftirqd/%u", cpu);

		if (thread == NULL) {
			panic("no memory for ksoftirqd/%u", cpu);
		}
		per_cpu(ksoftirqd, cpu) = thread;
		wake_up_process(thread);
	}
}
