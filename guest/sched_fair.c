// SPDX-License-Identifier: ISC
/*
 * SCHED_NORMAL as a weighted round-robin: each task runs a slice of ticks in proportion to the
 * weight of its nice level, then goes to the tail. The running task stays at the head of the queue,
 * until one that is heavier than the head becomes runnable, and takes its place.
 */
#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/sched.h"

#define NICE_0_WEIGHT      1024u
#define NICE_0_SLICE_TICKS 3u
#define NICE_MIN           (-20)
#define NICE_LEVELS        40

/* Linux's sched_prio_to_weight: a step is a factor of about 1.25. */
static const uint32_t nice_weights[NICE_LEVELS] = {
	88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
	9548,  7620,  6100,  4904,  3906,  3121,  2501,  1991,  1586,  1277,
	1024,  820,   655,   526,   423,   335,   272,   215,   172,   137,
	110,   87,    70,    56,    45,    36,    29,    23,    18,    15,
};

void
sched_fair_init(struct fair_rq *fair)
{
	list_init(&fair->queue);
}

static uint32_t
slice_ticks(uint32_t weight)
{
	uint32_t ticks = NICE_0_SLICE_TICKS * weight / NICE_0_WEIGHT;

	return ticks != 0 ? ticks : 1;
}

void
sched_fair_init_task(struct task *task, int nice)
{
	ASSERT(nice >= NICE_MIN && nice < NICE_MIN + NICE_LEVELS);
	task->prio = (uint8_t)(DEFAULT_PRIO + nice);
	task->class = &sched_class_fair;
	task->weight = nice_weights[nice - NICE_MIN];
	task->slice_ticks = slice_ticks(task->weight);
}

static void
fair_enqueue(struct rq *rq, struct task *task)
{
	list_add_tail(&rq->fair.queue, &task->run_node);
}

static void
fair_dequeue(struct rq *rq, struct task *task)
{
	(void)rq;
	list_remove(&task->run_node);
}

static void
fair_yield(struct rq *rq)
{
	rq->curr->slice_ticks = slice_ticks(rq->curr->weight);
	list_move_tail(&rq->fair.queue, &rq->curr->run_node);
}

static struct task *
first_of(struct rq *rq)
{
	return container_of(rq->fair.queue.next, struct task, run_node);
}

static inline void
ask(struct rq *rq, bool lazily)
{
	if (lazily) {
		resched_curr_lazy(rq);
	} else {
		resched_curr(rq);
	}
}

/* As in Linux: iff the newcomer is now who would be picked. The others wait for their turns. */
static void
fair_wakeup_preempt(struct rq *rq, struct task *task)
{
	if (task->weight > first_of(rq)->weight) {
		list_remove(&task->run_node);
		list_insert_before(rq->fair.queue.next, &task->run_node);
		ask(rq, !bug(WAKEUP_FULL));
	}
}

static struct task *
fair_pick(struct rq *rq)
{
	return list_empty(&rq->fair.queue) ? NULL : first_of(rq);
}

/* A lone task's slice is renewed without a reschedule: there is nobody to give way to. */
static void
fair_tick(struct rq *rq, struct task *task)
{
	if (--task->slice_ticks != 0) {
		return;
	}
	fair_yield(rq);
	if (first_of(rq) != task || bug(REQUEST_WHEN_ALONE)) {
		ask(rq, !bug(SLICE_END_FULL));
	}
}

/*
 * Not lazily: whoever changes it means now. The running task gives way if it was made less
 * important, one that waits may go before it.
 */
void
sched_fair_set_nice(struct rq *rq, struct task *task, int nice)
{
	uint8_t prio = task->prio;

	ASSERT(raw_spin_is_locked(&rq->lock));
	sched_fair_init_task(task, nice);
	if (!atomic_load(&task->on_rq)) {
		return;
	}
	if (task != rq->curr) {
		wakeup_preempt(rq, task);
	} else if (task->prio > prio) {
		fair_yield(rq);
		if (first_of(rq) != task) {
			ask(rq, bug(RENICE_LAZILY));
		}
	}
}

const struct sched_class sched_class_fair = {
	.name = "fair",
	.rank = 3,
	.enqueue = fair_enqueue,
	.dequeue = fair_dequeue,
	.yield = fair_yield,
	.wakeup_preempt = fair_wakeup_preempt,
	.pick = fair_pick,
	.tick = fair_tick,
};
