// SPDX-License-Identifier: ISC
/*
 * A request's flag is cleared without an event where the scheduler stays with its task. So what is
 * remembered of requests may be more than there are, and only ever excuses.
 */
#include "tests/fuzz/sched/promises.h"

#include <string.h>

#include "guest/cmdline.h"
#include "guest/preempt.h"
#include "guest/preempt_policy.h"
#include "guest/sched.h"
#include "guest/sched_change.h"
#include "guest/smp.h"
#include "guest/softirq.h"
#include "tests/fuzz/sched/oracle.h"
#include "tests/fuzz/schedule.h"
#include "tests/host/counter.h"
#include "tests/host/machine.h"

#define RENICERS_MAX 16

struct cpu_promises {
	bool lazily; /* asked, since the last switch */
	bool in_tick;
	bool tick_found_lazy;
	bool tick_began_lazy; /* under that model, which others may change meanwhile */
	bool tick_made_lazy;  /* itself: that stays until the next one */
	/* The last request that was sent. */
	uint32_t sent_pid;
	uint32_t sent_turn;
	bool was_sent;
};

static struct cpu_promises promises[HOST_CPUS_MAX];
static struct {
	const struct task *by;
	const struct task *whom;
} renicers[RENICERS_MAX];
static bool is_strict;
static bool threads_were_forced; /* who has seen it may still be on the way */
static struct atomic anything;   /* read, where only time is to pass */

static bool
is_fair(const struct task *task)
{
	return task->prio >= MAX_RT_PRIO;
}

/* The most important queued task's priority. */
static unsigned int
best_of(const struct rq *rq)
{
	for (unsigned int n = 0; n < sizeof(rq->rt.bitmap) / sizeof(rq->rt.bitmap[0]); n++) {
		if (rq->rt.bitmap[n] != 0) {
			return 64 * n + (unsigned int)__builtin_ctzll(rq->rt.bitmap[n]);
		}
	}
	return MAX_RT_PRIO;
}

/* ---- requests ---- */

static bool
is_reniced(const struct task *whom)
{
	const struct task *task = per_cpu(current_task, host_this->id);

	for (unsigned int n = 0; n < RENICERS_MAX; n++) {
		if (renicers[n].by == task && renicers[n].whom == whom) {
			return true;
		}
	}
	return false;
}

static void
see_lazy(const struct rq *rq, bool remote, bool sends)
{
	struct cpu_promises *target = &promises[rq->cpu];
	uint32_t flags = rq->curr->flags.value;

	target->lazily = true;
	target->tick_made_lazy |= target->in_tick && !remote;
	if (sends) {
		host_fail("a lazy request is sent to cpu %u", rq->cpu);
	}
	if (task_is_idle(rq->curr)) {
		host_fail("idle of cpu %u is asked lazily", rq->cpu);
	}
	if (!remote && !(counter_peek() & PREEMPT_NEED_RESCHED) && !(flags & TIF_NEED_RESCHED)) {
		host_fail("a lazy request is folded");
	}
	if (is_reniced(rq->curr) && !(counter_peek() & (HARDIRQ_MASK | SOFTIRQ_MASK | NMI_MASK))) {
		host_fail("a change of a nice level asks lazily");
	}
}

/* Twice for one task that has not moved in between. */
static void
see_sent(const struct rq *rq)
{
	struct cpu_promises *target = &promises[rq->cpu];

	if (target->was_sent && target->sent_pid == rq->curr->pid &&
	    target->sent_turn == schedule_turns()) {
		host_fail("cpu %u is sent two interrupts for one request", rq->cpu);
	}
	target->was_sent = true;
	target->sent_pid = rq->curr->pid;
	target->sent_turn = schedule_turns();
}

/* Under lazy what fair tasks ask for is promoted, or for idle. */
static void
see_full(const struct rq *rq, bool remote)
{
	struct cpu_promises *target = &promises[rq->cpu];
	bool lazily = target->lazily;

	if (!(preempt_policy_now.value & POLICY_LAZY) || !is_fair(rq->curr) ||
	    best_of(rq) < MAX_RT_PRIO) {
		return;
	}
	if (!remote && target->in_tick && target->tick_began_lazy &&
	    (target->tick_made_lazy || !(rq->curr->flags.value & TIF_NEED_RESCHED_LAZY))) {
		host_fail("a tick asks at once, under lazy");
	}
	if (is_strict && !lazily) {
		host_fail("a fair task asks at once, under lazy");
	}
}

/* For whom? */
static void
see_reason(const struct rq *rq)
{
	if (!is_strict) {
		return;
	}
	if (rq->nr_running.value <= 1) {
		host_fail("cpu %u is asked for nobody's sake", rq->cpu);
	}
	if (!is_fair(rq->curr) && best_of(rq) >= rq->curr->prio) {
		host_fail("cpu %u is asked for an equal's sake", rq->cpu);
	}
}

static void
see_request(uint64_t b)
{
	const struct rq *rq = &per_cpu(runqueue, b & 0xff);
	bool remote = b >> 8 & 1;
	bool sends = b >> 9 & 1;

	if (b >> 10 & 1) {
		see_lazy(rq, remote, sends);
	} else if (!task_is_idle(rq->curr)) {
		see_full(rq, remote);
		if (sends) {
			see_sent(rq);
		}
	} else {
		return;
	}
	see_reason(rq);
}

/* ---- switches ---- */

/* Whoever sleeps blocks: who gives way goes on, and is told to run. */
static void
see_prev(uint64_t b)
{
	if (trace_switch_reason(b) == SCHED_REASON_YIELD &&
	    trace_switch_prev_state(b) != TASK_RUNNING) {
		host_fail("a switch tells of a sleep, and its task goes on");
	}
}

static void
see_switch(uint64_t b)
{
	unsigned int cpu = host_this->id;
	struct cpu_promises *here = &promises[cpu];
	const struct task *softirqs = per_cpu(ksoftirqd, cpu);

	if (host_this->vetoes) {
		host_fail("a switch against the architecture's veto");
	}
	if (trace_switch_reason(b) == SCHED_REASON_IRQ_RETURN &&
	    task_is_idle(per_cpu(current_task, cpu))) {
		host_fail("an interrupt's return preempts the idle task");
	}
	here->lazily = false;
	see_prev(b);
	if (per_cpu(softirq_pending, cpu) != 0 && softirqs != NULL && softirqs->on_rq.value == 0) {
		host_fail("cpu %u leaves softirqs for a ksoftirqd that sleeps", cpu);
	}
}

/* What calls raise in idle is served there, as an interrupt's is. */
static void
see_waking(uint32_t pid)
{
	const struct task *softirqs = per_cpu(ksoftirqd, host_this->id);
	bool in_idle = task_is_idle(per_cpu(current_task, host_this->id));

	if (in_idle && !threads_were_forced && softirqs != NULL && softirqs->pid == pid &&
	    !(counter_peek() & (HARDIRQ_MASK | SOFTIRQ_MASK | NMI_MASK))) {
		host_fail("idle wakes ksoftirqd");
	}
}

static void
see(enum trace_event event, uint32_t a, uint64_t b)
{
	if (event == TRACE_sched_set_need_resched) {
		see_request(b);
	} else if (event == TRACE_sched_waking) {
		see_waking(a);
	} else if (event == TRACE_sched_switch) {
		see_switch(b);
	}
	oracle_see(event, b);
}

/* ---- what the program says ---- */

void
promises_begin_tick(void)
{
	struct cpu_promises *here = &promises[host_this->id];
	const struct rq *rq = &per_cpu(runqueue, host_this->id);

	here->tick_found_lazy = rq->curr->flags.value & TIF_NEED_RESCHED_LAZY;
	here->tick_began_lazy = preempt_policy_now.value & POLICY_LAZY;
	here->in_tick = true;
	here->tick_made_lazy = false;
}

void
promises_end_tick(void)
{
	struct cpu_promises *here = &promises[host_this->id];
	const struct rq *rq = &per_cpu(runqueue, host_this->id);

	here->in_tick = false;
	if (here->tick_found_lazy && !(rq->curr->flags.value & TIF_NEED_RESCHED)) {
		host_fail("a tick has found a lazy request, and not promoted it");
	}
}

void
promises_renice(struct task *task, int nice)
{
	unsigned int n = 0;

	while (n < RENICERS_MAX - 1 && renicers[n].by != NULL) {
		n++;
	}
	renicers[n].whom = task;
	renicers[n].by = current;
	set_user_nice(task, nice);
	renicers[n].by = NULL;
}

void
promises_force_threads(bool forced)
{
	threads_were_forced |= forced;
	boot_args.threadirqs = forced;
}

void
promises_veto(unsigned int steps)
{
	struct host_cpu *cpu;

	preempt_disable();
	cpu = host_this;
	cpu->vetoes = true;
	preempt_enable_no_resched();
	for (unsigned int n = 0; n < steps; n++) {
		(void)atomic_load(&anything);
	}
	cpu->vetoes = false;
	preempt_disable();
	preempt_enable();
}

void
promises_prepare(bool strict)
{
	is_strict = strict;
	threads_were_forced = false;
	host_trace_seen = see;
	memset(renicers, 0, sizeof(renicers));
	for (unsigned int n = 0; n < HOST_CPUS_MAX; n++) {
		promises[n] = (struct cpu_promises){ .lazily = false };
	}
}
