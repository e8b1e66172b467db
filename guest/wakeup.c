// SPDX-License-Identifier: ISC
/*
 * Making tasks runnable: Linux's try_to_wake_up() and wake_up_new_task(), in the order of its
 * kernel/sched/core.c. Lock order: task->pi_lock, which serializes the wakeups of a task, then
 * rq->lock.
 *
 * A task for an idle cpu, or for one that is about to idle because this task is just leaving it, is
 * not enqueued by the waker: it goes to that cpu's wake list, without its lock, and an interrupt
 * (or, of a polling idle loop, the loop) enqueues it there.
 */
#include "guest/bug.h"
#include "guest/context_tracking.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/task.h"
#include "guest/trace.h"

void
wakeup_preempt(struct rq *rq, struct task *task)
{
	if (task->class == rq->curr->class) {
		task->class->wakeup_preempt(rq, task);
	} else if (task->class->rank < rq->curr->class->rank) {
		resched_curr(rq);
	}
}

static inline void
trace_waking(enum trace_event event, const struct task *task)
{
	if (trace_on) {
		trace(event, task->pid, task->prio | (uint64_t)atomic_load(&task->cpu) << 8);
	}
}

/* A cpu whose wake list holds tasks is about to be busy. */
static bool
cpu_idles(unsigned int cpu)
{
	const struct rq *rq = &per_cpu(runqueue, cpu);

	return atomic_load(&rq->nr_running) == 0 && !atomic_load(&rq->ttwu_pending);
}

static __attribute__((noinline)) unsigned int
select_other(const struct task *task, unsigned int prev, uint64_t others)
{
	bool prev_allowed = task_allowed_on(task, prev);

	ASSERT(prev_allowed || others != 0);
	for (uint64_t left = others; left != 0; left &= left - 1) {
		unsigned int cpu = (unsigned int)__builtin_ctzll(left);

		if (cpu_idles(cpu)) {
			return cpu;
		}
	}
	return prev_allowed ? prev : (unsigned int)__builtin_ctzll(others);
}

inline unsigned int
select_task_rq(const struct task *task)
{
	unsigned int prev = atomic_load(&task->cpu);
	uint64_t others = task->cpus_allowed & cpus_online & ~(1ull << prev);

	if (task_allowed_on(task, prev) && (others == 0 || cpu_idles(prev))) {
		return prev;
	}
	return select_other(task, prev, others);
}

/* A queued task (it set its state and did not get to block): just running again. */
static bool
wake_queued(struct task *task)
{
	struct rq *rq = task_rq_lock_pi_held(task);
	bool queued = atomic_load(&task->on_rq);

	if (queued) {
		if (!atomic_load(&task->on_cpu)) {
			wakeup_preempt(rq, task);
		}
		atomic_store(&task->state, TASK_RUNNING);
		trace_waking(TRACE_sched_wakeup, task);
	}
	raw_spin_unlock(&rq->lock);
	return queued;
}

/* Linux's ttwu_do_activate: RUNNING only once it is queued, for those who look at the state. */
static inline void
activate_woken(struct rq *rq, struct task *task, enum trace_event event)
{
	if (__builtin_expect(task->contributes_to_load, 0)) {
		task->contributes_to_load = false;
		atomic_store(&rq->nr_uninterruptible, atomic_load(&rq->nr_uninterruptible) - 1);
	}
	if (bug(RUNNING_BEFORE_QUEUED)) {
		atomic_store(&task->state, TASK_RUNNING);
		trace_waking(event, task);
	}
	rq_activate(rq, task);
	wakeup_preempt(rq, task);
	if (!bug(RUNNING_BEFORE_QUEUED)) {
		atomic_store(&task->state, TASK_RUNNING);
		trace_waking(event, task);
	}
}

/* pi_lock held, which has the count up. */
static inline void
enqueue_woken(struct task *task, unsigned int cpu, enum trace_event event)
{
	struct rq *rq = &per_cpu(runqueue, cpu);

	ticket_lock(&rq->lock);
	activate_woken(rq, task, event);
	ticket_unlock(&rq->lock);
}

/* ---- the wake list ---- */

/* A busy cpu would be interrupted for nothing. */
static bool
wake_list_helps(const struct task *task, const struct rq *rq)
{
	return (task_allowed_on(task, rq->cpu) || bug(WAKE_LIST_ANYWHERE)) &&
	       atomic_load(&rq->nr_running) == 0;
}

/* Of another cpu only: this one would wait for an interrupt of its own. */
static bool
queue_on_wake_list(struct task *task, unsigned int cpu)
{
	struct rq *rq = &per_cpu(runqueue, cpu);

	if (cpu == smp_processor_id() || !wake_list_helps(task, rq)) {
		return false;
	}
	atomic_store(&rq->ttwu_pending, 1);
	if (llist_add(&rq->wake_list, &task->wake_entry) && !set_nr_if_polling(rq->idle)) {
		arch_ipi_send(cpu, IRQ_CALL);
	}
	return true;
}

/* What is added after this look finds the list empty, and sends an interrupt of its own. */
static struct llist_node *
take_wake_list(struct rq *rq)
{
	struct llist_node *node;

	if (!bug(WAKE_LIST_LOSES)) {
		return llist_reverse_order(llist_del_all(&rq->wake_list));
	}
	node = atomic_load(&rq->wake_list);
	atomic_store(&rq->wake_list, NULL);
	return llist_reverse_order(node);
}

uint32_t
sched_ttwu_pending(void)
{
	struct rq *rq = this_cpu_ptr(&runqueue);
	uint32_t count = 0;
	struct llist_node *node;

	ASSERT(arch_irqs_disabled());
	if (atomic_load(&rq->wake_list) == NULL) {
		return 0;
	}
	raw_spin_lock(&rq->lock);
	node = take_wake_list(rq);
	while (node != NULL) { /* bounded: the list's length */
		struct task *task = container_of(node, struct task, wake_entry);

		node = node->next; /* it may run, sleep and be woken again once it is queued */
		ASSERT(!atomic_load(&task->on_cpu));
		activate_woken(rq, task, TRACE_sched_wakeup);
		count++;
	}
	atomic_store(&rq->ttwu_pending, 0); /* not before nr_running tells it */
	raw_spin_unlock(&rq->lock);
	return count;
}

/* ---- waking ---- */

/*
 * The task is still being switched out: returns true if its cpu is left to enqueue it, false,
 * later, when it is out.
 */
static __attribute__((noinline)) bool
leaves_cpu(struct task *task)
{
	if (queue_on_wake_list(task, atomic_load(&task->cpu))) {
		return true;
	}
	while (atomic_load_acquire(&task->on_cpu) && !bug(NO_ON_CPU_WAIT)) {
		arch_cpu_relax(); /* bounded: the rest of its switch */
	}
	return false;
}

/* pi_lock held. The lock's atomic operation is the full barrier before the state is read. */
static bool
wake_up_locked(struct task *task, uint32_t states, unsigned int seen_cpu)
{
	unsigned int cpu;

	if (!(atomic_load(&task->state) & states)) {
		return false;
	}
	trace_waking(TRACE_sched_waking, task);
	smp_rmb(); /* state before on_rq: pairs with the rq lock in the sleeper's __schedule() */
	if (atomic_load(&task->on_rq) && wake_queued(task)) {
		return true;
	}
	atomic_store(&task->state, TASK_WAKING);
	if (__builtin_expect(atomic_load_acquire(&task->on_cpu), 0) && leaves_cpu(task)) {
		return true;
	}
	cpu = bug(STALE_WAKE_CPU) ? seen_cpu : select_task_rq(task);
	atomic_store(&task->cpu, cpu);
	if (cpu == smp_processor_id() || !queue_on_wake_list(task, cpu)) {
		enqueue_woken(task, cpu, TRACE_sched_wakeup);
	}
	return true;
}

/* The task is awake, so nobody else can dequeue it: no lock is needed. */
static bool
wake_up_current(uint32_t states)
{
	if (!(atomic_load(&current->state) & states)) {
		return false;
	}
	trace_waking(TRACE_sched_waking, current);
	atomic_store(&current->state, TASK_RUNNING);
	trace_waking(TRACE_sched_wakeup, current);
	return true;
}

bool
wake_up_state(struct task *task, uint32_t states)
{
	unsigned int seen_cpu;
	unsigned long flags;
	bool woken;

	ASSERT(!in_nmi());
	CT_CHECK_WATCHING();
	preempt_disable();
	if (task == current) {
		woken = wake_up_current(states);
	} else {
		/* Linux once believed in the cpu that it saw here (b6e13e85829f). */
		seen_cpu = bug(STALE_WAKE_CPU) ? atomic_load(&task->cpu) : 0;
		flags = arch_irq_save();
		ticket_lock(&task->pi_lock); /* counted above */
		woken = wake_up_locked(task, states, seen_cpu);
		ticket_unlock(&task->pi_lock);
		arch_irq_restore(flags);
	}
	preempt_enable();
	return woken;
}

void
wake_up_new_task(struct task *task)
{
	unsigned long flags;
	unsigned int cpu;

	ASSERT(!in_nmi());
	flags = raw_spin_lock_irqsave(&task->pi_lock);
	ASSERT(atomic_load(&task->state) == TASK_NEW);
	cpu = select_task_rq(task);
	atomic_store(&task->cpu, cpu);
	enqueue_woken(task, cpu, TRACE_sched_wakeup_new);
	raw_spin_unlock_irqrestore(&task->pi_lock, flags);
}

void
signal_wake_up_state(struct task *task, uint32_t states)
{
	atomic_fetch_or(&task->flags, TIF_SIGPENDING); /* a full barrier before the state is read */
	if (!wake_up_state(task, TASK_INTERRUPTIBLE | states) && !bug(SIGNAL_UNKICKED)) {
		kick_process(task);
	}
}

/*
 * The place before whether it is there: a task that moves meanwhile is switched in behind the flags
 * that the caller has set, and finds them. The latter's load pairs with the barrier in mm_switch().
 */
void
kick_process(struct task *task)
{
	uint32_t cpu;

	ASSERT(!in_nmi());
	preempt_disable();
	cpu = atomic_load(&task->cpu);
	if (cpu != smp_processor_id() && atomic_load(&task->on_cpu)) {
		arch_ipi_send(cpu, IRQ_RESCHEDULE);
	}
	preempt_enable();
}
