// SPDX-License-Identifier: ISC
/*
 * A request may stand for as long as whoever made it has not come to send its interrupt, and as
 * long as that is in flight. So it is late only when this cpu has moved often enough, and every
 * other one far enough to have sent what it was about to send, or stands still.
 */
#include "tests/fuzz/oracle.h"

#include "guest/cputime.h"
#include "guest/futex.h"
#include "guest/preempt.h"
#include "guest/preempt_policy.h"
#include "guest/rcu_gp.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/softirq.h"
#include "tests/host/counter.h"
#include "tests/host/machine.h"

#define LATE_POINTS 100u /* of its own, at which it could have been preempted */
#define SENT_POINTS 100u /* of another cpu: it is through what it was at */

struct watch {
	const struct task *task;
	uint32_t points;
	uint32_t moved[HOST_CPUS_MAX]; /* the others, when it began */
};

static uint32_t moved[HOST_CPUS_MAX];
static struct watch asked[HOST_CPUS_MAX];     /* of requests */
static struct watch overtaken[HOST_CPUS_MAX]; /* of tasks that are passed over */
static void (*seen_by)(const struct host_transition *t, unsigned int moment);

/* Of the image with so many cpus, before anything has happened in it. */
static struct {
	unsigned int tasks; /* 0: not known yet */
	uint32_t uninterruptible;
} images[HOST_CPUS_MAX + 1];

static void
watch_begin(struct watch *watch, const struct task *task)
{
	watch->task = task;
	watch->points = 0;
	for (unsigned int n = 0; n < cpu_count; n++) {
		watch->moved[n] = moved[n];
	}
}

static bool
stands_still(const struct host_cpu *cpu)
{
	return cpu->op.kind == HOST_OP_HALT || (cpu->spins && !cpu->spin_over);
}

/* Every other cpu has sent what it was about to send. */
static bool
others_are_through(const struct watch *watch, unsigned int self)
{
	for (unsigned int n = 0; n < cpu_count; n++) {
		if (n != self && moved[n] - watch->moved[n] < SENT_POINTS &&
		    !stands_still(host_cpu(n))) {
			return false;
		}
	}
	return true;
}

/* This cpu could be preempted where it stands. */
static bool
is_preemptible(struct host_cpu *cpu)
{
	struct host_cpu *self = host_this;
	uint32_t count;

	if (!cpu->irqs_on || cpu->pending != 0) {
		return false;
	}
	host_this = cpu;
	count = counter_peek();
	host_this = self;
	return (count & ~PREEMPT_NEED_RESCHED) == 0;
}

/* A point at which it still holds. Late? */
static bool
is_late(struct watch *watch, const struct task *task, unsigned int cpu)
{
	if (watch->task != task) {
		watch_begin(watch, task);
	}
	return ++watch->points >= LATE_POINTS && others_are_through(watch, cpu);
}

static bool
model_preempts(void)
{
	return preempt_policy_now.value & POLICY_PREEMPT_SCHEDULE;
}

/* A task of the rt class is queued that goes before who runs. */
static bool
is_passed_over(const struct rq *rq, const struct task *task)
{
	unsigned int best = MAX_RT_PRIO;

	if (rq->lock.next.value != rq->lock.owner.value) {
		return false;
	}
	if (rq->rt.bitmap[0] != 0) {
		best = (unsigned int)__builtin_ctzll(rq->rt.bitmap[0]);
	} else if (rq->rt.bitmap[1] != 0) {
		best = 64 + (unsigned int)__builtin_ctzll(rq->rt.bitmap[1]);
	}
	return best < task->prio && best < MAX_RT_PRIO;
}

static void
look(unsigned int n)
{
	const struct task *task = per_cpu(current_task, n);
	bool is_asked = task->flags.value & TIF_NEED_RESCHED;
	bool is_passed = is_passed_over(&per_cpu(runqueue, n), task);

	if (!is_asked) {
		asked[n].task = NULL;
	}
	if (!is_passed) {
		overtaken[n].task = NULL;
	}
	if ((!is_asked && !is_passed) || task_is_idle(task) || !model_preempts() ||
	    !is_preemptible(host_cpu(n))) {
		return;
	}
	if (is_asked && is_late(&asked[n], task, n)) {
		host_fail("cpu %u does not answer a request", n);
	}
	if (is_passed && is_late(&overtaken[n], task, n)) {
		host_fail("cpu %u passes over a task that goes first", n);
	}
}

static void
see(const struct host_transition *t, unsigned int moment)
{
	if (seen_by != NULL) {
		seen_by(t, moment);
	}
	if (t->actor != HOST_DRAIN && t->actor != HOST_CLOCK) {
		moved[t->cpu]++;
		look(t->cpu);
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
oracle_prepare(void)
{
	if (host_transition_seen != see) {
		seen_by = host_transition_seen;
		host_transition_seen = see;
	}
	if (images[cpu_count].tasks == 0) {
		images[cpu_count].tasks = count_tasks();
		images[cpu_count].uninterruptible = sched_nr_uninterruptible();
	}
	for (unsigned int n = 0; n < HOST_CPUS_MAX; n++) {
		moved[n] = 0;
		asked[n].task = NULL;
		overtaken[n].task = NULL;
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
		if (host_cpu(n)->op.kind != HOST_OP_HALT) {
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
