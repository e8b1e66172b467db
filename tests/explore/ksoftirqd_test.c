// SPDX-License-Identifier: ISC
/*
 * ksoftirqd: how long softirqs are served without it, who wakes it and who does not, and how it
 * shares its cpu.
 */
#include "guest/softirq.h"

#include <stdio.h>

#include "guest/bottom_half.h"
#include "guest/cmdline.h"
#include "guest/kthread.h"
#include "guest/sched.h"
#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/unit/suite.h"

#define LIMIT      100000
#define DEVIATIONS 1 /* where all runs are too many: many wakeups */

static HOST_STATE struct timer timer;
static HOST_STATE unsigned int raised;
static HOST_STATE unsigned int seen; /* of those, by the last run */

static bool
in_ksoftirqd(void)
{
	return current == per_cpu(ksoftirqd, 0);
}

static void
see(void)
{
	seen = raised;
}

static void
raise_block(void)
{
	raised++;
	raise_softirq(BLOCK_SOFTIRQ);
}

static void
raise_in_timer(struct timer *self)
{
	(void)self;
	raise_block();
}

static void
take_timer(void (*fn)(struct timer *))
{
	timer_init(&timer, fn);
	timer_start(&timer, 0);
	scenario_take_interrupts();
}

/* In boot(): the vector, the thread, and body on cpu 0. */
static void
boot_with(void (*action)(void), void (*body)(void *))
{
	open_softirq(BLOCK_SOFTIRQ, action);
	softirq_init();
	scenario_name_task(per_cpu(ksoftirqd, 0), "ksoftirqd");
	scenario_task(0, body, NULL);
}

/* ---- how long ---- */

#define RUNS 13 /* of a vector that raises itself */

static const struct bound {
	const char *name;
	const char *bug;   /* that it kills */
	unsigned int runs; /* before the rest is ksoftirqd's */
	uint64_t run_ns;   /* that each takes */
	uint32_t asked;    /* in the third: flags of the current task */
} bounds[] = {
	{ "10 rounds", "softirq-endless", 10, 0, 0 },
	{ "2 ms", "softirq-timeless", 2, 1000000, 0 },
	{ "not yet 2 ms", "softirq-timeless", 3, 999999, 0 },
	{ "a request", "softirq-ignores-request", 3, 0, TIF_NEED_RESCHED },
	{ "a lazy request", "softirq-heeds-lazy", 10, 0, TIF_NEED_RESCHED_LAZY },
};

#define BOUND_COUNT (int)(sizeof(bounds) / sizeof(bounds[0]))

static const struct bound *bound; /* of the run */
static HOST_STATE unsigned int runs;
static HOST_STATE unsigned int runs_at_once; /* outside of ksoftirqd */

static void
run_again(void)
{
	runs++;
	runs_at_once += !in_ksoftirqd();
	host_clock_advance(bound->run_ns);
	if (runs == 3 && bound->asked != 0) {
		atomic_fetch_or(&current->flags, bound->asked);
		if (need_resched()) {
			set_preempt_need_resched();
		}
	}
	if (runs < RUNS) {
		raise_softirq(BLOCK_SOFTIRQ);
	}
}

static void
run_from_interrupt(void *unused)
{
	(void)unused;
	scenario_gate();
	take_timer(raise_in_timer);
	HOST_EXPECT(runs_at_once == bound->runs);
	scenario_done();
	scenario_sleep();
}

static void
run_from_enable(void *unused)
{
	(void)unused;
	scenario_gate();
	local_bh_disable();
	raise_block();
	local_bh_enable();
	HOST_EXPECT(runs_at_once == bound->runs);
	scenario_done();
	scenario_sleep();
}

static void
boot_from_interrupt(void)
{
	boot_with(run_again, run_from_interrupt);
}

static void
boot_from_enable(void)
{
	boot_with(run_again, run_from_enable);
}

static void
check_runs(void)
{
	scenario_check_at_rest(1);
	HOST_EXPECT(runs == RUNS);
	HOST_EXPECT(runs_at_once == bound->runs);
}

/*
 * P42: a vector that raises itself is served 10 times, or until 2 ms have passed, or until a
 * reschedule is wanted, but not for a lazy request; the rest is ksoftirqd's, and is done.
 */
START_TEST(test_ksoftirqd_gets_what_is_too_much)
{
	struct explore_scenario at_exit = {
		NULL, 1, boot_from_interrupt, check_runs, NULL, 0, NULL
	};
	struct explore_scenario at_enable = {
		NULL, 1, boot_from_enable, check_runs, NULL, 0, NULL
	};
	char name[64];

	bound = &bounds[_i];
	snprintf(name, sizeof(name), "%s, at an interrupt's exit", bound->name);
	at_exit.name = name;
	scenario_must_hold_within(&at_exit, DEVIATIONS, LIMIT);
	scenario_must_catch(&at_exit, bound->bug, "runs_at_once == bound->runs", LIMIT);
	snprintf(name, sizeof(name), "%s, at local_bh_enable", bound->name);
	at_enable.name = name;
	scenario_must_hold_within(&at_enable, DEVIATIONS, LIMIT);
	scenario_must_catch(&at_enable, "softirq-rest-forgotten", "runs == RUNS", LIMIT);
}
END_TEST

/* ---- who wakes it ---- */

static void
raise_irqs_off(void)
{
	raised++;
	arch_irq_disable();
	raise_softirq_irqoff(BLOCK_SOFTIRQ);
	arch_irq_enable();
}

static void
raise_preempt_off(void)
{
	preempt_disable();
	raise_block();
	preempt_enable();
}

static void
raise_bh_off(void)
{
	local_bh_disable();
	raise_block();
	local_bh_enable();
}

static void
raise_in_hardirq(void)
{
	take_timer(raise_in_timer);
}

static void
raise_in_hardirq_bh_off(void)
{
	local_bh_disable();
	take_timer(raise_in_timer);
	local_bh_enable();
}

/* Its own vector's action raises the other. */
static void
raise_in_softirq(void)
{
	local_bh_disable();
	raise_softirq(IRQ_POLL_SOFTIRQ);
	local_bh_enable();
}

static void
raise_before_interrupt(void)
{
	raised++;
	arch_irq_disable();
	__raise_softirq_irqoff(BLOCK_SOFTIRQ);
	arch_ipi_send(0, IRQ_CALL);
	arch_irq_enable();
	scenario_take_interrupts();
}

static const struct site {
	const char *name;
	void (*raise)(void);
	bool wakes;
} sites[] = {
	{ "raised in a task", raise_block, true },
	{ "raised with interrupts off", raise_irqs_off, true },
	{ "raised with preemption off", raise_preempt_off, true },
	{ "raised with bottom halves off", raise_bh_off, false },
	{ "raised in an interrupt", raise_in_hardirq, false },
	{ "raised in an interrupt, bottom halves off", raise_in_hardirq_bh_off, false },
	{ "raised in a softirq", raise_in_softirq, false },
	{ "raised before an interrupt, silently", raise_before_interrupt, false },
};

#define SITE_COUNT (int)(sizeof(sites) / sizeof(sites[0]))

static const struct site *site; /* of the run */
static HOST_STATE uint64_t sleeps;

static bool
is_asleep(void)
{
	const struct task *thread = per_cpu(ksoftirqd, 0);

	return !atomic_load(&thread->on_rq) && thread->nvcsw == sleeps;
}

static void
raise_at_site(void *unused)
{
	(void)unused;
	scenario_gate();
	sleeps = per_cpu(ksoftirqd, 0)->nvcsw;
	site->raise();
	HOST_EXPECT(is_asleep() != site->wakes);
	HOST_EXPECT(seen == raised || site->wakes);
	scenario_done();
	scenario_sleep();
}

static void
boot_site(void)
{
	open_softirq(IRQ_POLL_SOFTIRQ, raise_block);
	boot_with(see, raise_at_site);
}

static void
check_site(void)
{
	scenario_check_at_rest(1);
	HOST_EXPECT(raised == 1);
	HOST_EXPECT(seen == raised);
	HOST_EXPECT(is_asleep() != site->wakes); /* or has been awake */
}

/* P43: it is woken where no exit follows, and nowhere else; what it is woken for is served. */
START_TEST(test_ksoftirqd_is_woken_where_no_exit_follows)
{
	struct explore_scenario scenario = { NULL, 1, boot_site, check_site, NULL, 0, NULL };

	site = &sites[_i];
	scenario.name = site->name;
	scenario_must_hold(&scenario, LIMIT);
	if (site->wakes) {
		scenario_must_catch(&scenario, "softirq-raise-wakes-nobody",
		                    "is_asleep() != site->wakes", LIMIT);
	} else if (site->raise != raise_before_interrupt) {
		scenario_must_catch(&scenario, "softirq-raise-always-wakes",
		                    "is_asleep() != site->wakes", LIMIT);
	}
}
END_TEST

/* ---- threadirqs ---- */

static void
see_in_thread(void)
{
	HOST_EXPECT(in_ksoftirqd());
	see();
}

static void
raise_and_wait(void *unused)
{
	(void)unused;
	scenario_gate();
	take_timer(raise_in_timer);
	HOST_EXPECT(seen == 0);
	scenario_done();
	scenario_sleep();
}

static void
boot_threaded(void)
{
	boot_args.threadirqs = true;
	boot_with(see_in_thread, raise_and_wait);
}

static void
check_threaded(void)
{
	scenario_check_at_rest(1);
	HOST_EXPECT(seen == 1);
}

/* P43: where handlers of interrupts run in threads, the softirqs that interrupts raise do, too. */
START_TEST(test_ksoftirqd_serves_interrupts_with_threadirqs)
{
	struct explore_scenario scenario = { "threadirqs", 1, boot_threaded, check_threaded,
		                             NULL,         0, NULL };

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "softirq-unthreaded", "in_ksoftirqd()", LIMIT);
}
END_TEST

/* ---- its sleep ---- */

static HOST_STATE struct task *raiser;

static void
raise_when_woken(void *unused)
{
	(void)unused;
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	raise_block();
	scenario_done();
	scenario_sleep();
}

static void
wake_raiser(struct timer *self)
{
	(void)self;
	HOST_EXPECT(wake_up_process(raiser));
}

static void
raise_and_sleep(void *unused)
{
	(void)unused;
	timer_init(&timer, wake_raiser);
	scenario_gate();
	timer_start(&timer, 0);
	raise_block();
	scenario_done();
	scenario_sleep();
}

static void
boot_overtaken(void)
{
	preempt_model_set(PREEMPT_FULL);
	raiser = scenario_fifo_task(0, 10, raise_when_woken, NULL);
	boot_with(see, raise_and_sleep);
}

static void
check_overtaken(void)
{
	scenario_check_at_rest(2);
	HOST_EXPECT(raised == 2);
	HOST_EXPECT(seen == raised);
}

/* P43, P32: wherever ksoftirqd is on its way to sleep, what a task raises that overtakes it there
 * is served. */
START_TEST(test_ksoftirqd_sleeps_through_nothing)
{
	struct explore_scenario scenario = {
		"a task overtakes ksoftirqd", 1, boot_overtaken, check_overtaken, NULL, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return; /* nothing preempts such a kernel */
	}
	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch_late(&scenario, "ksoftirqd-tests-first", "seen == raised", LIMIT);
}
END_TEST

/* ---- what handlers ask for ---- */

static enum preempt_model model; /* of the run */

static void
ask_and_run_again(void)
{
	HOST_EXPECT(in_ksoftirqd());
	if (runs++ == 0) {
		HOST_EXPECT(wake_up_process(urgent));
		raise_softirq(BLOCK_SOFTIRQ);
	} else {
		HOST_EXPECT(urgent_runs == 1);
	}
}

static void
raise_once(void *unused)
{
	(void)unused;
	scenario_gate();
	raise_block();
	scenario_done();
	scenario_sleep();
}

static void
boot_asking(void)
{
	preempt_model_set(model);
	urgent_boot();
	boot_with(ask_and_run_again, raise_once);
}

static void
check_asking(void)
{
	scenario_check_at_rest(1);
	HOST_EXPECT(runs == 2);
	HOST_EXPECT(urgent_runs == 1);
}

/* P44 (none, voluntary, full): ksoftirqd gives way between rounds, whatever the model. */
START_TEST(test_ksoftirqd_gives_way_between_rounds)
{
	struct explore_scenario scenario = {
		"a softirq of ksoftirqd asks", 1, boot_asking, check_asking, NULL, 0, NULL
	};

	model = (enum preempt_model)_i;
	if (!scenario_has_model(model)) {
		return;
	}
	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "ksoftirqd-no-point", "urgent_runs == 1", LIMIT);
}
END_TEST

/* ---- a flood ---- */

#define STEPS   20      /* of a task against a flood */
#define STEP_NS 1000000 /* that each takes, and each run of the flood: a tick */

static HOST_STATE unsigned int steps;
static HOST_STATE bool served_rx;

static void
serve_rx(void)
{
	served_rx = true;
}

static void
raise_rx(struct timer *self)
{
	(void)self;
	raise_softirq(NET_RX_SOFTIRQ);
}

/* ksoftirqd has the flood, and waits for the cpu. */
static void
interrupt_flood(void *unused)
{
	(void)unused;
	scenario_gate();
	local_bh_disable();
	raise_block();
	local_bh_enable();
	HOST_EXPECT(atomic_load(&per_cpu(ksoftirqd, 0)->on_rq));
	take_timer(raise_rx);
	HOST_EXPECT(served_rx);
	scenario_done();
	scenario_sleep();
}

static void
boot_interrupt_flood(void)
{
	bound = &bounds[0];
	open_softirq(NET_RX_SOFTIRQ, serve_rx);
	boot_with(run_again, interrupt_flood);
}

static void
check_one(void)
{
	scenario_check_at_rest(1);
}

/* J31: a vector that an interrupt raises is served at its exit, also when ksoftirqd has a flood. */
START_TEST(test_ksoftirqd_flood_delays_no_other_vector)
{
	struct explore_scenario scenario = {
		"another vector during a flood", 1, boot_interrupt_flood, check_one, NULL, 0, NULL
	};

	scenario_must_hold_within(&scenario, DEVIATIONS, LIMIT);
	scenario_must_catch(&scenario, "softirq-defers", "served_rx", LIMIT);
}
END_TEST

static void
flood(void)
{
	runs++;
	host_clock_advance(STEP_NS);
	scenario_take_interrupts();
	if (steps < STEPS) {
		raise_softirq(BLOCK_SOFTIRQ);
	}
}

static void
step_through_flood(void *unused)
{
	(void)unused;
	scenario_gate();
	raise_block();
	while (steps < STEPS) { /* bounded: by STEPS */
		host_clock_advance(STEP_NS);
		scenario_take_interrupts();
		steps++;
		cond_resched();
	}
	HOST_EXPECT(runs >= STEPS);
	HOST_EXPECT(runs <= 6 * STEPS); /* 2 ms at each tick's exit, and a slice for a slice */
	host_stop();
}

static void
boot_flood(void)
{
	preempt_model_set(model);
	boot_args.hz = 1000;
	timer_start_tick();
	boot_with(flood, step_through_flood);
}

/* P42 (none, voluntary, full): J31, J32: a flood without end leaves a task its share of the cpu. */
START_TEST(test_ksoftirqd_flood_leaves_tasks_their_share)
{
	struct explore_scenario scenario = {
		"a task against a flood", 1, boot_flood, NULL, NULL, 0, NULL
	};

	model = (enum preempt_model)_i;
	if (!scenario_has_model(model)) {
		return;
	}
	scenario_must_hold_within(&scenario, 1, LIMIT);
	if (model == PREEMPT_FULL) {
		return; /* its ticks preempt ksoftirqd where they can */
	}
	scenario_must_catch(&scenario, "ksoftirqd-no-point", "the run does not come to an end",
	                    LIMIT);
}
END_TEST

/* ---- parked ---- */

static void
park_and_raise(void *unused)
{
	struct task *thread = per_cpu(ksoftirqd, 0);

	(void)unused;
	scenario_gate();
	HOST_EXPECT(kthread_park(thread) == 0);
	raise_block();
	HOST_EXPECT(atomic_load(&thread->state) == TASK_PARKED);
	HOST_EXPECT(seen == 0);
	kthread_unpark(thread);
	scenario_done();
	scenario_sleep();
}

static void
boot_parked(void)
{
	boot_with(see, park_and_raise);
}

static void
check_parked(void)
{
	scenario_check_at_rest(1);
	HOST_EXPECT(seen == 1);
}

/* P43: what is raised while it is parked is served when it is not. */
START_TEST(test_ksoftirqd_serves_what_came_while_parked)
{
	scenario_must_hold(&(struct explore_scenario){ "ksoftirqd is parked", 1, boot_parked,
	                                               check_parked, NULL, 0, NULL },
	                   LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ksoftirqd");
	TCase *tests = tcase_create("ksoftirqd");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_loop_test(tests, test_ksoftirqd_gets_what_is_too_much, 0, BOUND_COUNT);
	tcase_add_loop_test(tests, test_ksoftirqd_is_woken_where_no_exit_follows, 0, SITE_COUNT);
	tcase_add_test(tests, test_ksoftirqd_serves_interrupts_with_threadirqs);
	tcase_add_test(tests, test_ksoftirqd_sleeps_through_nothing);
	tcase_add_loop_test(tests, test_ksoftirqd_gives_way_between_rounds, 0, PREEMPT_MODEL_COUNT);
	tcase_add_test(tests, test_ksoftirqd_flood_delays_no_other_vector);
	tcase_add_loop_test(tests, test_ksoftirqd_flood_leaves_tasks_their_share, 0,
	                    PREEMPT_MODEL_COUNT);
	tcase_add_test(tests, test_ksoftirqd_serves_what_came_while_parked);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
