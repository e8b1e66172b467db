// SPDX-License-Identifier: ISC
/*
 * Early handling of exits, in both orders: an interrupt between an exit and preempt_enable does
 * what it can to have the vcpu's task leave this cpu; and errors of two vcpus that share a cpu,
 * with NMIs anywhere.
 */
#include "guest/vcpu_check.h"
#include "guest/vcpu_exit.h"

#include <stdio.h>
#include <string.h>

#include "guest/bug.h"
#include "guest/cputime.h"
#include "guest/mm.h"
#include "guest/preempt.h"
#include "guest/preempt_notifier.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/smp_call.h"
#include "guest/timer.h"
#include "guest/trace.h"
#include "guest/vcpu.h"
#include "tests/explore/scenario.h"
#include "tests/host/guest.h"
#include "tests/host/record.h"
#include "tests/unit/suite.h"

#define LIMIT  100000
#define STATUS 7u

/* An interrupt waits for the store buffer, so that a bound on deviations keeps it from most places.
 */
#define RANDOM_RUNS 300

static HOST_STATE struct vm *vm;
static HOST_STATE struct vcpu *vcpus[2];
static HOST_STATE struct task *tasks[2]; /* their owners */

static enum vm_early early;

static const char *const early_names[] = {
	[VM_EARLY_IRQS_ON] = "irqs on",
	[VM_EARLY_IRQS_OFF] = "irqs off",
};

static void
make_machine(host_guest *guest)
{
	vm = vm_create(early, mm_create(), (uintptr_t)guest);
	HOST_EXPECT(vm != NULL);
	for (unsigned int n = 0; n < 2; n++) {
		vcpus[n] = vcpu_create(vm, n);
		HOST_EXPECT(vcpus[n] != NULL);
	}
}

static void
run_to_its_end(struct vcpu *vcpu)
{
	HOST_EXPECT(vcpu_run(vcpu) == 0);
	HOST_EXPECT(vcpu->stop == VCPU_STOP_SHUTDOWN);
	HOST_EXPECT(vcpu->stop_value == STATUS);
	HOST_EXPECT(vcpu_stats_fault(vcpu) == NULL);
}

static void
hypercall(struct vcpu *vcpu, enum payload_hypercall number, uint64_t arg)
{
	host_guest_trap(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_HYPERCALL,
	                                           .value = number,
	                                           .args = { arg } });
}

/* ---- the attack ---- */

/* What the interrupt does: all it can, or what asks for a lazy reschedule at the most. */
enum attack { EVERYTHING, LAZILY, ATTACKS };

/* Where it came. */
enum window {
	IN_GUEST_TIME, /* where the exit's own interrupt is served */
	BEFORE_EARLY,
	BEHIND_EARLY,
	WINDOWS,
	ELSEWHERE = WINDOWS,
};

static const char *const window_names[WINDOWS] = {
	[IN_GUEST_TIME] = "within the guest's time",
	[BEFORE_EARLY] = "before early handling",
	[BEHIND_EARLY] = "behind it",
};

static enum attack attack;
static enum preempt_model model;
static bool by_interrupt; /* what ends the guest; else a trap does, before or behind it */
static bool has_fault;    /* that exit brings one */

static HOST_STATE struct timer timer;
static HOST_STATE struct preempt_notifier probe;
static HOST_STATE struct atomic may_move;
static HOST_STATE struct atomic is_moved;
static HOST_STATE uint64_t attacked_at; /* this record of cpu 0 comes next */
static HOST_STATE bool is_attacked;
static HOST_STATE bool was_trap;
static HOST_STATE unsigned int completed_before;
static HOST_STATE bool has_left;
static HOST_STATE unsigned int completed_at_leave;
static HOST_STATE bool is_back;
static HOST_STATE unsigned int back_on;

/* Over all runs: by window, and whether the exit was a trap. */
static unsigned int hits[WINDOWS][2];

static enum window
window_here(void)
{
	const struct vcpu *vcpu = vcpus[0];
	const struct vcpu_stats *stats = &vcpu->stats;
	bool is_pinned = !CONFIG_PREEMPT_COUNT || (preempt_count() & PREEMPT_MASK) != 0;

	if (this_cpu_read(running_vcpu) != vcpu || stats->exits == 0 ||
	    atomic_load(&vcpu->mode) != OUTSIDE_GUEST_MODE) {
		return ELSEWHERE;
	}
	if (guest_timing()) {
		return IN_GUEST_TIME;
	}
	if (stats->early_calls < stats->entries) {
		return BEFORE_EARLY;
	}
	/* There are other places with preemption off, but there the trap is completed. */
	return is_pinned && vcpu->arch.trapped ? BEHIND_EARLY : ELSEWHERE;
}

/* A task of a higher class, a reschedule interrupt, another cpu, the end of the slice, the tick. */
static void
attack_here(void)
{
	if (attack == EVERYTHING) {
		HOST_EXPECT(wake_up_process(tasks[1]));
		arch_ipi_send(0, IRQ_RESCHEDULE);
		atomic_store(&may_move, 1);
		while (!atomic_load(&is_moved)) { /* bounded: cpu 1 does it */
			arch_cpu_relax();
		}
	}
	current->slice_ticks = 1;
	sched_tick();
}

static void
attack_in_window(struct timer *unused)
{
	enum window window = window_here();

	(void)unused;
	HOST_EXPECT(in_hardirq());
	if (window == ELSEWHERE) {
		return;
	}
	is_attacked = true;
	attacked_at = trace_head(0);
	was_trap = vcpus[0]->exit.code == VCPU_EXIT_TRAP;
	completed_before = host_guest_completed(vcpus[0]);
	hits[window][was_trap]++;
	attack_here();
}

/* Behind early handling, or in no exit at all. */
static void
see_out(struct preempt_notifier *notifier, struct task *next)
{
	const struct vcpu_stats *stats = &vcpus[0]->stats;

	(void)notifier;
	(void)next;
	HOST_EXPECT(stats->early_calls == stats->entries || bug(LATE_EARLY_EXIT));
	if (is_attacked && !has_left) {
		has_left = true;
		completed_at_leave = host_guest_completed(vcpus[0]);
	}
}

static void
see_in(struct preempt_notifier *notifier, unsigned int cpu)
{
	(void)notifier;
	if (has_left && !is_back) {
		is_back = true;
		back_on = cpu;
	}
}

static const struct preempt_ops probe_ops = { .sched_in = see_in, .sched_out = see_out };

/* The timer expires between two instructions of the first, without a point in between. */
static void
let_timer_expire(void)
{
	unsigned long flags = host_step_begin();

	host_clock_advance(NSEC_PER_SEC);
	host_step_end(flags);
}

static unsigned int
guest_under_attack(struct vcpu *vcpu, unsigned int at)
{
	bool is_first = vcpu->id == 0;

	/* A request that is there at the entry is not left to the guest's next exit. */
	HOST_EXPECT(!is_first ||
	            !(tasks[0]->flags.value & (TIF_NEED_RESCHED | TIF_NEED_RESCHED_LAZY)));
	switch (at) {
	case 0:
		if (is_first) {
			let_timer_expire();
		}
		break;
	case 1:
		if (is_first && has_fault && vcpu->stats.early_faults == 0) {
			host_guest_early_fault(vcpu, EARLY_CORRECTED, false);
		}
		if (is_first && by_interrupt && !is_attacked) {
			return at;
		}
		hypercall(vcpu, HYPERCALL_vcpus, 0);
		break;
	default:
		HOST_EXPECT(host_guest_result(vcpu) == 2);
		hypercall(vcpu, HYPERCALL_shutdown, STATUS);
		break;
	}
	return at + 1;
}

static void
run_under_attack(void *unused)
{
	(void)unused;
	make_machine(guest_under_attack);
	timer_init(&timer, attack_in_window);
	timer_start(&timer, NSEC_PER_SEC);
	preempt_notifier_init(&probe, &probe_ops);
	scenario_gate();
	preempt_disable();
	preempt_notifier_register(&probe);
	preempt_enable();
	run_to_its_end(vcpus[0]);
	preempt_disable();
	preempt_notifier_unregister(&probe);
	preempt_enable();
	atomic_store(&may_move, 1);
	if (attack == EVERYTHING && !is_attacked) {
		HOST_EXPECT(wake_up_process(tasks[1]));
	}
	scenario_done();
	scenario_sleep();
}

static void
run_when_woken(void *unused)
{
	(void)unused;
	if (attack == EVERYTHING) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule();
	}
	run_to_its_end(vcpus[1]);
	scenario_done();
	scenario_sleep();
}

static void
move_when_told(void *unused)
{
	(void)unused;
	while (!atomic_load(&may_move)) { /* bounded: the attack, or the end */
		arch_cpu_relax();
	}
	HOST_EXPECT(set_cpus_allowed(tasks[0], 1u << 1) == 0);
	atomic_store(&is_moved, 1);
	scenario_done();
	scenario_sleep();
}

static void
boot_attack(void)
{
	record_runs = true; /* reasons are told by the trace */
	preempt_model_set(model);
	if (attack == EVERYTHING) {
		tasks[1] = scenario_fifo_task(0, 50, run_when_woken, NULL);
	}
	tasks[0] = scenario_task(0, run_under_attack, NULL);
	if (attack == EVERYTHING) {
		scenario_task(1, move_when_told, NULL);
	} else {
		tasks[1] = scenario_task(0, run_when_woken, NULL);
	}
	scenario_name_task(tasks[0], "attacked");
	scenario_name_task(tasks[1], "other");
}

/* ---- what must come of it ---- */

/* Why the attacked task left cpu 0. */
static enum sched_reason
first_reason(void)
{
	struct trace_record record;

	for (uint64_t n = attacked_at; n < trace_head(0); n++) {
		HOST_EXPECT(trace_read(0, n, &record));
		if (record.event == TRACE_sched_switch && record.pid == tasks[0]->pid) {
			return trace_switch_reason(record.b);
		}
	}
	host_fail("the attacked task did not leave");
}

/* In preempt_enable; where the model has no switch there, at the loop's top, or a point before. */
static void
check_attack(void)
{
	bool at_once =
		preempt_model_preempts(model) && !(model == PREEMPT_LAZY && attack == LAZILY);
	enum sched_reason reason = first_reason();

	HOST_EXPECT(has_left && is_back);
	HOST_EXPECT(back_on == (attack == EVERYTHING));
	if (at_once) {
		HOST_EXPECT(reason == SCHED_REASON_PREEMPT_ENABLE);
		HOST_EXPECT(completed_at_leave == completed_before);
	} else {
		HOST_EXPECT(reason == SCHED_REASON_GUEST_ENTRY ||
		            (model == PREEMPT_VOLUNTARY && reason == SCHED_REASON_MIGHT_SLEEP));
		HOST_EXPECT(reason == SCHED_REASON_MIGHT_SLEEP || has_fault ||
		            completed_at_leave == completed_before + was_trap);
	}
}

static void
check_all(void)
{
	scenario_check_at_rest(2 + (attack == EVERYTHING));
	HOST_EXPECT(vcpus[0]->stats.early_faults == has_fault);
	HOST_EXPECT(vcpus[1]->stats.early_faults == 0);
	if (is_attacked) {
		check_attack();
	}
}

static struct explore_scenario
attack_scenario(char *name, size_t size)
{
	snprintf(name, size, "%s, attacked %s, %s, %s%s", by_interrupt ? "interrupted" : "trapped",
	         attack == EVERYTHING ? "in all ways" : "lazily", preempt_model_names[model],
	         early_names[early], has_fault ? ", error" : "");
	return (struct explore_scenario){ name, 2, boot_attack, check_all, NULL, 0, NULL };
}

static void
attack_must_hold(void)
{
	char name[80];
	struct explore_scenario scenario = attack_scenario(name, sizeof(name));

	scenario_must_hold_within(&scenario, 1, LIMIT);
	scenario_must_survive(&scenario, RANDOM_RUNS);
}

static void
hits_must_be(enum window window, bool trap)
{
	printf("    %s, the exit %s: %s: %u times\n", early_names[early],
	       trap ? "by a trap" : "by the interrupt", window_names[window], hits[window][trap]);
	fflush(stdout);
	ck_assert_uint_ne(hits[window][trap], 0);
}

/*
 * P52 (every): whatever an interrupt between an exit and preempt_enable does to the vcpu's task, it
 * leaves its cpu there and not before, behind early handling; or, where the model has no switch
 * there, at the loop's top. handle_exit() finds its data wherever it is then.
 */
START_TEST(test_vcpu_stays_until_its_exit_is_handled_early)
{
	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		memset(hits, 0, sizeof(hits));
		for (unsigned int m = 0; m < PREEMPT_MODEL_COUNT; m++) {
			model = (enum preempt_model)m;
			for (unsigned int n = 0; n < 2 * ATTACKS && scenario_has_model(model);
			     n++) {
				attack = (enum attack)(n / 2);
				has_fault = n % 2;
				attack_must_hold();
			}
		}
		hits_must_be(IN_GUEST_TIME, false);
		if (early == VM_EARLY_IRQS_ON) {
			hits_must_be(BEFORE_EARLY, true);
			hits_must_be(BEHIND_EARLY, true);
		} else {
			hits_must_be(IN_GUEST_TIME, true);
		}
	}
}
END_TEST

static const struct mutant {
	const char *bug;
	const char *words[2]; /* by order; NULL: see above */
	bool by_interrupt;
	bool has_fault;
} mutants[] = {
	{ "late-early-exit", { "charged to vcpu", "charged to vcpu" }, true, true },
	{ "exit-preemptible",
	  { "early_calls == stats->entries", "checked.outs == vcpu->stats.outs" },
	  true,
	  false },
	{ "exit-handled-pinned", { "preempt_count() == 0", "preempt_count() == 0" }, false, false },
	{ "exit-read-late", { NULL, "trap.kind != VCPU_TRAP_HYPERCALL" }, false, false },
};

#define MUTANT_COUNT (int)(sizeof(mutants) / sizeof(mutants[0]))

/*
 * P52, J34, J51, J54, seeded bugs: early handling behind preempt_enable is charged to the wrong
 * vcpu; one that can be interrupted by a switch, what may sleep before preempt_enable, and an exit
 * that is read from the cpu's record behind it are found, too.
 */
START_TEST(test_vcpu_that_leaves_too_early_is_caught)
{
	const struct mutant *mutant = &mutants[_i];
	char name[80];

	if (!CONFIG_PREEMPT_COUNT) {
		return; /* nothing is preempted there */
	}
	attack = EVERYTHING;
	model = PREEMPT_FULL;
	by_interrupt = mutant->by_interrupt;
	has_fault = mutant->has_fault;
	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		struct explore_scenario scenario = attack_scenario(name, sizeof(name));

		if (mutant->words[early] != NULL) {
			scenario_must_catch_within(&scenario, 1, mutant->bug, mutant->words[early],
			                           LIMIT);
		}
	}
}
END_TEST

/* P13, P24 (lazy), seeded bug: a guest that is entered though its task was asked lazily. */
START_TEST(test_guest_entered_with_a_lazy_request_is_caught)
{
	char name[80];

	if (!scenario_has_model(PREEMPT_LAZY)) {
		return;
	}
	attack = LAZILY;
	model = PREEMPT_LAZY;
	by_interrupt = true;
	has_fault = false;
	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		struct explore_scenario scenario = attack_scenario(name, sizeof(name));

		scenario_must_catch_within(&scenario, 1, "guest-lazy-ignored",
		                           "TIF_NEED_RESCHED_LAZY", LIMIT);
	}
}
END_TEST

/* ---- whose errors they are ---- */

#define ERRORS_MAX 2u /* of each */

static HOST_STATE unsigned int expected[2];
static HOST_STATE unsigned int delivered[2];

/* Over all runs. */
static unsigned int nmis_in_guest;
static unsigned int nmis_behind_exit;
static unsigned int nmis_elsewhere;

static unsigned int
guest_handler(struct vcpu *vcpu, unsigned int at)
{
	HOST_EXPECT(host_guest_event(vcpu).vector == PAYLOAD_VECTOR_NMI);
	delivered[vcpu->id]++;
	hypercall(vcpu, HYPERCALL_return, 0);
	return at + 1;
}

/* Any exit may come with an error; each gives the cpu to the other. */
static unsigned int
guest_with_errors(struct vcpu *vcpu, unsigned int at)
{
	if (at == 2) {
		hypercall(vcpu, HYPERCALL_shutdown, STATUS);
		return at + 1;
	}
	if (expected[vcpu->id] < ERRORS_MAX && host_choose(2) != 0) {
		expected[vcpu->id]++;
		host_guest_early_fault(vcpu, EARLY_NMI, false);
	}
	hypercall(vcpu, HYPERCALL_yield, 0);
	return at + 1;
}

static HOST_STATE bool is_sent;

/* The NMI is in flight from the first instruction on; the fast path knows one of the hypercalls. */
static unsigned int
guest_with_nmi(struct vcpu *vcpu, unsigned int at)
{
	if (vcpu->id == 0 && !is_sent) {
		unsigned long flags = host_step_begin();

		host_nmi_send(0);
		host_step_end(flags);
		is_sent = true;
	}
	if (at == 0) {
		bool is_fast = early == VM_EARLY_IRQS_OFF && host_choose(2) == 0;

		hypercall(vcpu, is_fast ? HYPERCALL_time : HYPERCALL_vcpus, 0);
	} else {
		hypercall(vcpu, HYPERCALL_shutdown, STATUS);
	}
	return at + 1;
}

static host_guest *pair_guest;
static enum preempt_model pair_model;

static void
make_pair(void *unused)
{
	(void)unused;
	make_machine(pair_guest);
	for (unsigned int n = 0; n < 2; n++) {
		arch_vcpu_set_handler(vcpus[n], (uintptr_t)guest_handler);
	}
	scenario_done();
	scenario_sleep();
}

static void
run_member(void *member)
{
	scenario_gate();
	run_to_its_end(vcpus[(uintptr_t)member]);
	scenario_done();
	scenario_sleep();
}

static void
boot_pair(void)
{
	preempt_model_set(pair_model);
	scenario_fifo_task(0, 50, make_pair, NULL);
	scenario_task(0, run_member, (void *)0);
	scenario_task(0, run_member, (void *)1);
}

static void
check_pair(void)
{
	scenario_check_at_rest(3);
	for (unsigned int n = 0; n < 2; n++) {
		if (delivered[n] != expected[n]) {
			host_fail("vcpu %u got %u errors, and had %u", n, delivered[n],
			          expected[n]);
		}
		HOST_EXPECT(vcpus[n]->stats.early_faults == expected[n]);
	}
}

/*
 * P53 (every): of two vcpus that share a cpu, each of whose exits may come with an error, each gets
 * its own, once.
 */
START_TEST(test_vcpus_get_their_own_errors)
{
	char name[80];

	pair_guest = guest_with_errors;
	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		struct explore_scenario errors = { name, 1, boot_pair, check_pair, NULL, 0, NULL };

		for (unsigned int m = 0; m < PREEMPT_MODEL_COUNT; m++) {
			pair_model = (enum preempt_model)m;
			snprintf(name, sizeof(name), "two vcpus with errors, %s, %s",
			         preempt_model_names[m], early_names[early]);
			if (scenario_has_model(pair_model)) {
				scenario_must_hold_within(
					&errors, m == PREEMPT_NONE || m == PREEMPT_FULL, LIMIT);
			}
		}
		scenario_must_catch_within(&errors, 0, "early-kept", "early.cause) == EARLY_NONE",
		                           LIMIT);
	}
}
END_TEST

/* Nobody knows its origin: it is the guest's that waits for one. */
static void
claim_for_guest(void)
{
	const struct vcpu *vcpu = this_cpu_read(running_vcpu);

	if (!early_fault_is_awaited()) {
		nmis_elsewhere++;
		return;
	}
	HOST_EXPECT(vcpu != NULL);
	*(atomic_load(&vcpu->mode) == OUTSIDE_GUEST_MODE ? &nmis_behind_exit : &nmis_in_guest) += 1;
	expected[vcpu->id] += this_cpu_ptr(&exit_record)->early.cause == EARLY_NONE;
	early_fault_raise(EARLY_NMI);
}

/* P53, P45: an NMI that hits a guest, or comes behind its exit, is that guest's, once. */
START_TEST(test_nmi_is_charged_to_the_vcpu_that_ran)
{
	char name[80];

	pair_guest = guest_with_nmi;
	pair_model = PREEMPT_NONE;
	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		struct explore_scenario nmi = { name, 1, boot_pair, check_pair, NULL, 0, NULL };

		snprintf(name, sizeof(name), "an NMI and two vcpus, %s", early_names[early]);
		host_nmi_handler = claim_for_guest;
		nmis_in_guest = 0;
		nmis_behind_exit = 0;
		nmis_elsewhere = 0;
		scenario_must_hold_within(&nmi, 2, LIMIT);
		printf("    an NMI: %u times in a guest, %u behind its exit, %u elsewhere\n",
		       nmis_in_guest, nmis_behind_exit, nmis_elsewhere);
		fflush(stdout);
		ck_assert(nmis_in_guest != 0 || !scenario_was_exhausted());
		ck_assert(nmis_behind_exit != 0 || !scenario_was_exhausted());
		ck_assert(nmis_elsewhere != 0 || !scenario_was_exhausted());
		scenario_must_catch_within(&nmi, 2, "awaited-too-long",
		                           "early.cause) == EARLY_NONE", LIMIT);
	}
	host_nmi_handler = NULL;
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("vcpu_early");
	TCase *tests = tcase_create("vcpu_early");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_vcpu_stays_until_its_exit_is_handled_early);
	tcase_add_loop_test(tests, test_vcpu_that_leaves_too_early_is_caught, 0, MUTANT_COUNT);
	tcase_add_test(tests, test_guest_entered_with_a_lazy_request_is_caught);
	tcase_add_test(tests, test_vcpus_get_their_own_errors);
	tcase_add_test(tests, test_nmi_is_charged_to_the_vcpu_that_ran);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
