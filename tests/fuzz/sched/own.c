// SPDX-License-Identifier: ISC
#include "tests/fuzz/sched/own.h"

#include "guest/arch.h"
#include "guest/atomic.h"
#include "guest/errno.h"
#include "guest/kthread.h"
#include "guest/preempt.h"
#include "guest/preempt_notifier.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "guest/workqueue.h"
#include "tests/host/machine.h"

#define PERIOD_NS  3000u
#define THREAD_END 7
#define WORKS      3
#define LINGER     12u

/* Made anew by each run: what stands in it of an earlier one means nothing. */
struct own {
	struct delayed_work work;
	unsigned int work_times; /* that it queues itself */
	unsigned int work_inside;
	struct timer timer;
	unsigned int timer_times;
	unsigned int timer_inside;

	struct task *thread;
	unsigned int thread_form;
	bool thread_begun;
	bool thread_is_in; /* goes on, and is not parked */

	struct preempt_notifier notifier;
	struct task *task;
	unsigned int outs;
	unsigned int ins;
	uint64_t switches; /* of the task, at the begin */

	struct work works[WORKS];
	struct atomic works_done;
};

static struct own owns[FUZZ_TASKS_MAX];

/* ---- the work ---- */

static void
run_work(struct work *work)
{
	struct own *own = container_of(work, struct own, work.work);

	if (own->work_inside++ != 0) {
		host_fail("a work runs twice at a time");
	}
	for (unsigned int n = 0; n < LINGER; n++) {
		(void)atomic_load(&own->works_done); /* it may be cancelled meanwhile */
	}
	if (own->work_times != 0) {
		own->work_times--;
		queue_delayed_work(system_wq, &own->work, own->work_times % 2 * PERIOD_NS);
	}
	if (--own->work_inside != 0) {
		host_fail("a work runs twice at a time");
	}
}

static void
cancel_work_of(struct own *own)
{
	cancel_delayed_work_sync(&own->work);
	if (own->work_inside != 0 || work_pending(&own->work.work)) {
		host_fail("a work goes on that was cancelled");
	}
}

/* Cancelled first: what it is to do is its function's, too. */
void
own_queue_work(unsigned int worker, unsigned int times, unsigned int cpu)
{
	struct own *own = &owns[worker];

	cancel_work_of(own);
	own->work_times = times;
	queue_delayed_work_on(cpu % cpu_count, system_wq, &own->work, times % 2 * PERIOD_NS);
}

void
own_cancel_work(unsigned int worker, unsigned int form)
{
	struct own *own = &owns[worker];

	if (form == 0) {
		cancel_delayed_work(&own->work);
	} else if (form == 1) {
		flush_work(&own->work.work);
	}
	cancel_work_of(own);
}

/* ---- the timer ---- */

static void
run_timer(struct timer *timer)
{
	struct own *own = container_of(timer, struct own, timer);

	if (own->timer_inside++ != 0) {
		host_fail("a timer runs twice at a time");
	}
	if (own->timer_times != 0) {
		own->timer_times--;
		timer_start(timer, arch_clock_ns() + PERIOD_NS);
	}
	own->timer_inside--;
}

static void
cancel_timer_of(struct own *own)
{
	timer_cancel(&own->timer);
	if (own->timer_inside != 0 || timer_pending(&own->timer)) {
		host_fail("a timer goes on that was cancelled");
	}
}

void
own_start_timer(unsigned int worker, unsigned int times)
{
	struct own *own = &owns[worker];

	cancel_timer_of(own);
	own->timer_times = times;
	timer_start(&own->timer, arch_clock_ns() + PERIOD_NS);
}

void
own_cancel_timer(unsigned int worker)
{
	cancel_timer_of(&owns[worker]);
}

/* ---- the notifier ---- */

static void
notified_in(struct preempt_notifier *notifier, unsigned int cpu)
{
	struct own *own = container_of(notifier, struct own, notifier);

	HOST_EXPECT(current == own->task);
	HOST_EXPECT(cpu == smp_processor_id());
	HOST_EXPECT(!arch_irqs_disabled());
	HOST_EXPECT(preempt_count() == PREEMPT_OFFSET);
	own->ins++;
	HOST_EXPECT(own->ins == own->outs);
}

static void
notified_out(struct preempt_notifier *notifier, struct task *next)
{
	struct own *own = container_of(notifier, struct own, notifier);

	HOST_EXPECT(current == own->task);
	HOST_EXPECT(next != own->task);
	HOST_EXPECT(!atomic_load(&next->on_cpu));
	HOST_EXPECT(arch_irqs_disabled());
	HOST_EXPECT(own->ins == own->outs);
	own->outs++;
}

static const struct preempt_ops notifier_ops = { notified_in, notified_out };

static uint64_t
switches_of(const struct task *task)
{
	return task->nvcsw + task->nivcsw;
}

void
own_begin_notifier(unsigned int worker)
{
	struct own *own = &owns[worker];

	own->task = current;
	own->ins = 0;
	own->outs = 0;
	preempt_notifier_inc();
	preempt_notifier_init(&own->notifier, &notifier_ops);
	preempt_disable();
	own->switches = switches_of(current);
	preempt_notifier_register(&own->notifier);
	preempt_enable();
}

void
own_end_notifier(unsigned int worker)
{
	struct own *own = &owns[worker];

	preempt_disable();
	preempt_notifier_unregister(&own->notifier);
	HOST_EXPECT(own->ins == own->outs);
	HOST_EXPECT(switches_of(current) - own->switches == own->outs);
	preempt_enable();
	preempt_notifier_dec();
}

/* ---- the kthread ---- */

static int
run_thread(void *arg)
{
	struct own *own = arg;

	own->thread_begun = true;
	own->thread_is_in = true;
	while (!kthread_should_stop()) { /* bounded: it is stopped */
		if (kthread_should_park()) {
			own->thread_is_in = false;
			kthread_parkme();
			own->thread_is_in = true;
			continue;
		}
		set_current_state(TASK_IDLE);
		if (!kthread_should_stop() && !kthread_should_park()) {
			schedule();
		}
		__set_current_state(TASK_RUNNING);
	}
	own->thread_is_in = false;
	return THREAD_END;
}

/* Forms: any cpu; one cpu; FIFO; never woken. */
void
own_begin_kthread(unsigned int worker, unsigned int form, unsigned int cpu)
{
	struct own *own = &owns[worker];

	own->thread_form = form;
	own->thread_begun = false;
	own->thread_is_in = false;
	own->thread = form == 1 ? kthread_create_on_cpu(run_thread, own, cpu % cpu_count, "thread")
	                        : kthread_create(run_thread, own, "thread");
	HOST_EXPECT(own->thread != NULL);
	if (form == 2) {
		kthread_set_fifo(own->thread, 1);
	}
	if (form != 3) {
		wake_up_process(own->thread);
	}
}

void
own_end_kthread(unsigned int worker)
{
	struct own *own = &owns[worker];
	int result = kthread_stop(own->thread);

	if (result != (own->thread_begun ? THREAD_END : -EINTR) ||
	    (own->thread_begun && own->thread_form == 3)) {
		host_fail("a thread that %s ends with %d",
		          own->thread_begun ? "has begun" : "never began", result);
	}
	HOST_EXPECT(!own->thread_is_in);
}

static void
expect_parked(const struct own *own)
{
	if (own->thread_is_in || atomic_load(&own->thread->on_cpu)) {
		host_fail("a thread goes on that is parked");
	}
}

void
own_begin_parking(unsigned int worker)
{
	struct own *own = &owns[worker];

	HOST_EXPECT(kthread_park(own->thread) == 0);
	expect_parked(own);
}

void
own_end_parking(unsigned int worker)
{
	struct own *own = &owns[worker];

	expect_parked(own);
	kthread_unpark(own->thread);
}

/* ---- the workqueue ---- */

static void
count_work(struct work *work)
{
	for (struct own *own = owns; own < owns + FUZZ_TASKS_MAX; own++) {
		if (work >= own->works && work < own->works + WORKS) {
			atomic_fetch_add(&own->works_done, 1);
		}
	}
}

static void
expect_done(struct own *own, unsigned int wanted)
{
	if (atomic_load(&own->works_done) != wanted) {
		host_fail("%u works were done of %u", atomic_load(&own->works_done), wanted);
	}
}

/* Forms: bound, one at a time on each cpu; unbound; ordered; system_wq, whose items are flushed. */
void
own_use_workqueue(unsigned int worker, unsigned int form)
{
	struct own *own = &owns[worker];
	struct workqueue *wq = form == 0   ? alloc_workqueue("own", 0, 1)
	                       : form == 1 ? alloc_workqueue("own", WQ_UNBOUND, 0)
	                       : form == 2 ? alloc_ordered_workqueue("own")
	                                   : system_wq;

	HOST_EXPECT(wq != NULL);
	atomic_store(&own->works_done, 0);
	for (unsigned int n = 0; n < WORKS; n++) {
		INIT_WORK(&own->works[n], count_work);
		queue_work_on(form == 0 || form == 3 ? n % cpu_count : WQ_CPU_ANY, wq,
		              &own->works[n]);
	}
	flush_workqueue(wq);
	expect_done(own, WORKS);
	if (wq != system_wq) {
		queue_work(wq, &own->works[0]);
		destroy_workqueue(wq);
		expect_done(own, WORKS + 1);
	}
}

/* ---- the runs ---- */

void
own_prepare(unsigned int worker)
{
	struct own *own = &owns[worker];

	INIT_DELAYED_WORK(&own->work, run_work);
	timer_init(&own->timer, run_timer);
	own->work_times = 0;
	own->work_inside = 0;
	own->timer_times = 0;
	own->timer_inside = 0;
}

void
own_check(unsigned int worker)
{
	struct own *own = &owns[worker];

	HOST_EXPECT(own->work_inside == 0);
	HOST_EXPECT(own->timer_inside == 0);
	HOST_EXPECT(!timer_pending(&own->timer));
	HOST_EXPECT(!work_pending(&own->work.work));
}
