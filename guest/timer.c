// SPDX-License-Identifier: ISC
/*
 * Timers: a tree a cpu, sorted by expiry, whose first node the cpu's hardware timer waits for. The
 * base's lock guards tree and expiries, and is taken with irqs off; it is dropped around functions.
 * A cpu holds one base's lock at most: a timer on its way from one to another is on none.
 */
#include "guest/timer.h"

#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/cputime.h"
#include "guest/cmdline.h"
#include "guest/panic.h"
#include "guest/percpu.h"
#include "guest/preempt.h"
#include "guest/rcu.h"
#include "guest/sched.h"
#include "guest/spinlock.h"
#include "guest/trace.h"
#include "guest/watchdog.h"

#define CPU_NONE UINT32_MAX /* timer->cpu: on its way to another base */

struct timer_base {
	struct raw_spinlock lock;
	struct rb_root pending;
	struct timer *running; /* whose function runs; the interrupt sets the hardware afterwards */
	uint64_t tick_at_ns;   /* this cpu's own, no timer: it comes too often for a tree */
};

static DEFINE_PER_CPU(struct timer_base, timer_base) = {
	.lock = RAW_SPINLOCK_NAMED("timer_base.lock", LD_WAIT_SPIN),
	.tick_at_ns = UINT64_MAX,
};
DEFINE_PER_CPU(uint32_t, timer_interrupts);

static void tick(struct timer_base *base, uint64_t now_ns);

void
timer_init(struct timer *timer, void (*fn)(struct timer *timer))
{
	*timer = (struct timer){ .fn = fn };
	rb_node_init(&timer->node);
	atomic_store(&timer->cpu, raw_smp_processor_id());
}

static struct timer *
timer_of(const struct rb_node *node)
{
	return container_of(node, struct timer, node);
}

static bool
expires_before(const struct rb_node *a, const struct rb_node *b)
{
	if (bug(TIMER_EQUALS_REVERSED)) {
		return timer_of(a)->expires_ns <= timer_of(b)->expires_ns;
	}
	return timer_of(a)->expires_ns < timer_of(b)->expires_ns;
}

/* For this cpu's base. */
static void
program_locked(struct timer_base *base)
{
	const struct rb_node *first = rb_first(&base->pending);
	uint64_t next_ns = base->tick_at_ns;

	if (first != NULL && timer_of(first)->expires_ns < next_ns) {
		next_ns = timer_of(first)->expires_ns;
	}
	arch_timer_set(next_ns);
}

/* The base of a timer that somebody else may move. irqs off. */
static struct timer_base *
lock_base(struct timer *timer)
{
	for (;;) { /* bounded: the rest of a move */
		uint32_t cpu = atomic_load(&timer->cpu);

		struct timer_base *base;

		if (cpu == CPU_NONE) {
			arch_cpu_relax();
			continue;
		}
		base = &per_cpu(timer_base, cpu);
		raw_spin_lock(&base->lock);
		if (atomic_load(&timer->cpu) == cpu) {
			return base;
		}
		raw_spin_unlock(&base->lock);
	}
}

static bool
dequeue_locked(struct timer_base *base, struct timer *timer)
{
	if (!rb_is_linked(&timer->node)) {
		return false;
	}
	rb_erase(&base->pending, &timer->node);
	return true;
}

/*
 * Leaves base's lock for that of this cpu's base, and returns that. While the timer is on neither,
 * others wait in lock_base(); with the new cpu's number one of them could put it into that base
 * before us.
 */
static struct timer_base *
move_here(struct timer_base *base, struct timer *timer)
{
	uint32_t cpu = smp_processor_id();

	atomic_store(&timer->cpu, bug(TIMER_MOVED_EARLY) ? cpu : CPU_NONE);
	raw_spin_unlock(&base->lock);
	base = &per_cpu(timer_base, cpu);
	raw_spin_lock(&base->lock);
	atomic_store(&timer->cpu, cpu);
	return base;
}

/*
 * Where its function runs the base's cpu is in its interrupt, which looks at the tree again and
 * sets the hardware; so only a base of our own needs it.
 */
void
timer_start(struct timer *timer, uint64_t expires_ns)
{
	unsigned long flags = arch_irq_save();
	struct timer_base *here = this_cpu_ptr(&timer_base);
	struct timer_base *base;

	ASSERT(!in_nmi());
	base = lock_base(timer);
	dequeue_locked(base, timer);
	if (base != here && (base->running != timer || bug(TIMER_RUNS_TWICE))) {
		base = move_here(base, timer);
	}
	ASSERT(!rb_is_linked(&timer->node));
	timer->expires_ns = expires_ns;
	rb_add(&base->pending, &timer->node, expires_before);
	if (rb_first(&base->pending) == &timer->node && base->running == NULL) {
		if (bug(TIMER_SET_IRQS_ON)) {
			arch_irq_enable();
		}
		program_locked(base);
	}
	raw_spin_unlock_irqrestore(&base->lock, flags);
}

bool
timer_pending(struct timer *timer)
{
	unsigned long flags = arch_irq_save();
	struct timer_base *base = lock_base(timer);
	bool pending = rb_is_linked(&timer->node);

	raw_spin_unlock_irqrestore(&base->lock, flags);
	return pending;
}

int
timer_try_to_cancel(struct timer *timer)
{
	unsigned long flags = arch_irq_save();
	struct timer_base *base;
	int pending = -1;

	ASSERT(!in_nmi());
	base = lock_base(timer);
	if (base->running != timer || bug(TIMER_CANCEL_EARLY)) {
		pending = dequeue_locked(base, timer);
	}
	raw_spin_unlock_irqrestore(&base->lock, flags);
	return pending;
}

bool
timer_cancel(struct timer *timer)
{
	int pending = timer_try_to_cancel(timer);

	while (pending < 0) { /* bounded: its function ends */
		arch_cpu_relax();
		pending = timer_try_to_cancel(timer);
	}
	return pending;
}

uint64_t
timer_forward(struct timer *timer, uint64_t now_ns, uint64_t interval_ns)
{
	uint64_t count;

	ASSERT(interval_ns != 0);
	ASSERT(!rb_is_linked(&timer->node));
	if (now_ns < timer->expires_ns) {
		return 0;
	}
	count = (now_ns - timer->expires_ns) / interval_ns + 1;
	timer->expires_ns += count * interval_ns;
	return count;
}

/*
 * In all images the interrupt's end finds a count that it leaks; in debug images we say whose it
 * is.
 */
static void
run_function(struct timer *timer)
{
	void (*fn)(struct timer *) = timer->fn; /* timer may be gone afterwards */
	uint32_t count = CONFIG_DEBUG ? preempt_count() : 0;

	fn(timer);
	if (bug(LEAK_IN_TIMER)) {
		preempt_disable();
	}
	if (CONFIG_DEBUG && preempt_count() != count) {
		panic("timer function %lx: preempt_count %08x at its end, %08x at its start",
		      (uintptr_t)fn, preempt_count(), count);
	}
}

/* NULL: none has. */
static inline struct timer *
first_expired_locked(const struct timer_base *base, uint64_t now_ns)
{
	struct rb_node *first = rb_first(&base->pending);

	return first != NULL && timer_of(first)->expires_ns <= now_ns ? timer_of(first) : NULL;
}

/* The lock's form without a count: the interrupt's own is up. */
uint32_t
timer_interrupt(void)
{
	struct timer_base *base = this_cpu_ptr(&timer_base);
	uint32_t count = 0;
	struct timer *timer;
	uint64_t now;

	DEBUG_ASSERT(in_hardirq());
	DEBUG_ASSERT(arch_irqs_disabled());
	this_cpu_add(timer_interrupts, 1);
	now = arch_clock_ns();
	if (now >= base->tick_at_ns) {
		tick(base, now);
		count++;
	}
	ticket_lock(&base->lock);
	while ((timer = first_expired_locked(base, now)) != NULL) { /* bounded: what has expired */
		rb_erase_first(&base->pending, &timer->node);
		base->running = timer;
		ticket_unlock(&base->lock);
		trace(TRACE_timer_expire, smp_processor_id(), (uintptr_t)timer->fn);
		run_function(timer);
		ticket_lock(&base->lock);
		base->running = NULL;
		count++;
	}
	if (!bug(IDLE_TIMER_LOST) || !task_is_idle(current)) {
		program_locked(base);
	}
	ticket_unlock(&base->lock);
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
tick(struct timer_base *base, uint64_t now_ns)
{
	base->tick_at_ns += tick_ns();
	if (base->tick_at_ns <= now_ns) {
		base->tick_at_ns += ((now_ns - base->tick_at_ns) / tick_ns() + 1) * tick_ns();
	}
	trace(TRACE_timer_expire, smp_processor_id(), (uintptr_t)tick);
	account_tick();
	sched_tick();
	rcu_tick();
	watchdog_tick();
}

void
timer_start_tick(void)
{
	struct timer_base *base = this_cpu_ptr(&timer_base);

	ASSERT(arch_irqs_disabled());
	raw_spin_lock(&base->lock);
	base->tick_at_ns = arch_clock_ns() + tick_ns();
	program_locked(base);
	raw_spin_unlock(&base->lock);
}
