// SPDX-License-Identifier: ISC
/*
 * A line of interrupts that software raises on every cpu: its handler leaves the work to a thread,
 * which goes to another cpu each time. The line is disabled now and then, and keeps what comes.
 */
#include "tests/scenario/everything/parts.h"

#include "guest/interrupt.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched_change.h"
#include "guest/smp.h"

static struct atomic asked;
static struct atomic served; /* of those, by the thread's last run */
static struct atomic running;
static struct atomic overlapped;

static enum irqreturn
handle(unsigned int irq, void *dev_id)
{
	(void)irq;
	(void)dev_id;
	count(PART_line);
	return IRQ_WAKE_THREAD;
}

static enum irqreturn
run_thread(unsigned int irq, void *dev_id)
{
	static uint32_t runs;

	(void)irq;
	(void)dev_id;
	if (atomic_fetch_add(&running, 1) != 0) {
		atomic_store(&overlapped, 1);
	}
	atomic_store(&served, atomic_load(&asked));
	count(PART_irq_thread);
	set_cpus_allowed(current, 1ull << (++runs % cpu_count));
	atomic_fetch_sub(&running, 1);
	return IRQ_HANDLED;
}

void
step_line(struct own *own, uint32_t draw)
{
	bool disables = draw % 32 == 0;

	(void)own;
	if (disables) {
		disable_irq(IRQ_SOFT0);
	}
	atomic_fetch_add(&asked, 1);
	preempt_disable();
	arch_ipi_send((unsigned int)(any(draw) - owns), IRQ_SOFT0);
	preempt_enable();
	rest(draw);
	if (disables) {
		enable_irq(IRQ_SOFT0);
	}
}

void
lines_prepare(void)
{
	int error = request_threaded_irq(IRQ_SOFT0, handle, run_thread, 0, "soak", &asked);

	ASSERT(error == 0);
}

bool
lines_quiet(void)
{
	return atomic_load(&asked) == atomic_load(&served);
}

void
lines_check(void)
{
	free_irq(IRQ_SOFT0, &asked);
	report(!atomic_load(&overlapped), "an interrupt's thread runs once at a time");
}
