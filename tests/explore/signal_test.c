// SPDX-License-Identifier: ISC
/*
 * Signals: against sleeps that they end or do not end, against their taking, and against stops.
 */
#include "guest/signal.h"

#include "guest/context_tracking.h"
#include "guest/errno.h"
#include "guest/sched.h"
#include "tests/explore/scenario.h"
#include "tests/explore/sleeper.h"
#include "tests/unit/suite.h"

#define LIMIT 6000000

static HOST_STATE uint32_t taken;

static void
check_one(void)
{
	scenario_check_at_rest(1);
	HOST_EXPECT(sched_nr_uninterruptible() == 0);
}

static void
allow_all(void)
{
	allow_signal(SIGINT);
	allow_signal(SIGKILL);
	allow_signal(SIGUSR1);
	allow_signal(SIGSTOP);
}

/* Until this signal was taken; get_signal() stops for SIGSTOP. */
static void
take_signals_until(uint32_t wanted)
{
	while ((taken & wanted) != wanted) { /* bounded: by who sends */
		unsigned int sig;

		set_current_state(TASK_INTERRUPTIBLE);
		if (!signal_pending(current)) {
			schedule();
		}
		__set_current_state(TASK_RUNNING);
		while ((sig = get_signal()) != 0) { /* bounded: the pending ones */
			taken |= sigmask(sig);
		}
	}
	scenario_done();
	host_stop();
}

/* ---- killable ---- */

static void
sleep_killable(void *arg)
{
	(void)arg;
	allow_all();
	host_gate();
	set_current_state(TASK_KILLABLE);
	schedule();
	HOST_EXPECT(fatal_signal_pending(current));
	scenario_done();
	host_stop();
}

static void
interrupt_and_kill(void *arg)
{
	(void)arg;
	host_gate();
	HOST_EXPECT(send_sig(SIGUSR1, sleeper) == 0);
	HOST_EXPECT(send_sig(SIGKILL, sleeper) == 0);
	host_stop();
}

static void
boot_killable(void)
{
	sleeper_boot(sleep_killable, interrupt_and_kill);
}

static const struct explore_scenario killable = {
	"killable sleep", 2, boot_killable, check_one, NULL, 0, NULL
};

/*
 * P32: SIGKILL ends a killable sleep, before it begins or after; no other signal does. schedule()
 * decides by a state that it reads once, under the lock that the waker takes, too (J16, J17).
 */
START_TEST(test_killable_sleep_ends_by_a_fatal_signal_only)
{
	scenario_must_hold(&killable, LIMIT);
	scenario_must_catch(&killable, "kill-not-fatal", "done_count == wanted", LIMIT);
	scenario_must_catch(&killable, "killable-by-all", "fatal_signal_pending(current)", LIMIT);
}
END_TEST

/* ---- taking ---- */

static void
take_both(void *arg)
{
	(void)arg;
	allow_all();
	send_sig(SIGINT, current);
	host_gate();
	take_signals_until(sigmask(SIGINT) | sigmask(SIGUSR1));
}

static void
send_second(void *arg)
{
	(void)arg;
	host_gate();
	send_sig(SIGUSR1, sleeper);
	host_stop();
}

static void
boot_taking(void)
{
	sleeper_boot(take_both, send_second);
}

static void
check_taking(void)
{
	check_one();
	HOST_EXPECT(!signal_pending(sleeper));
	HOST_EXPECT(atomic_load(&sleeper->signals) == 0);
}

static const struct explore_scenario taking = {
	"signals are taken", 2, boot_taking, check_taking, NULL, 0, NULL
};

/* P32: a signal that comes while another is taken is not lost. */
START_TEST(test_signal_while_another_is_taken_is_not_lost)
{
	scenario_must_hold(&taking, LIMIT);
	scenario_must_catch(&taking, "signal-recalc-unlocked", "done_count == wanted", LIMIT);
}
END_TEST

/* ---- stops ---- */

/* A SIGSTOP is pending from the start. */
static void
take_one(void *arg)
{
	(void)arg;
	allow_all();
	send_sig(SIGSTOP, current);
	host_gate();
	HOST_EXPECT(get_signal() == 0);
	scenario_done();
	host_stop();
}

static void
stop_and_continue(void *arg)
{
	(void)arg;
	host_gate();
	send_sig(SIGCONT, sleeper);
	host_stop();
}

static void
boot_stop_and_continue(void)
{
	sleeper_boot(take_one, stop_and_continue);
}

static const struct explore_scenario stop_continue = {
	"stop, continue", 2, boot_stop_and_continue, check_taking, NULL, 0, NULL
};

/* P32: whether SIGCONT finds the SIGSTOP or the stop, the task goes on. */
START_TEST(test_continue_after_stop_is_not_lost)
{
	scenario_must_hold(&stop_continue, LIMIT);
	scenario_must_catch(&stop_continue, "stop-unlocked", "done_count == wanted", LIMIT);
	scenario_must_catch(&stop_continue, "cont-leaves-stop", "done_count == wanted", LIMIT);
}
END_TEST

static void
take_for_ever(void *arg)
{
	(void)arg;
	allow_all();
	send_sig(SIGSTOP, current);
	host_gate();
	for (;;) { /* forever */
		get_signal();
		set_current_state(TASK_INTERRUPTIBLE);
		if (!signal_pending(current)) {
			schedule();
		}
		__set_current_state(TASK_RUNNING);
	}
}

static void
stop_last(void *arg)
{
	(void)arg;
	host_gate();
	send_sig(SIGCONT, sleeper);
	send_sig(SIGSTOP, sleeper);
	host_stop();
}

static void
boot_stop_last(void)
{
	sleeper_boot(take_for_ever, stop_last);
}

static void
check_stopped(void)
{
	bool exit_rcu;

	scenario_check_at_rest(0);
	exit_rcu = ct_irq_enter(); /* as an interrupt of idle would try it */
	HOST_EXPECT(!wake_up_process(sleeper));
	if (exit_rcu) {
		ct_irq_exit(true);
	}
	HOST_EXPECT(atomic_load(&sleeper->state) == TASK_STOPPED);
	HOST_EXPECT(sched_nr_uninterruptible() == 0);
}

static void
take_kill(void *arg)
{
	(void)arg;
	allow_all();
	send_sig(SIGSTOP, current);
	host_gate();
	HOST_EXPECT(get_signal() == SIGKILL);
	scenario_done();
	host_stop();
}

static void
stop_and_kill(void *arg)
{
	(void)arg;
	host_gate();
	send_sig(SIGKILL, sleeper);
	host_stop();
}

static void
boot_stop_and_kill(void)
{
	sleeper_boot(take_kill, stop_and_kill);
}

static const struct explore_scenario stop_kill = { "stop, kill", 2,    boot_stop_and_kill,
	                                           check_one,    NULL, 0,
	                                           NULL };

/* P32: the last of stop and continue counts; SIGKILL ends a stop, or comes before it. */
START_TEST(test_stop_ends_by_continue_and_kill_only)
{
	scenario_must_hold_within(&(struct explore_scenario){ "stop, continue, stop", 2,
	                                                      boot_stop_last, check_stopped, NULL,
	                                                      0, NULL },
	                          2, LIMIT);
	scenario_must_hold(&stop_kill, LIMIT);
	scenario_must_catch(&stop_kill, "kill-not-fatal", "done_count == wanted", LIMIT);
}
END_TEST

/* A stop behind a sleep whose waker may be slow. */
static void
sleep_and_stop(void *arg)
{
	(void)arg;
	allow_all();
	send_sig(SIGSTOP, current);
	host_gate();
	for (;;) { /* bounded: until the wakeup */
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (atomic_load(&sleeper_condition)) {
			break;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	get_signal();
	scenario_done();
	host_stop();
}

static void
boot_sleep_and_stop(void)
{
	sleeper_boot(sleep_and_stop, sleeper_set_and_wake);
}

static const struct explore_scenario late_waker = {
	"stop, and a late waker", 2, boot_sleep_and_stop, check_stopped, NULL, 0, NULL
};

/* P32: a waker that found the task in a sleep that it did not come to does not end its stop. */
START_TEST(test_late_waker_does_not_end_a_stop)
{
	scenario_must_hold(&late_waker, LIMIT);
	scenario_must_catch(&late_waker, "stop-plain-state", "done_count == wanted", LIMIT);
}
END_TEST

/* ---- what is not taken ---- */

static void
ignore(void *arg)
{
	(void)arg;
	allow_signal(SIGUSR1);
	HOST_EXPECT(send_sig(SIGINT, current) == 0);
	HOST_EXPECT(send_sig(SIGKILL, current) == 0);
	HOST_EXPECT(send_sig(SIGCONT, current) == 0);
	HOST_EXPECT(send_sig(0, current) == -EINVAL);
	HOST_EXPECT(send_sig(33, current) == -EINVAL);
	HOST_EXPECT(!signal_pending(current));
	HOST_EXPECT(get_signal() == 0);
	allow_all();
	send_sig(SIGUSR1, current);
	send_sig(SIGINT, current);
	send_sig(SIGKILL, current);
	HOST_EXPECT(get_signal() == SIGKILL);
	HOST_EXPECT(get_signal() == SIGINT);
	HOST_EXPECT(signal_pending(current));
	HOST_EXPECT(!fatal_signal_pending(current));
	flush_signals(current);
	HOST_EXPECT(!signal_pending(current));
	HOST_EXPECT(get_signal() == 0);
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
boot_ignore(void)
{
	sleeper_boot(ignore, do_nothing);
}

/* A task that has not asked for a signal does not get it; of those that it gets, SIGKILL is first.
 */
START_TEST(test_signals_are_taken_in_order_if_at_all)
{
	scenario_must_hold(
		&(struct explore_scenario){ "signals", 2, boot_ignore, check_one, NULL, 0, NULL },
		LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("signal");
	TCase *tests = tcase_create("signal");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_killable_sleep_ends_by_a_fatal_signal_only);
	tcase_add_test(tests, test_signal_while_another_is_taken_is_not_lost);
	tcase_add_test(tests, test_continue_after_stop_is_not_lost);
	tcase_add_test(tests, test_stop_ends_by_continue_and_kill_only);
	tcase_add_test(tests, test_late_waker_does_not_end_a_stop);
	tcase_add_test(tests, test_signals_are_taken_in_order_if_at_all);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
