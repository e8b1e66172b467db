// SPDX-License-Identifier: ISC
/*
 * Lines: having them handled, disabling them, and giving up those that nobody wants. Linux's
 * handle_edge_irq, with the mask of a ONESHOT line kept in software.
 */
#include "guest/irq_desc.h"

#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/percpu.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/timer.h"

/* Of so many interrupts so many may be nobody's. */
#define SPURIOUS_PERIOD    100000u
#define SPURIOUS_LIMIT     99900u
#define SPURIOUS_MEMORY_NS (NSEC_PER_SEC / 10)

#define SPURIOUS_DEFERRED 0x80000000u /* threads_handled_last: the thread is yet to say */

static struct irq_desc descs[IRQ_LINE_COUNT];

void
interrupt_init(void)
{
	for (unsigned int n = 0; n < IRQ_LINE_COUNT; n++) {
		mutex_init(&descs[n].request_mutex);
		LOCKDEP_INIT(&descs[n].lock, LD_WAIT_SPIN);
		init_waitqueue_head(&descs[n].wait_for_threads);
		descs[n].depth = 1;
	}
}

static inline struct irq_desc *
desc_of(unsigned int irq)
{
	struct irq_desc *desc = &descs[irq - IRQ_LINE_FIRST];

	__asm__("" : "+r"(desc)); /* one address, not a sum in each access */
	return desc;
}

struct irq_desc *
irq_to_desc(unsigned int irq)
{
	ASSERT(irq - IRQ_LINE_FIRST < IRQ_LINE_COUNT);
	return desc_of(irq);
}

/* ---- nobody's interrupts ---- */

static __attribute__((noinline, cold)) void
give_up_locked(struct irq_desc *desc)
{
	unsigned int irq = IRQ_LINE_FIRST + (unsigned int)(desc - descs);

	printk("irq %u: nobody cared. Its handlers:\n", irq);
	for (struct irqaction *action = irq_first_action(desc); action != NULL;
	     action = irq_next_action(action)) {
		printk("  [<%016lx>] %s\n", (uintptr_t)action->handler, action->name);
	}
	printk("Disabling IRQ #%u\n", irq);
	desc->state |= IRQS_SPURIOUS_DISABLED;
	desc->depth++;
}

/* The thread's answer to the interrupt before this one counts for this one. */
static __attribute__((noinline)) enum irqreturn
answer_of_threads_locked(struct irq_desc *desc)
{
	uint32_t handled = atomic_load(&desc->threads_handled) | SPURIOUS_DEFERRED;

	if (handled == desc->threads_handled_last) {
		return IRQ_NONE;
	}
	desc->threads_handled_last = handled;
	return IRQ_HANDLED;
}

/* Those long after the last are as good as the first. */
static __attribute__((noinline)) void
count_unhandled_locked(struct irq_desc *desc)
{
	uint64_t now = arch_clock_ns();

	if (now - desc->last_unhandled_ns > SPURIOUS_MEMORY_NS) {
		desc->unhandled_count = 1;
	} else {
		desc->unhandled_count++;
	}
	desc->last_unhandled_ns = now;
}

/* Linux's note_interrupt(). */
static void
note_interrupt_locked(struct irq_desc *desc, uint32_t answers)
{
	if (answers & IRQ_HANDLED) {
		desc->threads_handled_last &= ~SPURIOUS_DEFERRED;
	} else if (answers & IRQ_WAKE_THREAD) {
		if (!(desc->threads_handled_last & SPURIOUS_DEFERRED)) {
			desc->threads_handled_last |= SPURIOUS_DEFERRED;
			return;
		}
		answers = answer_of_threads_locked(desc);
	}
	if (answers == IRQ_NONE && !bug(SPURIOUS_UNCOUNTED)) {
		count_unhandled_locked(desc);
	}
	if (__builtin_expect(++desc->irq_count < SPURIOUS_PERIOD, 1)) {
		return;
	}
	desc->irq_count = 0;
	if (desc->unhandled_count > SPURIOUS_LIMIT) {
		give_up_locked(desc);
	}
	desc->unhandled_count = 0;
}

/* ---- handling ---- */

static uint32_t
call_handler(struct irq_desc *desc, struct irqaction *action)
{
	uint32_t count = preempt_count();
	uint32_t answer = action->handler(action->irq, action->dev_id);

	if (preempt_count() != count || !arch_irqs_disabled()) {
		panic("irq %u handler %lx (%s): preempt_count %08x at its end, %08x at its start%s",
		      action->irq, (uintptr_t)action->handler, action->name, preempt_count(), count,
		      arch_irqs_disabled() ? "" : ", and it enabled interrupts");
	}
	if (answer & IRQ_WAKE_THREAD) {
		irq_wake_action(desc, action);
	}
	return answer;
}

/* An action that is taken out of the list meanwhile is not freed before we are through. */
static uint32_t
call_handlers(struct irq_desc *desc, struct irqaction *first)
{
	uint32_t answers = IRQ_NONE;

	for (struct irqaction *action = first; action != NULL; action = irq_next_action(action)) {
		answers |= call_handler(desc, action);
		if (bug(SHARED_IRQ_FIRST_ONLY) && answers != IRQ_NONE) {
			break;
		}
	}
	return answers;
}

/* If it has a handler. */
static bool
may_run(const struct irq_desc *desc)
{
	return desc->depth == 0 && !(desc->state & (IRQS_IN_PROGRESS | IRQS_MASKED));
}

/* What comes meanwhile is pending, and makes a turn more: the lock orders the two. */
static inline uint32_t
handle_locked(struct irq_desc *desc, struct irqaction *first)
{
	uint32_t answers;

	desc->state &= ~IRQS_PENDING;
	desc->state |= IRQS_IN_PROGRESS;
	if (first->flags & IRQF_ONESHOT) {
		desc->state |= IRQS_MASKED;
	}
	raw_spin_unlock(&desc->lock);
	answers = call_handlers(desc, first);
	raw_spin_lock(&desc->lock);
	desc->state &= ~IRQS_IN_PROGRESS;
	if (desc->threads_oneshot == 0) {
		desc->state &= ~IRQS_MASKED;
	}
	note_interrupt_locked(desc, answers);
	return answers != IRQ_NONE;
}

uint32_t
handle_line(unsigned int irq)
{
	struct irq_desc *desc = desc_of(irq);
	struct irqaction *first;
	uint32_t handled = 0;

	DEBUG_ASSERT(in_hardirq());
	DEBUG_ASSERT(arch_irqs_disabled());
	raw_spin_lock(&desc->lock);
	first = irq_first_action(desc);
	if (first == NULL || !may_run(desc)) {
		if (!bug(IRQ_LOST_IN_PROGRESS)) {
			desc->state |= IRQS_PENDING;
		}
	} else {
		do { /* bounded: a turn for each that another cpu was given meanwhile */
			handled += handle_locked(desc, first);
			first = irq_first_action(desc);
		} while (first != NULL && desc->state & IRQS_PENDING && may_run(desc));
	}
	raw_spin_unlock(&desc->lock);
	return handled;
}

/* ---- disabling ---- */

/* To this cpu, wherever it came before: it is whoever can take it first. */
void
irq_resend_locked(struct irq_desc *desc, unsigned int irq)
{
	if (desc->state & IRQS_PENDING && irq_first_action(desc) != NULL && may_run(desc) &&
	    !bug(ENABLE_IRQ_FORGETS)) {
		desc->state &= ~IRQS_PENDING;
		arch_ipi_send(smp_processor_id(), (enum irq_kind)irq);
	}
}

void
irq_unmask_locked(struct irq_desc *desc, unsigned int irq)
{
	desc->state &= ~IRQS_MASKED;
	irq_resend_locked(desc, irq);
}

void
disable_irq_nosync(unsigned int irq)
{
	struct irq_desc *desc = irq_to_desc(irq);
	unsigned long flags = raw_spin_lock_irqsave(&desc->lock);

	ASSERT(!in_nmi());
	desc->depth++;
	ASSERT(desc->depth != 0);
	raw_spin_unlock_irqrestore(&desc->lock, flags);
}

void
enable_irq(unsigned int irq)
{
	struct irq_desc *desc = irq_to_desc(irq);
	unsigned long flags = raw_spin_lock_irqsave(&desc->lock);

	ASSERT(!in_nmi());
	ASSERT(desc->depth != 0); /* else it was enabled more often than disabled */
	ASSERT(irq_first_action(desc) != NULL ||
	       desc->depth > 1); /* the last one is the request's */
	desc->depth--;
	irq_resend_locked(desc, irq);
	raw_spin_unlock_irqrestore(&desc->lock, flags);
}

void
disable_irq(unsigned int irq)
{
	disable_irq_nosync(irq);
	synchronize_irq(irq);
}

static bool
is_in_progress(struct irq_desc *desc)
{
	unsigned long flags = raw_spin_lock_irqsave(&desc->lock);
	bool is = desc->state & IRQS_IN_PROGRESS;

	raw_spin_unlock_irqrestore(&desc->lock, flags);
	return is;
}

void
synchronize_hardirq(struct irq_desc *desc)
{
	ASSERT(!arch_irqs_disabled());
	while (is_in_progress(desc) && !bug(SYNCHRONIZE_IRQ_BLIND)) { /* bounded: handlers end */
		arch_cpu_relax();
	}
}

/* No handler runs then that could wake a thread; those that are woken are counted. */
void
synchronize_irq(unsigned int irq)
{
	struct irq_desc *desc = irq_to_desc(irq);

	might_sleep();
	synchronize_hardirq(desc);
	if (!bug(SYNCHRONIZE_IRQ_NO_THREADS)) {
		wait_event(desc->wait_for_threads, atomic_load(&desc->threads_active) == 0);
	}
}
