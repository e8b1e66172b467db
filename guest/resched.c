// SPDX-License-Identifier: ISC
/*
 * Requests for a reschedule: who asks sets the flag of the task that is to give way, and folds it
 * into the counter if it runs here, or has the other cpu fold it by an interrupt. A lazy request is
 * a flag of its own, and nothing else. Linux 6.18's kernel/sched/core.c. A request is answered in
 * sched.c.
 */
#include "guest/sched.h"

#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/preempt_policy.h"
#include "guest/smp.h"
#include "guest/trace.h"

static inline void
trace_request(const struct rq *rq, bool remote, bool sends, bool lazy)
{
	trace(TRACE_sched_set_need_resched, rq->curr->pid,
	      rq->cpu | (uint64_t)remote << 8 | (uint64_t)sends << 9 | (uint64_t)lazy << 10);
}

static void
request_here(struct rq *rq)
{
	if (!bug(LOCAL_REQUEST_UNFLAGGED)) {
		set_tsk_need_resched(rq->curr);
	}
	set_preempt_need_resched();
	trace_request(rq, false, false, false);
}

/* A barrier: sending waits for no store of ours, and the interrupt must find the flag. */
static uint32_t
flag_remote(struct task *curr)
{
	uint32_t flags;

	if (!bug(REQUEST_UNORDERED)) {
		return set_tsk_need_resched(curr);
	}
	flags = atomic_load(&curr->flags);
	atomic_store(&curr->flags, flags | TIF_NEED_RESCHED);
	return flags;
}

/*
 * One step: the target polled when its flag was set, so it will see it, or it is told. A waker that
 * saw it poll may have set the flag since our look: then it need not be told.
 */
static __attribute__((noinline)) void
request_there(struct rq *rq)
{
	uint32_t flags = flag_remote(rq->curr);
	bool sends = !(flags & (TIF_POLLING_NRFLAG | TIF_NEED_RESCHED)) || bug(REQUEST_TWICE);

	trace_request(rq, true, sends, false);
	if (sends && !bug(NO_RESCHED_IPI)) {
		arch_ipi_send(rq->cpu, IRQ_RESCHEDULE);
	}
}

/* A lazy request before this one makes no difference to it. */
static inline bool
is_asked(const struct task *curr)
{
	return test_tsk_need_resched(curr) ||
	       (bug(LAZY_STOPS_FULL) && test_tsk_need_resched_lazy(curr));
}

void
resched_curr(struct rq *rq)
{
	DEBUG_ASSERT(arch_irqs_disabled()); /* the lock's holders see to it */
	DEBUG_ASSERT(raw_spin_is_locked(&rq->lock));
	if (is_asked(rq->curr) && !bug(REQUEST_TWICE)) {
		return;
	}
	if (rq->cpu == smp_processor_id()) {
		request_here(rq);
	} else {
		request_there(rq);
	}
}

/* Nobody is told: the target's next tick, or its return to user mode, finds the flag. */
static void
request_lazily(struct rq *rq)
{
	bool remote = rq->cpu != smp_processor_id();

	atomic_fetch_or(&rq->curr->flags, TIF_NEED_RESCHED_LAZY);
	if (bug(LAZY_FOLDS) && !remote) {
		set_preempt_need_resched();
	}
	trace_request(rq, remote, remote && bug(LAZY_SENDS), true);
	if (bug(LAZY_SENDS) && remote) {
		arch_ipi_send(rq->cpu, IRQ_RESCHEDULE);
	}
}

/* Idle looks at no lazy flag, and has nobody to protect from a switch. */
void
resched_curr_lazy(struct rq *rq)
{
	bool is_lazy = preempt_policy() & POLICY_LAZY;

	ASSERT(arch_irqs_disabled());
	ASSERT(raw_spin_is_locked(&rq->lock));
	if (!is_lazy || (task_is_idle(rq->curr) && !bug(LAZY_FOR_IDLE))) {
		resched_curr(rq);
	} else if (!test_tsk_need_resched(rq->curr) && !test_tsk_need_resched_lazy(rq->curr)) {
		request_lazily(rq);
	}
}

/* Linux once gave up where another cpu had the lock (7c2102e56a3f). */
void
resched_cpu(unsigned int cpu)
{
	struct rq *rq = &per_cpu(runqueue, cpu);
	unsigned long flags = arch_irq_save();

	ASSERT(!in_nmi());
	if (!bug(RESCHED_CPU_TRYLOCK)) {
		raw_spin_lock(&rq->lock);
	} else if (!raw_spin_trylock(&rq->lock)) {
		arch_irq_restore(flags);
		return;
	}
	resched_curr(rq);
	raw_spin_unlock_irqrestore(&rq->lock, flags);
}

bool
set_nr_if_polling(struct task *idle)
{
	uint32_t flags = atomic_load(&idle->flags);

	do { /* bounded: one turn more for each change of the flags */
		if (!(flags & TIF_POLLING_NRFLAG)) {
			return false;
		}
		if (flags & TIF_NEED_RESCHED) {
			return true;
		}
	} while (!atomic_try_cmpxchg(&idle->flags, &flags, flags | TIF_NEED_RESCHED));
	return true;
}

bool
sched_fold_need_resched(void)
{
	DEBUG_ASSERT(arch_irqs_disabled());
	if (!need_resched() || test_preempt_need_resched() || bug(FORGET_FOLD)) {
		return false;
	}
	set_preempt_need_resched();
	return true;
}
