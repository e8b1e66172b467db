// SPDX-License-Identifier: ISC
/*
 * Guest mode of the simulated machine itself: when interrupts end it, what traps and errors leave
 * behind, and that it notices what is loaded wrongly. A few lines stand for the run loop.
 */
#include "tests/host/guest.h"

#include <stdio.h>

#include "guest/context_tracking.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/vcpu.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 100000

static HOST_STATE struct vm vm;
static HOST_STATE struct vcpu vcpus[2];
static HOST_STATE unsigned int steps; /* of guests */

/* Over all runs. */
static unsigned int before_first_count;
static unsigned int in_guest_count;

static void
boot_vcpu(struct vcpu *vcpu, host_guest *guest)
{
	vm.entry = (uintptr_t)guest;
	vcpu->vm = &vm;
	vcpu->id = (uint32_t)(vcpu - vcpus);
	atomic_store(&vcpu->cpu, VCPU_NO_CPU);
	arch_vcpu_reset(vcpu);
}

static void
load(struct vcpu *vcpu)
{
	preempt_disable();
	vcpu->notifier.task = current;
	vcpu->stats.loads++;
	this_cpu_write(running_vcpu, vcpu);
	arch_vcpu_load(vcpu, smp_processor_id());
	atomic_store(&vcpu->cpu, smp_processor_id());
	preempt_enable();
}

static void
put(struct vcpu *vcpu)
{
	preempt_disable();
	arch_vcpu_put(vcpu);
	this_cpu_write(running_vcpu, NULL);
	vcpu->notifier.task = NULL;
	vcpu->stats.puts++;
	preempt_enable();
}

/* One entry. irqs off, count 1. */
static void
enter(struct vcpu *vcpu)
{
	vcpu->serial++;
	atomic_store(&vcpu->mode, IN_GUEST_MODE);
	guest_state_enter_irqoff();
	arch_vcpu_enter(vcpu);
	guest_state_exit_irqoff();
	atomic_store(&vcpu->mode, OUTSIDE_GUEST_MODE);
	vcpu->exit = this_cpu_ptr(&exit_record)->exit;
}

/* The same from count 0, irqs on. */
static enum vcpu_exit_code
run(struct vcpu *vcpu)
{
	preempt_disable();
	arch_vcpu_prepare_switch_to_guest(vcpu);
	arch_irq_disable();
	enter(vcpu);
	arch_irq_enable();
	preempt_enable();
	return vcpu->exit.code;
}

/* ---- interrupts ---- */

static HOST_STATE unsigned int raised;
static HOST_STATE unsigned int taken;

static void
note_interrupt(unsigned int cpu)
{
	taken += cpu == 0;
}

static unsigned int
guest_for_ever(struct vcpu *vcpu, unsigned int at)
{
	(void)vcpu;
	steps++;
	return at;
}

static bool by_window;

/* The request is there before its interrupt: who finds none enters before it comes. */
static void
run_until_asked(void *unused)
{
	struct vcpu *vcpu = &vcpus[0];

	(void)unused;
	load(vcpu);
	scenario_gate();
	preempt_disable();
	arch_vcpu_prepare_switch_to_guest(vcpu);
	arch_irq_disable();
	if (!(atomic_load(&current->flags) & TIF_NEED_RESCHED)) {
		enter(vcpu);
		HOST_EXPECT(vcpu->exit.code == VCPU_EXIT_INTERRUPT);
		HOST_EXPECT(vcpu->exit.vector == IRQ_RESCHEDULE);
		HOST_EXPECT(arch_irqs_disabled());
		HOST_EXPECT(host_this->pending == 0);
		before_first_count += steps == 0;
		in_guest_count += steps != 0;
		raised++;
		if (by_window) {
			arch_vcpu_raise_interrupt(vcpu);
			HOST_EXPECT(taken == 0);
			arch_irq_window();
		} else {
			arch_vcpu_handle_interrupt(vcpu);
		}
		HOST_EXPECT(taken == raised);
		HOST_EXPECT(arch_irqs_disabled());
	}
	arch_irq_enable();
	preempt_enable();
	put(vcpu);
	scenario_done();
	scenario_sleep();
}

/* Nobody meets the request before the look. */
static void
boot_asked(void)
{
	preempt_model_set(PREEMPT_NONE);
	boot_vcpu(&vcpus[0], guest_for_ever);
	scenario_task(0, run_until_asked, NULL);
	scenario_task(1, scenario_ask, NULL);
}

static void
check_asked(void)
{
	scenario_check_at_rest(1);
}

static const struct explore_scenario asked = {
	"an interrupt ends an endless guest", 2, boot_asked, check_asked, NULL, 0, NULL
};

/* P55: an interrupt that is pending at the entry, or comes later, ends the guest and is not lost.
 */
START_TEST(test_guest_interrupt_ends_it_and_is_handled)
{
	host_interrupt_seen = note_interrupt;
	for (int n = 0; n < 2; n++) {
		by_window = n == 1;
		before_first_count = 0;
		in_guest_count = 0;
		scenario_must_hold(&asked, LIMIT);
		printf("%-44s %8u times before the first step, %u later\n", asked.name,
		       before_first_count, in_guest_count);
		ck_assert_uint_ne(before_first_count, 0);
		ck_assert_uint_ne(in_guest_count, 0);
	}
	scenario_must_catch(&asked, "window-too-short", "taken == raised", LIMIT);
}
END_TEST

/* ---- NMIs ---- */

static HOST_STATE unsigned int nmis;

static void
note_nmi(void)
{
	HOST_EXPECT(in_nmi());
	HOST_EXPECT(rcu_is_watching());
	HOST_EXPECT(!host_this->in_guest);
	in_guest_count += steps == 1;
	nmis++;
}

/* Two instructions, then a hypercall. */
static unsigned int
guest_of_three(struct vcpu *vcpu, unsigned int at)
{
	steps++;
	if (at == 2) {
		host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_HYPERCALL });
	}
	return at + 1;
}

static void
run_three(void *unused)
{
	struct vcpu *vcpu = &vcpus[0];

	(void)unused;
	load(vcpu);
	host_gate();
	HOST_EXPECT(run(vcpu) == VCPU_EXIT_TRAP);
	HOST_EXPECT(steps == 3);
	put(vcpu);
	scenario_done();
	scenario_sleep();
}

static void
send_nmi(void *unused)
{
	(void)unused;
	host_gate();
	host_nmi_send(0);
	host_stop();
}

static void
boot_nmi(void)
{
	boot_vcpu(&vcpus[0], guest_of_three);
	scenario_task(0, run_three, NULL);
	scenario_task(1, send_nmi, NULL);
}

static void
check_nmi(void)
{
	HOST_EXPECT(nmis == 1);
	scenario_check_at_rest(1);
}

/* P45: an NMI that hits a guest is handled, and is nobody's business if its handler claims it. */
START_TEST(test_guest_nmi_is_handled_within)
{
	static const struct explore_scenario nmi = {
		"an NMI in a guest", 2, boot_nmi, check_nmi, NULL, 0, NULL
	};

	host_nmi_handler = note_nmi;
	in_guest_count = 0;
	scenario_must_hold(&nmi, LIMIT);
	printf("%-44s %8u times in the guest\n", nmi.name, in_guest_count);
	ck_assert_uint_ne(in_guest_count, 0);
}
END_TEST

/* ---- traps and handlers ---- */

#define IN_ADDR 7u

static unsigned int
guest_handler(struct vcpu *vcpu, unsigned int at)
{
	(void)at;
	HOST_EXPECT(host_guest_event(vcpu).vector == PAYLOAD_VECTOR_DOORBELL);
	host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_HYPERCALL,
	                                           .value = HYPERCALL_return });
	return 1;
}

static unsigned int
guest_that_traps(struct vcpu *vcpu, unsigned int at)
{
	steps++;
	if (at == 0) {
		host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_IN, .addr = IN_ADDR });
	} else {
		HOST_EXPECT(host_guest_result(vcpu) == 40 + at);
		host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_HYPERCALL });
	}
	return at + 1;
}

static void
expect_trap(struct vcpu *vcpu, enum vcpu_trap_kind kind, struct vcpu_trap *trap)
{
	HOST_EXPECT(run(vcpu) == VCPU_EXIT_TRAP);
	arch_vcpu_decode(vcpu, trap);
	HOST_EXPECT(trap->kind == kind);
}

/* Not completed, or replayed: again. Completed: behind it, with the result. */
static void
run_traps(void *unused)
{
	struct vcpu *vcpu = &vcpus[0];
	struct vcpu_trap trap;

	(void)unused;
	host_gate();
	load(vcpu);
	expect_trap(vcpu, VCPU_TRAP_IN, &trap);
	expect_trap(vcpu, VCPU_TRAP_IN, &trap);
	HOST_EXPECT(trap.addr == IN_ADDR);
	arch_vcpu_replay(vcpu);
	expect_trap(vcpu, VCPU_TRAP_IN, &trap);
	HOST_EXPECT(steps == 3);
	arch_vcpu_complete(vcpu, &trap, 41);
	expect_trap(vcpu, VCPU_TRAP_HYPERCALL, &trap);
	arch_vcpu_replay(vcpu);
	expect_trap(vcpu, VCPU_TRAP_HYPERCALL, &trap);
	HOST_EXPECT(steps == 5);
	arch_vcpu_complete(vcpu, &trap, 42);
	HOST_EXPECT(host_guest_completed(vcpu) == 2);
	HOST_EXPECT(host_guest_replayed(vcpu) == 2);

	arch_vcpu_set_handler(vcpu, (uintptr_t)guest_handler);
	HOST_EXPECT(!arch_vcpu_handler_return(vcpu));
	vcpu->interrupts_on = true;
	vcpu->injected = (struct vcpu_event){ .valid = true, .vector = PAYLOAD_VECTOR_DOORBELL };
	expect_trap(vcpu, VCPU_TRAP_HYPERCALL, &trap);
	HOST_EXPECT(!vcpu->interrupts_on && !vcpu->injected.valid);
	HOST_EXPECT(trap.value == HYPERCALL_return);
	HOST_EXPECT(arch_vcpu_handler_return(vcpu));
	HOST_EXPECT(vcpu->interrupts_on);
	expect_trap(vcpu, VCPU_TRAP_HYPERCALL, &trap);
	HOST_EXPECT(steps == 6);
	put(vcpu);
	scenario_done();
	scenario_sleep();
}

static void
boot_traps(void)
{
	boot_vcpu(&vcpus[0], guest_that_traps);
	scenario_task(0, run_traps, NULL);
}

static void
check_one(void)
{
	scenario_check_at_rest(1);
}

/* P54: what is replayed is seen again by its guest, and what is completed is not. */
START_TEST(test_guest_traps_are_completed_or_replayed)
{
	static const struct explore_scenario traps = { "traps", 1, boot_traps, check_one,
		                                       NULL,    0, NULL };

	scenario_must_hold(&traps, LIMIT);
}
END_TEST

/* ---- registers, and what is done wrongly ---- */

enum mistake {
	NO_MISTAKE,
	NOT_LOADED,
	NOT_PREPARED,
	LOADED_TWICE,
	OTHER_NOT_PUT,
	RESET_WHILE_LOADED,
	INTERRUPT_LOST,
	OTHER_RUNNING,
	MISTAKES
};

static enum mistake mistake;

static unsigned int
guest_with_word(struct vcpu *vcpu, unsigned int at)
{
	steps++;
	host_guest_set_word(vcpu, 0x100u + vcpu->id);
	host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_HLT });
	return at + 1;
}

static void
make_mistake(struct vcpu *vcpu)
{
	switch (mistake) {
	case NOT_LOADED:
		put(vcpu);
		break;
	case LOADED_TWICE:
		load(vcpu);
		break;
	case OTHER_NOT_PUT:
		load(&vcpus[1]);
		break;
	case RESET_WHILE_LOADED:
		preempt_disable();
		arch_vcpu_reset(vcpu);
		preempt_enable();
		break;
	case INTERRUPT_LOST:
		host_this->unhandled = 1u << IRQ_TIMER;
		break;
	case OTHER_RUNNING:
		this_cpu_write(running_vcpu, &vcpus[1]);
		break;
	default:
		break;
	}
}

static void
run_with_mistake(void *unused)
{
	struct vcpu *vcpu = &vcpus[0];

	(void)unused;
	host_gate();
	load(vcpu);
	run(vcpu);
	make_mistake(vcpu);
	if (mistake == NOT_PREPARED) {
		put(vcpu);
		load(vcpu);
		preempt_disable();
		arch_irq_disable();
		enter(vcpu);
		arch_irq_enable();
		preempt_enable();
	}
	run(vcpu);
	put(vcpu);
	load(&vcpus[1]);
	run(&vcpus[1]);
	put(&vcpus[1]);
	load(vcpu);
	run(vcpu);
	put(vcpu);
	HOST_EXPECT(steps == 4);
	scenario_done();
	scenario_sleep();
}

static void
boot_mistake(void)
{
	boot_vcpu(&vcpus[0], guest_with_word);
	boot_vcpu(&vcpus[1], guest_with_word);
	scenario_task(0, run_with_mistake, NULL);
}

/* P51: a guest finds the register that is its own; what is loaded wrongly does not pass. */
START_TEST(test_guest_state_is_its_own)
{
	static const char *const words[MISTAKES] = {
		[NOT_LOADED] = "host_this->guest == vcpu",
		[NOT_PREPARED] = "host_this->guest_ready",
		[LOADED_TWICE] = "a vcpu that cpu 0 has loaded is loaded",
		[OTHER_NOT_PUT] = "host_this->guest == NULL",
		[RESET_WHILE_LOADED] = "host_this->guest_word == vcpu->arch.expected",
		[INTERRUPT_LOST] = "host_this->unhandled == 0",
		[OTHER_RUNNING] = "per_cpu(running_vcpu, n) == vcpu",
	};
	static const struct explore_scenario state = {
		"two guests in turn", 1, boot_mistake, check_one, NULL, 0, NULL
	};

	mistake = NO_MISTAKE;
	scenario_must_hold(&state, LIMIT);
	for (mistake = NO_MISTAKE + 1; mistake < MISTAKES; mistake++) {
		scenario_must_fail(&state, words[mistake], LIMIT);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("guest");
	TCase *tests = tcase_create("guest");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_guest_interrupt_ends_it_and_is_handled);
	tcase_add_test(tests, test_guest_nmi_is_handled_within);
	tcase_add_test(tests, test_guest_traps_are_completed_or_replayed);
	tcase_add_test(tests, test_guest_state_is_its_own);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
