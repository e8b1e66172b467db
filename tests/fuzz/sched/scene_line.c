// SPDX-License-Identifier: ISC
/*
 * Scenes of an interrupt line that nobody else has, and of one that is shared; and of timers.
 */
#include <stddef.h>

#include "guest/arch.h"
#include "guest/errno.h"
#include "guest/interrupt.h"
#include "guest/irq_desc.h"
#include "guest/preempt.h"
#include "guest/smp.h"
#include "guest/timer.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/host/machine.h"

#define LINE      IRQ_EVENT
#define ROUNDS    8
#define THREAD_NS 1000u

static HOST_STATE struct atomic inside;
static HOST_STATE struct atomic off; /* disabled, or freed */
static HOST_STATE struct atomic taken;
static HOST_STATE uint32_t device;

static void
raise_line(unsigned int cpu)
{
	preempt_disable();
	arch_ipi_send(cpu, LINE);
	preempt_enable();
}

static void
pass_inside(void)
{
	atomic_fetch_add(&inside, 1);
	if (atomic_load(&off)) {
		host_fail("a line is handled that is disabled");
	}
	scene_pass(10);
	atomic_fetch_sub(&inside, 1);
	atomic_fetch_add(&taken, 1);
}

static enum irqreturn
handle(unsigned int irq, void *unused)
{
	(void)irq;
	(void)unused;
	HOST_EXPECT(in_hardirq());
	pass_inside();
	return IRQ_HANDLED;
}

static enum irqreturn
handle_in_thread(unsigned int irq, void *unused)
{
	(void)irq;
	(void)unused;
	HOST_EXPECT(preempt_count() == 0);
	atomic_fetch_add(&inside, 1);
	timer_sleep(THREAD_NS);
	atomic_fetch_sub(&inside, 1);
	atomic_fetch_add(&taken, 1);
	return IRQ_HANDLED;
}

static enum irqreturn
take_nothing(unsigned int irq, void *unused)
{
	(void)irq;
	(void)unused;
	atomic_fetch_add(&taken, 1);
	return IRQ_NONE;
}

static void
expect_nobody_inside(void)
{
	atomic_store_mb(&off, 1);
	if (atomic_load(&inside)) {
		host_fail("a line is being handled that is disabled or freed");
	}
	atomic_store_release(&off, 0);
}

/* form: 1: in a thread; 2: freed, and not disabled. */
static void
play_disable(unsigned int cpu, unsigned int form)
{
	bool threaded = form & 1;

	HOST_EXPECT((threaded ? request_threaded_irq(LINE, NULL, handle_in_thread, IRQF_ONESHOT,
	                                             "scene", &device)
	                      : request_irq(LINE, handle, 0, "scene", &device)) == 0);
	for (unsigned int n = 0; n < ROUNDS; n++) {
		raise_line((cpu + n) % cpu_count);
		scene_pass(4 * n);
		if (form & 2) {
			continue;
		}
		disable_irq(LINE);
		expect_nobody_inside();
		enable_irq(LINE);
	}
	free_irq(LINE, &device);
	expect_nobody_inside();
}

/* A line that is shared is asked to be shared. */
static void
play_disagreement(unsigned int cpu, unsigned int form)
{
	unsigned int line = form & 1 ? IRQ_SOFT0 : IRQ_SOFT1;
	int error = request_irq(line, handle, form & 2 ? IRQF_SHARED | IRQF_PERCPU : 0, "scene",
	                        &device);

	(void)cpu;
	if (error != -EBUSY) {
		host_fail("a line is requested that others share: %d", error);
	}
}

static void
play_spurious(unsigned int cpu, unsigned int form)
{
	struct irq_desc *desc = irq_to_desc(LINE);

	(void)form;
	atomic_store(&taken, 0);
	HOST_EXPECT(request_irq(LINE, take_nothing, 0, "scene", &device) == 0);
	raise_line(cpu);
	scene_await(&taken, 1);
	disable_irq(LINE);
	if (desc->unhandled_count == 0) {
		host_fail("an interrupt that nobody takes is not counted");
	}
	enable_irq(LINE);
	free_irq(LINE, &device);
}

/* ---- timers ---- */

#define TIMERS 3

static HOST_STATE struct timer timers[TIMERS];
static HOST_STATE struct atomic expired;

static void
expire_in_order(struct timer *timer)
{
	unsigned int number = atomic_fetch_add(&expired, 1);

	if (timer != &timers[number]) {
		host_fail("of timers that expire together, number %u comes as number %u",
		          (unsigned int)(timer - timers), number);
	}
}

static void
play_equals(unsigned int cpu, unsigned int form)
{
	uint64_t at_ns = arch_clock_ns() + 1000 * form;

	(void)cpu;
	atomic_store(&expired, 0);
	preempt_disable();
	for (unsigned int n = 0; n < TIMERS; n++) {
		timer_init(&timers[n], expire_in_order);
		timer_start(&timers[n], at_ns + 1000);
	}
	preempt_enable();
	scene_await(&expired, TIMERS);
}

static HOST_STATE struct timer common;
static HOST_STATE struct atomic common_inside;
static HOST_STATE struct atomic common_expired;

static void
expire_common(struct timer *unused)
{
	(void)unused;
	if (atomic_fetch_add(&common_inside, 1) != 0) {
		host_fail("a timer's function runs twice at a time");
	}
	scene_pass(10);
	atomic_fetch_sub(&common_inside, 1);
	atomic_fetch_add(&common_expired, 1);
}

#define STARTS 8

static void
start_common(void *arg)
{
	uint64_t late_ns = (uintptr_t)arg;

	for (unsigned int n = 0; n < STARTS; n++) {
		scene_meet(2);
		timer_start(&common, arch_clock_ns() + late_ns);
		scene_pass(n);
	}
}

/* By two cpus; what has expired runs at once. */
static void
play_starts(unsigned int cpu, unsigned int form)
{
	timer_init(&common, expire_common);
	scene_cast(start_common, (void *)(uintptr_t)(form & 1 ? 100 : 0), cpu);
	scene_cast(start_common, (void *)(uintptr_t)(form & 2 ? 100 : 0), cpu + 1);
	scene_join();
	timer_cancel(&common);
	HOST_EXPECT(!timer_pending(&common));
	HOST_EXPECT(atomic_load(&common_inside) == 0);
}

const struct scene scene_lines[] = {
	{ "a line is disabled while it is handled", play_disable },
	{ "a line is requested that is shared", play_disagreement },
	{ "an interrupt that nobody takes", play_spurious },
	{ "timers that expire together", play_equals },
	{ "a timer that two cpus start", play_starts },
	{ NULL, NULL },
};
