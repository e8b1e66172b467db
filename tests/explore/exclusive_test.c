// SPDX-License-Identifier: ISC
/*
 * Exclusive waiters: one is woken for each wakeup, and one that leaves otherwise swallows none.
 */
#include "guest/sched.h"
#include "guest/signal.h"
#include "guest/wait.h"
#include "tests/explore/scenario.h"
#include "tests/explore/sleeper.h"
#include "tests/unit/suite.h"

#define LIMIT      6000000
#define TIMEOUT_NS 100

static HOST_STATE DECLARE_WAIT_QUEUE_HEAD(queue);
static HOST_STATE struct atomic tokens;

static void
name_queue(void)
{
	explore_name(&queue.count, "queue.count");
	explore_name(&queue.lock.next, "queue.lock.next");
	explore_name(&queue.lock.owner, "queue.lock.owner");
	explore_name(&tokens, "tokens");
}

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

/* The exploration begins when its caller stands in the queue, with its state set. */
static HOST_STATE unsigned int look_count;

static bool
take_token_after_gate(void)
{
	if (++look_count == 2) {
		host_gate();
	}
	return take_token();
}

static HOST_STATE struct task *second;
static HOST_STATE bool first_has_token;

/* Behind the first in the queue, asleep from the start; its cpu is stopped when it is woken. */
static void
wait_second(void *arg)
{
	(void)arg;
	HOST_EXPECT(waitqueue_active(&queue));
	wait_event_exclusive(queue, take_token());
	scenario_sleep();
}

static void
wait_first(void *arg)
{
	(void)arg;
	wait_event_exclusive(queue, take_token_after_gate());
	first_has_token = true;
	host_stop();
}

static void
give_two(void *arg)
{
	(void)arg;
	host_gate();
	for (unsigned int n = 0; n < 2; n++) {
		atomic_fetch_add(&tokens, 1);
		wake_up(&queue);
	}
	host_stop();
}

static void
boot_first_and_second(void (*first)(void *), void (*giver)(void *))
{
	name_queue();
	sleeper = scenario_task(0, first, NULL);
	scenario_name_task(sleeper, "first");
	scenario_name_cpus(2);
	second = scenario_task(1, wait_second, NULL);
	scenario_name_task(second, "second");
	scenario_name_task(scenario_task(1, giver, NULL), "giver");
}

static void
boot_two_tokens(void)
{
	boot_first_and_second(wait_first, give_two);
}

static void
check_two_tokens(void)
{
	HOST_EXPECT(host_all_halted());
	HOST_EXPECT(first_has_token);
	HOST_EXPECT(atomic_load(&tokens) == 1);
	HOST_EXPECT(atomic_load(&second->on_rq));
	HOST_EXPECT(!waitqueue_active(&queue));
}

static const struct explore_scenario two_tokens = {
	"two exclusive waiters, two wakeups", 2, boot_two_tokens, check_two_tokens, NULL, 0, NULL
};

/*
 * P32: each wakeup of one wakes an exclusive waiter that sleeps: one that is awake, and still in
 * the queue, does not count.
 */
START_TEST(test_wakeup_wakes_one_exclusive_waiter)
{
	scenario_must_hold(&two_tokens, LIMIT);
}
END_TEST

/* Asleep from the start, both; their cpu is stopped when they are woken. */
static void
wait_in_line(void *arg)
{
	(void)arg;
	wait_event_exclusive(queue, take_token());
	scenario_sleep();
}

static void
stop_at_gate(void *arg)
{
	(void)arg;
	host_gate();
	host_stop();
}

static void
give_from_here(void *arg)
{
	(void)arg;
	host_gate();
	atomic_fetch_add(&tokens, 1);
	HOST_EXPECT(wake_up(&queue) == 1);
	host_stop();
}

static void
boot_two_wakers(void)
{
	name_queue();
	scenario_name_cpus(3);
	sleeper = scenario_task(0, wait_in_line, NULL);
	scenario_name_task(sleeper, "first");
	second = scenario_task(0, wait_in_line, NULL);
	scenario_name_task(second, "second");
	scenario_task(0, stop_at_gate, NULL);
	scenario_name_task(scenario_task(1, give_from_here, NULL), "giver/1");
	scenario_name_task(scenario_task(2, give_from_here, NULL), "giver/2");
}

static void
check_two_wakers(void)
{
	HOST_EXPECT(host_all_halted());
	HOST_EXPECT(!waitqueue_active(&queue));
	HOST_EXPECT(atomic_load(&sleeper->on_rq));
	HOST_EXPECT(atomic_load(&second->on_rq));
}

/* P32: two wakers wake one exclusive waiter each, and not the same. */
START_TEST(test_two_wakers_wake_two_exclusive_waiters)
{
	scenario_must_hold(&(struct explore_scenario){ "two exclusive waiters, two wakers", 3,
	                                               boot_two_wakers, check_two_wakers, NULL, 0,
	                                               NULL },
	                   LIMIT);
}
END_TEST

static _Noreturn void
give_one(void)
{
	atomic_fetch_add(&tokens, 1);
	HOST_EXPECT(__wake_up(&queue, TASK_NORMAL, 1, NULL) <= 1);
	host_stop();
}

static void
interrupt_and_give(void *arg)
{
	(void)arg;
	host_gate();
	send_sig(SIGUSR1, sleeper);
	give_one();
}

static void
pass_time_and_give(void *arg)
{
	(void)arg;
	host_gate();
	host_clock_advance(TIMEOUT_NS);
	give_one();
}

static void
wait_first_interruptibly(void *arg)
{
	(void)arg;
	allow_signal(SIGUSR1);
	first_has_token = wait_event_interruptible_exclusive(queue, take_token_after_gate()) == 0;
	host_stop();
}

/* Asleep from the start. */
static void
wait_first_a_while(void *arg)
{
	(void)arg;
	first_has_token = wait_event_exclusive_timeout(queue, take_token(), TIMEOUT_NS) != 0;
	host_stop();
}

static void
boot_interrupted(void)
{
	boot_first_and_second(wait_first_interruptibly, interrupt_and_give);
}

static void
boot_timed_out(void)
{
	boot_first_and_second(wait_first_a_while, pass_time_and_give);
}

/* Either has it, and nobody sleeps beside a token. */
static void
check_token(void)
{
	HOST_EXPECT(host_all_halted());
	HOST_EXPECT(atomic_load(&tokens) == !first_has_token);
	HOST_EXPECT(first_has_token || atomic_load(&second->on_rq));
}

static const struct explore_scenario interrupted = {
	"an exclusive waiter is interrupted", 2, boot_interrupted, check_token, NULL, 0, NULL
};

static const struct explore_scenario timed_out = {
	"an exclusive waiter times out", 2, boot_timed_out, check_token, NULL, 0, NULL
};

/* P32: an exclusive waiter that leaves by a signal swallows no wakeup. */
START_TEST(test_interrupted_exclusive_waiter_swallows_no_wakeup)
{
	scenario_must_hold(&interrupted, LIMIT);
	scenario_must_catch(&interrupted, "waiter-leaves-late", "atomic_load(&second->on_rq)",
	                    LIMIT);
}
END_TEST

/* P32: nor does one that leaves by a timeout. */
START_TEST(test_timed_out_exclusive_waiter_swallows_no_wakeup)
{
	scenario_must_hold(&timed_out, LIMIT);
	scenario_must_catch(&timed_out, "waiter-leaves-late", "atomic_load(&second->on_rq)", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("exclusive");
	TCase *tests = tcase_create("exclusive");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_wakeup_wakes_one_exclusive_waiter);
	tcase_add_test(tests, test_two_wakers_wake_two_exclusive_waiters);
	tcase_add_test(tests, test_interrupted_exclusive_waiter_swallows_no_wakeup);
	tcase_add_test(tests, test_timed_out_exclusive_waiter_swallows_no_wakeup);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
