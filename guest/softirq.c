// SPDX-License-Identifier: ISC
/*
 * Raising, and the loop that serves. ksoftirqd, which takes over what is too much, is
 * ksoftirqd.c's.
 */
#include "guest/softirq.h"

#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/irq_desc.h"
#include "guest/irq_stack.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/task.h"
#include "guest/trace.h"

DEFINE_PER_CPU(uint32_t, softirq_pending);
static DEFINE_PER_CPU(uint32_t, served[NR_SOFTIRQS]);

static void (*actions[NR_SOFTIRQS])(void);

uint32_t
softirq_served(unsigned int cpu, enum softirq nr)
{
	return per_cpu(served, cpu)[nr];
}

const char *
softirq_name(enum softirq nr)
{
	static const char *const names[NR_SOFTIRQS] = {
#define SOFTIRQ_NAME(name) [name##_SOFTIRQ] = #name,
		SOFTIRQS(SOFTIRQ_NAME)
#undef SOFTIRQ_NAME
	};

	ASSERT(nr < NR_SOFTIRQS);
	return names[nr];
}

void
open_softirq(enum softirq nr, void (*action)(void))
{
	ASSERT(nr < NR_SOFTIRQS);
	ASSERT(actions[nr] == NULL || actions[nr] == action);
	actions[nr] = action;
}

/* ---- raising ---- */

static void
wakeup_softirqd(void)
{
	struct task *thread = this_cpu_read(ksoftirqd);

	if (thread != NULL) {
		wake_up_process(thread);
	}
}

void
__raise_softirq_irqoff(enum softirq nr)
{
	ASSERT(arch_irqs_disabled() || bug(SOFTIRQ_RAISE_IRQS_ON));
	ASSERT(!in_nmi());
	ASSERT(nr < NR_SOFTIRQS);
	ASSERT(actions[nr] != NULL);
	trace(TRACE_softirq_raise, nr, 0);
	this_cpu_write(softirq_pending, this_cpu_read(softirq_pending) | 1u << nr);
}

void
raise_softirq_irqoff(enum softirq nr)
{
	__raise_softirq_irqoff(nr);
	if ((irq_count() == 0 && !bug(SOFTIRQ_RAISE_WAKES_NOBODY)) ||
	    bug(SOFTIRQ_RAISE_ALWAYS_WAKES)) {
		wakeup_softirqd();
	}
}

void
raise_softirq(enum softirq nr)
{
	unsigned long flags;

	if (bug(SOFTIRQ_RAISE_IRQS_ON)) {
		raise_softirq_irqoff(nr);
		return;
	}
	flags = arch_irq_save();
	raise_softirq_irqoff(nr);
	arch_irq_restore(flags);
}

/* ---- serving ---- */

/* A count that it leaks would be found at the end of all; here we know whose it is. */
static void
run_action(enum softirq nr)
{
	uint32_t count = preempt_count();

	this_cpu_add(served[nr], 1);
	trace(TRACE_softirq_entry, nr, (uintptr_t)actions[nr]);
	actions[nr]();
	trace(TRACE_softirq_exit, nr, (uintptr_t)actions[nr]);
	if (bug(LEAK_IN_SOFTIRQ)) {
		preempt_disable();
	}
	if (preempt_count() != count) {
		panic("softirq %u, %s, %lx: preempt_count %08x at its end, %08x at its start", nr,
		      softirq_name(nr), (uintptr_t)actions[nr], preempt_count(), count);
	}
	if (arch_irqs_disabled()) {
		panic("softirq %u, %s, %lx leaves interrupts off", nr, softirq_name(nr),
		      (uintptr_t)actions[nr]);
	}
}

/*
 * What is pending, lowest first. Cleared while no interrupt can raise: what it raises from then on
 * is of the next round. irqs off, at entry and at return.
 */
static void
run_round(void)
{
	uint32_t pending = local_softirq_pending();

	if (bug(SOFTIRQ_CLEARED_LATE)) {
		arch_irq_enable();
	}
	if (!bug(SOFTIRQ_CLEARED_LAST)) {
		this_cpu_write(softirq_pending, 0);
	}
	arch_irq_enable();
	for (; pending != 0; pending &= pending - 1) {
		run_action((enum softirq)__builtin_ctz(pending));
	}
	arch_irq_disable();
	if (bug(SOFTIRQ_CLEARED_LAST)) {
		this_cpu_write(softirq_pending, 0);
	}
}

/* Another round, or is the rest for ksoftirqd? A lazy request is in no hurry. */
static bool
may_go_on(unsigned int rounds, uint64_t end_ns)
{
	if (rounds >= SOFTIRQ_ROUNDS_MAX && !bug(SOFTIRQ_ENDLESS)) {
		return false;
	}
	if (arch_clock_ns() >= end_ns && !bug(SOFTIRQ_TIMELESS)) {
		return false;
	}
	if (bug(SOFTIRQ_HEEDS_LAZY) && (atomic_load(&current->flags) & TIF_NEED_RESCHED_LAZY)) {
		return false;
	}
	return !need_resched() || bug(SOFTIRQ_IGNORES_REQUEST);
}

/*
 * Serves what interrupts in here raise too, for they leave it to us; but not for ever: tasks wait.
 * irqs off, at entry and at return.
 */
static void
handle_softirqs(void *unused)
{
	uint64_t end_ns = arch_clock_ns() + SOFTIRQ_TIME_NS;
	unsigned int rounds = 0;

	(void)unused;
	ASSERT(arch_irqs_disabled());
	ASSERT(irq_count() == 0 || bug(SOFTIRQ_NESTS));
	preempt_count_add(SOFTIRQ_OFFSET);
	do { /* bounded: SOFTIRQ_ROUNDS_MAX */
		run_round();
		rounds++;
	} while (local_softirq_pending() != 0 && may_go_on(rounds, end_ns) &&
	         !bug(SOFTIRQ_LOOKS_ONCE));
	if (local_softirq_pending() != 0 && !bug(SOFTIRQ_REST_FORGOTTEN)) {
		wakeup_softirqd();
	}
	preempt_count_sub(SOFTIRQ_OFFSET);
}

/* An interrupt's is on it already; a task may be deep in its own. irqs off. */
static void
handle_on_irq_stack(void)
{
	if (irq_stack_in_use() || bug(SOFTIRQ_ON_TASK_STACK)) {
		handle_softirqs(NULL);
	} else {
		call_on_irq_stack(handle_softirqs, NULL);
	}
}

void
do_softirq(void)
{
	unsigned long flags;

	ASSERT(!in_nmi());
	if (irq_count() != 0) {
		return;
	}
	flags = arch_irq_save();
	if (local_softirq_pending() != 0) {
		handle_on_irq_stack();
	}
	arch_irq_restore(flags);
}

/* With threadirqs tasks may go before what interrupts leave: Linux's force_irqthreads(). */
static bool
is_for_thread(void)
{
	return force_irqthreads() && this_cpu_read(ksoftirqd) != NULL && !bug(SOFTIRQ_UNTHREADED);
}

/*
 * Linux left all to a ksoftirqd that was runnable (4cd13c21b207), and took that back
 * (d15121be7485): vectors that cannot wait waited with the flood.
 */
void
invoke_softirq(void)
{
	ASSERT(arch_irqs_disabled());
	if (bug(SOFTIRQ_NESTS) ? in_hardirq() : irq_count() != 0) {
		return;
	}
	if (bug(SOFTIRQ_DEFERS) && atomic_load(&this_cpu_read(ksoftirqd)->on_rq)) {
		return;
	}
	if (is_for_thread()) {
		wakeup_softirqd();
	} else {
		handle_on_irq_stack();
	}
}

void
run_ksoftirqd(void)
{
	ASSERT(preempt_count() == PREEMPT_DISABLE_OFFSET);
	ASSERT(!arch_irqs_disabled());
	arch_irq_disable();
	if (local_softirq_pending() != 0) {
		handle_softirqs(NULL);
	}
	arch_irq_enable();
}
