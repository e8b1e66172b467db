// SPDX-License-Identifier: ISC
/*
 * Semaphores on small machines: down() against up(), from a task and from an interrupt, and a
 * signal; every count that is given is taken once.
 */
#include "guest/semaphore.h"

#include <stdio.h>

#include "guest/errno.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

static HOST_STATE struct semaphore semaphore;
static HOST_STATE unsigned int holders;
static HOST_STATE unsigned int interrupted_count;
static HOST_STATE unsigned int refused_count;
static HOST_STATE struct task *waiter;

/* In how many runs so far: not of the machine's state. */
static unsigned int hits;

static void
name_all(unsigned int cpus)
{
	explore_name(&semaphore.lock.next, "semaphore.lock.next");
	explore_name(&semaphore.lock.owner, "semaphore.lock.owner");
	scenario_name_cpus(cpus);
}

static void
check_left(unsigned int done, uint32_t count)
{
	scenario_check_at_rest(done);
	HOST_EXPECT(semaphore.count == count);
	HOST_EXPECT(list_empty(&semaphore.waiters));
}

/* ---- a lock of one ---- */

static void
be_alone(void)
{
	holders++;
	HOST_EXPECT(holders <= 1);
	preempt_count(); /* a point, if somebody should be here too */
	HOST_EXPECT(holders <= 1);
	holders--;
}

static void
down_once(void *unused)
{
	(void)unused;
	host_gate();
	down(&semaphore);
	be_alone();
	up(&semaphore);
	scenario_done();
	host_stop();
}

static void
boot_lock(void)
{
	sema_init(&semaphore, 1);
	scenario_name_task(scenario_task(0, down_once, NULL), "a");
	scenario_name_task(scenario_task(1, down_once, NULL), "b");
	name_all(2);
}

static void
check_lock(void)
{
	check_left(2, 1);
}

static const struct explore_scenario lock = {
	"a semaphore of one", 2, boot_lock, check_lock, NULL, 0, NULL
};

/* P32: two that take one and give it back: one holds it at a time, and no up() is lost. */
START_TEST(test_semaphore_of_one_excludes)
{
	scenario_must_hold(&lock, LIMIT);
	scenario_must_catch(&lock, "semaphore-state-late", "done_count == wanted", LIMIT);
	scenario_must_catch(&lock, "semaphore-counts-given", "semaphore.count == count", LIMIT);
}
END_TEST

/* P32: the lock orders state and look, so that the state's own barrier is not needed. */
START_TEST(test_semaphore_state_needs_no_barrier)
{
	struct explore_scenario scenario = lock;

	scenario.name = "a semaphore of one, no barrier in xchg";
	scenario.broken = HOST_BROKEN_XCHG;
	scenario_must_hold(&scenario, LIMIT);
}
END_TEST

/* ---- it is handed over ---- */

static void
give(void *unused)
{
	(void)unused;
	host_gate();
	up(&semaphore);
	if (down_trylock(&semaphore) == 0) { /* what the waiter has given back, or nothing */
		be_alone();
		up(&semaphore);
		hits++;
	}
	scenario_done();
	host_stop();
}

static void
take_given(void *unused)
{
	(void)unused;
	down(&semaphore);
	be_alone();
	up(&semaphore);
	scenario_done();
}

static void
boot_given(void)
{
	sema_init(&semaphore, 0);
	waiter = scenario_task(1, take_given, NULL);
	scenario_name_task(waiter, "waiter");
	scenario_name_task(scenario_task(0, give, NULL), "giver");
	name_all(2);
}

static const struct explore_scenario given = {
	"a count is given to a sleeper", 2, boot_given, check_lock, NULL, 0, NULL
};

/* What is given to a sleeper is its own: nobody takes it while it wakes up. */
START_TEST(test_semaphore_hands_its_count_over)
{
	hits = 0;
	scenario_must_hold(&given, LIMIT);
	printf("    taken after the sleeper in %u runs\n", hits);
	ck_assert(hits != 0 || !scenario_was_exhausted());
	scenario_must_catch(&given, "semaphore-counts-given", "semaphore.count == count", LIMIT);
}
END_TEST

/* ---- from an interrupt ---- */

static void
give_in_interrupt(struct timer *timer)
{
	(void)timer;
	HOST_EXPECT(in_hardirq());
	refused_count += down_trylock(&semaphore) != 0;
	up(&semaphore);
}

static HOST_STATE struct timer timer;

static void
down_and_end(void *unused)
{
	(void)unused;
	host_gate();
	host_clock_advance(2000); /* the timer's interrupt may come from here on */
	down(&semaphore);
	scenario_done();
}

static void
boot_interrupt(void)
{
	sema_init(&semaphore, 0);
	timer_init(&timer, give_in_interrupt);
	scenario_name_task(scenario_task(0, down_and_end, NULL), "waiter");
	timer_start(&timer, 1000);
	name_all(1);
}

static void
check_interrupt(void)
{
	check_left(1, 0);
	HOST_EXPECT(refused_count == 1);
}

/* P32: up() from an interrupt at each point of the down() that waits for it. */
START_TEST(test_semaphore_up_from_an_interrupt)
{
	const struct explore_scenario scenario = {
		"up() in an interrupt", 1, boot_interrupt, check_interrupt, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "semaphore-state-late", "done_count == wanted", LIMIT);
}
END_TEST

/* ---- signals ---- */

static void
down_interruptibly(void *unused)
{
	int error;

	(void)unused;
	error = down_interruptible(&semaphore);
	HOST_EXPECT(error == 0 || error == -EINTR);
	HOST_EXPECT(atomic_load(&current->state) == TASK_RUNNING);
	if (error == 0) {
		up(&semaphore);
	} else {
		HOST_EXPECT(signal_pending(current));
		interrupted_count++;
	}
	scenario_done();
}

static void
give_one(void *unused)
{
	(void)unused;
	host_gate();
	up(&semaphore);
	host_stop();
}

static void
signal_waiter(void *unused)
{
	(void)unused;
	host_gate();
	signal_wake_up(waiter);
	host_stop();
}

static void
boot_signal(void)
{
	sema_init(&semaphore, 0);
	scenario_task(0, give_one, NULL);
	waiter = scenario_task(1, down_interruptibly, NULL);
	scenario_name_task(waiter, "waiter");
	scenario_task(2, signal_waiter, NULL);
	name_all(3);
}

static void
check_signal(void)
{
	check_left(1, 1);
	hits += interrupted_count;
}

static const struct explore_scenario signalled = {
	"a signal against up()", 3, boot_signal, check_signal, NULL, 0, NULL
};

/* P32: a signal against up(): the waiter has taken it, or leaves it, and never both or neither. */
START_TEST(test_semaphore_interrupted_waiter_loses_no_count)
{
	hits = 0;
	scenario_must_hold(&signalled, LIMIT);
	printf("    interrupted in %u runs\n", hits);
	ck_assert(hits != 0 || !scenario_was_exhausted());
	scenario_must_catch(&signalled, "semaphore-signal-first", "semaphore.count == count",
	                    LIMIT);
}
END_TEST

static void
down_interruptibly_at_gate(void *unused)
{
	host_gate();
	down_interruptibly(unused);
	host_stop();
}

static void
boot_signal_alone(void)
{
	sema_init(&semaphore, 0);
	waiter = scenario_task(0, down_interruptibly_at_gate, NULL);
	scenario_name_task(waiter, "waiter");
	scenario_task(1, signal_waiter, NULL);
	name_all(2);
}

static void
check_signal_alone(void)
{
	check_left(1, 0);
	HOST_EXPECT(interrupted_count == 1);
}

/* P32: a signal at each point of a down() that nobody answers ends it. */
START_TEST(test_semaphore_signal_is_not_slept_through)
{
	scenario_must_hold(&(struct explore_scenario){ "a signal against down()", 2,
	                                               boot_signal_alone, check_signal_alone, NULL,
	                                               0, NULL },
	                   LIMIT);
}
END_TEST

/* ---- counting ---- */

static void
count_alone(void *unused)
{
	(void)unused;
	host_gate();
	down(&semaphore);
	HOST_EXPECT(down_interruptible(&semaphore) == 0);
	HOST_EXPECT(down_trylock(&semaphore) == 1);
	up(&semaphore);
	HOST_EXPECT(down_trylock(&semaphore) == 0);
	for (unsigned int n = 0; n < 3; n++) {
		up(&semaphore);
	}
	signal_wake_up(current);
	HOST_EXPECT(down_interruptible(&semaphore) == 0); /* there is one: nothing to interrupt */
	scenario_done();
}

static void
boot_count(void)
{
	sema_init(&semaphore, 2);
	scenario_task(0, count_alone, NULL);
	name_all(1);
}

static void
check_count(void)
{
	check_left(1, 2);
}

/* What is taken is counted down, what is given up, and up() may give more than was taken. */
START_TEST(test_semaphore_counts)
{
	scenario_must_hold(
		&(struct explore_scenario){ "alone", 1, boot_count, check_count, NULL, 0, NULL },
		LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("semaphore");
	TCase *tests = tcase_create("semaphore");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_semaphore_of_one_excludes);
	tcase_add_test(tests, test_semaphore_state_needs_no_barrier);
	tcase_add_test(tests, test_semaphore_hands_its_count_over);
	tcase_add_test(tests, test_semaphore_up_from_an_interrupt);
	tcase_add_test(tests, test_semaphore_interrupted_waiter_loses_no_count);
	tcase_add_test(tests, test_semaphore_signal_is_not_slept_through);
	tcase_add_test(tests, test_semaphore_counts);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
