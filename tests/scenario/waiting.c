// SPDX-License-Identifier: ISC
/*
 * A storm of waits inside the guest: exclusive waiters with timeouts and signals, a mutex of a
 * futex word, completions on stacks, stops. Each part ends by its counts only if no wakeup is lost;
 * each prints PASS or FAIL with its name.
 */
#include <stdbool.h>
#include <stdint.h>

#include "guest/completion.h"
#include "guest/futex.h"
#include "guest/main.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/signal.h"
#include "guest/sleep.h"
#include "guest/task.h"
#include "guest/wait.h"
#include "shared/scenario_abi.h"

#define TASKS      4
#define TOKENS     100 /* of each giver */
#define TOKENS_MAX 2   /* that wait to be taken */
#define LOCKS      100 /* of each task */
#define ROUNDS     50
#define STOPS      50
#define SHORT_NS   20000
#define INTERRUPTS 50

static uint32_t failures;

static void
report(bool passed, const char *name)
{
	printk("%s %s\n", passed ? "PASS" : "FAIL", name);
	failures += !passed;
}

static struct task *
start(const char *comm, void (*fn)(void *), uintptr_t arg)
{
	return task_run(&(struct task_params){ .comm = comm, .fn = fn, .arg = (void *)arg });
}

/* ---- tokens ---- */

static DECLARE_WAIT_QUEUE_HEAD(takers);
static DECLARE_WAIT_QUEUE_HEAD(givers);
static struct atomic tokens;
static struct atomic taken;
static struct atomic no_more;
static struct atomic interrupted;
static struct atomic timed_out;

static bool
take_token(void)
{
	uint32_t left = atomic_load(&tokens);

	while (left != 0) { /* bounded: a turn for each token that others take */
		if (atomic_try_cmpxchg(&tokens, &left, left - 1)) {
			return true;
		}
	}
	return false;
}

static void
give(void *arg)
{
	(void)arg;
	for (unsigned int n = 0; n < TOKENS; n++) {
		wait_event(givers, atomic_load(&tokens) < TOKENS_MAX);
		atomic_fetch_add(&tokens, 1);
		if (wq_has_sleeper(&takers)) {
			wake_up(&takers);
		}
	}
}

/* Every way to wait for one; returns whether it has one. */
static bool
take_one(uintptr_t way)
{
	bool got = false;
	int64_t left = 0;

	if (way == 0) {
		wait_event_exclusive(takers, (got = take_token()) || atomic_load(&no_more));
	} else if (way == 1) {
		left = wait_event_exclusive_timeout(
			takers, (got = take_token()) || atomic_load(&no_more), SHORT_NS);
		atomic_fetch_add(&timed_out, left == 0);
	} else {
		left = wait_event_interruptible_exclusive(takers, (got = take_token()) ||
		                                                          atomic_load(&no_more));
		atomic_fetch_add(&interrupted, left == -EINTR);
	}
	return got;
}

static void
take(void *arg)
{
	allow_signal(SIGUSR1);
	for (;;) { /* bounded: the tokens, and the signals */
		if (take_one((uintptr_t)arg)) {
			atomic_fetch_add(&taken, 1);
			wake_up(&givers);
		} else if (atomic_load(&no_more)) {
			break;
		}
		while (get_signal() != 0) { /* bounded: the pending ones */
		}
	}
}

/* P32: a token that is given is taken, though takers are interrupted and time out. */
static void
check_tokens(void)
{
	struct task *taker[TASKS];
	struct task *giver[2];

	for (uintptr_t n = 0; n < TASKS; n++) {
		taker[n] = start("taker", take, n);
	}
	for (uintptr_t n = 0; n < 2; n++) {
		giver[n] = start("giver", give, n);
	}
	for (unsigned int n = 0; n < INTERRUPTS; n++) {
		send_sig(SIGUSR1, taker[2 + n % 2]);
		schedule_timeout_uninterruptible(SHORT_NS);
	}
	task_join(giver[0]);
	task_join(giver[1]);
	while (atomic_load(&interrupted) ==
	       0) { /* bounded: nothing else ends that one's wait now */
		send_sig(SIGUSR1, taker[2]);
		schedule_timeout_uninterruptible(SHORT_NS);
	}
	atomic_store(&no_more, 1);
	wake_up_all(&takers);
	for (unsigned int n = 0; n < TASKS; n++) {
		task_join(taker[n]);
	}
	printk("%u waits were interrupted, %u timed out\n", atomic_load(&interrupted),
	       atomic_load(&timed_out));
	report(atomic_load(&taken) == 2 * TOKENS && atomic_load(&tokens) == 0,
	       "every token is taken once");
	report(!waitqueue_active(&takers) && !waitqueue_active(&givers), "nobody waits any more");
	report(atomic_load(&interrupted) != 0, "signals interrupt waits");
}

/* ---- a mutex of a futex word ---- */

static struct atomic mutex; /* 0: free, 1: held, 2: held, and somebody may wait */
static uint32_t guarded;

static void
mutex_take(int64_t timeout_ns)
{
	uint32_t free = 0;

	if (atomic_try_cmpxchg(&mutex, &free, 1)) {
		return;
	}
	while (atomic_xchg(&mutex, 2) != 0) { /* bounded: the holders before us */
		futex_wait(&mutex, 2, FUTEX_BITSET_MATCH_ANY, timeout_ns);
	}
}

static void
mutex_give(void)
{
	if (atomic_xchg(&mutex, 0) == 2) {
		futex_wake(&mutex, 1, FUTEX_BITSET_MATCH_ANY);
	}
}

static void
count_guarded(void *arg)
{
	for (unsigned int n = 0; n < LOCKS; n++) {
		uint32_t before;

		mutex_take(arg == NULL ? SHORT_NS : MAX_SCHEDULE_TIMEOUT);
		before = guarded;
		if (n % 8 == 0) {
			yield();
		}
		guarded = before + 1;
		mutex_give();
	}
}

/* P32: a mutex that sleeps excludes, and whoever waits for it gets it. */
static void
check_futex(void)
{
	struct task *counter[TASKS];

	for (uintptr_t n = 0; n < TASKS; n++) {
		counter[n] = start("counter", count_guarded, n);
	}
	for (unsigned int n = 0; n < TASKS; n++) {
		task_join(counter[n]);
	}
	report(guarded == TASKS * LOCKS, "a mutex of a futex word excludes");
	report(futex_waiter_count() == 0, "no futex waiter is left");
}

/* ---- moved waiters ---- */

static struct atomic gate;
static struct atomic exit_word;

static void
pass_gate(void *arg)
{
	(void)arg;
	futex_wait(&gate, 0, FUTEX_BITSET_MATCH_ANY, MAX_SCHEDULE_TIMEOUT);
}

/* P32: waiters that are moved in a crowd are woken one by one where they went. */
static void
check_requeue(void)
{
	struct task *waiter[TASKS];
	int moved = 0;
	int woken = 0;

	for (uintptr_t n = 0; n < TASKS; n++) {
		waiter[n] = start("waiter", pass_gate, n);
	}
	while (moved < TASKS) { /* bounded: they come */
		moved += futex_cmp_requeue(&gate, &exit_word, 0, TASKS, 0);
		schedule_timeout_uninterruptible(SHORT_NS);
	}
	while (woken < TASKS) { /* bounded: they are there */
		woken += futex_wake(&exit_word, 1, FUTEX_BITSET_MATCH_ANY);
	}
	for (unsigned int n = 0; n < TASKS; n++) {
		task_join(waiter[n]);
	}
	report(moved == TASKS && woken == TASKS, "futex waiters are moved and woken");
}

/* ---- completions on the stack ---- */

static struct atomic_ptr job;

static void
complete_jobs(void *arg)
{
	(void)arg;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		struct completion *next;

		while ((next = atomic_xchg(&job, NULL)) == NULL) { /* bounded: one comes */
			yield();
		}
		if (n % 4 == 0) {
			schedule_timeout_uninterruptible(SHORT_NS);
		}
		complete(next);
	}
}

static bool
wait_for_job(void)
{
	DECLARE_COMPLETION(done);

	atomic_store_release(&job, &done); /* the one before was taken */
	if (wait_for_completion_timeout(&done, SHORT_NS) == 0) {
		wait_for_completion(&done); /* it is still to come */
		return false;
	}
	return true;
}

/* P32: a completion on the stack, against a timeout that is as long as what it waits for. */
static void
check_completions(void)
{
	struct task *completer = start("completer", complete_jobs, 0);
	unsigned int in_time = 0;

	for (unsigned int n = 0; n < ROUNDS; n++) {
		in_time += wait_for_job();
	}
	task_join(completer);
	printk("%u of %u jobs were done in time\n", in_time, ROUNDS);
	report(atomic_load(&job) == NULL, "every job is done");
}

/* ---- stops ---- */

static struct atomic handled;

static void
be_stopped(void *arg)
{
	unsigned int sig;

	(void)arg;
	allow_signal(SIGSTOP);
	allow_signal(SIGUSR1);
	allow_signal(SIGKILL);
	do { /* bounded: until it is killed */
		set_current_state(TASK_INTERRUPTIBLE);
		if (!signal_pending(current)) {
			schedule();
		}
		__set_current_state(TASK_RUNNING);
		sig = get_signal();
		atomic_fetch_add(&handled, sig == SIGUSR1);
	} while (sig != SIGKILL);
}

/* Sent again until it is taken: before allow_signal() it is ignored. */
static void
send_until_taken(struct task *task)
{
	uint32_t before = atomic_load(&handled);

	while (atomic_load(&handled) == before) { /* bounded: it takes it */
		send_sig(SIGUSR1, task);
		schedule_timeout_uninterruptible(SHORT_NS);
	}
}

/* P32: a task that is stopped and continued again and again goes on; a stopped one can be killed.
 */
static void
check_stops(void)
{
	struct task *victim = start("victim", be_stopped, 0);

	send_until_taken(victim);
	for (unsigned int n = 0; n < STOPS; n++) {
		send_sig(SIGSTOP, victim);
		if (n % 2 == 0) {
			schedule_timeout_uninterruptible(SHORT_NS);
		}
		send_sig(SIGCONT, victim);
		if (n % 16 == 0) {
			send_until_taken(victim);
		}
	}
	send_sig(SIGSTOP, victim);
	while (atomic_load(&victim->state) != TASK_STOPPED) { /* bounded: it takes it */
		schedule_timeout_uninterruptible(SHORT_NS);
	}
	report(!wake_up_process(victim), "a stopped task is not woken");
	send_sig(SIGKILL, victim);
	task_join(victim);
	report(true, "a stopped task is killed");
}

int
main(void)
{
	check_tokens();
	check_futex();
	check_requeue();
	check_completions();
	check_stops();
	report(sched_nr_uninterruptible() == 0, "nobody sleeps uninterruptibly");
	return failures == 0 ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
