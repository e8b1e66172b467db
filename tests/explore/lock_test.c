// SPDX-License-Identifier: ISC
/*
 * The ticket lock, and the life of a task: whatever two or three cpus do to it.
 */
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/spinlock.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

/* ---- mutual exclusion ---- */

static HOST_STATE struct raw_spinlock lock;
static HOST_STATE struct atomic inside;
static HOST_STATE struct atomic shared;
static HOST_STATE unsigned int plain; /* guarded by the lock */
static HOST_STATE unsigned int entries;

/* The last store is the one that only the unlock's store follows. */
static void
critical_section(void)
{
	unsigned int seen = plain;

	HOST_EXPECT(atomic_fetch_add(&inside, 1) == 0);
	HOST_EXPECT(atomic_load(&shared) == seen); /* what the last holder stored has arrived */
	HOST_EXPECT(atomic_fetch_sub(&inside, 1) == 1);
	atomic_store(&shared, seen + 1);
	plain = seen + 1;
	entries++;
}

static void
lock_once(void *arg)
{
	(void)arg;
	host_gate();
	raw_spin_lock(&lock);
	critical_section();
	raw_spin_unlock(&lock);
	host_stop();
}

static void
lock_irqsave(void *arg)
{
	unsigned long flags;

	(void)arg;
	host_gate();
	flags = raw_spin_lock_irqsave(&lock);
	critical_section();
	raw_spin_unlock_irqrestore(&lock, flags);
	host_stop();
}

static void
try_once(void *arg)
{
	(void)arg;
	host_gate();
	if (raw_spin_trylock(&lock)) {
		critical_section();
		raw_spin_unlock(&lock);
	}
	host_stop();
}

static void
name_lock(void)
{
	explore_name(&lock.next, "lock.next");
	explore_name(&lock.owner, "lock.owner");
	explore_name(&inside, "inside");
	explore_name(&shared, "shared");
}

static void
boot_two_lockers(void)
{
	name_lock();
	scenario_task(0, lock_once, NULL);
	scenario_task(1, lock_irqsave, NULL);
}

static void
boot_lockers_and_trylock(void)
{
	name_lock();
	scenario_task(0, lock_once, NULL);
	scenario_task(1, lock_irqsave, NULL);
	scenario_task(2, try_once, NULL);
}

static void
boot_trylocks(void)
{
	name_lock();
	scenario_task(0, try_once, NULL);
	scenario_task(1, try_once, NULL);
}

static void
check_unlocked(void)
{
	HOST_EXPECT(host_all_halted());
	HOST_EXPECT(!raw_spin_is_locked(&lock));
	HOST_EXPECT(entries == plain);
	HOST_EXPECT(atomic_load(&shared) == plain);
	HOST_EXPECT(entries >= 1);
}

static void
check_both_locked(void)
{
	check_unlocked();
	HOST_EXPECT(entries >= 2);
}

/* Two cpus that lock exclude each other, both get in, and each finds what the other stored. */
START_TEST(test_lock_excludes)
{
	scenario_must_hold(&(struct explore_scenario){ "two lockers", 2, boot_two_lockers,
	                                               check_both_locked, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* A third one that only tries gets in when nobody holds or waits, and disturbs nobody. */
START_TEST(test_lock_trylock_excludes)
{
	scenario_must_hold(&(struct explore_scenario){ "two lockers and a trylock", 3,
	                                               boot_lockers_and_trylock, check_both_locked,
	                                               NULL, 0, NULL },
	                   LIMIT);
	scenario_must_hold(&(struct explore_scenario){ "two trylocks", 2, boot_trylocks,
	                                               check_unlocked, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* Mutant: tickets drawn by a load and a store. */
START_TEST(test_lock_torn_ticket_does_not_exclude)
{
	scenario_must_fail(&(struct explore_scenario){ "two lockers, torn tickets", 2,
	                                               boot_two_lockers, check_both_locked, NULL,
	                                               HOST_BROKEN_RMW, NULL },
	                   "expected: atomic_", LIMIT);
}
END_TEST

/* Mutant: stores that overtake each other let the unlock out before what it guards. */
START_TEST(test_lock_unordered_stores_are_noticed)
{
	static struct explore_report report;
	struct explore_scenario scenario = { "two lockers, stores out of order",
		                             2,
		                             boot_two_lockers,
		                             check_both_locked,
		                             NULL,
		                             HOST_BROKEN_FIFO,
		                             NULL };

	explore_bounded(&scenario, 3, LIMIT, &report); /* the reduction takes FIFO for granted */
	ck_assert(report.failed);
}
END_TEST

/* ---- fairness ---- */

static HOST_STATE struct atomic waits; /* who locks by trying has found the lock taken */

/* Until so many have drawn a ticket, or somebody waits who draws none. */
static void
wait_for_tickets(uint32_t count)
{
	while (atomic_load(&lock.next) != count && !atomic_load(&waits)) { /* bounded: they come */
		arch_cpu_relax();
	}
}

/* So many waited before: they have been in before. */
static void
lock_behind(void *arg)
{
	unsigned int before = (unsigned int)(uintptr_t)arg;

	host_gate();
	wait_for_tickets(before);
	raw_spin_lock(&lock);
	HOST_EXPECT(entries == before);
	critical_section();
	raw_spin_unlock(&lock);
	host_stop();
}

static void
lock_by_trying(void *arg)
{
	(void)arg;
	host_gate();
	while (!raw_spin_trylock(&lock)) { /* bounded: two others, once each */
		atomic_store(&waits, 1);
		arch_cpu_relax();
	}
	critical_section();
	raw_spin_unlock(&lock);
	host_stop();
}

static void
boot_in_order(void)
{
	name_lock();
	for (uintptr_t n = 0; n < 3; n++) {
		scenario_task((unsigned int)n, lock_behind, (void *)n);
	}
}

static void
boot_one_by_trying(void)
{
	name_lock();
	scenario_task(0, lock_once, NULL);
	scenario_task(1, lock_by_trying, NULL);
	scenario_task(2, lock_behind, (void *)2);
}

/* Who has drawn a ticket before is in before; the mutant, who tries in a loop, is passed. */
START_TEST(test_lock_is_taken_in_order)
{
	scenario_must_hold(&(struct explore_scenario){ "three lockers in order", 3, boot_in_order,
	                                               check_both_locked, NULL, 0, NULL },
	                   LIMIT);
	scenario_must_fail(&(struct explore_scenario){ "one of them by trying", 3,
	                                               boot_one_by_trying, check_both_locked, NULL,
	                                               0, NULL },
	                   "entries == before", LIMIT);
}
END_TEST

/* ---- exit, join, references ---- */

static HOST_STATE struct task *mortal;
static HOST_STATE bool joined;
static HOST_STATE bool heir_ran;

static void
die(void *arg)
{
	(void)arg;
	host_gate();
}

static void
inherit(void *arg)
{
	(void)arg;
	heir_ran = true;
	host_stop();
}

/* The heir's stack is the one freed last: the dead task's, if it is free. */
static void
join_and_bequeath(void *arg)
{
	struct task *heir;

	host_gate();
	task_join(mortal);
	joined = true;
	heir = task_create(&(struct task_params){
		.comm = "heir",
		.fn = inherit,
		.cpus_allowed = (uintptr_t)arg,
	});
	wake_up_new_task(heir);
	task_exit();
}

static void
boot_exit(unsigned int mortal_cpu, uintptr_t heir_cpus)
{
	mortal = scenario_task(mortal_cpu, die, NULL);
	scenario_name_task(mortal, "mortal");
	explore_name(&mortal->refcount, "mortal.refcount");
	scenario_task(0, join_and_bequeath, (void *)heir_cpus);
}

static void
boot_exit_remote(void)
{
	boot_exit(1, 0x1);
}

static void
boot_exit_local(void)
{
	boot_exit(0, 0x1);
}

static void
check_heir(void)
{
	HOST_EXPECT(joined);
	HOST_EXPECT(heir_ran);
	HOST_EXPECT(host_all_halted());
}

/* P39: a task that ends while another joins it: its stack is reused only after it was left. */
START_TEST(test_exit_stack_is_freed_after_it_is_left)
{
	struct explore_scenario remote = {
		"exit and join, two cpus", 2, boot_exit_remote, check_heir, NULL, 0, NULL
	};

	scenario_must_hold(&(struct explore_scenario){ "exit and join, same cpu", 1,
	                                               boot_exit_local, check_heir, NULL, 0, NULL },
	                   LIMIT);
	scenario_must_hold_within(&remote, 2, LIMIT);
	scenario_must_survive(&remote, 20000);
}
END_TEST

static void
die_dropping_too_much(void *arg)
{
	(void)arg;
	host_gate();
	task_put(mortal);
}

static void
boot_exit_twice(void)
{
	mortal = scenario_task(1, die_dropping_too_much, NULL);
	scenario_task(0, join_and_bequeath, (void *)(uintptr_t)1);
}

/* P39, mutant: a reference dropped once too often frees the stack under its task's feet. */
START_TEST(test_exit_reference_too_few_is_noticed)
{
	scenario_must_fail(&(struct explore_scenario){ "exit, a reference too few", 2,
	                                               boot_exit_twice, check_heir, NULL, 0, NULL },
	                   "", LIMIT);
}
END_TEST

static void
boot_exit_preempted(void)
{
	urgent_boot();
	mortal = scenario_task(0, die, NULL);
	task_put(mortal); /* the scheduler's reference is the last */
	scenario_task(1, urgent_wake, NULL);
}

static void
check_preempted(void)
{
	urgent_check_once();
	HOST_EXPECT(per_cpu(runqueue, 0).nr_running.value == 0);
}

/* P39: a task that is preempted at any moment of its end does end, and leaves the queue. */
START_TEST(test_exit_preempted_anywhere_ends)
{
	struct explore_scenario scenario = {
		"exit under preemption", 2, boot_exit_preempted, check_preempted, NULL, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return; /* nothing preempts such a kernel */
	}
	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "dead-task-preemptible", "assertion failed", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("locks and tasks");
	TCase *tests = tcase_create("locks and tasks");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_lock_excludes);
	tcase_add_test(tests, test_lock_trylock_excludes);
	tcase_add_test(tests, test_lock_torn_ticket_does_not_exclude);
	tcase_add_test(tests, test_lock_unordered_stores_are_noticed);
	tcase_add_test(tests, test_lock_is_taken_in_order);
	tcase_add_test(tests, test_exit_stack_is_freed_after_it_is_left);
	tcase_add_test(tests, test_exit_reference_too_few_is_noticed);
	tcase_add_test(tests, test_exit_preempted_anywhere_ends);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
