// SPDX-License-Identifier: ISC
/*
 * Requests for a reschedule between cpus: the flag, the interrupt that tells of it, and the lock
 * under which it is asked.
 */
#include "guest/preempt.h"
#include "guest/sched.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 400000

static HOST_STATE struct task *computing;
static HOST_STATE struct atomic never;
static HOST_STATE unsigned int resched_cpu_calls;

/* It never gives the cpu back: an interrupt may come at any turn. */
static void
compute_for_good(void *arg)
{
	(void)arg;
	while (!atomic_load(&never)) { /* forever */
		if (!CONFIG_PREEMPT_COUNT) {
			cond_resched();
		}
		arch_cpu_relax();
	}
}

static void
compute(void *arg)
{
	host_gate();
	compute_for_good(arg);
}

static void
hold_lock(void *arg)
{
	struct rq *rq = &per_cpu(runqueue, 0);

	(void)arg;
	host_gate();
	arch_irq_disable();
	raw_spin_lock(&rq->lock);
	raw_spin_unlock(&rq->lock);
	host_stop();
}

static void
watch(const struct task *task)
{
	host_watch(&task->flags, TIF_NEED_RESCHED, TIF_POLLING_NRFLAG, 0);
}

static void
boot_target(bool computes, uint32_t others)
{
	if (computes) {
		computing = scenario_task(0, compute, NULL);
		scenario_name_task(computing, "computing");
		watch(computing);
	}
	watch(per_cpu(runqueue, 0).idle);
	scenario_name_cpus(others + 1);
}

static void
boot_one(void)
{
	boot_target(true, 1);
	scenario_task(1, scenario_ask, NULL);
}

static void
boot_two(void)
{
	boot_target(true, 2);
	scenario_task(1, scenario_ask, NULL);
	scenario_task(2, scenario_ask, NULL);
}

static void
boot_one_idle(void)
{
	boot_target(false, 1);
	scenario_task(1, scenario_ask, NULL);
}

static void
boot_two_idle(void)
{
	boot_target(false, 2);
	scenario_task(1, scenario_ask, NULL);
	scenario_task(2, scenario_ask, NULL);
}

static void
boot_held(void)
{
	boot_target(true, 2);
	resched_cpu_calls = 1;
	scenario_task(1, scenario_ask, NULL);
	scenario_task(2, hold_lock, NULL);
}

static void
check_requests(void)
{
	scenario_check_quiet(0);
	HOST_EXPECT(host_sent_count(0, IRQ_RESCHEDULE) == host_watched_count());
}

static void
check_held(void)
{
	check_requests();
	HOST_EXPECT(host_watched_count() == resched_cpu_calls);
}

static const struct explore_scenario one = {
	"request, computing", 2, boot_one, check_requests, NULL, 0, NULL
};
static const struct explore_scenario two = {
	"two requests, computing", 3, boot_two, check_requests, NULL, 0, NULL
};
static const struct explore_scenario one_idle = {
	"request, idle", 2, boot_one_idle, check_requests, NULL, 0, NULL
};
static const struct explore_scenario two_idle = {
	"two requests, idle", 3, boot_two_idle, check_requests, NULL, 0, NULL
};
static const struct explore_scenario held = {
	"request, the lock held", 3, boot_held, check_held, NULL, 0, NULL
};

/* Counters that look at the task's flags make for too many runs: there with two deviations. */
static void
must_hold_where_it_can(const struct explore_scenario *scenario, bool all)
{
	if (all) {
		scenario_must_hold(scenario, LIMIT);
	} else {
		scenario_must_hold_within(scenario, 2, LIMIT);
	}
}

/* P25, P26, P27: one interrupt for each time that the flag rises; and it is answered. */
START_TEST(test_request_to_a_computing_cpu_is_one_interrupt)
{
	scenario_must_hold(&one, LIMIT);
	scenario_must_catch(&one, "keep-request-on-stay", "!need_resched()", LIMIT);
}
END_TEST

/* P25: the same to an idle cpu, that may look for itself. */
START_TEST(test_request_to_an_idle_cpu_is_one_interrupt_or_none)
{
	scenario_must_hold(&one_idle, LIMIT);
}
END_TEST

/* P25: two cpus race for a third that computes. */
START_TEST(test_request_of_two_cpus_to_a_computing_third)
{
	must_hold_where_it_can(&two, CONFIG_PREEMPT_COUNT);
	scenario_must_catch(&two, "request-twice", "host_sent_count(0, IRQ_RESCHEDULE)", LIMIT);
}
END_TEST

/* P25: two cpus race for a third that idles. */
START_TEST(test_request_of_two_cpus_to_an_idle_third)
{
	scenario_must_hold(&two_idle, LIMIT);
	scenario_must_catch(&two_idle, "request-twice", "host_sent_count(0, IRQ_RESCHEDULE)",
	                    LIMIT);
}
END_TEST

/* P25, mutant: the machine sends two interrupts for one. */
START_TEST(test_request_sent_twice_is_noticed)
{
	struct explore_scenario scenario = one;

	scenario.name = "request, sent twice";
	scenario.broken = HOST_BROKEN_SEND_TWICE;
	scenario_must_fail(&scenario, "host_sent_count(0, IRQ_RESCHEDULE)", LIMIT);
}
END_TEST

/* P28: resched_cpu() waits for a lock that a third cpu holds. */
START_TEST(test_resched_cpu_waits_for_the_lock)
{
	scenario_must_hold(&held, LIMIT);
	scenario_must_catch(&held, "resched-cpu-trylock", "resched_cpu", LIMIT);
}
END_TEST

/* ---- requests with somebody to switch to ---- */

static HOST_STATE struct task *urgent[2];
static HOST_STATE unsigned int done_count;

static void
run_when_woken(void *arg)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	done_count++;
	compute_for_good(arg);
}

static void
wake_urgent(void *arg)
{
	host_gate();
	HOST_EXPECT(wake_up_state(urgent[(uintptr_t)arg], TASK_NORMAL));
	host_stop();
}

static void
block_soon(void *arg)
{
	(void)arg;
	host_gate();
	preempt_disable();
	preempt_enable();
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	host_fail("nobody wakes the computing task");
}

static void
boot_urgent(unsigned int wakers, void (*body)(void *))
{
	for (uintptr_t n = 0; n < wakers; n++) {
		urgent[n] = scenario_fifo_task(0, (uint8_t)(10 + 10 * n), run_when_woken, NULL);
		scenario_name_task(urgent[n], n == 0 ? "fifo10" : "fifo20");
		watch(urgent[n]);
		scenario_task((unsigned int)n + 1, wake_urgent, (void *)n);
	}
	if (body != NULL) {
		computing = scenario_task(0, body, NULL);
		scenario_name_task(computing, "computing");
		watch(computing);
	}
	watch(per_cpu(runqueue, 0).idle);
	scenario_name_cpus(wakers + 1);
}

static void
boot_urgent_blocking(void)
{
	boot_urgent(1, block_soon);
}

static void
boot_urgent_computing(void)
{
	boot_urgent(1, compute);
}

static void
boot_urgent_two(void)
{
	boot_urgent(2, compute);
}

static void
boot_urgent_two_idle(void)
{
	boot_urgent(2, NULL);
}

static void
check_urgent_ran(void)
{
	const unsigned int wanted = 1;

	HOST_EXPECT(done_count == wanted);
	scenario_check_quiet(0);
}

static void
check_urgent_one(void)
{
	check_urgent_ran();
	HOST_EXPECT(host_sent_count(0, IRQ_RESCHEDULE) == host_watched_count());
}

/* The more important one runs; the other may not have come to it. */
static void
check_urgent_two(void)
{
	scenario_check_quiet(0);
	HOST_EXPECT(per_cpu(current_task, 0) == urgent[1]);
	HOST_EXPECT(atomic_load(&urgent[0]->on_rq) == TASK_ON_RQ_QUEUED);
	HOST_EXPECT(host_sent_count(0, IRQ_RESCHEDULE) == host_watched_count());
}

static const struct explore_scenario urgent_blocking = {
	"a wakeup, blocking", 2, boot_urgent_blocking, check_urgent_one, NULL, 0, NULL
};
static const struct explore_scenario urgent_computing = {
	"a wakeup, computing", 2, boot_urgent_computing, check_urgent_one, NULL, 0, NULL
};
static const struct explore_scenario urgent_two = {
	"two wakeups, computing", 3, boot_urgent_two, check_urgent_two, NULL, 0, NULL
};

static const struct explore_scenario urgent_two_idle = {
	"two wakeups, idle", 3, boot_urgent_two_idle, check_urgent_two, NULL, 0, NULL
};

/* P25, P26, P27: the request of a wakeup reaches a task that computes, and one that just blocks. */
START_TEST(test_request_of_a_wakeup_reaches_a_task)
{
	struct explore_scenario scenario = urgent_computing;

	scenario_must_hold(&urgent_blocking, LIMIT);
	scenario_must_hold(&urgent_computing, LIMIT);
	scenario.check = check_urgent_ran;
	if (HOST_FOLDS) {
		scenario_must_catch(&scenario, "forget-fold", "done_count == wanted", LIMIT);
	}
	if (CONFIG_PREEMPT_COUNT) { /* else it looks at its flag by itself */
		scenario_must_catch(&scenario, "no-resched-ipi", "done_count == wanted", LIMIT);
		scenario_must_catch(&scenario, "request-unordered", "done_count == wanted", LIMIT);
	}
}
END_TEST

/* P25, P27: two cpus wake a FIFO task each on a third that computes. */
START_TEST(test_request_of_two_wakeups_to_a_computing_third)
{
	must_hold_where_it_can(&urgent_two, HOST_FOLDS);
	scenario_must_hold(&urgent_two_idle, LIMIT);
	scenario_must_catch(&urgent_two, "request-twice", "host_sent_count(0, IRQ_RESCHEDULE)",
	                    LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("request");
	TCase *tests = tcase_create("request");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_request_to_a_computing_cpu_is_one_interrupt);
	tcase_add_test(tests, test_request_to_an_idle_cpu_is_one_interrupt_or_none);
	tcase_add_test(tests, test_request_of_two_cpus_to_a_computing_third);
	tcase_add_test(tests, test_request_of_two_cpus_to_an_idle_third);
	tcase_add_test(tests, test_request_sent_twice_is_noticed);
	tcase_add_test(tests, test_resched_cpu_waits_for_the_lock);
	tcase_add_test(tests, test_request_of_a_wakeup_reaches_a_task);
	tcase_add_test(tests, test_request_of_two_wakeups_to_a_computing_third);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
