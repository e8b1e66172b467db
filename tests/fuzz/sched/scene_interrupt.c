// SPDX-License-Identifier: ISC
/*
 * Scenes of what interrupts: an irq_work that is asked for while it runs, an interrupt that reads
 * where a task reads and another waits to write, and NMIs that come within one.
 */
#include <stddef.h>

#include "guest/arch.h"
#include "guest/irq_work.h"
#include "guest/nmi.h"
#include "guest/preempt.h"
#include "guest/rwlock.h"
#include "guest/smp.h"
#include "guest/timer.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/host/machine.h"

#define ROUNDS 8
#define ASKS   3

static HOST_STATE unsigned int target; /* the cpu that is asked */
static HOST_STATE unsigned int delay;

static void
prepare(unsigned int cpu, unsigned int form)
{
	target = cpu % cpu_count;
	delay = form;
}

/* ---- an irq_work that is asked for again ---- */

static HOST_STATE struct irq_work again;
static HOST_STATE struct atomic again_wanted;
static HOST_STATE struct atomic again_seen;

/* What is wanted from here on is another run's. */
static void
see_and_linger(struct irq_work *unused)
{
	(void)unused;
	atomic_store(&again_seen, atomic_load(&again_wanted));
	scene_pass(12);
}

static void
want(void)
{
	atomic_fetch_add(&again_wanted, 1);
	irq_work_queue_on(&again, target);
}

/* The run for the first may have begun before what its cpu stores stays in flight. */
static void
want_often(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_let_go();
		want();
		scene_pass((n * 7 + delay * 3) % 23);
		scene_meet(1);
		want();
		irq_work_sync(&again);
		if (atomic_load(&again_seen) != atomic_load(&again_wanted)) {
			host_fail("an irq_work is not called for who asked last");
		}
	}
}

static void
play_again(unsigned int cpu, unsigned int form)
{
	prepare(cpu, form);
	atomic_store(&again_wanted, 0);
	init_irq_work(&again, see_and_linger);
	scene_cast(want_often, NULL, cpu + 1);
	scene_join();
}

/* ---- an interrupt that reads ---- */

static HOST_STATE DEFINE_RWLOCK(read_by_all);
static HOST_STATE struct timer reading;

static void
read_in_interrupt(struct timer *unused)
{
	(void)unused;
	read_lock(&read_by_all);
	scene_pass(2);
	read_unlock(&read_by_all);
}

static void
read_interrupted(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_meet(2);
		read_lock(&read_by_all);
		scene_pass((n + delay) * 3 % 11);
		timer_start(&reading, arch_clock_ns());
		scene_pass(4);
		read_unlock(&read_by_all);
	}
	timer_cancel(&reading);
}

static void
write_often(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_meet(2);
		write_lock_irq(&read_by_all);
		scene_pass(1);
		write_unlock_irq(&read_by_all);
	}
}

static void
play_reader(unsigned int cpu, unsigned int form)
{
	prepare(cpu, form);
	timer_init(&reading, read_in_interrupt);
	scene_cast(read_interrupted, NULL, cpu);
	scene_cast(write_often, NULL, cpu + 1);
	scene_join();
}

/* ---- NMIs that come in an NMI ---- */

static bool look_and_unblock(struct regs *regs);

static HOST_STATE struct nmi_handler nmi_handler = { .fn = look_and_unblock };
static HOST_STATE bool nmi_is_known;
static HOST_STATE struct atomic nmi_sent;
static HOST_STATE struct atomic nmi_seen;
static HOST_STATE bool nmi_inside;

/* As an exception in the handler would. */
static bool
look_and_unblock(struct regs *unused)
{
	(void)unused;
	if (raw_smp_processor_id() != target || atomic_load(&nmi_seen) == atomic_load(&nmi_sent)) {
		return false;
	}
	if (nmi_inside) {
		host_fail("an NMI is handled within another");
	}
	nmi_inside = true;
	atomic_store(&nmi_seen, atomic_load(&nmi_sent));
	host_nmi_unblock();
	scene_pass(2);
	nmi_inside = false;
	return true;
}

static void
take_nmis(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_meet(2);
		scene_meet(2);
		while (host_this->nmi_pending) { /* bounded: it comes */
			scene_pass(1);
		}
		if (atomic_load(&nmi_seen) != atomic_load(&nmi_sent)) {
			host_fail("an NMI that came within another is forgotten");
		}
	}
}

static void
send_nmis(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_meet(2);
		for (unsigned int i = 0; i < ASKS; i++) {
			atomic_fetch_add(&nmi_sent, 1);
			host_nmi_send(target);
			scene_pass((n * 5 + delay) % 7);
		}
		scene_meet(2);
	}
}

static void
play_nmis(unsigned int cpu, unsigned int form)
{
	prepare(cpu, form);
	if (!nmi_is_known) {
		register_nmi_handler(&nmi_handler);
		nmi_is_known = true;
	}
	scene_cast(take_nmis, NULL, cpu);
	scene_cast(send_nmis, NULL, cpu + 1);
	scene_join();
}

const struct scene scene_interrupts[] = {
	{ "an irq_work that is asked for again", play_again },
	{ "an interrupt reads what is read and written", play_reader },
	{ "NMIs that come in an NMI", play_nmis },
	{ NULL, NULL },
};
