// SPDX-License-Identifier: ISC
/*
 * The idle class: each cpu's idle task, which is never queued and always there; and its loop.
 */
#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched.h"

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

/*
 * Interrupts stay off from the test to the sleep, which opens them: one that comes in between is
 * pending then and ends the sleep at once, so no wakeup is slept through.
 */
static void
idle_sleep(void)
{
	arch_irq_disable();
	if (need_resched() && !bug(IDLE_NO_RETEST)) {
		arch_irq_enable();
	} else if (bug(IDLE_SHADOW_LOST)) {
		arch_irq_enable();
		arch_cpu_relax();
		arch_safe_halt();
	} else {
		arch_safe_halt();
	}
}

void
sched_idle_loop(void)
{
	ASSERT(preempt_count() == IDLE_PREEMPT_COUNT);
	ASSERT(task_is_idle(current));
	for (;;) {                        /* forever */
		while (!need_resched()) { /* forever: until there is work */
			idle_sleep();
		}
		schedule_idle();
	}
}
