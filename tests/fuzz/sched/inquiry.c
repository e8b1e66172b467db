// SPDX-License-Identifier: ISC
/*
 * An inquiry is used once, and made anew when it is: what stands in it of an earlier run means
 * nothing. Whoever asks goes on when the answer has been given to its end, so that no signal is on
 * its way any more.
 */
#include "tests/fuzz/sched/inquiry.h"

#include "guest/atomic.h"
#include "guest/completion.h"
#include "guest/errno.h"
#include "guest/futex.h"
#include "guest/sched.h"
#include "guest/semaphore.h"
#include "guest/signal.h"
#include "guest/sleep.h"
#include "guest/wait.h"
#include "tests/fuzz/sched/message.h"
#include "tests/fuzz/sched/plan.h"
#include "tests/host/machine.h"

#define DELAY_NS 1000u

enum how {
	SLEEP,
	SLEEP_INTERRUPTIBLY,
	FUTEX,
	FUTEX_OF_A_CHILD, /* which ends when its time is over, or when it is woken */
	QUEUE,
	QUEUE_EXCLUSIVELY,
	/* Answered, then interrupted. */
	SLEEP_FIRST,
	FUTEX_FIRST,
	QUEUE_FIRST,
	COMPLETION_FIRST,
	SEMAPHORE_FIRST,
	/* Interrupted, and never answered. */
	FUTEX_INTERRUPTED,
	COMPLETION_INTERRUPTED,
	/* The same by a signal that may not end it, and then by one that does. */
	SLEEP_KILLED,
	COMPLETION_KILLED,
	QUEUE_KILLED,
};

struct inquiry {
	struct task *task; /* who asks; it stays until `answered` */
	enum how how;
	struct atomic told;
	struct atomic answered;
	struct completion completion;
	struct semaphore semaphore;
	struct wait_queue_head queue;
};

static struct inquiry inquiries[PLAN_OPS_MAX];
static HOST_STATE struct atomic count;
static bool is_alone;

/* ---- answers ---- */

static void
interrupt(const struct inquiry *inquiry)
{
	HOST_EXPECT(send_sig(SIGUSR1, inquiry->task) == 0);
}

static void
tell_queue(struct inquiry *inquiry)
{
	atomic_store(&inquiry->told, 1);
	if (wq_has_sleeper(&inquiry->queue)) {
		wake_up_all(&inquiry->queue);
	}
}

static void
tell(struct inquiry *inquiry)
{
	switch (inquiry->how) {
	case FUTEX:
	case FUTEX_OF_A_CHILD:
	case FUTEX_FIRST:
		atomic_store(&inquiry->told, 1);
		futex_wake(&inquiry->told, 1, FUTEX_BITSET_MATCH_ANY);
		break;
	case QUEUE:
	case QUEUE_EXCLUSIVELY:
	case QUEUE_FIRST:
		tell_queue(inquiry);
		break;
	case COMPLETION_FIRST:
		complete(&inquiry->completion);
		break;
	case SEMAPHORE_FIRST:
		up(&inquiry->semaphore);
		break;
	default:
		atomic_store(&inquiry->told, 1);
		wake_up_process(inquiry->task);
		break;
	}
}

static void
answer(void *arg)
{
	struct inquiry *inquiry = arg;

	switch (inquiry->how) {
	case FUTEX_INTERRUPTED:
	case COMPLETION_INTERRUPTED:
		atomic_store(&inquiry->told, 1);
		interrupt(inquiry);
		break;
	case SLEEP_KILLED:
	case COMPLETION_KILLED:
	case QUEUE_KILLED:
		interrupt(inquiry);
		atomic_store(&inquiry->told, 1);
		HOST_EXPECT(send_sig(SIGKILL, inquiry->task) == 0);
		break;
	case SLEEP_FIRST:
	case FUTEX_FIRST:
	case QUEUE_FIRST:
	case COMPLETION_FIRST:
	case SEMAPHORE_FIRST:
		tell(inquiry);
		interrupt(inquiry);
		break;
	default:
		tell(inquiry);
		break;
	}
	atomic_store_release(&inquiry->answered, 1);
}

/* ---- waits ---- */

static void
sleep_until_told(struct inquiry *inquiry, uint32_t state)
{
	for (;;) { /* bounded: it is told, and signals */
		set_current_state(state);
		if (atomic_load(&inquiry->told)) {
			break;
		}
		schedule();
		flush_signals(current);
	}
	__set_current_state(TASK_RUNNING);
}

static void
wait_for_futex(struct inquiry *inquiry)
{
	while (!atomic_load(&inquiry->told)) { /* bounded: it is told, and signals */
		int error =
			futex_wait(&inquiry->told, 0, FUTEX_BITSET_MATCH_ANY, MAX_SCHEDULE_TIMEOUT);

		HOST_EXPECT(error != 0 || atomic_load(&inquiry->told));
		if (error == -EINTR) {
			flush_signals(current);
		}
	}
}

/* Nobody else holds it: whoever wakes it must. */
static void
be_child(void *arg)
{
	struct inquiry *inquiry = arg;

	futex_wait(&inquiry->told, 0, FUTEX_BITSET_MATCH_ANY, DELAY_NS);
}

static void
have_child(struct inquiry *inquiry)
{
	struct task *child =
		task_run(&(struct task_params){ .comm = "child", .fn = be_child, .arg = inquiry });

	HOST_EXPECT(child != NULL);
	task_put(child);
}

/* What had been answered before the signal was sent comes first. */
static int
wait_for_first(struct inquiry *inquiry)
{
	switch (inquiry->how) {
	case QUEUE_FIRST:
		return wait_event_interruptible(inquiry->queue, atomic_load(&inquiry->told));
	case COMPLETION_FIRST:
		return wait_for_completion_interruptible(&inquiry->completion);
	default:
		return down_interruptible(&inquiry->semaphore);
	}
}

static void
expect_first(struct inquiry *inquiry)
{
	int error;

	while ((error = wait_for_first(inquiry)) != 0) { /* bounded: other signals */
		if (is_alone) {
			host_fail("a wait ends with %d, behind its answer", error);
		}
		flush_signals(current);
	}
}

static int
wait_for_signal(struct inquiry *inquiry)
{
	switch (inquiry->how) {
	case FUTEX_INTERRUPTED:
		return futex_wait(&inquiry->answered, 0, FUTEX_BITSET_MATCH_ANY,
		                  MAX_SCHEDULE_TIMEOUT);
	case COMPLETION_INTERRUPTED:
		return wait_for_completion_interruptible(&inquiry->completion);
	case COMPLETION_KILLED:
		return wait_for_completion_killable(&inquiry->completion);
	default:
		return wait_event_killable(inquiry->queue, false);
	}
}

/* Signals are forgotten before the look: one that is sent behind it ends the next wait. */
static void
expect_signal(struct inquiry *inquiry)
{
	bool is_fatal = inquiry->how == COMPLETION_KILLED || inquiry->how == QUEUE_KILLED;

	do { /* bounded: other signals */
		int error = wait_for_signal(inquiry);

		HOST_EXPECT(error == -EINTR || error == -EAGAIN);
		if (is_fatal && !fatal_signal_pending(current)) {
			host_fail("a killable wait is ended by any signal");
		}
		flush_signals(current);
	} while (!atomic_load(&inquiry->told));
}

static void
wait_for_kill(struct inquiry *inquiry)
{
	do { /* bounded: other wakeups */
		set_current_state(TASK_KILLABLE);
		if (atomic_load(&inquiry->told)) {
			break;
		}
		schedule();
	} while (!fatal_signal_pending(current));
	__set_current_state(TASK_RUNNING);
}

static void
wait_for_answer(struct inquiry *inquiry)
{
	switch (inquiry->how) {
	case SLEEP:
		sleep_until_told(inquiry, TASK_UNINTERRUPTIBLE);
		break;
	case SLEEP_INTERRUPTIBLY:
	case SLEEP_FIRST:
		sleep_until_told(inquiry, TASK_INTERRUPTIBLE);
		break;
	case FUTEX:
	case FUTEX_FIRST:
		wait_for_futex(inquiry);
		break;
	case FUTEX_OF_A_CHILD:
		break;
	case QUEUE:
		wait_event(inquiry->queue, atomic_load(&inquiry->told));
		break;
	case QUEUE_EXCLUSIVELY:
		wait_event_exclusive(inquiry->queue, atomic_load(&inquiry->told));
		break;
	case SLEEP_KILLED:
		wait_for_kill(inquiry);
		break;
	case QUEUE_FIRST:
	case COMPLETION_FIRST:
	case SEMAPHORE_FIRST:
		expect_first(inquiry);
		break;
	default:
		expect_signal(inquiry);
		break;
	}
}

void
inquiry_make(unsigned int how, unsigned int way, unsigned int cpu)
{
	struct inquiry *inquiry = &inquiries[atomic_fetch_add(&count, 1)];
	int64_t delay = DELAY_NS;

	allow_signal(SIGUSR1);
	allow_signal(SIGKILL);
	inquiry->task = current;
	inquiry->how = how;
	atomic_store(&inquiry->told, 0);
	atomic_store(&inquiry->answered, 0);
	init_completion(&inquiry->completion);
	sema_init(&inquiry->semaphore, 0);
	init_waitqueue_head(&inquiry->queue);
	if (how == FUTEX_OF_A_CHILD) {
		have_child(inquiry);
	}
	message_call(answer, inquiry, way, cpu);
	wait_for_answer(inquiry);
	while (!atomic_load_acquire(&inquiry->answered)) { /* bounded: it will be */
		schedule_timeout_uninterruptible(delay);
		delay *= 2;
	}
	flush_signals(current);
}

void
inquiry_prepare(bool alone)
{
	is_alone = alone;
}
