// SPDX-License-Identifier: ISC
/*
 * Interrupt entry and exit: accounting, the handler, and the decision at the return.
 */
#include "guest/irq.h"

#include "guest/bug.h"
#include "guest/context_tracking.h"
#include "guest/entry_user.h"
#include "guest/interrupt.h"
#include "guest/irq_stack.h"
#include "guest/irq_work.h"
#include "guest/lockdep.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/smp_call.h"
#include "guest/softirq.h"
#include "guest/timer.h"
#include "guest/trace.h"
#include "guest/vcpu_check.h"

DEFINE_PER_CPU(struct regs *, irq_regs);

static __attribute__((noinline)) uint32_t
answer_call(void)
{
	rcu_answer();
	return sched_ttwu_pending() + smp_call_run();
}

/* Returns how many things it had to do, for the trace. */
static uint32_t
run_handler(enum irq_kind kind)
{
	if (kind == IRQ_TIMER) {
		return timer_interrupt();
	}
	if (kind >= IRQ_LINE_FIRST) {
		return handle_line(kind);
	}
	switch (kind) {
	case IRQ_RESCHEDULE:
		return sched_fold_need_resched();
	case IRQ_CALL:
		return answer_call();
	case IRQ_WORK:
		return irq_work_run();
	default:
		panic("interrupt of unknown kind %d", kind);
	}
}

/* The scheduler's own are not for a thread, which it would have to wake. */
static bool
is_threadable(enum irq_kind kind)
{
	return kind == IRQ_TIMER || kind >= IRQ_LINE_FIRST;
}

struct irq_call {
	struct regs *regs;
	enum irq_kind kind;
};

/* From the count's first change to its last: what runs on the interrupt stack. */
static void
handle_counted(void *arg)
{
	const struct irq_call *call = arg;
	struct regs *outer = this_cpu_read(irq_regs);
	uint32_t count = preempt_count();
	uint32_t handled;
	unsigned int held;

	DEBUG_ASSERT((count & HARDIRQ_MASK) != HARDIRQ_MASK);
	held = lockdep_irq_enter(arch_regs_irqs_on(call->regs), is_threadable(call->kind));
	preempt_count_add(HARDIRQ_OFFSET);
	trace(TRACE_irq_entry, call->kind, arch_regs_ip(call->regs));
	this_cpu_write(irq_regs, call->regs);
	if (CONFIG_DEBUG) {
		vcpu_check_interrupt();
	}
	handled = run_handler(call->kind);
	this_cpu_write(irq_regs, outer);
	if (bug(LEAK_IN_IRQ)) {
		preempt_disable();
	}
	lockdep_irq_exit(held);
	trace(TRACE_irq_exit, call->kind, handled);
	preempt_count_sub(HARDIRQ_OFFSET);
	if (preempt_count() != count) {
		panic("interrupt of kind %d: preempt_count %08x at its end, %08x at its start",
		      call->kind, preempt_count(), count);
	}
	/* Linux's reschedule interrupt is a light one, which serves none. */
	if (__builtin_expect(local_softirq_pending() != 0, 0) && call->kind != IRQ_RESCHEDULE) {
		invoke_softirq();
	}
	if (bug(SWITCH_ON_IRQ_STACK)) {
		irqentry_exit_cond_resched();
	}
}

/*
 * Idle is left by its own loop, which sees the flag: switching here would strand its state. Code
 * that had interrupts off took an exception, and expects to keep the cpu.
 */
static inline void
return_to_kernel(const struct regs *regs)
{
	if (!arch_regs_irqs_on(regs) && !bug(IRQ_RETURN_IRQS_OFF)) {
		return;
	}
	if (task_is_idle(current) && !bug(IRQ_RETURN_IN_IDLE)) {
		return;
	}
	irqentry_exit_cond_resched();
}

/* Ring 3 left its task's stack empty; the kernel may be deep in its own. */
static inline void
handle_on_irq_stack(struct irq_call *call)
{
	if (!irq_stack_in_use() || bug(IRQ_STACK_REENTERED)) {
		call_on_irq_stack(handle_counted, call);
	} else {
		handle_counted(call);
	}
}

/* It hit user code, or what RCU does not watch: mostly idle. */
static __attribute__((noinline)) void
handle_outside(struct irq_call *call)
{
	struct irqentry_state state = irqentry_enter(call->regs);

	if (arch_regs_user(call->regs)) {
		handle_counted(call);
	} else {
		handle_on_irq_stack(call);
	}
	irqentry_exit(call->regs, state);
}

void
irq_handle(struct regs *regs, enum irq_kind kind)
{
	struct irq_call call = { regs, kind };

	DEBUG_ASSERT(arch_irqs_disabled());
	if (bug(IRQ_TRACE_UNWATCHED)) {
		trace(TRACE_irq_entry, kind, arch_regs_ip(regs));
	}
	if (__builtin_expect(arch_regs_user(regs) || !rcu_is_watching(), 0)) {
		handle_outside(&call);
		return;
	}
	handle_on_irq_stack(&call);
	ASSERT(arch_irqs_disabled());
	return_to_kernel(regs);
}

inline struct irqentry_state
irqentry_enter(struct regs *regs)
{
	DEBUG_ASSERT(arch_irqs_disabled());
	if (arch_regs_user(regs)) {
		irqentry_enter_from_user_mode();
	}
	return (struct irqentry_state){ .count = preempt_count(), .exit_rcu = ct_irq_enter() };
}

inline void
irqentry_exit(struct regs *regs, struct irqentry_state state)
{
	ASSERT(arch_irqs_disabled());
	if (state.exit_rcu) {
		if (bug(IRQ_RETURN_IN_EQS)) {
			irq_return(regs);
		}
		ct_irq_exit(true); /* it hit idle, or what else RCU does not watch: no preemption */
	} else {
		irq_return(regs);
	}
}

inline void
irq_return(struct regs *regs)
{
	DEBUG_ASSERT(arch_irqs_disabled());
	if (arch_regs_user(regs)) {
		irqentry_exit_to_user_mode();
	} else {
		return_to_kernel(regs);
	}
}
