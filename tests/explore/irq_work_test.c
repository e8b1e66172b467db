// SPDX-License-Identifier: ISC
/*
 * Works for an interrupt: what an NMI asks for comes to be, wherever it hits; no queueing is lost;
 * and the end of a work is its end.
 */
#include "guest/irq_work.h"

#include <stdio.h>

#include "guest/context_tracking.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/sched.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/unit/suite.h"

#define LIMIT           2000000
#define SUITE_TIMEOUT_S 120

static HOST_STATE struct irq_work work;
static HOST_STATE struct atomic wanted; /* how often somebody had something for the work */
static HOST_STATE uint32_t served;
static HOST_STATE struct atomic spun_on; /* which nobody changes */
static HOST_STATE bool inside;

static void
boot_work(void (*fn)(struct irq_work *work))
{
	init_irq_work(&work, fn);
	explore_name(&work.flags, "work.flags");
	explore_show(&work.flags, NULL);
}

static void
send_nmis(void *count)
{
	host_gate();
	for (uintptr_t n = 0; n < (uintptr_t)count; n++) {
		host_nmi_send(0);
	}
	host_stop();
}

/* ---- where an NMI may hit ---- */

/* Windows: over all runs of a scenario. */
enum place { IN_TASK, PREEMPT_OFF, SWITCHING, IN_IRQ, IN_WORK, IN_IDLE, IDLE_ENTERED, PLACE_COUNT };

static const char *const place_names[PLACE_COUNT] = {
	"a task",         "preemption off", "the scheduler",          "an interrupt",
	"the work's run", "idle",           "idle's quiescent state",
};

static unsigned int hits[PLACE_COUNT];

static enum place
place_of_nmi(void)
{
	uint32_t count = preempt_count() - NMI_OFFSET - HARDIRQ_OFFSET;

	if (inside) {
		return IN_WORK;
	}
	if (count & HARDIRQ_MASK) {
		return IN_IRQ;
	}
	if (raw_spin_is_locked(&this_cpu_ptr(&runqueue)->lock)) {
		return SWITCHING;
	}
	if (ct_context() == CT_IDLE) {
		return IDLE_ENTERED;
	}
	if (task_is_idle(current)) {
		return IN_IDLE;
	}
	return count != 0 ? PREEMPT_OFF : IN_TASK;
}

static void
expect_hits(unsigned int first, unsigned int last)
{
	for (unsigned int place = first; place <= last; place++) {
		printf("window: an NMI in %s, hit %u times\n", place_names[place], hits[place]);
		ck_assert_uint_gt(hits[place], 0);
	}
}

static void
forget_hits(void)
{
	for (unsigned int place = 0; place < PLACE_COUNT; place++) {
		hits[place] = 0;
	}
}

/* ---- wakeups ---- */

static void
wake_urgent(struct irq_work *unused)
{
	(void)unused;
	inside = true;
	wake_up_process(urgent);
	inside = false;
}

static void
queue_in_nmi(void)
{
	hits[place_of_nmi()]++;
	irq_work_queue(&work);
}

/* Enables, a switch away, and idle behind it. */
static void
enable_and_sleep(void *arg)
{
	(void)arg;
	host_gate();
	preempt_disable();
	preempt_enable();
	scenario_sleep();
}

static enum preempt_model model;

static void
boot_wakeup(void)
{
	preempt_model_set(model);
	boot_work(wake_urgent);
	urgent_boot();
	scenario_task(0, enable_and_sleep, NULL);
	scenario_task(1, send_nmis, (void *)1);
}

static void
check_wakeup(void)
{
	served = urgent_runs;
	atomic_store(&wanted, 1);
	HOST_EXPECT(served == atomic_load(&wanted));
	HOST_EXPECT(!irq_work_is_busy(&work));
	HOST_EXPECT(!need_resched());
}

/*
 * P45 (none, full): a wakeup that an NMI asks for, at every point of an enable, the scheduler, the
 * idle loop, and the interrupt: the task runs, once.
 */
START_TEST(test_irq_work_wakeup_from_nmi_is_never_lost)
{
	static const enum preempt_model models[] = { PREEMPT_NONE, PREEMPT_FULL };
	struct explore_scenario scenario = {
		"a wakeup from NMI", 2, boot_wakeup, check_wakeup, NULL, 0, NULL
	};

	host_nmi_handler = queue_in_nmi;
	forget_hits();
	for (size_t n = 0; n < 2; n++) {
		model = models[n];
		if (scenario_has_model(model)) {
			scenario_must_hold(&scenario, LIMIT);
		}
	}
	expect_hits(IN_TASK, IN_TASK);
	expect_hits(SWITCHING, SWITCHING);
	expect_hits(IN_IDLE, IDLE_ENTERED);
	scenario_must_catch(&scenario, "irq-work-unsent", "served ==", LIMIT);
}
END_TEST

/* ---- requests ---- */

static void
ask_in_nmi(void)
{
	hits[place_of_nmi()]++;
	irq_work_resched();
}

/* It would spin for ever if the request did not become one. */
static void
spin_until_overtaken(void *arg)
{
	(void)arg;
	arch_irq_disable();
	urgent_make_ready();
	arch_irq_enable();
	host_gate();
	preempt_disable();
	preempt_enable();
	while (atomic_load(&spun_on) == 0 && !urgent_ran()) { /* bounded: it is overtaken */
		arch_cpu_relax();
	}
	scenario_done();
	scenario_sleep();
}

static void
boot_request(void)
{
	preempt_model_set(PREEMPT_FULL);
	urgent_boot();
	scenario_fifo_task(0, 10, spin_until_overtaken, NULL);
	scenario_task(1, send_nmis, (void *)1);
}

static void
check_request(void)
{
	HOST_EXPECT(urgent_runs == 1);
	scenario_check_at_rest(1);
}

/* P45 (full): so is a request for a reschedule: the task that computes is overtaken. */
START_TEST(test_irq_work_request_from_nmi_switches)
{
	struct explore_scenario scenario = {
		"a request from NMI", 2, boot_request, check_request, NULL, 0, NULL
	};

	if (!scenario_has_model(PREEMPT_FULL)) {
		return;
	}
	host_nmi_handler = ask_in_nmi;
	forget_hits();
	scenario_must_hold(&scenario, LIMIT);
	expect_hits(IN_TASK, PREEMPT_OFF);
	scenario_must_catch(&scenario, "irq-work-unsent", "urgent_runs == 1", LIMIT);
}
END_TEST

/* ---- queueing again ---- */

static void
serve(struct irq_work *unused)
{
	(void)unused;
	HOST_EXPECT(!inside);
	inside = true;
	served = atomic_load(&wanted);
	inside = false;
}

static void
want_in_nmi(void)
{
	hits[place_of_nmi()]++;
	atomic_fetch_add(&wanted, 1);
	irq_work_queue(&work);
}

static void
take_interrupts(void *arg)
{
	(void)arg;
	host_gate();
	for (;;) { /* forever */
		(void)atomic_load(&spun_on);
		arch_cpu_relax();
	}
}

static void
boot_again(void)
{
	boot_work(serve);
	scenario_task(0, take_interrupts, NULL);
	scenario_task(1, send_nmis, (void *)2);
}

static void
check_served(void)
{
	HOST_EXPECT(served == atomic_load(&wanted));
	HOST_EXPECT(!irq_work_is_busy(&work));
}

/*
 * P45: an NMI that queues a work again, before, in and after its run: each queueing is followed by
 * a run that begins behind it.
 */
START_TEST(test_irq_work_queued_again_runs_again)
{
	struct explore_scenario scenario = {
		"two NMIs, one work", 2, boot_again, check_served, NULL, 0, NULL
	};

	host_nmi_handler = want_in_nmi;
	forget_hits();
	scenario_must_hold(&scenario, LIMIT);
	expect_hits(IN_IRQ, IN_WORK);
	scenario_must_catch(&scenario, "irq-work-cleared-late", "served ==", LIMIT);
	scenario_must_catch(&scenario, "irq-work-busy-forced",
	                    "assertion failed: flags & IRQ_WORK_PENDING", LIMIT);
}
END_TEST

/* ---- other cpus ---- */

static void
queue_remotely(void *arg)
{
	(void)arg;
	host_gate();
	for (uint32_t n = 1; n <= 2; n++) {
		atomic_store(&wanted, n);
		irq_work_queue_on(&work, 0);
	}
	host_stop();
}

static void
boot_remote(void)
{
	boot_work(serve);
	scenario_task(0, take_interrupts, NULL);
	scenario_task(1, queue_remotely, NULL);
}

/* P45: the same from another cpu, whose stores a run must see that it did not have to ask for. */
START_TEST(test_irq_work_remote_queueing_is_seen)
{
	struct explore_scenario scenario = {
		"a work queued twice from another cpu", 2, boot_remote, check_served, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "irq-work-unordered", "served ==", LIMIT);
}
END_TEST

static HOST_STATE bool is_gone;

static void
use(struct irq_work *unused)
{
	(void)unused;
	HOST_EXPECT(!is_gone);
	atomic_fetch_add(&wanted, 1);
	HOST_EXPECT(!is_gone);
	served++;
}

static void
queue_and_sync(void *arg)
{
	(void)arg;
	host_gate();
	irq_work_queue_on(&work, 0);
	irq_work_sync(&work);
	is_gone = true;
	HOST_EXPECT(served == atomic_load(&wanted));
	host_stop();
}

static void
boot_sync(void)
{
	boot_work(use);
	scenario_task(0, take_interrupts, NULL);
	scenario_task(1, queue_and_sync, NULL);
}

static void
check_sync(void)
{
	HOST_EXPECT(served == 1);
	HOST_EXPECT(is_gone);
}

/* P45: behind irq_work_sync() the function is over, and the work the caller's. */
START_TEST(test_irq_work_sync_waits_for_the_end)
{
	struct explore_scenario scenario = {
		"irq_work_sync", 2, boot_sync, check_sync, NULL, 0, NULL
	};

	scenario_must_hold(&scenario, LIMIT);
	scenario_must_catch(&scenario, "irq-work-sync-early", "!is_gone", LIMIT);
}
END_TEST

static void
queue_remotely_in_nmi(void)
{
	irq_work_queue_on(&work, 1);
}

static void
boot_forbidden(void)
{
	boot_work(serve);
	scenario_task(0, take_interrupts, NULL);
	scenario_task(1, send_nmis, (void *)1);
}

/* P45: an NMI that queues on another cpu is refused. */
START_TEST(test_irq_work_remote_from_nmi_is_refused)
{
	host_nmi_handler = queue_remotely_in_nmi;
	scenario_must_fail(&(struct explore_scenario){ "remote queueing in NMI", 2, boot_forbidden,
	                                               NULL, NULL, 0, NULL },
	                   "assertion failed: !in_nmi()", LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("irq_work");
	TCase *tests = tcase_create("irq_work");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_irq_work_wakeup_from_nmi_is_never_lost);
	tcase_add_test(tests, test_irq_work_request_from_nmi_switches);
	tcase_add_test(tests, test_irq_work_queued_again_runs_again);
	tcase_add_test(tests, test_irq_work_remote_queueing_is_seen);
	tcase_add_test(tests, test_irq_work_sync_waits_for_the_end);
	tcase_add_test(tests, test_irq_work_remote_from_nmi_is_refused);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
