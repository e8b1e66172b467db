// SPDX-License-Identifier: ISC
/*
 * SCHED_FIFO: a queue a priority and a bitmap of those in use. The running task stays in its queue,
 * at the head: a preempted one therefore resumes before its equals, a yielding one goes behind
 * them.
 */
#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/sched.h"

void
sched_rt_init(struct rt_rq *rt)
{
	for (unsigned int prio = 0; prio < MAX_RT_PRIO; prio++) {
		list_init(&rt->queue[prio]);
	}
}

void
sched_rt_init_task(struct task *task, unsigned int priority)
{
	ASSERT(priority >= 1 && priority < MAX_RT_PRIO);
	task->prio = (uint8_t)(MAX_RT_PRIO - 1 - priority);
	task->class = &sched_class_rt;
}

static void
rt_enqueue(struct rq *rq, struct task *task)
{
	unsigned int prio = task->prio;

	DEBUG_ASSERT(prio < MAX_RT_PRIO); /* sched_rt_init_task() looks */
	list_add_tail(&rq->rt.queue[prio], &task->run_node);
	rq->rt.bitmap[prio / RT_BITMAP_BITS] |= 1ull << prio % RT_BITMAP_BITS;
}

static void
rt_dequeue(struct rq *rq, struct task *task)
{
	list_remove(&task->run_node);
	if (list_empty(&rq->rt.queue[task->prio])) {
		rq->rt.bitmap[task->prio / RT_BITMAP_BITS] &=
			~(1ull << task->prio % RT_BITMAP_BITS);
	}
}

static void
rt_yield(struct rq *rq)
{
	list_move_tail(&rq->rt.queue[rq->curr->prio], &rq->curr->run_node);
}

static void
rt_wakeup_preempt(struct rq *rq, struct task *task)
{
	bool preempts = task->prio < rq->curr->prio ||
	                (bug(REQUEST_FOR_EQUAL) && task->prio == rq->curr->prio);

	if (preempts && !bug(NO_WAKEUP_PREEMPT)) {
		resched_curr(rq);
	}
}

static void
rt_tick(struct rq *rq, struct task *task)
{
	(void)rq;
	(void)task; /* FIFO has no slice */
}

const struct sched_class sched_class_rt = {
	.name = "rt",
	.rank = 2,
	.enqueue = rt_enqueue,
	.dequeue = rt_dequeue,
	.yield = rt_yield,
	.wakeup_preempt = rt_wakeup_preempt,
	.pick = sched_rt_pick,
	.tick = rt_tick,
};
