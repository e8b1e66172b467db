// SPDX-License-Identifier: ISC
/* What the code of a run orders of its own schedule comes when it says, and where it says. */
#include "tests/fuzz/orders.h"

#include <check.h>
#include <string.h>

#include "guest/preempt.h"
#include "tests/explore/scenario.h"
#include "tests/fuzz/schedule.h"
#include "tests/fuzz/schedule_ear.h"
#include "tests/fuzz/target.h"
#include "tests/unit/suite.h"

#define CPUS   2
#define ROUNDS 12 /* of a task's code */

void
fuzz_feature(uint32_t n)
{
	(void)n;
}

/* ---- the program: of one task, which orders, and then goes on ---- */

static HOST_STATE struct atomic x;
static HOST_STATE struct atomic y;

static void (*give_order)(void);

static void
order_and_go_on(void *unused)
{
	(void)unused;
	host_gate();
	give_order();
	for (unsigned int n = 0; n < ROUNDS; n++) {
		preempt_disable(); /* local: a point where steps are single, or interrupts on */
		arch_irq_disable();
		atomic_store(&x, n);
		atomic_fetch_add(&y, 1);
		arch_irq_enable();
		preempt_enable();
	}
}

static void
boot(void)
{
	scenario_task(0, order_and_go_on, NULL);
}

/* ---- what is seen of it ---- */

static uint64_t ordered_at;
static uint64_t acted_at;
static unsigned int acts;
static unsigned int stores; /* to x, begun, and in memory, until the action */
static unsigned int arrived;
static unsigned int additions; /* to y */
static unsigned int last_cpu;

static void
see_action(enum fuzz_action action, unsigned int cpu)
{
	(void)action;
	acts++;
	acted_at = schedule_points();
	last_cpu = cpu;
}

static void
see_value(unsigned int value, unsigned int n)
{
	(void)value;
	(void)n;
}

static void
see_transition(const struct host_transition *t)
{
	if (acts != 0 || t->cpu != 0) {
		return;
	}
	stores += t->actor == HOST_STEP && t->op.kind == HOST_OP_STORE && t->op.addr == &x;
	arrived += t->actor == HOST_DRAIN;
	additions += t->actor == HOST_STEP && t->op.addr == &y;
}

/* Returns the points of the run. record: of the schedule, or NULL. */
static uint64_t
run_with(void (*order)(void), const uint8_t record[FUZZ_AT_LENGTH])
{
	static const struct schedule_ear ear = { see_action, see_value };
	uint8_t data[64] = { 0 };
	struct fuzz_header header = { .version = FUZZ_VERSION, .cpus = CPUS - 1 };
	size_t size = sizeof(header);
	struct fuzz_input input;
	struct host_result result;

	memcpy(data, &header, sizeof(header));
	if (record != NULL) {
		data[size] = FUZZ_TYPE(FUZZ_SCHEDULE, FUZZ_AT);
		data[size + 1] = FUZZ_AT_LENGTH;
		memcpy(&data[size + 2], record, FUZZ_AT_LENGTH);
		size += 2 + FUZZ_AT_LENGTH;
	}
	input = fuzz_input(data, size, CPUS);
	acts = stores = arrived = additions = 0;
	give_order = order;
	schedule_ear = &ear;
	schedule_watch = see_transition;
	schedule_run(&input, NULL, &result);
	schedule_watch = NULL;
	schedule_ear = NULL;
	ck_assert_msg(result.end != HOST_END_FAILED, "%s", result.reason);
	return schedule_points();
}

static void
order_nothing(void)
{
}

/* ---- later ---- */

static uint32_t wanted_points;

static void
order_later(void)
{
	ordered_at = schedule_points();
	schedule_act_later(wanted_points, FUZZ_ACTION_RELEASE, 1);
}

START_TEST(test_orders_later_is_so_many_points_later)
{
	schedule_boot(CPUS, boot, NULL);
	for (wanted_points = 0; wanted_points < 40; wanted_points++) {
		run_with(order_later, NULL);
		ck_assert_uint_eq(acts, 1);
		ck_assert_uint_eq(last_cpu, 1);
		ck_assert_uint_eq(acted_at - ordered_at, wanted_points);
	}
}
END_TEST

static void
order_twice(void)
{
	schedule_act_later(2, FUZZ_ACTION_HOLD, 0);
	order_later();
}

/* A second order takes the place of the first. */
START_TEST(test_orders_later_are_one_at_a_time)
{
	schedule_boot(CPUS, boot, NULL);
	wanted_points = 5;
	run_with(order_twice, NULL);
	ck_assert_uint_eq(acts, 1);
	ck_assert_uint_eq(acted_at - ordered_at, 5);
}
END_TEST

/* The single steps of a record are what they are, whatever comes due among them. */
START_TEST(test_orders_leave_a_records_steps)
{
	static const uint8_t steps[FUZZ_AT_LENGTH] = { 0, 0, FUZZ_ACTION_RELEASE, 1,
		                                       FUZZ_EXTRA_MAX };
	uint64_t coarse;
	uint64_t fine;

	schedule_boot(CPUS, boot, NULL);
	wanted_points = 3;
	coarse = run_with(order_nothing, NULL);
	fine = run_with(order_nothing, steps);
	ck_assert_uint_gt(fine, coarse);
	ck_assert_uint_eq(run_with(order_later, steps), fine);
}
END_TEST

/* ---- at a word ---- */

static unsigned int wanted_access;

static void
order_at_store(void)
{
	schedule_act_at(&x, wanted_access, FUZZ_ACTION_RELEASE, 1);
}

static void
order_at_addition(void)
{
	schedule_act_at(&y, wanted_access, FUZZ_ACTION_RELEASE, 1);
}

/* Before the nth access, and not before the one before it. */
START_TEST(test_orders_at_a_word_are_before_its_nth_access)
{
	schedule_boot(CPUS, boot, NULL);
	for (wanted_access = 1; wanted_access <= ROUNDS; wanted_access++) {
		run_with(order_at_store, NULL);
		ck_assert_uint_eq(acts, 1);
		ck_assert_uint_eq(stores, wanted_access - 1);
		run_with(order_at_addition, NULL);
		ck_assert_uint_eq(acts, 1);
		ck_assert_uint_eq(additions, wanted_access - 1);
	}
}
END_TEST

static void
hold_and_order(void)
{
	schedule_act(FUZZ_ACTION_HOLD, 0);
	acts = 0;
	order_at_addition();
}

/* What a locked operation waits for, stores that are held, is still in flight then. */
START_TEST(test_orders_at_a_word_are_before_the_stores_it_waits_for)
{
	schedule_boot(CPUS, boot, NULL);
	wanted_access = 1;
	run_with(hold_and_order, NULL);
	ck_assert_uint_eq(acts, 1);
	ck_assert_uint_eq(stores, 1);
	ck_assert_uint_eq(arrived, 0);
}
END_TEST

static void
order_and_press(void)
{
	order_at_store();
	schedule_press(0, 0);
}

/* They are forgotten where the run is pressed anew, and where the next one begins. */
START_TEST(test_orders_are_forgotten)
{
	schedule_boot(CPUS, boot, NULL);
	wanted_access = 1;
	run_with(order_and_press, NULL);
	ck_assert_uint_eq(acts, 0);
	wanted_access = wanted_points = 1000;
	run_with(order_at_store, NULL);
	run_with(order_later, NULL);
	ck_assert(orders_have_later());
	run_with(order_nothing, NULL);
	ck_assert(!orders_have_later());
	ck_assert(!orders_have_words());
	ck_assert_uint_eq(acts, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("orders");
	TCase *tcase = tcase_create("orders");

	tcase_set_timeout(tcase, SUITE_TIMEOUT_S);
	tcase_add_test(tcase, test_orders_later_is_so_many_points_later);
	tcase_add_test(tcase, test_orders_later_are_one_at_a_time);
	tcase_add_test(tcase, test_orders_leave_a_records_steps);
	tcase_add_test(tcase, test_orders_at_a_word_are_before_its_nth_access);
	tcase_add_test(tcase, test_orders_at_a_word_are_before_the_stores_it_waits_for);
	tcase_add_test(tcase, test_orders_are_forgotten);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
