// SPDX-License-Identifier: ISC
/*
 * What others are told of a vcpu whose task is switched out: whether it was preempted, or waits, or
 * leaves; and what its guest sees of that. Looked at by a notifier of the same task, which is
 * called behind the vcpu's own. And whose time a tick took.
 */
#include <stdio.h>

#include "guest/cputime.h"
#include "guest/errno.h"
#include "guest/mm.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "guest/timer.h"
#include "guest/vcpu.h"
#include "guest/vcpu_check.h"
#include "guest/vcpu_request.h"
#include "guest/vcpu_steal.h"
#include "tests/explore/probe.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/explore/vcpus.h"
#include "tests/host/guest.h"
#include "tests/unit/suite.h"

#define LIMIT      400000
#define STATUS     7u
#define STEAL_ADDR (VM_MEMORY_START + 0x5000u)

static HOST_STATE struct vcpu *vcpu;
static HOST_STATE struct task *runner;
static HOST_STATE struct probe probe;

static enum vm_early early;

/* How the task was switched out, over all runs. */
static struct {
	unsigned int seen;    /* preempted, and the guest may know */
	unsigned int unseen;  /* preempted, in the midst of an instruction */
	unsigned int asleep;  /* it waits */
	unsigned int halfway; /* preempted on the way to sleep */
	unsigned int leaving; /* preempted, but it does not want to run */
} outs;

/* ---- the looks ---- */

static uint32_t
steal_flags(void)
{
	const struct payload_steal *steal = vcpu->steal.cached;

	return steal != NULL ? steal->flags & PAYLOAD_STEAL_PREEMPTED : 0;
}

static void
check_guest_view(bool preempted)
{
	bool is_seen = steal_flags() != 0;

	if (is_seen && (!preempted || vcpu->arch.trapped)) {
		host_fail("the guest is seen preempted %s",
		          preempted ? "in the midst of an instruction" : "though it waits");
	}
	if (preempted && vcpu->steal.cached != NULL && vcpu->at_instruction_boundary) {
		HOST_EXPECT(is_seen);
	}
	outs.seen += is_seen;
	outs.unseen += preempted && !is_seen && vcpu->arch.trapped;
}

static void
look_behind_out(void)
{
	unsigned long flags = host_step_begin();
	bool is_queued = atomic_load(&runner->on_rq) != 0;
	bool preempted = vcpus_look_behind_out(vcpu);

	if (vcpu->notifier.task != NULL) {
		check_guest_view(preempted);
		outs.asleep += !is_queued;
		outs.halfway += preempted && atomic_load(&runner->state) != TASK_RUNNING;
		outs.leaving += is_queued && !vcpu->wants_to_run;
	}
	host_step_end(flags);
}

static void
look_behind_in(void)
{
	unsigned long flags = host_step_begin();

	vcpus_look_behind_in(vcpu);
	host_step_end(flags);
}

/* ---- guests ---- */

static void
trap(const struct vcpu_trap *what)
{
	host_guest_trap(vcpu, what);
}

static void
hypercall(enum payload_hypercall number, uint64_t arg)
{
	trap(&(struct vcpu_trap){ .kind = VCPU_TRAP_HYPERCALL, .value = number, .args = { arg } });
}

/* While it runs it is not preempted, and its memory says so. */
static void
look_inside(void)
{
	if (steal_flags() != 0) {
		host_fail("a guest that runs finds itself preempted");
	}
}

/* A write is an instruction that takes its time: it is emulated. */
static unsigned int
guest_write(struct vcpu *unused, unsigned int at)
{
	(void)unused;
	look_inside();
	if (at == 0) {
		trap(&(struct vcpu_trap){
			.kind = VCPU_TRAP_WRITE, .addr = VM_MMIO + VM_MMIO_COUNT, .size = 4 });
	} else {
		hypercall(HYPERCALL_shutdown, STATUS);
	}
	return at + 1;
}

static unsigned int
guest_handler(struct vcpu *unused, unsigned int at)
{
	(void)unused;
	look_inside();
	hypercall(HYPERCALL_return, 0);
	return at + 1;
}

static unsigned int
guest_halt(struct vcpu *unused, unsigned int at)
{
	(void)unused;
	look_inside();
	if (at == 0) {
		trap(&(struct vcpu_trap){ .kind = VCPU_TRAP_STI_HLT });
	} else {
		hypercall(HYPERCALL_shutdown, STATUS);
	}
	return at + 1;
}

/* ---- who runs them ---- */

static void
make_vcpu(host_guest *guest)
{
	struct vm *vm = vm_create(early, mm_create(), (uintptr_t)guest);

	HOST_EXPECT(vm != NULL);
	vm->halt_poll_max_ns = 0;
	vcpu = vcpu_create(vm, 0);
	HOST_EXPECT(vcpu != NULL);
	arch_vcpu_set_handler(vcpu, (uintptr_t)guest_handler);
	HOST_EXPECT(vcpu_steal_set(vcpu, STEAL_ADDR));
}

static void
end(void)
{
	HOST_EXPECT(vcpu_stats_fault(vcpu) == NULL);
	HOST_EXPECT(!atomic_load(&vcpu->preempted));
	scenario_done();
	scenario_sleep();
}

static void
run(void *guest)
{
	make_vcpu((host_guest *)guest);
	probe.out = look_behind_out;
	probe.in = look_behind_in;
	probe_register(&probe);
	host_gate();
	HOST_EXPECT(vcpu_run(vcpu) == 0);
	HOST_EXPECT(vcpu->stop == VCPU_STOP_SHUTDOWN);
	probe_unregister(&probe);
	end();
}

static void
run_and_leave(void *guest)
{
	make_vcpu((host_guest *)guest);
	vcpu->immediate_exit = true;
	probe.out = look_behind_out;
	probe.in = look_behind_in;
	probe_register(&probe);
	host_gate();
	HOST_EXPECT(vcpu_run(vcpu) == -EINTR);
	HOST_EXPECT(vcpu->stats.entries == 0);
	probe_unregister(&probe);
	end();
}

static void
interfere(void *guest)
{
	host_gate();
	HOST_EXPECT(wake_up_process(urgent));
	if ((host_guest *)guest == guest_halt) {
		/* Its interrupt comes when the urgent task is done. */
		while (atomic_load(&urgent->state) !=
		       TASK_UNINTERRUPTIBLE) { /* bounded: it sleeps */
			arch_cpu_relax();
		}
		vcpu_interrupt(vcpu, PAYLOAD_VECTOR_DOORBELL);
	}
	scenario_done();
	scenario_sleep();
}

static void
boot(void (*body)(void *), host_guest *guest)
{
	preempt_model_set(CONFIG_PREEMPT_COUNT ? PREEMPT_FULL : PREEMPT_NONE);
	urgent_boot();
	runner = scenario_fifo_task(0, 10, body, (void *)(uintptr_t)guest);
	scenario_name_task(runner, "runner");
	scenario_task(1, interfere, (void *)(uintptr_t)guest);
}

static void
boot_write(void)
{
	boot(run, guest_write);
}

static void
boot_halt(void)
{
	boot(run, guest_halt);
}

static void
boot_leave(void)
{
	boot(run_and_leave, guest_write);
}

static void
check(void)
{
	scenario_check_at_rest(2);
	HOST_EXPECT(urgent_runs == 1);
}

static const struct explore_scenario writes = {
	"a vcpu is preempted", 2, boot_write, check, NULL, 0, NULL
};
static const struct explore_scenario halts = { "a vcpu waits", 2, boot_halt, check, NULL, 0, NULL };
static const struct explore_scenario leaves = {
	"a vcpu leaves", 2, boot_leave, check, NULL, 0, NULL
};

static void
must_hold(const struct explore_scenario *scenario, unsigned int deviations)
{
	memset(&outs, 0, sizeof(outs));
	printf("irqs %s:\n", early == VM_EARLY_IRQS_ON ? "on" : "off");
	scenario_must_hold_within(scenario, deviations, LIMIT);
	printf("    seen preempted %u, unseen %u, asleep %u, halfway %u, leaving %u\n", outs.seen,
	       outs.unseen, outs.asleep, outs.halfway, outs.leaving);
	fflush(stdout);
}

/* Without a count it is preempted at the way into its guest alone. */
static void
must_have_hit(unsigned int count)
{
	ck_assert(count != 0 || !scenario_was_exhausted() || !CONFIG_PREEMPT_COUNT);
}

/*
 * P57, J37: a vcpu is told to be preempted where its task would go on, and to its guest between two
 * instructions alone; not when it is back.
 */
START_TEST(test_preempted_vcpu_is_told_to_be)
{
	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		must_hold(&writes, 2);
		must_have_hit(outs.seen);
		must_have_hit(outs.unseen);
	}
	early = VM_EARLY_IRQS_OFF;
	scenario_must_catch_within(&writes, 2, "preempted-seen-early", "seen preempted", LIMIT);
	scenario_must_catch_within(&writes, 2, "preempted-kept", "preempted", LIMIT);
	scenario_must_catch_within(&writes, 2, "steal-unrecorded", "finds itself preempted", LIMIT);
}
END_TEST

/* P57, J20: one that waits is not, but one that is preempted on its way to that. */
START_TEST(test_sleeping_vcpu_is_not_told_to_be_preempted)
{
	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		must_hold(&halts, early == VM_EARLY_IRQS_ON ? 2 : 1); /* both sleep alike */
		must_have_hit(outs.asleep);
		if (early == VM_EARLY_IRQS_ON) {
			must_have_hit(outs.halfway);
		}
		scenario_must_catch_within(&halts, 2, "sleeper-preempted", "preempted", LIMIT);
	}
}
END_TEST

/* P57: nor is one that does not want to run. */
START_TEST(test_leaving_vcpu_is_not_told_to_be_preempted)
{
	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		must_hold(&leaves, 2);
		must_have_hit(outs.leaving);
	}
	early = VM_EARLY_IRQS_OFF;
	if (CONFIG_PREEMPT_COUNT) {
		scenario_must_catch_within(&leaves, 2, "leaver-preempted", "preempted", LIMIT);
	}
}
END_TEST

/* ---- guest time ---- */

static HOST_STATE struct timer ticker;
static HOST_STATE bool in_window; /* where the last interrupt of cpu 0 was taken */
static HOST_STATE bool is_guests; /* the tick, by where its interrupt was taken */
static HOST_STATE bool was_taken;

/* Of its interrupt, over all runs. */
static unsigned int ended_guest;
static unsigned int came_in_window;
static unsigned int came_behind;

static void
see_interrupt(unsigned int cpu)
{
	if (cpu == 0) {
		in_window = host_this->op.kind == HOST_OP_SETTLED;
	}
}

/*
 * The timer has one interrupt in all: if the last exit is by that, it has ended the guest. With
 * irqs on it is raised again, and taken in the window.
 */
static void
tick(struct timer *unused)
{
	unsigned long flags = host_step_begin();
	bool ended = vcpu->exit.code == VCPU_EXIT_INTERRUPT && vcpu->exit.vector == IRQ_TIMER;
	bool has_entered = vcpu->stats.entries != 0 &&
	                   vcpu->stats.loops == vcpu->stats.entries + vcpu->stats.aborts;

	(void)unused;
	was_taken = true;
	is_guests = ended || in_window;
	ended_guest += ended;
	came_in_window += in_window && !ended;
	came_behind += has_entered && !is_guests;
	host_step_end(flags);
	account_tick();
}

static void
run_timed(void *guest)
{
	make_vcpu((host_guest *)guest);
	timer_init(&ticker, tick);
	timer_start(&ticker, arch_clock_ns() + NSEC_PER_SEC);
	host_gate();
	HOST_EXPECT(vcpu_run(vcpu) == 0);
	end();
}

static void
let_time_pass(void *unused)
{
	(void)unused;
	host_gate();
	host_clock_advance(NSEC_PER_SEC);
	scenario_done();
	scenario_sleep();
}

static void
boot_timed(void)
{
	scenario_task(0, run_timed, (void *)(uintptr_t)guest_write);
	scenario_task(1, let_time_pass, NULL);
}

static void
check_timed(void)
{
	const uint32_t *ticks = per_cpu(cputime, 0);

	scenario_check_at_rest(2);
	HOST_EXPECT(was_taken);
	if (vcpu->stats.guest_ticks != is_guests) {
		host_fail("a tick that %s is %s time",
		          is_guests ? "ended the guest" : "came outside of the guest",
		          is_guests ? "the system's" : "the guest's");
	}
	HOST_EXPECT(ticks[CPUTIME_GUEST] == is_guests);
	HOST_EXPECT(ticks[CPUTIME_GUEST] + ticks[CPUTIME_SYSTEM] + ticks[CPUTIME_IDLE] == 1);
}

static const struct explore_scenario timed = {
	"a tick anywhere", 2, boot_timed, check_timed, NULL, 0, NULL
};

/* P60: a tick that ended the guest, or comes in the window behind it, is the guest's; no other is.
 */
START_TEST(test_guest_time_ends_behind_the_window)
{
	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		ended_guest = 0;
		came_in_window = 0;
		came_behind = 0;
		printf("irqs %s:\n", early == VM_EARLY_IRQS_ON ? "on" : "off");
		host_interrupt_seen = see_interrupt;
		scenario_must_hold_within(&timed, 2, LIMIT);
		host_interrupt_seen = NULL;
		printf("    ended the guest %u times, in the window %u, behind it %u\n",
		       ended_guest, came_in_window, came_behind);
		ck_assert(ended_guest != 0 || !scenario_was_exhausted());
		/* With irqs on there is a window only behind an interrupt's exit. */
		ck_assert(came_in_window != 0 || early == VM_EARLY_IRQS_ON ||
		          !scenario_was_exhausted());
		ck_assert(came_behind != 0 || !scenario_was_exhausted());
	}
}
END_TEST

/* P60: seeded bugs: guest time is closed before the window, or behind the interrupts' enable. */
START_TEST(test_guest_time_that_ends_elsewhere_is_caught)
{
	host_interrupt_seen = see_interrupt;
	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		scenario_must_catch_within(&timed, 2, "guest-time-short", "timed_vcpu", LIMIT);
		scenario_must_catch_within(&timed, 2, "guest-time-long", "is the guest's time",
		                           LIMIT);
	}
	host_interrupt_seen = NULL;
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("vcpu_state");
	TCase *tests = tcase_create("vcpu_state");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_preempted_vcpu_is_told_to_be);
	tcase_add_test(tests, test_sleeping_vcpu_is_not_told_to_be_preempted);
	tcase_add_test(tests, test_leaving_vcpu_is_not_told_to_be_preempted);
	tcase_add_test(tests, test_guest_time_ends_behind_the_window);
	tcase_add_test(tests, test_guest_time_that_ends_elsewhere_is_caught);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
