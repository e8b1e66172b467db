// SPDX-License-Identifier: ISC
/*
 * Entries that are given up: whatever comes between the vcpu's mode and its last look is met, and
 * the vcpu, its task and what was prepared for its guest are as before, in both orders of the run
 * loop. The guest's interrupts are pending at each entry: none is lost, none comes twice.
 */
#include <stdio.h>

#include "guest/errno.h"
#include "guest/mm.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "guest/signal.h"
#include "guest/vcpu.h"
#include "guest/vcpu_check.h"
#include "guest/vcpu_request.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/host/guest.h"
#include "tests/host/memory.h"
#include "tests/unit/suite.h"

#define LIMIT  400000
#define STATUS 7u

static HOST_STATE struct vcpu *vcpu;
static HOST_STATE struct task *runner;
static HOST_STATE unsigned int taken[2]; /* the guest's interrupts, of the two vectors */
static HOST_STATE unsigned int wanted[2];
static HOST_STATE uint64_t stepped; /* the number of the last entry that had an instruction */

static enum vm_early early;

/* Over all runs. */
static unsigned int behind_mode; /* it came between mode's IN and the entry */
static unsigned int abort_count;
static unsigned int cancelled_count; /* events that were pending again when vcpu_run() returned */

/* ---- the guest ---- */

static void
hypercall(enum payload_hypercall number, uint64_t arg)
{
	host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_HYPERCALL,
	                                           .value = number,
	                                           .args = { arg } });
}

static unsigned int
guest_handler(struct vcpu *unused, unsigned int at)
{
	unsigned int n = host_guest_event(vcpu).vector - PAYLOAD_VECTOR_TIMER;

	(void)unused;
	stepped = vcpu->serial;
	HOST_EXPECT(n < 2);
	if (++taken[n] > wanted[n]) {
		host_fail("interrupt %u of the guest came twice", n);
	}
	hypercall(HYPERCALL_return, 0);
	return at + 1;
}

/* An entry delivers what is pending before the first instruction. */
static unsigned int
guest(struct vcpu *unused, unsigned int at)
{
	(void)unused;
	stepped = vcpu->serial;
	for (unsigned int n = 0; n < 2; n++) {
		if (taken[n] == 0 && wanted[n] != 0) {
			host_fail("interrupt %u of the guest was lost", n);
		}
	}
	hypercall(HYPERCALL_shutdown, STATUS);
	return at + 1;
}

/* ---- who runs it ---- */

static void
make_vcpu(void)
{
	struct vm *vm = vm_create(early, mm_create(), (uintptr_t)guest);

	HOST_EXPECT(vm != NULL);
	vcpu = vcpu_create(vm, 0);
	HOST_EXPECT(vcpu != NULL);
	arch_vcpu_set_handler(vcpu, (uintptr_t)guest_handler);
	vcpu->interrupts_on = true;
}

static void
send_to_guest(unsigned int n)
{
	wanted[n]++;
	vcpu_interrupt(vcpu, PAYLOAD_VECTOR_TIMER + n);
}

static bool
is_pending(unsigned int n)
{
	return atomic_load(&vcpu->pending) >> n & 1;
}

/* The guest's handler is entered, and its first instruction was not run. */
static bool
is_delivered(unsigned int n)
{
	return vcpu->arch.place.fn == (uintptr_t)guest_handler && vcpu->arch.place.at == 0 &&
	       host_guest_event(vcpu).vector == PAYLOAD_VECTOR_TIMER + n;
}

/* Nothing of an entry is left, however vcpu_run() has ended. */
static void
check_outside(void)
{
	HOST_EXPECT(atomic_load(&vcpu->mode) == OUTSIDE_GUEST_MODE);
	HOST_EXPECT(preempt_count() == 0);
	HOST_EXPECT(!arch_irqs_disabled());
	HOST_EXPECT(!vcpu->injected.valid);
	HOST_EXPECT(vcpu_stats_fault(vcpu) == NULL);
	HOST_EXPECT(current->preempt_notifiers == NULL);
	for (unsigned int n = 0; n < 2; n++) {
		if (taken[n] + is_pending(n) + is_delivered(n) < wanted[n]) {
			host_fail("interrupt %u of the guest was lost", n);
		}
		cancelled_count += is_pending(n);
	}
}

static void
run(void *unused)
{
	(void)unused;
	make_vcpu();
	send_to_guest(0);
	send_to_guest(1);
	allow_signal(SIGUSR1);
	host_gate();
	while (vcpu_run(vcpu) == -EINTR) { /* bounded: by the signals that are sent */
		check_outside();
		flush_signals(current);
	}
	check_outside();
	HOST_EXPECT(vcpu->stop == VCPU_STOP_SHUTDOWN);
	HOST_EXPECT(vcpu->stop_value == STATUS);
	abort_count += (unsigned int)vcpu->stats.aborts;
	scenario_done();
	scenario_sleep();
}

/* ---- what comes ---- */

static void
signal_runner(void)
{
	send_sig(SIGUSR1, runner);
}

static void
ask_runner(void)
{
	resched_cpu(0);
}

static void
wake_more_urgent(void)
{
	HOST_EXPECT(wake_up_process(urgent));
}

static void
request(void)
{
	vcpu_make_request(vcpu, VCPU_REQ_FLUSH_ALL, 0);
}

static void
request_and_wait(void)
{
	vcpu_make_request(vcpu, VCPU_REQ_FLUSH_CURRENT, VCPU_REQ_WAIT);
	HOST_EXPECT(atomic_load(&vcpu->mode) != EXITING_GUEST_MODE ||
	            stepped != vcpu->serial); /* it has left the guest that it was in */
}

static void
kick(void)
{
	vcpu_kick(vcpu);
}

static void
stop_machine(void)
{
	vcpu_pause(vcpu);
	vcpu_resume(vcpu);
}

static const struct cause {
	const char *name;
	void (*come)(void);
	unsigned int deviations;
} causes[] = {
	{ "a signal", signal_runner, 2 },
	{ "a request for a switch", ask_runner, 2 },
	{ "a more urgent task", wake_more_urgent, 1 },
	{ "a request", request, 2 },
	{ "a request that waits", request_and_wait, 1 },
	{ "a kick", kick, 2 },
	{ "a pause", stop_machine, 1 },
};

#define CAUSES (int)(sizeof(causes) / sizeof(causes[0]))

static const struct cause *cause; /* of the scenario */

static void
interfere(void *unused)
{
	(void)unused;
	host_gate();
	cause->come();
	scenario_done();
	scenario_sleep();
}

static void
boot(void)
{
	preempt_model_set(CONFIG_PREEMPT_COUNT ? PREEMPT_FULL : PREEMPT_NONE);
	urgent_boot();
	runner = scenario_fifo_task(0, 10, run, NULL);
	scenario_name_task(runner, "runner");
	scenario_task(1, interfere, NULL);
}

static void
check(void)
{
	scenario_check_at_rest(2);
	HOST_EXPECT(taken[0] == 1 && taken[1] == 1);
	HOST_EXPECT(urgent_runs == (cause->come == wake_more_urgent));
}

static bool
is_before_entry(void)
{
	bool is_in =
		vcpu->mode.value == IN_GUEST_MODE || memory_has_store(host_cpu(0), &vcpu->mode);

	return is_in && vcpu->stats.loops == vcpu->stats.entries + vcpu->stats.aborts + 1;
}

/* Window: mode says IN, and the guest is not entered yet. */
static void
see(const struct host_transition *t, unsigned int moment)
{
	unsigned long flags = host_step_begin();

	(void)moment;
	if (t->cpu == 1 && t->actor == HOST_STEP && t->op.kind == HOST_OP_LOCKED && vcpu != NULL &&
	    runner != NULL) {
		bool comes = t->op.addr == &runner->flags || t->op.addr == &vcpu->requests ||
		             t->op.addr == &vcpu->mode;

		behind_mode += comes && is_before_entry();
	}
	host_step_end(flags);
}

static struct explore_scenario
cause_scenario(const struct cause *of, char *name, size_t size)
{
	cause = of;
	snprintf(name, size, "%s, irqs %s", of->name, early == VM_EARLY_IRQS_ON ? "on" : "off");
	return (struct explore_scenario){ name, 2, boot, check, NULL, 0, NULL };
}

/*
 * P56: a signal, a request for a switch, a request, a kick, each at any moment, with two
 * deviations: what is given up leaves nothing behind, and nothing is lost.
 */
START_TEST(test_abort_restores_everything)
{
	char name[64];

	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		struct explore_scenario scenario = cause_scenario(&causes[_i], name, sizeof(name));

		behind_mode = 0;
		abort_count = 0;
		cancelled_count = 0;
		host_transition_seen = see;
		scenario_must_hold_within(&scenario, cause->deviations, LIMIT);
		host_transition_seen = NULL;
		printf("    behind mode %u times, %u aborts, %u events pending again\n",
		       behind_mode, abort_count, cancelled_count);
		ck_assert(behind_mode != 0 || !scenario_was_exhausted());
		ck_assert(abort_count != 0 || cause->come == kick || !scenario_was_exhausted());
	}
}
END_TEST

static const struct mutant {
	const char *bug;
	enum vm_early early;
	const char *words;
} mutants[] = {
	{ "abort-leaves-mode", VM_EARLY_IRQS_ON, "mode) == OUTSIDE_GUEST_MODE" },
	{ "abort-leaves-mode", VM_EARLY_IRQS_OFF, "mode) == OUTSIDE_GUEST_MODE" },
	{ "abort-leaves-irqs-off", VM_EARLY_IRQS_ON, "!arch_irqs_disabled()" },
	{ "abort-leaves-irqs-off", VM_EARLY_IRQS_OFF, "!arch_irqs_disabled()" },
	{ "abort-leaks", VM_EARLY_IRQS_ON, "preempt_count() == 0" },
	{ "abort-leaks", VM_EARLY_IRQS_OFF, "preempt_count() == 0" },
	{ "event-not-cancelled", VM_EARLY_IRQS_ON, "!vcpu->injected.valid" },
	{ "event-not-cancelled", VM_EARLY_IRQS_OFF, "!vcpu->injected.valid" },
	{ "event-dropped", VM_EARLY_IRQS_ON, "of the guest was lost" },
	{ "event-dropped", VM_EARLY_IRQS_OFF, "of the guest was lost" },
	{ "event-overwritten", VM_EARLY_IRQS_OFF, "of the guest was lost" },
};

#define MUTANTS (int)(sizeof(mutants) / sizeof(mutants[0]))

/* P56, J56: seeded bugs: something is left by an entry that a signal has given up. */
START_TEST(test_abort_that_forgets_something_is_caught)
{
	const struct mutant *mutant = &mutants[_i];
	struct explore_scenario scenario;
	char name[64];

	if (!CONFIG_PREEMPT_COUNT && strcmp(mutant->bug, "abort-leaks") == 0) {
		return;
	}
	early = mutant->early;
	scenario = cause_scenario(&causes[0], name, sizeof(name));
	scenario_must_catch_within(&scenario, 2, mutant->bug, mutant->words, LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("vcpu_abort");
	TCase *tests = tcase_create("vcpu_abort");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_loop_test(tests, test_abort_restores_everything, 0, CAUSES);
	tcase_add_loop_test(tests, test_abort_that_forgets_something_is_caught, 0, MUTANTS);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
