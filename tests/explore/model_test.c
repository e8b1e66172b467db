// SPDX-License-Identifier: ISC
/*
 * Changes of the preemption model by several tasks at once, and those that events from outside ask
 * for.
 */
#include "guest/event.h"
#include "guest/preempt_model.h"
#include "guest/preempt_policy.h"
#include "shared/doorbell_abi.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

#define MODELS (CONFIG_PREEMPT_COUNT ? PREEMPT_MODEL_COUNT : PREEMPT_FULL) /* possible ones */

static void
check_model_is_whole(void)
{
	uint32_t policy = preempt_policy();

	HOST_EXPECT(host_all_halted());
	HOST_EXPECT(policy >> POLICY_MODEL_SHIFT == preempt_model());
	HOST_EXPECT(!(policy & POLICY_LAZY) == (preempt_model() != PREEMPT_LAZY));
	for (unsigned int n = 0; n < SCHED_REASON_COUNT; n++) {
		enum sched_reason reason = (enum sched_reason)n;
		uint32_t bit = reason == SCHED_REASON_COND_RESCHED     ? POLICY_COND_RESCHED
		               : reason == SCHED_REASON_MIGHT_SLEEP    ? POLICY_MIGHT_RESCHED
		               : reason == SCHED_REASON_PREEMPT_ENABLE ? POLICY_PREEMPT_SCHEDULE
		               : reason == SCHED_REASON_IRQ_RETURN     ? POLICY_IRQ_RETURN
		                                                       : 0;

		bool outward = reason == SCHED_REASON_SYSCALL_RETURN ||
		               reason == SCHED_REASON_USER_IRQ_RETURN ||
		               reason == SCHED_REASON_GUEST_ENTRY;

		HOST_EXPECT(preempt_policy_allows(policy, reason) ==
		            ((policy & bit) != 0 || outward));
	}
}

/* ---- two at once ---- */

static void
set_none(void *arg)
{
	(void)arg;
	host_gate();
	preempt_model_set(PREEMPT_NONE);
	host_stop();
}

static void
set_next(void *arg)
{
	(void)arg;
	host_gate();
	preempt_model_set_next();
	host_stop();
}

static void
boot_set_and_next(void)
{
	preempt_model_set(PREEMPT_VOLUNTARY);
	scenario_task(0, set_none, NULL);
	scenario_task(1, set_next, NULL);
}

static void
check_set_and_next(void)
{
	check_model_is_whole();
	/* none and then the next, or the next and then none. */
	HOST_EXPECT(preempt_model() == PREEMPT_VOLUNTARY || preempt_model() == PREEMPT_NONE);
}

static void
boot_two_next(void)
{
	preempt_model_set(PREEMPT_NONE);
	scenario_task(0, set_next, NULL);
	scenario_task(1, set_next, NULL);
}

static void
check_two_next(void)
{
	check_model_is_whole();
	HOST_EXPECT(preempt_model() == 2 % MODELS);
}

/* P17: two changes at once are one after the other: word and model agree, and no step is lost. */
START_TEST(test_model_changes_at_once_do_not_mix)
{
	scenario_must_hold(&(struct explore_scenario){ "none, and next", 2, boot_set_and_next,
	                                               check_set_and_next, NULL, 0, NULL },
	                   LIMIT);
	scenario_must_hold(&(struct explore_scenario){ "next, and next", 2, boot_two_next,
	                                               check_two_next, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* P17, mutant: a lock that does not exclude lets them mix. */
START_TEST(test_model_changes_without_lock_are_noticed)
{
	scenario_must_fail(&(struct explore_scenario){ "next, and next, torn lock", 2,
	                                               boot_two_next, check_two_next, NULL,
	                                               HOST_BROKEN_RMW, NULL },
	                   "expected: ", LIMIT);
}
END_TEST

/* ---- by events ---- */

static HOST_STATE unsigned int raised;

static void
raise_events(void *count)
{
	host_gate();
	for (uintptr_t n = 0; n < (uintptr_t)count; n++) {
		host_event_raise(DOORBELL_EVENT_MODEL);
		raised++;
	}
	host_stop();
}

static void
subscribe(void *arg)
{
	(void)arg;
	host_gate();
	event_start();
}

static void
boot_event(void)
{
	preempt_model_set(PREEMPT_NONE);
	scenario_task(0, subscribe, NULL);
	scenario_task(1, raise_events, (void *)1);
}

static void
boot_events(void)
{
	preempt_model_set(PREEMPT_NONE);
	scenario_task(0, subscribe, NULL);
	scenario_task(1, raise_events, (void *)2);
}

/* One or two switches of two events: those that meet are one, none is lost with its last. */
static void
check_events(void)
{
	check_model_is_whole();
	HOST_EXPECT(event_line_count() >= 1);
	HOST_EXPECT(event_line_count() <= raised);
	HOST_EXPECT(preempt_model() == event_line_count() % MODELS);
}

/* P17: an event before, during or after the subscription switches the model once. */
START_TEST(test_model_event_is_never_lost)
{
	scenario_must_hold_within(&(struct explore_scenario){ "subscription, and an event", 2,
	                                                      boot_event, check_events, NULL, 0,
	                                                      NULL },
	                          2, LIMIT);
	scenario_must_survive(&(struct explore_scenario){ "subscription, and two events", 2,
	                                                  boot_events, check_events, NULL, 0,
	                                                  NULL },
	                      2000);
}
END_TEST

/* P17, mutant: interrupts that never arrive are missed. */
START_TEST(test_model_event_without_interrupt_is_noticed)
{
	scenario_must_fail(&(struct explore_scenario){ "event, interrupts lost", 2, boot_event,
	                                               check_events, NULL, HOST_BROKEN_SEND_LOST,
	                                               NULL },
	                   "expected: event_line_count() >= 1", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("model");
	TCase *tests = tcase_create("model");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_model_changes_at_once_do_not_mix);
	tcase_add_test(tests, test_model_changes_without_lock_are_noticed);
	tcase_add_test(tests, test_model_event_is_never_lost);
	tcase_add_test(tests, test_model_event_without_interrupt_is_noticed);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
