// SPDX-License-Identifier: ISC
/*
 * Whoever makes a request holds the lock of the run queue until he has sent its interrupt. So where
 * that is free what stands in the queue, in the flags and in the count must agree: no time need
 * pass.
 */
#include "tests/fuzz/sched/oracle.h"

#include "guest/cmdline.h"
#include "guest/futex.h"
#include "guest/preempt.h"
#include "guest/preempt_policy.h"
#include "guest/rcu_gp.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/softirq.h"
#include "tests/fuzz/schedule.h"
#include "tests/host/counter.h"
#include "tests/host/machine.h"

/* Looks at a request that could have been answered before each of them, in a row. */
#define LOOKS_MAX 16u

static struct {
	const struct task *task;
	uint32_t switches; /* of the cpu, at the first */
	unsigned int looks;
	uint64_t points; /* at the first */
} standing[HOST_CPUS_MAX];

/* Of the image with so many cpus, before anything has happened in it. */
static struct {
	unsigned int tasks; /* 0: not known yet */
	uint32_t uninterruptible;
} images[HOST_CPUS_MAX + 1];

/*
 * Full requests of who runs on a cpu, since the last switch there. RCU makes some of its own, which
 * are not traced.
 */
static bool all_are_traced;
static bool is_requested[HOST_CPUS_MAX];
static uint32_t lazy_requests[HOST_CPUS_MAX]; /* so far */

/* A point that comes meanwhile is one of the old model, or of the new. */
static void
look_at_model(void)
{
	if (preempt_policy_now.value == POLICY_IN_TRANSIT << POLICY_MODEL_SHIFT) {
		host_fail("a model is left, and no point is open");
	}
}

void
oracle_see(enum trace_event event, uint64_t b)
{
	enum sched_reason reason = trace_switch_reason(b);

	look_at_model();
	if (event == TRACE_sched_set_need_resched) {
		is_requested[b & 0xff] |= !(b >> 10 & 1);
		lazy_requests[b & 0xff] += b >> 10 & 1;
	} else if (event == TRACE_sched_switch) {
		bool preempts = reason == SCHED_REASON_PREEMPT_ENABLE ||
		                reason == SCHED_REASON_IRQ_RETURN ||
		                reason == SCHED_REASON_COND_RESCHED ||
		                reason == SCHED_REASON_MIGHT_SLEEP;

		if (preempts && all_are_traced && !is_requested[host_this->id]) {
			host_fail("a task is preempted, and nobody has requested it");
		}
		is_requested[host_this->id] = false;
	}
}

static bool
is_locked(const struct rq *rq)
{
	return rq->lock.next.value != rq->lock.owner.value;
}

/* What a store of this cpu's own has not brought to memory yet, nobody can tell. */
static bool
is_certain(const struct rq *rq)
{
	return !is_locked(rq) && !(host_this->pending >> IRQ_RESCHEDULE & 1);
}

static unsigned int
best_rt_prio(const struct rq *rq)
{
	if (rq->rt.bitmap[0] != 0) {
		return (unsigned int)__builtin_ctzll(rq->rt.bitmap[0]);
	}
	return rq->rt.bitmap[1] != 0 ? 64 + (unsigned int)__builtin_ctzll(rq->rt.bitmap[1])
	                             : MAX_RT_PRIO;
}

/* Somebody in the queue goes before who runs. */
static bool
is_passed_over(const struct rq *rq, const struct task *task)
{
	unsigned int best = best_rt_prio(rq);

	if (best < MAX_RT_PRIO) {
		return best < task->prio;
	}
	return task->class == &sched_class_fair && rq->fair.queue.next != &task->run_node;
}

/* A request that stands: how often could it have been answered? */
static void
look_at_standing(const struct task *task)
{
	unsigned int cpu = host_this->id;
	uint32_t switches = per_cpu(runqueue, cpu).nr_switches.value;

	if (standing[cpu].task != task || standing[cpu].switches != switches) {
		standing[cpu].task = task;
		standing[cpu].switches = switches;
		standing[cpu].looks = 0;
		standing[cpu].points = schedule_points();
	}
	if (++standing[cpu].looks == LOOKS_MAX) {
		host_fail("a request stands for %llu points",
		          (unsigned long long)(schedule_points() - standing[cpu].points));
	}
}

/* counter_peek() is the raw word, in which the folded bit is inverted. */
void
oracle_look(void)
{
	const struct task *task = per_cpu(current_task, host_this->id);
	const struct rq *rq = &per_cpu(runqueue, host_this->id);
	uint32_t flags = task->flags.value;
	uint32_t count = counter_peek();
	bool is_folded = !(count & PREEMPT_NEED_RESCHED);

	look_at_model();
	if (!(flags & TIF_NEED_RESCHED)) {
		standing[host_this->id].task = NULL;
	}
	if (!host_this->irqs_on || !is_certain(rq)) {
		return;
	}
	if ((flags & TIF_NEED_RESCHED) && !is_folded) {
		host_fail("a request is not folded, and no interrupt is to come");
	}
	if (is_passed_over(rq, task) && !(flags & (TIF_NEED_RESCHED | TIF_NEED_RESCHED_LAZY))) {
		host_fail("a task that goes first waits, and nothing is requested");
	}
	if ((flags & TIF_NEED_RESCHED) && (count & ~PREEMPT_NEED_RESCHED) == 0 &&
	    (preempt_policy_now.value & POLICY_PREEMPT_SCHEDULE)) {
		look_at_standing(task);
	}
}

/* ---- ring 3 ---- */

void
oracle_look_in_user(bool works_are_certain)
{
	const struct task *task = per_cpu(current_task, host_this->id);
	uint32_t flags = task->flags.value;

	if (!is_certain(&per_cpu(runqueue, host_this->id))) {
		return;
	}
	if (flags & TIF_NEED_RESCHED) {
		host_fail("a request stands in user mode, and no interrupt is to come");
	}
	if ((flags & TIF_NOTIFY_RESUME) && works_are_certain) {
		host_fail("work stands in user mode, and no interrupt is to come");
	}
}

void
oracle_look_around(uint64_t number)
{
	unsigned int cpu = host_this->id;
	const struct rq *rq = &per_cpu(runqueue, cpu);
	const struct task *task = per_cpu(current_task, cpu);
	bool stood = !is_locked(rq) && (task->flags.value & TIF_NEED_RESCHED_LAZY);
	uint32_t requests = lazy_requests[cpu];

	host_syscall(number, 0, 0, 0);
	if (stood && host_this->id == cpu && !is_locked(rq) && lazy_requests[cpu] == requests &&
	    (task->flags.value & TIF_NEED_RESCHED_LAZY)) {
		host_fail("a lazy request stands behind a system call");
	}
}

/* ---- at rest ---- */

/* Workers of workqueues come and stay. */
static void
count_task(struct task *task, void *count)
{
	*(unsigned int *)count += task->worker == NULL;
}

/* What idle has off is in the way of the walk. */
static unsigned int
count_tasks(void)
{
	bool irqs_on = host_this->irqs_on;
	unsigned int count = 0;

	host_this->irqs_on = true;
	preempt_enable_no_resched();
	task_for_each(count_task, &count);
	preempt_disable();
	host_this->irqs_on = irqs_on;
	return count;
}

void
oracle_prepare(bool uses_rcu)
{
	all_are_traced = !uses_rcu;
	if (images[cpu_count].tasks == 0) {
		images[cpu_count].tasks = count_tasks();
		images[cpu_count].uninterruptible = sched_nr_uninterruptible();
	}
	for (unsigned int n = 0; n < HOST_CPUS_MAX; n++) {
		standing[n].task = NULL;
		is_requested[n] = false;
		lazy_requests[n] = 0;
	}
}

static void
check_cpu(unsigned int n)
{
	const struct host_cpu *cpu = host_cpu(n);
	const struct rq *rq = &per_cpu(runqueue, n);

	if (atomic_load(&rq->nr_running) != 0 || atomic_load(&rq->wake_list) != NULL) {
		host_fail("cpu %u sleeps although a task is to run there", n);
	}
	HOST_EXPECT(rq->curr == rq->idle);
	HOST_EXPECT(per_cpu(current_task, n) == rq->idle);
	HOST_EXPECT(!(atomic_load(&rq->idle->flags) & (TIF_NEED_RESCHED | TIF_NEED_RESCHED_LAZY)));
	HOST_EXPECT(cpu->pending == 0);
	HOST_EXPECT(!cpu->nmi_pending);
	HOST_EXPECT(cpu->timer_ns == UINT64_MAX);
	if (per_cpu(softirq_pending, n) != 0) {
		host_fail("cpu %u leaves softirqs behind", n);
	}
}

void
oracle_check_halted(void)
{
	for_each_cpu (n) {
		bool is_idle = per_cpu(current_task, n) == per_cpu(runqueue, n).idle;

		if (host_cpu(n)->op.kind != HOST_OP_HALT && !(is_idle && boot_args.idle_polls)) {
			host_fail("cpu %u spins for ever", n);
		}
	}
}

void
oracle_check(void)
{
	for_each_cpu (n) {
		check_cpu(n);
	}
	HOST_EXPECT(sched_nr_uninterruptible() == images[cpu_count].uninterruptible);
	HOST_EXPECT(atomic_load(&rcu_blocked[0]) == 0);
	HOST_EXPECT(atomic_load(&rcu_blocked[1]) == 0);
	HOST_EXPECT(futex_waiter_count() == 0);
	if (count_tasks() != images[cpu_count].tasks) {
		host_fail("%u tasks are left, of %u", count_tasks(), images[cpu_count].tasks);
	}
}
