// SPDX-License-Identifier: ISC
/*
 * Timers that more than one cpu starts and cancels, that start themselves again, and that expire
 * together.
 */
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT    400000
#define PERIOD   10
#define SEQUENCE 4

static HOST_STATE struct timer timer;
static HOST_STATE struct atomic progress;
static HOST_STATE unsigned int fired;
static HOST_STATE unsigned int inside;
static HOST_STATE bool is_gone;
static HOST_STATE int cancelled; /* what cancelling said */

static void
fire(struct timer *self)
{
	HOST_EXPECT(self == &timer);
	HOST_EXPECT(!is_gone);
	inside++;
	HOST_EXPECT(inside == 1);
	atomic_store(&progress, 1);
	HOST_EXPECT(atomic_load(&progress) == 1);
	HOST_EXPECT(inside == 1);
	HOST_EXPECT(!is_gone);
	inside--;
	fired++;
}

/* With interrupts on: the schedule of a sleep would add nothing. */
static _Noreturn void
halt(void)
{
	for (;;) { /* forever */
		arch_irq_disable();
		arch_safe_halt();
	}
}

/* From the gate on. */
static void
start_timer(void *arg)
{
	host_gate();
	timer_start(&timer, (uintptr_t)arg);
	halt();
}

static void
check_fired_once(void)
{
	HOST_EXPECT(host_all_halted());
	HOST_EXPECT(fired == 1);
	HOST_EXPECT(!timer_pending(&timer));
}

/* ---- start against start ---- */

static void
boot_starts(void)
{
	timer_init(&timer, fire);
	scenario_task(0, start_timer, (void *)100);
	scenario_task(1, start_timer, (void *)200);
}

static const struct explore_scenario starts = {
	"start against start", 2, boot_starts, check_fired_once, NULL, 0, NULL
};

/* P36: a timer that two cpus start is on one of them at the end, and expires once. */
START_TEST(test_timer_started_by_two_is_on_one_cpu)
{
	scenario_must_hold(&starts, LIMIT);
	scenario_must_catch(&starts, "timer-moved-early",
	                    "assertion failed: !rb_is_linked(&timer->node)", LIMIT);
}
END_TEST

/* ---- start against cancel ---- */

static void
cancel_timer(void *arg)
{
	(void)arg;
	host_gate();
	cancelled = timer_cancel(&timer);
	halt();
}

static void
boot_start_and_cancel(void)
{
	timer_init(&timer, fire);
	timer_start(&timer, 100);
	scenario_task(0, cancel_timer, NULL);
	scenario_task(1, start_timer, (void *)200);
}

static void
check_start_and_cancel(void)
{
	HOST_EXPECT(host_all_halted());
	HOST_EXPECT(cancelled == 1); /* it was pending before and after the move */
	HOST_EXPECT(fired <= 1);
	HOST_EXPECT(!timer_pending(&timer));
}

/* P36: who cancels a timer that is on its way to another cpu finds it before or after the move. */
START_TEST(test_timer_cancelled_while_moved_is_found)
{
	scenario_must_hold(&(struct explore_scenario){ "start against cancel", 2,
	                                               boot_start_and_cancel,
	                                               check_start_and_cancel, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* ---- against the function ---- */

static void
hold_timer(void *arg)
{
	timer_init(&timer, (void (*)(struct timer *))(uintptr_t)arg);
	timer_start(&timer, 100);
	scenario_sleep();
}

static void
start_expired(void *arg)
{
	(void)arg;
	host_gate();
	host_clock_advance(150);
	timer_start(&timer, 120);
	halt();
}

static void
boot_start_running(void)
{
	scenario_task(1, hold_timer, (void *)(uintptr_t)fire);
	scenario_task(0, start_expired, NULL);
}

static void
check_start_running(void)
{
	HOST_EXPECT(host_all_halted());
	HOST_EXPECT(fired == 1 || fired == 2);
	HOST_EXPECT(!timer_pending(&timer));
}

static const struct explore_scenario start_running = {
	"start against the function", 2, boot_start_running, check_start_running, NULL, 0, NULL
};

/* P36: a timer that is started on another cpu while its function runs does not run twice at once.
 */
START_TEST(test_timer_function_is_not_reentered)
{
	scenario_must_hold(&start_running, LIMIT);
	scenario_must_catch(&start_running, "timer-runs-twice", "inside == 1", LIMIT);
}
END_TEST

static void
try_to_cancel(void *arg)
{
	(void)arg;
	host_gate();
	host_clock_advance(150);
	cancelled = timer_try_to_cancel(&timer);
	if (cancelled >= 0) {
		is_gone = true;
	}
	host_stop();
}

static void
boot_try_to_cancel(void)
{
	scenario_task(1, hold_timer, (void *)(uintptr_t)fire);
	scenario_task(0, try_to_cancel, NULL);
}

static void
check_try_to_cancel(void)
{
	HOST_EXPECT(host_all_halted());
	HOST_EXPECT(cancelled == 1 ? fired == 0 : fired == 1);
}

/* P32: timer_try_to_cancel() takes it off, finds it done, or says -1 and changes nothing. */
START_TEST(test_timer_try_to_cancel_tells_which)
{
	scenario_must_hold(&(struct explore_scenario){ "timer_try_to_cancel", 2, boot_try_to_cancel,
	                                               check_try_to_cancel, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

static void
fire_and_forward(struct timer *self)
{
	fire(self);
	timer_forward(self, arch_clock_ns(), PERIOD);
	timer_start(self, self->expires_ns);
}

static void
cancel_periodic(void *arg)
{
	(void)arg;
	host_gate();
	host_clock_advance(150);
	cancelled = timer_cancel(&timer);
	is_gone = true;
	host_clock_advance(150);
	host_stop();
}

static void
boot_periodic(void)
{
	scenario_task(1, hold_timer, (void *)(uintptr_t)fire_and_forward);
	scenario_task(0, cancel_periodic, NULL);
}

static void
check_periodic(void)
{
	HOST_EXPECT(host_all_halted());
	HOST_EXPECT(cancelled == 1);
	HOST_EXPECT(fired <= 1);
	HOST_EXPECT(!timer_pending(&timer));
}

static const struct explore_scenario periodic = {
	"cancel against a timer that starts itself", 2, boot_periodic, check_periodic, NULL, 0, NULL
};

/* P32: timer_cancel() also ends a timer that starts itself again, whenever its interrupt comes. */
START_TEST(test_timer_cancel_ends_a_periodic_one)
{
	scenario_must_hold(&periodic, LIMIT);
	scenario_must_catch(&periodic, "timer-cancel-early", "!is_gone", LIMIT);
}
END_TEST

/* ---- the order, and periods ---- */

static HOST_STATE struct timer equals[SEQUENCE];
static HOST_STATE unsigned int order[SEQUENCE];

static void
note_order(struct timer *self)
{
	order[fired++] = (unsigned int)(self - equals);
}

static void
start_equals(void *arg)
{
	(void)arg;
	for (unsigned int n = 0; n < SEQUENCE; n++) {
		timer_init(&equals[n], note_order);
		timer_start(&equals[n], n == 0 ? 200 : 100);
	}
	timer_start(&equals[0], 50);
	host_gate();
	scenario_sleep();
}

static void
boot_equals(void)
{
	scenario_task(0, start_equals, NULL);
}

static void
check_order(void)
{
	HOST_EXPECT(fired == SEQUENCE);
	for (unsigned int n = 0; n < SEQUENCE; n++) {
		HOST_EXPECT(order[n] == n);
	}
}

static const struct explore_scenario in_order = {
	"equal expiries", 1, boot_equals, check_order, NULL, 0, NULL
};

/* P32: timers run in the order of their expiry, equal ones in that of their start. */
START_TEST(test_timers_expire_in_order)
{
	scenario_must_hold(&in_order, LIMIT);
	scenario_must_catch(&in_order, "timer-equals-reversed", "order[n] == n", LIMIT);
}
END_TEST

static const struct {
	uint64_t expires, now, count, then;
} forwards[] = {
	{ 100, 99, 0, 100 },  { 100, 100, 1, 110 },  { 100, 109, 1, 110 },
	{ 100, 110, 2, 120 }, { 100, 195, 10, 200 }, { 0, UINT64_MAX / 2, UINT64_MAX / 20 + 1, 0 },
};

static void
check_forward(void)
{
	for (unsigned int n = 0; n < sizeof(forwards) / sizeof(forwards[0]); n++) {
		timer.expires_ns = forwards[n].expires;
		HOST_EXPECT(timer_forward(&timer, forwards[n].now, PERIOD) == forwards[n].count);
		HOST_EXPECT(
			timer.expires_ns ==
			(forwards[n].then != 0 ? forwards[n].then : forwards[n].count * PERIOD));
		HOST_EXPECT(timer.expires_ns > forwards[n].now);
	}
}

static void
boot_forward(void)
{
	timer_init(&timer, fire);
}

/* P69: a period that is forwarded keeps its phase, and lies ahead, however late it is. */
START_TEST(test_timer_forward_keeps_the_phase)
{
	scenario_must_hold(&(struct explore_scenario){ "timer_forward", 1, boot_forward,
	                                               check_forward, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("timer_move");
	TCase *tests = tcase_create("timer_move");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_timer_started_by_two_is_on_one_cpu);
	tcase_add_test(tests, test_timer_cancelled_while_moved_is_found);
	tcase_add_test(tests, test_timer_function_is_not_reentered);
	tcase_add_test(tests, test_timer_try_to_cancel_tells_which);
	tcase_add_test(tests, test_timer_cancel_ends_a_periodic_one);
	tcase_add_test(tests, test_timers_expire_in_order);
	tcase_add_test(tests, test_timer_forward_keeps_the_phase);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
