// SPDX-License-Identifier: ISC
#include "tests/explore/sleeper.h"

#include "guest/sched.h"
#include "tests/explore/scenario.h"

HOST_STATE struct task *sleeper;
HOST_STATE struct atomic sleeper_condition;

void
sleeper_boot(void (*body)(void *), void (*waker)(void *))
{
	explore_name(&sleeper_condition, "condition");
	explore_show(&sleeper_condition, NULL);
	sleeper = scenario_task(0, body, NULL);
	scenario_name_task(sleeper, "sleeper");
	scenario_name_cpus(2);
	scenario_name_task(scenario_task(1, waker, NULL), "waker");
}

static void
wait_for_condition(void)
{
	for (;;) { /* bounded: until the wakeup */
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (atomic_load(&sleeper_condition)) {
			break;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	scenario_done();
}

void
sleeper_wait(void *unused)
{
	(void)unused;
	host_gate();
	wait_for_condition();
	host_stop();
}

void
sleeper_wait_and_end(void *unused)
{
	(void)unused;
	host_gate();
	wait_for_condition();
}

void
sleeper_block(void *unused)
{
	(void)unused;
	set_current_state(TASK_UNINTERRUPTIBLE);
	scenario_gate();
	schedule();
	scenario_done();
	host_stop();
}

void
sleeper_set_and_wake(void *unused)
{
	(void)unused;
	host_gate();
	atomic_store(&sleeper_condition, 1);
	wake_up_state(sleeper, TASK_NORMAL);
	host_stop();
}

void
sleeper_wake(void *unused)
{
	(void)unused;
	scenario_gate();
	HOST_EXPECT(wake_up_state(sleeper, TASK_NORMAL));
	host_stop();
}
