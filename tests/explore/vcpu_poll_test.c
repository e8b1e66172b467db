// SPDX-License-Identifier: ISC
/*
 * A vcpu that waits awake: it polls while nothing else wants its cpu, for as long as that has paid.
 */
#include "guest/vcpu_halt.h"

#include "guest/mm.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/timer.h"
#include "guest/vcpu_request.h"
#include "tests/explore/scenario.h"
#include "tests/explore/vcpus.h"
#include "tests/unit/suite.h"

#define LIMIT 300000

#define START_NS 10000u /* the first time that it polls */
#define MAX_NS   (3 * START_NS)

static HOST_STATE struct vcpu *vcpu;

/* There is one, so that interrupts wait for the guest; it does not get as far. */
static unsigned int
guest_handler(struct vcpu *guest, unsigned int at)
{
	(void)guest;
	return at;
}

static void
load(uint64_t poll_ns)
{
	vcpu = vcpus_create(vcpus_loop);
	arch_vcpu_set_handler(vcpu, (uintptr_t)guest_handler);
	vcpu->task = current;
	vcpu->vm->halt_poll_max_ns = MAX_NS;
	vcpu->halt_poll_ns = poll_ns;
	vcpu->interrupts_on = true;
	vcpu->wants_to_run = true;
	vcpu_load(vcpu);
}

static void
end(void)
{
	scenario_done();
	scenario_sleep();
}

static void
interrupt(void *unused)
{
	(void)unused;
	host_gate();
	vcpu_interrupt(vcpu, PAYLOAD_VECTOR_DOORBELL);
	end();
}

static void
poll_alone(void *unused)
{
	(void)unused;
	load(START_NS);
	host_gate();
	vcpu_halt(vcpu);
	HOST_EXPECT(vcpu->stats.outs == 0);
	HOST_EXPECT(vcpu_runnable(vcpu));
	HOST_EXPECT(vcpu->halt_poll_ns == START_NS);
	vcpu_put(vcpu);
	end();
}

static void
boot_alone(void)
{
	preempt_model_set(PREEMPT_NONE);
	scenario_task(0, poll_alone, NULL);
	scenario_task(1, interrupt, NULL);
}

static void
check_two(void)
{
	scenario_check_at_rest(2);
}

/* P32: what comes while a vcpu polls ends its wait, without a switch. */
START_TEST(test_poll_takes_what_comes_without_a_switch)
{
	scenario_must_hold(&(struct explore_scenario){ "polls, and an interrupt", 2, boot_alone,
	                                               check_two, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

static HOST_STATE struct task *other;

static void
run_and_interrupt(void *unused)
{
	(void)unused;
	vcpu_interrupt(vcpu, PAYLOAD_VECTOR_DOORBELL);
	end();
}

static void
wake_other(void *unused)
{
	(void)unused;
	host_gate();
	wake_up_new_task(other);
	end();
}

static void
poll_in_the_way(void *unused)
{
	(void)unused;
	load(START_NS);
	host_gate();
	vcpu_halt(vcpu);
	HOST_EXPECT(vcpu_runnable(vcpu));
	vcpu_put(vcpu);
	end();
}

static void
boot_in_the_way(void)
{
	preempt_model_set(PREEMPT_NONE);
	other = task_create(&(struct task_params){
		.comm = "other", .fn = run_and_interrupt, .cpus_allowed = 1 });
	scenario_task(0, poll_in_the_way, NULL);
	scenario_task(1, wake_other, NULL);
}

static void
check_three(void)
{
	scenario_check_at_rest(3);
}

/* A task that wants the cpu gets it from one that polls, in a model that preempts nobody. */
START_TEST(test_poll_gives_way_to_a_task)
{
	scenario_must_hold(&(struct explore_scenario){ "polls, and a task for its cpu", 2,
	                                               boot_in_the_way, check_three, NULL, 0,
	                                               NULL },
	                   LIMIT);
}
END_TEST

static HOST_STATE struct timer timer;

static void
ring(struct timer *unused)
{
	(void)unused;
	vcpu_interrupt(vcpu, PAYLOAD_VECTOR_DOORBELL);
}

static const struct {
	uint64_t waits_ns;
	uint64_t polls_ns; /* the next time */
} waits[] = {
	{ MAX_NS + START_NS, 0 },           /* long: it does not begin */
	{ START_NS / 2, START_NS },         /* short: it would have paid */
	{ START_NS / 2, START_NS },         /* it has paid */
	{ START_NS * 3 / 2, 2 * START_NS }, /* a longer one would have */
	{ START_NS * 3 / 2, 2 * START_NS },
	{ START_NS * 5 / 2, MAX_NS }, /* but not for longer than that */
	{ MAX_NS * 2, 0 },            /* it does not pay any more */
};

static void
wait_one_after_the_other(void *unused)
{
	(void)unused;
	load(0);
	timer_init(&timer, ring);
	host_gate();
	for (unsigned int n = 0; n < sizeof(waits) / sizeof(waits[0]); n++) {
		timer_start(&timer, arch_clock_ns() + waits[n].waits_ns);
		vcpu_halt(vcpu);
		HOST_EXPECT(vcpu_runnable(vcpu));
		if (vcpu->halt_poll_ns != waits[n].polls_ns) {
			host_fail("after wait %u it polls for %lu ns", n, vcpu->halt_poll_ns);
		}
		atomic_store(&vcpu->pending, 0);
	}
	vcpu_put(vcpu);
	end();
}

static void
boot_waits(void)
{
	preempt_model_set(PREEMPT_NONE);
	scenario_task(0, wait_one_after_the_other, NULL);
}

static void
check_one(void)
{
	scenario_check_at_rest(1);
}

/* It polls for longer where that would have spared a sleep, and not at all where not. */
START_TEST(test_poll_is_as_long_as_it_pays)
{
	scenario_must_hold(&(struct explore_scenario){ "polls as long as it pays", 1, boot_waits,
	                                               check_one, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("vcpu_poll");
	TCase *tests = tcase_create("vcpu_poll");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_poll_takes_what_comes_without_a_switch);
	tcase_add_test(tests, test_poll_gives_way_to_a_task);
	tcase_add_test(tests, test_poll_is_as_long_as_it_pays);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
