// SPDX-License-Identifier: ISC
/*
 * What the kernel shares: data races are reported, and what orders two accesses is neither
 * forgotten nor invented. On x86 most of these races do no harm; the reports are about what the
 * kernel asked for. Only where the kernel is compiled for it: race.h.
 */
#include <string.h>

#include "guest/completion.h"
#include "guest/object.h"
#include "guest/page.h"
#include "guest/percpu.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/spinlock.h"
#include "guest/stack.h"
#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

/* ---- two cpus, two bodies ---- */

static void (*bodies[2])(void);

static void
body(void *arg)
{
	host_gate();
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

/* The report names both functions. */
static void
must_be_reported(const char *name, void (*first)(void), void (*second)(void), const char *one,
                 const char *other)
{
	static struct explore_report report;
	struct explore_scenario scenario = both(name, first, second);

	scenario_must_fail(&scenario, "data race: ", LIMIT);
	explore_all(&scenario, LIMIT, &report);
	ck_assert_msg(strstr(report.reason, one) != NULL, "%s: no '%s' in: %s", name, one,
	              report.reason);
	ck_assert_msg(strstr(report.reason, other) != NULL, "%s: no '%s' in: %s", name, other,
	              report.reason);
}

/* ---- locks ---- */

static HOST_STATE struct raw_spinlock lock;
static HOST_STATE unsigned int counter;

static void
count(void)
{
	counter++;
}

static void
count_locked(void)
{
	raw_spin_lock(&lock);
	counter++;
	raw_spin_unlock(&lock);
}

static void
count_if_free(void)
{
	if (raw_spin_trylock(&lock)) {
		counter++;
		raw_spin_unlock(&lock);
	}
}

/* A counter of two cpus is reported, unless both lock: one that does not is enough. */
START_TEST(test_sharing_unlocked_counter_is_reported)
{
	must_be_reported("a counter", count, count, "cpu 1 reads in count tests/explore/",
	                 "what cpu 0 writes in count tests/explore/");
	must_be_reported("a counter, one locks", count_locked, count, "in count ",
	                 "in count_locked ");
	must_be_silent("a counter, locked", count_locked, count_locked);
	must_be_silent("a counter, trylock", count_locked, count_if_free);
}
END_TEST

/* ---- publication ---- */

static HOST_STATE unsigned int data;
static HOST_STATE struct atomic flag;

static void
publish(void)
{
	data = 1;
	atomic_store_release(&flag, 1);
}

static void
publish_relaxed(void)
{
	data = 1;
	atomic_store(&flag, 1);
}

static void
publish_behind_barrier(void)
{
	data = 1;
	smp_wmb();
	atomic_store(&flag, 1);
}

static void
publish_too_early(void)
{
	atomic_store_release(&flag, 1);
	data = 1;
}

static void
publish_by_xchg(void)
{
	data = 1;
	atomic_xchg(&flag, 1);
}

/* The release is overwritten: who reads 2 knows nothing. */
static void
publish_and_overwrite(void)
{
	data = 1;
	atomic_store_release(&flag, 1);
	atomic_store(&flag, 2);
}

static void
consume(void)
{
	if (atomic_load_acquire(&flag)) {
		HOST_EXPECT(data == 1);
	}
}

static void
consume_last(void)
{
	if (atomic_load_acquire(&flag) == 2) {
		HOST_EXPECT(data == 1);
	}
}

static void
consume_relaxed(void)
{
	if (atomic_load(&flag)) {
		HOST_EXPECT(data == 1);
	}
}

static void
consume_behind_barrier(void)
{
	if (atomic_load(&flag)) {
		smp_rmb();
		HOST_EXPECT(data == 1);
	}
}

static void
consume_behind_full_barrier(void)
{
	if (atomic_load(&flag)) {
		smp_mb();
		HOST_EXPECT(data == 1);
	}
}

static void
consume_whatever(void)
{
	(void)atomic_load_acquire(&flag);
	HOST_EXPECT(data <= 1);
}

/* A release that an acquire reads orders; so do full barriers, and those for stores and loads. */
START_TEST(test_sharing_publication_is_silent)
{
	must_be_silent("release, acquire", publish, consume);
	must_be_silent("wmb, acquire", publish_behind_barrier, consume);
	must_be_silent("xchg, acquire", publish_by_xchg, consume);
	must_be_silent("release, rmb", publish, consume_behind_barrier);
	must_be_silent("release, mb", publish, consume_behind_full_barrier);
}
END_TEST

/* Each of the two sides must ask for the order, though x86 gives it to those that do not. */
START_TEST(test_sharing_relaxed_publication_is_reported)
{
	must_be_reported("relaxed, acquire", publish_relaxed, consume, "writes in publish_relaxed ",
	                 "reads in consume ");
	must_be_reported("release, relaxed", publish, consume_relaxed, "writes in publish ",
	                 "reads in consume_relaxed ");
	must_be_reported("relaxed, rmb", publish_relaxed, consume_behind_barrier,
	                 "writes in publish_relaxed ", "reads in consume_behind_barrier ");
	must_be_reported("release, then data", publish_too_early, consume,
	                 "writes in publish_too_early ", "reads in consume ");
	must_be_reported("release, overwritten", publish_and_overwrite, consume_last,
	                 "writes in publish_and_overwrite ", "reads in consume_last ");
}
END_TEST

/* A release orders nothing before it is read: in some run the load comes first. */
START_TEST(test_sharing_unread_release_is_reported)
{
	must_be_reported("acquire, not looked at", publish, consume_whatever, "writes in publish ",
	                 "reads in consume_whatever ");
}
END_TEST

/* ---- bytes, blocks, atomics ---- */

static HOST_STATE struct {
	uint8_t first;
	uint8_t second;
	char block[24];
} record;

static void
write_first(void)
{
	record.first = 1;
}

static void
write_second(void)
{
	record.second = 2;
}

/* No race is invented between neighbours in one word. */
START_TEST(test_sharing_neighbours_are_silent)
{
	must_be_silent("two bytes of a word", write_first, write_second);
	must_be_reported("one byte", write_first, write_first, "cpu 1 writes in write_first ",
	                 "cpu 0 writes in write_first ");
}
END_TEST

static void
clear_block(void)
{
	memset(record.block, 0, sizeof(record.block));
}

static void
copy_block(void)
{
	char copy[sizeof(record.block)];

	memcpy(copy, record.block, sizeof(copy));
	barrier();
}

static void
write_in_block(void)
{
	record.block[17] = 1;
}

/* Blocks that memset() and memcpy() touch are seen whole. */
START_TEST(test_sharing_blocks_are_reported)
{
	must_be_reported("memset", clear_block, write_in_block, "writes in clear_block ",
	                 "writes in write_in_block ");
	must_be_reported("memcpy", write_in_block, copy_block, "writes in write_in_block ",
	                 "reads in copy_block ");
	must_be_silent("two memcpy", copy_block, copy_block);
}
END_TEST

static void
add_atomically(void)
{
	atomic_fetch_add(&flag, 1);
	(void)atomic_load(&flag);
	atomic_store(&flag, 7);
}

static void
init_flag(void)
{
	flag = (struct atomic)ATOMIC_INIT(0);
}

/* Atomics do not race with each other, but with a plain store that initializes them too late. */
START_TEST(test_sharing_plain_access_to_atomic_is_reported)
{
	must_be_silent("atomics", add_atomically, add_atomically);
	must_be_reported("an atomic, initialized late", add_atomically, init_flag,
	                 "writes in init_flag ", "atomically writes in add_atomically ");
}
END_TEST

/* ---- per-CPU data, interrupts ---- */

static DEFINE_PER_CPU(unsigned int, events);

static void
count_own(void)
{
	this_cpu_add(events, 1);
}

static void
read_all(void)
{
	unsigned int sum = 0;

	for_each_cpu (cpu) {
		sum += per_cpu(events, cpu);
	}
	HOST_EXPECT(sum <= 1);
}

/* Each cpu's own is its own; a look into another's is reported. */
START_TEST(test_sharing_per_cpu_data_of_another_is_reported)
{
	must_be_silent("own per-CPU data", count_own, count_own);
	must_be_reported("another's per-CPU data", count_own, read_all, "writes in count_own ",
	                 "reads in read_all ");
}
END_TEST

static void
count_in_interrupt(unsigned int cpu)
{
	if (cpu == 0) {
		counter++;
	}
}

static void
interrupt_other(void)
{
	arch_irq_disable();
	arch_ipi_send(0, IRQ_RESCHEDULE);
}

static void
count_and_interrupt(void)
{
	counter++;
	interrupt_other();
}

/* An interrupt and the task that it interrupts are one cpu: what they do to each other is explored,
 * not reported. */
START_TEST(test_sharing_with_own_interrupt_is_silent)
{
	host_interrupt_seen = count_in_interrupt;
	must_be_silent("interrupt and task", count, interrupt_other);
}
END_TEST

/* Decision: to have been sent an interrupt orders nothing; Linux asks for a barrier there too. */
START_TEST(test_sharing_interrupt_orders_nothing)
{
	host_interrupt_seen = count_in_interrupt;
	must_be_reported("data before an interrupt", arch_irq_enable, count_and_interrupt,
	                 "reads in count_in_interrupt ", "writes in count_and_interrupt ");
}
END_TEST

/* ---- tasks ---- */

static HOST_STATE struct task *traveller;
static HOST_STATE unsigned int stops[2]; /* of the traveller, on each cpu */
static HOST_STATE unsigned int diary;    /* written on each of them */
static unsigned int migrations;          /* over all runs */

static void
travel(void *arg)
{
	(void)arg;
	host_gate();
	diary++;
	for (;;) { /* bounded: until the wakeup */
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (atomic_load(&flag)) {
			break;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	diary++;
	stops[raw_smp_processor_id()]++;
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
}

static void
occupy(void *arg)
{
	(void)arg;
	host_stop();
}

static void
send_off(void *arg)
{
	(void)arg;
	host_gate();
	atomic_store(&flag, 1);
	wake_up_state(traveller, TASK_NORMAL);
	host_stop();
}

/* Its first cpu is occupied when it wakes, its second idles. */
static void
boot_traveller(void)
{
	traveller = task_run(&(struct task_params){
		.comm = "traveller",
		.fn = travel,
		.cpus_allowed = 0x3,
	});
	HOST_EXPECT(atomic_load(&traveller->cpu) == 0);
	scenario_task(0, occupy, NULL);
	scenario_task(2, send_off, NULL);
}

static void
check_travelled(void)
{
	HOST_EXPECT(diary == 2);
	HOST_EXPECT(stops[0] + stops[1] == 1);
	migrations += stops[1];
}

/* What a task keeps for itself needs no lock, wherever the wakeup takes it. */
START_TEST(test_sharing_migrated_task_with_itself_is_silent)
{
	struct explore_scenario scenario = {
		"a task that migrates", 3, boot_traveller, check_travelled, NULL, 0, NULL
	};

	scenario_must_hold_within(&scenario, 2, LIMIT);
	scenario_must_survive(&scenario, 10000);
	ck_assert_uint_ne(migrations, 0);
}
END_TEST

/* ---- the kernel's own ---- */

static void
use_pages(void)
{
	uint64_t *page = page_alloc();

	*page = 1;
	page_free(page);
}

static void
use_objects(void)
{
	uint64_t *object = object_alloc(sizeof(*object));

	*object = 1;
	object_free(object, sizeof(*object));
}

static void
use_stacks(void)
{
	stack_free(stack_alloc());
}

static void
print(void)
{
	printk("a line\n");
}

/* What every cpu may call at once guards what it shares. */
START_TEST(test_sharing_allocators_and_console_are_silent)
{
	must_be_silent("pages", use_pages, use_pages);
	must_be_silent("objects", use_objects, use_objects);
	must_be_silent("stacks", use_stacks, use_stacks);
	must_be_silent("console", print, print);
}
END_TEST

static void
print_in_nmi(void)
{
	printk("from an NMI\n");
}

static void
send_nmi_and_print(void *arg)
{
	host_gate();
	host_nmi_send(0);
	if (arg != NULL) {
		printk("a line\n");
	}
	host_stop();
}

static void
boot_nmis(void)
{
	scenario_task(1, send_nmi_and_print, "prints");
	scenario_task(2, send_nmi_and_print, NULL);
}

/* The text of two NMIs, which whoever has the console writes while the second adds to it. */
START_TEST(test_sharing_text_of_nmis_is_silent)
{
	struct explore_scenario scenario = { .name = "text of two NMIs",
		                             .cpus = 3,
		                             .boot = boot_nmis };

	host_nmi_handler = print_in_nmi;
	scenario_must_hold(&scenario, LIMIT);
}
END_TEST

static HOST_STATE struct completion completion;

static void
wait_once(void)
{
	wait_for_completion(&completion);
	HOST_EXPECT(data == 1);
}

static void
complete_once(void)
{
	data = 1;
	complete(&completion);
}

static void
boot_completion(void)
{
	init_completion(&completion);
	boot();
}

/* What was done before complete() is seen after wait_for_completion(), which needs no other lock.
 */
START_TEST(test_sharing_completion_orders)
{
	struct explore_scenario scenario = both("completion", wait_once, complete_once);

	scenario.boot = boot_completion;
	scenario_must_hold(&scenario, LIMIT);
}
END_TEST

#define SLICE_TICKS 3 /* of a task of nice 0 */

static HOST_STATE struct timer ticker;

static void
tick(struct timer *timer)
{
	(void)timer;
	for (unsigned int n = 0; n < SLICE_TICKS; n++) {
		sched_tick();
	}
}

static void
tick_and_yield(void)
{
	timer_start(&ticker, 0);
	yield();
}

static void
start_task(void)
{
	wake_up_new_task(traveller);
}

static void
run_through(void *arg)
{
	(void)arg;
	diary++;
}

static void
boot_queues(void)
{
	timer_init(&ticker, tick);
	boot();
	traveller = task_create(&(struct task_params){
		.comm = "new",
		.fn = run_through,
		.cpus_allowed = 0x1,
	});
}

/* A run queue's own cpu, its tick, and another cpu that puts a task into it. */
START_TEST(test_sharing_run_queue_is_silent)
{
	struct explore_scenario scenario =
		both("tick, yield, new task", tick_and_yield, start_task);

	scenario.boot = boot_queues;
	scenario_must_hold_within(&scenario, 2, LIMIT);
	scenario_must_survive(&scenario, 10000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sharing");
	TCase *tests = tcase_create("sharing");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_sharing_unlocked_counter_is_reported);
	tcase_add_test(tests, test_sharing_publication_is_silent);
	tcase_add_test(tests, test_sharing_relaxed_publication_is_reported);
	tcase_add_test(tests, test_sharing_unread_release_is_reported);
	tcase_add_test(tests, test_sharing_neighbours_are_silent);
	tcase_add_test(tests, test_sharing_blocks_are_reported);
	tcase_add_test(tests, test_sharing_plain_access_to_atomic_is_reported);
	tcase_add_test(tests, test_sharing_per_cpu_data_of_another_is_reported);
	tcase_add_test(tests, test_sharing_with_own_interrupt_is_silent);
	tcase_add_test(tests, test_sharing_interrupt_orders_nothing);
	tcase_add_test(tests, test_sharing_migrated_task_with_itself_is_silent);
	tcase_add_test(tests, test_sharing_allocators_and_console_are_silent);
	tcase_add_test(tests, test_sharing_text_of_nmis_is_silent);
	tcase_add_test(tests, test_sharing_completion_orders);
	tcase_add_test(tests, test_sharing_run_queue_is_silent);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
