// SPDX-License-Identifier: ISC
#include "tests/fuzz/sched/bell.h"

#include "guest/arch.h"
#include "guest/atomic.h"
#include "guest/interrupt.h"
#include "guest/irq_work.h"
#include "guest/preempt.h"
#include "guest/sleep.h"
#include "guest/smp.h"
#include "guest/smp_call.h"
#include "guest/softirq.h"
#include "guest/tasklet.h"
#include "guest/workqueue.h"
#include "tests/fuzz/sched/promises.h"
#include "tests/host/machine.h"

#define DELAY_NS 2000u

enum bell {
	BELL_WORK,
	BELL_DELAYED_WORK,
	BELL_IRQ_WORK,
	BELL_TASKLET,
	BELL_CALL,
	BELL_SOFTIRQ,
	BELL_LINE,
	BELL_THREADED_LINE,
	BELL_COUNT,
};

static const char *const names[BELL_COUNT] = {
	"work", "delayed work", "irq_work", "tasklet", "call", "softirq", "line", "threaded line",
};

static HOST_STATE struct work work;
static HOST_STATE struct delayed_work delayed;
static HOST_STATE struct irq_work irq_work;
static HOST_STATE struct tasklet tasklet;
static HOST_STATE struct call_single_data call;

static HOST_STATE struct atomic rung[BELL_COUNT];
static HOST_STATE struct atomic heard[BELL_COUNT];
static HOST_STATE unsigned int inside[BELL_COUNT]; /* of those that one hears at a time */

static bool
may_be_heard_twice(enum bell bell)
{
	return bell == BELL_CALL || bell == BELL_SOFTIRQ;
}

/* Of two at a time the one that has heard more counts. */
static void
note_heard(struct atomic *word, uint32_t count)
{
	uint32_t old = atomic_load(word);

	while ((int32_t)(count - old) > 0) { /* bounded: one turn more for each change by others */
		if (atomic_try_cmpxchg(word, &old, count)) {
			return;
		}
	}
}

static void
hear(enum bell bell)
{
	bool alone = !may_be_heard_twice(bell);

	if (alone && inside[bell]++ != 0) {
		host_fail("%s runs twice at a time", names[bell]);
	}
	note_heard(&heard[bell], atomic_load(&rung[bell]));
	if (alone && --inside[bell] != 0) {
		host_fail("%s runs twice at a time", names[bell]);
	}
}

static void
by_work(struct work *self)
{
	HOST_EXPECT(self == &work);
	if (inside[BELL_WORK]++ != 0) {
		host_fail("work runs twice at a time");
	}
	if (atomic_load(&rung[BELL_WORK]) % 2 == 0) {
		schedule_timeout_uninterruptible(DELAY_NS); /* another worker runs meanwhile */
	}
	if (--inside[BELL_WORK] != 0) {
		host_fail("work runs twice at a time");
	}
	hear(BELL_WORK);
}

static void
by_delayed_work(struct work *self)
{
	HOST_EXPECT(self == &delayed.work);
	hear(BELL_DELAYED_WORK);
}

static void
by_irq_work(struct irq_work *unused)
{
	(void)unused;
	HOST_EXPECT(in_hardirq());
	hear(BELL_IRQ_WORK);
}

static void
by_tasklet(struct tasklet *unused)
{
	(void)unused;
	HOST_EXPECT(in_serving_softirq());
	hear(BELL_TASKLET);
}

static void
by_call(struct call_single_data *unused)
{
	(void)unused;
	HOST_EXPECT(arch_irqs_disabled());
	hear(BELL_CALL);
}

static void
by_softirq(void)
{
	HOST_EXPECT(in_serving_softirq());
	hear(BELL_SOFTIRQ);
}

static enum irqreturn
by_line(unsigned int irq, void *unused)
{
	HOST_EXPECT(irq == IRQ_SOFT0);
	(void)unused;
	HOST_EXPECT(in_hardirq());
	hear(BELL_LINE);
	return IRQ_HANDLED;
}

static enum irqreturn
by_thread(unsigned int irq, void *unused)
{
	HOST_EXPECT(irq == IRQ_SOFT1);
	(void)unused;
	HOST_EXPECT(preempt_count() == 0);
	hear(BELL_THREADED_LINE);
	return IRQ_HANDLED;
}

/* Written for hardirq, and made a thread. */
static enum irqreturn
by_forced(unsigned int irq, void *unused)
{
	(void)irq;
	(void)unused;
	HOST_EXPECT(arch_irqs_disabled());
	HOST_EXPECT(softirq_count() == SOFTIRQ_DISABLE_OFFSET);
	return IRQ_NONE;
}

static void
raise(unsigned int cpu, enum irq_kind kind)
{
	preempt_disable();
	arch_ipi_send(cpu, kind);
	preempt_enable();
}

uint32_t
bell_ring(unsigned int bell, unsigned int cpu)
{
	uint32_t count = atomic_fetch_add(&rung[bell], 1) + 1;

	cpu %= cpu_count;
	switch (bell) {
	case BELL_WORK:
		count = queue_work_on(cpu, system_wq, &work) ? count : 0;
		break;
	case BELL_DELAYED_WORK:
		mod_delayed_work_on(cpu, system_wq, &delayed, cpu * DELAY_NS);
		break;
	case BELL_IRQ_WORK: /* of one cpu: two might run it at a time, as in Linux */
		irq_work_queue_on(&irq_work, 0);
		break;
	case BELL_TASKLET:
		tasklet_schedule(&tasklet);
		break;
	case BELL_CALL:
		smp_call_function_single_async(cpu, &call);
		break;
	case BELL_SOFTIRQ:
		raise_softirq(NET_RX_SOFTIRQ);
		break;
	case BELL_LINE:
		raise(cpu, IRQ_SOFT0);
		break;
	default:
		raise(cpu, IRQ_SOFT1);
		break;
	}
	return count;
}

static void
expect_heard(enum bell bell, uint32_t wanted)
{
	if ((int32_t)(atomic_load(&heard[bell]) - wanted) < 0) {
		host_fail("%s is flushed and was not heard", names[bell]);
	}
}

/* Who has it disabled for long keeps softirqs busy: with interrupts on, those of this cpu, too. */
static void
hold_tasklet(void)
{
	unsigned long flags = arch_irq_save();

	tasklet_disable_in_atomic(&tasklet);
	if (inside[BELL_TASKLET] != 0) {
		host_fail("tasklet runs while it is disabled");
	}
	tasklet_enable(&tasklet);
	arch_irq_restore(flags);
}

void
bell_flush(unsigned int bell, uint32_t wanted)
{
	switch (bell) {
	case BELL_WORK:
		flush_work(&work);
		expect_heard(bell, wanted);
		break;
	case BELL_IRQ_WORK:
		irq_work_sync(&irq_work);
		expect_heard(bell, wanted);
		break;
	case BELL_TASKLET:
		hold_tasklet();
		break;
	case BELL_LINE:
		synchronize_irq(IRQ_SOFT0);
		break;
	case BELL_THREADED_LINE:
		synchronize_irq(IRQ_SOFT1);
		break;
	default:
		break;
	}
}

static const enum bell line_bells[] = { BELL_LINE, BELL_THREADED_LINE };

static void
expect_silence(unsigned int line)
{
	if (inside[line_bells[line]] != 0) {
		host_fail("%s is handled while it is disabled", names[line_bells[line]]);
	}
}

void
bell_begin_line_off(unsigned int line)
{
	disable_irq(IRQ_SOFT0 + line);
	expect_silence(line);
}

void
bell_end_line_off(unsigned int line)
{
	expect_silence(line);
	enable_irq(IRQ_SOFT0 + line);
}

void
bell_boot(void)
{
	INIT_WORK(&work, by_work);
	INIT_DELAYED_WORK(&delayed, by_delayed_work);
	init_irq_work(&irq_work, by_irq_work);
	tasklet_setup(&tasklet, by_tasklet);
	call = (struct call_single_data)CALL_SINGLE_DATA_INIT(by_call);
	open_softirq(NET_RX_SOFTIRQ, by_softirq);
	HOST_EXPECT(request_irq(IRQ_SOFT0, by_line, IRQF_SHARED, "bell", &rung[BELL_LINE]) == 0);
	HOST_EXPECT(request_threaded_irq(IRQ_SOFT1, NULL, by_thread, IRQF_SHARED | IRQF_ONESHOT,
	                                 "bell", &rung[BELL_THREADED_LINE]) == 0);
	promises_force_threads(true);
	HOST_EXPECT(request_irq(IRQ_SOFT1, by_forced, IRQF_SHARED, "forced", &heard) == 0);
	promises_force_threads(false);
}

void
bell_check(void)
{
	for (unsigned int bell = 0; bell < BELL_COUNT; bell++) {
		if (atomic_load(&heard[bell]) != atomic_load(&rung[bell])) {
			host_fail("%s is not heard", names[bell]);
		}
		HOST_EXPECT(inside[bell] == 0);
	}
}
