// SPDX-License-Identifier: ISC
/*
 * Softirqs at an interrupt's exit and at the outermost local_bh_enable(): where they run, what they
 * may not miss, and where a request that they make is answered. ksoftirqd is not there: what these
 * two leave would stay.
 */
#include "guest/softirq.h"

#include <stdio.h>

#include "guest/bottom_half.h"
#include "guest/sched.h"
#include "guest/spinlock.h"
#include "guest/timer.h"
#include "tests/explore/scenario.h"
#include "tests/explore/urgent.h"
#include "tests/unit/suite.h"

#define LIMIT 100000

static HOST_STATE struct timer timer;
static HOST_STATE struct spinlock lock;

/* By vector: how often it was raised, and what of that its last run has seen. */
static HOST_STATE unsigned int raised[NR_SOFTIRQS];
static HOST_STATE unsigned int seen[NR_SOFTIRQS];
static HOST_STATE unsigned int inside;
static HOST_STATE bool bh_is_off;

static unsigned int hits; /* interrupts in the window, over all runs */

static bool
all_seen(void)
{
	return raised[NET_TX_SOFTIRQ] == seen[NET_TX_SOFTIRQ] &&
	       raised[NET_RX_SOFTIRQ] == seen[NET_RX_SOFTIRQ];
}

static void
see(enum softirq nr)
{
	HOST_EXPECT(inside == 0);
	HOST_EXPECT(!bh_is_off);
	HOST_EXPECT(in_serving_softirq());
	HOST_EXPECT(!in_hardirq());
	inside++;
	seen[nr] = raised[nr];
	preempt_count(); /* an interrupt may come here */
	inside--;
}

static void
serve_tx(void)
{
	see(NET_TX_SOFTIRQ);
}

static void
serve_rx(void)
{
	see(NET_RX_SOFTIRQ);
}

static void
raise_rx(struct timer *self)
{
	(void)self;
	raised[NET_RX_SOFTIRQ]++;
	raise_softirq_irqoff(NET_RX_SOFTIRQ);
}

static void
raise_in_task(enum softirq nr)
{
	raised[nr]++; /* behind it the interrupt's run of the same vector may be the one that sees
	               */
	raise_softirq(nr);
}

/* In boot(): body on cpu 0, against a timer's interrupt that raises NET_RX. */
static void
boot_with(void (*body)(void *))
{
	open_softirq(NET_TX_SOFTIRQ, serve_tx);
	open_softirq(NET_RX_SOFTIRQ, serve_rx);
	timer_init(&timer, raise_rx);
	scenario_task(0, body, NULL);
}

static void
begin(void)
{
	scenario_gate();
	timer_start(&timer, 0);
}

static _Noreturn void
finish(void)
{
	scenario_take_interrupts();
	HOST_EXPECT(all_seen());
	HOST_EXPECT(local_softirq_pending() == 0);
	host_stop();
}

/* ---- what is raised meanwhile ---- */

static void
raise_same(void *unused)
{
	(void)unused;
	begin();
	local_bh_disable();
	raise_in_task(NET_RX_SOFTIRQ);
	local_bh_enable();
	finish();
}

static void
raise_other(void *unused)
{
	(void)unused;
	begin();
	local_bh_disable();
	raise_in_task(NET_TX_SOFTIRQ);
	local_bh_enable();
	finish();
}

static void
boot_same(void)
{
	boot_with(raise_same);
}

static void
boot_other(void)
{
	boot_with(raise_other);
}

static void
note_serving(unsigned int cpu)
{
	hits += cpu == 0 && in_serving_softirq();
}

static const struct explore_scenario same_vector = {
	"the same vector is raised in the loop", 1, boot_same, NULL, NULL, 0, NULL
};
static const struct explore_scenario other_vector = {
	"another vector is raised in the loop", 1, boot_other, NULL, NULL, 0, NULL
};

/* P41: wherever the interrupt comes that raises a vector, the vector runs after that. */
START_TEST(test_softirq_raised_meanwhile_is_served)
{
	host_interrupt_seen = note_serving;
	scenario_must_hold(&same_vector, LIMIT);
	scenario_must_hold(&other_vector, LIMIT);
	host_interrupt_seen = NULL;
	printf("%u interrupts of a softirq\n", hits);
	ck_assert_uint_gt(hits, 0);
	scenario_must_catch(&other_vector, "softirq-cleared-late", "all_seen()", LIMIT);
	scenario_must_catch(&same_vector, "softirq-cleared-last", "all_seen()", LIMIT);
	scenario_must_catch(&same_vector, "softirq-looks-once", "all_seen()", LIMIT);
	scenario_must_catch(&other_vector, "softirq-raise-irqs-on", "all_seen()", LIMIT);
}
END_TEST

/* ---- bottom halves off ---- */

static void
keep_off(void *unused)
{
	(void)unused;
	begin();
	local_bh_disable();
	bh_is_off = true;
	spin_lock_bh(&lock);
	local_bh_disable();
	local_bh_enable();
	spin_unlock_bh(&lock);
	bh_is_off = false;
	local_bh_enable();
	finish();
}

static void
boot_off(void)
{
	boot_with(keep_off);
}

static void
note_off(unsigned int cpu)
{
	hits += cpu == 0 && bh_is_off;
}

/*
 * P40: an interrupt of code with bottom halves off leaves its softirq to the outermost enable; one
 * of a softirq serves none itself.
 */
START_TEST(test_softirq_waits_for_the_outermost_enable)
{
	struct explore_scenario scenario = {
		"an interrupt with bottom halves off", 1, boot_off, NULL, NULL, 0, NULL
	};

	hits = 0;
	host_interrupt_seen = note_off;
	scenario_must_hold(&scenario, LIMIT);
	host_interrupt_seen = NULL;
	printf("%u interrupts with bottom halves off\n", hits);
	ck_assert_uint_gt(hits, 0);
	scenario_must_catch(&scenario, "softirq-nests", "!bh_is_off", LIMIT);
	scenario_must_catch(&scenario, "bh-enable-looks-first", "all_seen()", LIMIT);
	scenario_must_catch(&same_vector, "softirq-nests", "in_serving_softirq()", LIMIT);
}
END_TEST

/* The variant that does not serve leaves it to the next exit. */
static void
enable_without_serving(void *unused)
{
	(void)unused;
	scenario_gate();
	local_bh_disable();
	raise_in_task(NET_RX_SOFTIRQ);
	arch_irq_disable();
	_local_bh_enable();
	HOST_EXPECT(preempt_count() == 0);
	HOST_EXPECT(local_softirq_pending() == 1u << NET_RX_SOFTIRQ);
	HOST_EXPECT(seen[NET_RX_SOFTIRQ] == 0);
	arch_ipi_send(0, IRQ_RESCHEDULE);
	arch_irq_enable();
	finish();
}

static void
boot_unserved(void)
{
	boot_with(enable_without_serving);
}

static void
enable_then_interrupt(void *unused)
{
	(void)unused;
	scenario_gate();
	local_bh_disable();
	raise_in_task(NET_RX_SOFTIRQ);
	arch_irq_disable();
	_local_bh_enable();
	arch_ipi_send(0, IRQ_CALL);
	arch_irq_enable();
	finish();
}

static void
boot_unserved_call(void)
{
	boot_with(enable_then_interrupt);
}

/* P40: the enable that does not serve; a reschedule interrupt, a light one, serves none either. */
START_TEST(test_softirq_unserved_is_served_at_the_next_exit)
{
	scenario_must_hold(&(struct explore_scenario){ "_local_bh_enable, then an interrupt", 1,
	                                               boot_unserved_call, NULL, NULL, 0, NULL },
	                   LIMIT);
	scenario_must_fail(&(struct explore_scenario){ "_local_bh_enable, then a light interrupt",
	                                               1, boot_unserved, NULL, NULL, 0, NULL },
	                   "all_seen()", LIMIT);
}
END_TEST

/* ---- requests ---- */

static HOST_STATE unsigned int before;

static void
expect_no_switch(void)
{
	HOST_EXPECT(urgent_runs == before);
	preempt_count();
	HOST_EXPECT(urgent_runs == before);
}

static void
wake_in_softirq(void)
{
	HOST_EXPECT(wake_up_process(urgent));
	HOST_EXPECT(need_resched());
	expect_no_switch();
}

/* Against a request from the other cpu. */
static void
enable_asked(void *unused)
{
	bool asked;

	(void)unused;
	host_gate();
	local_bh_disable();
	before = urgent_runs;
	raise_softirq(BLOCK_SOFTIRQ);
	asked = urgent_overslept();
	local_bh_enable();
	HOST_EXPECT(!asked || urgent_runs == 1);
	HOST_EXPECT(!urgent_overslept());
	HOST_EXPECT(preempt_count() == 0);
	host_stop();
}

static void
boot_asked(void)
{
	open_softirq(BLOCK_SOFTIRQ, expect_no_switch);
	urgent_boot_asked(enable_asked);
}

static void
enable_woken(void *unused)
{
	(void)unused;
	scenario_gate();
	local_bh_disable();
	raise_softirq(BLOCK_SOFTIRQ);
	HOST_EXPECT(urgent_runs == 0);
	local_bh_enable();
	HOST_EXPECT(urgent_runs == 1);
	host_stop();
}

static void
boot_woken(void)
{
	preempt_model_set(PREEMPT_FULL);
	open_softirq(BLOCK_SOFTIRQ, wake_in_softirq);
	urgent_boot();
	scenario_fifo_task(0, 10, enable_woken, NULL);
}

static void
raise_block(struct timer *self)
{
	(void)self;
	raise_softirq_irqoff(BLOCK_SOFTIRQ);
}

static void
take_one_interrupt(void *unused)
{
	(void)unused;
	scenario_gate();
	timer_start(&timer, 0);
	scenario_take_interrupts();
	HOST_EXPECT(urgent_runs == 1);
	host_stop();
}

static void
boot_woken_at_exit(void)
{
	preempt_model_set(PREEMPT_FULL);
	open_softirq(BLOCK_SOFTIRQ, wake_in_softirq);
	timer_init(&timer, raise_block);
	urgent_boot();
	scenario_fifo_task(0, 10, take_one_interrupt, NULL);
}

/*
 * P44: local_bh_enable() serves with preemption off, wherever a request comes from, and switches
 * behind it; at an interrupt's exit the switch is the return's.
 */
START_TEST(test_softirq_request_is_answered_behind_it)
{
	struct explore_scenario asked = { "local_bh_enable with a softirq, asked",
		                          2,
		                          boot_asked,
		                          urgent_check_at_most_once,
		                          NULL,
		                          0,
		                          NULL };
	struct explore_scenario woken = {
		"a softirq of local_bh_enable asks", 1, boot_woken, NULL, NULL, 0, NULL
	};

	if (!CONFIG_PREEMPT_COUNT) {
		return; /* nothing preempts such a kernel */
	}
	scenario_must_hold(&asked, LIMIT);
	scenario_must_hold(&woken, LIMIT);
	scenario_must_hold(&(struct explore_scenario){ "a softirq of an interrupt asks", 1,
	                                               boot_woken_at_exit, NULL, NULL, 0, NULL },
	                   LIMIT);
	scenario_must_catch(&asked, "bh-enable-preemptible", "urgent_runs == before", LIMIT);
	scenario_must_catch(&woken, "bh-enable-unasked", "urgent_runs == 1", LIMIT);
}
END_TEST

/* ---- order and count ---- */

static HOST_STATE enum softirq served_order[4];
static HOST_STATE unsigned int served_count;

static void
note_order(enum softirq nr)
{
	served_order[served_count++] = nr;
}

static void
note_rcu(void)
{
	note_order(RCU_SOFTIRQ);
}

static void
note_hi(void)
{
	note_order(HI_SOFTIRQ);
}

/* Raises a lower one than itself: that waits for the next round. */
static void
note_timer(void)
{
	note_order(TIMER_SOFTIRQ);
	raise_softirq(HI_SOFTIRQ);
}

static void
raise_three(void *unused)
{
	(void)unused;
	scenario_gate();
	local_bh_disable();
	raise_softirq(RCU_SOFTIRQ);
	raise_softirq(TIMER_SOFTIRQ);
	raise_softirq(HI_SOFTIRQ);
	local_bh_enable();
	HOST_EXPECT(served_count == 4);
	HOST_EXPECT(served_order[0] == HI_SOFTIRQ);
	HOST_EXPECT(served_order[1] == TIMER_SOFTIRQ);
	HOST_EXPECT(served_order[2] == RCU_SOFTIRQ);
	HOST_EXPECT(served_order[3] == HI_SOFTIRQ);
	HOST_EXPECT(softirq_served(0, HI_SOFTIRQ) == 2);
	HOST_EXPECT(softirq_served(0, RCU_SOFTIRQ) == 1);
	HOST_EXPECT(softirq_served(0, TASKLET_SOFTIRQ) == 0);
	host_stop();
}

static void
boot_order(void)
{
	open_softirq(HI_SOFTIRQ, note_hi);
	open_softirq(TIMER_SOFTIRQ, note_timer);
	open_softirq(RCU_SOFTIRQ, note_rcu);
	scenario_task(0, raise_three, NULL);
}

/* P41: the lowest number first; what is raised meanwhile is of the next round, each counted. */
START_TEST(test_softirq_vectors_are_served_in_order)
{
	scenario_must_hold(
		&(struct explore_scenario){ "three vectors", 1, boot_order, NULL, NULL, 0, NULL },
		LIMIT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("softirqs");
	TCase *tests = tcase_create("softirqs");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_softirq_raised_meanwhile_is_served);
	tcase_add_test(tests, test_softirq_waits_for_the_outermost_enable);
	tcase_add_test(tests, test_softirq_unserved_is_served_at_the_next_exit);
	tcase_add_test(tests, test_softirq_request_is_answered_behind_it);
	tcase_add_test(tests, test_softirq_vectors_are_served_in_order);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
