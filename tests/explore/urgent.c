// SPDX-License-Identifier: ISC
#include "tests/explore/urgent.h"

#include "guest/irq.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "tests/explore/scenario.h"

HOST_STATE struct task *urgent;
HOST_STATE unsigned int urgent_runs;

static void
run(void *arg)
{
	(void)arg;
	for (;;) { /* forever: once for each wakeup */
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule();
		urgent_runs++;
	}
}

void
urgent_boot(void)
{
	urgent = scenario_fifo_task(0, 50, run, NULL);
	scenario_name_task(urgent, "urgent");
}

void
urgent_make_ready(void)
{
	preempt_disable();
	HOST_EXPECT(wake_up_process(urgent));
	clear_tsk_need_resched(current);
	clear_preempt_need_resched();
	preempt_enable_no_resched();
}

static void
run_when_ready(void *body)
{
	arch_irq_disable();
	urgent_make_ready();
	arch_irq_enable();
	((void (*)(void *))(uintptr_t)body)(NULL);
}

void
urgent_boot_asked(void (*body)(void *))
{
	preempt_model_set(PREEMPT_FULL);
	urgent_boot();
	scenario_fifo_task(0, 10, run_when_ready, (void *)(uintptr_t)body);
	scenario_task(1, scenario_ask, NULL);
}

void
urgent_wake(void *unused)
{
	(void)unused;
	scenario_gate();
	HOST_EXPECT(wake_up_process(urgent));
	host_stop();
}

bool
urgent_ran(void)
{
	return urgent_runs != 0;
}

bool
urgent_overslept(void)
{
	return need_resched() && host_sent_count(0, IRQ_RESCHEDULE) != 0 &&
	       !(host_cpu(0)->pending & 1u << IRQ_RESCHEDULE);
}

void
urgent_check_once(void)
{
	HOST_EXPECT(urgent_runs == 1);
	HOST_EXPECT(host_all_halted());
}

void
urgent_check_at_most_once(void)
{
	HOST_EXPECT(urgent_runs <= 1);
	HOST_EXPECT(host_all_halted());
}
