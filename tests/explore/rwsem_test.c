// SPDX-License-Identifier: ISC
/*
 * Reader-writer semaphores on small machines: readers share, writers exclude, nobody passes the
 * queue; a downgrade, and a signal.
 */
#include "guest/rwsem.h"

#include <stdio.h>

#include "guest/errno.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

static HOST_STATE DECLARE_RWSEM(rwsem);
static HOST_STATE struct atomic readers;
static HOST_STATE struct atomic writers;
static HOST_STATE struct atomic readers_done;
static HOST_STATE unsigned int interrupted_count;
static HOST_STATE struct task *waiter;

/* In how many runs so far: not of the machine's state. */
static unsigned int hits;

static void
name_all(unsigned int cpus)
{
	explore_name(&rwsem.count, "rwsem.count");
	explore_name(&rwsem.wait_lock.next, "rwsem.wait_lock.next");
	explore_name(&rwsem.wait_lock.owner, "rwsem.wait_lock.owner");
	scenario_name_cpus(cpus);
}

static void
check_free(unsigned int done)
{
	scenario_check_at_rest(done);
	HOST_EXPECT(atomic_load(&rwsem.count) == 0);
	HOST_EXPECT(list_empty(&rwsem.waiters));
	HOST_EXPECT(atomic_load(&readers) == 0 && atomic_load(&writers) == 0);
}

/* ---- what readers and writers do inside ---- */

static void
read_inside(void)
{
	atomic_fetch_add(&readers, 1);
	HOST_EXPECT(rwsem_is_locked(&rwsem));
	HOST_EXPECT(atomic_load(&writers) == 0);
	atomic_fetch_sub(&readers, 1);
}

static void
write_inside(void)
{
	HOST_EXPECT(atomic_fetch_add(&writers, 1) == 0);
	HOST_EXPECT(atomic_load(&readers) == 0);
	atomic_fetch_sub(&writers, 1);
}

static void
read_once(void)
{
	down_read(&rwsem);
	read_inside();
	up_read(&rwsem);
	scenario_done();
}

static void
write_once(void)
{
	down_write(&rwsem);
	write_inside();
	up_write(&rwsem);
	scenario_done();
}

static void
read_and_stop(void *unused)
{
	(void)unused;
	host_gate();
	read_once();
	host_stop();
}

static void
write_and_stop(void *unused)
{
	(void)unused;
	host_gate();
	write_once();
	host_stop();
}

/* ---- two of a kind, and of two ---- */

static void (*bodies[2])(void *);

static void
boot_two(void)
{
	for (unsigned int cpu = 0; cpu < 2; cpu++) {
		scenario_name_task(scenario_task(cpu, bodies[cpu], NULL), cpu ? "b" : "a");
	}
	name_all(2);
}

static void
check_two(void)
{
	check_free(2);
}

static struct explore_scenario two = { NULL, 2, boot_two, check_two, NULL, 0, NULL };

/* P32: writers exclude each other and readers, whoever comes first, and no wakeup is lost. */
START_TEST(test_rwsem_writers_exclude)
{
	bodies[0] = write_and_stop;
	bodies[1] = write_and_stop;
	two.name = "two writers";
	scenario_must_hold(&two, LIMIT);
	scenario_must_catch(&two, "rwsem-state-late", "done_count == wanted", LIMIT);
	scenario_must_catch(&two, "rwsem-no-last-look", "done_count == wanted", LIMIT);
	two.name = "two writers, no barrier in xchg";
	two.broken = HOST_BROKEN_XCHG;
	scenario_must_hold(&two, LIMIT);
	two.broken = 0;
	bodies[1] = read_and_stop;
	two.name = "a writer and a reader";
	scenario_must_hold(&two, LIMIT);
}
END_TEST

static void
read_together(void *unused)
{
	(void)unused;
	host_gate();
	down_read(&rwsem);
	atomic_fetch_add(&readers_done, 1);
	while (atomic_load(&readers_done) != 2) { /* bounded: the other is here too */
		arch_cpu_relax();
	}
	up_read(&rwsem);
	scenario_done();
	host_stop();
}

/* Readers share: each waits inside for the other. */
START_TEST(test_rwsem_readers_share)
{
	bodies[0] = read_together;
	bodies[1] = read_together;
	two.name = "two readers";
	scenario_must_hold(&two, LIMIT);
}
END_TEST

/* ---- the queue ---- */

static HOST_STATE bool shared;
static HOST_STATE unsigned int order_count;
static HOST_STATE char order[8];

static void
queue_reader(void *name)
{
	down_read(&rwsem);
	order[order_count++] = (char)(uintptr_t)name;
	shared |= atomic_load(&rwsem.count) / RWSEM_READER == 2;
	up_read(&rwsem);
	scenario_done();
}

static void
queue_writer(void *name)
{
	down_write(&rwsem);
	order[order_count++] = (char)(uintptr_t)name;
	write_inside();
	up_write(&rwsem);
	scenario_done();
}

/* All others sleep in the queue then. */
static void
write_before_gate(void *unused)
{
	(void)unused;
	down_write(&rwsem);
	host_gate();
	write_inside();
	up_write(&rwsem);
	scenario_done();
	host_stop();
}

/* In the order in which they come: reader, writer, reader. */
static void
boot_queue(void)
{
	scenario_name_task(scenario_task(0, write_before_gate, NULL), "holder");
	scenario_task(1, queue_reader, (void *)(uintptr_t)'r');
	scenario_task(1, queue_writer, (void *)(uintptr_t)'w');
	scenario_task(1, queue_reader, (void *)(uintptr_t)'s');
	name_all(2);
}

static void
check_queue(void)
{
	check_free(4);
	HOST_EXPECT(shared);
	HOST_EXPECT(order[2] == 'w');
}

static const struct explore_scenario queue = {
	"reader, writer, reader in the queue", 2, boot_queue, check_queue, NULL, 0, NULL
};

/* A reader at the head of the queue takes all readers along; the writer between them is next. */
START_TEST(test_rwsem_readers_are_woken_together)
{
	scenario_must_hold_within(&queue, 2, LIMIT);
	scenario_must_survive(&queue, 5000);
	scenario_must_catch(&queue, "rwsem-grants-one", "expected: shared", LIMIT);
}
END_TEST

/* ---- a writer that waits ---- */

static HOST_STATE struct atomic written;

static void
write_and_tell(void *unused)
{
	(void)unused;
	down_write(&rwsem);
	write_inside();
	atomic_store(&written, 1);
	up_write(&rwsem);
	scenario_done();
}

static void
read_before_gate(void *unused)
{
	(void)unused;
	down_read(&rwsem);
	host_gate();
	up_read(&rwsem);
	scenario_done();
	host_stop();
}

/* A reader that comes while the writer waits comes in after it. */
static void
read_after_writer(void *unused)
{
	(void)unused;
	host_gate();
	if (down_read_trylock(&rwsem)) {
		HOST_EXPECT(atomic_load(&written));
		up_read(&rwsem);
	} else {
		hits++;
	}
	down_read(&rwsem);
	HOST_EXPECT(atomic_load(&written));
	up_read(&rwsem);
	scenario_done();
	host_stop();
}

static void
boot_pass(void)
{
	scenario_name_task(scenario_task(0, read_before_gate, NULL), "holder");
	scenario_name_task(scenario_task(1, write_and_tell, NULL), "writer");
	scenario_name_task(scenario_task(2, read_after_writer, NULL), "reader");
	name_all(3);
}

static void
check_three(void)
{
	check_free(3);
}

static struct explore_scenario pass = {
	"a new reader and a writer that waits", 3, boot_pass, check_three, NULL, 0, NULL
};

/* No starvation: a writer that waits keeps new readers out, with down and trylock alike. */
START_TEST(test_rwsem_waiting_writer_is_not_passed)
{
	hits = 0;
	scenario_must_hold_within(&pass, 2, LIMIT);
	scenario_must_survive(&pass, 5000);
	printf("    refused in %u runs\n", hits);
	ck_assert(hits != 0 || !scenario_was_exhausted());
	pass.bug = "rwsem-readers-pass";
	scenario_must_fail_within(&pass, "atomic_load(&written)", 2, LIMIT);
	pass.bug = NULL;
}
END_TEST

/* ---- downgrade ---- */

static void
downgrade_and_wait(void *unused)
{
	(void)unused;
	down_write(&rwsem);
	host_gate();
	write_inside();
	HOST_EXPECT(lock_is_held_write(&rwsem.dep_map));
	downgrade_write(&rwsem);
	HOST_EXPECT(lock_is_held(&rwsem.dep_map));
	HOST_EXPECT(!CONFIG_LOCKDEP || !lock_is_held_write(&rwsem.dep_map));
	while (!atomic_load(&readers_done)) { /* bounded: the reader comes in */
		arch_cpu_relax();
	}
	read_inside();
	HOST_EXPECT(!down_write_trylock(&rwsem));
	up_read(&rwsem);
	scenario_done();
	host_stop();
}

static void
read_and_tell(void *unused)
{
	(void)unused;
	host_gate();
	down_read(&rwsem);
	atomic_store(&readers_done, 1);
	read_inside();
	up_read(&rwsem);
	scenario_done();
	host_stop();
}

static void
boot_downgrade(void)
{
	scenario_name_task(scenario_task(0, downgrade_and_wait, NULL), "writer");
	scenario_name_task(scenario_task(1, read_and_tell, NULL), "reader");
	name_all(2);
}

static const struct explore_scenario downgrade = {
	"a writer becomes a reader", 2, boot_downgrade, check_two, NULL, 0, NULL
};

/* P32: a downgrade lets in the reader that waits, or is about to, while the writer reads on. */
START_TEST(test_rwsem_downgrade_lets_readers_in)
{
	scenario_must_hold(&downgrade, LIMIT);
	scenario_must_catch(&downgrade, "rwsem-downgrades-silently", "host_all_halted()", LIMIT);
}
END_TEST

/* ---- signals ---- */

static void
note_interrupted(int error)
{
	HOST_EXPECT(error == 0 || error == -EINTR);
	HOST_EXPECT(atomic_load(&current->state) == TASK_RUNNING);
	if (error != 0) {
		HOST_EXPECT(signal_pending(current));
		HOST_EXPECT(!lock_is_held(&rwsem.dep_map));
		interrupted_count++;
	}
	scenario_done();
}

static void
write_interruptibly(void *unused)
{
	int error = down_write_interruptible(&rwsem);

	(void)unused;
	if (error == 0) {
		write_inside();
		up_write(&rwsem);
	}
	note_interrupted(error);
}

static void
read_interruptibly(void *unused)
{
	int error = down_read_interruptible(&rwsem);

	(void)unused;
	if (error == 0) {
		read_inside();
		up_read(&rwsem);
	}
	note_interrupted(error);
}

static void
signal_waiter(void *unused)
{
	(void)unused;
	host_gate();
	signal_wake_up(waiter);
	host_stop();
}

static void (*interruptible_body)(void *);

static void
boot_signal(void)
{
	scenario_name_task(scenario_task(0, write_before_gate, NULL), "holder");
	waiter = scenario_task(1, interruptible_body, NULL);
	scenario_name_task(waiter, "waiter");
	scenario_task(2, signal_waiter, NULL);
	name_all(3);
}

static void
check_signal(void)
{
	check_free(2);
	hits += interrupted_count;
}

static struct explore_scenario signalled = { NULL, 3, boot_signal, check_signal, NULL, 0, NULL };

/* P32: a signal against an unlock: the waiter has the lock, or -EINTR and leaves it free. */
START_TEST(test_rwsem_interrupted_waiter_loses_nothing)
{
	hits = 0;
	interruptible_body = write_interruptibly;
	signalled.name = "a signal against up_write(), a writer";
	scenario_must_hold(&signalled, LIMIT);
	ck_assert(hits != 0 || !scenario_was_exhausted());
	scenario_must_catch(&signalled, "rwsem-signal-first", "atomic_load(&rwsem.count) == 0",
	                    LIMIT);
	hits = 0;
	interruptible_body = read_interruptibly;
	signalled.name = "a signal against up_write(), a reader";
	scenario_must_hold(&signalled, LIMIT);
	ck_assert(hits != 0 || !scenario_was_exhausted());
}
END_TEST

/* Reads until the reader behind the writer has come in, which the writer's signal makes happen. */
static void
read_until_joined(void *unused)
{
	(void)unused;
	down_read(&rwsem);
	host_gate();
	signal_wake_up(waiter);
	while (!atomic_load(&readers_done)) { /* bounded: the writer leaves */
		arch_cpu_relax();
	}
	up_read(&rwsem);
	scenario_done();
	host_stop();
}

static void
join(void *unused)
{
	(void)unused;
	down_read(&rwsem);
	atomic_store(&readers_done, 1);
	up_read(&rwsem);
	scenario_done();
}

static void
boot_leave(void)
{
	scenario_name_task(scenario_task(0, read_until_joined, NULL), "holder");
	waiter = scenario_task(1, write_interruptibly, NULL);
	scenario_name_task(waiter, "writer");
	scenario_name_task(scenario_task(1, join, NULL), "reader");
	name_all(2);
}

static const struct explore_scenario leave = {
	"a writer leaves the queue", 2, boot_leave, check_three, NULL, 0, NULL
};

/* P32: readers that waited for a writer alone come in when a signal has taken it from the queue. */
START_TEST(test_rwsem_writer_that_leaves_lets_readers_in)
{
	scenario_must_hold(&leave, LIMIT);
	scenario_must_catch(&leave, "rwsem-leaves-silently", "host_all_halted()", LIMIT);
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

static void
check_one(void)
{
	check_free(1);
}

static const struct explore_scenario used = { "alone", 1, boot_use, check_one, NULL, 0, NULL };

static void
use_all(void)
{
	HOST_EXPECT(!rwsem_is_locked(&rwsem));
	HOST_EXPECT(down_read_trylock(&rwsem));
	HOST_EXPECT(down_read_trylock(&rwsem));
	HOST_EXPECT(!down_write_trylock(&rwsem));
	up_read(&rwsem);
	HOST_EXPECT(!down_write_trylock(&rwsem));
	up_read(&rwsem);
	HOST_EXPECT(down_write_trylock(&rwsem));
	HOST_EXPECT(!down_write_trylock(&rwsem));
	HOST_EXPECT(!down_read_trylock(&rwsem));
	downgrade_write(&rwsem);
	HOST_EXPECT(down_read_trylock(&rwsem));
	up_read(&rwsem);
	up_read(&rwsem);
	signal_wake_up(current);
	HOST_EXPECT(down_read_interruptible(&rwsem) == 0); /* free: nothing to interrupt */
	up_read(&rwsem);
	HOST_EXPECT(down_write_interruptible(&rwsem) == 0);
	up_write(&rwsem);
	init_rwsem(&rwsem);
}

static void
use_unread(void)
{
	up_read(&rwsem);
}

/* What guest.elf says, which has no lockdep. */
static void
use_unread_unwatched(void)
{
	lockdep_stop();
	use_unread();
}

static void
use_unwritten(void)
{
	up_write(&rwsem);
}

static void
use_downgraded(void)
{
	down_read(&rwsem);
	downgrade_write(&rwsem);
}

/* Each function's result where nobody interferes; and what is said of misuse. */
START_TEST(test_rwsem_alone_and_misused)
{
	use = use_all;
	scenario_must_hold(&used, LIMIT);
	use = use_unread;
	scenario_must_fail(&used, "a lock is released, and not held", LIMIT);
	use = use_unread_unwatched;
	scenario_must_fail(&used, "rwsem rwsem: unlocked by task user, pid 1, and no reader",
	                   LIMIT);
	use = use_unwritten;
	scenario_must_fail(&used, "rwsem rwsem: unlocked by task user, pid 1, and written by",
	                   LIMIT);
	use = use_downgraded;
	scenario_must_fail(&used, "rwsem rwsem: unlocked by task user, pid 1, and written by",
	                   LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rwsem");
	TCase *tests = tcase_create("rwsem");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_rwsem_writers_exclude);
	tcase_add_test(tests, test_rwsem_readers_share);
	tcase_add_test(tests, test_rwsem_readers_are_woken_together);
	tcase_add_test(tests, test_rwsem_waiting_writer_is_not_passed);
	tcase_add_test(tests, test_rwsem_downgrade_lets_readers_in);
	tcase_add_test(tests, test_rwsem_interrupted_waiter_loses_nothing);
	tcase_add_test(tests, test_rwsem_writer_that_leaves_lets_readers_in);
	tcase_add_test(tests, test_rwsem_alone_and_misused);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
