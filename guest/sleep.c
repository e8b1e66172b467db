// SPDX-License-Identifier: ISC
/*
 * The timer of a sleep is on the sleeper's stack: nobody leaves before its function has.
 */
#include "guest/sleep.h"

#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/list.h"
#include "guest/panic.h"
#include "guest/sched.h"
#include "guest/task.h"
#include "guest/timer.h"

struct timed_sleep {
	struct timer timer;
	struct task *task;
};

static void
time_out(struct timer *timer)
{
	struct timed_sleep *sleep = container_of(timer, struct timed_sleep, timer);

	wake_up_process(sleep->task);
}

static int64_t
schedule_until(uint64_t expires_ns)
{
	struct timed_sleep sleep = { .task = current };
	uint64_t now_ns;

	timer_init(&sleep.timer, time_out);
	timer_start(&sleep.timer, expires_ns);
	schedule();
	now_ns = arch_clock_ns();
	if (!bug(TIMEOUT_NOT_CANCELLED) || now_ns < expires_ns) {
		timer_cancel(&sleep.timer); /* expired is not over: it may be in its function */
	}
	ASSERT(!rb_is_linked(&sleep.timer.node)); /* it is on our stack */
	return now_ns < expires_ns ? (int64_t)(expires_ns - now_ns) : 0;
}

/* schedule() checks the context. */
int64_t
schedule_timeout(int64_t timeout_ns)
{
	ASSERT(timeout_ns >= 0);
	if (timeout_ns == MAX_SCHEDULE_TIMEOUT) {
		schedule();
		return MAX_SCHEDULE_TIMEOUT;
	}
	return schedule_until(arch_clock_ns() + (uint64_t)timeout_ns);
}

int64_t
schedule_timeout_interruptible(int64_t timeout_ns)
{
	set_current_state(TASK_INTERRUPTIBLE);
	return schedule_timeout(timeout_ns);
}

int64_t
schedule_timeout_killable(int64_t timeout_ns)
{
	set_current_state(TASK_KILLABLE);
	return schedule_timeout(timeout_ns);
}

int64_t
schedule_timeout_uninterruptible(int64_t timeout_ns)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	return schedule_timeout(timeout_ns);
}
