// SPDX-License-Identifier: ISC
/*
 * The scheduler: run queues, classes, and the one body of code that switches.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/list.h"
#include "guest/panic.h"
#include "guest/spinlock.h"
#include "guest/task.h"

#define RT_BITMAP_BITS 64u

struct rt_rq {
	struct list queue[MAX_RT_PRIO];
	uint64_t bitmap[2]; /* bit n: queue[n] is not empty */
};

struct fair_rq {
	struct list queue; /* the running task stays at the head */
};

/*
 * A cpu's run queue. All under lock, but curr for its own cpu, and cpu and idle, which are fixed.
 */
struct rq {
	struct raw_spinlock lock; /* first: its address and the queue's are one */
	struct rt_rq rt;
	unsigned int cpu;
	struct task *idle;
	struct task *curr;
	struct atomic nr_running; /* queued, the running one included, idle not; read by any cpu */
	struct atomic
		nr_uninterruptible; /* blocked here less woken here: the sum over all cpus counts */
	struct atomic_ptr wake_list; /* tasks that other cpus woke for this one; added to by any */
	struct atomic ttwu_pending;  /* the list may hold some: the cpu does not idle for long */
	struct atomic nr_switches;   /* by its cpu alone; read by any: a grace period counts them */
	struct fair_rq fair;
};

DECLARE_PER_CPU(struct rq, runqueue);

/*
 * A class's verbs: irqs off, rq->lock held. A task is in the queue of its class while on_rq is 1.
 */
struct sched_class {
	const char *name;
	uint32_t rank; /* smaller goes first */
	void (*enqueue)(struct rq *rq, struct task *task);
	void (*dequeue)(struct rq *rq, struct task *task);
	/* rq->curr gives way to its equals. */
	void (*yield)(struct rq *rq);
	/* task of this class has become runnable while rq->curr, of this class too, runs. */
	void (*wakeup_preempt)(struct rq *rq, struct task *task);
	/* The best queued task, which stays queued, or NULL. */
	struct task *(*pick)(struct rq *rq);
	/* A tick while task, of this class, runs. */
	void (*tick)(struct rq *rq, struct task *task);
};

extern const struct sched_class sched_class_rt;
extern const struct sched_class sched_class_fair;
extern const struct sched_class sched_class_idle;

/* The rt class's pick, inline: it is the first that every switch asks. */
static inline struct task *
sched_rt_pick(struct rq *rq)
{
	const uint64_t *bitmap = rq->rt.bitmap;
	unsigned int prio;

	if (__builtin_expect(bitmap[0] != 0, 1)) {
		prio = (unsigned int)__builtin_ctzll(bitmap[0]);
	} else if (bitmap[1] != 0) {
		prio = RT_BITMAP_BITS + (unsigned int)__builtin_ctzll(bitmap[1]);
	} else {
		return NULL;
	}
	return container_of(rq->rt.queue[prio].next, struct task, run_node);
}

void sched_rt_init(struct rt_rq *rt);
void sched_fair_init(struct fair_rq *fair);

/* A new task's class and what it keeps there. Before the task is visible. */
void sched_rt_init_task(struct task *task, unsigned int priority);
void sched_fair_init_task(struct task *task, int nice);

/*
 * A new nice level for a task of this class, with what follows from it: Linux's prio_changed_fair.
 * irqs off, rq->lock held: of the queue that the task is in, or was in last.
 */
void sched_fair_set_nice(struct rq *rq, struct task *task, int nice);

/* One of the two, as the parameters say. */
void sched_init_task(struct task *task, const struct task_params *params);

/* Every cpu's run queue, and the boot code as idle task of cpu 0. Boot, after percpu_init(). */
void sched_init(uint32_t cpus);

/*
 * Asks for a reschedule of rq's current: sets its flag, and folds it here or sends the cpu the
 * reschedule interrupt. Only the first request does anything. Linux's resched_curr. irqs off,
 * rq->lock held.
 */
void resched_curr(struct rq *rq);

/*
 * The fair class's request: where a slice ends, and where one of its tasks wakes up that goes
 * before its current. Under lazy it is the flag TIF_NEED_RESCHED_LAZY alone, without fold or
 * interrupt, unless the current is idle: the return to user mode answers it, and the next tick that
 * starts with it makes it a request like the others (sched_tick()). In every other model it is
 * resched_curr(). Linux's resched_curr_lazy. irqs off, rq->lock held.
 */
void resched_curr_lazy(struct rq *rq);

/*
 * The same for a cpu's current. Waits for the lock: a request that gives up is lost. Any context
 * but NMI.
 */
void resched_cpu(unsigned int cpu);

/*
 * The flag alone, of any task, for those who fold and send for themselves; set returns what the
 * flags were. Any context.
 */
static inline uint32_t
set_tsk_need_resched(struct task *task)
{
	return atomic_fetch_or(&task->flags, TIF_NEED_RESCHED);
}

static inline uint32_t
clear_tsk_need_resched(struct task *task)
{
	return atomic_fetch_and(&task->flags, ~(TIF_NEED_RESCHED | TIF_NEED_RESCHED_LAZY));
}

static inline bool
test_tsk_need_resched(const struct task *task)
{
	return atomic_load(&task->flags) & TIF_NEED_RESCHED;
}

static inline bool
test_tsk_need_resched_lazy(const struct task *task)
{
	return atomic_load(&task->flags) & TIF_NEED_RESCHED_LAZY;
}

/*
 * If this idle task looks at its flags by itself, asks it for a look around, by its flag alone, and
 * returns true. Any context.
 */
bool set_nr_if_polling(struct task *idle);

/*
 * On the target of a reschedule interrupt: folds the flag into the counter; returns whether it was
 * still to be folded. The idle loop sees the flag itself, so the interrupt may find it answered.
 * irqs off.
 */
bool sched_fold_need_resched(void);

/*
 * Locks the queue that task is in, or was in last; not while it moves. Linux's __task_rq_lock.
 * irqs off, task->pi_lock held.
 */
struct rq *task_rq_lock_pi_held(struct task *task);

/* Takes a task out of its class's queue. irqs off, rq->lock held. */
void rq_deactivate(struct rq *rq, struct task *task);

/*
 * Takes a queued task out of rq, for another cpu that it may run on: on_rq is MIGRATING and the cpu
 * the new one, until sched_attach() puts it there. irqs off, rq->lock held: of the old one, then of
 * the new one.
 */
void sched_detach(struct rq *rq, struct task *task);
void sched_attach(struct rq *rq, struct task *task);

/* task has become runnable on rq: requests a reschedule if it goes before what runs there. Locked.
 */
void wakeup_preempt(struct rq *rq, struct task *task);

/*
 * The cpu for a task that becomes runnable: the one that it ran on if that idles, else one that
 * idles, else the one that it ran on, if allowed. task->pi_lock or its rq's lock held.
 */
unsigned int select_task_rq(const struct task *task);

/*
 * Enqueues what other cpus have put into this cpu's wake list; returns how many. Linux's
 * sched_ttwu_pending. irqs off.
 */
uint32_t sched_ttwu_pending(void);

/* Tasks in uninterruptible sleep, once nobody sleeps or wakes. Any context. */
uint32_t sched_nr_uninterruptible(void);

/* Does current's flag say so? A lazy request does not count. Any context. */
static inline bool
need_resched(void)
{
	return test_tsk_need_resched(current);
}

static inline bool
task_allowed_on(const struct task *task, unsigned int cpu)
{
	return task->cpus_allowed >> cpu & 1;
}

/*
 * Puts a task of this cpu into its class's queue; it is in none. irqs off, rq->lock held. Inline:
 * it is on the way of each wakeup.
 */
static inline void
rq_activate(struct rq *rq, struct task *task)
{
	lockdep_assert_held(&rq->lock);
	DEBUG_ASSERT(atomic_load(&task->cpu) == rq->cpu); /* the callers find rq by it */
	ASSERT(task_allowed_on(task, rq->cpu));
	DEBUG_ASSERT(atomic_load(&task->on_rq) != TASK_ON_RQ_QUEUED); /* they have looked */
	task->class->enqueue(rq, task);
	atomic_store(&rq->nr_running, atomic_load(&rq->nr_running) + 1);
	atomic_store(&task->on_rq, TASK_ON_RQ_QUEUED);
}

static inline bool
task_is_idle(const struct task *task)
{
	return task->prio == IDLE_PRIO;
}

/* Gives the cpu up: blocks if the state says so. Count 0, irqs on. */
void schedule(void);

/* The same with preemption off at entry and at return, by one disable. Count 1, irqs on. */
void schedule_preempt_disabled(void);

/*
 * On the way to user code or to a guest, as a request asks: schedule() for this reason, which every
 * model allows. Count 0, irqs on.
 */
void schedule_user(enum sched_reason reason);

/*
 * The last switch of a task that has ended; the next task drops the scheduler's reference. One
 * step: a preemption between state and switch would leave a dead task queued. Count 1, irqs on.
 */
_Noreturn void schedule_dead(void);

/*
 * A preemption: the state is ignored, the task stays queued. policy: the word by which the point
 * decided; a reason that its model does not allow is a panic. Count 1, irqs on.
 */
void schedule_preempted(enum sched_reason reason, uint32_t policy);

/*
 * The idle loop's: loops until no request is pending. Count 1, which holds at return too; irqs on.
 */
void schedule_idle(void);

/* Lets equals run. Count 0, irqs on. Linux's sched_yield. */
void yield(void);

/*
 * One tick of this cpu: a lazy request that it starts with becomes a full one, then the class has
 * its turn. hardirq, irqs off.
 */
void sched_tick(void);

/*
 * First thing on the stack of a switched-in task: count 2, irqs off, rq lock held; leaves 1 and on.
 */
void sched_finish_switch(struct task *prev);

/* The idle task's body. Count 1, irqs off or on. */
_Noreturn void sched_idle_loop(void);
