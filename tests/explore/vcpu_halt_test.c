// SPDX-License-Identifier: ISC
/*
 * Vcpus that wait, and who wants them to go on: interrupts of the guest and requests against the
 * whole of the wait, with its task preempted anywhere; pauses, signals, and the end of the machine,
 * against a vcpu that waits and one that runs.
 */
#include "guest/vcpu_check.h"
#include "guest/vcpu_halt.h"

#include <stdio.h>
#include <string.h>

#include "guest/errno.h"
#include "guest/irq_work.h"
#include "guest/mm.h"
#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/signal.h"
#include "guest/timer.h"
#include "guest/vcpu.h"
#include "guest/vcpu_request.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/host/guest.h"
#include "tests/unit/suite.h"

#define LIMIT  300000
#define STATUS 7u

#define RANDOM_RUNS 1000

static HOST_STATE struct vm *vm;
static HOST_STATE struct vcpu *vcpu;
static HOST_STATE struct task *owner;
static HOST_STATE unsigned int interrupts; /* that the guest got */

static enum vm_early early;

static const char *const early_names[] = {
	[VM_EARLY_IRQS_ON] = "irqs on",
	[VM_EARLY_IRQS_OFF] = "irqs off",
};

/* ---- guests ---- */

static void
hypercall(struct vcpu *guest, enum payload_hypercall number, uint64_t arg)
{
	host_guest_trap(guest, &(struct vcpu_trap){ .kind = VCPU_TRAP_HYPERCALL,
	                                            .value = number,
	                                            .args = { arg } });
}

static unsigned int
guest_handler(struct vcpu *guest, unsigned int at)
{
	HOST_EXPECT(host_guest_event(guest).vector == PAYLOAD_VECTOR_DOORBELL);
	interrupts++;
	hypercall(guest, HYPERCALL_return, 0);
	return at + 1;
}

/* Interrupts are off but while it waits: what comes before the HLT ends it. */
static unsigned int
guest_that_waits(struct vcpu *guest, unsigned int at)
{
	if (at == 0 && interrupts == 0) {
		host_guest_trap(guest, &(struct vcpu_trap){ .kind = VCPU_TRAP_STI_HLT });
	} else if (at == 0) {
		hypercall(guest, HYPERCALL_shutdown, STATUS);
	} else {
		host_guest_trap(guest, &(struct vcpu_trap){ .kind = VCPU_TRAP_CLI });
		return 0;
	}
	return 1;
}

static unsigned int
guest_for_ever(struct vcpu *guest, unsigned int at)
{
	(void)guest;
	return at;
}

static void
make_machine(host_guest *guest)
{
	vm = vm_create(early, mm_create(), (uintptr_t)guest);
	HOST_EXPECT(vm != NULL);
	vm->halt_poll_max_ns = 0;
	vcpu = vcpu_create(vm, 0);
	HOST_EXPECT(vcpu != NULL);
	arch_vcpu_set_handler(vcpu, (uintptr_t)guest_handler);
	explore_name(&vcpu->mode, "mode");
	explore_name(&vcpu->requests, "requests");
	explore_name(&vcpu->pending, "pending");
	explore_name(&vcpu->resident, "resident");
	explore_show(&vcpu->pending, NULL);
	explore_show(&vcpu->resident, NULL);
}

/* ---- the wait alone ---- */

enum window {
	BEFORE_WFI,
	BEFORE_STATE,
	ABOUT_TO_SLEEP,
	PREEMPTED,
	PREEMPTED_ABOUT_TO_SLEEP,
	ASLEEP,
	WINDOWS,
};

static const char *const window_names[WINDOWS] = {
	[BEFORE_WFI] = "before the wait",
	[BEFORE_STATE] = "before its state is set",
	[ABOUT_TO_SLEEP] = "behind that",
	[PREEMPTED] = "while it was preempted",
	[PREEMPTED_ABOUT_TO_SLEEP] = "while it was preempted behind that",
	[ASLEEP] = "asleep",
};

static unsigned int hits[WINDOWS]; /* over all runs */

/* Nobody's read: the machine's observer looks. */
static __attribute__((no_sanitize_thread)) enum window
window_now(void)
{
	bool is_set = owner->state.value != TASK_RUNNING;

	if (!vcpu->in_wfi) {
		return BEFORE_WFI;
	}
	if (vcpu->scheduled_out.value == 0) {
		return is_set ? ABOUT_TO_SLEEP : BEFORE_STATE;
	}
	if (owner->on_rq.value == 0) {
		return ASLEEP;
	}
	return is_set ? PREEMPTED_ABOUT_TO_SLEEP : PREEMPTED;
}

static void
see(const struct host_transition *t, unsigned int moment)
{
	(void)moment;
	if (t->actor == HOST_STEP && t->op.kind == HOST_OP_LOCKED &&
	    (t->op.addr == &vcpu->pending || t->op.addr == &vcpu->requests) && t->cpu == 1) {
		hits[window_now()]++;
	}
}

static void
hits_must_be(unsigned int windows)
{
	host_transition_seen = NULL;
	for (unsigned int n = 0; n < WINDOWS; n++) {
		if (windows >> n & 1) {
			printf("    %-36s %8u times\n", window_names[n], hits[n]);
			fflush(stdout);
			ck_assert_uint_ne(hits[n], 0);
		}
	}
}

static void
begin_hits(void)
{
	memset(hits, 0, sizeof(hits));
	host_transition_seen = see;
}

static HOST_STATE struct timer timer;

static void
wake_urgent(struct timer *unused)
{
	(void)unused;
	wake_up_process(urgent);
}

static void
ring(struct irq_work *unused)
{
	(void)unused;
	hits[window_now()]++;
	vcpu_interrupt(vcpu, PAYLOAD_VECTOR_DOORBELL);
}

static HOST_STATE struct irq_work bell = IRQ_WORK_INIT(ring);

/* The timer expires; its interrupt comes from here on, without a point in between. */
static void
let_timer_expire(void)
{
	unsigned long flags = host_step_begin();

	host_clock_advance(NSEC_PER_SEC);
	host_step_end(flags);
}

static void
wait_here(void)
{
	vcpu_halt(vcpu);
	vcpu_put(vcpu);
	scenario_done();
	scenario_sleep();
}

static void
load_for_wait(void)
{
	make_machine(guest_for_ever);
	vcpu->interrupts_on = true;
	vcpu->wants_to_run = true;
	vcpu_load(vcpu);
}

static void
wait_once(void *unused)
{
	(void)unused;
	load_for_wait();
	host_gate();
	wait_here();
}

/*
 * Two interrupts are in flight from here on: one wakes the urgent task, the other is the guest's.
 * asked_first: the urgent task is ready already, and the first preempt_enable is that of the wait.
 */
static void
wait_interrupted(void *asked_first)
{
	unsigned long flags;

	load_for_wait();
	timer_init(&timer, wake_urgent);
	timer_start(&timer, NSEC_PER_SEC);
	host_gate();
	if (asked_first != NULL) {
		timer_cancel(&timer);
		arch_irq_disable();
		wake_up_process(urgent);
		arch_irq_enable();
	} else {
		let_timer_expire();
	}
	flags = host_step_begin();
	irq_work_queue(&bell);
	host_step_end(flags);
	wait_here();
}

static void
interrupt(void *unused)
{
	(void)unused;
	host_gate();
	vcpu_interrupt(vcpu, PAYLOAD_VECTOR_DOORBELL);
	scenario_done();
	scenario_sleep();
}

static void
request(void *unused)
{
	(void)unused;
	host_gate();
	vcpu_make_request(vcpu, VCPU_REQ_UNBLOCK, 0);
	scenario_done();
	scenario_sleep();
}

static void (*asker)(void *);

static void
boot_wait(void)
{
	preempt_model_set(PREEMPT_NONE);
	owner = scenario_task(0, wait_once, NULL);
	scenario_task(1, asker, NULL);
}

static bool at_once;

static void
boot_preempted_wait(void)
{
	preempt_model_set(PREEMPT_FULL);
	urgent_boot();
	owner = scenario_task(0, wait_interrupted, at_once ? &timer : NULL);
}

static void
check_woken(void)
{
	if (owner->on_rq.value == 0 && vcpu->in_wfi) {
		host_fail("vcpu %u sleeps with an interrupt pending", vcpu->id);
	}
}

static void
check_wait(void)
{
	check_woken();
	HOST_EXPECT(asker != interrupt || vcpu_runnable(vcpu));
	HOST_EXPECT(asker != request || vcpu_test_request(vcpu, VCPU_REQ_UNBLOCK));
	scenario_check_at_rest(2);
}

static void
check_preempted_wait(void)
{
	check_woken();
	HOST_EXPECT(vcpu_runnable(vcpu));
	scenario_check_at_rest(1);
}

/*
 * P32, P58: an interrupt of the guest, or a request for which it looks up, at any moment of a wait
 * ends it, also between the state and the sleep. Seeded bug: the look comes before the state.
 */
START_TEST(test_wait_is_ended_by_what_comes_at_any_moment)
{
	static const struct explore_scenario wait = { "a wait", 2, boot_wait, check_wait,
		                                      NULL,     0, NULL };

	early = VM_EARLY_IRQS_ON;
	for (int n = 0; n < 2; n++) {
		asker = n == 0 ? interrupt : request;
		begin_hits();
		scenario_must_hold(&wait, LIMIT);
		hits_must_be(1u << ABOUT_TO_SLEEP | 1u << ASLEEP);
		scenario_must_catch(&wait, "halt-tests-first", "sleeps with an interrupt pending",
		                    LIMIT);
	}
}
END_TEST

/*
 * P58, J35, J55: the same where the waiting task is preempted anywhere, which loads its vcpu anew,
 * and is woken while it is still queued. Seeded bug: the load forgets that the vcpu waits.
 */
START_TEST(test_wait_is_ended_though_it_was_preempted)
{
	static const struct explore_scenario wait = {
		"a wait, preempted", 1, boot_preempted_wait, check_preempted_wait, NULL, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return;
	}
	early = VM_EARLY_IRQS_ON;
	at_once = false;
	memset(hits, 0, sizeof(hits));
	scenario_must_hold_within(&wait, 2, LIMIT);
	scenario_must_survive(&wait, 10 * RANDOM_RUNS);
	hits_must_be(1u << BEFORE_STATE | 1u << ABOUT_TO_SLEEP | 1u << PREEMPTED |
	             1u << PREEMPTED_ABOUT_TO_SLEEP | 1u << ASLEEP);
	at_once = true;
	scenario_must_hold_within(&wait, 2, LIMIT);
	scenario_must_catch_within(&wait, 2, "wfi-reloaded", "sleeps with an interrupt pending",
	                           LIMIT);
}
END_TEST

/* ---- the whole loop ---- */

static HOST_STATE int result;
static HOST_STATE bool has_stopped;
static HOST_STATE struct atomic is_asked;

static void
end_of_asker(void)
{
	atomic_store(&is_asked, 1);
	scenario_done();
	scenario_sleep();
}

static void
run_guest(void *guest)
{
	make_machine((host_guest *)guest);
	allow_signal(SIGUSR1);
	host_gate();
	result = vcpu_run(vcpu);
	has_stopped = true;
	HOST_EXPECT(vcpu_stats_fault(vcpu) == NULL);
	while (!atomic_load(&is_asked)) { /* bounded: a signal's waker has us in hand still */
		arch_cpu_relax();
	}
	scenario_done();
	scenario_sleep();
}

static void
interrupt_once(void *unused)
{
	(void)unused;
	host_gate();
	vcpu_interrupt(vcpu, PAYLOAD_VECTOR_DOORBELL);
	end_of_asker();
}

static void
kill_machine(void *unused)
{
	(void)unused;
	host_gate();
	vm_kill(vm);
	end_of_asker();
}

static void
send_signal(void *unused)
{
	(void)unused;
	host_gate();
	send_sig(SIGUSR1, owner);
	end_of_asker();
}

static void
pause_for_good(void *unused)
{
	(void)unused;
	host_gate();
	vcpu_pause(vcpu);
	end_of_asker();
}

static void
pause_and_signal(void *unused)
{
	(void)unused;
	host_gate();
	vcpu_pause(vcpu);
	send_sig(SIGUSR1, owner);
	end_of_asker();
}

static void
pause_and_kill(void *unused)
{
	(void)unused;
	host_gate();
	vcpu_pause(vcpu);
	vm_kill(vm);
	end_of_asker();
}

static void
pause_and_resume(void *unused)
{
	(void)unused;
	host_gate();
	vcpu_pause(vcpu);
	vcpu_interrupt(vcpu, PAYLOAD_VECTOR_DOORBELL);
	vcpu_resume(vcpu);
	end_of_asker();
}

/* The entry that the guest is in, or 0. */
static uint64_t
entry_now(void)
{
	unsigned long flags = host_step_begin();
	uint64_t serial = host_cpu(0)->in_guest ? vcpu->serial : 0;

	host_step_end(flags);
	return serial;
}

/* Its guest is left when it is back, or another entry was made. */
static void
request_and_wait(void *unused)
{
	uint64_t entry;

	(void)unused;
	host_gate();
	entry = entry_now();
	vcpu_make_request(vcpu, VCPU_REQ_FLUSH_ALL, VCPU_REQ_WAIT | VCPU_REQ_NO_WAKEUP);
	if (entry != 0 && entry_now() == entry) {
		host_fail("a request that waits is back before its guest is left");
	}
	vm_kill(vm);
	end_of_asker();
}

#define NEVER_RETURNS INT32_MIN

/* Who asks a vcpu, what its guest does, and what vcpu_run() says then. */
static const struct ending {
	const char *name;
	host_guest *guest;
	void (*ask)(void *);
	int result;
} endings[] = {
	{ "an interrupt, waiting", guest_that_waits, interrupt_once, 0 },
	{ "paused and resumed, waiting", guest_that_waits, pause_and_resume, 0 },
	{ "killed, waiting", guest_that_waits, kill_machine, -EIO },
	{ "killed, running", guest_for_ever, kill_machine, -EIO },
	{ "a signal, waiting", guest_that_waits, send_signal, -EINTR },
	{ "a signal, running", guest_for_ever, send_signal, -EINTR },
	{ "paused, waiting", guest_that_waits, pause_for_good, NEVER_RETURNS },
	{ "paused, running", guest_for_ever, pause_for_good, NEVER_RETURNS },
	{ "paused and killed, running", guest_for_ever, pause_and_kill, -EIO },
	{ "paused, and a signal", guest_for_ever, pause_and_signal, -EINTR },
	{ "a request that waits", guest_for_ever, request_and_wait, -EIO },
};

static const struct ending *ending;

static void
boot_ending(void)
{
	preempt_model_set(CONFIG_PREEMPT_COUNT ? PREEMPT_FULL : PREEMPT_NONE);
	owner = scenario_task(0, run_guest, (void *)(uintptr_t)ending->guest);
	scenario_task(1, ending->ask, NULL);
}

static void
check_ending(void)
{
	if (atomic_load(&vcpu->pending) != 0 && !has_stopped && !atomic_load(&vcpu->paused)) {
		host_fail("vcpu %u sleeps with an interrupt pending", vcpu->id);
	}
	HOST_EXPECT(!host_cpu(0)->in_guest);
	HOST_EXPECT(has_stopped == (ending->result != NEVER_RETURNS));
	HOST_EXPECT(!has_stopped || result == ending->result);
	HOST_EXPECT(result != 0 || !has_stopped || vcpu->stop_value == STATUS);
	scenario_check_at_rest(1 + has_stopped);
}

static struct explore_scenario
ending_scenario(char *name, size_t size)
{
	snprintf(name, size, "%s, %s", ending->name, early_names[early]);
	return (struct explore_scenario){ name, 2, boot_ending, check_ending, NULL, 0, NULL };
}

#define ENDING_COUNT (sizeof(endings) / sizeof(endings[0]))

/*
 * P55, P58: a vcpu that waits, or runs for ever, ends, stays out or goes on as it is told, at any
 * moment of its loop, in both orders.
 */
START_TEST(test_vcpu_hears_of_its_end_anywhere)
{
	char name[80];

	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		for (ending = endings; ending < endings + ENDING_COUNT; ending++) {
			struct explore_scenario scenario = ending_scenario(name, sizeof(name));

			scenario_must_hold_within(&scenario, 1, LIMIT);
			scenario_must_survive(&scenario, RANDOM_RUNS);
		}
	}
}
END_TEST

/* P24, seeded bug: a signal does not interrupt the guest. */
START_TEST(test_signal_that_leaves_the_guest_alone_is_caught)
{
	char name[80];

	ending = &endings[5];
	ck_assert(ending->ask == send_signal && ending->guest == guest_for_ever);
	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		struct explore_scenario scenario = ending_scenario(name, sizeof(name));

		scenario_must_catch_within(&scenario, 1, "signal-unkicked",
		                           "!host_cpu(0)->in_guest", LIMIT);
	}
}
END_TEST

/* P55, seeded bug: a request that waits does not. */
START_TEST(test_request_that_does_not_wait_is_caught)
{
	char name[80];

	ending = &endings[ENDING_COUNT - 1];
	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		struct explore_scenario scenario = ending_scenario(name, sizeof(name));

		scenario_must_catch_within(&scenario, 2, "call-unwaited",
		                           "back before its guest is left", LIMIT);
	}
}
END_TEST

/* ---- what is served, and in which order ---- */

static void
run_requests(void *unused)
{
	const uint32_t others = 1u << VCPU_REQ_RESET | 1u << VCPU_REQ_FLUSH_ALL |
	                        1u << VCPU_REQ_FLUSH_CURRENT | 1u << VCPU_REQ_SLEEP;

	(void)unused;
	make_machine(guest_for_ever);
	host_gate();
	vcpu->immediate_exit = true;
	HOST_EXPECT(vcpu_run(vcpu) == -EINTR);
	HOST_EXPECT(vcpu->stats.loops == 0);
	vcpu->immediate_exit = false;
	atomic_store(&vcpu->requests, others);
	vcpu_set_request(vcpu, VCPU_REQ_VM_DEAD);
	HOST_EXPECT(vcpu_run(vcpu) == -EIO);
	if (atomic_load(&vcpu->requests) != (others | 1u << VCPU_REQ_VM_DEAD)) {
		host_fail("a dead machine's vcpu serves requests");
	}
	vm_kill(vm);
	HOST_EXPECT(vcpu_run(vcpu_create(vm, 0)) == -EIO);
	HOST_EXPECT(vcpu->stats.entries == 0);
	scenario_done();
	scenario_sleep();
}

static void
boot_requests(void)
{
	owner = scenario_task(0, run_requests, NULL);
}

static void
check_one(void)
{
	scenario_check_at_rest(1);
}

/*
 * P55, P56: with immediate_exit nothing is entered; in a dead machine nothing is served, and a vcpu
 * that comes later is not entered, either. Seeded bug: its death is looked for last.
 */
START_TEST(test_dead_machine_comes_first)
{
	static const struct explore_scenario requests = { "requests", 1, boot_requests, check_one,
		                                          NULL,       0, NULL };

	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		scenario_must_hold_within(&requests, 0, LIMIT);
		scenario_must_catch_within(&requests, 0, "dead-served-last",
		                           "a dead machine's vcpu serves requests", LIMIT);
	}
}
END_TEST

/* ---- what RCU has put off ---- */

#define TURNS 8u /* enough for a callback */

static HOST_STATE struct rcu_head head;
static HOST_STATE bool is_called;

static void
note_call(struct rcu_head *unused)
{
	(void)unused;
	is_called = true;
	scenario_done();
}

static void
call_in_interrupt(struct timer *unused)
{
	(void)unused;
	call_rcu(&head, note_call);
}

/* Each turn gives the cpu to who is ready; behind them it would never. */
static unsigned int
guest_with_turns(struct vcpu *guest, unsigned int at)
{
	if (at == 0) {
		let_timer_expire();
	} else if (is_called) {
		hypercall(guest, HYPERCALL_shutdown, STATUS);
	} else if (at < TURNS) {
		hypercall(guest, HYPERCALL_yield, 0);
	} else {
		return at;
	}
	return at + 1;
}

static void
run_with_turns(void *unused)
{
	(void)unused;
	make_machine(guest_with_turns);
	timer_init(&timer, call_in_interrupt);
	timer_start(&timer, NSEC_PER_SEC);
	host_gate();
	HOST_EXPECT(vcpu_run(vcpu) == 0);
	scenario_done();
	scenario_sleep();
}

static void
boot_put_off(void)
{
	preempt_model_set(PREEMPT_NONE);
	rcu_init();
	owner = scenario_task(0, run_with_turns, NULL);
}

static void
check_called(void)
{
	scenario_check_at_rest(2);
}

/*
 * P24, J30: a callback that an interrupt of an endless guest has queued is called: the wakeup for
 * it is done before the next entry. Seeded bug: it is not.
 */
START_TEST(test_guest_is_not_entered_with_a_wakeup_put_off)
{
	static const struct explore_scenario put_off = {
		"call_rcu in an interrupt of a guest", 1, boot_put_off, check_called, NULL, 0, NULL
	};

	for (early = VM_EARLY_IRQS_ON; early <= VM_EARLY_IRQS_OFF; early++) {
		scenario_must_hold_within(&put_off, 1, LIMIT);
		scenario_must_catch_within(&put_off, 1, "guest-flush-missing", "host_all_halted()",
		                           LIMIT);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("vcpu_halt");
	TCase *tests = tcase_create("vcpu_halt");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_wait_is_ended_by_what_comes_at_any_moment);
	tcase_add_test(tests, test_wait_is_ended_though_it_was_preempted);
	tcase_add_test(tests, test_vcpu_hears_of_its_end_anywhere);
	tcase_add_test(tests, test_signal_that_leaves_the_guest_alone_is_caught);
	tcase_add_test(tests, test_request_that_does_not_wait_is_caught);
	tcase_add_test(tests, test_dead_machine_comes_first);
	tcase_add_test(tests, test_guest_is_not_entered_with_a_wakeup_put_off);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
