// SPDX-License-Identifier: ISC
/*
 * Scenes of waits: who waits looks once more while somebody makes it true, and either of the two
 * sees the other.
 */
#include <stddef.h>

#include "guest/arch.h"
#include "guest/errno.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/signal.h"
#include "guest/sleep.h"
#include "guest/smp.h"
#include "guest/smp_call.h"
#include "guest/wait.h"
#include "guest/wake_q.h"
#include "tests/fuzz/sched/contest.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/host/machine.h"

#define ROUNDS 6
#define LEAVES 12

static HOST_STATE DECLARE_WAIT_QUEUE_HEAD(queue);
static HOST_STATE struct atomic condition;
static HOST_STATE struct atomic second_condition;

/* ---- who is called ---- */

#define ENTRIES 4

static HOST_STATE struct wait_queue_entry entries[ENTRIES];
static HOST_STATE unsigned int called[ENTRIES]; /* in their order */
static HOST_STATE unsigned int called_count;
static HOST_STATE int answer;

static int
note_call(struct wait_queue_entry *entry, uint32_t states, void *key)
{
	(void)states;
	(void)key;
	called[called_count++] = (unsigned int)(entry - entries);
	return answer;
}

static void
expect_called(unsigned int wanted, unsigned int exclusive, int with)
{
	called_count = 0;
	answer = with;
	__wake_up(&queue, TASK_NORMAL, exclusive, NULL);
	if (called_count != wanted) {
		host_fail("a wakeup of %u calls %u waiters, not %u", exclusive, called_count,
		          wanted);
	}
}

/* Two that are exclusive, and two that are not: bit n of form: the n-th to come is of the latter.
 */
static void
play_calls(unsigned int cpu, unsigned int form)
{
	unsigned int others = 0;

	(void)cpu;
	for (unsigned int n = 0; n < ENTRIES; n++) {
		init_waitqueue_func_entry(&entries[n], note_call);
		if (form >> n & 1) {
			add_wait_queue(&queue, &entries[n]);
			others++;
		} else {
			add_wait_queue_exclusive(&queue, &entries[n]);
		}
	}
	expect_called(others + (others < ENTRIES), 1, 1);
	for (unsigned int n = 0; n < others; n++) {
		if (!(form >> called[n] & 1)) {
			host_fail("an exclusive waiter is called before one that is not");
		}
	}
	expect_called(ENTRIES, 0, 1);
	expect_called(ENTRIES, 1, 0);
	for (unsigned int n = 0; n < ENTRIES; n++) {
		remove_wait_queue(&queue, &entries[n]);
	}
}

/* ---- the condition against the wakeup ---- */

static bool
is_true(unsigned int n)
{
	return (int32_t)(atomic_load(&condition) - n) >= 0;
}

/* The entry is gone as soon as the wait is over. */
static void
wait_with_entry(unsigned int n)
{
	DEFINE_WAIT(entry);

	for (;;) { /* bounded: it comes true */
		prepare_to_wait(&queue, &entry, TASK_UNINTERRUPTIBLE);
		if (is_true(n)) {
			break;
		}
		schedule();
	}
	finish_wait(&queue, &entry);
	entry.task = NULL;
	scene_pass(2);
}

static void
leave_with_entry(unsigned int n)
{
	DEFINE_WAIT(entry);

	for (;;) { /* bounded: it comes true */
		prepare_to_wait(&queue, &entry, TASK_UNINTERRUPTIBLE);
		scene_hand_over(contest.second_cpu);
		scene_pass(2);
		if (is_true(n)) {
			break;
		}
		schedule();
	}
	finish_wait(&queue, &entry);
	entry.task = NULL;
	scene_hand_over(contest.second_cpu);
	scene_pass(4);
}

static void
wait_often(void *form)
{
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_meet(2);
		if ((uintptr_t)form & 1) {
			wait_with_entry(n);
		} else {
			wait_event(queue, is_true(n));
		}
	}
}

static void
make_true_often(void *form)
{
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_meet(2);
		scene_pass((uintptr_t)form);
		atomic_store(&condition, n);
		if (wq_has_sleeper(&queue)) {
			wake_up(&queue);
		}
		scene_pass(12);
	}
}

/* In the queue, and awake: it leaves while it is woken. */
static void
leave_often(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= LEAVES; n++) {
		scene_face(true);
		leave_with_entry(n);
	}
}

static void
wake_cut_off(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= LEAVES; n++) {
		scene_face(false);
		atomic_store(&condition, n);
		contest_cut_off(contest_point(n, 4), contest.first_cpu);
		wake_up(&queue);
	}
}

static void
play_look(unsigned int cpu, unsigned int form)
{
	if (form & 2 && contest_prepare(cpu, form)) {
		atomic_store(&condition, 0);
		contest_play(leave_often, wake_cut_off, NULL);
		return;
	}
	atomic_store(&condition, 0);
	scene_cast(wait_often, (void *)(uintptr_t)form, cpu);
	scene_cast(make_true_often, (void *)(uintptr_t)form, cpu + 1);
	scene_join();
}

/* ---- exclusive waiters that leave ---- */

#define LEAVE_NS 1000

static HOST_STATE struct task *leaver;

static bool
take(void)
{
	uint32_t count = atomic_load(&condition);

	while (count != 0) { /* bounded: a turn more for each change by others */
		if (atomic_try_cmpxchg(&condition, &count, count - 1)) {
			return true;
		}
	}
	return false;
}

static void
give(void)
{
	atomic_fetch_add(&condition, 1);
	wake_up(&queue);
}

/* Whoever leaves with it hands it on: the other gets it in any case. */
static void
wait_and_leave(void *form)
{
	bool has;

	allow_signal(SIGUSR1);
	scene_meet(2);
	if ((uintptr_t)form & 1) {
		has = wait_event_interruptible_exclusive(queue, take()) == 0;
	} else {
		has = wait_event_exclusive_timeout(queue, take(), LEAVE_NS) != 0;
	}
	if (has) {
		give();
	}
}

static void
wait_behind(void *unused)
{
	(void)unused;
	wait_event_exclusive(queue, take());
}

static void
give_one(void *form)
{
	scene_meet(2);
	scene_pass((uintptr_t)form * 2);
	if ((uintptr_t)form & 1) {
		send_sig(SIGUSR1, leaver);
	} else {
		host_clock_advance(LEAVE_NS);
	}
	scene_pass((uintptr_t)form);
	give();
}

/* ---- the same, in the order of the queue ---- */

#define LEAVE_LATE_NS 1000000

static HOST_STATE struct task *behind;

/* Where it has found none, another task gives one. */
static bool
take_or_hand_over(void)
{
	bool has = take();

	if (!has) {
		scene_hand_over(contest.second_cpu);
		scene_pass(2);
	}
	return has;
}

static void
wait_and_leave_late(void *form)
{
	bool has;

	allow_signal(SIGUSR1);
	if ((uintptr_t)form & 1) {
		has = wait_event_interruptible_exclusive(queue, take_or_hand_over()) == 0;
	} else {
		has = wait_event_exclusive_timeout(queue, take_or_hand_over(), LEAVE_LATE_NS) != 0;
	}
	if (has) {
		give();
	}
}

static void
wait_second(void *unused)
{
	contest_await_sleep(leaver);
	wait_behind(unused);
}

static void
give_when_it_leaves(void *form)
{
	contest_await_sleep(leaver);
	contest_await_sleep(behind);
	contest_go_on();
	if ((uintptr_t)form & 1) {
		send_sig(SIGUSR1, leaver);
	} else {
		host_clock_advance(LEAVE_LATE_NS);
	}
	scene_hand_over(contest.first_cpu);
	scene_pass(2);
	give();
}

static void
play_leave_late(unsigned int cpu, unsigned int form)
{
	if (!contest_prepare(cpu, form)) {
		return;
	}
	atomic_store(&condition, 0);
	leaver = scene_cast(wait_and_leave_late, (void *)(uintptr_t)form, contest.first_cpu);
	behind = scene_cast(wait_second, NULL, contest.first_cpu);
	scene_cast(give_when_it_leaves, (void *)(uintptr_t)form, contest.second_cpu);
	scene_join();
	HOST_EXPECT(atomic_load(&condition) == 0);
}

static void
play_leave(unsigned int cpu, unsigned int form)
{
	if (form & 2) {
		play_leave_late(cpu, form);
		return;
	}
	atomic_store(&condition, 0);
	leaver = scene_cast(wait_and_leave, (void *)(uintptr_t)form, cpu);
	scene_cast(wait_behind, NULL, cpu);
	scene_cast(give_one, (void *)(uintptr_t)form, cpu + 1);
	scene_join();
	HOST_EXPECT(atomic_load(&condition) == 0);
}

/* ---- two wakers by queues of tasks ---- */

static HOST_STATE struct task *sleeper;

static void
sleep_for_both(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= ROUNDS; n++) {
		scene_meet(3);
		for (;;) { /* bounded: both come true */
			set_current_state(TASK_UNINTERRUPTIBLE);
			if (atomic_load(&condition) >= n && atomic_load(&second_condition) >= n) {
				break;
			}
			schedule();
		}
		__set_current_state(TASK_RUNNING);
	}
}

static void
wake_by_queue(void *which)
{
	struct atomic *mine = which;

	for (unsigned int n = 1; n <= ROUNDS; n++) {
		struct wake_q_head wakes;

		scene_meet(3);
		wake_q_init(&wakes);
		atomic_store(mine, n);
		wake_q_add(&wakes, sleeper);
		scene_pass(mine == &condition ? 3 * n : 0);
		wake_up_q(&wakes);
		scene_pass(mine == &condition ? 0 : 80);
	}
}

static void
play_wake_q(unsigned int cpu, unsigned int form)
{
	(void)form;
	atomic_store(&condition, 0);
	atomic_store(&second_condition, 0);
	sleeper = scene_cast(sleep_for_both, NULL, cpu);
	scene_cast(wake_by_queue, &condition, cpu + 1);
	scene_cast(wake_by_queue, &second_condition, cpu + 2);
	scene_join();
}

/* ---- a call that is queued again ---- */

static HOST_STATE struct call_single_data call;
static HOST_STATE struct atomic call_asked;
static HOST_STATE struct atomic call_seen;

static void
note_asked(struct call_single_data *unused)
{
	uint32_t asked = atomic_load(&call_asked);

	(void)unused;
	scene_pass(12);
	atomic_store(&call_seen, asked);
}

static void
call_often(void *target)
{
	for (unsigned int n = 0; n < ROUNDS; n++) {
		atomic_store(&call_asked, atomic_load(&call_asked) + 1);
		smp_call_function_single_async((unsigned int)(uintptr_t)target, &call);
		scene_pass(n);
	}
}

/* Whoever finds it queued is heard by that call. */
static void
play_call(unsigned int cpu, unsigned int form)
{
	(void)form;
	call = (struct call_single_data)CALL_SINGLE_DATA_INIT(note_asked);
	atomic_store(&call_asked, 0);
	atomic_store(&call_seen, 0);
	scene_cast(call_often, (void *)(uintptr_t)((cpu + 1) % cpu_count), cpu);
	scene_join();
	scene_await(&call_seen, ROUNDS);
}

const struct scene scene_waits[] = {
	{ "who is called of a wait queue", play_calls },
	{ "a wait against a waker that looks first", play_look },
	{ "an exclusive waiter leaves", play_leave },
	{ "two queues of wakeups", play_wake_q },
	{ "a call that may be queued", play_call },
	{ NULL, NULL },
};
