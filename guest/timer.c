// SPDX-License-Identifier: ISC
/*
 * Timers: a list a cpu, sorted by expiry, whose first entry the cpu's hardware timer waits for. The
 * base's lock guards list and expiries, and is taken with irqs off; it is dropped around functions.
 */
#include "guest/timer.h"

#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/cmdline.h"
#include "guest/panic.h"
#include "guest/percpu.h"
#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/spinlock.h"
#include "guest/trace.h"

struct timer_base {
	struct raw_spinlock lock;
	struct list pending;
	struct timer *running; /* whose function runs: timer_cancel() waits for it */
};

static DEFINE_PER_CPU(struct timer_base, timer_base);
static DEFINE_PER_CPU(struct timer, tick_timer);

void
timer_init_bases(uint32_t cpus)
{
	for (uint32_t cpu = 0; cpu < cpus; cpu++) {
		struct timer_base *base = &per_cpu(timer_base, cpu);

		LOCKDEP_INIT(&base->lock, LD_WAIT_SPIN);
		list_init(&base->pending);
	}
}

void
timer_init(struct timer *timer, void (*fn)(struct timer *timer))
{
	*timer = (struct timer){ .fn = fn };
	list_init(&timer->node);
}

static struct timer *
first_locked(struct timer_base *base)
{
	return container_of(base->pending.next, struct timer, node);
}

static void
program_locked(struct timer_base *base)
{
	arch_timer_set(list_empty(&base->pending) ? UINT64_MAX : first_locked(base)->expires_ns);
}

static void
insert_locked(struct timer_base *base, struct timer *timer)
{
	struct timer *later;

	list_for_each_entry (later, &base->pending, node) {
		if (later->expires_ns > timer->expires_ns) {
			break;
		}
	}
	list_insert_before(&later->node, &timer->node);
}

void
timer_start(struct timer *timer, uint64_t expires_ns)
{
	unsigned long flags = arch_irq_save();
	struct timer_base *base = this_cpu_ptr(&timer_base);

	ASSERT(!in_nmi());
	raw_spin_lock(&base->lock);
	ASSERT(list_empty(&timer->node));
	atomic_store(&timer->cpu, smp_processor_id());
	timer->expires_ns = expires_ns;
	insert_locked(base, timer);
	if (first_locked(base) == timer) {
		program_locked(base);
	}
	raw_spin_unlock_irqrestore(&base->lock, flags);
}

/* Takes it off if it is pending; returns whether its function is running instead. */
static bool
try_cancel(struct timer *timer, bool *was_pending)
{
	struct timer_base *base = &per_cpu(timer_base, atomic_load(&timer->cpu));
	unsigned long flags = raw_spin_lock_irqsave(&base->lock);
	bool running = base->running == timer;

	*was_pending = !list_empty(&timer->node);
	list_remove(&timer->node);
	raw_spin_unlock_irqrestore(&base->lock, flags);
	return running;
}

bool
timer_cancel(struct timer *timer)
{
	bool was_pending;

	while (try_cancel(timer, &was_pending)) { /* bounded: its function ends */
		arch_cpu_relax();
	}
	return was_pending;
}

/* A count that it leaks would be found at the interrupt's end; here we know whose it is. */
static void
run_function(struct timer *timer)
{
	void (*fn)(struct timer *) = timer->fn; /* timer may be gone afterwards */
	uint32_t count = preempt_count();

	fn(timer);
	if (bug(LEAK_IN_TIMER)) {
		preempt_disable();
	}
	if (preempt_count() != count) {
		panic("timer function %lx: preempt_count %08x at its end, %08x at its start",
		      (uintptr_t)fn, preempt_count(), count);
	}
}

uint32_t
timer_interrupt(void)
{
	struct timer_base *base = this_cpu_ptr(&timer_base);
	uint32_t count = 0;
	uint64_t now;

	ASSERT(in_hardirq());
	ASSERT(arch_irqs_disabled());
	now = arch_clock_ns();
	raw_spin_lock(&base->lock);
	while (!list_empty(&base->pending) && first_locked(base)->expires_ns <= now) {
		struct timer *timer = first_locked(base);

		list_remove(&timer->node);
		base->running = timer;
		raw_spin_unlock(&base->lock);
		trace(TRACE_timer_expire, smp_processor_id(), (uintptr_t)timer->fn);
		run_function(timer);
		raw_spin_lock(&base->lock);
		base->running = NULL;
		count++;
	}
	program_locked(base);
	raw_spin_unlock(&base->lock);
	return count;
}

/* ---- sleeping ---- */

struct sleeper {
	struct timer timer;
	struct task *task;
	struct atomic expired;
};

static void
wake_sleeper(struct timer *timer)
{
	struct sleeper *sleeper = container_of(timer, struct sleeper, timer);

	atomic_store(&sleeper->expired, 1);
	wake_up_state(sleeper->task, TASK_UNINTERRUPTIBLE);
}

void
timer_sleep(uint64_t ns)
{
	struct sleeper sleeper = { .task = current };

	might_sleep();
	timer_init(&sleeper.timer, wake_sleeper);
	timer_start(&sleeper.timer, arch_clock_ns() + ns);
	for (;;) { /* bounded: the timer expires */
		bool expired = bug(TEST_BEFORE_STATE) && atomic_load(&sleeper.expired);

		set_current_state(TASK_UNINTERRUPTIBLE);
		if (bug(TEST_BEFORE_STATE) ? expired : atomic_load(&sleeper.expired)) {
			break;
		}
		schedule();
	}
	if (bug(LEAK_DISABLE)) {
		preempt_disable();
	}
	__set_current_state(TASK_RUNNING);
	timer_cancel(&sleeper.timer); /* its function may still be on its way out of our stack */
}

/* ---- the tick ---- */

static uint64_t
tick_ns(void)
{
	return NSEC_PER_SEC / boot_args.hz;
}

/* A machine that stood still for many periods gets one tick, not many. */
static void
tick(struct timer *timer)
{
	uint64_t next = timer->expires_ns + tick_ns();
	uint64_t now = arch_clock_ns();

	sched_tick();
	rcu_tick();
	timer_start(timer, next > now ? next : now + tick_ns());
}

void
timer_start_tick(void)
{
	struct timer *timer = this_cpu_ptr(&tick_timer);

	ASSERT(arch_irqs_disabled());
	timer_init(timer, tick);
	timer_start(timer, arch_clock_ns() + tick_ns());
}
