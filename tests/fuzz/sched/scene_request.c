// SPDX-License-Identifier: ISC
/*
 * Scenes of requests that meet what they ask for: of softirqs, of a task that gives way or sets
 * its count, and of an idle cpu.
 */
#include <stddef.h>

#include "guest/arch.h"
#include "guest/bottom_half.h"
#include "guest/cmdline.h"
#include "guest/completion.h"
#include "guest/irq_stack.h"
#include "guest/preempt.h"
#include "guest/preempt_policy.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/smp_call.h"
#include "guest/softirq.h"
#include "guest/task.h"
#include "tests/fuzz/sched/oracle.h"
#include "tests/fuzz/sched/program.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/fuzz/schedule.h"
#include "tests/host/machine.h"

#define ROUNDS 8

static HOST_STATE unsigned int target; /* the cpu that is asked */
static HOST_STATE unsigned int delay;
static HOST_STATE struct atomic over;

static void
prepare(unsigned int cpu, unsigned int form)
{
	target = cpu % cpu_count;
	delay = form;
	atomic_store(&over, 0);
}

/* ---- softirqs, and who goes before them ---- */

static HOST_STATE struct completion served;

static void
serve_pinned(void)
{
	if ((preempt_count() & PREEMPT_MASK) == 0) {
		host_fail("local_bh_enable() serves with preemption on");
	}
	complete(&served);
}

/* Nobody else raises it, so nobody serves it before the enable. */
static void
play_enable(unsigned int cpu, unsigned int form)
{
	prepare(cpu, form);
	init_completion(&served);
	scene_serve(serve_pinned);
	local_bh_disable();
	raise_softirq(SCENE_SOFTIRQ);
	scene_pass(form);
	local_bh_enable();
	wait_for_completion(&served);
}

static HOST_STATE struct task *urgent;
static HOST_STATE struct completion urgent_call;
static HOST_STATE unsigned int urgent_runs;
static HOST_STATE bool urgent_is_called;
static HOST_STATE bool urgent_is_next; /* at the next point: the request has been seen */

static void
run_urgently(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < 2; n++) {
		wait_for_completion(&urgent_call);
		urgent_runs++;
	}
}

/*
 * What an interrupt's exit serves is on its stack; that is no round of ksoftirqd's. Where the model
 * changes, the enable may come too early, and the point behind it too late. Where another cpu has
 * asked before, its interrupt may still be on the way: then nobody sees the request.
 */
static void
serve_in_thread(void)
{
	if (arch_on_stack(this_cpu_read(hardirq_stack))) {
		raise_softirq(SCENE_SOFTIRQ);
	} else if (urgent_is_called) {
		if (urgent_is_next && urgent_runs == 0 && !program_plan()->has[FUZZ_TASK_MODEL]) {
			host_fail("ksoftirqd goes on before a task that its handler woke");
		}
		complete(&served);
	} else if (atomic_load(&urgent->on_rq) != 0) {
		raise_softirq(SCENE_SOFTIRQ);
	} else {
		urgent_is_called = true;
		complete(&urgent_call);
		urgent_is_next = should_resched(preempt_count());
		raise_softirq(SCENE_SOFTIRQ);
	}
}

static void
raise_for_thread(void *unused)
{
	(void)unused;
	raise_softirq(SCENE_SOFTIRQ);
}

static void
play_rounds(unsigned int cpu, unsigned int form)
{
	prepare(cpu, form);
	init_completion(&served);
	init_completion(&urgent_call);
	urgent_runs = 0;
	urgent_is_called = urgent_is_next = false;
	scene_serve(serve_in_thread);
	urgent = task_run(&(struct task_params){
		.comm = "urgent",
		.fn = run_urgently,
		.policy = SCHED_FIFO,
		.rt_priority = 99,
		.cpus_allowed = 1ul << target,
	});
	scene_cast(raise_for_thread, NULL, cpu);
	wait_for_completion(&served);
	scene_join();
	complete(&urgent_call);
	task_join(urgent);
}

/* ---- a request meets a task that gives way, or sets its count ---- */

#define ASKS_MAX 24

static HOST_STATE struct atomic answered; /* so many rounds */

/* Where a request stands, the interrupt that brought it would have been the place to answer. */
static void
give_way(bool preempts)
{
	for (unsigned int i = 0; i < 4; i++) {
		yield();
		if (preempts && preemptible() && should_resched(0)) {
			host_fail("schedule() returns, and a request stands");
		}
	}
}

static void
set_count(void)
{
	preempt_disable();
	for (unsigned int i = 0; i < 8; i++) {
		preempt_count_set(3);
		preempt_count_set(1);
		oracle_look();
	}
	preempt_enable();
	cond_resched();
}

static void
be_asked(void *sets)
{
	bool preempts = (preempt_policy_now.value & POLICY_PREEMPT_SCHEDULE) &&
	                !program_plan()->has[FUZZ_TASK_MODEL];

	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_meet(2);
		schedule_press(0, 8 + (n * 5 + delay) % 11); /* long enough to ask */
		if (sets != NULL) {
			set_count();
		} else {
			give_way(preempts);
		}
		atomic_store(&answered, n + 1);
	}
	atomic_store(&over, 1);
}

static void
ask_often(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < ROUNDS; n++) {
		scene_meet(2);
		for (unsigned int i = 0; i < ASKS_MAX && atomic_load(&answered) <= n; i++) {
			resched_cpu(target);
			scene_pass((n + i) * delay % 5);
		}
	}
}

static void
give_way_too(void *unused)
{
	(void)unused;
	for (unsigned int n = 0; n < 8 * ROUNDS && !atomic_load(&over); n++) {
		yield();
	}
}

static void
play_asked(unsigned int cpu, unsigned int form)
{
	prepare(cpu, form / 2);
	atomic_store(&answered, 0);
	scene_cast(be_asked, form & 1 ? &over : NULL, cpu);
	scene_cast(ask_often, NULL, cpu + 1);
	if (!(form & 1)) {
		scene_cast(give_way_too, NULL, cpu);
	}
	scene_join();
}

/* ---- idle is asked ---- */

/* Whoever has the queue's lock knows that idle cannot have answered. */
static void
ask_if_idle(struct rq *rq)
{
	unsigned long flags = raw_spin_lock_irqsave(&rq->lock);

	if (task_is_idle(rq->curr)) {
		resched_curr_lazy(rq);
		if (!(atomic_load(&rq->curr->flags) & TIF_NEED_RESCHED)) {
			host_fail("idle of cpu %u is asked, and not at once", rq->cpu);
		}
	}
	raw_spin_unlock_irqrestore(&rq->lock, flags);
}

static void
play_idle(unsigned int cpu, unsigned int form)
{
	for (unsigned int n = 0; n < ROUNDS; n++) {
		ask_if_idle(&per_cpu(runqueue, (cpu + n) % cpu_count));
		scene_pass(form * n);
	}
}

static HOST_STATE struct call_single_data lowering;
static HOST_STATE struct atomic lowered; /* so many times */

/*
 * The count keeps idle from being preempted, too. Called by idle, which leaves its poll and has a
 * request, this takes the count away, as no call should; who idles is still enough.
 */
static void
lower_in_idle(struct call_single_data *unused)
{
	uint32_t count = preempt_count();

	(void)unused;
	if (task_is_idle(current) && !in_hardirq()) {
		arch_ipi_send(smp_processor_id(), IRQ_RESCHEDULE);
		preempt_count_set(0);
		arch_irq_enable();
		scene_pass(2);
		arch_irq_disable();
		preempt_count_set(count);
	}
	atomic_fetch_add(&lowered, 1);
}

/* To a cpu that polls no interrupt is sent. */
static void
play_lowered(unsigned int cpu, unsigned int form)
{
	boot_args.idle_polls = true;
	atomic_store(&lowered, 0);
	lowering = (struct call_single_data)CALL_SINGLE_DATA_INIT(lower_in_idle);
	for (unsigned int n = 0; n < ROUNDS; n++) {
		smp_call_function_single_async((cpu + n) % cpu_count, &lowering);
		scene_await(&lowered, n + 1);
		scene_pass(form * n);
	}
}

const struct scene scene_requests[] = {
	{ "bottom halves go on with a softirq raised", play_enable },
	{ "a softirq of ksoftirqd wakes a task", play_rounds },
	{ "requests while a task gives way, or sets its count", play_asked },
	{ "idle is asked", play_idle },
	{ "idle makes a call that takes its count", play_lowered },
	{ NULL, NULL },
};
