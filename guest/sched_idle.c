// SPDX-License-Identifier: ISC
/*
 * The idle class: each cpu's idle task, which is never queued and always there; and its loop.
 */
#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/cmdline.h"
#include "guest/context_tracking.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/smp_call.h"

static void
idle_enqueue(struct rq *rq, struct task *task)
{
	panic("cpu %u: idle task %s enqueued", rq->cpu, task->comm);
}

static void
idle_dequeue(struct rq *rq, struct task *task)
{
	panic("cpu %u: idle task %s blocks", rq->cpu, task->comm);
}

static void
idle_yield(struct rq *rq)
{
	panic("cpu %u: idle yields", rq->cpu);
}

static void
idle_wakeup_preempt(struct rq *rq, struct task *task)
{
	panic("cpu %u: idle task %s woken", rq->cpu, task->comm);
}

static struct task *
idle_pick(struct rq *rq)
{
	return rq->idle;
}

static void
idle_tick(struct rq *rq, struct task *task)
{
	(void)rq;
	(void)task;
}

const struct sched_class sched_class_idle = {
	.name = "idle",
	.rank = 4,
	.enqueue = idle_enqueue,
	.dequeue = idle_dequeue,
	.yield = idle_yield,
	.wakeup_preempt = idle_wakeup_preempt,
	.pick = idle_pick,
	.tick = idle_tick,
};

/* While it is set, others ask by the flag alone. Only the idle loop sets it, and only for itself.
 */
static void
current_set_polling(void)
{
	atomic_fetch_or(&current->flags, TIF_POLLING_NRFLAG);
}

/* A full barrier: whoever still saw it set the flag before, so the test that follows finds it. */
static void
current_clear_polling(void)
{
	if (bug(POLLING_NO_BARRIER)) {
		atomic_store(&current->flags, atomic_load(&current->flags) & ~TIF_POLLING_NRFLAG);
	} else {
		atomic_fetch_and(&current->flags, ~TIF_POLLING_NRFLAG);
	}
}

static void
idle_poll(void)
{
	arch_irq_disable();
	rcu_flush_deferred_wakeup();
	ct_idle_enter();
	arch_irq_enable();
	while (!need_resched()) { /* forever: until there is work */
		arch_cpu_relax();
	}
	ct_idle_exit();
}

/*
 * Interrupts stay off from the test to the sleep, which opens them: one that comes in between is
 * pending then and ends the sleep at once, so no wakeup is slept through. Whoever asks from now on
 * must send one.
 */
static void
idle_halt(void)
{
	if (bug(POLLING_PREEMPTIBLE)) {
		preempt_enable();
		preempt_disable();
	}
	arch_irq_disable();
	if (!bug(RCU_WAKEUP_TOO_LATE)) {
		rcu_flush_deferred_wakeup(); /* before the last look at what it may ask */
	}
	current_clear_polling();
	if (need_resched() && !bug(IDLE_NO_RETEST)) {
		arch_irq_enable();
	} else {
		if (bug(RCU_WAKEUP_TOO_LATE)) {
			rcu_flush_deferred_wakeup();
		}
		ct_idle_enter();
		if (bug(IDLE_SHADOW_LOST)) {
			arch_irq_enable();
			arch_cpu_relax();
		}
		arch_safe_halt();
		ct_idle_exit();
	}
	current_set_polling();
}

/*
 * Order of Linux's do_idle. The request may have come without an interrupt, from a waker that saw
 * us poll: it is folded here, and the wake list and the calls are looked at here.
 */
static void
idle_leave(void)
{
	if (!bug(IDLE_NO_FOLD)) {
		set_preempt_need_resched();
	}
	if (!bug(POLLING_LEFT_SET)) {
		current_clear_polling();
	}
	arch_irq_disable();
	sched_ttwu_pending();
	flush_smp_call_function_queue();
	arch_irq_enable();
}

void
sched_idle_loop(void)
{
	ASSERT(preempt_count() == IDLE_PREEMPT_COUNT);
	ASSERT(task_is_idle(current));
	for (;;) { /* forever */
		current_set_polling();
		while (!need_resched()) { /* forever: until there is work */
			boot_args.idle_polls ? idle_poll() : idle_halt();
		}
		idle_leave();
		schedule_idle();
	}
}
