// SPDX-License-Identifier: ISC
/*
 * Requests for a reschedule: who asks sets the flag of the task that is to give way, and folds it
 * into the counter if it runs here, or has the other cpu fold it by an interrupt. Linux 6.18's
 * kernel/sched/core.c. A request is answered in sched.c.
 */
#include "guest/sched.h"

#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/smp.h"
#include "guest/trace.h"

static inline void
trace_request(const struct rq *rq, bool remote, bool sends)
{
	trace(TRACE_sched_set_need_resched, rq->curr->pid,
	      rq->cpu | (uint64_t)remote << 8 | (uint64_t)sends << 9);
}

static void
request_here(struct rq *rq)
{
	if (!bug(LOCAL_REQUEST_UNFLAGGED)) {
		set_tsk_need_resched(rq->curr);
	}
	set_preempt_need_resched();
	trace_request(rq, false, false);
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
static void
request_there(struct rq *rq)
{
	uint32_t flags = flag_remote(rq->curr);
	bool sends = !(flags & (TIF_POLLING_NRFLAG | TIF_NEED_RESCHED)) || bug(REQUEST_TWICE);

	trace_request(rq, true, sends);
	if (sends && !bug(NO_RESCHED_IPI)) {
		arch_ipi_send(rq->cpu, IRQ_RESCHEDULE);
	}
}

void
resched_curr(struct rq *rq)
{
	ASSERT(arch_irqs_disabled());
	ASSERT(raw_spin_is_locked(&rq->lock));
	if (test_tsk_need_resched(rq->curr) && !bug(REQUEST_TWICE)) {
		return;
	}
	if (rq->cpu == smp_processor_id()) {
		request_here(rq);
	} else {
		request_there(rq);
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
	ASSERT(arch_irqs_disabled());
	if (!need_resched() || test_preempt_need_resched() || bug(FORGET_FOLD)) {
		return false;
	}
	set_preempt_need_resched();
	return true;
}
