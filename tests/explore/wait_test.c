// SPDX-License-Identifier: ISC
/*
 * Wait queues: the condition against the wakeup, what else ends a wait, and who is called.
 */
#include "guest/wait.h"

#include "guest/sched.h"
#include "guest/signal.h"
#include "guest/smp.h"
#include "tests/explore/scenario.h"
#include "tests/explore/sleeper.h"
#include "tests/unit/suite.h"

#define LIMIT      6000000
#define TIMEOUT_NS 100

static HOST_STATE DECLARE_WAIT_QUEUE_HEAD(queue);
static HOST_STATE int64_t result;

static void
check_queue(void)
{
	HOST_EXPECT(list_empty(&queue.entries));
	HOST_EXPECT(!waitqueue_active(&queue));
	HOST_EXPECT(sched_nr_uninterruptible() == 0);
	for_each_cpu (cpu) {
		HOST_EXPECT(host_cpu(cpu)->timer_ns == UINT64_MAX);
	}
}

static void
check_one(void)
{
	scenario_check_at_rest(1);
	check_queue();
}

static void
name_queue(void)
{
	explore_name(&queue.count, "queue.count");
	explore_name(&queue.lock.next, "queue.lock.next");
	explore_name(&queue.lock.owner, "queue.lock.owner");
}

/* ---- the condition ---- */

static void
wait_for_it(void *arg)
{
	(void)arg;
	host_gate();
	wait_event(queue, atomic_load(&sleeper_condition));
	HOST_EXPECT(atomic_load(&current->state) == TASK_RUNNING);
	scenario_done();
	host_stop();
}

static void
make_it_true(void *arg)
{
	(void)arg;
	host_gate();
	atomic_store(&sleeper_condition, 1);
	wake_up(&queue);
	host_stop();
}

static void
make_it_true_and_look(void *arg)
{
	(void)arg;
	host_gate();
	atomic_store(&sleeper_condition, 1);
	if (wq_has_sleeper(&queue)) {
		wake_up(&queue);
	}
	host_stop();
}

static void
make_it_true_and_look_at_once(void *arg)
{
	(void)arg;
	host_gate();
	atomic_store(&sleeper_condition, 1);
	if (waitqueue_active(&queue)) {
		wake_up(&queue);
	}
	host_stop();
}

static void
boot_event(void)
{
	name_queue();
	sleeper_boot(wait_for_it, make_it_true);
}

static void
boot_look(void)
{
	name_queue();
	sleeper_boot(wait_for_it, make_it_true_and_look);
}

static void
boot_look_at_once(void)
{
	name_queue();
	sleeper_boot(wait_for_it, make_it_true_and_look_at_once);
}

static const struct explore_scenario event = {
	"wait_event", 2, boot_event, check_one, NULL, 0, NULL
};

static const struct explore_scenario look = {
	"wait_event, wq_has_sleeper", 2, boot_look, check_one, NULL, 0, NULL
};

/* P32: wait_event() against wake_up(). */
START_TEST(test_wait_event_is_woken)
{
	scenario_must_hold(&event, LIMIT);
	scenario_must_catch(&event, "test-before-state", "done_count == wanted", LIMIT);
}
END_TEST

/* P32: a waker that looks first: a barrier on each side. */
START_TEST(test_waker_that_looks_first_sees_the_waiter)
{
	scenario_must_hold(&look, LIMIT);
	scenario_must_catch(&look, "wait-look-unordered", "done_count == wanted", LIMIT);
	scenario_must_catch(&look, "wait-state-unordered", "done_count == wanted", LIMIT);
}
END_TEST

/* P32, mutant: waitqueue_active() alone, without a barrier. */
START_TEST(test_waitqueue_active_without_barrier_is_lost)
{
	scenario_must_fail(&(struct explore_scenario){ "wait_event, waitqueue_active", 2,
	                                               boot_look_at_once, check_one, NULL, 0,
	                                               NULL },
	                   "done_count == wanted", LIMIT);
}
END_TEST

/* ---- the entry ---- */

/* The exploration begins when it stands in the queue, with its state set. */
static void
wait_and_reuse_the_stack(void *arg)
{
	bool is_first = true;
	DEFINE_WAIT(entry);

	(void)arg;
	for (;;) { /* bounded: until the wakeup */
		prepare_to_wait(&queue, &entry, TASK_UNINTERRUPTIBLE);
		if (is_first) {
			is_first = false;
			host_gate();
		}
		if (atomic_load(&sleeper_condition)) {
			break;
		}
		schedule();
	}
	finish_wait(&queue, &entry);
	entry.task = NULL;
	scenario_done();
	host_stop();
}

static void
boot_entry(void)
{
	name_queue();
	sleeper_boot(wait_and_reuse_the_stack, make_it_true);
}

static struct explore_scenario entry_gone = {
	"the entry is gone", 2, boot_entry, check_one, NULL, 0, NULL
};

/*
 * P32: the waiter leaves with its entry, without the lock: the waker has finished with it then. The
 * task is plain data, whose races are none to the exhaustive explorer; the bounded one knows none.
 */
START_TEST(test_entry_may_go_when_it_is_off_the_queue)
{
	scenario_must_hold(&entry_gone, LIMIT);
	entry_gone.bug = "waiter-off-before-wake";
	scenario_must_fail_within(&entry_gone, "assertion failed: entry->task != NULL", 2, LIMIT);
}
END_TEST

/* ---- timeouts and signals ---- */

/* Asleep from the start: what comes later is the timeout and the wakeup. */
static void
wait_asleep(void *arg)
{
	(void)arg;
	result = wait_event_timeout(queue, atomic_load(&sleeper_condition), TIMEOUT_NS);
	HOST_EXPECT(result == 0 || atomic_load(&sleeper_condition));
	scenario_done();
	host_stop();
}

static void
wait_a_while(void *arg)
{
	host_gate();
	wait_asleep(arg);
}

static void
pass_time_and_make_it_true(void *arg)
{
	host_gate();
	host_clock_advance(TIMEOUT_NS);
	make_it_true(arg);
}

static void
boot_asleep(void)
{
	name_queue();
	sleeper_boot(wait_asleep, pass_time_and_make_it_true);
}

static void
boot_timeout(void)
{
	name_queue();
	sleeper_boot(wait_a_while, pass_time_and_make_it_true);
}

static void
wait_interruptibly(void *arg)
{
	(void)arg;
	allow_signal(SIGUSR1);
	host_gate();
	result = wait_event_interruptible(queue, atomic_load(&sleeper_condition));
	HOST_EXPECT(result == -EINTR || atomic_load(&sleeper_condition));
	HOST_EXPECT(result != -EINTR || signal_pending(current));
	scenario_done();
	host_stop();
}

static void
interrupt_and_make_it_true(void *arg)
{
	host_gate();
	send_sig(SIGUSR1, sleeper);
	make_it_true(arg);
}

static void
boot_interrupt(void)
{
	name_queue();
	sleeper_boot(wait_interruptibly, interrupt_and_make_it_true);
}

/* P32: of a wakeup and a timeout, and of a wakeup and a signal, one ends the wait. */
START_TEST(test_wait_event_ends_by_one_of_two)
{
	scenario_must_hold(&(struct explore_scenario){ "wait_event_timeout, asleep", 2, boot_asleep,
	                                               check_one, NULL, 0, NULL },
	                   LIMIT);
	scenario_must_hold_within(&(struct explore_scenario){ "wait_event_timeout", 2, boot_timeout,
	                                                      check_one, NULL, 0, NULL },
	                          2, LIMIT);
	scenario_must_hold(&(struct explore_scenario){ "wait_event_interruptible", 2,
	                                               boot_interrupt, check_one, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

static void
wait_killable(void *arg)
{
	(void)arg;
	allow_signal(SIGUSR1);
	allow_signal(SIGKILL);
	host_gate();
	HOST_EXPECT(wait_event_killable(queue, atomic_load(&sleeper_condition)) == -EINTR);
	HOST_EXPECT(fatal_signal_pending(current));
	scenario_done();
	host_stop();
}

static void
interrupt_and_kill(void *arg)
{
	(void)arg;
	host_gate();
	send_sig(SIGUSR1, sleeper);
	send_sig(SIGKILL, sleeper);
	host_stop();
}

static void
boot_killable(void)
{
	name_queue();
	sleeper_boot(wait_killable, interrupt_and_kill);
}

static const struct explore_scenario killable = {
	"wait_event_killable", 2, boot_killable, check_one, NULL, 0, NULL
};

/* P32: a killable wait ends by SIGKILL alone. */
START_TEST(test_killable_wait_event_ends_by_a_fatal_signal)
{
	scenario_must_hold(&killable, LIMIT);
	scenario_must_catch(&killable, "killable-by-all", "fatal_signal_pending(current)", LIMIT);
}
END_TEST

/* ---- who is called ---- */

static HOST_STATE struct wait_queue_entry entries[4];
static HOST_STATE unsigned int called_count;
static HOST_STATE struct wait_queue_entry *called[8];
static HOST_STATE int answer;

static int
note_call(struct wait_queue_entry *entry, uint32_t states, void *key)
{
	HOST_EXPECT(states == TASK_NORMAL);
	HOST_EXPECT(key == &answer);
	called[called_count++] = entry;
	return answer;
}

static void
wake_with(unsigned int exclusive, int with)
{
	called_count = 0;
	answer = with;
	__wake_up(&queue, TASK_NORMAL, exclusive, &answer);
}

static void
call_in_order(void *arg)
{
	(void)arg;
	scenario_gate();
	for (unsigned int n = 0; n < 4; n++) {
		init_waitqueue_func_entry(&entries[n], note_call);
	}
	add_wait_queue_exclusive(&queue, &entries[0]);
	add_wait_queue(&queue, &entries[1]);
	add_wait_queue_exclusive(&queue, &entries[2]);
	add_wait_queue(&queue, &entries[3]);
	wake_with(1, 1);
	HOST_EXPECT(called_count == 3);
	HOST_EXPECT(called[0] == &entries[3] && called[1] == &entries[1]);
	HOST_EXPECT(called[2] == &entries[0]);
	wake_with(2, 1);
	HOST_EXPECT(called_count == 4);
	wake_with(0, 1);
	HOST_EXPECT(called_count == 4);
	wake_with(1, 0);
	HOST_EXPECT(called_count == 4);
	wake_with(1, -EINTR);
	HOST_EXPECT(called_count == 1);
	for (unsigned int n = 0; n < 4; n++) {
		remove_wait_queue(&queue, &entries[n]);
	}
	scenario_done();
	host_stop();
}

static void
do_nothing(void *arg)
{
	(void)arg;
	host_stop();
}

static void
boot_order(void)
{
	sleeper_boot(call_in_order, do_nothing);
}

static const struct explore_scenario order = {
	"who is called", 2, boot_order, check_one, NULL, 0, NULL
};

/* P32: those that are not exclusive, then as many exclusive ones as the wakeup names. */
START_TEST(test_wakeup_calls_exclusive_waiters_last)
{
	scenario_must_hold(&order, LIMIT);
	scenario_must_catch_late(&order, "waiter-added-behind", "called_count == 3", LIMIT);
	scenario_must_catch_late(&order, "wake-counts-awake", "called_count == 4", LIMIT);
}
END_TEST

/* ---- an entry that stays ---- */

static void
wait_in_entry(void *unused)
{
	struct wait_queue_entry entry;

	(void)unused;
	host_gate();
	init_waitqueue_entry(&entry, current);
	add_wait_queue(&queue, &entry);
	set_current_state(TASK_UNINTERRUPTIBLE);
	if (!atomic_load(&sleeper_condition)) {
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	HOST_EXPECT(atomic_load(&sleeper_condition));
	HOST_EXPECT(waitqueue_active(&queue));
	remove_wait_queue(&queue, &entry);
	scenario_done();
	host_stop();
}

static void
boot_entry_stays(void)
{
	name_queue();
	sleeper_boot(wait_in_entry, make_it_true);
}

/* P32: a wakeup leaves an entry in its queue that is its task's to remove. */
START_TEST(test_entry_that_stays_is_woken)
{
	scenario_must_hold(&(struct explore_scenario){ "an entry that stays", 2, boot_entry_stays,
	                                               check_one, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* ---- a condition under a lock ---- */

static HOST_STATE struct raw_spinlock lock;
static HOST_STATE bool locked_condition;

static void
wait_locked(void *arg)
{
	(void)arg;
	host_gate();
	raw_spin_lock_irq(&lock);
	wait_event_lock_irq(queue, locked_condition, &lock);
	HOST_EXPECT(raw_spin_is_locked(&lock));
	HOST_EXPECT(locked_condition);
	raw_spin_unlock_irq(&lock);
	scenario_done();
	host_stop();
}

static void
make_it_true_locked(void *arg)
{
	(void)arg;
	host_gate();
	raw_spin_lock_irq(&lock);
	locked_condition = true;
	wake_up(&queue);
	raw_spin_unlock_irq(&lock);
	host_stop();
}

static void
boot_locked(void)
{
	name_queue();
	sleeper_boot(wait_locked, make_it_true_locked);
}

/* P32: a condition that a lock guards is tested under it. */
START_TEST(test_wait_event_lock_irq_is_woken)
{
	scenario_must_hold(&(struct explore_scenario){ "wait_event_lock_irq", 2, boot_locked,
	                                               check_one, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("wait");
	TCase *tests = tcase_create("wait");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_wait_event_is_woken);
	tcase_add_test(tests, test_waker_that_looks_first_sees_the_waiter);
	tcase_add_test(tests, test_waitqueue_active_without_barrier_is_lost);
	tcase_add_test(tests, test_entry_may_go_when_it_is_off_the_queue);
	tcase_add_test(tests, test_wait_event_ends_by_one_of_two);
	tcase_add_test(tests, test_killable_wait_event_ends_by_a_fatal_signal);
	tcase_add_test(tests, test_wakeup_calls_exclusive_waiters_last);
	tcase_add_test(tests, test_entry_that_stays_is_woken);
	tcase_add_test(tests, test_wait_event_lock_irq_is_woken);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
