// SPDX-License-Identifier: ISC
/*
 * Calls of functions on other cpus: none is lost, wherever the cpu is that is to make it, and the
 * softirqs that they raise are served there.
 */
#include "guest/smp_call.h"

#include <stdio.h>

#include "guest/cmdline.h"
#include "guest/errno.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/softirq.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

static HOST_STATE struct call_single_data call;
static HOST_STATE struct atomic asked;
static HOST_STATE unsigned int called; /* what of it the last call has seen */
static HOST_STATE unsigned int raised;
static HOST_STATE unsigned int seen;
static HOST_STATE uint64_t sleeps; /* ksoftirqd's, at the gate */

static unsigned int idle_calls; /* over all runs */
static unsigned int irq_calls;

static void
see(void)
{
	HOST_EXPECT(in_serving_softirq());
	seen = raised;
}

static void
note_call(void)
{
	HOST_EXPECT(raw_smp_processor_id() == 0);
	HOST_EXPECT(arch_irqs_disabled());
	if (in_hardirq()) {
		irq_calls++;
	} else {
		HOST_EXPECT(task_is_idle(current));
		idle_calls++;
	}
	called = atomic_load(&asked);
}

static void
raise_in_call(struct call_single_data *self)
{
	HOST_EXPECT(self == &call);
	note_call();
	raised++;
	raise_softirq_irqoff(BLOCK_SOFTIRQ);
}

static void
call_once(void *unused)
{
	(void)unused;
	host_gate();
	sleeps = per_cpu(ksoftirqd, 0)->nvcsw;
	atomic_store(&asked, 1);
	HOST_EXPECT(smp_call_function_single_async(0, &call) == 0);
	scenario_done();
	host_stop();
}

static bool
is_asleep(void)
{
	const struct task *thread = per_cpu(ksoftirqd, 0);

	return !atomic_load(&thread->on_rq) && thread->nvcsw == sleeps;
}

static void
go_idle(void *unused)
{
	(void)unused;
	host_gate();
	scenario_sleep();
}

static void
boot_calls(void (*other)(void *))
{
	call = (struct call_single_data)CALL_SINGLE_DATA_INIT(raise_in_call);
	open_softirq(BLOCK_SOFTIRQ, see);
	softirq_init();
	scenario_name_cpus(2);
	scenario_task(0, go_idle, NULL);
	scenario_task(1, other, NULL);
}

static void
boot_halting(void)
{
	boot_calls(call_once);
}

static void
boot_polling(void)
{
	boot_args.idle_polls = true;
	boot_calls(call_once);
}

static void
check_called(void)
{
	scenario_check_quiet(1);
	HOST_EXPECT(called == atomic_load(&asked));
	HOST_EXPECT(raised == 1);
	HOST_EXPECT(seen == raised);
	HOST_EXPECT(per_cpu(softirq_pending, 0) == 0);
	HOST_EXPECT(is_asleep());
}

static const struct explore_scenario halting = {
	"a call of a cpu that goes idle", 2, boot_halting, check_called, NULL, 0, NULL
};
static const struct explore_scenario polling = {
	"a call of a cpu that polls", 2, boot_polling, check_called, NULL, 0, NULL
};

/*
 * P43, P33: J26: a call is made, by an interrupt or by the idle loop, and the softirq that it
 * raises is served there, without ksoftirqd in both.
 */
START_TEST(test_smp_call_in_idle_wakes_no_ksoftirqd)
{
	scenario_must_hold(&halting, LIMIT);
	scenario_must_hold(&polling, LIMIT);
	printf("%u calls in interrupts, %u in idle\n", irq_calls, idle_calls);
	ck_assert_uint_gt(irq_calls, 0);
	ck_assert_uint_gt(idle_calls, 0);
	scenario_must_catch(&polling, "idle-flush-wakes", "is_asleep()", LIMIT);
	scenario_must_catch(&polling, "idle-flush-missing", "called ==", LIMIT);
	scenario_must_catch(&polling, "idle-flush-unserved", "seen == raised", LIMIT);
}
END_TEST

/* ---- twice ---- */

static HOST_STATE unsigned int refused;

static void
call_twice(void *unused)
{
	(void)unused;
	host_gate();
	sleeps = per_cpu(ksoftirqd, 0)->nvcsw;
	for (unsigned int n = 1; n <= 2; n++) {
		atomic_store(&asked, n);
		refused += smp_call_function_single_async(0, &call) == -EBUSY;
	}
	scenario_done();
	host_stop();
}

static void
boot_twice(void)
{
	boot_calls(call_twice);
}

static void
check_twice(void)
{
	scenario_check_quiet(1);
	HOST_EXPECT(called == 2);
	HOST_EXPECT(raised + refused == 2);
	HOST_EXPECT(seen == raised);
	HOST_EXPECT(is_asleep());
}

static const struct explore_scenario twice = {
	"two calls of a cpu", 2, boot_twice, check_twice, NULL, 0, NULL
};

/* P32: a call that is refused because it is queued still sees what was stored before. */
START_TEST(test_smp_call_queued_twice_is_seen)
{
	scenario_must_hold_within(&twice, 2, LIMIT);
	scenario_must_catch(&twice, "smp-call-unordered", "called == 2", LIMIT);
}
END_TEST

static void
note_here(struct call_single_data *self)
{
	(void)self;
	HOST_EXPECT(arch_irqs_disabled());
	called++;
}

static void
call_own_cpu(void *unused)
{
	(void)unused;
	host_gate();
	HOST_EXPECT(smp_call_function_single_async(0, &call) == 0);
	HOST_EXPECT(called == 1);
	HOST_EXPECT(smp_call_function_single_async(0, &call) == 0);
	HOST_EXPECT(called == 2);
	HOST_EXPECT(!arch_irqs_disabled());
	host_stop();
}

static void
boot_own(void)
{
	call = (struct call_single_data)CALL_SINGLE_DATA_INIT(note_here);
	scenario_task(0, call_own_cpu, NULL);
}

/* P32: a call of the own cpu is made at once, with interrupts off, and they are as before. */
START_TEST(test_smp_call_of_own_cpu_is_made_at_once)
{
	scenario_must_hold(&(struct explore_scenario){ "a call of the own cpu", 1, boot_own, NULL,
	                                               NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("calls of cpus");
	TCase *tests = tcase_create("calls of cpus");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_smp_call_in_idle_wakes_no_ksoftirqd);
	tcase_add_test(tests, test_smp_call_queued_twice_is_seen);
	tcase_add_test(tests, test_smp_call_of_own_cpu_is_made_at_once);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
