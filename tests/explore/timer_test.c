// SPDX-License-Identifier: ISC
/*
 * Timers: their functions against cancellation, and the sleep that they end.
 */
#include "guest/timer.h"

#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

static HOST_STATE struct timer timer;
static HOST_STATE struct atomic progress;
static HOST_STATE bool is_gone;
static HOST_STATE unsigned int fired;
static HOST_STATE bool was_pending;

static void
fire(struct timer *self)
{
	HOST_EXPECT(self == &timer);
	HOST_EXPECT(!is_gone);
	atomic_store(&progress, 1);
	HOST_EXPECT(atomic_load(&progress) == 1);
	HOST_EXPECT(!is_gone);
	fired++;
}

static void
fire_again(struct timer *self)
{
	fire(self);
	if (fired < 2) {
		timer_start(self, arch_clock_ns() + 10);
	}
}

static void
start_timer(void *arg)
{
	timer_init(&timer, (void (*)(struct timer *))(uintptr_t)arg);
	timer_start(&timer, 100);
	host_gate();
	scenario_sleep();
}

static void
cancel_timer(void *arg)
{
	(void)arg;
	host_gate();
	host_clock_advance(200);
	was_pending = timer_cancel(&timer);
	is_gone = true;
	host_stop();
}

static void
forget_timer(void *arg)
{
	(void)arg;
	host_gate();
	host_clock_advance(200);
	is_gone = true;
	host_stop();
}

static void
boot_timer_with(void (*canceller)(void *), void (*fn)(struct timer *))
{
	scenario_task(1, start_timer, (void *)(uintptr_t)fn);
	scenario_task(0, canceller, NULL);
}

static void
boot_timer(void)
{
	boot_timer_with(cancel_timer, fire);
}

static void
boot_timer_forgotten(void)
{
	boot_timer_with(forget_timer, fire);
}

static void
check_timer(void)
{
	HOST_EXPECT(host_all_halted());
	HOST_EXPECT(is_gone);
	HOST_EXPECT(was_pending == (fired == 0));
}

/* After timer_cancel() the function neither runs nor will run, whenever the interrupt comes. */
START_TEST(test_timer_cancel_waits_for_the_function)
{
	scenario_must_hold(&(struct explore_scenario){ "timer_cancel", 2, boot_timer, check_timer,
	                                               NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* Mutant: nobody cancels it. */
START_TEST(test_timer_forgotten_is_noticed)
{
	scenario_must_fail(&(struct explore_scenario){ "timer, not cancelled", 2,
	                                               boot_timer_forgotten, check_timer, NULL, 0,
	                                               NULL },
	                   "!is_gone", LIMIT);
}
END_TEST

static HOST_STATE unsigned int slept_on[2];

static void
sleep_a_while(void *arg)
{
	host_gate();
	timer_sleep((uintptr_t)arg);
	slept_on[smp_processor_id()]++;
	scenario_sleep();
}

static void
boot_sleepers(void)
{
	scenario_task(0, sleep_a_while, (void *)(uintptr_t)100);
	scenario_task(1, sleep_a_while, (void *)(uintptr_t)100);
}

static void
check_slept(void)
{
	unsigned int slept = slept_on[0] + slept_on[1];

	HOST_EXPECT(slept == 2);
	HOST_EXPECT(host_all_halted());
}

static void
advance(void *arg)
{
	(void)arg;
	host_gate();
	host_clock_advance(100);
	host_stop();
}

static void
boot_sleeper_and_clock(void)
{
	scenario_task(0, sleep_a_while, (void *)(uintptr_t)100);
	scenario_task(1, advance, NULL);
	slept_on[1] = 1;
}

/*
 * A sleeper always wakes: when its timer expires at once, in its way to sleep, or with nobody
 * awake.
 */
START_TEST(test_timer_sleep_always_ends)
{
	scenario_must_hold(&(struct explore_scenario){ "two sleepers", 2, boot_sleepers,
	                                               check_slept, NULL, 0, NULL },
	                   LIMIT);
	scenario_must_hold(&(struct explore_scenario){ "sleeper and clock", 2,
	                                               boot_sleeper_and_clock, check_slept, NULL, 0,
	                                               NULL },
	                   LIMIT);
}
END_TEST

/* P32, P2: the kernel's own seeded bugs of timer_sleep(). */
START_TEST(test_timer_sleep_seeded_bugs_are_caught)
{
	scenario_must_fail(&(struct explore_scenario){ "sleeper, bug=test-before-state", 2,
	                                               boot_sleeper_and_clock, check_slept, NULL, 0,
	                                               "test-before-state" },
	                   "slept == 2", LIMIT);
	if (!CONFIG_PREEMPT_COUNT) {
		return; /* and nothing to leak */
	}
	scenario_must_fail(&(struct explore_scenario){ "sleeper, bug=leak-disable", 2,
	                                               boot_sleeper_and_clock, check_slept, NULL, 0,
	                                               "leak-disable" },
	                   "scheduling while atomic", LIMIT);
}
END_TEST

/* J12, seeded: the helper that sets the hardware insists on interrupts off, whoever calls it. */
START_TEST(test_timer_hardware_is_set_with_irqs_off)
{
	scenario_must_catch(&(struct explore_scenario){ "sleeper", 2, boot_sleeper_and_clock,
	                                                check_slept, NULL, 0, NULL },
	                    "timer-set-irqs-on", "assertion failed: arch_irqs_disabled()", LIMIT);
}
END_TEST

static void
check_periodic(void)
{
	HOST_EXPECT(fired == 2);
}

static void
only_clock(void *arg)
{
	(void)arg;
	host_gate();
	host_clock_advance(200);
	host_stop();
}

static void
boot_restarting(void)
{
	boot_timer_with(only_clock, fire_again);
}

/* A timer that starts itself again fires again. */
START_TEST(test_timer_restarts_itself)
{
	scenario_must_hold(&(struct explore_scenario){ "timer, started by itself", 2,
	                                               boot_restarting, check_periodic, NULL, 0,
	                                               NULL },
	                   LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("timer");
	TCase *tests = tcase_create("timer");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_timer_cancel_waits_for_the_function);
	tcase_add_test(tests, test_timer_forgotten_is_noticed);
	tcase_add_test(tests, test_timer_sleep_always_ends);
	tcase_add_test(tests, test_timer_sleep_seeded_bugs_are_caught);
	tcase_add_test(tests, test_timer_hardware_is_set_with_irqs_off);
	tcase_add_test(tests, test_timer_restarts_itself);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
