// SPDX-License-Identifier: ISC
/*
 * A program that tries the kernel from inside: counter, switch points, classes, wakeups, timers,
 * memory. Each check prints PASS or FAIL with its name; bounded by counts, never by time.
 */
#include <stdbool.h>
#include <stdint.h>

#include "guest/cmdline.h"
#include "guest/completion.h"
#include "guest/main.h"
#include "guest/object.h"
#include "guest/page.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/preempt_names.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/stack.h"
#include "guest/string.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "guest/trace.h"
#include "shared/scenario_abi.h"

#define CONTROL_PRIORITY 10
#define LOW_PRIORITY     20
#define HIGH_PRIORITY    30
#define PING_PONGS       40
#define RESCUE_NS        (10 * NSEC_PER_SEC) /* longer than any host stands still */
#define COMPUTING_TURNS  10000000            /* far more than a request needs to arrive */
#define EXIT_STORM       32

static uint32_t failures;

static void
report(bool passed, const char *name)
{
	printk("%s %s (preempt=%s)\n", passed ? "PASS" : "FAIL", name,
	       preempt_model_names[preempt_model()]);
	failures += !passed;
}

static struct task *
start(const char *comm, void (*fn)(void *), void *arg, uint8_t priority, uint64_t cpus)
{
	return task_run(&(struct task_params){
		.comm = comm,
		.fn = fn,
		.arg = arg,
		.policy = SCHED_FIFO,
		.rt_priority = priority,
		.cpus_allowed = cpus,
	});
}

/* ---- the counter ---- */

struct irq_look {
	struct timer timer;
	struct atomic ran;
	bool right;
};

static void
look_in_irq(struct timer *timer)
{
	struct irq_look *look = container_of(timer, struct irq_look, timer);

	look->right = in_hardirq() && !in_nmi() && !in_task() && !preemptible() &&
	              preempt_count() == HARDIRQ_OFFSET;
	atomic_store_release(&look->ran, 1);
}

/* A5, P7: the predicates in task context, with preemption off, and in an interrupt. */
static void
check_predicates(void)
{
	struct irq_look look = { .ran = ATOMIC_INIT(0) };
	bool right = in_task() && !in_hardirq() && !in_atomic() && preemptible();

	preempt_disable();
	right = right && in_atomic() && in_task() && !preemptible() && preempt_count() == 1;
	preempt_enable();
	timer_init(&look.timer, look_in_irq);
	arch_irq_disable();
	right = right && !preemptible() && !in_atomic();
	timer_start(&look.timer, 0); /* it comes when irqs are on again, at count 0 */
	arch_irq_enable();
	while (!atomic_load_acquire(&look.ran)) { /* bounded: the timer expires */
		arch_cpu_relax();
	}
	timer_cancel(&look.timer);
	report(right && look.right, "predicates follow the context");
}

/* What the count holds, and what the predicates say of it. */
static const struct context {
	uint32_t count;
	bool nmi;
	bool hardirq;
	bool serving_softirq;
	bool task;
	unsigned int level;
} contexts[] = {
	{ 0, false, false, false, true, 0 },
	{ 2 * SOFTIRQ_OFFSET, false, false, false, true, 0 },
	{ SOFTIRQ_OFFSET, false, false, true, false, 1 },
	{ 3 * SOFTIRQ_OFFSET, false, false, true, false, 1 },
	{ HARDIRQ_OFFSET, false, true, false, false, 2 },
	{ HARDIRQ_OFFSET + SOFTIRQ_OFFSET, false, true, true, false, 2 },
	{ NMI_OFFSET + HARDIRQ_OFFSET, true, true, false, false, 3 },
	{ NMI_OFFSET + HARDIRQ_OFFSET + 2 * SOFTIRQ_OFFSET, true, true, false, false, 3 },
	{ NMI_OFFSET + HARDIRQ_OFFSET + SOFTIRQ_OFFSET, true, true, true, false, 3 },
	{ NMI_OFFSET + 2 * HARDIRQ_OFFSET, true, true, false, false, 3 },
	{ NMI_OFFSET + 2 * HARDIRQ_OFFSET + SOFTIRQ_OFFSET, true, true, true, false, 3 },
	{ NMI_MASK + HARDIRQ_MASK, true, true, false, false, 3 },
	{ NMI_MASK + HARDIRQ_MASK + 3 * SOFTIRQ_OFFSET, true, true, true, false, 3 },
	{ NMI_MASK + HARDIRQ_MASK + SOFTIRQ_MASK, true, true, true, false, 3 },
};

/* In one context, with `depth` more disables. */
static bool
context_is_right(const struct context *context, uint32_t depth)
{
	bool right;

	preempt_count_add(context->count);
	preempt_count_add(depth);
	right = in_nmi() == context->nmi && in_hardirq() == context->hardirq &&
	        in_serving_softirq() == context->serving_softirq && in_task() == context->task &&
	        interrupt_context_level() == context->level &&
	        softirq_count() == (context->count & SOFTIRQ_MASK) &&
	        irq_count() == context->count && in_atomic() == (context->count + depth != 0) &&
	        preempt_count() == context->count + depth && !preemptible();
	preempt_count_sub(depth);
	preempt_count_sub(context->count);
	return right;
}

/* P7: every predicate, in task, softirq, hard interrupt and NMI, within each other, and full. */
static void
check_predicate_matrix(void)
{
	bool right = true;

	arch_irq_disable();
	for (size_t i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++) {
		right = right && context_is_right(&contexts[i], 0);
		right = right && context_is_right(&contexts[i], 3);
		set_preempt_need_resched();
		right = right && context_is_right(&contexts[i], 3);
		clear_preempt_need_resched();
	}
	right = right && preempt_count() == 0;
	arch_irq_enable();
	report(right, "predicates hold in every context");
}

/* P4: an absolute write keeps the folded bit, set or clear. */
static void
check_count_set(void)
{
	bool right;

	arch_irq_disable();
	set_preempt_need_resched();
	preempt_count_set(3);
	right = preempt_count_raw() == 3;
	clear_preempt_need_resched();
	preempt_count_set(0);
	right = right && preempt_count_raw() == PREEMPT_ENABLED;
	arch_irq_enable();
	report(right, "preempt_count_set keeps the folded bit");
}

/* ---- where a switch happens ---- */

static struct atomic high_ran;

static void
run_high(void *unused)
{
	(void)unused;
	atomic_store_release(&high_ran, 1);
}

/*
 * Makes a more important task runnable on this cpu; the caller sees to it that it cannot run yet.
 */
static struct task *
start_high(void)
{
	atomic_store(&high_ran, 0);
	return start("high", run_high, NULL, HIGH_PRIORITY, 1ull << smp_processor_id());
}

/*
 * P5, P13: with the request at depth 3, the outermost preempt_enable is the place, under full and
 * lazy only.
 */
static void
check_preempt_enable_depth(void)
{
	struct task *high;
	bool right = true;

	preempt_disable();
	preempt_disable();
	preempt_disable();
	high = start_high();
	for (int depth = 3; depth > 0; depth--) {
		right = right && !atomic_load(&high_ran);
		preempt_enable();
	}
	right = right && atomic_load(&high_ran) == preempt_model_preempts(preempt_model());
	task_join(high);
	report(right && atomic_load(&high_ran),
	       "the outermost preempt_enable switches, under full and lazy");
}

/* P8: preempt_enable with irqs off does not switch; the request stays, and the next one does. */
static void
check_preempt_enable_irqs_off(void)
{
	struct task *high;
	bool right;

	preempt_disable();
	high = start_high();
	arch_irq_disable();
	preempt_enable();
	right = !atomic_load(&high_ran) && need_resched();
	preempt_disable();
	arch_irq_enable();
	preempt_enable();
	right = right && atomic_load(&high_ran) == preempt_model_preempts(preempt_model());
	task_join(high);
	report(right, "preempt_enable with irqs off leaves the request pending");
}

/* P9: the unlock of a lock that kept irqs off switches, under full and lazy, once they are on
 * again. */
static void
check_unlock_irqrestore(void)
{
	struct raw_spinlock lock = RAW_SPINLOCK_INIT;
	unsigned long flags = raw_spin_lock_irqsave(&lock);
	struct task *high = start_high();
	bool right = !atomic_load(&high_ran);

	raw_spin_unlock_irqrestore(&lock, flags);
	right = right && atomic_load(&high_ran) == preempt_model_preempts(preempt_model());
	task_join(high);
	report(right, "spin_unlock_irqrestore switches once interrupts are on");
}

/* P5, P13: put_cpu and preempt_enable_notrace are points as preempt_enable is. */
static void
check_other_enables(void)
{
	bool preempts = preempt_model_preempts(preempt_model());
	bool right = get_cpu() == raw_smp_processor_id() && preempt_count() == 1;
	struct task *high = start_high();

	put_cpu();
	right = right && atomic_load(&high_ran) == preempts;
	task_join(high);
	preempt_disable_notrace();
	right = right && preempt_count() == 1;
	high = start_high();
	preempt_enable_notrace();
	right = right && atomic_load(&high_ran) == preempts;
	task_join(high);
	report(right, "put_cpu and preempt_enable_notrace switch, under full and lazy");
}

/* P13: schedule_preempt_disabled switches under every model, and returns with count 1. */
static void
check_schedule_preempt_disabled(void)
{
	struct task *high;
	bool right;

	preempt_disable();
	high = start_high();
	schedule_preempt_disabled();
	right = atomic_load(&high_ran) && preempt_count() == 1;
	preempt_enable();
	task_join(high);
	report(right, "schedule_preempt_disabled switches, and preemption stays off");
}

/* P13: cond_resched_lock drops the lock and switches under every model, if it is asked to. */
static void
check_cond_resched_lock(void)
{
	struct raw_spinlock lock = RAW_SPINLOCK_INIT;
	struct task *high;
	bool right;

	raw_spin_lock(&lock);
	right = !cond_resched_lock(&lock);
	high = start_high();
	right = right && !atomic_load(&high_ran) && cond_resched_lock(&lock) &&
	        atomic_load(&high_ran) && raw_spin_is_locked(&lock) && preempt_count() == 1;
	raw_spin_unlock(&lock);
	task_join(high);
	report(right, "cond_resched_lock drops the lock if asked, under every model");
}

/*
 * P13, P18: cond_resched switches under none and voluntary, and never with irqs off or in atomic.
 */
static void
check_cond_resched(void)
{
	struct task *high;
	bool right;

	preempt_disable();
	high = start_high();
	right = !cond_resched() && !atomic_load(&high_ran);
	arch_irq_disable();
	preempt_enable_no_resched();
	right = right && !cond_resched() && !atomic_load(&high_ran);
	arch_irq_enable();
	if (preempt_model_preempts(preempt_model())) {
		right = right && !cond_resched(); /* an interrupt or the join lets it run */
	} else {
		right = right && cond_resched() && atomic_load(&high_ran);
	}
	task_join(high);
	report(right, "cond_resched switches where the model says");
}

/* P13: might_sleep switches under voluntary only. */
static void
check_might_sleep(void)
{
	struct task *high;
	bool right;

	arch_irq_disable();
	preempt_disable();
	high = start_high();
	preempt_enable_no_resched();
	arch_irq_enable();
	/* Under full an interrupt may have switched by now: that place has its own check. */
	might_sleep();
	right = preempt_model_preempts(preempt_model()) ||
	        atomic_load(&high_ran) == (preempt_model() == PREEMPT_VOLUNTARY);
	task_join(high);
	report(right, "might_sleep switches under voluntary only");
}

struct alarm {
	struct timer timer;
	struct completion rings; /* the interrupt -> the important task */
	struct atomic rang;
};

static void
ring(struct timer *timer)
{
	struct alarm *alarm = container_of(timer, struct alarm, timer);

	complete(&alarm->rings);
	atomic_store_release(&alarm->rang, 1);
}

static void
run_when_rung(void *alarm)
{
	wait_for_completion(&((struct alarm *)alarm)->rings);
	atomic_store_release(&high_ran, 1);
}

/* P19: the return from an interrupt that wakes an important task preempts at count 0 only. */
static void
check_irq_return_in_atomic(void)
{
	struct alarm alarm = { .rang = ATOMIC_INIT(0) };
	struct task *high;
	bool right;

	init_completion(&alarm.rings);
	timer_init(&alarm.timer, ring);
	atomic_store(&high_ran, 0);
	high = start("high", run_when_rung, &alarm, HIGH_PRIORITY, 1ull << smp_processor_id());
	yield(); /* it waits now */
	preempt_disable();
	timer_start(&alarm.timer, 0);
	while (!atomic_load_acquire(&alarm.rang)) { /* bounded: the timer expires */
		arch_cpu_relax();
	}
	right = !atomic_load(&high_ran) && need_resched();
	preempt_enable();
	right = right && atomic_load(&high_ran) == preempt_model_preempts(preempt_model());
	task_join(high);
	timer_cancel(&alarm.timer);
	report(right, "an interrupt's return preempts at count 0 only");
}

/*
 * P31: a FIFO task that becomes runnable beside an equal, or a fair one beside it, asks for
 * nothing.
 */
static void
check_no_spurious_request(void)
{
	uint64_t here = 1ull << smp_processor_id();
	struct task *equal;
	struct task *fair;
	bool right;

	preempt_disable();
	equal = start("equal", run_high, NULL, CONTROL_PRIORITY, here);
	right = !need_resched();
	fair = task_run(
		&(struct task_params){ .comm = "fair", .fn = run_high, .cpus_allowed = here });
	right = right && !need_resched() && !test_preempt_need_resched();
	preempt_enable();
	task_join(equal);
	task_join(fair);
	report(right, "nothing is requested where nothing would change");
}

/* P23: after a pass through the scheduler that stayed, no request is left. */
static void
check_stay_clears(void)
{
	bool right;

	arch_irq_disable();
	atomic_fetch_or(&current->flags, TIF_NEED_RESCHED);
	set_preempt_need_resched();
	arch_irq_enable();
	schedule();
	right = !need_resched() && !test_preempt_need_resched();
	report(right, "a stay decision clears the request");
}

/* The first switch away from current since record n of this cpu; false if there is none. */
static bool
find_switch(uint64_t n, struct trace_record *found)
{
	unsigned int cpu = raw_smp_processor_id();

	for (; n < trace_head(cpu); n++) {
		if (trace_read(cpu, n, found) && found->event == TRACE_sched_switch &&
		    found->pid == current->pid) {
			return true;
		}
	}
	return false;
}

/*
 * P38: a task whose sleep a signal ends before it begins is switched away as a running one (J24).
 * Under full an interrupt may switch earlier, with the state set.
 */
static void
check_signal_ends_sleep(void)
{
	struct trace_record record;
	struct task *high;
	uint64_t head;
	bool right;

	if (preempt_model_preempts(preempt_model())) {
		return;
	}
	signal_wake_up(current);
	preempt_disable();
	high = start_high();
	preempt_enable();
	head = trace_head(raw_smp_processor_id());
	set_current_state(TASK_INTERRUPTIBLE);
	schedule();
	right = atomic_load(&high_ran) && atomic_load(&current->state) == TASK_RUNNING &&
	        find_switch(head, &record) && (record.b >> 16 & 0xff) == TASK_RUNNING;
	atomic_fetch_and(&current->flags, ~TIF_SIGPENDING);
	task_join(high);
	report(right, "a sleep that a signal ends tells prev_state 0");
}

/* Wakes a task that would sleep for ever, so that the check can say so. */
struct rescue {
	struct timer timer;
	struct task *task;
};

static void
rescue(struct timer *timer)
{
	wake_up_state(container_of(timer, struct rescue, timer)->task, TASK_UNINTERRUPTIBLE);
}

/* P21: preempted between setting its state and testing its condition, a task stays queued. */
static void
check_preempted_sleeper(void)
{
	struct rescue guard = { .task = current };
	struct task *high;
	bool right;

	timer_init(&guard.timer, rescue);
	timer_start(&guard.timer, arch_clock_ns() + RESCUE_NS);

	set_current_state(TASK_UNINTERRUPTIBLE);
	preempt_disable();
	high = start_high();
	preempt_enable(); /* full, lazy: switches here, with our state set, and nobody wakes us */
	right = atomic_load(&current->state) == TASK_UNINTERRUPTIBLE && timer_cancel(&guard.timer);
	__set_current_state(TASK_RUNNING);
	task_join(high);
	report(right, "a preempted sleeper stays queued");
}

static struct atomic computing_runs;

/*
 * Computes on the other cpu until the important task has run there. Turns count only once the
 * request is made: what the waker's cpu does until then is nobody's fault.
 */
static void
compute_remotely(void *passed)
{
	uint32_t turns = 0;

	atomic_store_release(&computing_runs, 1);
	while (!atomic_load_acquire(&high_ran) && turns < COMPUTING_TURNS) {
		turns += need_resched();
		arch_cpu_relax();
	}
	*(bool *)passed = turns < COMPUTING_TURNS;
}

/* P13, P16, P26 (full, lazy): the reschedule interrupt folds the request, and its return is the
 * place.
 */
static void
check_remote_request(void)
{
	uint64_t there = 1ull << (cpu_count - 1);
	struct task *computing;
	struct task *high;
	bool passed = false;

	if (cpu_count == 1 || !preempt_model_preempts(preempt_model())) {
		return;
	}
	atomic_store(&high_ran, 0);
	atomic_store(&computing_runs, 0);
	computing = start("computing", compute_remotely, &passed, LOW_PRIORITY, there);
	while (!atomic_load_acquire(&computing_runs)) { /* bounded: it is on its way */
		arch_cpu_relax();
	}
	high = start("high", run_high, NULL, HIGH_PRIORITY, there);
	task_join(computing);
	task_join(high);
	report(passed, "a remote request preempts at once, under full and lazy");
}

/* ---- classes ---- */

static char order[16];
static struct atomic order_length;

static void
note(char who)
{
	order[atomic_fetch_add(&order_length, 1)] = who;
}

static void
run_yielding(void *who)
{
	for (int turn = 0; turn < 3; turn++) {
		note(*(const char *)who);
		yield();
	}
}

static void
run_blocking_order(void *who)
{
	note(*(const char *)who);
}

/* P68: equals of SCHED_FIFO take turns by yield, and a more important one goes before all. */
static void
check_fifo(void)
{
	uint64_t here = 1ull << smp_processor_id();
	struct task *a;
	struct task *b;
	struct task *high;

	atomic_store(&order_length, 0);
	preempt_disable();
	a = start("a", run_yielding, "a", LOW_PRIORITY, here);
	b = start("b", run_yielding, "b", LOW_PRIORITY, here);
	high = start("H", run_blocking_order, "H", HIGH_PRIORITY, here);
	preempt_enable();
	task_join(high);
	task_join(a);
	task_join(b);
	report(memcmp(order, "Hababab", 7) == 0, "FIFO: importance, then turns by yield");
}

/* ---- wakeups ---- */

struct ball {
	struct atomic side;
	struct atomic_ptr players[2];
	uint64_t cpus[2];
};

static struct ball ball;

static void
wait_for_side(uint32_t side)
{
	for (;;) { /* bounded: the other side plays */
		set_current_state(TASK_UNINTERRUPTIBLE);
		if (atomic_load_acquire(&ball.side) == side) {
			break;
		}
		schedule();
	}
	__set_current_state(TASK_RUNNING);
}

static void
play(uint32_t side)
{
	struct task *other;

	atomic_store(&ball.players[side], current);
	for (uint32_t turn = 0; turn < PING_PONGS; turn++) {
		wait_for_side(side);
		atomic_store_mb(&ball.side, 1 - side);
		other = atomic_load(&ball.players[1 - side]);
		if (other != NULL) {
			wake_up_state(other, TASK_UNINTERRUPTIBLE);
		}
	}
}

static void
play_side(void *side)
{
	play(*(const uint32_t *)side);
}

/* P32, P33: a lost wakeup, of a task or of an idle cpu, would stop the ball for ever. */
static void
check_ping_pong(uint64_t cpus0, uint64_t cpus1, const char *name)
{
	static const uint32_t sides[2] = { 0, 1 };
	struct task *players[2];

	ball = (struct ball){ .side = ATOMIC_INIT(0) };
	players[0] = start("ping", play_side, (void *)(uintptr_t)&sides[0], LOW_PRIORITY, cpus0);
	players[1] = start("pong", play_side, (void *)(uintptr_t)&sides[1], LOW_PRIORITY, cpus1);
	task_join(players[0]);
	task_join(players[1]);
	report(true, name);
}

/* ---- timers ---- */

struct numbered {
	struct timer timer;
	char digit;
};

static void
note_digit(struct timer *timer)
{
	note(container_of(timer, struct numbered, timer)->digit);
}

/*
 * Timers expire in the order of their times: started in another, with irqs off, so that none is
 * early.
 */
static void
check_timer_order(void)
{
	static const char digits[] = "3142";
	struct numbered timers[4];
	uint64_t now;

	atomic_store(&order_length, 0);
	arch_irq_disable();
	now = arch_clock_ns();
	for (int i = 0; i < 4; i++) {
		timers[i].digit = digits[i];
		timer_init(&timers[i].timer, note_digit);
		timer_start(&timers[i].timer, now + (uint64_t)(digits[i] - '0') * 100000);
	}
	arch_irq_enable();
	while (atomic_load(&order_length) < 4) { /* bounded: they expire */
		arch_cpu_relax();
	}
	for (int i = 0; i < 4; i++) {
		timer_cancel(&timers[i].timer);
	}
	report(memcmp(order, "1234", 4) == 0, "timers expire in order");
}

/* A sleeper does not wake before its time. */
static void
check_sleep(void)
{
	uint64_t before = arch_clock_ns();

	timer_sleep(3000000);
	report(arch_clock_ns() - before >= 3000000, "a sleeper does not wake early");
}

static void
never(struct timer *timer)
{
	(void)timer;
	report(false, "a cancelled timer expires");
}

/* A cancelled timer was pending once, is not afterwards, and never runs. */
static void
check_cancel(void)
{
	struct timer timer;
	bool right;

	timer_init(&timer, never);
	timer_start(&timer, arch_clock_ns() + 3600 * NSEC_PER_SEC);
	right = timer_cancel(&timer) && !timer_cancel(&timer);
	report(right, "a cancelled timer is not pending");
}

/* ---- memory ---- */

static void
run_nothing(void *unused)
{
	(void)unused;
}

/*
 * P39: tasks come and go without leaving pages behind, and a freed stack is as good as a new one.
 */
static void
check_exit_storm(void)
{
	size_t pages = 0;

	for (int i = 0; i < EXIT_STORM; i++) {
		task_join(start("storm", run_nothing, NULL, HIGH_PRIORITY, 0));
		if (i == EXIT_STORM / 2) {
			pages = page_count_free();
		}
	}
	report(page_count_free() == pages, "a storm of exits leaks nothing");
}

/* Pages and objects are zero when they are handed out again, and distinct. */
static void
check_memory(void)
{
	uint8_t *page = page_alloc();
	uint8_t *object = object_alloc(100);
	uint8_t *other = object_alloc(100);
	bool right = page != NULL && object != NULL && other != NULL && object != other;

	memset(page, 0xaa, PAGE_SIZE);
	memset(object, 0xaa, 100);
	page_free(page);
	object_free(object, 100);
	page = page_alloc();
	object = object_alloc(100);
	for (size_t i = 0; i < PAGE_SIZE; i++) {
		right = right && page[i] == 0;
	}
	for (size_t i = 0; i < 100; i++) {
		right = right && object[i] == 0;
	}
	page_free(page);
	object_free(object, 100);
	object_free(other, 100);
	report(right, "recycled memory is zero");
}

/* ---- the model ---- */

/* P13 (every): whichever model is active, the first one too, is shown in parentheses. */
static void
check_model_is_shown(void)
{
	char names[PREEMPT_NAMES_SIZE];
	enum preempt_model shown = PREEMPT_MODEL_COUNT;
	const char *first;
	size_t size = 0;

	preempt_names_format(names, sizeof(names), preempt_model());
	first = memchr(names, '(', strlen(names));
	while (first != NULL && first[1 + size] != ')' && first[1 + size] != '\0') {
		size++;
	}
	report(first != NULL && preempt_names_parse(first + 1, size, &shown) &&
	               shown == preempt_model(),
	       "the active model is shown");
}

/* ---- all of it ---- */

static void
check_all(void *unused)
{
	uint64_t here = 1ull << smp_processor_id();

	(void)unused;
	check_predicates();
	check_predicate_matrix();
	check_count_set();
	check_preempt_enable_depth();
	check_preempt_enable_irqs_off();
	check_unlock_irqrestore();
	check_other_enables();
	check_schedule_preempt_disabled();
	check_cond_resched_lock();
	check_cond_resched();
	check_might_sleep();
	check_irq_return_in_atomic();
	check_no_spurious_request();
	check_stay_clears();
	check_signal_ends_sleep();
	check_preempted_sleeper();
	check_remote_request();
	check_fifo();
	check_ping_pong(here, here, "ping-pong on one cpu");
	check_ping_pong(1ull, 1ull << (cpu_count - 1), "ping-pong between two cpus");
	check_ping_pong(0, 0, "ping-pong anywhere");
	check_timer_order();
	check_sleep();
	check_cancel();
	check_exit_storm();
	check_memory();
	check_model_is_shown();
}

int
main(void)
{
	for (unsigned int model = 0; model < PREEMPT_MODEL_COUNT; model++) {
		preempt_model_set((enum preempt_model)model);
		task_join(start("checks", check_all, NULL, CONTROL_PRIORITY, 1));
	}
	printk("%u failures\n", failures);
	return failures == 0 ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
