// SPDX-License-Identifier: ISC
/*
 * The model lazy: a request of the fair class is a flag that nobody is told of, that no point of
 * the kernel looks at, and that the first tick which starts with it makes a request like the
 * others.
 */
#include <stdio.h>

#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/unit/suite.h"

#define LIMIT   400000
#define SAMPLES 2000 /* random runs, where all are too many */

#define TICK_NS     100
#define SLICE_TICKS 3 /* of nice 0 */
#define HEAVY_NICE  (-5)
#define BOTH_FLAGS  (TIF_NEED_RESCHED | TIF_NEED_RESCHED_LAZY)
#define HAS_LAZY    scenario_has_model(PREEMPT_LAZY)
#define RESCHEDULES host_sent_count(0, IRQ_RESCHEDULE)

static HOST_STATE struct raw_spinlock lock;
static HOST_STATE struct task *computing; /* SCHED_NORMAL, nice 0, on cpu 0 */
static HOST_STATE struct task *heavy[2];  /* on cpu 0 too, asleep until it is woken */
static HOST_STATE unsigned int heavy_runs;
static HOST_STATE struct atomic overtaken; /* somebody else has run on cpu 0 */
static HOST_STATE struct atomic woken;
static HOST_STATE struct atomic never; /* true: whoever spins on it is interrupted, or stays */
static HOST_STATE unsigned int wakers;
static HOST_STATE bool is_timed;
static HOST_STATE uint64_t ran_ns; /* 0: not yet */

static void
run_heavy(void *arg)
{
	(void)arg;
	for (;;) { /* forever: once for each wakeup */
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule();
		heavy_runs++;
		atomic_store(&overtaken, 1);
		if (is_timed) {
			ran_ns = arch_clock_ns();
		}
		HOST_EXPECT(!(atomic_load(&computing->flags) & BOTH_FLAGS));
	}
}

static void
boot_heavy(unsigned int n)
{
	heavy[n] = task_run(&(struct task_params){
		.comm = "heavy",
		.fn = run_heavy,
		.nice = (int8_t)(HEAVY_NICE - (int)n),
		.cpus_allowed = 1,
	});
	scenario_name_task(heavy[n], n == 0 ? "heavy" : "heavier");
}

static void
watch(const struct task *task)
{
	host_watch(&task->flags, TIF_NEED_RESCHED, TIF_POLLING_NRFLAG, 0);
}

static void
boot_computing(void (*body)(void *))
{
	computing = scenario_task(0, body, NULL);
	scenario_name_task(computing, "computing");
	watch(computing);
}

static void
wake_heavy(void *n)
{
	scenario_gate();
	HOST_EXPECT(wake_up_process(heavy[(uintptr_t)n]));
	atomic_fetch_add(&woken, 1);
	host_stop();
}

static bool
is_asked_lazily(void)
{
	return test_tsk_need_resched_lazy(current) && !need_resched() &&
	       !test_preempt_need_resched();
}

/* ---- the points of the kernel ---- */

static HOST_STATE unsigned int passed_asked;

static void
expect_here(const char *point)
{
	if (heavy_runs != 0) {
		host_fail("a lazy request preempted the kernel at %s", point);
	}
	passed_asked += is_asked_lazily();
}

/* Each is passed before the request, after it, or while it is made. */
static void
pass_points(void *arg)
{
	(void)arg;
	scenario_gate();
	preempt_disable();
	preempt_enable();
	expect_here("preempt_enable");
	raw_spin_lock(&lock);
	expect_here("cond_resched_lock"); /* of which it would be a part */
	cond_resched_lock(&lock);
	raw_spin_unlock(&lock);
	expect_here("spin_unlock");
	HOST_EXPECT(!cond_resched());
	might_sleep();
	expect_here("might_sleep");
	while (atomic_load(&woken) != wakers) { /* bounded: they are on their way */
		arch_cpu_relax();
	}
	expect_here("an interrupt's return");
	HOST_EXPECT(is_asked_lazily());
	preempt_disable();
	preempt_enable();
	expect_here("preempt_enable");
	scenario_sleep();
}

/* And interrupts that return, with nothing to say. */
static void
wake_and_interrupt(void *arg)
{
	(void)arg;
	scenario_gate();
	HOST_EXPECT(wake_up_process(heavy[0]));
	preempt_disable();
	arch_ipi_send(0, IRQ_CALL);
	preempt_enable();
	atomic_fetch_add(&woken, 1);
	host_stop();
}

static void
boot_points(void)
{
	preempt_model_set(PREEMPT_LAZY);
	wakers = 1;
	boot_heavy(0);
	boot_computing(pass_points);
	scenario_task(1, wake_and_interrupt, NULL);
	scenario_name_cpus(2);
}

/* Of all runs, how many passed a point with the lazy request pending. */
static unsigned int window_hits;

static void
check_points(void)
{
	HOST_EXPECT(RESCHEDULES == 0);
	HOST_EXPECT(host_watched_count() == 0);
	HOST_EXPECT(heavy_runs == 1); /* when the computing one blocked */
	window_hits += passed_asked > 1;
	scenario_check_at_rest(0);
}

/*
 * P14, P25 (lazy): a lazy request of another cpu, at any moment, sends no interrupt, and no point
 * switches for it: neither preempt_enable, spin_unlock, cond_resched, might_sleep nor an
 * interrupt's return.
 */
START_TEST(test_lazy_request_preempts_nowhere)
{
	struct explore_scenario scenario = { "lazy, points", 2, boot_points, check_points,
		                             NULL,           0, NULL };

	if (!HAS_LAZY) {
		return;
	}
	window_hits = 0;
	scenario_must_hold_within(&scenario, 2, LIMIT);
	printf("    %u runs passed a point with the request pending\n", window_hits);
	ck_assert_uint_ne(window_hits, 0);
	scenario_must_catch_late(&scenario, "lazy-sends", "RESCHEDULES == 0", LIMIT);
	scenario_must_catch_late(&scenario, "lazy-at-enable",
	                         "a lazy request preempted the kernel at ", LIMIT);
}
END_TEST

static HOST_STATE struct timer alarm;

static void
wake_from_timer(struct timer *timer)
{
	(void)timer;
	HOST_EXPECT(wake_up_process(heavy[0]));
	atomic_fetch_add(&woken, 1);
}

static void
pass_points_with_alarm(void *arg)
{
	timer_init(&alarm, wake_from_timer);
	timer_start(&alarm, TICK_NS);
	pass_points(arg);
}

static void
boot_local(void)
{
	preempt_model_set(PREEMPT_LAZY);
	wakers = 1;
	boot_heavy(0);
	boot_computing(pass_points_with_alarm);
}

static void
check_local(void)
{
	HOST_EXPECT(heavy_runs == 1);
	scenario_check_at_rest(0);
}

/* P14 (lazy): the same of an interrupt on the own cpu, whose return finds it, and that is not
 * folded. */
START_TEST(test_lazy_request_of_an_interrupt_is_not_folded)
{
	struct explore_scenario scenario = {
		"lazy, from an interrupt", 1, boot_local, check_local, NULL, 0, NULL
	};

	if (!HAS_LAZY) {
		return;
	}
	scenario_must_hold(&scenario, LIMIT);
	if (HOST_FOLDS) {
		scenario_must_catch_late(&scenario, "lazy-folds",
		                         "a lazy request preempted the kernel at ", LIMIT);
	}
}
END_TEST

/* ---- the tick ---- */

static HOST_STATE struct timer tick_timer;
static HOST_STATE unsigned int ticks;
static HOST_STATE unsigned int promoted_at; /* number of the tick; 0: none yet */
static HOST_STATE uint64_t asked_ns;
static HOST_STATE unsigned int ran_after; /* ticks */

static void
tick(struct timer *timer)
{
	struct task *curr = current;
	bool was_lazy = test_tsk_need_resched_lazy(curr);
	bool was_asked = need_resched();

	ticks++;
	sched_tick();
	if (need_resched() && !was_asked && !was_lazy) {
		host_fail("tick %u promoted the request that it made", ticks);
	}
	if (was_lazy && !need_resched()) {
		host_fail("tick %u started with a lazy request, and has not promoted it", ticks);
	}
	if (was_lazy && promoted_at == 0) {
		promoted_at = ticks;
	}
	if (asked_ns == 0 && test_tsk_need_resched_lazy(curr)) {
		asked_ns = arch_clock_ns();
	}
	if (ticks < 2 * SLICE_TICKS) {
		timer_start(timer, timer->expires_ns + TICK_NS);
	}
}

static void
start_ticks(void)
{
	timer_init(&tick_timer, tick);
	timer_start(&tick_timer, TICK_NS);
}

static void
run_equal(void *arg)
{
	(void)arg;
	ran_after = ticks;
	ran_ns = arch_clock_ns();
	atomic_store(&overtaken, 1);
	scenario_sleep();
}

/* It never gives the cpu back, and never looks. */
static void
compute_until_overtaken(void *arg)
{
	(void)arg;
	start_ticks();
	scenario_gate();
	while (!atomic_load(&overtaken)) { /* bounded: the slice ends */
		preempt_disable();
		preempt_enable();
		arch_cpu_relax();
	}
	timer_cancel(&tick_timer);
	scenario_sleep();
}

static void
boot_slice(void)
{
	preempt_model_set(PREEMPT_LAZY);
	computing = scenario_task(0, compute_until_overtaken, NULL);
	scenario_task(0, run_equal, NULL);
}

static void
check_slice(void)
{
	HOST_EXPECT(promoted_at == SLICE_TICKS + 1);
	HOST_EXPECT(ran_after == SLICE_TICKS + 1);
	HOST_EXPECT(ran_ns - asked_ns < 2 * TICK_NS);
	scenario_check_at_rest(0);
}

/*
 * P15 (lazy): a slice ends exactly at a tick, which asks and does not promote; the tick after it
 * does, and its return preempts a kernel loop that never looks.
 */
START_TEST(test_lazy_slice_end_waits_for_the_tick_after)
{
	struct explore_scenario scenario = {
		"lazy, a slice ends", 1, boot_slice, check_slice, NULL, 0, NULL
	};

	if (!HAS_LAZY) {
		return;
	}
	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch_late(&scenario, "lazy-promoted-at-once",
	                         "promoted the request that it made", LIMIT);
	scenario_must_catch_late(&scenario, "lazy-never-promoted",
	                         "started with a lazy request, and has not promoted it", LIMIT);
}
END_TEST

static HOST_STATE uint64_t woken_ns;

static void
wake_at(struct timer *timer)
{
	woken_ns = arch_clock_ns();
	wake_from_timer(timer);
}

/* Before, at, and after ticks; at the time of one, in front of it or behind. */
static void
start_alarm(void)
{
	unsigned int when = 1 + host_choose(9);
	bool is_first = host_choose(2);

	timer_init(&alarm, wake_at);
	if (is_first) {
		timer_start(&alarm, when * TICK_NS / 4);
	}
	start_ticks();
	if (!is_first) {
		timer_start(&alarm, when * TICK_NS / 4);
	}
}

static void
compute_until_heavy_ran(void *arg)
{
	(void)arg;
	scenario_gate();
	start_alarm();
	while (!atomic_load(&overtaken)) { /* bounded: the tick comes */
		preempt_disable();
		preempt_enable();
		arch_cpu_relax();
	}
	timer_cancel(&tick_timer);
	scenario_sleep();
}

static void
boot_wakeup(void)
{
	preempt_model_set(PREEMPT_LAZY);
	is_timed = true;
	boot_heavy(0);
	computing = scenario_task(0, compute_until_heavy_ran, NULL);
}

/* The first tick at or after the wakeup: at, if the wakeup came before it in one interrupt. */
static void
check_wakeup(void)
{
	HOST_EXPECT(promoted_at * TICK_NS >= woken_ns);
	HOST_EXPECT((promoted_at - 1) * TICK_NS <= woken_ns);
	HOST_EXPECT(ran_ns - woken_ns < 2 * TICK_NS);
	HOST_EXPECT(ran_ns >= promoted_at * TICK_NS);
	scenario_check_at_rest(0);
}

/*
 * P15 (lazy): a wakeup at any time between the ticks, or together with one, is answered at the
 * first tick that starts with its request, in less than two periods.
 */
START_TEST(test_lazy_wakeup_waits_for_the_next_tick)
{
	struct explore_scenario scenario = {
		"lazy, a wakeup between ticks", 1, boot_wakeup, check_wakeup, NULL, 0, NULL
	};

	if (!HAS_LAZY) {
		return;
	}
	scenario_must_hold(&scenario, LIMIT);
}
END_TEST

/* ---- lazy and full ---- */

static void
compute_until_urgent_ran(void *arg)
{
	(void)arg;
	scenario_gate();
	while (!atomic_load(&never) && !urgent_ran()) { /* bounded: no tick is needed */
		arch_cpu_relax();
	}
	scenario_sleep();
}

static void
wake_both(void *arg)
{
	(void)arg;
	scenario_gate();
	HOST_EXPECT(wake_up_process(heavy[0]));
	HOST_EXPECT(wake_up_process(urgent));
	host_stop();
}

static void
boot_full_after_lazy(void)
{
	preempt_model_set(PREEMPT_LAZY);
	urgent_boot();
	boot_heavy(0);
	boot_computing(compute_until_urgent_ran);
	watch(heavy[0]);
	watch(urgent);
	watch(per_cpu(runqueue, 0).idle);
	scenario_task(1, wake_both, NULL);
	scenario_name_cpus(2);
}

static void
boot_full_and_lazy(void)
{
	preempt_model_set(PREEMPT_LAZY);
	urgent_boot();
	boot_heavy(0);
	boot_computing(compute_until_urgent_ran);
	scenario_task(1, urgent_wake, NULL);
	watch(heavy[0]);
	watch(urgent);
	watch(per_cpu(runqueue, 0).idle);
	scenario_task(2, wake_heavy, (void *)0);
	scenario_name_cpus(3);
}

static void
check_overtaken(void)
{
	HOST_EXPECT(urgent_ran());
	HOST_EXPECT(heavy_runs == 1);
	HOST_EXPECT(RESCHEDULES == host_watched_count());
	scenario_check_at_rest(0);
}

/*
 * P16, P23, P25 (lazy): a FIFO wakeup overtakes a fair kernel loop at once, behind a lazy request
 * or beside it, with one interrupt; the switch clears both.
 */
START_TEST(test_lazy_full_request_is_served_at_once)
{
	struct explore_scenario after = {
		"full after lazy", 2, boot_full_after_lazy, check_overtaken, NULL, 0, NULL
	};
	struct explore_scenario beside = {
		"full beside lazy", 3, boot_full_and_lazy, check_overtaken, NULL, 0, NULL
	};

	if (!HAS_LAZY) {
		return;
	}
	scenario_must_hold_within(&after, 2, LIMIT);
	scenario_must_hold_within(&beside, 1, LIMIT);
	scenario_must_survive(&beside, SAMPLES);
	scenario_must_catch_late(&after, "lazy-stops-full", "urgent_ran()", LIMIT);
	scenario_must_catch_late(&after, "lazy-kept", "& BOTH_FLAGS", LIMIT);
}
END_TEST

static void
boot_two_lazy(void)
{
	preempt_model_set(PREEMPT_LAZY);
	boot_heavy(0);
	boot_heavy(1);
	wakers = 2;
	computing = scenario_task(0, pass_points, NULL);
	host_watch(&computing->flags, TIF_NEED_RESCHED_LAZY, 0, 0);
	scenario_task(1, wake_heavy, (void *)0);
	scenario_task(2, wake_heavy, (void *)1);
	scenario_name_cpus(3);
}

static void
check_two_lazy(void)
{
	HOST_EXPECT(RESCHEDULES == 0);
	HOST_EXPECT(host_watched_count() >= 1);
	HOST_EXPECT(heavy_runs == 2);
	scenario_check_at_rest(0);
}

/* P25 (lazy): two cpus race with lazy requests for a third: no interrupt at all. */
START_TEST(test_lazy_requests_of_two_cpus_send_nothing)
{
	struct explore_scenario scenario = {
		"two lazy requests", 3, boot_two_lazy, check_two_lazy, NULL, 0, NULL
	};

	if (!HAS_LAZY) {
		return;
	}
	scenario_must_hold_within(&scenario, 1, LIMIT);
	scenario_must_survive(&scenario, SAMPLES);
	scenario_must_catch_late(&scenario, "lazy-sends", "RESCHEDULES == 0", LIMIT);
}
END_TEST

/* ---- one request after another, by hand ---- */

static uint32_t
flags_after(void (*first)(struct rq *), void (*second)(struct rq *))
{
	struct rq *rq = this_cpu_ptr(&runqueue);
	uint32_t flags;

	raw_spin_lock(&rq->lock);
	first(rq);
	second(rq);
	flags = atomic_load(&rq->curr->flags) & BOTH_FLAGS;
	HOST_EXPECT(test_preempt_need_resched() == need_resched());
	clear_tsk_need_resched(rq->curr);
	clear_preempt_need_resched();
	raw_spin_unlock(&rq->lock);
	return flags;
}

static void
request_by_hand(void *arg)
{
	uint32_t lazy = preempt_model() == PREEMPT_LAZY ? TIF_NEED_RESCHED_LAZY : TIF_NEED_RESCHED;

	(void)arg;
	host_gate();
	arch_irq_disable();
	HOST_EXPECT(flags_after(resched_curr_lazy, resched_curr_lazy) == lazy);
	HOST_EXPECT(flags_after(resched_curr_lazy, resched_curr) == (lazy | TIF_NEED_RESCHED));
	HOST_EXPECT(flags_after(resched_curr, resched_curr_lazy) == TIF_NEED_RESCHED);
	HOST_EXPECT(flags_after(resched_curr, resched_curr) == TIF_NEED_RESCHED);
	arch_irq_enable();
	scenario_done();
	host_stop();
}

static enum preempt_model model;

static void
boot_by_hand(void)
{
	preempt_model_set(model);
	scenario_task(0, request_by_hand, NULL);
}

static void
check_by_hand(void)
{
	scenario_check_at_rest(1);
}

/*
 * P25, P26 (every): what is asked twice is asked once; full after lazy is both, lazy after full is
 * full; in the other models lazy is full. What is full is folded, and nothing else.
 */
START_TEST(test_lazy_and_full_in_any_order)
{
	for (model = PREEMPT_NONE; model < PREEMPT_MODEL_COUNT; model++) {
		if (scenario_has_model(model)) {
			scenario_must_hold(&(struct explore_scenario){ preempt_model_names[model],
			                                               1, boot_by_hand,
			                                               check_by_hand, NULL, 0,
			                                               NULL },
			                   LIMIT);
		}
	}
}
END_TEST

static void
ask_idle_lazily(void *arg)
{
	struct rq *rq = &per_cpu(runqueue, 0);

	(void)arg;
	scenario_gate();
	arch_irq_disable();
	raw_spin_lock(&rq->lock);
	resched_curr_lazy(rq);
	raw_spin_unlock(&rq->lock);
	host_stop();
}

static void
boot_idle(void)
{
	preempt_model_set(PREEMPT_LAZY);
	host_watch(&per_cpu(runqueue, 0).idle->flags, TIF_NEED_RESCHED, 0, 0);
	scenario_task(1, ask_idle_lazily, NULL);
	scenario_name_cpus(2);
}

static void
check_idle(void)
{
	HOST_EXPECT(host_watched_count() == 1);
	HOST_EXPECT(!(atomic_load(&per_cpu(runqueue, 0).idle->flags) & BOTH_FLAGS));
	scenario_check_at_rest(0);
}

/* P27, B4 (lazy): a lazy request to a cpu that idles is a full one, and idle answers it. */
START_TEST(test_lazy_request_to_idle_is_full)
{
	struct explore_scenario scenario = {
		"lazy, to idle", 2, boot_idle, check_idle, NULL, 0, NULL
	};

	if (!HAS_LAZY) {
		return;
	}
	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch_late(&scenario, "lazy-for-idle", "host_watched_count() == 1", LIMIT);
}
END_TEST

/* ---- live switches of the model ---- */

/* In the model that it comes to, whichever: a loop that looks, and is interrupted by ticks. */
static void
compute_and_look(void *arg)
{
	(void)arg;
	scenario_gate();
	preempt_model_set(model);
	start_ticks();
	while (!atomic_load(&overtaken)) { /* bounded: the ticks come */
		if (need_resched()) {
			cond_resched();
		}
		arch_cpu_relax();
	}
	timer_cancel(&tick_timer);
	scenario_sleep();
}

static void
boot_away(void)
{
	preempt_model_set(PREEMPT_LAZY);
	boot_heavy(0);
	boot_computing(compute_and_look);
	scenario_task(1, wake_heavy, (void *)0);
	scenario_name_cpus(2);
}

static void
check_away(void)
{
	HOST_EXPECT(heavy_runs == 1);
	scenario_check_at_rest(0);
}

/*
 * P17 (every): a lazy request, made before, while or after the model switches from lazy to any, is
 * answered at a point of the new one, after the next tick at the latest.
 */
START_TEST(test_lazy_request_crosses_a_switch_of_the_model)
{
	struct explore_scenario scenario = {
		"lazy, switched away", 2, boot_away, check_away, NULL, 0, NULL
	};

	if (!HAS_LAZY) {
		return;
	}
	for (model = PREEMPT_NONE; model < PREEMPT_MODEL_COUNT; model++) {
		scenario.name = preempt_model_names[model];
		scenario_must_hold_within(&scenario, 2, LIMIT);
	}
	model = PREEMPT_NONE;
	scenario_must_catch_late(&scenario, "lazy-left-behind",
	                         "started with a lazy request, and has not promoted it", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lazy");
	TCase *tests = tcase_create("lazy");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_lazy_request_preempts_nowhere);
	tcase_add_test(tests, test_lazy_request_of_an_interrupt_is_not_folded);
	tcase_add_test(tests, test_lazy_slice_end_waits_for_the_tick_after);
	tcase_add_test(tests, test_lazy_wakeup_waits_for_the_next_tick);
	tcase_add_test(tests, test_lazy_full_request_is_served_at_once);
	tcase_add_test(tests, test_lazy_requests_of_two_cpus_send_nothing);
	tcase_add_test(tests, test_lazy_and_full_in_any_order);
	tcase_add_test(tests, test_lazy_request_to_idle_is_full);
	tcase_add_test(tests, test_lazy_request_crosses_a_switch_of_the_model);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
