// SPDX-License-Identifier: ISC
/*
 * Mutexes on small machines: every order of a lock against an unlock, with the owner running,
 * switched out, and gone; the queue of spinners, the queue of sleepers, and a signal.
 */
#include "guest/mutex.h"

#include <stdio.h>

#include "guest/errno.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

static HOST_STATE DEFINE_MUTEX(mutex);
static HOST_STATE unsigned int holders;
static HOST_STATE struct task *waiter;
static HOST_STATE struct atomic condition;

/* In how many runs so far: not of the machine's state. */
static unsigned int hits;

/* Plain data: its races are found where races are looked for. */
static void
be_alone(void)
{
	holders++;
	HOST_EXPECT(mutex_is_locked(&mutex));
	HOST_EXPECT(holders == 1);
	preempt_count(); /* a point, if somebody should be here too */
	HOST_EXPECT(holders == 1);
	holders--;
}

static void
lock_once(void)
{
	mutex_lock(&mutex);
	be_alone();
	mutex_unlock(&mutex);
	scenario_done();
}

static void
lock_and_stop(void *unused)
{
	(void)unused;
	host_gate();
	lock_once();
	host_stop();
}

/* Does not wait for the gate: another task of its cpu does. */
static void
lock_at_once(void *unused)
{
	(void)unused;
	lock_once();
}

static void
name_all(unsigned int cpus)
{
	explore_name(&mutex.owner, "mutex.owner");
	explore_name(&mutex.wait_lock.next, "mutex.wait_lock.next");
	explore_name(&mutex.wait_lock.owner, "mutex.wait_lock.owner");
	scenario_name_cpus(cpus);
}

static void
check_free(unsigned int done)
{
	scenario_check_at_rest(done);
	HOST_EXPECT(atomic_load(&mutex.owner) == 0);
	HOST_EXPECT(list_empty(&mutex.waiters) && list_empty(&mutex.spinners));
	HOST_EXPECT(holders == 0);
}

static void
check_one(void)
{
	check_free(1);
}

static void
check_two(void)
{
	check_free(2);
}

static void
check_three(void)
{
	check_free(3);
}

/* ---- the owner runs ---- */

static void
boot_two(void)
{
	for (unsigned int cpu = 0; cpu < 2; cpu++) {
		scenario_name_task(scenario_task(cpu, lock_and_stop, NULL), cpu ? "b" : "a");
	}
	name_all(2);
}

static void
boot_three(void)
{
	for (unsigned int cpu = 0; cpu < 3; cpu++) {
		scenario_task(cpu, lock_and_stop, NULL);
	}
	name_all(3);
}

/* Exclusion: two that run at the same time; who is late spins. */
START_TEST(test_mutex_of_two_that_run_excludes)
{
	scenario_must_hold(
		&(struct explore_scenario){ "two that run", 2, boot_two, check_two, NULL, 0, NULL },
		LIMIT);
}
END_TEST

static const struct explore_scenario three = {
	"three that run", 3, boot_three, check_three, NULL, 0, NULL
};

/* The same of three: one spins for the mutex, the other for its turn to do so. */
START_TEST(test_mutex_of_three_that_run_excludes)
{
	scenario_must_hold_within(&three, 2, LIMIT);
	scenario_must_survive(&three, 2000);
	scenario_must_catch(&three, "mutex-spinners-forgotten", "host_all_halted()", LIMIT);
}
END_TEST

/* ---- the owner is switched out ---- */

static void
hold_before_gate(void *unused)
{
	(void)unused;
	mutex_lock(&mutex);
	yield(); /* to the one who waits at the gate */
	be_alone();
	mutex_unlock(&mutex);
	scenario_done();
}

static void
leave_cpu(void *unused)
{
	(void)unused;
	host_gate();
	scenario_done();
	scenario_sleep();
}

/* On cpu 0 an owner that is switched out, and the task in whose place it will run. */
static void
boot_owner(void (*body)(void *), void (*instead)(void *))
{
	scenario_name_task(scenario_task(0, body, NULL), "owner");
	scenario_name_task(scenario_task(0, instead, NULL), "instead");
}

static void
boot_switched_out(void)
{
	boot_owner(hold_before_gate, leave_cpu);
	waiter = scenario_task(1, lock_and_stop, NULL);
	scenario_name_task(waiter, "waiter");
	name_all(2);
}

static const struct explore_scenario switched_out = {
	"the owner is switched out, and in", 2, boot_switched_out, check_three, NULL, 0, NULL
};

/*
 * P32: an owner that comes back and unlocks, against one who looks for it, spins or goes to sleep:
 * each gets the mutex, and no wakeup is lost.
 */
START_TEST(test_mutex_owner_switched_out_wakes_its_waiter)
{
	scenario_must_hold(&switched_out, LIMIT);
	scenario_must_catch(&switched_out, "mutex-state-late", "done_count == wanted", LIMIT);
	scenario_must_catch(&switched_out, "mutex-flag-late", "done_count == wanted", LIMIT);
	scenario_must_catch(&switched_out, "mutex-unlock-blind", "done_count == wanted", LIMIT);
}
END_TEST

/* P32: the lock around look and state is the barrier of the sleeper: its state needs none. */
START_TEST(test_mutex_state_needs_no_barrier)
{
	struct explore_scenario scenario = switched_out;

	scenario.name = "switched out, no barrier in the state";
	scenario.broken = HOST_BROKEN_XCHG;
	scenario_must_hold(&scenario, LIMIT);
}
END_TEST

/* ---- the owner stays switched out ---- */

static void
leave_when_waiter_sleeps(void *unused)
{
	(void)unused;
	host_gate();
	while (!atomic_load(&waiter->state)) { /* bounded: a spinner goes to sleep */
		arch_cpu_relax();
	}
	while (atomic_load(&waiter->on_rq)) { /* bounded: the same */
		arch_cpu_relax();
	}
	scenario_done();
	scenario_sleep();
}

static void
boot_stays_out(void)
{
	boot_owner(hold_before_gate, leave_when_waiter_sleeps);
	waiter = scenario_task(1, lock_and_stop, NULL);
	scenario_name_task(waiter, "waiter");
	name_all(2);
}

static const struct explore_scenario stays_out = {
	"the owner stays switched out", 2, boot_stays_out, check_three, NULL, 0, NULL
};

/* Nobody spins for an owner that does not run: it would not before the spinner sleeps. */
START_TEST(test_mutex_spinner_sleeps_when_the_owner_does_not_run)
{
	scenario_must_hold(&stays_out, LIMIT);
}
END_TEST

static void
hold_and_leave(void *unused)
{
	(void)unused;
	mutex_lock(&mutex);
	host_gate();
	yield(); /* from under a spinner */
	be_alone();
	mutex_unlock(&mutex);
	scenario_done();
}

static void
wait_for_sleeper(void *unused)
{
	(void)unused;
	while (!atomic_load(&waiter->state)) { /* bounded: a spinner goes to sleep */
		arch_cpu_relax();
	}
	scenario_done();
}

static void
boot_leaves(void)
{
	boot_owner(hold_and_leave, wait_for_sleeper);
	waiter = scenario_task(1, lock_and_stop, NULL);
	scenario_name_task(waiter, "waiter");
	name_all(2);
}

static const struct explore_scenario leaves = {
	"the owner is switched out under a spinner", 2, boot_leaves, check_three, NULL, 0, NULL
};

/* The same of one that spins already when the owner leaves its cpu. */
START_TEST(test_mutex_spinner_sleeps_when_the_owner_leaves)
{
	scenario_must_hold_within(&leaves, 2, LIMIT);
	scenario_must_survive(&leaves, 5000);
	scenario_must_catch(&leaves, "mutex-spin-on-sleeper", "host_all_halted()", LIMIT);
}
END_TEST

/* ---- the spinner's cpu is wanted ---- */

static HOST_STATE struct task *urgent;

static void
set_when_woken(void *unused)
{
	(void)unused;
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	atomic_store(&condition, 1);
	scenario_done();
	scenario_sleep();
}

static void
hold_until_urgent_ran(void *unused)
{
	(void)unused;
	mutex_lock(&mutex);
	host_gate();
	wake_up_process(urgent);
	while (!atomic_load(&condition)) { /* bounded: the urgent task runs */
		arch_cpu_relax();
	}
	be_alone();
	mutex_unlock(&mutex);
	scenario_done();
	host_stop();
}

static void
boot_wanted(void)
{
	urgent = scenario_fifo_task(1, 10, set_when_woken, NULL);
	scenario_name_task(urgent, "urgent");
	scenario_name_task(scenario_task(0, hold_until_urgent_ran, NULL), "owner");
	waiter = scenario_task(1, lock_and_stop, NULL);
	scenario_name_task(waiter, "waiter");
	explore_name(&condition, "condition");
	name_all(2);
}

static const struct explore_scenario wanted = {
	"a spinner is asked to give way", 2, boot_wanted, check_three, NULL, 0, NULL
};

/* P5, P6: a spinner, whom nothing preempts, sees a request and gives its cpu to the urgent task. */
START_TEST(test_mutex_spinner_gives_way_to_a_request)
{
	scenario_must_hold_within(&wanted, 2, LIMIT);
	scenario_must_survive(&wanted, 5000);
	scenario_must_catch_within(&wanted, 2, "mutex-spin-unasked", "host_all_halted()", LIMIT);
}
END_TEST

static HOST_STATE struct list first_place; /* of a spinner that does not get on */

static void
unlock_and_ask(void *unused)
{
	(void)unused;
	mutex_lock(&mutex);
	host_gate();
	mutex_unlock(&mutex);
	resched_cpu(1);
	scenario_done();
	host_stop();
}

static void
lock_and_end(void *unused)
{
	(void)unused;
	host_gate();
	lock_once();
}

static void
boot_queued(void)
{
	list_add_tail(&mutex.spinners, &first_place);
	scenario_name_task(scenario_task(0, unlock_and_ask, NULL), "owner");
	scenario_name_task(scenario_task(1, lock_and_end, NULL), "second");
	name_all(2);
}

static void
check_queued(void)
{
	HOST_EXPECT(mutex.spinners.next == &first_place);
	list_remove(&first_place);
	check_free(2);
}

static const struct explore_scenario queued = {
	"a spinner in the queue is asked to give way", 2, boot_queued, check_queued, NULL, 0, NULL
};

/* P5: one that waits for its turn to spin leaves the queue from where it stands, empty-handed. */
START_TEST(test_mutex_spinner_leaves_the_queue_for_a_request)
{
	scenario_must_hold(&queued, LIMIT);
	scenario_must_catch(&queued, "mutex-spinner-believes", "mutex_is_locked(&mutex)", LIMIT);
}
END_TEST

/* ---- the owner ends ---- */

static void
unlock_and_end(void *unused)
{
	(void)unused;
	mutex_lock(&mutex);
	host_gate();
	be_alone();
	mutex_unlock(&mutex);
	scenario_done();
}

static void
boot_ends(void)
{
	struct task *owner = scenario_task(0, unlock_and_end, NULL);

	scenario_name_task(owner, "owner");
	scenario_task(1, lock_and_stop, NULL);
	name_all(2);
	task_put(owner); /* its last reference is the scheduler's */
}

static const struct explore_scenario ends = {
	"the owner ends under a spinner", 2, boot_ends, check_two, NULL, 0, NULL
};

/*
 * P39: the owner ends, and is freed, while a spinner looks at its on_cpu: the memory is still a
 * task's. A race where it is not.
 */
START_TEST(test_mutex_spinner_survives_the_end_of_the_owner)
{
	scenario_must_hold(&ends, LIMIT);
	scenario_must_catch(&ends, "task-memory-reused", "assertion failed: on_cpu <= 1", LIMIT);
}
END_TEST

/* ---- hand-over ---- */

static void
lock_and_tell(void *unused)
{
	(void)unused;
	mutex_lock(&mutex);
	atomic_store(&condition, 1);
	be_alone();
	mutex_unlock(&mutex);
	scenario_done();
}

/* Gives it back, and takes it again at once if it can. */
static bool
give_back_and_steal(void)
{
	bool asked = atomic_load(&mutex.owner) & MUTEX_HANDOFF;
	bool stole;

	hits += asked;
	mutex_unlock(&mutex);
	stole = mutex_trylock(&mutex);
	HOST_EXPECT(!(asked && stole) || atomic_load(&condition));
	return stole;
}

static void
steal(void *unused)
{
	bool has = true;

	(void)unused;
	mutex_lock(&mutex);
	yield(); /* to the one who waits at the gate */
	for (unsigned int turn = 0; turn < 2 && has; turn++) {
		be_alone();
		has = give_back_and_steal();
	}
	if (has) {
		be_alone();
		mutex_unlock(&mutex);
	}
	scenario_done();
}

static void
sleep_at_gate(void *unused)
{
	(void)unused;
	host_gate();
	scenario_done();
	scenario_sleep();
}

static void
boot_steals(void)
{
	boot_owner(steal, sleep_at_gate);
	waiter = scenario_task(1, lock_and_tell, NULL);
	scenario_name_task(waiter, "waiter");
	name_all(2);
}
static const struct explore_scenario steals = {
	"the owner steals from its waiter", 2, boot_steals, check_three, NULL, 0, NULL
};

/*
 * A waiter that was woken and found the mutex stolen asks for it, and then gets it from the next
 * unlock: whoever tries in between does not.
 */
START_TEST(test_mutex_stolen_once_is_handed_over)
{
	hits = 0;
	scenario_must_hold_within(&steals, 2, LIMIT);
	scenario_must_survive(&steals, 5000);
	printf("    asked for in %u unlocks\n", hits);
	ck_assert(hits != 0 || !scenario_was_exhausted());
	scenario_must_catch_within(&steals, 2, "mutex-no-handoff", "asked && stole", LIMIT);
	scenario_must_catch_within(&steals, 2, "mutex-pickup-by-any", "asked && stole", LIMIT);
}
END_TEST

/* ---- signals ---- */

static HOST_STATE unsigned int interrupted_count;

static void
lock_interruptibly(void *unused)
{
	int error = mutex_lock_interruptible(&mutex);

	(void)unused;
	HOST_EXPECT(error == 0 || error == -EINTR);
	HOST_EXPECT(lock_is_held(&mutex.dep_map) == (error == 0));
	HOST_EXPECT(atomic_load(&current->state) == TASK_RUNNING);
	if (error == 0) {
		be_alone();
		mutex_unlock(&mutex);
	} else {
		HOST_EXPECT(signal_pending(current));
		interrupted_count++;
	}
	scenario_done();
}

static void
signal_waiter(void *unused)
{
	(void)unused;
	host_gate();
	signal_wake_up(waiter);
	host_stop();
}

/* A sleeper that is interrupted, another behind it, and the owner's unlock. */
static void
boot_signal(void)
{
	boot_owner(hold_before_gate, sleep_at_gate);
	waiter = scenario_task(1, lock_interruptibly, NULL);
	scenario_name_task(waiter, "waiter");
	scenario_name_task(scenario_task(1, lock_at_once, NULL), "second");
	scenario_task(2, signal_waiter, NULL);
	name_all(3);
}

static void
check_four(void)
{
	check_free(4);
	hits += interrupted_count;
}

static const struct explore_scenario signalled = {
	"a signal against an unlock", 3, boot_signal, check_four, NULL, 0, NULL
};

/*
 * P32: a signal against an unlock: the sleeper either gets the mutex or -EINTR, and in both cases
 * the next one gets it, so the unlock's wakeup is neither lost nor used twice.
 */
START_TEST(test_mutex_interrupted_waiter_loses_no_wakeup)
{
	hits = 0;
	scenario_must_hold_within(&signalled, 1, LIMIT);
	scenario_must_survive(&signalled, 10000);
	printf("    interrupted in %u runs\n", hits);
	ck_assert(hits != 0 || !scenario_was_exhausted());
	scenario_must_catch_within(&signalled, 2, "mutex-signal-first", "done_count == wanted",
	                           LIMIT);
}
END_TEST

static void
signal_and_sleep(void *unused)
{
	(void)unused;
	host_gate();
	signal_wake_up(waiter);
	scenario_done();
	scenario_sleep();
}

static void
lock_interruptibly_and_stop(void *unused)
{
	host_gate();
	lock_interruptibly(unused);
	host_stop();
}

/* The only waiter is on its way when the signal comes, and the owner unlocks after it. */
static void
boot_signal_early(void)
{
	boot_owner(hold_before_gate, signal_and_sleep);
	waiter = scenario_task(1, lock_interruptibly_and_stop, NULL);
	scenario_name_task(waiter, "waiter");
	name_all(2);
}

static void
check_early(void)
{
	check_free(3);
	hits += interrupted_count;
}

static const struct explore_scenario signalled_early = {
	"a signal against going to sleep", 2, boot_signal_early, check_early, NULL, 0, NULL
};

/* P32: a signal that comes while the waiter goes to sleep is not slept through. */
START_TEST(test_mutex_signal_on_the_way_to_sleep_interrupts)
{
	hits = 0;
	scenario_must_hold_within(&signalled_early, 2, LIMIT);
	scenario_must_survive(&signalled_early, 5000);
	printf("    interrupted in %u runs\n", hits);
	ck_assert(hits != 0 || !scenario_was_exhausted());
}
END_TEST

/* ---- what is not contended, and misuse ---- */

static void (*use)(void);

static void
use_at_gate(void *unused)
{
	(void)unused;
	host_gate();
	use();
	scenario_done();
}

static void
boot_use(void)
{
	scenario_name_task(scenario_task(0, use_at_gate, NULL), "user");
	name_all(1);
}

static const struct explore_scenario used = { "alone", 1, boot_use, check_one, NULL, 0, NULL };

static void
use_all(void)
{
	static HOST_STATE struct mutex other;

	mutex_init(&other);
	HOST_EXPECT(!mutex_is_locked(&mutex));
	HOST_EXPECT(mutex_trylock(&mutex));
	HOST_EXPECT(mutex_is_locked(&mutex));
	HOST_EXPECT(!mutex_trylock(&mutex));
	HOST_EXPECT(mutex_lock_interruptible(&other) == 0);
	mutex_unlock(&mutex); /* not in the order of a stack */
	HOST_EXPECT(!mutex_is_locked(&mutex));
	mutex_unlock(&other);
	preempt_disable();
	HOST_EXPECT(mutex_trylock(&mutex));
	mutex_unlock(&mutex);
	preempt_enable();
	signal_wake_up(current);
	HOST_EXPECT(mutex_lock_interruptible(&mutex) == 0); /* free: nothing to interrupt */
	mutex_unlock(&mutex);
}

static void
use_unlocked(void)
{
	mutex_unlock(&mutex);
}

/* What guest.elf says, which has no lockdep. */
static void
use_unlocked_unwatched(void)
{
	lockdep_stop();
	use_unlocked();
}

static void
use_twice(void)
{
	mutex_lock(&mutex);
	mutex_lock(&mutex);
}

static void
use_twice_unwatched(void)
{
	lockdep_stop();
	use_twice();
}

static void
use_and_end(void)
{
	mutex_lock(&mutex);
}

/* Each function's result where nobody interferes; and what is said of misuse. */
START_TEST(test_mutex_alone_and_misused)
{
	use = use_all;
	scenario_must_hold(&used, LIMIT);
	use = use_unlocked;
	scenario_must_fail(&used, "a lock is released, and not held", LIMIT);
	use = use_unlocked_unwatched;
	scenario_must_fail(&used, "mutex mutex: unlocked by task user", LIMIT);
	use = use_twice;
	scenario_must_fail(&used, "possible deadlock: mutex is taken under itself", LIMIT);
	use = use_twice_unwatched;
	scenario_must_fail(&used, "mutex mutex: locked twice by task user", LIMIT);
	use = use_and_end;
	scenario_must_fail(&used, "mutex is held by a task that ends", LIMIT);
}
END_TEST

static void
unlock_others(void *unused)
{
	(void)unused;
	host_gate();
	lockdep_stop(); /* it knows of no owners */
	mutex_unlock(&mutex);
}

static void
boot_others(void)
{
	boot_owner(hold_before_gate, unlock_others);
	name_all(1);
}

/* A mutex that another task owns is not unlocked: both are named. */
START_TEST(test_mutex_of_another_is_not_unlocked)
{
	scenario_must_fail(&(struct explore_scenario){ "unlocked by another", 1, boot_others,
	                                               check_two, NULL, 0, NULL },
	                   "mutex mutex: unlocked by task instead", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("mutex");
	TCase *tests = tcase_create("mutex");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_mutex_of_two_that_run_excludes);
	tcase_add_test(tests, test_mutex_of_three_that_run_excludes);
	tcase_add_test(tests, test_mutex_owner_switched_out_wakes_its_waiter);
	tcase_add_test(tests, test_mutex_state_needs_no_barrier);
	tcase_add_test(tests, test_mutex_spinner_sleeps_when_the_owner_does_not_run);
	tcase_add_test(tests, test_mutex_spinner_sleeps_when_the_owner_leaves);
	tcase_add_test(tests, test_mutex_spinner_gives_way_to_a_request);
	tcase_add_test(tests, test_mutex_spinner_leaves_the_queue_for_a_request);
	tcase_add_test(tests, test_mutex_spinner_survives_the_end_of_the_owner);
	tcase_add_test(tests, test_mutex_stolen_once_is_handed_over);
	tcase_add_test(tests, test_mutex_interrupted_waiter_loses_no_wakeup);
	tcase_add_test(tests, test_mutex_signal_on_the_way_to_sleep_interrupts);
	tcase_add_test(tests, test_mutex_alone_and_misused);
	tcase_add_test(tests, test_mutex_of_another_is_not_unlocked);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
