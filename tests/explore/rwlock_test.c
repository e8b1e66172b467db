// SPDX-License-Identifier: ISC
/*
 * The fair lock of readers and writers: who is in together, who waits for whom, and that an
 * interrupt that reads never waits for who waits for it.
 */
#include "guest/rwlock.h"

#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

static HOST_STATE DEFINE_RWLOCK(lock);
static HOST_STATE struct atomic reading;
static HOST_STATE struct atomic writing;
static HOST_STATE struct atomic left;
static HOST_STATE struct atomic right;
static HOST_STATE unsigned int plain; /* guarded by the lock */
static HOST_STATE unsigned int writers_done;
static HOST_STATE struct atomic readers_done;

/* ---- inside ---- */

/* The last store is the one that only the unlock follows. */
static void
write_inside(void)
{
	HOST_EXPECT(atomic_fetch_add(&writing, 1) == 0);
	HOST_EXPECT(atomic_load(&reading) == 0);
	atomic_fetch_sub(&writing, 1);
	plain++;
	atomic_store(&left, plain);
	atomic_store(&right, plain);
}

static void
read_inside(void)
{
	atomic_fetch_add(&reading, 1);
	HOST_EXPECT(atomic_load(&writing) == 0);
	HOST_EXPECT(atomic_load(&left) == plain);
	HOST_EXPECT(atomic_load(&right) == plain);
	atomic_fetch_sub(&reading, 1);
}

/* ---- tasks ---- */

static void
write_once(void *arg)
{
	(void)arg;
	host_gate();
	write_lock(&lock);
	write_inside();
	writers_done++;
	write_unlock(&lock);
	host_stop();
}

static void
read_once(void *arg)
{
	(void)arg;
	host_gate();
	read_lock(&lock);
	read_inside();
	read_unlock(&lock);
	host_stop();
}

static void
try_both(void *arg)
{
	(void)arg;
	host_gate();
	if (read_trylock(&lock)) {
		read_inside();
		read_unlock(&lock);
	}
	if (write_trylock(&lock)) {
		write_inside();
		write_unlock(&lock);
	}
	host_stop();
}

static void
name_lock(void)
{
	explore_name(&lock.state, "lock.state");
	explore_name(&lock.queue.next, "queue.next");
	explore_name(&lock.queue.owner, "queue.owner");
	explore_name(&reading, "reading");
	explore_name(&writing, "writing");
	explore_name(&left, "left");
	explore_name(&right, "right");
}

static void
check_free(void)
{
	HOST_EXPECT(host_all_halted());
	HOST_EXPECT(!rwlock_is_locked(&lock));
	HOST_EXPECT(!rwlock_is_contended(&lock));
	HOST_EXPECT(atomic_load(&right) == plain);
}

/* ---- exclusion ---- */

static void
boot_writer_reader(void)
{
	name_lock();
	scenario_task(0, write_once, NULL);
	scenario_task(1, read_once, NULL);
}

static void
boot_writers(void)
{
	name_lock();
	scenario_task(0, write_once, NULL);
	scenario_task(1, write_once, NULL);
}

static void
boot_writer_readers(void)
{
	boot_writer_reader();
	scenario_task(2, read_once, NULL);
}

static void
boot_writers_reader(void)
{
	boot_writers();
	scenario_task(2, read_once, NULL);
}

static void
boot_writer_tries(void)
{
	name_lock();
	scenario_task(0, write_once, NULL);
	scenario_task(1, try_both, NULL);
}

static void
boot_reader_tries(void)
{
	name_lock();
	scenario_task(0, read_once, NULL);
	scenario_task(1, try_both, NULL);
}

static struct explore_scenario
scenario_of(const char *name, unsigned int cpus, void (*boot)(void))
{
	return (struct explore_scenario){
		.name = name, .cpus = cpus, .boot = boot, .check = check_free
	};
}

static void
must_hold(const char *name, unsigned int cpus, void (*boot)(void))
{
	struct explore_scenario scenario = scenario_of(name, cpus, boot);

	scenario_must_hold(&scenario, LIMIT);
}

/* Writers exclude writers and readers, tries included; what they wrote has arrived. */
START_TEST(test_rwlock_writers_exclude)
{
	must_hold("a writer and a reader", 2, boot_writer_reader);
	must_hold("two writers", 2, boot_writers);
	must_hold("a writer and tries", 2, boot_writer_tries);
	must_hold("a reader and tries", 2, boot_reader_tries);
}
END_TEST

/* The same of three. */
START_TEST(test_rwlock_writers_exclude_among_three)
{
	struct explore_scenario one = scenario_of("a writer, two readers", 3, boot_writer_readers);
	struct explore_scenario two = scenario_of("two writers, a reader", 3, boot_writers_reader);

	scenario_must_hold(&one, LIMIT);
	scenario_must_hold(&two, LIMIT);
}
END_TEST

/* Mutant: steps that are a load and a store lose who is in. */
START_TEST(test_rwlock_on_a_broken_machine_is_noticed)
{
	struct explore_scenario scenario = scenario_of("torn steps", 2, boot_writer_reader);

	scenario.broken = HOST_BROKEN_RMW;
	scenario_must_fail(&scenario, "expected: ", LIMIT);
}
END_TEST

/* ---- sharing ---- */

/* Each goes on when both are in. */
static void
meet_inside(void *arg)
{
	(void)arg;
	host_gate();
	read_lock(&lock);
	atomic_fetch_add(&reading, 1);
	while (atomic_load(&reading) != 2) { /* bounded: the other */
		arch_cpu_relax();
	}
	atomic_fetch_add(&readers_done, 1);
	read_unlock(&lock);
	host_stop();
}

static void
boot_meeting(void)
{
	name_lock();
	scenario_task(0, meet_inside, NULL);
	scenario_task(1, meet_inside, NULL);
}

static void
check_met(void)
{
	check_free();
	HOST_EXPECT(atomic_load(&readers_done) == 2);
}

/* Readers are in together. */
START_TEST(test_rwlock_readers_share)
{
	scenario_must_hold(&(struct explore_scenario){ "two readers meet", 2, boot_meeting,
	                                               check_met, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

/* ---- order ---- */

/* Until a writer waits for the reader of cpu 0, or has had its turn. */
static bool
see_writer_wait(void)
{
	for (;;) { /* bounded: the writer */
		uint32_t state = atomic_load(&lock.state);

		if ((state & RWLOCK_WAITING) || atomic_load(&left) != 0) {
			return state & RWLOCK_WAITING;
		}
		arch_cpu_relax();
	}
}

static void
expect_turn(bool waited)
{
	if (waited && writers_done == 0) {
		host_fail("a task passed the writer that waited before it");
	}
}

static void
read_behind_writer(void *bh)
{
	bool waited;

	host_gate();
	waited = see_writer_wait();
	if (bh != NULL) {
		read_lock_bh(&lock);
	} else {
		read_lock(&lock);
	}
	expect_turn(waited);
	read_inside();
	if (bh != NULL) {
		read_unlock_bh(&lock);
	} else {
		read_unlock(&lock);
	}
	host_stop();
}

static void
write_behind_writer(void *arg)
{
	bool waited;

	(void)arg;
	host_gate();
	waited = see_writer_wait();
	write_lock(&lock);
	expect_turn(waited);
	write_inside();
	write_unlock(&lock);
	host_stop();
}

static void
try_behind_writer(void *arg)
{
	(void)arg;
	host_gate();
	if (see_writer_wait() && read_trylock(&lock)) {
		expect_turn(true);
		read_unlock(&lock);
	}
	host_stop();
}

static void
boot_behind_writer(void (*last)(void *), void *arg)
{
	name_lock();
	scenario_task(0, read_once, NULL);
	scenario_task(1, write_once, NULL);
	scenario_task(2, last, arg);
}

static void
boot_reader_behind(void)
{
	boot_behind_writer(read_behind_writer, NULL);
}

static void
boot_reader_bh_behind(void)
{
	boot_behind_writer(read_behind_writer, "bh");
}

static void
boot_try_behind(void)
{
	boot_behind_writer(try_behind_writer, NULL);
}

static void
boot_writer_behind(void)
{
	boot_behind_writer(write_behind_writer, NULL);
}

/* Tasks that come while a writer waits get in after it: with bottom halves off, or by a try, too.
 */
START_TEST(test_rwlock_waiting_writer_is_not_passed)
{
	struct explore_scenario reader =
		scenario_of("a reader behind a writer", 3, boot_reader_behind);
	struct explore_scenario bh =
		scenario_of("a reader_bh behind a writer", 3, boot_reader_bh_behind);
	struct explore_scenario try = scenario_of("a try behind a writer", 3, boot_try_behind);
	struct explore_scenario writer =
		scenario_of("a writer behind a writer", 3, boot_writer_behind);

	scenario_must_hold(&reader, LIMIT);
	scenario_must_hold(&bh, LIMIT);
	scenario_must_hold(&try, LIMIT);
	scenario_must_hold(&writer, LIMIT);
	scenario_must_catch(&reader, "readers-pass-writer", "passed the writer", LIMIT);
	scenario_must_catch(&try, "readers-pass-writer", "passed the writer", LIMIT);
}
END_TEST

/* ---- interrupts ---- */

static HOST_STATE struct timer timer;
static HOST_STATE struct atomic interrupted;

static void
read_in_interrupt(struct timer *self)
{
	(void)self;
	read_lock(&lock);
	read_inside();
	atomic_store(&interrupted, 1);
	read_unlock(&lock);
}

static void
wait_for_interrupt(void)
{
	while (!atomic_load(&interrupted)) { /* bounded: it is on its way */
		arch_cpu_relax();
	}
}

static void
read_interrupted(void *arg)
{
	(void)arg;
	timer_init(&timer, read_in_interrupt);
	host_gate();
	timer_start(&timer, arch_clock_ns() + 100);
	host_clock_advance(100);
	read_lock(&lock);
	read_inside();
	read_unlock(&lock);
	wait_for_interrupt();
	host_stop();
}

static void
write_irq_interrupted(void *arg)
{
	(void)arg;
	timer_init(&timer, read_in_interrupt);
	host_gate();
	timer_start(&timer, arch_clock_ns() + 100);
	host_clock_advance(100);
	write_lock_irq(&lock);
	write_inside();
	write_unlock_irq(&lock);
	wait_for_interrupt();
	host_stop();
}

/* As whoever writes what interrupts read. */
static void
write_irq_once(void *arg)
{
	(void)arg;
	host_gate();
	write_lock_irq(&lock);
	write_inside();
	write_unlock_irq(&lock);
	host_stop();
}

static void
boot_reader_interrupted(void)
{
	name_lock();
	scenario_task(0, read_interrupted, NULL);
	scenario_task(1, write_irq_once, NULL);
}

static void
boot_writer_interrupted(void)
{
	name_lock();
	scenario_task(0, write_irq_interrupted, NULL);
	scenario_task(1, write_irq_once, NULL);
}

static void
check_interrupted(void)
{
	check_free();
	HOST_EXPECT(atomic_load(&interrupted));
}

/*
 * An interrupt that reads, at any moment of a reader on its cpu and of a writer elsewhere, gets in;
 * of a writer on its cpu, if that has interrupts off.
 */
START_TEST(test_rwlock_interrupt_reader_gets_in)
{
	struct explore_scenario reader = { "an interrupt on a reader",
		                           2,
		                           boot_reader_interrupted,
		                           check_interrupted,
		                           NULL,
		                           0,
		                           NULL };
	struct explore_scenario writer = { "an interrupt on a writer",
		                           2,
		                           boot_writer_interrupted,
		                           check_interrupted,
		                           NULL,
		                           0,
		                           NULL };

	scenario_must_hold(&reader, LIMIT);
	scenario_must_hold(&writer, LIMIT);
	scenario_must_catch(&reader, "irq-reader-queues", "host_all_halted()", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rwlock");
	TCase *tests = tcase_create("rwlock");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_rwlock_writers_exclude);
	tcase_add_test(tests, test_rwlock_writers_exclude_among_three);
	tcase_add_test(tests, test_rwlock_on_a_broken_machine_is_noticed);
	tcase_add_test(tests, test_rwlock_readers_share);
	tcase_add_test(tests, test_rwlock_waiting_writer_is_not_passed);
	tcase_add_test(tests, test_rwlock_interrupt_reader_gets_in);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
