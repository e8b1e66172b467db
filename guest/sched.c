// SPDX-License-Identifier: ISC
/*
 * The core: __schedule(), in the order of Linux 6.18's kernel/sched/core.c. Who asks for it is in
 * resched.c, what makes tasks runnable in wakeup.c, the queues in rq.c.
 *
 * Invariants, asserted where they are made: the count is 1 at the entry of __schedule() and 2
 * across the switch on both sides; the running kernel is preempted only where the model allows the
 * reason.
 */
#include "guest/sched.h"

#include "guest/bug.h"
#include "guest/irq_stack.h"
#include "guest/mm.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/preempt_notifier.h"
#include "guest/preempt_policy.h"
#include "guest/rcu.h"
#include "guest/signal.h"
#include "guest/smp.h"
#include "guest/stack.h"
#include "guest/trace.h"
#include "guest/workqueue.h"
#include "guest/watchdog.h"

#include "arch_switch.h"

/* Parts of what exists in two copies; the compiler would keep them in one. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

enum sched_mode {
	SM_IDLE,    /* the idle loop */
	SM_NONE,    /* schedule(): blocks if the state says so */
	SM_PREEMPT, /* the state is ignored */
};

DEFINE_PER_CPU(struct rq, runqueue);
DEFINE_PER_CPU(struct task *, current_task);

void
sched_init(uint32_t cpus)
{
	for (uint32_t cpu = 0; cpu < cpus; cpu++) {
		struct rq *rq = &per_cpu(runqueue, cpu);

		LOCKDEP_INIT(&rq->lock, LD_WAIT_SPIN);
		rq->cpu = cpu;
		sched_rt_init(&rq->rt);
		sched_fair_init(&rq->fair);
		rq->idle = task_create_idle(cpu);
		rq->curr = rq->idle;
		per_cpu(current_task, cpu) = rq->idle;
	}
	irq_stack_init(cpus);
}

void
sched_init_task(struct task *task, const struct task_params *params)
{
	list_init(&task->run_node);
	if (params->policy == SCHED_FIFO) {
		sched_rt_init_task(task, params->rt_priority);
	} else {
		sched_fair_init_task(task, params->nice);
	}
}

/* In every model: so a request crosses a change away from lazy. */
static void
promote_lazy(struct rq *rq)
{
	bool stays = bug(LAZY_NEVER_PROMOTED) ||
	             (bug(LAZY_LEFT_BEHIND) && preempt_model() != PREEMPT_LAZY);

	if (test_tsk_need_resched_lazy(rq->curr) && !stays) {
		resched_curr(rq);
	}
}

/* What the class asks for now waits for the tick after this one. */
void
sched_tick(void)
{
	struct rq *rq = this_cpu_ptr(&runqueue);

	ASSERT(in_hardirq());
	raw_spin_lock(&rq->lock);
	if (!bug(LAZY_PROMOTED_AT_ONCE)) {
		promote_lazy(rq);
	}
	rq->curr->class->tick(rq, rq->curr);
	if (bug(LAZY_PROMOTED_AT_ONCE)) {
		promote_lazy(rq);
	}
	raw_spin_unlock(&rq->lock);
}

/* ---- the switch ---- */

/*
 * All of it in one place: whatever was asked of prev is answered by the pick that was just made.
 * The lock keeps others from asking meanwhile, and what is folded is in the flags too.
 */
static ALWAYS_INLINE void
clear_need_resched(struct task *prev)
{
	uint32_t flags = atomic_load(&prev->flags);

	if (flags & (TIF_NEED_RESCHED | TIF_NEED_RESCHED_LAZY | TIF_POLLING_NRFLAG)) {
		/* Nobody looks at the flags of a task that left. */
		ASSERT(!(flags & TIF_POLLING_NRFLAG));
		if (bug(LAZY_KEPT)) {
			atomic_fetch_and(&prev->flags, ~TIF_NEED_RESCHED);
		} else {
			clear_tsk_need_resched(prev);
		}
		clear_preempt_need_resched();
		if (!bug(WATCHDOG_OLD_REQUEST)) {
			this_cpu_write(resched_seen_ticks, 0);
		}
	}
}

/* stop, deadline, rt, fair, idle: in this order, of which there are three. */
static ALWAYS_INLINE struct task *
pick_next(struct rq *rq)
{
	struct task *next = sched_rt_pick(rq);

	if (next == NULL) {
		next = sched_class_fair.pick(rq);
	}
	if (next == NULL) {
		next = sched_class_idle.pick(rq);
	}
	return next;
}

/* The scheduler's own disable stays: whoever called it looks for requests. */
static inline void
unlock_irq(struct rq *rq)
{
	ticket_unlock(&rq->lock);
	arch_irq_enable();
	preempt_enable_no_resched();
}

/* A report about the caller does not name the scheduler's own disable. */
static void
forget_own_disable(struct task *prev)
{
	if ((preempt_count() & PREEMPT_DISABLES_MASK) == PREEMPT_DISABLE_OFFSET) {
		prev->preempt_disable_ip = 0;
	}
}

static ALWAYS_INLINE void
check_entry(struct task *prev, enum sched_mode mode)
{
	if (preempt_count() != PREEMPT_DISABLE_OFFSET) {
		forget_own_disable(prev);
		panic("scheduling while atomic: %s, pid %u, preempt_count %08x", prev->comm,
		      prev->pid, preempt_count() - PREEMPT_DISABLE_OFFSET);
	}
	DEBUG_ASSERT(arch_on_stack(prev->stack));
	if (mode == SM_NONE) {
		lockdep_check_sleep();
	}
	if (!stack_intact(prev->stack)) {
		forget_own_disable(prev);
		panic("kernel stack of %s, pid %u, overran its end", prev->comm, prev->pid);
	}
}

/*
 * prev may not run here any more, and is off this cpu now. irqs stay off until it is queued: an
 * interrupt's wakeup of prev would wait for us.
 */
static void
finish_move(struct rq *rq, struct task *prev)
{
	struct rq *to = &per_cpu(runqueue, atomic_load(&prev->cpu));

	ticket_unlock(&rq->lock);
	ticket_lock(&to->lock);
	sched_attach(to, prev);
	unlock_irq(to);
}

/* The scheduler's reference ends with the last use of the stack. */
static void
reap(struct task *dead)
{
	ASSERT(!atomic_load(&dead->on_rq));
	task_put(dead);
}

static ALWAYS_INLINE void
notify_out(struct task *prev, struct task *next)
{
	if (__builtin_expect(prev->preempt_notifiers != NULL, 0)) {
		fire_sched_out_preempt_notifiers(prev, next);
	}
}

static inline void
notify_in(void)
{
	if (__builtin_expect(current->preempt_notifiers != NULL, 0)) {
		fire_sched_in_preempt_notifiers();
	}
}

/*
 * prev has left this queue: it sleeps, has ended, or moves; or it is idle. Its state and
 * place are read before on_cpu is cleared: then it may run, and change them.
 */
static __attribute__((noinline)) void
finish_left(struct rq *rq, struct task *prev, uint32_t on_rq)
{
	bool dead = atomic_load(&prev->state) == TASK_DEAD;
	bool moves = on_rq == TASK_ON_RQ_MIGRATING;

	atomic_store_release(&prev->on_cpu, 0);
	if (bug(NOTIFIED_UNDER_LOCK)) {
		notify_in();
	}
	if (moves) {
		finish_move(rq, prev);
	} else {
		unlock_irq(rq);
	}
	if (dead && bug(NOTIFIED_AFTER_REAPING)) {
		reap(prev);
		dead = false;
	}
	if (!moves || !bug(NOTIFIED_NOT_AT_MOVE)) {
		notify_in();
	}
	if (dead) {
		reap(prev);
	}
}

/* The count across a switch; nothing is folded since clear_need_resched(). One comparison. */
static inline bool
count_is_switched(void)
{
	return preempt_count_raw() == (FORK_PREEMPT_COUNT | PREEMPT_NEED_RESCHED);
}

static ALWAYS_INLINE void
finish_switch(struct task *prev)
{
	struct rq *rq = this_cpu_ptr(&runqueue);
	uint32_t on_rq = atomic_load(&prev->on_rq);

	lock_acquire_exclusive(&rq->lock.dep_map, 0, false, 0);
	if (!count_is_switched()) {
		panic("corrupted preempt_count %08x after the switch from %s, pid %u",
		      preempt_count(), prev->comm, prev->pid);
	}
	if (__builtin_expect(on_rq == TASK_ON_RQ_QUEUED, 1)) {
		atomic_store_release(&prev->on_cpu, 0);
		if (bug(NOTIFIED_UNDER_LOCK)) {
			notify_in();
		}
		unlock_irq(rq);
		notify_in();
	} else {
		finish_left(rq, prev, on_rq);
	}
}

void
sched_finish_switch(struct task *prev)
{
	finish_switch(prev);
}

/* The queue's lock stays taken, but next is who releases it. */
static ALWAYS_INLINE void
context_switch(struct rq *rq, struct task *prev, struct task *next)
{
	DEBUG_ASSERT(count_is_switched()); /* in all images finish_switch() looks */
	DEBUG_ASSERT(
		atomic_load(&prev->on_cpu)); /* only this cpu gives it free, when it has left it */
	ASSERT(!atomic_load(&next->on_cpu)); /* or it would run twice */
	if (!bug(NOTIFIED_BEHIND_NEXT)) {
		notify_out(prev, next);
	}
	atomic_store(&next->on_cpu, 1);
	if (bug(NOTIFIED_BEHIND_NEXT)) {
		notify_out(prev, next);
	}
	if (bug(ON_CPU_CLEARED_EARLY)) {
		atomic_store_release(&prev->on_cpu, 0);
	}
	if (!bug(LOCKDEP_SWITCH_KEEPS)) {
		lock_release(&rq->lock.dep_map, 0);
	}
	this_cpu_write(current_task, next);
	if (__builtin_expect((uintptr_t)prev->mm | (uintptr_t)next->mm, 0)) {
		mm_switch(prev, next);
	}
	finish_switch(arch_switch_to(prev, next));
}

/* Point of no return for a sleeper: after this only a wakeup brings it back. */
static enum sched_reason
block(struct rq *rq, struct task *prev, uint32_t state)
{
	prev->contributes_to_load = (state & TASK_IDLE) == TASK_UNINTERRUPTIBLE;
	if (prev->contributes_to_load) {
		atomic_store(&rq->nr_uninterruptible, atomic_load(&rq->nr_uninterruptible) + 1);
	}
	prev->nvcsw++;
	rq_deactivate(rq, prev);
	if (bug(STATE_READ_TWICE)) {
		prev->contributes_to_load = atomic_load(&prev->state) & TASK_UNINTERRUPTIBLE;
	}
	return state == TASK_DEAD ? SCHED_REASON_EXIT : SCHED_REASON_BLOCK;
}

/* A task that goes on, as far as this queue is concerned: on another cpu if it may not stay. */
static ALWAYS_INLINE void
keep_runnable(struct rq *rq, struct task *prev)
{
	prev->nivcsw++;
	if (!task_allowed_on(prev, rq->cpu)) {
		sched_detach(rq, prev);
	}
}

static ALWAYS_INLINE void
schedule_mode(enum sched_mode mode, enum sched_reason reason)
{
	struct task *prev = current;
	struct task *next;
	struct rq *rq;
	uint32_t prev_state = 0;

	check_entry(prev, mode);
	arch_irq_disable();
	DEBUG_ASSERT(!irq_stack_in_use());
	if (__builtin_expect(prev->rcu_nesting != RCU_NO_SPECIAL, 0)) {
		rcu_note_schedule(prev, mode == SM_NONE);
	}
	rq = this_cpu_ptr(&runqueue);
	if (bug(STATE_BEFORE_LOCK)) {
		prev_state = atomic_load(&prev->state);
	}
	/* The lock's atomic operation is a full barrier between the state and the condition. */
	raw_spin_lock(&rq->lock);
	if (!bug(STATE_BEFORE_LOCK)) {
		prev_state = atomic_load(&prev->state); /* once: a waker may change it */
	}
	if (prev_state == TASK_RUNNING) {
		keep_runnable(rq, prev);
	} else if (mode != SM_NONE && !bug(DEQUEUE_ON_PREEMPT)) {
		ASSERT(prev_state != TASK_DEAD); /* it would never come back to be freed */
		keep_runnable(rq, prev);
	} else if (signal_pending_state(prev_state, prev)) {
		__set_current_state(TASK_RUNNING);
		prev_state = bug(STALE_PREV_STATE) ? prev_state : TASK_RUNNING;
		keep_runnable(rq, prev);
	} else {
		reason = block(rq, prev, prev_state);
	}
	next = mode == SM_IDLE && atomic_load(&rq->nr_running) == 0 ? prev : pick_next(rq);
	if (next != prev || !bug(KEEP_REQUEST_ON_STAY)) {
		clear_need_resched(prev);
	}
	if (next == prev) {
		prev->nivcsw--;          /* nobody switched after all */
		ASSERT(!need_resched()); /* the lock is held: nobody can ask again yet */
		ASSERT(!test_tsk_need_resched_lazy(prev));
		if (bug(NOTIFIED_AT_STAY)) {
			notify_out(prev, next);
		}
		unlock_irq(rq);
		return;
	}
	if (bug(SWITCH_LEAK)) {
		preempt_disable();
	}
	atomic_inc_release_sole(&rq->nr_switches);
	rq->curr = next;
	trace(TRACE_sched_switch, next->pid,
	      trace_switch_pack(prev->prio, next->prio, (uint8_t)prev_state, reason));
	context_switch(rq, prev, next);
}

static __attribute__((noinline)) void
__schedule(enum sched_mode mode, enum sched_reason reason)
{
	schedule_mode(mode, reason);
}

/* In each caller: the frame of a panic's backtrace is the caller's. */
static ALWAYS_INLINE void
schedule_loop(void)
{
	ASSERT(!arch_irqs_disabled()); /* the count is checked below, with a message of its own */
	do { /* bounded: a turn for each request that came while switched out */
		preempt_disable();
		__schedule(SM_NONE, SCHED_REASON_YIELD);
		preempt_enable_no_resched();
	} while (need_resched() && !bug(NO_SCHEDULE_LOOP));
}

/* Another worker may run while this one sleeps. Linux's sched_submit_work, sched_update_worker. */
static __attribute__((noinline)) void
schedule_worker(struct task *task)
{
	if (atomic_load(&task->state) != TASK_RUNNING) {
		wq_worker_sleeping(task->worker);
	}
	schedule_loop();
	wq_worker_running(task->worker);
}

void
schedule(void)
{
	struct task *task = current;

	if (__builtin_expect(task->worker != NULL, 0)) {
		schedule_worker(task);
	} else {
		schedule_loop();
	}
}

void
schedule_user(enum sched_reason reason)
{
	ASSERT(!arch_irqs_disabled());
	ASSERT(preempt_policy_allows(preempt_policy(), reason));
	do { /* bounded: a turn for each request that came while switched out */
		preempt_disable();
		__schedule(SM_NONE, reason);
		preempt_enable_no_resched();
	} while (need_resched());
}

void
schedule_preempt_disabled(void)
{
	ASSERT(preempt_count() == PREEMPT_DISABLE_OFFSET);
	preempt_enable_no_resched();
	schedule();
	preempt_disable();
}

/*
 * A waker that saw us before, in a sleep that we did not come to, may still be about to make us
 * RUNNING: the lock waits for it. Whoever comes later sees the new state.
 */
void
set_special_state(uint32_t state)
{
	unsigned long flags = raw_spin_lock_irqsave(&current->pi_lock);

	ASSERT(!in_nmi());
	__set_current_state(state);
	raw_spin_unlock_irqrestore(&current->pi_lock, flags);
}

void
schedule_dead(void)
{
	struct task *task = current;

	ASSERT(preempt_count() == PREEMPT_DISABLE_OFFSET);
	if (bug(DEAD_UNLOCKED)) {
		__set_current_state(TASK_DEAD);
	} else {
		set_special_state(TASK_DEAD);
	}
	__schedule(SM_NONE, SCHED_REASON_EXIT);
	panic("dead task %s, pid %u, was switched in", task->comm, task->pid);
}

void
schedule_preempted(enum sched_reason reason, uint32_t policy)
{
	ASSERT(preempt_policy_allows(policy, reason));
	schedule_mode(SM_PREEMPT, reason); /* a copy of its own: wakeups end here */
}

void
schedule_idle(void)
{
	ASSERT(preempt_count() == IDLE_PREEMPT_COUNT);
	ASSERT(test_preempt_need_resched()); /* folded by the loop, whoever asked, and how */
	do {                                 /* bounded: as above */
		__schedule(SM_IDLE, SCHED_REASON_IDLE);
	} while (need_resched());
}

void
yield(void)
{
	struct rq *rq;

	arch_irq_disable(); /* the count is checked below, in __schedule() */
	rq = this_cpu_ptr(&runqueue);
	raw_spin_lock(&rq->lock);
	rq->curr->class->yield(rq);
	ticket_unlock(&rq->lock);
	if (!bug(YIELD_IRQS_OFF)) {
		arch_irq_enable();
	}
	preempt_enable_no_resched();
	schedule_loop();
}
