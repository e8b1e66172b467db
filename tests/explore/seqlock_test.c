// SPDX-License-Identifier: ISC
/*
 * Sequence counts and locks: a reader accepts what one writer wrote, whole. The order of its four
 * barriers is sharing_lock_test.c's: this machine gives it to everybody.
 */
#include "guest/seqlock.h"

#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

static HOST_STATE struct seqlock lock;
static HOST_STATE struct atomic left;
static HOST_STATE struct atomic right;
static HOST_STATE unsigned int writes;  /* guarded by the lock */
static HOST_STATE unsigned int retries; /* of all readers */

static void
write_pair(void)
{
	writes++;
	atomic_store(&left, writes);
	atomic_store(&right, writes);
}

/* Bounded: a turn more for each write. */
static unsigned int
read_pair(void)
{
	unsigned int a;
	unsigned int b;
	uint32_t sequence = read_seqbegin(&lock);

	for (;;) { /* bounded: a turn more for each write meanwhile */
		a = atomic_load(&left);
		b = atomic_load(&right);
		if (!read_seqretry(&lock, sequence)) {
			break;
		}
		retries++;
		sequence = read_seqbegin(&lock);
	}
	if (a != b) {
		host_fail("a reader accepts a torn pair: %u, %u", a, b);
	}
	return a;
}

static void
write_once(void *arg)
{
	(void)arg;
	host_gate();
	write_seqlock(&lock);
	write_pair();
	write_sequnlock(&lock);
	host_stop();
}

static void
write_twice(void *arg)
{
	(void)arg;
	host_gate();
	for (unsigned int n = 0; n < 2; n++) {
		write_seqlock(&lock);
		write_pair();
		write_sequnlock(&lock);
	}
	host_stop();
}

static void
read_twice(void *arg)
{
	unsigned int first;

	(void)arg;
	host_gate();
	first = read_pair();
	HOST_EXPECT(read_pair() >= first); /* time does not go back */
	host_stop();
}

/* No retry: writers wait. */
static void
read_excl(void *arg)
{
	(void)arg;
	host_gate();
	read_seqlock_excl(&lock);
	HOST_EXPECT(atomic_load(&left) == writes);
	HOST_EXPECT(atomic_load(&right) == writes);
	read_sequnlock_excl(&lock);
	host_stop();
}

static void
name_lock(void)
{
	explore_name(&lock.seqcount.sequence, "lock.sequence");
	explore_name(&lock.lock.raw.next, "lock.next");
	explore_name(&lock.lock.raw.owner, "lock.owner");
	explore_name(&left, "left");
	explore_name(&right, "right");
}

static void
check_written(void)
{
	HOST_EXPECT(host_all_halted());
	HOST_EXPECT(!spin_is_locked(&lock.lock));
	HOST_EXPECT(atomic_load(&lock.seqcount.sequence) == 2 * writes);
	HOST_EXPECT(atomic_load(&left) == writes);
	HOST_EXPECT(atomic_load(&right) == writes);
}

static void
boot_writer_reader(void)
{
	name_lock();
	scenario_task(0, write_twice, NULL);
	scenario_task(1, read_twice, NULL);
}

static void
boot_writers(void)
{
	name_lock();
	scenario_task(0, write_once, NULL);
	scenario_task(1, write_once, NULL);
}

static void
boot_writers_reader(void)
{
	boot_writers();
	scenario_task(2, read_twice, NULL);
}

static void
boot_excl(void)
{
	name_lock();
	scenario_task(0, write_once, NULL);
	scenario_task(1, read_excl, NULL);
}

static struct explore_scenario
scenario_of(const char *name, unsigned int cpus, void (*boot)(void))
{
	return (struct explore_scenario){
		.name = name, .cpus = cpus, .boot = boot, .check = check_written
	};
}

/*
 * A reader accepts no pair of which a writer has stored one half, whatever the store buffers do,
 * and none older than it has read; writers exclude each other, and readers that take the lock.
 */
START_TEST(test_seqlock_no_torn_pair_is_accepted)
{
	struct explore_scenario one = scenario_of("a writer, a reader", 2, boot_writer_reader);
	struct explore_scenario two = scenario_of("two writers", 2, boot_writers);
	struct explore_scenario excl = scenario_of("a writer, a reader excl", 2, boot_excl);

	scenario_must_hold(&one, LIMIT);
	scenario_must_hold(&two, LIMIT);
	scenario_must_hold(&excl, LIMIT);
	scenario_must_catch(&one, "seq-counted-once", "torn", LIMIT);
	scenario_must_catch(&one, "seq-odd-accepted", "torn", LIMIT);
}
END_TEST

/* The same of three. */
START_TEST(test_seqlock_no_torn_pair_among_three)
{
	struct explore_scenario scenario =
		scenario_of("two writers, a reader", 3, boot_writers_reader);

	scenario_must_hold(&scenario, LIMIT);
}
END_TEST

/* Mutant: on a machine whose stores overtake each other no barrier of the kernel helps. */
START_TEST(test_seqlock_unordered_stores_are_noticed)
{
	static struct explore_report report;
	struct explore_scenario scenario =
		scenario_of("stores out of order", 2, boot_writer_reader);

	scenario.broken = HOST_BROKEN_FIFO;
	explore_bounded(&scenario, 3, LIMIT, &report); /* the reduction takes FIFO for granted */
	ck_assert(report.failed);
}
END_TEST

/* ---- interrupts ---- */

static HOST_STATE struct timer timer;
static HOST_STATE bool interrupted;

static void
read_in_interrupt(struct timer *self)
{
	(void)self;
	read_pair();
	interrupted = true;
}

static void
start_interrupt(void)
{
	timer_init(&timer, read_in_interrupt);
	host_gate();
	timer_start(&timer, arch_clock_ns() + 100);
	host_clock_advance(100);
}

static void
write_irq(void *arg)
{
	unsigned long flags;

	(void)arg;
	start_interrupt();
	write_seqlock_irq(&lock);
	write_pair();
	write_sequnlock_irq(&lock);
	flags = write_seqlock_irqsave(&lock);
	write_pair();
	write_sequnlock_irqrestore(&lock, flags);
	scenario_take_interrupts();
	host_stop();
}

static void
write_irqs_on(void *arg)
{
	(void)arg;
	start_interrupt();
	write_seqlock(&lock);
	write_pair();
	write_sequnlock(&lock);
	scenario_take_interrupts();
	host_stop();
}

static void
boot_write_irq(void)
{
	name_lock();
	scenario_task(0, write_irq, NULL);
}

static void
boot_write_irqs_on(void)
{
	name_lock();
	scenario_task(0, write_irqs_on, NULL);
}

static void
check_interrupted(void)
{
	check_written();
	HOST_EXPECT(interrupted);
}

/*
 * An interrupt that reads is kept out of a write on its cpu by the _irq forms; by the plain one it
 * is not, and waits for the writer that it stands on.
 */
START_TEST(test_seqlock_interrupt_reader_needs_the_irq_form)
{
	scenario_must_hold(&(struct explore_scenario){ "an interrupt and write_seqlock_irq", 1,
	                                               boot_write_irq, check_interrupted, NULL, 0,
	                                               NULL },
	                   LIMIT);
	scenario_must_fail(&(struct explore_scenario){ "an interrupt and write_seqlock", 1,
	                                               boot_write_irqs_on, check_interrupted, NULL,
	                                               0, NULL },
	                   "host_all_halted()", LIMIT);
}
END_TEST

static void
write_preemptible(void *arg)
{
	(void)arg;
	host_gate();
	write_seqcount_begin(&lock.seqcount);
	write_seqcount_end(&lock.seqcount);
	host_stop();
}

static void
boot_write_preemptible(void)
{
	scenario_task(0, write_preemptible, NULL);
}

/* A writer that could be preempted stops the kernel: readers on its cpu would wait for it. */
START_TEST(test_seqlock_preemptible_writer_is_noticed)
{
	struct explore_scenario scenario =
		scenario_of("a preemptible writer", 1, boot_write_preemptible);

	if (CONFIG_PREEMPT_COUNT) {
		scenario_must_fail(&scenario, "assertion failed: !preemptible()", LIMIT);
	}
}
END_TEST

/* ---- latches ---- */

static HOST_STATE struct seqcount_latch latch;
static HOST_STATE struct atomic copies[2][2]; /* each a pair */
static HOST_STATE bool nmi_came;

static void
write_copy(unsigned int copy, unsigned int value)
{
	write_seqcount_latch(&latch);
	atomic_store(&copies[copy][0], value);
	atomic_store(&copies[copy][1], value);
}

static void
read_latch(void)
{
	unsigned int a;
	unsigned int b;
	uint32_t sequence;

	do { /* bounded: the writer's two switches */
		sequence = read_seqcount_latch(&latch);
		a = atomic_load(&copies[sequence & 1][0]);
		b = atomic_load(&copies[sequence & 1][1]);
	} while (read_seqcount_latch_retry(&latch, sequence));
	if (a != b) {
		host_fail("a reader accepts a torn pair of a latch: %u, %u", a, b);
	}
}

static void
read_in_nmi(void)
{
	read_latch();
	nmi_came = true;
}

static void
write_latch(void *arg)
{
	(void)arg;
	host_gate();
	host_nmi_send(0);
	preempt_disable();
	write_copy(0, 1);
	write_copy(1, 1);
	preempt_enable();
	host_stop();
}

static void
read_latch_twice(void *arg)
{
	(void)arg;
	host_gate();
	read_latch();
	read_latch();
	host_stop();
}

static void
boot_latch(void)
{
	host_nmi_handler = read_in_nmi;
	scenario_task(0, write_latch, NULL);
	scenario_task(1, read_latch_twice, NULL);
}

static void
check_latch(void)
{
	HOST_EXPECT(host_all_halted());
	HOST_EXPECT(nmi_came);
}

/* An NMI on the writer and a reader elsewhere get a whole pair, and neither waits. */
START_TEST(test_seqlock_latch_readers_never_wait)
{
	struct explore_scenario scenario = {
		"a latch, an NMI and a reader", 2, boot_latch, check_latch, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "latch-stuck", "torn", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("seqlock");
	TCase *tests = tcase_create("seqlock");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_seqlock_no_torn_pair_is_accepted);
	tcase_add_test(tests, test_seqlock_no_torn_pair_among_three);
	tcase_add_test(tests, test_seqlock_unordered_stores_are_noticed);
	tcase_add_test(tests, test_seqlock_interrupt_reader_needs_the_irq_form);
	tcase_add_test(tests, test_seqlock_preemptible_writer_is_noticed);
	tcase_add_test(tests, test_seqlock_latch_readers_never_wait);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
