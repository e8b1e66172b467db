// SPDX-License-Identifier: ISC
/*
 * Events for the guest: which interrupt follows from which order of events, subscriptions and
 * looks, whatever the guest writes.
 */
#include "vmm/events.h"

#include "tests/unit/suite.h"

#include "shared/boot_abi.h"
#include "shared/doorbell_abi.h"

#include <check.h>

#define MODEL DOORBELL_EVENT_MODEL
#define END   DOORBELL_EVENT_INPUT_END

static struct events events;

static void
expect_none(struct events_interrupt interrupt)
{
	ck_assert_uint_eq(interrupt.vector, 0);
}

static void
expect_interrupt(struct events_interrupt interrupt, uint8_t vector, uint8_t apic_id)
{
	ck_assert_uint_eq(interrupt.vector, vector);
	ck_assert_uint_eq(interrupt.apic_id, apic_id);
}

/* An event before the subscription waits, and comes with it; it is taken once. */
START_TEST(test_events_before_subscription_wait)
{
	expect_none(events_raise(&events, MODEL));
	expect_none(events_raise(&events, END));
	expect_interrupt(events_subscribe(&events, 0xf3 | 5 << 8), 0xf3, 5);
	ck_assert_uint_eq(events_take(&events), MODEL | END);
	ck_assert_uint_eq(events_take(&events), 0);
	expect_none(events_subscribe(&events, 0xf3 | 5 << 8));
}
END_TEST

/* An event after it interrupts at once, each time; those that were not taken are one. */
START_TEST(test_events_after_subscription_interrupt)
{
	expect_none(events_subscribe(&events, 0x20 | (BOOT_CPUS_MAX - 1) << 8));
	for (unsigned int i = 0; i < 3; i++) {
		expect_interrupt(events_raise(&events, MODEL), 0x20, BOOT_CPUS_MAX - 1);
	}
	ck_assert_uint_eq(events_take(&events), MODEL);
	ck_assert_uint_eq(events_take(&events), 0);
}
END_TEST

/* The latest subscription counts, and vector 0 takes it back; what comes then waits. */
START_TEST(test_events_subscription_is_replaced)
{
	events_subscribe(&events, 0xf3);
	events_subscribe(&events, 0xff | 1 << 8);
	expect_interrupt(events_raise(&events, MODEL), 0xff, 1);
	expect_none(events_subscribe(&events, 0));
	expect_none(events_raise(&events, MODEL));
	expect_interrupt(events_subscribe(&events, 0xf3), 0xf3, 0);
}
END_TEST

/* No vector of an exception, and no cpu that cannot be, by all vectors and many destinations. */
START_TEST(test_events_hostile_subscription_is_harmless)
{
	for (uint32_t vector = 0; vector <= UINT8_MAX; vector++) {
		for (unsigned int shift = 8; shift <= 32; shift++) {
			uint32_t id = shift == 32 ? UINT32_MAX >> 8 : 1u << (shift - 8);
			bool is_good = vector >= 32 && id < BOOT_CPUS_MAX;

			events_subscribe(&events, vector | id << 8);
			if (is_good) {
				expect_interrupt(events_raise(&events, MODEL), (uint8_t)vector,
				                 (uint8_t)id);
			} else {
				expect_none(events_raise(&events, MODEL));
			}
		}
	}
}
END_TEST

/* Unheard is what came to a guest that never asked: neither subscribed nor looked. */
START_TEST(test_events_unheard_without_subscription)
{
	ck_assert(!events_are_unheard(&events, MODEL));
	events_raise(&events, END);
	ck_assert(!events_are_unheard(&events, MODEL));
	events_raise(&events, MODEL);
	ck_assert(events_are_unheard(&events, MODEL));
	events_subscribe(&events, 7); /* nothing can come of it */
	ck_assert(events_are_unheard(&events, MODEL));
	events_subscribe(&events, 0xf3);
	ck_assert(!events_are_unheard(&events, MODEL));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("events");
	TCase *tests = tcase_create("events");

	tcase_add_test(tests, test_events_before_subscription_wait);
	tcase_add_test(tests, test_events_after_subscription_interrupt);
	tcase_add_test(tests, test_events_subscription_is_replaced);
	tcase_add_test(tests, test_events_hostile_subscription_is_harmless);
	tcase_add_test(tests, test_events_unheard_without_subscription);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
