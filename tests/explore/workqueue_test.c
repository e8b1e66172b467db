// SPDX-License-Identifier: ISC
/*
 * Work items against those who queue, flush and cancel them, and workers against their sleep.
 */
#include "guest/workqueue.h"

#include <string.h>

#include "guest/completion.h"
#include "guest/context_tracking.h"
#include "guest/object.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/worker.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT      400000
#define DEVIATIONS 2 /* a worker's wakeup and sleep are too long for all runs */
#define TURNS      4 /* of others, until nothing changes any more */
#define CHAIN      3

static HOST_STATE struct work work;
static HOST_STATE struct work other_work;
static HOST_STATE struct delayed_work delayed;
static HOST_STATE struct completion begun;
static HOST_STATE struct completion may_end;
static HOST_STATE struct atomic flag;
static HOST_STATE struct atomic progress;
static HOST_STATE unsigned int seen;
static HOST_STATE unsigned int inside;
static HOST_STATE unsigned int ended;
static HOST_STATE bool is_gone;
static HOST_STATE bool was_pending;

/* With interrupts on, as the workers' idle cpus. */
static _Noreturn void
halt(void)
{
	for (;;) { /* forever */
		arch_irq_disable();
		arch_safe_halt();
	}
}

/* A task on cpu 0 that has the workers made before the gate. */
static void
boot_with(void (*body)(void *))
{
	init_completion(&begun);
	init_completion(&may_end);
	scenario_name_cpus(cpu_count);
	scenario_name_task(scenario_task(0, body, NULL), "user");
}

static void
hold_within(const struct explore_scenario *scenario)
{
	scenario_must_hold_within(scenario, DEVIATIONS, LIMIT);
}

/* ---- queueing ---- */

static void
look_at_flag(struct work *self)
{
	HOST_EXPECT(self == &work);
	seen = atomic_load(&flag);
}

static void
queue_twice(void *unused)
{
	(void)unused;
	workqueue_init();
	INIT_WORK(&work, look_at_flag);
	host_gate();
	queue_work_on(1, system_wq, &work);
	atomic_store(&flag, 1);
	queue_work_on(1, system_wq, &work);
	halt();
}

static void
boot_queue_twice(void)
{
	boot_with(queue_twice);
}

static void
check_seen(void)
{
	HOST_EXPECT(host_all_halted());
	HOST_EXPECT(seen == 1);
	HOST_EXPECT(!work_pending(&work));
}

static const struct explore_scenario queueing = {
	"queue against the function", 2, boot_queue_twice, check_seen, NULL, 0, NULL
};

/*
 * P32: who finds a work pending may leave: its function begins later, and sees what was stored
 * before. Pending ends before the function begins, with a barrier.
 */
START_TEST(test_work_queued_while_it_runs_is_not_lost)
{
	hold_within(&queueing);
	scenario_must_catch_within(&queueing, 3, "pending-ends-late", "seen == 1", 4 * LIMIT);
	scenario_must_catch_within(&queueing, 3, "pending-unordered", "seen == 1", 4 * LIMIT);
}
END_TEST

static void
say_done(struct work *self)
{
	(void)self;
	scenario_done();
}

static void
queue_two(void *unused)
{
	(void)unused;
	workqueue_init();
	INIT_WORK(&work, say_done);
	INIT_WORK(&other_work, say_done);
	host_gate();
	queue_work_on(1, system_wq, &work);
	queue_work_on(1, system_wq, &other_work);
	halt();
}

static void
boot_two(void)
{
	boot_with(queue_two);
}

static void
check_one(void)
{
	HOST_EXPECT(host_all_halted());
	scenario_check_quiet(1);
}

static void
check_two(void)
{
	HOST_EXPECT(host_all_halted());
	scenario_check_quiet(2);
}

static const struct explore_scenario two = {
	"queue against a worker that idles", 2, boot_two, check_two, NULL, 0, NULL
};

/* P32: a worker that becomes idle has seen the item, or is woken for it. */
START_TEST(test_worker_that_idles_is_woken)
{
	hold_within(&two);
	scenario_must_catch_within(&two, 2, "worker-idles-late", "done_count == wanted", 4 * LIMIT);
}
END_TEST

/* ---- workers that sleep ---- */

static void
wait_for_other(struct work *self)
{
	(void)self;
	wait_for_completion(&may_end);
	scenario_done();
}

static void
let_other_end(struct work *self)
{
	(void)self;
	complete(&may_end);
	scenario_done();
}

static void
queue_waiting(void *unused)
{
	(void)unused;
	workqueue_init();
	INIT_WORK(&work, wait_for_other);
	INIT_WORK(&other_work, let_other_end);
	host_gate();
	queue_work_on(0, system_wq, &work);
	queue_work_on(0, system_wq, &other_work);
	scenario_sleep();
}

static void
boot_waiting(void)
{
	boot_with(queue_waiting);
}

static const struct explore_scenario waiting = {
	"a worker that sleeps for the next item", 1, boot_waiting, check_two, NULL, 0, NULL
};

/* P32: when a worker sleeps in a function another one, which is there already, does the next item.
 */
START_TEST(test_worker_that_sleeps_leaves_the_pool_running)
{
	scenario_must_hold(&waiting, LIMIT);
	scenario_must_catch(&waiting, "worker-sleeps-unseen", "done_count == wanted", LIMIT);
	scenario_must_catch(&waiting, "no-spare-worker", "done_count == wanted", LIMIT);
}
END_TEST

static void
queue_and_complete(void *unused)
{
	(void)unused;
	workqueue_init();
	INIT_WORK(&work, wait_for_other);
	INIT_WORK(&other_work, say_done);
	host_gate();
	queue_work_on(1, system_wq, &work);
	queue_work_on(1, system_wq, &other_work);
	complete(&may_end);
	halt();
}

static void
boot_complete(void)
{
	boot_with(queue_and_complete);
}

/* P32: a worker that tells of its sleep, and is woken before it comes to it, counts as running. */
START_TEST(test_worker_woken_on_its_way_to_sleep_goes_on)
{
	hold_within(&(struct explore_scenario){ "a worker's sleep against its wakeup", 2,
	                                        boot_complete, check_two, NULL, 0, NULL });
}
END_TEST

static void
check_at_once(void)
{
	check_one();
	HOST_EXPECT(atomic_load(&pool_get(1, false)->nr_running) == 0);
}

static void
wait_at_once(struct work *self)
{
	(void)self;
	wait_for_completion(&begun); /* the spare worker has come to its rest */
	host_gate();
	wait_for_completion(&may_end);
	scenario_done();
}

static void
queue_then_complete(void *unused)
{
	(void)unused;
	workqueue_init();
	INIT_WORK(&work, wait_at_once);
	queue_work_on(1, system_wq, &work);
	while (!rcu_is_idle_cpu(1)) {
		arch_cpu_relax();
	}
	complete(&begun);
	host_gate();
	complete(&may_end);
	halt();
}

static void
boot_at_once(void)
{
	boot_with(queue_then_complete);
}

static const struct explore_scenario sleeping = { "a worker's sleep against another cpu's wakeup",
	                                          2,
	                                          boot_at_once,
	                                          check_at_once,
	                                          NULL,
	                                          0,
	                                          NULL };

/* P32: wherever another cpu's wakeup meets a worker's sleep, it ends, and is counted once. */
START_TEST(test_worker_sleeps_and_is_woken_by_another_cpu)
{
	scenario_must_hold(&sleeping, LIMIT);
	scenario_must_catch(&sleeping, "worker-wakes-unseen",
	                    "atomic_load(&pool_get(1, false)->nr_running) == 0", LIMIT);
}
END_TEST

/* ---- never twice at a time ---- */

static void
enter(struct work *self)
{
	(void)self;
	inside++;
	HOST_EXPECT(inside == 1);
	complete(&begun);
	if (ended == 0) {
		wait_for_completion(&may_end);
	}
	HOST_EXPECT(inside == 1);
	inside--;
	ended++;
}

static void
enter_twice_on(unsigned int second_cpu)
{
	workqueue_init();
	INIT_WORK(&work, enter);
	queue_work_on(cpu_count - 1, system_wq, &work);
	wait_for_completion(&begun);
	host_gate();
	HOST_EXPECT(queue_work_on(second_cpu, system_wq, &work));
	for (unsigned int n = 0; n < TURNS; n++) {
		yield();
	}
	complete(&may_end);
	scenario_sleep();
}

static void
enter_twice(void *unused)
{
	(void)unused;
	enter_twice_on(0);
}

static void
boot_enter(void)
{
	boot_with(enter_twice);
}

static void
check_entered(void)
{
	HOST_EXPECT(host_all_halted());
	HOST_EXPECT(ended == 2);
	HOST_EXPECT(inside == 0);
}

static const struct explore_scenario one_cpu = {
	"queued while its function sleeps", 1, boot_enter, check_entered, NULL, 0, NULL
};
static const struct explore_scenario other_cpu = {
	"the same, queued on another cpu", 2, boot_enter, check_entered, NULL, 0, NULL
};

/* P36: the function of a work never runs twice at a time, whoever finds it queued. */
START_TEST(test_work_is_not_reentered)
{
	hold_within(&one_cpu);
	scenario_must_catch_within(&one_cpu, 1, "work-reenters", "inside == 1", 4 * LIMIT);
	hold_within(&other_cpu);
	scenario_must_catch_within(&other_cpu, 1, "work-forgets-pool", "inside == 1", 4 * LIMIT);
}
END_TEST

/* ---- flush ---- */

static void
run_and_end(struct work *self)
{
	(void)self;
	HOST_EXPECT(!is_gone);
	atomic_xchg(&progress, 1);
	HOST_EXPECT(!is_gone);
	atomic_xchg(&progress, 0);
	HOST_EXPECT(!is_gone);
	ended++;
}

static void
queue_and_flush(void *unused)
{
	(void)unused;
	workqueue_init();
	INIT_WORK(&work, run_and_end);
	host_gate();
	queue_work_on(1, system_wq, &work);
	flush_work(&work);
	HOST_EXPECT(ended == 1);
	scenario_done();
	halt();
}

static void
boot_flush(void)
{
	boot_with(queue_and_flush);
}

static void
queue_and_flush_all(void *unused)
{
	(void)unused;
	workqueue_init();
	INIT_WORK(&work, run_and_end);
	host_gate();
	queue_work_on(1, system_wq, &work);
	flush_workqueue(system_wq);
	HOST_EXPECT(ended == 1);
	scenario_done();
	halt();
}

static void
boot_flush_all(void)
{
	boot_with(queue_and_flush_all);
}

static void
flush_running(void *unused)
{
	(void)unused;
	workqueue_init();
	INIT_WORK(&work, enter);
	queue_work_on(1, system_wq, &work);
	wait_for_completion(&begun);
	host_gate();
	flush_work(&work);
	HOST_EXPECT(ended == 1);
	scenario_done();
	halt();
}

static void
let_it_end(void *unused)
{
	(void)unused;
	host_gate();
	complete(&may_end);
}

static void
boot_flush_running(void)
{
	boot_with(flush_running);
	scenario_task(1, let_it_end, NULL);
}

static const struct explore_scenario running = {
	"flush_work of a running one", 2, boot_flush_running, check_one, NULL, 0, NULL
};

static const struct explore_scenario flushing = { "flush_work", 2, boot_flush, check_one,
	                                          NULL,         0, NULL };

/* P32: a flush returns when what was queued before has ended: the item's, or the workqueue's. */
START_TEST(test_flush_waits_for_queued_and_running)
{
	hold_within(&flushing);
	hold_within(&running);
	scenario_must_catch_within(&running, 1, "flush-misses-running", "ended == 1", 4 * LIMIT);
	hold_within(&(struct explore_scenario){ "flush_workqueue", 2, boot_flush_all, check_one,
	                                        NULL, 0, NULL });
}
END_TEST

/* ---- cancel ---- */

static void
run_again(struct work *self)
{
	run_and_end(self);
	if (ended < CHAIN) {
		queue_work(system_wq, self);
	}
}

static void
queue_and_cancel(void *unused)
{
	(void)unused;
	workqueue_init();
	INIT_WORK(&work, run_again);
	host_gate();
	queue_work_on(1, system_wq, &work);
	cancel_work_sync(&work);
	is_gone = true;
	HOST_EXPECT(!work_pending(&work));
	scenario_done();
	halt();
}

static void
boot_cancel(void)
{
	boot_with(queue_and_cancel);
}

static const struct explore_scenario cancelling = {
	"cancel_work_sync against itself queueing", 2, boot_cancel, check_one, NULL, 0, NULL
};

/* P32: after cancel_work_sync() the function neither runs nor will run, though it queues itself. */
START_TEST(test_cancel_sync_ends_a_work_that_queues_itself)
{
	hold_within(&cancelling);
	scenario_must_catch_within(&cancelling, 3, "cancel-lets-requeue", "!is_gone", 4 * LIMIT);
}
END_TEST

/* It does not wait: what has begun may still run. */
static void
queue_and_take_back(void *unused)
{
	(void)unused;
	workqueue_init();
	INIT_WORK(&work, run_and_end);
	host_gate();
	queue_work_on(1, system_wq, &work);
	was_pending = cancel_work(&work);
	scenario_done();
	halt();
}

static void
boot_take_back(void)
{
	boot_with(queue_and_take_back);
}

static void
check_taken_back(void)
{
	check_one();
	HOST_EXPECT(ended == (was_pending ? 0 : 1));
}

/* P32: a work that cancel_work() says it has taken back does not run, any other runs once. */
START_TEST(test_cancel_takes_back_what_is_queued)
{
	hold_within(&(struct explore_scenario){ "cancel_work", 2, boot_take_back, check_taken_back,
	                                        NULL, 0, NULL });
}
END_TEST

static void
delay_and_cancel(void *unused)
{
	(void)unused;
	workqueue_init();
	INIT_DELAYED_WORK(&delayed, run_and_end);
	queue_delayed_work_on(1, system_wq, &delayed, 100);
	host_gate();
	host_clock_advance(200);
	was_pending = cancel_delayed_work_sync(&delayed);
	is_gone = true;
	HOST_EXPECT(!work_pending(&delayed.work));
	scenario_done();
	halt();
}

static void
boot_delay_and_cancel(void)
{
	boot_with(delay_and_cancel);
}

static void
check_delayed(void)
{
	check_one();
	HOST_EXPECT(was_pending == (ended == 0));
}

static void
delay_and_advance(void *unused)
{
	(void)unused;
	workqueue_init();
	INIT_DELAYED_WORK(&delayed, run_and_end);
	queue_delayed_work_on(1, system_wq, &delayed, 100);
	host_gate();
	HOST_EXPECT(mod_delayed_work_on(1, system_wq, &delayed, 50));
	HOST_EXPECT(!queue_delayed_work_on(1, system_wq, &delayed, 10));
	halt();
}

static void
boot_delay(void)
{
	boot_with(delay_and_advance);
}

static void
check_delayed_ended(void)
{
	HOST_EXPECT(host_all_halted());
	HOST_EXPECT(ended == 1);
}

/* P32: a delayed work is cancelled in its timer, in its pool, or waited for; moved, it runs once.
 */
START_TEST(test_delayed_work_is_cancelled_wherever_it_is)
{
	hold_within(&(struct explore_scenario){ "cancel_delayed_work_sync", 2,
	                                        boot_delay_and_cancel, check_delayed, NULL, 0,
	                                        NULL });
	hold_within(&(struct explore_scenario){ "mod_delayed_work", 2, boot_delay,
	                                        check_delayed_ended, NULL, 0, NULL });
}
END_TEST

/* ---- workqueues of one's own ---- */

static HOST_STATE struct workqueue *ordered;
static HOST_STATE struct work in_order[CHAIN];
static HOST_STATE unsigned int order[CHAIN];

static void
note_order(struct work *self)
{
	inside++;
	HOST_EXPECT(inside == 1);
	yield();
	inside--;
	order[ended++] = (unsigned int)(self - in_order);
}

static void
queue_next(struct work *self)
{
	(void)self;
	if (++seen < CHAIN) {
		queue_work(ordered, self);
	}
}

static void
free_itself(struct work *self)
{
	memset((void *)self, 0xa5, sizeof(*self));
	object_free(self, sizeof(*self));
}

static void
use_ordered(void *unused)
{
	struct work *freed = object_alloc(sizeof(*freed));

	(void)unused;
	ordered = alloc_ordered_workqueue("ordered");
	host_gate();
	for (unsigned int n = 0; n < CHAIN; n++) {
		INIT_WORK(&in_order[n], note_order);
		queue_work(ordered, &in_order[n]);
	}
	INIT_WORK(freed, free_itself);
	queue_work(ordered, freed);
	flush_workqueue(ordered);
	HOST_EXPECT(ended == CHAIN);
	INIT_WORK(&work, queue_next);
	queue_work(ordered, &work);
	destroy_workqueue(ordered);
	scenario_done();
	scenario_sleep();
}

static void
boot_ordered(void)
{
	boot_with(use_ordered);
}

static void
check_ordered(void)
{
	check_one();
	HOST_EXPECT(seen == CHAIN);
	for (unsigned int n = 0; n < CHAIN; n++) {
		HOST_EXPECT(order[n] == n);
	}
}

/*
 * P32: an ordered workqueue does one item after the other, in order; one frees itself; what queues
 * itself is drained.
 */
START_TEST(test_ordered_workqueue_is_one_at_a_time)
{
	hold_within(&(struct explore_scenario){ "an ordered workqueue", 1, boot_ordered,
	                                        check_ordered, NULL, 0, NULL });
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("workqueue");
	TCase *tests = tcase_create("workqueue");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_work_queued_while_it_runs_is_not_lost);
	tcase_add_test(tests, test_worker_that_idles_is_woken);
	tcase_add_test(tests, test_worker_that_sleeps_leaves_the_pool_running);
	tcase_add_test(tests, test_worker_sleeps_and_is_woken_by_another_cpu);
	tcase_add_test(tests, test_worker_woken_on_its_way_to_sleep_goes_on);
	tcase_add_test(tests, test_work_is_not_reentered);
	tcase_add_test(tests, test_flush_waits_for_queued_and_running);
	tcase_add_test(tests, test_cancel_sync_ends_a_work_that_queues_itself);
	tcase_add_test(tests, test_cancel_takes_back_what_is_queued);
	tcase_add_test(tests, test_delayed_work_is_cancelled_wherever_it_is);
	tcase_add_test(tests, test_ordered_workqueue_is_one_at_a_time);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
