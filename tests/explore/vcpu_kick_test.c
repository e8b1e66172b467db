// SPDX-License-Identifier: ISC
/*
 * Requests and kicks against the run loop, in both flavours: a vcpu that is asked for something
 * sees that before it enters its guest, or leaves the guest for it. The guest is an endless loop,
 * so what is lost nobody finds again. Each place where the two can meet is counted.
 */
#include "guest/vcpu_request.h"

#include <check.h>
#include <stdio.h>

#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/smp_call.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/explore/vcpus.h"
#include "tests/host/memory.h"
#include "tests/unit/suite.h"

#define LIMIT 1000000

/* ---- where the request met the vcpu ---- */

enum window {
	BEFORE_MODE,    /* made before mode says IN: seen by a look */
	BEFORE_BARRIER, /* between mode's store and its barrier */
	AFTER_CHECK,    /* its interrupt was pending at the entry, or came before the first step */
	IN_GUEST,       /* it ended the guest */
	BEFORE_OUTSIDE, /* its interrupt was sent between an exit and mode's store */
	AFTER_OUTSIDE,  /* made behind an exit: no interrupt */
	SECOND_KICK,    /* mode was EXITING already: no interrupt */
	SWITCHED_OUT,   /* made while it was scheduled out */
	ABOUT_TO_BLOCK, /* made between the state of who blocks and its switch */
	FROM_ITS_OWN_CPU, /* by an interrupt within its loop */
	WINDOW_COUNT
};

static const char *const window_words[WINDOW_COUNT] = {
	[BEFORE_MODE] = "before mode says IN",
	[BEFORE_BARRIER] = "between mode and its barrier",
	[AFTER_CHECK] = "pending at the entry",
	[IN_GUEST] = "in the guest",
	[BEFORE_OUTSIDE] = "sent behind the exit, before mode says OUTSIDE",
	[AFTER_OUTSIDE] = "made behind the exit",
	[SECOND_KICK] = "found another's kick",
	[SWITCHED_OUT] = "made while it was switched out",
	[ABOUT_TO_BLOCK] = "made when it was about to sleep",
	[FROM_ITS_OWN_CPU] = "made on its own cpu",
};

static unsigned int hits[WINDOW_COUNT]; /* over all runs of a scenario */

static HOST_STATE uint64_t stepped; /* the serial of the last entry that had a step */

static bool
is_outside(const struct vcpu *vcpu)
{
	return vcpu->mode.value == OUTSIDE_GUEST_MODE;
}

static void
see_request(const struct vcpu *vcpu, const struct host_cpu *owner)
{
	bool stored = memory_has_store(owner, &vcpu->mode);

	hits[BEFORE_MODE] += is_outside(vcpu) && !stored && vcpu->serial == 0;
	hits[BEFORE_BARRIER] += is_outside(vcpu) && stored;
	hits[AFTER_OUTSIDE] += is_outside(vcpu) && !stored && vcpu->serial != 0;
	hits[SWITCHED_OUT] += vcpu->scheduled_out.value != 0;
	hits[ABOUT_TO_BLOCK] += vcpu->task != NULL && vcpu->scheduled_out.value == 0 &&
	                        vcpu->task->state.value == TASK_INTERRUPTIBLE;
}

static void
see_send(const struct vcpu *vcpu, const struct host_cpu *owner)
{
	hits[BEFORE_OUTSIDE] += !is_outside(vcpu) && !owner->in_guest && stepped == vcpu->serial;
}

static void
see_transition(const struct host_transition *t)
{
	const struct vcpu *vcpu = vcpus_only;
	const struct host_cpu *owner = host_cpu(0);

	if (t->cpu == 0) {
		if (t->actor == HOST_IRQ + IRQ_RESCHEDULE && owner->in_guest) {
			hits[stepped == vcpu->serial ? IN_GUEST : AFTER_CHECK]++;
		}
	} else if (t->actor == HOST_STEP && t->op.kind == HOST_OP_LOCKED &&
	           (t->op.addr == &vcpu->requests || t->op.addr == &vcpu->pending)) {
		see_request(vcpu, owner);
	} else if (t->actor == HOST_STEP && t->op.kind == HOST_OP_SEND) {
		see_send(vcpu, owner);
	} else if (t->actor == HOST_STEP && t->op.kind == HOST_OP_LOCKED &&
	           t->op.addr == &vcpu->mode) {
		hits[SECOND_KICK] += vcpu->mode.value == EXITING_GUEST_MODE;
	}
}

static void
see(const struct host_transition *t, unsigned int moment)
{
	unsigned long flags = host_step_begin();

	(void)moment;
	see_transition(t);
	host_step_end(flags);
}

static const enum vm_early flavours[] = { VM_EARLY_IRQS_ON, VM_EARLY_IRQS_OFF };

static const char *const flavour_words[] = {
	[VM_EARLY_IRQS_ON] = "arm64's order",
	[VM_EARLY_IRQS_OFF] = "x86's order",
};

/* Holds in this flavour, within so many deviations (0: always), and each of these windows was met.
 */
static void
hold(const struct explore_scenario *scenario, enum vm_early flavour, unsigned int deviations,
     unsigned int windows)
{
	vcpus_flavour = flavour;
	for (unsigned int n = 0; n < WINDOW_COUNT; n++) {
		hits[n] = 0;
	}
	printf("%s:\n", flavour_words[flavour]);
	host_transition_seen = see;
	if (deviations == 0) {
		scenario_must_hold(scenario, LIMIT);
	} else {
		scenario_must_hold_within(scenario, deviations, LIMIT);
	}
	host_transition_seen = NULL;
	for (unsigned int n = 0; n < WINDOW_COUNT; n++) {
		if (windows >> n & 1) {
			printf("    %-48s %8u times\n", window_words[n], hits[n]);
			ck_assert(hits[n] != 0 || !scenario_was_exhausted());
		}
	}
}

/* ---- guests, and who asks ---- */

static unsigned int
trap_and_loop(struct vcpu *vcpu, unsigned int at)
{
	stepped = vcpu->serial;
	if (at == 0) {
		host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_IN, .size = 1 });
		return 1;
	}
	return at;
}

static void
own(void *guest)
{
	struct vcpu *vcpu = vcpus_create((host_guest *)guest);

	scenario_gate();
	vcpu_run(vcpu);
	host_fail("the vcpu stopped");
}

static void
make_request(void *unused)
{
	(void)unused;
	scenario_gate();
	vcpu_make_request(vcpus_only, VCPU_REQ_UNBLOCK, VCPU_REQ_NO_WAKEUP);
	host_stop();
}

static void
boot_request(void)
{
	scenario_task(0, own, (void *)trap_and_loop);
	scenario_task(1, make_request, NULL);
}

static void
check(void)
{
	vcpus_check(vcpus_only);
	HOST_EXPECT(vcpus_only->requests.value == 0);
}

#define WINDOWS_OF_REQUEST                                                               \
	(1u << BEFORE_MODE | 1u << AFTER_CHECK | 1u << IN_GUEST | 1u << BEFORE_OUTSIDE | \
	 1u << AFTER_OUTSIDE)

/*
 * P55: a request that comes anywhere around two entries, one of which ends by a trap, is seen
 * before an entry, or ends it.
 */
START_TEST(test_vcpu_request_is_seen_or_ends_the_guest)
{
	static const struct explore_scenario request = { "a request", 2, boot_request, check,
		                                         NULL,        0, NULL };

	hold(&request, VM_EARLY_IRQS_ON, 0, WINDOWS_OF_REQUEST);
	hold(&request, VM_EARLY_IRQS_OFF, 0, WINDOWS_OF_REQUEST | 1u << BEFORE_BARRIER);
	for (int n = 0; n < 2; n++) {
		vcpus_flavour = flavours[n];
		scenario_must_catch(&request, "mode-unordered", "stays in its guest", LIMIT);
		scenario_must_catch(&request, "check-before-mode", "stays in its guest", LIMIT);
		scenario_must_catch(&request, "kick-without-mode", "IPI", LIMIT);
		scenario_must_catch(&request, "abort-leaves-mode", "mode) == OUTSIDE_GUEST_MODE",
		                    LIMIT);
	}
}
END_TEST

/* ---- two at once, and who is not in its guest ---- */

static unsigned int
loop_from_gate(struct vcpu *vcpu, unsigned int at)
{
	stepped = vcpu->serial;
	return vcpus_loop_from_gate(vcpu, at);
}

/* The exploration finds it in its guest. */
static void
own_from_boot(void *guest)
{
	vcpu_run(vcpus_create((host_guest *)guest));
	host_fail("the vcpu stopped");
}

static void
boot_two(void)
{
	scenario_task(0, own_from_boot, (void *)loop_from_gate);
	scenario_task(1, make_request, NULL);
	scenario_task(2, make_request, NULL);
}

static const struct explore_scenario two = { "two requests", 3, boot_two, check, NULL, 0, NULL };

/* P55: of two who ask for the same, or find the vcpu about to exit, one sends an interrupt. */
START_TEST(test_vcpu_two_requests_send_one_interrupt)
{
	unsigned int windows = 1u << IN_GUEST | 1u << SECOND_KICK | 1u << AFTER_OUTSIDE;

	for (int n = 0; n < 2; n++) {
		hold(&two, flavours[n], 0, windows);
	}
}
END_TEST

/* Yields when the exploration starts. */
static unsigned int
yield_and_loop(struct vcpu *vcpu, unsigned int at)
{
	stepped = vcpu->serial;
	if (at == 1) {
		host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_HYPERCALL,
		                                           .value = HYPERCALL_yield });
		return 2;
	}
	return vcpus_loop_from_gate(vcpu, at);
}

static void
sleep_at_once(void *unused)
{
	(void)unused;
	scenario_sleep();
}

static void
boot_switched(void)
{
	scenario_task(0, own_from_boot, (void *)yield_and_loop);
	scenario_task(0, sleep_at_once, NULL);
	scenario_task(1, make_request, NULL);
}

static void
check_switched(void)
{
	HOST_EXPECT(vcpus_only->stats.outs == 1);
	check();
}

static const struct explore_scenario switched = {
	"a request, and a switch", 2, boot_switched, check_switched, NULL, 0, NULL
};

/* P55: a request that comes while the vcpu is switched out sends nothing, and is seen behind it. */
START_TEST(test_vcpu_request_while_switched_out_is_seen)
{
	for (int n = 0; n < 2; n++) {
		hold(&switched, flavours[n], 0, 1u << SWITCHED_OUT);
	}
}
END_TEST

/* ---- one that waits ---- */

static unsigned int
halt_and_loop(struct vcpu *vcpu, unsigned int at)
{
	stepped = vcpu->serial;
	if (at == 1) {
		host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_HLT });
		return 2;
	}
	return vcpus_loop_from_gate(vcpu, at);
}

static void
own_halting(void *unused)
{
	struct vcpu *vcpu = vcpus_create(halt_and_loop);

	(void)unused;
	arch_vcpu_set_handler(vcpu, (uintptr_t)vcpus_loop);
	vcpu->interrupts_on = true;
	vcpu_run(vcpu);
	host_fail("the vcpu stopped");
}

static void
wake_by_request(void *unused)
{
	(void)unused;
	scenario_gate();
	vcpu_make_request(vcpus_only, VCPU_REQ_UNBLOCK, 0);
	host_stop();
}

static void
wake_by_interrupt(void *unused)
{
	(void)unused;
	scenario_gate();
	vcpu_interrupt(vcpus_only, PAYLOAD_VECTOR_DOORBELL);
	host_stop();
}

static void
boot_halt(void (*waker)(void *))
{
	scenario_task(0, own_halting, NULL);
	scenario_task(1, waker, NULL);
}

static void
boot_halt_request(void)
{
	boot_halt(wake_by_request);
}

static void
boot_halt_interrupt(void)
{
	boot_halt(wake_by_interrupt);
}

static const struct explore_scenario halt_request = {
	"a request, and a halt", 2, boot_halt_request, check, NULL, 0, NULL
};
static const struct explore_scenario halt_interrupt = {
	"an interrupt, and a halt", 2, boot_halt_interrupt, check, NULL, 0, NULL
};

/*
 * P55, P32: a request or an interrupt that comes between the state of who blocks and its sleep, or
 * anywhere else around a halt, wakes it.
 */
START_TEST(test_vcpu_kick_wakes_who_is_about_to_block)
{
	for (int n = 0; n < 2; n++) {
		hold(&halt_request, flavours[n], 0, 1u << ABOUT_TO_BLOCK);
		hold(&halt_interrupt, flavours[n], 0, 1u << ABOUT_TO_BLOCK);
		scenario_must_catch(&halt_interrupt, "halt-tests-first",
		                    "sleeps with an interrupt pending", LIMIT);
	}
}
END_TEST

/* ---- from its own cpu ---- */

static void
request_here(struct call_single_data *unused)
{
	(void)unused;
	HOST_EXPECT(host_this->id == 0);
	hits[FROM_ITS_OWN_CPU]++;
	vcpu_set_request(vcpus_only, VCPU_REQ_UNBLOCK);
	vcpu_kick(vcpus_only);
}

static HOST_STATE struct call_single_data call;

static void
send_call(void *unused)
{
	(void)unused;
	scenario_gate();
	call = (struct call_single_data)CALL_SINGLE_DATA_INIT(request_here);
	smp_call_function_single_async(0, &call);
	host_stop();
}

static void
boot_own_cpu(void)
{
	scenario_task(0, own, (void *)trap_and_loop);
	scenario_task(1, send_call, NULL);
}

static void
check_own_cpu(void)
{
	HOST_EXPECT(host_sent_count(0, IRQ_RESCHEDULE) == 0);
	check();
}

static const struct explore_scenario own_cpu = {
	"a kick from its own cpu", 2, boot_own_cpu, check_own_cpu, NULL, 0, NULL
};

/* P55: a kick by an interrupt within the vcpu's own loop sends nothing, and its request is seen. */
START_TEST(test_vcpu_kick_from_its_own_cpu_sends_nothing)
{
	for (int n = 0; n < 2; n++) {
		hold(&own_cpu, flavours[n], 0, 1u << FROM_ITS_OWN_CPU);
	}
}
END_TEST

/* Its hypercall is done without leaving, and has it leave. */
static unsigned int
time_and_loop(struct vcpu *vcpu, unsigned int at)
{
	stepped = vcpu->serial;
	if (at == 1) {
		host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_HYPERCALL,
		                                           .value = HYPERCALL_time });
		return 2;
	}
	return vcpus_loop_from_gate(vcpu, at);
}

static void
kick_in_fast_path(struct vcpu *vcpu)
{
	HOST_EXPECT(arch_irqs_disabled());
	hits[FROM_ITS_OWN_CPU] += vcpu->mode.value == IN_GUEST_MODE;
	vcpu_kick(vcpu);
	HOST_EXPECT(atomic_load(&vcpu->mode) == EXITING_GUEST_MODE);
}

static void
boot_fast_path(void)
{
	scenario_task(0, own_from_boot, (void *)time_and_loop);
}

static const struct explore_scenario fast_path = {
	"a kick in a fast path", 1, boot_fast_path, check_own_cpu, NULL, 0, NULL
};

/* P55: a kick within the fast path, where mode is IN, sends nothing, and the guest is left for it.
 */
START_TEST(test_vcpu_kick_in_a_fast_path_is_heeded)
{
	host_guest_completes = kick_in_fast_path;
	hold(&fast_path, VM_EARLY_IRQS_OFF, 0, 1u << FROM_ITS_OWN_CPU);
	scenario_must_catch(&fast_path, "exiting-ignored", "stays in its guest", LIMIT);
	scenario_must_catch(&fast_path, "fast-path-blind", "stays in its guest", LIMIT);
	scenario_must_catch(&fast_path, "kick-sent-to-self",
	                    "host_sent_count(0, IRQ_RESCHEDULE) == 0", LIMIT);
}
END_TEST

/* ---- one that moves ---- */

static unsigned int
stop_and_loop(struct vcpu *vcpu, unsigned int at)
{
	stepped = vcpu->serial;
	if (at == 1) {
		host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_HYPERCALL,
		                                           .value = HYPERCALL_shutdown });
		return 2;
	}
	return vcpus_loop_from_gate(vcpu, at);
}

static void
own_and_move(void *unused)
{
	struct vcpu *vcpu = vcpus_create(stop_and_loop);

	(void)unused;
	HOST_EXPECT(vcpu_run(vcpu) == 0);
	HOST_EXPECT(set_cpus_allowed(current, 1u << 2) == 0);
	vcpu_run(vcpu);
	host_fail("the vcpu stopped");
}

static void
boot_move(void)
{
	scenario_task(0, own_and_move, NULL);
	scenario_task(1, make_request, NULL);
}

static const struct explore_scenario moves = {
	"a kick, and a move", 3, boot_move, check, NULL, 0, NULL
};

/*
 * P55, J38: the vcpu leaves its guest, moves, and enters it elsewhere while it is asked: where it
 * is must be read behind its mode.
 */
START_TEST(test_vcpu_kick_finds_one_that_moves)
{
	for (int n = 0; n < 2; n++) {
		vcpus_flavour = flavours[n];
		scenario_must_hold(&moves, LIMIT);
		scenario_must_catch_within(&moves, 2, "kick-cpu-first", "stays in its guest",
		                           LIMIT);
	}
}
END_TEST

/* ---- with an answer ---- */

static unsigned int wait_flag; /* of the request; fixed in each exploration */

static HOST_STATE struct atomic flushed;

/* A few instructions that use translations, then an endless loop. */
static unsigned int
translate_and_loop(struct vcpu *vcpu, unsigned int at)
{
	stepped = vcpu->serial;
	if (host_guest_load(vcpu, &flushed) && host_guest_is_stale(vcpu)) {
		host_fail("a guest goes on with what was flushed");
	}
	return at == 1 || at == 2 ? at + 1 : vcpus_loop_from_gate(vcpu, at);
}

static void
flush(void *unused)
{
	(void)unused;
	scenario_gate();
	host_guest_remap();
	vm_make_all_requests(vcpus_only->vm, VCPU_REQ_FLUSH_ALL, wait_flag | VCPU_REQ_NO_WAKEUP);
	atomic_store_mb(&flushed, 1);
	host_stop();
}

static void
boot_flush(void)
{
	scenario_task(0, own_from_boot, (void *)translate_and_loop);
	scenario_task(1, flush, NULL);
}

static void
check_flushed(void)
{
	struct vcpu *vcpu = vcpus_only;

	HOST_EXPECT(vcpu->requests.value == 0);
	HOST_EXPECT(host_cpu(0)->in_guest && !host_guest_is_stale(vcpu));
}

/* P55: behind a request that waits, no guest runs on as if nothing had been asked. */
START_TEST(test_vcpu_request_that_waits_has_ended_the_guest)
{
	static const struct explore_scenario flushes = { "a flush", 2, boot_flush, check_flushed,
		                                         NULL,      0, NULL };

	for (int n = 0; n < 2; n++) {
		vcpus_flavour = flavours[n];
		wait_flag = VCPU_REQ_WAIT;
		scenario_must_hold(&flushes, LIMIT);
		wait_flag = 0;
		scenario_must_fail(&flushes, "a guest goes on with what was flushed", LIMIT);
	}
}
END_TEST

static HOST_STATE struct atomic page_is_gone;
static HOST_STATE struct atomic page_is_free;

static void
walk(void *unused)
{
	struct vcpu *vcpu = vcpus_create(vcpus_loop);

	(void)unused;
	vcpu_load(vcpu);
	scenario_gate();
	walk_shadow_page_lockless_begin(vcpu);
	if (!atomic_load(&page_is_gone)) {
		HOST_EXPECT(!atomic_load(&page_is_free));
	}
	walk_shadow_page_lockless_end(vcpu);
	vcpu_put(vcpu);
	scenario_done();
	host_stop();
}

static void
take_page_away(void *unused)
{
	(void)unused;
	scenario_gate();
	atomic_store(&page_is_gone, 1);
	vm_make_all_requests(vcpus_only->vm, VCPU_REQ_FLUSH_ALL,
	                     VCPU_REQ_WAIT | VCPU_REQ_NO_WAKEUP);
	atomic_store(&page_is_free, 1);
	scenario_done();
	host_stop();
}

static void
boot_walk(void)
{
	scenario_task(0, walk, NULL);
	scenario_task(1, take_page_away, NULL);
}

static void
check_walk(void)
{
	HOST_EXPECT(vcpus_only->mode.value == OUTSIDE_GUEST_MODE);
}

/* P55: a request that waits waits for who reads the page tables, too, though that is outside. */
START_TEST(test_vcpu_request_that_waits_has_ended_a_walk)
{
	static const struct explore_scenario walks = { "a walk", 2, boot_walk, check_walk,
		                                       NULL,     0, NULL };

	vcpus_flavour = VM_EARLY_IRQS_OFF;
	scenario_must_hold(&walks, LIMIT);
	scenario_must_catch(&walks, "walk-unordered", "!atomic_load(&page_is_free)", LIMIT);
}
END_TEST

/* ---- where a compare-exchange is no barrier ---- */

static void
boot_weak(void)
{
	scenario_task(0, own, (void *)vcpus_loop);
	scenario_task(1, make_request, NULL);
}

/* P55: where a compare-exchange orders nothing, the request itself still comes before the mode. */
START_TEST(test_vcpu_request_is_a_barrier_by_itself)
{
	static const struct explore_scenario weak = { "a request, and a weak compare-exchange",
		                                      2,
		                                      boot_weak,
		                                      check,
		                                      NULL,
		                                      HOST_BROKEN_CMPXCHG,
		                                      NULL };

	for (int n = 0; n < 2; n++) {
		vcpus_flavour = flavours[n];
		scenario_must_hold(&weak, LIMIT);
		scenario_must_catch(&weak, "request-unordered", "stays in its guest", LIMIT);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("vcpu_kick");
	TCase *tests = tcase_create("vcpu_kick");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_vcpu_request_is_seen_or_ends_the_guest);
	tcase_add_test(tests, test_vcpu_two_requests_send_one_interrupt);
	tcase_add_test(tests, test_vcpu_request_while_switched_out_is_seen);
	tcase_add_test(tests, test_vcpu_kick_wakes_who_is_about_to_block);
	tcase_add_test(tests, test_vcpu_kick_from_its_own_cpu_sends_nothing);
	tcase_add_test(tests, test_vcpu_kick_in_a_fast_path_is_heeded);
	tcase_add_test(tests, test_vcpu_kick_finds_one_that_moves);
	tcase_add_test(tests, test_vcpu_request_that_waits_has_ended_the_guest);
	tcase_add_test(tests, test_vcpu_request_that_waits_has_ended_a_walk);
	tcase_add_test(tests, test_vcpu_request_is_a_barrier_by_itself);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
