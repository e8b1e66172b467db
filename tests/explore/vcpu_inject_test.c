// SPDX-License-Identifier: ISC
/*
 * Ordered errors (vcpu_inject.h): which words are orders, and that each comes once and is charged
 * to the vcpu whose exit it was behind, when the exits of several cpus are counted as one.
 */
#include "guest/vcpu_check.h"
#include "guest/vcpu_inject.h"

#include <stdio.h>
#include <string.h>

#include "guest/mm.h"
#include "guest/sched_change.h"
#include "guest/vcpu.h"
#include "guest/vcpu_device.h"
#include "tests/explore/scenario.h"
#include "tests/host/guest.h"
#include "tests/unit/suite.h"

#define LIMIT       400000
#define DEVIATIONS  2
#define RANDOM_RUNS 2000
#define WRITES      1u /* of each vcpu */

static bool
order(const char *text)
{
	return vcpu_inject_order(text, strlen(text));
}

/* All three words and both bounds; as many as there is room for. */
START_TEST(test_orders_are_taken)
{
	ck_assert(!vcpu_inject_armed);
	ck_assert(order("nmi@exit=1"));
	ck_assert(vcpu_inject_armed);
	ck_assert(order("mce@exit=007"));
	ck_assert(order("mce-fatal@exit=999999999"));
	for (int i = 3; i < VCPU_INJECT_MAX; i++) {
		ck_assert(order("nmi@exit=2"));
	}
	ck_assert(!order("nmi@exit=2"));
}
END_TEST

/* Every part missing, misspelt, out of range, or with something behind it. Nothing is armed. */
START_TEST(test_other_words_are_refused)
{
	static const char *const words[] = {
		"",           "nmi",          "@exit=1",
		"nmi@",       "nmi@exit",     "nmi@exit=",
		"nmi@exit=0", "nmi@exit=000", "nmi@exit=1x",
		"nmi@exit=x", "nmi@exit=-1",  "nmi@exit=1000000000",
		"nm@exit=1",  "nmis@exit=1",  "mce-@exit=1",
		"nmi@entry=", "nmi@exit 1",   "nmi@exit=1@exit=2",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		ck_assert_msg(!order(words[i]), "'%s'", words[i]);
	}
	ck_assert(!vcpu_inject_order("nmi@exit=1", strlen("nmi@exit=")));
	ck_assert(!vcpu_inject_armed);
}
END_TEST

/* ---- two vcpus on two cpus ---- */

static HOST_STATE struct vm *vm;
static HOST_STATE struct vcpu *vcpus[2];
static HOST_STATE struct atomic through; /* vcpu 0 is */
static HOST_STATE unsigned int nmis[2];  /* that its guest has seen */
static HOST_STATE unsigned int checks[2];

/* Over all runs: by the vcpus that the first and the second error came to. */
static unsigned int came_count[2][2];

static enum vm_early early;

static void
hypercall(struct vcpu *vcpu, enum payload_hypercall number)
{
	host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_HYPERCALL, .value = number });
}

static unsigned int
guest_handler(struct vcpu *vcpu, unsigned int at)
{
	uint8_t vector = host_guest_event(vcpu).vector;

	if (at == 0) {
		HOST_EXPECT(vector == PAYLOAD_VECTOR_NMI || vector == PAYLOAD_VECTOR_MACHINE_CHECK);
		nmis[vcpu->id] += vector == PAYLOAD_VECTOR_NMI;
		checks[vcpu->id] += vector == PAYLOAD_VECTOR_MACHINE_CHECK;
	} else {
		hypercall(vcpu, HYPERCALL_return); /* again, if an error comes with it */
	}
	return 1;
}

static unsigned int
guest_writes(struct vcpu *vcpu, unsigned int at)
{
	if (at == WRITES) {
		hypercall(vcpu, HYPERCALL_shutdown);
	} else {
		host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_WRITE,
		                                           .addr = VM_MMIO + VM_MMIO_COUNT,
		                                           .size = 4,
		                                           .value = 1 });
	}
	return at + 1;
}

static void
make_pair(void *unused)
{
	(void)unused;
	vm = vm_create(early, mm_create(), (uintptr_t)guest_writes);
	for (unsigned int n = 0; n < 2; n++) {
		vcpus[n] = vcpu_create(vm, n);
		HOST_EXPECT(vcpus[n] != NULL);
		arch_vcpu_set_handler(vcpus[n], (uintptr_t)guest_handler);
	}
	scenario_done();
	scenario_sleep();
}

static void
run_member(void *member)
{
	struct vcpu *vcpu;

	host_gate();
	vcpu = vcpus[(uintptr_t)member];
	HOST_EXPECT(vcpu_run(vcpu) == 0);
	HOST_EXPECT(vcpu->stop == VCPU_STOP_SHUTDOWN);
	HOST_EXPECT(vcpu_stats_fault(vcpu) == NULL);
	if (vcpu->id == 0) {
		atomic_store(&through, 1);
	}
	scenario_done();
	scenario_sleep();
}

static void
boot_pair(void)
{
	HOST_EXPECT(order("nmi@exit=2"));
	HOST_EXPECT(order("mce@exit=3"));
	scenario_fifo_task(0, 50, make_pair, NULL);
	scenario_task(0, run_member, (void *)0);
	scenario_task(1, run_member, (void *)1);
}

static void
check_pair(void)
{
	scenario_check_at_rest(3);
	for (unsigned int n = 0; n < 2; n++) {
		if (vcpus[n]->stats.early_faults != nmis[n] + checks[n]) {
			host_fail("an error was charged to another vcpu than saw it");
		}
	}
	if (nmis[0] + nmis[1] != 1 || checks[0] + checks[1] != 1) {
		host_fail("an order did not come once");
	}
	HOST_EXPECT(vcpu_mmio_read(vcpus[0], VM_MMIO + VM_MMIO_COUNT, 8) == 2 * WRITES);
	came_count[nmis[1]][checks[1]]++;
}

static const struct explore_scenario pair = {
	"two cpus count their exits", 2, boot_pair, check_pair, NULL, 0, NULL
};

/*
 * P53: of two cpus whose vcpus exit at any time, one finds that its exit is the ordered one, and
 * its vcpu gets the error, once, with its writes done once.
 */
START_TEST(test_each_order_comes_once_to_its_vcpu)
{
	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		memset(came_count, 0, sizeof(came_count));
		scenario_must_hold_within(&pair, early == VM_EARLY_IRQS_ON ? DEVIATIONS : 1, LIMIT);
		scenario_must_survive(&pair, RANDOM_RUNS);
		printf("%-44s %8u both to vcpu 0, %u and %u to one each, %u both to vcpu 1\n",
		       "the windows", came_count[0][0], came_count[0][1], came_count[1][0],
		       came_count[1][1]);
		for (unsigned int i = 0; i < 4; i++) {
			ck_assert_uint_ne(came_count[i / 2][i % 2], 0);
		}
	}
}
END_TEST

START_TEST(test_order_mutants_are_caught)
{
	early = VM_EARLY_IRQS_ON;
	scenario_must_catch_within(&pair, 1, "inject-count-torn", "an order did not come once",
	                           LIMIT);
}
END_TEST

/* ---- two vcpus on one cpu ---- */

static HOST_STATE struct task *moved;

/* Over all runs: those where it went while it had its vcpu loaded. */
static unsigned int moved_count;

/* While its vcpu is in its guest, or has just left it: that cpu is the other one's from now on. */
static void
move_first(void *unused)
{
	(void)unused;
	host_gate();
	while (atomic_load(&vcpus[0]->mode) == OUTSIDE_GUEST_MODE && !atomic_load(&through)) {
		arch_cpu_relax(); /* bounded: by the vcpu */
	}
	HOST_EXPECT(set_cpus_allowed(moved, 2) == 0);
	scenario_done();
	scenario_sleep();
}

static void
boot_shared(void)
{
	HOST_EXPECT(order("mce@exit=1"));
	preempt_model_set(CONFIG_PREEMPT_COUNT ? PREEMPT_FULL : PREEMPT_NONE);
	scenario_fifo_task(0, 50, make_pair, NULL);
	moved = scenario_task(0, run_member, (void *)0);
	scenario_task(0, run_member, (void *)1);
	scenario_task(1, move_first, NULL);
}

static void
check_shared(void)
{
	scenario_check_at_rest(4);
	for (unsigned int n = 0; n < 2; n++) {
		HOST_EXPECT(vcpus[n]->stats.early_faults == checks[n]);
	}
	moved_count += checks[0] != 0 && vcpus[0]->stats.outs != 0;
	HOST_EXPECT(checks[0] + checks[1] == 1);
}

static const struct explore_scenario shared = {
	"two vcpus on one cpu, and one leaves it", 2, boot_shared, check_shared, NULL, 0, NULL
};

/*
 * P52, P53: wherever its task is sent to another cpu, the vcpu that exited is charged with the
 * error, and not the other one, which runs on the first cpu next.
 */
START_TEST(test_error_is_charged_before_the_cpu_is_shared)
{
	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		moved_count = 0;
		scenario_must_hold_within(&shared, 1, LIMIT);
		scenario_must_survive(&shared, RANDOM_RUNS);
		printf("%-44s %8u moved with it\n", "the window", moved_count);
		ck_assert_uint_ne(moved_count, 0);
	}
}
END_TEST

START_TEST(test_late_handling_is_caught)
{
	early = VM_EARLY_IRQS_OFF; /* in the other order that takes a deviation more */
	if (CONFIG_PREEMPT_COUNT) {
		scenario_must_catch_within(&shared, 1, "late-early-exit", "charged to vcpu", LIMIT);
	}
}
END_TEST

static Suite *
vcpu_inject_suite(void)
{
	Suite *suite = suite_create("vcpu_inject");
	TCase *tests = tcase_create("vcpu_inject");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_orders_are_taken);
	tcase_add_test(tests, test_other_words_are_refused);
	tcase_add_test(tests, test_each_order_comes_once_to_its_vcpu);
	tcase_add_test(tests, test_order_mutants_are_caught);
	tcase_add_test(tests, test_error_is_charged_before_the_cpu_is_shared);
	tcase_add_test(tests, test_late_handling_is_caught);
	suite_add_tcase(suite, tests);
	return suite;
}

int
main(void)
{
	return suite_run(vcpu_inject_suite());
}
