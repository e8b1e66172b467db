// SPDX-License-Identifier: ISC
/*
 * Where its guest spins for a lock, a vcpu gives the cpu to one of its machine's that could release
 * it: one that was preempted.
 */
#include "guest/vcpu_halt.h"

#include "guest/preempt.h"
#include "guest/sched.h"
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

int
main(void)
{
	Suite *suite = suite_create("vcpu_spin");
	TCase *tests = tcase_create("vcpu_spin");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_spinner_gives_its_cpu_to_who_may_hold_the_lock);
	tcase_add_test(tests, test_spin_seeded_bugs_are_caught);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
