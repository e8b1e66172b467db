// SPDX-License-Identifier: ISC
/*
 * A vcpu that looks where another would sleep: its wait polls before it sleeps, for as long as that
 * has paid; and where its guest spins for a lock, it gives the cpu to one of its machine's that
 * could release it.
 */
#include "guest/vcpu_halt.h"

#include <stdio.h>

#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/timer.h"
#include "guest/vcpu_request.h"
#include "guest/vm.h"
#include "tests/explore/scenario.h"
#include "tests/explore/vcpus.h"
#include "tests/unit/suite.h"

#define LIMIT 60000

/* Current is the owner, as in vcpu_run(). */
static void
own(struct vcpu *vcpu)
{
	mutex_lock(&vcpu->mutex);
	raw_spin_lock(&vcpu->task_lock);
	vcpu->task = current;
	raw_spin_unlock(&vcpu->task_lock);
	vcpu_load(vcpu);
	vcpu->wants_to_run = true;
}

static void
disown(struct vcpu *vcpu)
{
	vcpu->wants_to_run = false;
	vcpu_put(vcpu);
	raw_spin_lock(&vcpu->task_lock);
	vcpu->task = NULL;
	raw_spin_unlock(&vcpu->task_lock);
	mutex_unlock(&vcpu->mutex);
}

/* ---- directed yield ---- */

static HOST_STATE struct vcpu *spinner;
static HOST_STATE struct vcpu *holder;   /* was preempted */
static HOST_STATE struct vcpu *sleeping; /* gave its cpu up */
static HOST_STATE struct task *holders_task;
static HOST_STATE struct task *ran_first;

static void
note_turn(void)
{
	if (ran_first == NULL) {
		ran_first = current;
	}
}

static void
take_turns(void *unused)
{
	(void)unused;
	yield();
	note_turn();
	scenario_done();
	scenario_sleep();
}

/* And takes turns, with no vcpu of its own. */
static void
make_machine(void *unused)
{
	spinner = vcpus_create(vcpus_loop);
	sleeping = vcpus_add(spinner);
	holder = vcpus_add(spinner);
	take_turns(unused);
}

static void
be_preempted(void *unused)
{
	(void)unused;
	own(holder);
	yield();
	note_turn();
	disown(holder);
	scenario_done();
	scenario_sleep();
}

static void
give_cpu_up(void *unused)
{
	(void)unused;
	own(sleeping);
	scenario_sleep();
}

/* Behind it in the queue: who has no vcpu, then the holder of the lock. */
static void
spin(void *holder_spins)
{
	own(spinner);
	scenario_gate();
	HOST_EXPECT(atomic_load(&holder->ready));
	HOST_EXPECT(!atomic_load(&sleeping->ready));
	if (holder_spins != NULL) {
		atomic_store(&holder->in_spin_loop, 1);
		vcpu_on_spin(spinner);
		HOST_EXPECT(ran_first == NULL); /* passed over, once */
	}
	vcpu_on_spin(spinner);
	HOST_EXPECT(ran_first == holders_task);
	HOST_EXPECT(!atomic_load(&spinner->in_spin_loop));
	HOST_EXPECT(!atomic_load(&spinner->dy_eligible));
	HOST_EXPECT(atomic_load(&spinner->vm->last_boosted) == holder->id);
	disown(spinner);
	scenario_done();
	scenario_sleep();
}

static void
boot_machine(void *holder_spins)
{
	preempt_model_set(PREEMPT_NONE);
	scenario_task(0, make_machine, NULL);
	holders_task = scenario_task(0, be_preempted, NULL);
	scenario_task(0, give_cpu_up, NULL);
	scenario_task(0, spin, holder_spins);
}

static void
boot_directed(void)
{
	boot_machine(NULL);
}

static void
boot_circles(void)
{
	boot_machine("it spins, too");
}

static void
check_directed(void)
{
	scenario_check_at_rest(3);
}

static const struct explore_scenario directed = {
	"a directed yield", 1, boot_directed, check_directed, NULL, 0, NULL
};
static const struct explore_scenario circles = {
	"a directed yield to who spins", 1, boot_circles, check_directed, NULL, 0, NULL
};

/* P57: the cpu goes to a vcpu that was preempted, not to whoever is next; to one that spins
 * itself only at the second time. */
START_TEST(test_spinner_gives_its_cpu_to_who_may_hold_the_lock)
{
	scenario_must_hold_within(&directed, 2, LIMIT);
	scenario_must_hold_within(&circles, 2, LIMIT);
}
END_TEST

/* P57, seeded bugs: whom the cpu goes to. */
START_TEST(test_spin_seeded_bugs_are_caught)
{
	scenario_must_catch_within(&directed, 2, "spin-undirected", "ran_first == holders_task",
	                           LIMIT);
	scenario_must_catch_within(&circles, 2, "spin-in-circles", "ran_first == NULL", LIMIT);
}
END_TEST

/* ---- polling ---- */

struct wait {
	uint64_t max_ns;
	uint64_t poll_ns; /* before */
	uint64_t wait_ns; /* until the interrupt */
	bool has_company; /* another task wants the cpu */
	bool sleeps;
	uint64_t poll_ns_after;
};

static const struct wait waits[] = {
	{ 200000, 0, 5000, false, true, 10000 },         /* it has not polled yet: begins to */
	{ 200000, 10000, 5000, false, false, 10000 },    /* enough */
	{ 200000, 10000, 15000, false, true, 20000 },    /* not enough: longer */
	{ 200000, 150000, 180000, false, true, 200000 }, /* never longer than this */
	{ 200000, 100000, 300000, false, true, 0 },      /* too long to poll at all */
	{ 0, 0, 5000, false, true, 0 },                  /* the machine does not poll */
	{ 200000, 10000, 5000, true, true, 20000 },      /* not while another wants the cpu */
};

#define WAIT_COUNT (sizeof(waits) / sizeof(waits[0]))

static const struct wait *wait;
static HOST_STATE struct timer timer;
static HOST_STATE struct timer poll_end;
static HOST_STATE bool slept;

static void
interrupt(struct timer *self)
{
	(void)self;
	slept = atomic_load(&vcpus_only->task->state) != TASK_RUNNING;
	vcpu_interrupt(vcpus_only, PAYLOAD_VECTOR_DOORBELL);
}

static void
end_poll(struct timer *self)
{
	(void)self; /* the clock stops here, which goes from timer to timer */
}

static void
halt(void *unused)
{
	struct vcpu *vcpu = vcpus_create(vcpus_loop);

	(void)unused;
	own(vcpu);
	vcpu->interrupts_on = true;
	arch_vcpu_set_handler(vcpu, (uintptr_t)vcpus_loop);
	vcpu->vm->halt_poll_max_ns = wait->max_ns;
	vcpu->halt_poll_ns = wait->poll_ns;
	scenario_gate();
	timer_init(&timer, interrupt);
	timer_start(&timer, arch_clock_ns() + wait->wait_ns);
	timer_init(&poll_end, end_poll);
	if (wait->poll_ns != 0 && wait->poll_ns < wait->wait_ns) {
		timer_start(&poll_end, arch_clock_ns() + wait->poll_ns);
	}
	vcpu_halt(vcpu);
	HOST_EXPECT(vcpu_runnable(vcpu));
	HOST_EXPECT(slept == wait->sleeps);
	HOST_EXPECT(vcpu->halt_poll_ns == wait->poll_ns_after);
	HOST_EXPECT(vcpu->stats.halts == 1);
	HOST_EXPECT(!vcpu->in_wfi);
	disown(vcpu);
	scenario_done();
	scenario_sleep();
}

static void
boot_wait(void)
{
	preempt_model_set(PREEMPT_NONE);
	scenario_task(0, halt, NULL);
	if (wait->has_company) {
		scenario_task(0, take_turns, NULL);
	}
}

static void
check_wait(void)
{
	scenario_check_at_rest(wait->has_company ? 2 : 1);
}

/* A vcpu polls before it sleeps, for twice as long where that was too short, not at all where
 * it cannot pay, and never at another task's cost. */
START_TEST(test_wait_polls_as_long_as_that_pays)
{
	char name[64];

	wait = &waits[_i];
	snprintf(name, sizeof(name), "a wait of %u us, polled for %u of %u us",
	         (unsigned int)wait->wait_ns / 1000, (unsigned int)wait->poll_ns / 1000,
	         (unsigned int)wait->max_ns / 1000);
	scenario_must_hold(
		&(struct explore_scenario){ name, 1, boot_wait, check_wait, NULL, 0, NULL }, LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("vcpu_spin");
	TCase *tests = tcase_create("vcpu_spin");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_spinner_gives_its_cpu_to_who_may_hold_the_lock);
	tcase_add_test(tests, test_spin_seeded_bugs_are_caught);
	tcase_add_loop_test(tests, test_wait_polls_as_long_as_that_pays, 0, (int)WAIT_COUNT);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
