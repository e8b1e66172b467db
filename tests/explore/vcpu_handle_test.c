// SPDX-License-Identifier: ISC
/*
 * What a trapped instruction asks for, carried out by the whole run loop, in both of its orders,
 * while others have the vcpu's task switched, moved, interrupted or signalled: once, and behind the
 * error that came with its exit.
 */
#include <stdio.h>

#include "guest/errno.h"
#include "guest/mm.h"
#include "guest/object.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/signal.h"
#include "guest/sleep.h"
#include "guest/vcpu.h"
#include "guest/vcpu_check.h"
#include "guest/vcpu_device.h"
#include "guest/vcpu_request.h"
#include "tests/explore/scenario.h"
#include "tests/host/guest.h"
#include "tests/unit/suite.h"

#define LIMIT      100000
#define DEVIATIONS 1
#define STATUS     7u

/* A space of two deviations has some hundred thousand runs: these look into what lies beyond. */
#define RANDOM_RUNS 1000

static HOST_STATE struct vm *vm;
static HOST_STATE struct vcpu *vcpus[2];
static HOST_STATE struct task *runner;
static HOST_STATE unsigned int errors;    /* delivered to guests */
static HOST_STATE unsigned int tries;     /* of the instruction */
static HOST_STATE unsigned int signals;   /* that ended a run */
static HOST_STATE struct atomic runs_out; /* vcpus that have stopped */

/* Over all runs. */
static unsigned int moved_count;
static unsigned int interrupted_count;
static unsigned int switched_count;

static enum vm_early early;

/* ---- guests ---- */

static void
hypercall(struct vcpu *vcpu, enum payload_hypercall number, uint64_t arg)
{
	host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_HYPERCALL,
	                                           .value = number,
	                                           .args = { arg } });
}

static unsigned int
guest_handler(struct vcpu *vcpu, unsigned int at)
{
	HOST_EXPECT(host_guest_event(vcpu).vector == PAYLOAD_VECTOR_NMI);
	if (host_guest_completed(vcpu) != 1) {
		host_fail("its side effect came before the error");
	}
	errors++;
	hypercall(vcpu, HYPERCALL_return, 0);
	return at + 1;
}

static void
write_count(struct vcpu *vcpu)
{
	host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_WRITE,
	                                           .addr = VM_MMIO + VM_MMIO_COUNT,
	                                           .size = 4,
	                                           .value = 1 });
}

/* The error comes with the exit of the write, the first time that it is tried. */
static unsigned int
guest_write_with_error(struct vcpu *vcpu, unsigned int at)
{
	switch (at) {
	case 0:
		hypercall(vcpu, HYPERCALL_handler, (uintptr_t)guest_handler);
		break;
	case 1:
		write_count(vcpu);
		if (tries++ == 0) {
			host_guest_early_fault(vcpu, EARLY_NMI, false);
		}
		break;
	default:
		hypercall(vcpu, HYPERCALL_shutdown, STATUS);
		break;
	}
	return at + 1;
}

static unsigned int
guest_write(struct vcpu *vcpu, unsigned int at)
{
	if (at == 0) {
		write_count(vcpu);
	} else {
		hypercall(vcpu, HYPERCALL_shutdown, STATUS);
	}
	return at + 1;
}

#define PAGE_WANTED (VM_MEMORY_START + 0x5000u)

/* Wants a page, and wants it again until it is there. */
static unsigned int
guest_touch(struct vcpu *vcpu, unsigned int at)
{
	if (at == 0 && mm_find(vm->mm, PAGE_WANTED, true) == NULL) {
		host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_MEMORY,
		                                           .addr = PAGE_WANTED + 8 });
	} else {
		hypercall(vcpu, HYPERCALL_shutdown, STATUS);
	}
	return 1;
}

/* ---- who runs them ---- */

static void
make_machine(host_guest *guest, unsigned int count)
{
	vm = vm_create(early, mm_create(), (uintptr_t)guest);
	HOST_EXPECT(vm != NULL);
	for (unsigned int n = 0; n < count; n++) {
		vcpus[n] = vcpu_create(vm, n);
		HOST_EXPECT(vcpus[n] != NULL);
	}
}

/* Signals end a run, and nothing of it is lost. */
static void
run_to_its_end(struct vcpu *vcpu)
{
	while (vcpu_run(vcpu) == -EINTR) { /* bounded: by the signals that are sent */
		signals++;
		flush_signals(current);
	}
	HOST_EXPECT(vcpu->stop == VCPU_STOP_SHUTDOWN);
	HOST_EXPECT(vcpu->stop_value == STATUS);
	HOST_EXPECT(vcpu_stats_fault(vcpu) == NULL);
}

static uint64_t
device_count(void)
{
	return vcpu_mmio_read(vcpus[0], VM_MMIO + VM_MMIO_COUNT, 8);
}

static void
run_one(void *guest)
{
	unsigned int cpu;

	make_machine((host_guest *)guest, 1);
	allow_signal(SIGUSR1);
	host_gate();
	cpu = raw_smp_processor_id();
	run_to_its_end(vcpus[0]);
	moved_count += cpu != raw_smp_processor_id();
	switched_count += vcpus[0]->stats.outs != 0;
	interrupted_count += signals != 0;
	HOST_EXPECT(device_count() == 1);
	HOST_EXPECT(vcpus[0]->stats.early_faults == errors);
	vm_destroy(vm);
	scenario_done();
	scenario_sleep();
}

/* ---- who interferes ---- */

enum interference { NOBODY, SWITCHES, MOVES, REQUESTS, INTERRUPTS, SIGNALS, INTERFERENCES };

static const char *const interference_names[INTERFERENCES] = {
	[NOBODY] = "nobody interferes", [SWITCHES] = "its task is switched",
	[MOVES] = "its task is moved",  [REQUESTS] = "a request is made",
	[INTERRUPTS] = "an interrupt",  [SIGNALS] = "a signal",
};

static enum interference interference;

static void
interfere(void *unused)
{
	(void)unused;
	host_gate();
	switch (interference) {
	case SWITCHES:
		resched_cpu(0);
		break;
	case MOVES:
		HOST_EXPECT(set_cpus_allowed(runner, 2) == 0);
		break;
	case REQUESTS:
		vcpu_make_request(vcpus[0], VCPU_REQ_FLUSH_ALL, 0);
		vcpu_kick(vcpus[0]);
		break;
	case INTERRUPTS:
		vcpu_interrupt(vcpus[0], PAYLOAD_VECTOR_DOORBELL);
		break;
	case SIGNALS:
		send_sig(SIGUSR1, runner);
		break;
	default:
		break;
	}
	scenario_done();
	scenario_sleep();
}

/* Who has the cpu when it is switched away from, and gives it back. */
static void
take_a_turn(void *unused)
{
	(void)unused;
	host_gate();
	scenario_done();
	scenario_sleep();
}

static void
boot_error(void)
{
	preempt_model_set(CONFIG_PREEMPT_COUNT ? PREEMPT_FULL : PREEMPT_NONE);
	runner = scenario_task(0, run_one, guest_write_with_error);
	scenario_name_task(runner, "runner");
	if (interference == SWITCHES) {
		scenario_task(0, take_a_turn, NULL);
	}
	if (interference != NOBODY) {
		scenario_task(1, interfere, NULL);
	}
}

static void
check_error(void)
{
	HOST_EXPECT(errors == 1);
	HOST_EXPECT(tries == 2);
	scenario_check_at_rest(1 + (interference != NOBODY) + (interference == SWITCHES));
}

static struct explore_scenario
error_scenario(char *name, size_t size)
{
	snprintf(name, size, "a write and an error, irqs %s: %s",
	         early == VM_EARLY_IRQS_ON ? "on" : "off", interference_names[interference]);
	return (struct explore_scenario){ name, 2, boot_error, check_error, NULL, 0, NULL };
}

/*
 * P54: the side effect of a trapped instruction comes once, and behind the error that came with its
 * exit, whoever has the vcpu's task switched, moved, interrupted or signalled anywhere.
 */
START_TEST(test_side_effect_comes_once_and_behind_the_error)
{
	char name[80];

	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		moved_count = 0;
		interrupted_count = 0;
		switched_count = 0;
		for (interference = NOBODY; interference < INTERFERENCES; interference++) {
			struct explore_scenario scenario = error_scenario(name, sizeof(name));

			scenario_must_hold_within(&scenario, DEVIATIONS, LIMIT);
			scenario_must_survive(&scenario, RANDOM_RUNS);
		}
		printf("%-44s %8u moved, %u interrupted, %u switched\n", "the windows", moved_count,
		       interrupted_count, switched_count);
		ck_assert_uint_ne(moved_count, 0);
		ck_assert_uint_ne(interrupted_count, 0);
		ck_assert_uint_ne(switched_count, 0);
	}
}
END_TEST

START_TEST(test_side_effect_mutants_are_caught)
{
	char name[80];

	interference = NOBODY;
	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		struct explore_scenario scenario = error_scenario(name, sizeof(name));

		scenario_must_catch(&scenario, "early-emulates",
		                    "its side effect came before the error", LIMIT);
	}
}
END_TEST

/* ---- two vcpus ---- */

static void
run_member(void *member)
{
	host_gate();
	run_to_its_end(vcpus[(uintptr_t)member]);
	atomic_fetch_add(&runs_out, 1);
	scenario_done();
	scenario_sleep();
}

static host_guest *pair_guest;

static void
make_pair(void *unused)
{
	(void)unused;
	make_machine(pair_guest, 2);
	scenario_done();
	scenario_sleep();
}

static void
boot_pair(void)
{
	scenario_fifo_task(0, 50, make_pair, NULL);
	scenario_task(0, run_member, (void *)0);
	scenario_task(1, run_member, (void *)1);
}

static void
check_count(void)
{
	scenario_check_at_rest(3);
	if (device_count() != 2) {
		host_fail("writes were lost");
	}
}

static void
check_page(void)
{
	scenario_check_at_rest(3);
	HOST_EXPECT(mm_find(vm->mm, PAGE_WANTED, true) != NULL);
}

/* P54: two vcpus that write one register both do so. */
START_TEST(test_writes_of_two_vcpus_both_count)
{
	static const struct explore_scenario count = {
		"two vcpus write one register", 2, boot_pair, check_count, NULL, 0, NULL
	};

	pair_guest = guest_write;
	early = VM_EARLY_IRQS_ON;
	scenario_must_hold_within(&count, DEVIATIONS, LIMIT);
	scenario_must_survive(&count, RANDOM_RUNS);
	scenario_must_catch_within(&count, DEVIATIONS, "device-count-torn", "writes were lost",
	                           LIMIT);
}
END_TEST

/* P54: two vcpus that want one page get one. */
START_TEST(test_page_that_two_vcpus_want_comes_once)
{
	static const struct explore_scenario page = {
		"two vcpus want one page", 2, boot_pair, check_page, NULL, 0, NULL
	};

	pair_guest = guest_touch;
	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		scenario_must_hold_within(&page, DEVIATIONS, LIMIT);
		scenario_must_survive(&page, RANDOM_RUNS);
		scenario_must_catch_within(&page, DEVIATIONS, "demand-unlocked",
		                           "assertion failed: arch_mm_find(mm, va, false) == NULL",
		                           LIMIT);
	}
}
END_TEST

/* ---- the timer, and the end ---- */

static HOST_STATE uint8_t *next_owner; /* of the vcpu's memory, zeroed */

static void
run_with_timer(void *unused)
{
	(void)unused;
	make_machine(guest_write, 1);
	host_gate();
	vcpu_timer_set(vcpus[0], 0);
	HOST_EXPECT(set_cpus_allowed(current, 2) == 0); /* the timer stays on cpu 0 */
	vm_destroy(vm);
	next_owner = object_alloc(sizeof(struct vcpu));
	HOST_EXPECT(next_owner == (void *)vcpus[0]);
	scenario_done();
	scenario_sleep();
}

static void
boot_timer(void)
{
	runner = scenario_task(0, run_with_timer, NULL);
}

static void
check_memory(void)
{
	scenario_check_at_rest(1);
	for (size_t i = 0; i < sizeof(struct vcpu); i++) {
		if (next_owner[i] != 0) {
			host_fail("a timer has changed the memory of a vcpu that is gone");
		}
	}
}

/* P54: a vcpu with a timer goes while the timer expires elsewhere, and is not looked at any more.
 */
START_TEST(test_timer_does_not_outlive_its_vcpu)
{
	static const struct explore_scenario timer = {
		"a vcpu goes while its timer expires", 2, boot_timer, check_memory, NULL, 0, NULL
	};

	early = VM_EARLY_IRQS_OFF;
	scenario_must_hold_within(&timer, DEVIATIONS, LIMIT);
	scenario_must_survive(&timer, RANDOM_RUNS);
	scenario_must_catch_within(&timer, DEVIATIONS, "device-timer-left",
	                           "of a vcpu that is gone", LIMIT);
}
END_TEST

/* ---- handlers within handlers ---- */

#define NESTED (PAYLOAD_NESTING_MAX + 2)

static HOST_STATE unsigned int handlers_now;
static HOST_STATE unsigned int handlers_deepest;
static HOST_STATE unsigned int handlers_in_all;

/* Lets the next interrupt in, before it returns. */
static unsigned int
guest_handler_that_nests(struct vcpu *vcpu, unsigned int at)
{
	if (at == 0) {
		handlers_in_all++;
		handlers_now++;
		if (handlers_now > handlers_deepest) {
			handlers_deepest = handlers_now;
		}
		host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_STI });
	} else {
		handlers_now--;
		hypercall(vcpu, HYPERCALL_return, 0);
	}
	return at + 1;
}

static unsigned int
guest_that_nests(struct vcpu *vcpu, unsigned int at)
{
	if (at == 0) {
		hypercall(vcpu, HYPERCALL_handler, (uintptr_t)guest_handler_that_nests);
	} else if (at == 1) {
		host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_STI });
	} else {
		hypercall(vcpu, HYPERCALL_shutdown, STATUS);
	}
	return at + 1;
}

static void
run_nesting(void *unused)
{
	(void)unused;
	make_machine(guest_that_nests, 1);
	for (unsigned int n = 0; n < NESTED; n++) {
		vcpu_interrupt(vcpus[0], PAYLOAD_VECTOR_FIRST + n);
	}
	host_gate();
	run_to_its_end(vcpus[0]);
	HOST_EXPECT(handlers_in_all == NESTED);
	HOST_EXPECT(handlers_deepest == PAYLOAD_NESTING_MAX);
	vm_destroy(vm);
	scenario_done();
	scenario_sleep();
}

static void
boot_nesting(void)
{
	runner = scenario_task(0, run_nesting, NULL);
}

static void
check_nesting(void)
{
	scenario_check_at_rest(1);
}

/* P56: interrupts that a guest lets in within its handlers wait where those nest as deep as they
 * may, and come when one returns. */
START_TEST(test_interrupts_wait_for_handlers_that_nest_too_deep)
{
	static const struct explore_scenario nesting = {
		"handlers within handlers", 1, boot_nesting, check_nesting, NULL, 0, NULL
	};

	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		scenario_must_hold_within(&nesting, 0, LIMIT);
		scenario_must_catch_within(&nesting, 0, "interrupt-nests-too-deep",
		                           "can_nest(vcpu)", LIMIT);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("vcpu_handle");
	TCase *tests = tcase_create("vcpu_handle");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_side_effect_comes_once_and_behind_the_error);
	tcase_add_test(tests, test_side_effect_mutants_are_caught);
	tcase_add_test(tests, test_writes_of_two_vcpus_both_count);
	tcase_add_test(tests, test_page_that_two_vcpus_want_comes_once);
	tcase_add_test(tests, test_timer_does_not_outlive_its_vcpu);
	tcase_add_test(tests, test_interrupts_wait_for_handlers_that_nest_too_deep);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
