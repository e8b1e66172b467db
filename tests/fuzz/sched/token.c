// SPDX-License-Identifier: ISC
#include "tests/fuzz/sched/token.h"

#include "guest/completion.h"
#include "guest/futex.h"
#include "guest/sched.h"
#include "guest/semaphore.h"
#include "guest/signal.h"
#include "guest/sleep.h"
#include "guest/wait.h"
#include "guest/wake_q.h"
#include "tests/host/machine.h"

#define DELAY_NS     1000u
#define DELAY_MAX_NS 1000000000

enum object {
	OBJECT_COMPLETION = 0, /* two of each */
	OBJECT_QUEUE = 2,
	OBJECT_FUTEX = 4,
	OBJECT_SEMAPHORE = 6,
};

static bool moves; /* waiters of futexes are moved in this program */

static HOST_STATE struct completion completions[2];
static HOST_STATE struct completion all; /* of complete_all() */
static HOST_STATE struct wait_queue_head queues[2];
static HOST_STATE struct atomic queue_tokens[2];
static HOST_STATE struct raw_spinlock queue_lock; /* of who waits by wait_event_lock_irq() */
static HOST_STATE struct atomic futexes[2];
static HOST_STATE struct semaphore semaphores[2];
static HOST_STATE struct atomic_ptr workers[FUZZ_TASKS_MAX];
static HOST_STATE struct atomic worker_tokens[FUZZ_TASKS_MAX];

/* ---- posts ---- */

static bool
take(struct atomic *tokens)
{
	uint32_t count = atomic_load(tokens);

	while (count != 0) { /* bounded: one turn more for each change by others */
		if (atomic_try_cmpxchg(tokens, &count, count - 1)) {
			return true;
		}
	}
	return false;
}

static void
wake_worker(unsigned int number, bool by_queue)
{
	struct wake_q_head queue;
	struct task *task;

	atomic_fetch_add(&worker_tokens[number], 1);
	task = atomic_load_acquire(&workers[number]);
	if (task == NULL) {
		return; /* it will find its token */
	}
	if (by_queue) {
		wake_q_init(&queue);
		wake_q_add(&queue, task);
		wake_up_q(&queue);
	} else {
		wake_up_state(task, TASK_NORMAL | TASK_WAKEKILL);
	}
}

/* Waiters of the first may have been moved to the second, so all are told. */
static void
post_futex(unsigned int n)
{
	atomic_fetch_add(&futexes[n], 1);
	if (!moves) {
		futex_wake(&futexes[n], 1, FUTEX_BITSET_MATCH_ANY);
		return;
	}
	for (unsigned int i = 0; i < 2; i++) {
		futex_wake(&futexes[i], UINT32_MAX, FUTEX_BITSET_MATCH_ANY);
	}
}

void
token_post(unsigned int target, bool by_queue)
{
	unsigned int n = target % 2;

	if (target >= PLAN_OBJECT_COUNT) {
		wake_worker(target - PLAN_OBJECT_COUNT, by_queue);
		return;
	}
	switch (target - n) {
	case OBJECT_COMPLETION:
		complete(&completions[n]);
		break;
	case OBJECT_QUEUE:
		atomic_fetch_add(&queue_tokens[n], 1);
		if (!by_queue || wq_has_sleeper(&queues[n])) {
			__wake_up(&queues[n], TASK_NORMAL | TASK_WAKEKILL, 1, NULL);
		}
		break;
	case OBJECT_FUTEX:
		post_futex(n);
		break;
	default:
		up(&semaphores[n]);
		break;
	}
}

/* ---- waits ---- */

/* A wait that a signal has ended is begun anew. */
static void
forget_signals(int error)
{
	if (error != 0) {
		flush_signals(current);
	}
}

/* Of a wait that has timed out: in an unfair order that happens often. */
static int64_t
longer(int64_t timeout)
{
	return timeout < DELAY_MAX_NS ? 2 * timeout : timeout;
}

void
token_wait_for_completion(struct completion *completion, unsigned int form)
{
	int64_t timeout = DELAY_NS;

	switch (form) {
	case 0:
		wait_for_completion(completion);
		return;
	case 1:
		while (wait_for_completion_interruptible(completion) != 0) { /* bounded: signals */
			flush_signals(current);
		}
		return;
	case 2:
		while (wait_for_completion_timeout(completion, timeout) == 0) {
			timeout = longer(timeout); /* bounded: a post */
		}
		return;
	default:
		if (!try_wait_for_completion(completion)) {
			while (wait_for_completion_killable(completion) !=
			       0) { /* bounded: signals */
				flush_signals(current);
			}
		}
		return;
	}
}

void
token_complete_all(void)
{
	complete_all(&all);
}

/* Behind complete_all() one more or less makes no difference. */
void
token_wait_for_all(unsigned int form, bool surely)
{
	if (surely) {
		token_wait_for_completion(&all, form);
		complete(&all);
		HOST_EXPECT(try_wait_for_completion(&all));
	} else {
		wait_for_completion_timeout(&all, DELAY_NS);
	}
}

static void
wait_for_queue(unsigned int n, unsigned int form)
{
	struct atomic *tokens = &queue_tokens[n];
	int error;

	switch (form) {
	case 0:
		wait_event(queues[n], take(tokens));
		return;
	case 1:
		wait_event_exclusive(queues[n], take(tokens));
		return;
	case 2:
		do { /* bounded: signals */
			error = wait_event_interruptible_exclusive(queues[n], take(tokens));
			forget_signals(error);
		} while (error != 0);
		return;
	default: {
		bool has = false;

		raw_spin_lock_irq(&queue_lock);
		wait_event_lock_irq(queues[n], (has = has || take(tokens)), &queue_lock);
		raw_spin_unlock_irq(&queue_lock);
		return;
	}
	}
}

static void
wait_for_futex(unsigned int n, unsigned int form)
{
	int64_t timeout = form == 3 ? DELAY_NS : MAX_SCHEDULE_TIMEOUT;

	while (!take(&futexes[n])) { /* bounded: a post, and timeouts */
		int error = futex_wait(&futexes[n], 0, 1u << form, timeout);

		timeout = form == 3 ? longer(timeout) : timeout;
		forget_signals(error == -EINTR);
	}
}

static void
wait_for_semaphore(unsigned int n, unsigned int form)
{
	if (form == 0) {
		down(&semaphores[n]);
	} else if (form == 1 || down_trylock(&semaphores[n]) != 0) {
		while (down_interruptible(&semaphores[n]) != 0) { /* bounded: signals */
			flush_signals(current);
		}
	}
}

/* Whoever takes nobody's token gives it back, so that those who wait for it get it. */
static void
wait_a_moment(unsigned int object)
{
	unsigned int n = object % 2;

	switch (object - n) {
	case OBJECT_COMPLETION:
		if (wait_for_completion_timeout(&completions[n], DELAY_NS) != 0) {
			complete(&completions[n]);
		}
		break;
	case OBJECT_QUEUE:
		if (wait_event_exclusive_timeout(queues[n], take(&queue_tokens[n]), DELAY_NS) !=
		    0) {
			token_post(object, false);
		}
		break;
	case OBJECT_FUTEX:
		if (futex_wait(&futexes[n], 0, FUTEX_BITSET_MATCH_ANY, DELAY_NS) == 0) {
			futex_wake(&futexes[n], 1, FUTEX_BITSET_MATCH_ANY);
		}
		break;
	default:
		if (down_trylock(&semaphores[n]) == 0) {
			up(&semaphores[n]);
		}
		break;
	}
}

void
token_wait(unsigned int object, unsigned int form, bool surely)
{
	unsigned int n = object % 2;

	if (!surely) {
		wait_a_moment(object);
		return;
	}
	switch (object - n) {
	case OBJECT_COMPLETION:
		token_wait_for_completion(&completions[n], form);
		break;
	case OBJECT_QUEUE:
		wait_for_queue(n, form);
		break;
	case OBJECT_FUTEX:
		wait_for_futex(n, form);
		break;
	default:
		wait_for_semaphore(n, form);
		break;
	}
}

void
token_sleep(unsigned int worker, unsigned int form, bool surely)
{
	static const uint32_t states[] = { TASK_UNINTERRUPTIBLE, TASK_INTERRUPTIBLE, TASK_KILLABLE,
		                           TASK_IDLE };

	if (!surely) {
		schedule_timeout_interruptible(DELAY_NS);
		return;
	}
	for (;;) { /* bounded: it is woken, and signals */
		set_current_state(states[form]);
		if (take(&worker_tokens[worker])) {
			break;
		}
		schedule();
		if (signal_pending(current)) {
			flush_signals(current);
		}
	}
	__set_current_state(TASK_RUNNING);
}

void
token_move_waiters(unsigned int wakes)
{
	futex_requeue(&futexes[0], &futexes[1], wakes, 2);
}

/* ---- the runs ---- */

void
token_prepare(bool waiters_move)
{
	moves = waiters_move;
}

void
token_set_worker(unsigned int number, struct task *task)
{
	atomic_store_release(&workers[number], task);
}

void
token_boot(void)
{
	raw_spin_lock_init(&queue_lock);
	for (unsigned int n = 0; n < 2; n++) {
		init_completion(&completions[n]);
		init_waitqueue_head(&queues[n]);
		sema_init(&semaphores[n], 0);
	}
	init_completion(&all);
}
