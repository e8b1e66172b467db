// SPDX-License-Identifier: ISC
/*
 * What locks of readers and writers and sequences order, as the kernel asked for it: x86 keeps
 * loads and stores in order by itself, so on it these mistakes do no harm, and only reports of data
 * races tell them. Only where the kernel is compiled for it: race.h.
 */
#include "guest/rwlock.h"
#include "guest/seqlock.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

/* ---- two cpus, two bodies ---- */

static void (*bodies[2])(void);

static void
body(void *arg)
{
	scenario_gate();
	bodies[(uintptr_t)arg]();
	host_stop();
}

static void
boot(void)
{
	for (uintptr_t cpu = 0; cpu < 2; cpu++) {
		scenario_task((unsigned int)cpu, body, (void *)cpu);
	}
}

static struct explore_scenario
both(const char *name, void (*first)(void), void (*second)(void))
{
	bodies[0] = first;
	bodies[1] = second;
	return (struct explore_scenario){ .name = name, .cpus = 2, .boot = boot };
}

static void
must_be_silent(const char *name, void (*first)(void), void (*second)(void))
{
	struct explore_scenario scenario = both(name, first, second);

	scenario_must_hold(&scenario, LIMIT);
}

/* A bug that only reports tell. */
static void
must_be_reported(const char *name, void (*first)(void), void (*second)(void), const char *bug)
{
	struct explore_scenario scenario = both(name, first, second);

	scenario_must_catch(&scenario, bug, "data race: ", LIMIT);
}

static HOST_STATE unsigned int data; /* plain */

/* ---- readers and writers ---- */

static HOST_STATE struct rwlock rw;

static void
write_locked(void)
{
	write_lock(&rw);
	data++;
	write_unlock(&rw);
}

static void
read_locked(void)
{
	read_lock(&rw);
	HOST_EXPECT(data <= 1);
	read_unlock(&rw);
}

static void
try_locked(void)
{
	if (read_trylock(&rw)) {
		HOST_EXPECT(data <= 1);
		read_unlock(&rw);
	}
	if (write_trylock(&rw)) {
		data++;
		write_unlock(&rw);
	}
}

static void
write_read_locked(void)
{
	read_lock(&rw);
	data++;
	read_unlock(&rw);
}

/*
 * What the lock guards is no race, unless a reader writes it. A reader that waited needs the
 * acquire of its wait; all other ways in and out are full barriers by their locked step, and cannot
 * be had without.
 */
START_TEST(test_sharing_rwlock_orders)
{
	struct explore_scenario writing_reader;

	must_be_silent("a writer, a reader", write_locked, read_locked);
	must_be_silent("two writers", write_locked, write_locked);
	must_be_silent("a writer, tries", write_locked, try_locked);
	must_be_reported("a writer, a reader", write_locked, read_locked, "reader-unordered");
	writing_reader = both("a reader that writes", write_read_locked, read_locked);
	scenario_must_fail(&writing_reader, "data race: ", LIMIT);
}
END_TEST

/* ---- sequences ---- */

static HOST_STATE struct seqcount sequence;
static HOST_STATE struct atomic value;

static void
write_value(void)
{
	preempt_disable();
	write_seqcount_begin(&sequence);
	atomic_store(&value, 1);
	write_seqcount_end(&sequence);
	preempt_enable();
}

/* What was written before the value's writer began, for who has read the value. */
static void
prepare_and_write(void)
{
	data = 1;
	write_value();
}

/* What was written inside, for who accepts the value. */
static void
write_both(void)
{
	preempt_disable();
	write_seqcount_begin(&sequence);
	data = 1;
	write_seqcount_end(&sequence);
	preempt_enable();
}

/* No retry says yes or no here: who begins with the writer's last count knows its data. */
static void
read_after_end(void)
{
	if (read_seqcount_begin(&sequence) == 2) {
		HOST_EXPECT(data == 1);
	}
}

/* Whatever the retry says: it comes after the value. */
static void
read_after_retry(void)
{
	uint32_t begun_with = read_seqcount_begin(&sequence);
	uint32_t seen = atomic_load(&value);
	bool again = read_seqcount_retry(&sequence, begun_with);

	if (seen == 1) {
		HOST_EXPECT(data == 1);
		HOST_EXPECT(again || begun_with == 2);
	}
}

/* The end's release has its partner in the begin's acquire. */
START_TEST(test_sharing_sequence_end_and_begin_order)
{
	must_be_silent("written inside, end and begin", write_both, read_after_end);
	must_be_reported("written inside", write_both, read_after_end, "seq-end-unordered");
	must_be_reported("written inside", write_both, read_after_end, "seq-begin-unordered");
}
END_TEST

/* The begin's barrier for stores has its partner in the retry's for loads. */
START_TEST(test_sharing_sequence_begin_and_retry_order)
{
	must_be_silent("written before, begin and retry", prepare_and_write, read_after_retry);
	must_be_reported("written before", prepare_and_write, read_after_retry,
	                 "seq-write-unordered");
	must_be_reported("written before", prepare_and_write, read_after_retry,
	                 "seq-retry-unordered");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sharing by locks");
	TCase *tests = tcase_create("sharing by locks");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_sharing_rwlock_orders);
	tcase_add_test(tests, test_sharing_sequence_end_and_begin_order);
	tcase_add_test(tests, test_sharing_sequence_begin_and_retry_order);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
