// SPDX-License-Identifier: ISC
/*
 * A vcpu on and off its cpu: by its task's own load and put, and by the preempt notifier wherever
 * the task is switched or moved. The guest keeps a word in the machine, which is there whenever it
 * runs; who runs, and what is loaded, is looked at before each of its instructions (guest.h).
 */
#include <check.h>
#include <stdio.h>

#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/smp_call.h"
#include "guest/vcpu_request.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/explore/vcpus.h"
#include "tests/unit/suite.h"

#define LIMIT 1000000

#define WORD 0x77u

static const enum vm_early flavours[] = { VM_EARLY_IRQS_ON, VM_EARLY_IRQS_OFF };

static HOST_STATE struct task *owner;

/* ---- moved by another cpu ---- */

/* A word, a trap, and an endless loop. */
static unsigned int
word_and_trap(struct vcpu *vcpu, unsigned int at)
{
	if (at == 0) {
		host_guest_set_word(vcpu, WORD);
		host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_IN, .size = 1 });
		return 1;
	}
	return at;
}

static void
own(void *guest)
{
	struct vcpu *vcpu = vcpus_create((host_guest *)guest);

	owner = current;
	scenario_gate();
	vcpu_run(vcpu);
	host_fail("the vcpu stopped");
}

static void
move_owner(void *unused)
{
	(void)unused;
	scenario_gate();
	HOST_EXPECT(set_cpus_allowed(owner, 1u << 1) == 0);
	scenario_sleep();
}

static void
boot_moved(void)
{
	scenario_task(0, own, (void *)word_and_trap);
	scenario_task(1, move_owner, NULL);
}

static void
check_moved(void)
{
	vcpus_check(vcpus_only);
	HOST_EXPECT(host_cpu(1)->guest == vcpus_only);
	HOST_EXPECT(host_cpu(1)->in_guest);
	HOST_EXPECT(host_cpu(0)->guest == NULL);
	HOST_EXPECT(per_cpu(running_vcpu, 0) == NULL);
	HOST_EXPECT(atomic_load(&vcpus_only->cpu) == 1);
}

static const struct explore_scenario moved = {
	"moved by another cpu", 2, boot_moved, check_moved, NULL, 0, NULL
};

/*
 * P48, P49, P51: a task that another cpu moves, anywhere in its loop, takes its vcpu along: it is
 * loaded where the task runs, and nowhere else.
 */
START_TEST(test_vcpu_load_follows_its_task)
{
	for (int n = 0; n < 2; n++) {
		vcpus_flavour = flavours[n];
		scenario_must_hold_within(&moved, 2, LIMIT);
		scenario_must_catch_within(&moved, 2, "running-set-late", "running_vcpu", LIMIT);
	}
}
END_TEST

/* ---- reset while loaded ---- */

/* Begins anew behind a reset: the word that the machine has is 0 again. */
static unsigned int
word_and_loop(struct vcpu *vcpu, unsigned int at)
{
	if (at == 0) {
		host_guest_set_word(vcpu, WORD);
		return 1;
	}
	return at;
}

static void
reset_and_move(void *unused)
{
	(void)unused;
	scenario_gate();
	vcpu_make_request(vcpus_only, VCPU_REQ_RESET, 0);
	HOST_EXPECT(set_cpus_allowed(owner, 1u << 1) == 0);
	scenario_sleep();
}

static void
boot_reset(void)
{
	scenario_task(0, own, (void *)word_and_loop);
	scenario_task(1, reset_and_move, NULL);
}

static const struct explore_scenario reset = {
	"reset while loaded, and moved", 2, boot_reset, check_moved, NULL, 0, NULL
};

/* P51, J36: what a reset sets is not put over by what was loaded, whatever switch comes within it.
 */
START_TEST(test_vcpu_load_holds_around_a_reset)
{
	for (int n = 0; n < 2; n++) {
		vcpus_flavour = flavours[n];
		scenario_must_hold_within(&reset, 2, LIMIT);
		scenario_must_catch_within(&reset, 2, "reset-loaded",
		                           "host_this->guest_word == vcpu->arch.expected", LIMIT);
	}
}
END_TEST

/* ---- an interrupt in the switch ---- */

static unsigned int window_hits;

static HOST_STATE struct call_single_data call;

/* Whose vcpu runs here? That of current, or nobody's. */
static void
look(struct call_single_data *unused)
{
	const struct vcpu *vcpu = this_cpu_read(running_vcpu);

	(void)unused;
	if (current == owner) {
		HOST_EXPECT(vcpu == NULL || vcpu == vcpus_only);
		window_hits += vcpu == NULL && atomic_load(&vcpus_only->scheduled_out);
	} else {
		HOST_EXPECT(vcpu == NULL);
	}
	HOST_EXPECT(vcpu == NULL || host_this->guest == NULL || host_this->guest == vcpu);
}

static void
call_and_stop(void *unused)
{
	(void)unused;
	scenario_gate();
	call = (struct call_single_data)CALL_SINGLE_DATA_INIT(look);
	smp_call_function_single_async(0, &call);
	host_stop();
}

static unsigned int
yield_and_loop(struct vcpu *vcpu, unsigned int at)
{
	if (at == 1) {
		host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_HYPERCALL,
		                                           .value = HYPERCALL_yield });
		return 2;
	}
	return vcpus_loop_from_gate(vcpu, at);
}

static void
own_from_boot(void *guest)
{
	owner = current;
	vcpu_run(vcpus_create((host_guest *)guest));
	host_fail("the vcpu stopped");
}

static void
sleep_at_once(void *unused)
{
	(void)unused;
	scenario_sleep();
}

static void
boot_interrupted(void)
{
	scenario_task(0, own_from_boot, (void *)yield_and_loop);
	scenario_task(0, sleep_at_once, NULL);
	scenario_task(1, call_and_stop, NULL);
}

static void
check_interrupted(void)
{
	vcpus_check(vcpus_only);
	HOST_EXPECT(vcpus_only->stats.outs == 1 && vcpus_only->stats.ins == 1);
	HOST_EXPECT(host_cpu(0)->in_guest);
}

static const struct explore_scenario interrupted = {
	"an interrupt in the switch", 2, boot_interrupted, check_interrupted, NULL, 0, NULL
};

/* P50: an interrupt between the switch and sched_in finds no vcpu running, and never another's. */
START_TEST(test_vcpu_load_is_not_seen_before_sched_in)
{
	for (int n = 0; n < 2; n++) {
		vcpus_flavour = flavours[n];
		window_hits = 0;
		scenario_must_hold(&interrupted, LIMIT);
		printf("%-44s %8u times before sched_in\n", interrupted.name, window_hits);
		ck_assert_uint_ne(window_hits, 0);
	}
}
END_TEST

/* ---- two on one cpu ---- */

static HOST_STATE struct vcpu *both[2];

/* Sets its word, gives the cpu away, and finds it again, twice. */
static unsigned int
word_and_yield(struct vcpu *vcpu, unsigned int at)
{
	host_guest_set_word(vcpu, WORD + vcpu->id * 16 + at);
	host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_HYPERCALL,
	                                           .value = at < 2 ? HYPERCALL_yield
	                                                           : HYPERCALL_shutdown });
	return at + 1;
}

static void
own_one(void *first)
{
	both[1] = vcpus_add(both[0]);
	(void)first;
	scenario_gate();
	HOST_EXPECT(vcpu_run(both[1]) == 0);
	HOST_EXPECT(both[1]->stop == VCPU_STOP_SHUTDOWN);
	scenario_done();
	scenario_sleep();
}

static void
own_other(void *unused)
{
	(void)unused;
	both[0] = vcpus_create(word_and_yield);
	scenario_gate();
	HOST_EXPECT(vcpu_run(both[0]) == 0);
	HOST_EXPECT(vcpu_get_running() == NULL);
	scenario_done();
	scenario_sleep();
}

static void
boot_both(void)
{
	scenario_task(0, own_other, NULL);
	scenario_task(0, own_one, NULL);
	scenario_task(1, scenario_ask, NULL);
}

static void
check_both(void)
{
	for (unsigned int n = 0; n < 2; n++) {
		const struct vcpu_stats *stats = &both[n]->stats;

		HOST_EXPECT(stats->outs == stats->ins && stats->outs != 0);
		HOST_EXPECT(stats->loads == 1 && stats->puts == 1);
		HOST_EXPECT(both[n]->arch.expected == WORD + n * 16 + 2);
		HOST_EXPECT(both[n]->arch.word == both[n]->arch.expected);
	}
	HOST_EXPECT(host_cpu(0)->guest == NULL);
	scenario_check_quiet(2);
}

static const struct explore_scenario two = {
	"two vcpus in turn", 2, boot_both, check_both, NULL, 0, NULL
};

/* P48, P51, P59: two that take turns on a cpu find what is theirs, and leave nothing behind. */
START_TEST(test_vcpu_load_keeps_two_apart)
{
	for (int n = 0; n < 2; n++) {
		vcpus_flavour = flavours[n];
		scenario_must_hold_within(&two, 1, LIMIT);
		scenario_must_catch_within(&two, 1, "put-keeps-notifier", "notifier.task == NULL",
		                           LIMIT);
		scenario_must_catch_within(&two, 1, "notified-under-lock",
		                           "assertion failed: !arch_irqs_disabled()", LIMIT);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("vcpu_load");
	TCase *tests = tcase_create("vcpu_load");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_vcpu_load_follows_its_task);
	tcase_add_test(tests, test_vcpu_load_holds_around_a_reset);
	tcase_add_test(tests, test_vcpu_load_is_not_seen_before_sched_in);
	tcase_add_test(tests, test_vcpu_load_keeps_two_apart);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
