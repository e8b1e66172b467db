// SPDX-License-Identifier: ISC
/*
 * Futexes: the word against the wakeup, ways in which a wait ends, and waiters that are moved.
 */
#include "guest/futex.h"

#include "guest/errno.h"
#include "guest/sched.h"
#include "guest/signal.h"
#include "guest/smp.h"
#include "tests/explore/scenario.h"
#include "tests/explore/sleeper.h"
#include "tests/unit/suite.h"

#define LIMIT      6000000
#define TIMEOUT_NS 100
#define ANY        FUTEX_BITSET_MATCH_ANY

static HOST_STATE struct atomic word;
static HOST_STATE struct atomic target;
static HOST_STATE int result;
static HOST_STATE int woken;

static void
check_at_rest(unsigned int wanted)
{
	scenario_check_at_rest(wanted);
	HOST_EXPECT(futex_waiter_count() == 0);
	for_each_cpu (cpu) {
		HOST_EXPECT(host_cpu(cpu)->timer_ns == UINT64_MAX);
	}
}

static void
boot_pair(void (*waiter)(void *), void (*waker)(void *))
{
	explore_name(&word, "word");
	explore_name(&target, "target");
	sleeper_boot(waiter, waker);
}

/* ---- the word ---- */

static void
wait_for_word(void *arg)
{
	(void)arg;
	host_gate();
	result = futex_wait(&word, 0, ANY, MAX_SCHEDULE_TIMEOUT);
	HOST_EXPECT(atomic_load(&word) == 1);
	scenario_done();
	host_stop();
}

static void
write_and_wake(void *arg)
{
	(void)arg;
	host_gate();
	atomic_store(&word, 1);
	woken = futex_wake(&word, 1, ANY);
	host_stop();
}

static void
boot_word(void)
{
	boot_pair(wait_for_word, write_and_wake);
}

/* Woken by the waker that says so, or not asleep at all. */
static void
check_word(void)
{
	check_at_rest(1);
	HOST_EXPECT(result == (woken == 1 ? 0 : -EAGAIN));
}

static struct explore_scenario by_word = {
	"futex_wait, futex_wake", 2, boot_word, check_word, NULL, 0, NULL
};

/*
 * P32: the waiter reads the new word, or the waker sees the waiter: a barrier on each side. The
 * waiter's is in its count; on x86 the lock, too, has one.
 */
START_TEST(test_futex_waiter_is_found_or_reads_the_new_word)
{
	scenario_must_hold(&by_word, LIMIT);
	scenario_must_catch(&by_word, "futex-wake-unordered", "done_count == wanted", LIMIT);
	scenario_must_catch(&by_word, "futex-count-late", "done_count == wanted", LIMIT);
	by_word.name = "futex_wait, no barrier in the lock";
	by_word.broken = HOST_BROKEN_ADD;
	scenario_must_hold(&by_word, LIMIT);
	scenario_must_catch(&by_word, "futex-count-unordered", "done_count == wanted", LIMIT);
}
END_TEST

/* ---- other ends ---- */

/* Asleep from the start. */
static void
wait_a_while(void *arg)
{
	(void)arg;
	result = futex_wait(&word, 0, ANY, TIMEOUT_NS);
	scenario_done();
	host_stop();
}

static void
pass_time_and_wake(void *arg)
{
	host_gate();
	host_clock_advance(TIMEOUT_NS);
	write_and_wake(arg);
}

static void
boot_timeout(void)
{
	boot_pair(wait_a_while, pass_time_and_wake);
}

static void
check_timeout(void)
{
	check_at_rest(1);
	HOST_EXPECT(result == (woken == 1 ? 0 : -ETIMEDOUT));
}

static void
wait_interruptibly(void *arg)
{
	(void)arg;
	allow_signal(SIGUSR1);
	result = futex_wait(&word, 0, ANY, MAX_SCHEDULE_TIMEOUT);
	scenario_done();
	host_stop();
}

static void
interrupt_and_wake(void *arg)
{
	host_gate();
	send_sig(SIGUSR1, sleeper);
	write_and_wake(arg);
}

static void
boot_interrupt(void)
{
	boot_pair(wait_interruptibly, interrupt_and_wake);
}

static void
check_interrupt(void)
{
	check_at_rest(1);
	HOST_EXPECT(result == (woken == 1 ? 0 : -EINTR));
}

/* P32: a waiter that a waker has counted as woken says so, whatever else ends its sleep. */
START_TEST(test_futex_wakeup_is_not_swallowed)
{
	scenario_must_hold(&(struct explore_scenario){ "futex_wait against timeout", 2,
	                                               boot_timeout, check_timeout, NULL, 0, NULL },
	                   LIMIT);
	scenario_must_hold(&(struct explore_scenario){ "futex_wait against signal", 2,
	                                               boot_interrupt, check_interrupt, NULL, 0,
	                                               NULL },
	                   LIMIT);
}
END_TEST

/* ---- the end of a waiter ---- */

static void
wait_and_end(void *arg)
{
	(void)arg;
	result = futex_wait(&word, 0, ANY, TIMEOUT_NS);
}

static void
boot_end(void)
{
	boot_pair(wait_and_end, pass_time_and_wake);
	task_put(sleeper);
}

static void
check_end(void)
{
	check_at_rest(0);
	HOST_EXPECT(result == (woken == 1 ? 0 : -ETIMEDOUT));
}

static const struct explore_scenario end = {
	"a futex waiter ends", 2, boot_end, check_end, NULL, 0, NULL
};

/* P39: a waiter that leaves as soon as it is off may end and be freed before it is woken. */
START_TEST(test_futex_waker_holds_the_waiter)
{
	scenario_must_hold(&end, LIMIT);
	scenario_must_catch(&end, "futex-task-unheld", "assertion failed: references != 0", LIMIT);
}
END_TEST

/* ---- moving ---- */

static void
wait_from_gate(void *arg)
{
	(void)arg;
	host_gate();
	result = futex_wait(&word, 0, ANY, MAX_SCHEDULE_TIMEOUT);
	scenario_done();
	host_stop();
}

static void
move_and_wake(void *arg)
{
	int moved;

	(void)arg;
	host_gate();
	atomic_store(&word, 1);
	moved = futex_requeue(&word, &target, 0, 1);
	woken = futex_wake(&target, 1, ANY);
	HOST_EXPECT(woken <= moved);
	host_stop();
}

static void
boot_move(void)
{
	boot_pair(wait_from_gate, move_and_wake);
}

static const struct explore_scenario moving = {
	"futex_requeue", 2, boot_move, check_word, NULL, 0, NULL
};

static void
pass_time_and_move(void *arg)
{
	(void)arg;
	host_gate();
	host_clock_advance(TIMEOUT_NS);
	futex_requeue(&word, &target, 0, 1);
	host_stop();
}

static void
boot_move_late(void)
{
	boot_pair(wait_a_while, pass_time_and_move);
}

static const struct explore_scenario moving_late = {
	"futex_requeue against timeout", 2, boot_move_late, check_timeout, NULL, 0, NULL
};

/* P32: a waiter that is moved is found where it went, by wakers and by itself. */
START_TEST(test_futex_requeue_moves_the_waiter)
{
	scenario_must_hold(&moving, LIMIT);
	scenario_must_catch(&moving, "futex-move-uncounted", "done_count == wanted", LIMIT);
	scenario_must_hold(&moving_late, LIMIT);
	scenario_must_catch(&moving_late, "futex-move-unseen", "assertion failed: waiters != 0",
	                    LIMIT);
}
END_TEST

/* Asleep from the start. Whoever is woken wakes the next, who was moved or will be. */
static void
wait_and_pass_on(void *arg)
{
	int64_t timeout_ns = arg != NULL ? TIMEOUT_NS : MAX_SCHEDULE_TIMEOUT;

	if (futex_wait(&word, 0, ANY, timeout_ns) == 0) {
		futex_wake(&target, 1, ANY);
	}
	scenario_done();
	host_stop();
}

static void
wake_one_and_move(void *arg)
{
	(void)arg;
	host_gate();
	host_clock_advance(TIMEOUT_NS);
	HOST_EXPECT(futex_requeue(&word, &target, 1, 1) >= 1);
	host_stop();
}

static void
boot_pass_on(void)
{
	explore_name(&word, "word");
	explore_name(&target, "target");
	scenario_name_cpus(3);
	scenario_name_task(scenario_task(0, wait_and_pass_on, &word), "first");
	scenario_name_task(scenario_task(1, wait_and_pass_on, NULL), "second");
	scenario_name_task(scenario_task(2, wake_one_and_move, NULL), "mover");
}

static void
check_pass_on(void)
{
	check_at_rest(2);
}

static const struct explore_scenario pass_on = {
	"futex_requeue, passed on", 3, boot_pass_on, check_pass_on, NULL, 0, NULL
};

/*
 * P32: one is woken and one moved; the first may be awake already, by its timeout, and wakes for
 * the target before the second is there: it waits for the move.
 */
START_TEST(test_futex_requeue_counts_its_target_first)
{
	scenario_must_hold(&pass_on, LIMIT);
	scenario_must_catch(&pass_on, "futex-target-uncounted", "done_count == wanted", LIMIT);
}
END_TEST

/* ---- who is woken ---- */

static HOST_STATE unsigned int order[4];
static HOST_STATE unsigned int order_count;

static void
wait_in_line(void *arg)
{
	uintptr_t n = (uintptr_t)arg;

	HOST_EXPECT(futex_wait(&word, 0, 1u << n, MAX_SCHEDULE_TIMEOUT) == 0);
	order[order_count++] = (unsigned int)n;
	scenario_sleep();
}

static void
wake_some(void *arg)
{
	(void)arg;
	HOST_EXPECT(futex_waiter_count() == 4);
	HOST_EXPECT(futex_wait(&word, 1, ANY, MAX_SCHEDULE_TIMEOUT) == -EAGAIN);
	HOST_EXPECT(futex_wait(&word, 0, 0, MAX_SCHEDULE_TIMEOUT) == -EINVAL);
	HOST_EXPECT(futex_wait(&target, 0, ANY, 0) == -ETIMEDOUT);
	HOST_EXPECT(futex_wake(&word, 4, 0) == -EINVAL);
	HOST_EXPECT(futex_wake(&word, 4, 1u << 4) == 0);
	HOST_EXPECT(futex_wake(&word, 4, 1u << 2) == 1);
	HOST_EXPECT(futex_cmp_requeue(&word, &target, 1, 4, 1) == -EAGAIN);
	HOST_EXPECT(futex_cmp_requeue(&word, &target, 1, 4, 0) == 3);
	HOST_EXPECT(futex_wake(&word, 4, ANY) == 0);
	HOST_EXPECT(futex_wake(&target, 0, ANY) == 0);
	HOST_EXPECT(futex_wake(&target, 1, ANY) == 1);
	HOST_EXPECT(futex_wake(&target, 4, ANY) == 1);
	scenario_done();
	scenario_sleep();
}

static void
boot_order(void)
{
	scenario_name_cpus(1);
	for (uintptr_t n = 0; n < 4; n++) {
		scenario_task(0, wait_in_line, (void *)n);
	}
	scenario_task(0, wake_some, NULL);
}

static void
check_order(void)
{
	check_at_rest(1);
	HOST_EXPECT(order_count == 4);
	HOST_EXPECT(order[0] == 2 && order[1] == 0 && order[2] == 1 && order[3] == 3);
}

/* P32: waiters are woken in the order in which they came, by sets, at most as many as wanted. */
START_TEST(test_futex_wakes_in_order_whom_it_names)
{
	scenario_must_hold(&(struct explore_scenario){ "futex order", 1, boot_order, check_order,
	                                               NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("futex");
	TCase *tests = tcase_create("futex");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_futex_waiter_is_found_or_reads_the_new_word);
	tcase_add_test(tests, test_futex_wakeup_is_not_swallowed);
	tcase_add_test(tests, test_futex_waker_holds_the_waiter);
	tcase_add_test(tests, test_futex_requeue_moves_the_waiter);
	tcase_add_test(tests, test_futex_requeue_counts_its_target_first);
	tcase_add_test(tests, test_futex_wakes_in_order_whom_it_names);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
