// SPDX-License-Identifier: ISC
/*
 * Completions: on the stack of their waiter, against timeouts and signals, and for all.
 */
#include "guest/completion.h"

#include "guest/errno.h"
#include "guest/sched.h"
#include "guest/signal.h"
#include "guest/sleep.h"
#include "guest/smp.h"
#include "tests/explore/scenario.h"
#include "tests/explore/sleeper.h"
#include "tests/unit/suite.h"

#define LIMIT      6000000
#define TIMEOUT_NS 100

static HOST_STATE DECLARE_COMPLETION(job);
static HOST_STATE int64_t result;

static void
check_at_rest(unsigned int wanted)
{
	scenario_check_at_rest(wanted);
	HOST_EXPECT(list_empty(&job.waiters));
	for_each_cpu (cpu) {
		HOST_EXPECT(host_cpu(cpu)->timer_ns == UINT64_MAX);
	}
}

static void
complete_job(void *arg)
{
	(void)arg;
	host_gate();
	complete(&job);
	host_stop();
}

/* ---- on the stack ---- */

#define REUSED 77u

static HOST_STATE struct completion *on_stack;

static bool
stack_is_ours(void)
{
	return atomic_load(&on_stack->lock.owner) == REUSED &&
	       atomic_load(&on_stack->lock.next) == REUSED && on_stack->done == REUSED;
}

static void
wait_on_stack(void *arg)
{
	struct completion completion;

	(void)arg;
	init_completion(&completion);
	on_stack = &completion;
	host_gate();
	wait_for_completion(&completion);
	atomic_store(&completion.lock.next, REUSED);
	atomic_store(&completion.lock.owner, REUSED);
	completion.done = REUSED;
	scenario_done();
	host_stop();
}

static void
complete_on_stack(void *arg)
{
	(void)arg;
	host_gate();
	complete(on_stack);
	host_stop();
}

static void
boot_on_stack(void)
{
	sleeper_boot(wait_on_stack, complete_on_stack);
}

static void
check_on_stack(void)
{
	check_at_rest(1);
	HOST_EXPECT(stack_is_ours());
}

static struct explore_scenario stack = {
	"a completion on the stack", 2, boot_on_stack, check_on_stack, NULL, 0, NULL
};

/*
 * P32: the waiter may reuse its stack at once: complete() has finished with what was there. The
 * count is plain data, whose races are none to the exhaustive explorer; the bounded one knows none.
 */
START_TEST(test_complete_is_over_when_the_waiter_returns)
{
	scenario_must_hold(&stack, LIMIT);
	stack.bug = "completion-seen-unlocked";
	scenario_must_fail_within(&stack, "stack_is_ours()", 2, LIMIT);
}
END_TEST

/* ---- timeouts ---- */

static int64_t (*const waits[])(struct completion *, int64_t) = {
	wait_for_completion_timeout,
	wait_for_completion_interruptible_timeout,
	wait_for_completion_killable_timeout,
};

#define WAIT_COUNT (int)(sizeof(waits) / sizeof(waits[0]))

static int wait;

/* Asleep from the start: what comes later is the timeout and the completion. */
static void
wait_a_while(void *arg)
{
	(void)arg;
	result = waits[wait](&job, TIMEOUT_NS);
	scenario_done();
	host_stop();
}

static void
pass_time_and_complete(void *arg)
{
	host_gate();
	host_clock_advance(TIMEOUT_NS);
	complete_job(arg);
}

static void
boot_timeout(void)
{
	sleeper_boot(wait_a_while, pass_time_and_complete);
}

static void
check_timeout(void)
{
	check_at_rest(1);
	HOST_EXPECT((result > 0) == (job.done == 0));
	HOST_EXPECT(result >= 0);
}

/* P32: a wait of any kind that times out takes nothing; one that does not has taken it. */
START_TEST(test_completion_against_timeout_is_taken_or_left)
{
	wait = _i;
	scenario_must_hold(&(struct explore_scenario){ "completion against timeout", 2,
	                                               boot_timeout, check_timeout, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* ---- signals ---- */

static void
wait_interruptibly(void *arg)
{
	(void)arg;
	allow_signal(SIGUSR1);
	allow_signal(SIGKILL);
	result = wait_for_completion_interruptible(&job);
	if (result == 0) {
		scenario_done();
	} else {
		HOST_EXPECT(result == -EINTR);
		HOST_EXPECT(signal_pending(current));
	}
	host_stop();
}

static void
wait_second(void *arg)
{
	(void)arg;
	HOST_EXPECT(!list_empty(&job.waiters));
	wait_for_completion(&job);
	scenario_done();
	scenario_sleep();
}

static void
interrupt_and_complete(void *arg)
{
	(void)arg;
	host_gate();
	send_sig(SIGUSR1, sleeper);
	complete(&job);
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
}

static void
boot_interrupted(void)
{
	sleeper = scenario_task(0, wait_interruptibly, NULL);
	scenario_name_task(sleeper, "first");
	scenario_name_cpus(2);
	scenario_name_task(scenario_task(1, wait_second, NULL), "second");
	scenario_name_task(scenario_task(1, interrupt_and_complete, NULL), "completer");
}

/* One of them has it: the second is left in the list if the first has. */
static void
check_interrupted(void)
{
	HOST_EXPECT(job.done == 0);
	scenario_check_at_rest(1);
	HOST_EXPECT(list_empty(&job.waiters) == (result == -EINTR));
}

static const struct explore_scenario interrupted = {
	"completion against signal", 2, boot_interrupted, check_interrupted, NULL, 0, NULL
};

/* P32: a waiter that is chosen and interrupted takes what was done: nobody else is told of it. */
START_TEST(test_completion_against_signal_is_not_left)
{
	scenario_must_hold(&interrupted, LIMIT);
	scenario_must_catch(&interrupted, "completion-left-to-signal", "job.done == 0", LIMIT);
}
END_TEST

static void
wait_killable(void *arg)
{
	(void)arg;
	allow_signal(SIGUSR1);
	allow_signal(SIGKILL);
	host_gate();
	result = wait_for_completion_killable(&job);
	HOST_EXPECT(result == -EINTR);
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
boot_killed(void)
{
	sleeper_boot(wait_killable, interrupt_and_kill);
}

static void
check_killed(void)
{
	check_at_rest(1);
}

static const struct explore_scenario killed = {
	"a killable wait", 2, boot_killed, check_killed, NULL, 0, NULL
};

/* P32: a killable wait ends by SIGKILL alone. */
START_TEST(test_killable_completion_ends_by_a_fatal_signal)
{
	scenario_must_hold(&killed, LIMIT);
	scenario_must_catch(&killed, "killable-by-all", "fatal_signal_pending(current)", LIMIT);
	scenario_must_catch(&killed, "kill-not-fatal", "done_count == wanted", LIMIT);
}
END_TEST

/* ---- all ---- */

static void
wait_here(void *arg)
{
	(void)arg;
	wait_for_completion(&job);
	scenario_done();
	scenario_sleep();
}

static void
wait_from_gate(void *arg)
{
	(void)arg;
	host_gate();
	wait_for_completion(&job);
	scenario_done();
	scenario_sleep();
}

static void
complete_all_jobs(void *arg)
{
	(void)arg;
	host_gate();
	complete_all(&job);
	complete(&job);
	host_stop();
}

static void
boot_all(void)
{
	scenario_name_cpus(2);
	scenario_task(0, wait_here, NULL);
	scenario_task(0, wait_here, NULL);
	scenario_task(0, wait_from_gate, NULL);
	scenario_task(1, complete_all_jobs, NULL);
}

static void
check_all(void)
{
	check_at_rest(3);
	HOST_EXPECT(completion_done(&job));
	HOST_EXPECT(try_wait_for_completion(&job));
	HOST_EXPECT(completion_done(&job));
	reinit_completion(&job);
	HOST_EXPECT(!completion_done(&job));
	HOST_EXPECT(!try_wait_for_completion(&job));
	complete(&job);
	HOST_EXPECT(try_wait_for_completion(&job));
	HOST_EXPECT(!completion_done(&job));
}

static const struct explore_scenario all = {
	"complete_all", 2, boot_all, check_all, NULL, 0, NULL
};

/* P32: complete_all() ends every wait, for ever, whatever is completed besides. */
START_TEST(test_complete_all_is_for_ever)
{
	scenario_must_hold_within(&all, 2, LIMIT);
	scenario_must_catch(&all, "complete-all-wraps", "done_count == wanted", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("completion");
	TCase *tests = tcase_create("completion");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_complete_is_over_when_the_waiter_returns);
	tcase_add_loop_test(tests, test_completion_against_timeout_is_taken_or_left, 0, WAIT_COUNT);
	tcase_add_test(tests, test_completion_against_signal_is_not_left);
	tcase_add_test(tests, test_killable_completion_ends_by_a_fatal_signal);
	tcase_add_test(tests, test_complete_all_is_for_ever);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
