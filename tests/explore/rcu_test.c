// SPDX-License-Identifier: ISC
/*
 * Grace periods against readers on other cpus: tasks, code with preemption or interrupts off,
 * interrupts of idle. What an updater takes away stays alive for every reader that could see it.
 */
#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/rcu_gp.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/timer.h"
#include "tests/explore/guarded.h"
#include "tests/explore/scenario.h"
#include "tests/unit/suite.h"

#define LIMIT 1000000
#define FREED "a reader sees freed memory"

static void
check_one(void)
{
	guarded_check(1);
}

/* ---- who reads ---- */

static void
read_with_preemption_off(void)
{
	rcu_read_lock_sched();
	guarded_use(guarded_find());
	rcu_read_unlock_sched();
}

static void
read_with_bottom_halves_off(void)
{
	rcu_read_lock_bh();
	guarded_use(guarded_find());
	rcu_read_unlock_bh();
}

static void
read_with_irqs_off(void)
{
	arch_irq_disable();
	guarded_use(guarded_find());
	arch_irq_enable();
}

/* A reader all the time, by one thing or the other. */
static void
read_overlapping(void)
{
	const struct guarded *object;

	rcu_read_lock();
	object = guarded_find();
	arch_irq_disable();
	rcu_read_unlock();
	preempt_disable();
	arch_irq_enable();
	guarded_use(object);
	preempt_enable();
}

static void
read_nested(void)
{
	const struct guarded *object;

	rcu_read_lock();
	object = guarded_find();
	guarded_read();
	guarded_use(object);
	rcu_read_unlock();
}

static void (*reader)(void);

static void
read_and_sleep(void *unused)
{
	(void)unused;
	host_gate();
	reader();
	scenario_sleep();
}

/* ---- who updates ---- */

static bool expedited;

static void
update(void)
{
	guarded_unlink();
	rcu_grace_period(expedited);
	guarded_free();
	scenario_done();
	scenario_sleep();
}

static void
update_and_sleep(void *unused)
{
	(void)unused;
	host_gate();
	update();
}

static void
boot_reader(void)
{
	guarded_boot();
	scenario_task(0, read_and_sleep, NULL);
	scenario_task(1, update_and_sleep, NULL);
}

static void
boot_two_readers(void)
{
	guarded_boot();
	scenario_task(0, read_and_sleep, NULL);
	scenario_task(2, read_and_sleep, NULL);
	scenario_task(1, update_and_sleep, NULL);
}

static struct explore_scenario
scenario(const char *name, unsigned int cpus, void (*boot)(void), void (*read)(void), bool fast)
{
	reader = read;
	expedited = fast;
	return (struct explore_scenario){ name, cpus, boot, check_one, NULL, 0, NULL };
}

/* RCU: no reader that began before a grace period sees what is freed behind it; it ends. */
START_TEST(test_rcu_reader_is_waited_for)
{
	struct explore_scenario one =
		scenario("rcu, a reader", 2, boot_reader, guarded_read, false);

	scenario_must_hold(&one, LIMIT);
	scenario_must_catch(&one, "rcu-cpus-ignored", FREED, LIMIT);
}
END_TEST

/* RCU: two readers on cpus of their own, every order; and by interrupts, within a bound. */
START_TEST(test_rcu_two_readers_are_waited_for)
{
	struct explore_scenario two =
		scenario("rcu, two readers", 3, boot_two_readers, guarded_read, false);

	scenario_must_hold(&two, LIMIT);
	two = scenario("rcu expedited, two readers", 3, boot_two_readers, guarded_read, true);
	scenario_must_hold_within(&two, 2, LIMIT);
}
END_TEST

static const struct {
	const char *name;
	void (*read)(void);
} kinds[] = {
	{ "rcu_read_lock", guarded_read },
	{ "nested", read_nested },
	{ "preemption off", read_with_preemption_off },
	{ "bottom halves off", read_with_bottom_halves_off },
	{ "irqs off", read_with_irqs_off },
	{ "overlapping", read_overlapping },
};

#define KIND_COUNT (int)(sizeof(kinds) / sizeof(kinds[0]))

/* RCU: each kind of reader is waited for by a grace period that comes by and looks. */
START_TEST(test_rcu_each_kind_of_reader_is_waited_for)
{
	struct explore_scenario one =
		scenario(kinds[_i].name, 2, boot_reader, kinds[_i].read, false);

	scenario_must_hold(&one, LIMIT);
}
END_TEST

/* RCU: each kind is waited for by one that asks by an interrupt, wherever that hits. */
START_TEST(test_rcu_expedited_waits_for_each_kind_of_reader)
{
	struct explore_scenario one =
		scenario(kinds[_i].name, 2, boot_reader, kinds[_i].read, true);

	scenario_must_hold(&one, LIMIT);
}
END_TEST

/* RCU, mutant: an interrupt that asks says that code with preemption off is no reader. */
START_TEST(test_rcu_interrupt_sees_preemption_off)
{
	struct explore_scenario one =
		scenario("rcu expedited", 2, boot_reader, read_with_preemption_off, true);

	scenario_must_catch(&one, "rcu-count-ignored", FREED, LIMIT);
}
END_TEST

/* ---- switches ---- */

static void
yield_and_sleep(void *unused)
{
	(void)unused;
	host_gate();
	schedule();
	yield();
	scenario_sleep();
}

/* Comes after the switch. */
static void
read_after_switch(void *unused)
{
	(void)unused;
	guarded_read();
	scenario_sleep();
}

static void
boot_switch(void)
{
	guarded_boot();
	scenario_task(0, yield_and_sleep, NULL);
	scenario_task(0, read_after_switch, NULL);
	scenario_task(1, update_and_sleep, NULL);
}

/* RCU: a switch counts only if it comes after the first look, and a reader behind it is new. */
START_TEST(test_rcu_switch_is_passed_once_it_is_sure)
{
	struct explore_scenario switching = scenario("rcu, a switch", 2, boot_switch, NULL, false);

	scenario_must_hold(&switching, LIMIT);
	scenario_must_catch(&switching, "rcu-one-switch", FREED, LIMIT);
}
END_TEST

/* ---- idle ---- */

static HOST_STATE struct timer timer;
static HOST_STATE unsigned int reads;

static void
read_in_interrupt(struct timer *unused)
{
	(void)unused;
	HOST_EXPECT(in_hardirq());
	HOST_EXPECT(rcu_is_watching());
	guarded_read();
	reads++;
}

/* Due at once: the interrupt may come anywhere, and in idle. */
static void
be_interrupted_and_sleep(void *unused)
{
	(void)unused;
	timer_init(&timer, read_in_interrupt);
	host_gate();
	timer_start(&timer, 0);
	scenario_sleep();
}

static void
boot_interrupt(void)
{
	guarded_boot();
	scenario_task(0, be_interrupted_and_sleep, NULL);
	scenario_task(1, update_and_sleep, NULL);
}

static void
check_interrupt(void)
{
	check_one();
	HOST_EXPECT(reads == 1);
	HOST_EXPECT(rcu_is_idle_cpu(0));
}

/* RCU: a reader in an interrupt, of a task or of idle, is waited for. */
START_TEST(test_rcu_reader_in_an_interrupt_of_idle_is_waited_for)
{
	struct explore_scenario one =
		scenario("rcu, a reader in an interrupt", 2, boot_interrupt, NULL, false);

	one.check = check_interrupt;
	scenario_must_hold(&one, LIMIT);
	scenario_must_catch(&one, "rcu-gp-unordered", FREED, LIMIT);
}
END_TEST

static void
read_in_nmi(void)
{
	HOST_EXPECT(in_nmi());
	guarded_read();
	reads++;
}

static void
interrupt_and_update(void *unused)
{
	(void)unused;
	host_gate();
	host_nmi_send(0);
	update();
}

static void
boot_nmi(void)
{
	host_nmi_handler = read_in_nmi;
	guarded_boot();
	scenario_task(1, interrupt_and_update, NULL);
}

/*
 * RCU: likewise in an NMI of idle; without the barrier behind the change of context it is not seen.
 */
START_TEST(test_rcu_reader_in_an_nmi_of_idle_is_waited_for)
{
	struct explore_scenario one = scenario("rcu, a reader in an NMI", 2, boot_nmi, NULL, false);

	one.check = check_interrupt;
	scenario_must_hold(&one, LIMIT);
	scenario_must_catch(&one, "ct-enter-unordered", FREED, LIMIT);
	scenario_must_catch(&one, "rcu-gp-unordered", FREED, LIMIT);
	host_nmi_handler = NULL;
}
END_TEST

static void
boot_alone(void)
{
	guarded_boot();
	scenario_task(1, update_and_sleep, NULL);
}

static void
check_undisturbed(void)
{
	check_one();
	HOST_EXPECT(host_sent_count(0, IRQ_CALL) == 0);
	HOST_EXPECT(host_sent_count(0, IRQ_RESCHEDULE) == 0);
	HOST_EXPECT(atomic_load(&per_cpu(rcu_cpu, 0).asked) == RCU_ASKED_NOTHING);
}

/* RCU: an idle cpu is neither waited for nor woken, and nobody sleeps for it, in each haste. */
START_TEST(test_rcu_idle_cpu_is_not_disturbed)
{
	for (int fast = 0; fast < 2; fast++) {
		struct explore_scenario idle =
			scenario("rcu, an idle cpu", 2, boot_alone, NULL, fast);

		idle.check = check_undisturbed;
		scenario_must_hold(&idle, LIMIT);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rcu");
	TCase *tests = tcase_create("rcu");

	tcase_set_timeout(tests, SUITE_TIMEOUT_S);
	tcase_add_test(tests, test_rcu_reader_is_waited_for);
	tcase_add_test(tests, test_rcu_two_readers_are_waited_for);
	tcase_add_loop_test(tests, test_rcu_each_kind_of_reader_is_waited_for, 0, KIND_COUNT);
	tcase_add_loop_test(tests, test_rcu_expedited_waits_for_each_kind_of_reader, 0, KIND_COUNT);
	if (CONFIG_PREEMPT_COUNT) { /* else no interrupt believes that it can tell */
		tcase_add_test(tests, test_rcu_interrupt_sees_preemption_off);
	}
	tcase_add_test(tests, test_rcu_switch_is_passed_once_it_is_sure);
	tcase_add_test(tests, test_rcu_reader_in_an_interrupt_of_idle_is_waited_for);
	tcase_add_test(tests, test_rcu_reader_in_an_nmi_of_idle_is_waited_for);
	tcase_add_test(tests, test_rcu_idle_cpu_is_not_disturbed);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
