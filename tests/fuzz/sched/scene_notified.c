// SPDX-License-Identifier: ISC
/*
 * Scenes of who is told of others: notifiers behind a task that ends, whoever walks the list of
 * tasks while some are made, and the threads of a line that two devices share.
 */
#include <stddef.h>

#include "guest/arch.h"
#include "guest/interrupt.h"
#include "guest/preempt.h"
#include "guest/preempt_notifier.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/task.h"
#include "tests/fuzz/sched/contest.h"
#include "tests/fuzz/sched/scene.h"
#include "tests/host/machine.h"

#define ROUNDS 6

/* ---- notifiers ---- */

#define NOTIFIERS 3u

static HOST_STATE struct preempt_notifier notifiers[NOTIFIERS];
static HOST_STATE unsigned int ins; /* calls of sched_in */
static HOST_STATE unsigned int outs;
static HOST_STATE struct task *ending;

/* In both directions; the youngest is the last that was registered. */
static void
expect_turn(const struct preempt_notifier *notifier, unsigned int calls, const char *which)
{
	if (notifier != &notifiers[NOTIFIERS - 1 - calls % NOTIFIERS]) {
		host_fail("%s is not called for the youngest first", which);
	}
}

/* Its creator waits for its end, so both references are still there. */
static void
notified_in(struct preempt_notifier *notifier, unsigned int cpu)
{
	const struct task *before = host_this->switched_from;

	(void)cpu;
	expect_turn(notifier, ins++, "sched_in");
	if (before == ending && atomic_load(&before->state) == TASK_DEAD &&
	    atomic_load(&before->refcount) != 2) {
		host_fail("sched_in is called behind a task that is freed");
	}
}

static void
notified_out(struct preempt_notifier *notifier, struct task *next)
{
	(void)next;
	expect_turn(notifier, outs++, "sched_out");
}

static const struct preempt_ops ops = { notified_in, notified_out };

static void
begin_notifiers(void)
{
	preempt_notifier_inc();
	preempt_disable();
	ins = 0;
	outs = 0;
	for (unsigned int n = 0; n < NOTIFIERS; n++) {
		preempt_notifier_init(&notifiers[n], &ops);
		preempt_notifier_register(&notifiers[n]);
	}
	preempt_enable();
}

static void
end_notifiers(void)
{
	preempt_disable();
	HOST_EXPECT(ins == outs);
	for (unsigned int n = NOTIFIERS; n != 0; n--) {
		preempt_notifier_unregister(&notifiers[n - 1]);
	}
	preempt_enable();
	preempt_notifier_dec();
}

static void
pass_and_end(void *points)
{
	scene_pass((uintptr_t)points);
}

static void
run_behind(void *form)
{
	unsigned int cpu = smp_processor_id();

	begin_notifiers();
	for (unsigned int n = 0; n < ROUNDS; n++) {
		ending = task_run(&(struct task_params){
			.comm = "ending",
			.fn = pass_and_end,
			.arg = (void *)((uintptr_t)form * n),
			.cpus_allowed = 1ul << cpu,
		});
		task_join(ending);
		ending = NULL;
	}
	end_notifiers();
}

static void
play_notifiers(unsigned int cpu, unsigned int form)
{
	scene_cast(run_behind, (void *)(uintptr_t)form, cpu);
	scene_join();
}

/* ---- the list of all tasks ---- */

#define FINDS 8

static void
end_at_once(void *unused)
{
	(void)unused;
}

/* Cut off at each point, among them where others find it. */
static void
make_often(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= FINDS; n++) {
		struct task *made;

		scene_meet(2);
		scene_await(&contest.ready, n);
		atomic_store(&contest.begun, n);
		contest_cut_off(contest_point(n, 1), contest.second_cpu);
		made = task_create(&(struct task_params){ .comm = "new", .fn = end_at_once });
		HOST_EXPECT(made != NULL);
		wake_up_new_task(made);
		scene_meet(2);
		task_join(made);
	}
}

static void
expect_whole(struct task *task, void *unused)
{
	(void)unused;
	if (task->class == NULL) {
		host_fail("a task is found before its scheduling is set up");
	}
}

static void
find_often(void *unused)
{
	(void)unused;
	for (unsigned int n = 1; n <= FINDS; n++) {
		scene_meet(2);
		atomic_store(&contest.ready, n);
		scene_spin(&contest.begun, n);
		task_for_each(expect_whole, NULL);
		scene_meet(2);
	}
}

static void
play_list(unsigned int cpu, unsigned int form)
{
	if (contest_prepare(cpu, form)) {
		contest_play(make_often, find_often, NULL);
	}
}

/* ---- a line of two devices ---- */

#define LINE    IRQ_EVENT
#define DEVICES 2u

static HOST_STATE struct atomic due[DEVICES]; /* its thread is not done */
static HOST_STATE unsigned int lingering;

/* The first is asked first, and all threads are done by then. */
static enum irqreturn
wake_thread(unsigned int irq, void *dev_id)
{
	unsigned int n = (unsigned int)((struct atomic *)dev_id - due);

	(void)irq;
	if (atomic_load(&due[n]) || atomic_load(&due[1])) {
		host_fail("a line comes again before its threads are done");
	}
	atomic_store(&due[n], 1);
	scene_pass(n * lingering);
	return IRQ_WAKE_THREAD;
}

static enum irqreturn
be_done(unsigned int irq, void *dev_id)
{
	(void)irq;
	scene_pass(2);
	atomic_store((struct atomic *)dev_id, 0);
	return IRQ_HANDLED;
}

static void
raise_line(unsigned int cpu)
{
	preempt_disable();
	arch_ipi_send(cpu % cpu_count, LINE);
	preempt_enable();
}

static void
play_line(unsigned int cpu, unsigned int form)
{
	lingering = 8 * (1 + form);
	for (unsigned int n = 0; n < DEVICES; n++) {
		atomic_store(&due[n], 0);
		HOST_EXPECT(request_threaded_irq(LINE, wake_thread, be_done,
		                                 IRQF_ONESHOT | IRQF_SHARED, "scene",
		                                 &due[n]) == 0);
	}
	for (unsigned int n = 0; n < 2 * ROUNDS; n++) {
		raise_line(cpu + n / 2);
		scene_pass(n * 7 % 31);
	}
	for (unsigned int n = 0; n < DEVICES; n++) {
		free_irq(LINE, &due[n]);
	}
}

const struct scene scene_notified[] = {
	{ "notifiers behind tasks that end", play_notifiers },
	{ "tasks are made and found", play_list },
	{ "a line of two threads", play_line },
	{ NULL, NULL },
};
