// SPDX-License-Identifier: ISC
/*
 * What the kernel's own operations cost, in instructions: under QEMU's -icount shift=0 the TSC
 * counts them, each iteration of a repeated one too. One cpu. The figures beside ours are LK's and
 * Linux 6.1's, measured the same way; the limit is what we want to stay under.
 *
 * A switch:  from before yield() in one task to after it in its equal.
 * A wakeup:  from before wake_up_state() to the first instruction of the more important task after
 *            its schedule(): under full, it overtakes in there.
 * A task:    from before task_run() until it returns to the creator, which the new task does not
 *            preempt: name, stack, first frame, queue. Its memory is that of one that has ended, as
 *            in a running system. LK's is thread_create() and thread_resume().
 */
#include <stdbool.h>
#include <stdint.h>

#include "guest/cmdline.h"
#include "guest/interrupt.h"
#include "guest/main.h"
#include "guest/mutex.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/printk.h"
#include "guest/rcu.h"
#include "guest/rwlock.h"
#include "guest/rwsem.h"
#include "guest/sched.h"
#include "guest/semaphore.h"
#include "guest/seqlock.h"
#include "guest/smp.h"
#include "guest/softirq.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "guest/trace.h"
#include "shared/scenario_abi.h"

#include "arch_switch.h"

#define QUEUED_STATE
#include "tests/bench/queued_lock.h"

#define LOW_PRIORITY    10
#define MIDDLE_PRIORITY 20
#define HIGH_PRIORITY   30

#define ROUNDS  1001 /* odd: the median is one of them */
#define WARM_UP 100  /* rounds before those */

static uint32_t samples[ROUNDS];
static uint32_t sample_count; /* warm-up included */
static uint64_t began;
static uint32_t overhead; /* of begin() and end() themselves */

static inline __attribute__((always_inline)) void
begin(void)
{
	began = arch_cycles();
	barrier();
}

static inline __attribute__((always_inline)) uint32_t
end(void)
{
	barrier();
	return (uint32_t)(arch_cycles() - began);
}

static bool
finished(void)
{
	return sample_count == WARM_UP + ROUNDS;
}

static void
note(uint32_t cycles)
{
	if (finished()) {
		return;
	}
	if (sample_count >= WARM_UP) {
		samples[sample_count - WARM_UP] = cycles - overhead;
	}
	sample_count++;
}

static void
sort_samples(void)
{
	for (unsigned int i = 1; i < ROUNDS; i++) {
		uint32_t sample = samples[i];
		unsigned int place = i;

		for (; place > 0 && samples[place - 1] > sample; place--) {
			samples[place] = samples[place - 1];
		}
		samples[place] = sample;
	}
}

/* What others need for the same; 0: not known, or not comparable. */
struct others {
	uint32_t limit;
	uint32_t lk;
	uint32_t linux_6_1;
};

static void
print_known(uint32_t value)
{
	if (value != 0) {
		printk(" %9u", value);
	} else {
		printk(" %9s", "-");
	}
}

/* One line of the table, and a new start. subtract: what the loop did besides. */
static void
print_row(const char *what, struct others others, uint32_t subtract)
{
	sort_samples();
	printk("  %-42s %9u", what, samples[ROUNDS / 2] - subtract);
	print_known(others.limit);
	print_known(others.lk);
	print_known(others.linux_6_1);
	if (samples[0] != samples[ROUNDS - 1]) {
		printk("  %u..%u", samples[0] - subtract, samples[ROUNDS - 1] - subtract);
	}
	printk("\n");
	sample_count = 0;
}

static struct task *
start(const char *comm, void (*fn)(void *), uint8_t priority)
{
	return task_run(&(struct task_params){
		.comm = comm,
		.fn = fn,
		.policy = SCHED_FIFO,
		.rt_priority = priority,
	});
}

/* ---- what is subtracted ---- */

static uint32_t
median_of_nothing(void)
{
	while (!finished()) {
		begin();
		note(end());
	}
	sort_samples();
	sample_count = 0;
	return samples[ROUNDS / 2];
}

/* ---- tasks ---- */

static void
run_yielding(void *unused)
{
	(void)unused;
	begin();
	while (!finished()) {
		note(end());
		begin();
		yield();
	}
}

static void
measure_yield(void)
{
	struct task *a;
	struct task *b;

	preempt_disable();
	a = start("a", run_yielding, MIDDLE_PRIORITY);
	b = start("b", run_yielding, MIDDLE_PRIORITY);
	preempt_enable();
	task_join(a);
	task_join(b);
	print_row("yield between equals, a switch", (struct others){ 170, 174, 983 }, 0);
}

static void
run_woken(void *unused)
{
	(void)unused;
	while (!finished()) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule();
		note(end());
	}
}

static void
measure_wakeup(void)
{
	struct task *woken = start("woken", run_woken, HIGH_PRIORITY);

	while (!finished()) {
		begin();
		wake_up_state(woken, TASK_UNINTERRUPTIBLE);
	}
	task_join(woken);
	print_row("wakeup, until the woken task runs", (struct others){ 350, 254, 1488 }, 0);
}

static void
run_nothing(void *unused)
{
	(void)unused;
}

static void
measure_creation(void)
{
	while (!finished()) {
		struct task *created;

		begin();
		created = start("created", run_nothing, LOW_PRIORITY);
		note(end());
		task_join(created);
	}
	print_row("a task created and made runnable", (struct others){ 1300, 1299, 0 }, 0);
}

/* ---- pieces ---- */

static void
measure_switch_alone(void)
{
	while (!finished()) {
		unsigned long flags = arch_irq_save();

		begin();
		arch_switch_to(current, current); /* leaves and resumes the same stack */
		note(end());
		arch_irq_restore(flags);
	}
	print_row("arch_switch_to alone", (struct others){ 0 }, 0);
}

static void
measure_preempt_pair(void)
{
	while (!finished()) {
		begin();
		preempt_disable();
		preempt_enable();
		note(end());
	}
	print_row("preempt_disable, preempt_enable", (struct others){ 0 }, 0);
}

/* A lock that is free, taken and released. */
#define MEASURE_PAIR(function, what, theirs, take, release) \
	static void function(void)                          \
	{                                                   \
		while (!finished()) {                       \
			begin();                            \
			take;                               \
			release;                            \
			note(end());                        \
		}                                           \
		print_row(what, (struct others)theirs, 0);  \
	}

#define THEIRS(limit, lk, linux) \
	{                        \
		limit, lk, linux \
	}
#define NOBODYS   \
	{         \
		0 \
	}

static DEFINE_RAW_SPINLOCK(raw);
static struct queued_lock queued;
static DEFINE_SPINLOCK(spin);
static DEFINE_RWLOCK(rw);
static DEFINE_SEQLOCK(seq);
static DEFINE_MUTEX(mutex);
static DEFINE_SEMAPHORE(semaphore, 1);
static DECLARE_RWSEM(rwsem);
static unsigned long flags;

MEASURE_PAIR(measure_raw_spin, "raw_spin_lock, raw_spin_unlock", NOBODYS, raw_spin_lock(&raw),
             raw_spin_unlock(&raw))
MEASURE_PAIR(measure_queued, "a queued lock, to compare", NOBODYS, queued_lock(&queued),
             queued_unlock(&queued))
MEASURE_PAIR(measure_spin, "spin_lock, spin_unlock", THEIRS(11, 11, 17), spin_lock(&spin),
             spin_unlock(&spin))
MEASURE_PAIR(measure_spin_irq, "spin_lock_irqsave, spin_unlock_irqrestore", NOBODYS,
             flags = spin_lock_irqsave(&spin), spin_unlock_irqrestore(&spin, flags))
MEASURE_PAIR(measure_spin_bh, "spin_lock_bh, spin_unlock_bh", NOBODYS, spin_lock_bh(&spin),
             spin_unlock_bh(&spin))
MEASURE_PAIR(measure_read, "read_lock, read_unlock", NOBODYS, read_lock(&rw), read_unlock(&rw))
MEASURE_PAIR(measure_write, "write_lock, write_unlock", NOBODYS, write_lock(&rw), write_unlock(&rw))
MEASURE_PAIR(measure_seq_write, "write_seqlock, write_sequnlock", NOBODYS, write_seqlock(&seq),
             write_sequnlock(&seq))
MEASURE_PAIR(measure_seq_read, "read_seqbegin, read_seqretry", NOBODYS,
             uint32_t sequence = read_seqbegin(&seq), (void)read_seqretry(&seq, sequence))
MEASURE_PAIR(measure_bh, "local_bh_disable, local_bh_enable", NOBODYS, local_bh_disable(),
             local_bh_enable())
MEASURE_PAIR(measure_mutex, "mutex_lock, mutex_unlock", THEIRS(18, 82, 20), mutex_lock(&mutex),
             mutex_unlock(&mutex))
MEASURE_PAIR(measure_semaphore, "down, up of a semaphore", THEIRS(60, 80, 102), down(&semaphore),
             up(&semaphore))
MEASURE_PAIR(measure_rwsem_read, "down_read, up_read", NOBODYS, down_read(&rwsem), up_read(&rwsem))
MEASURE_PAIR(measure_rwsem_write, "down_write, up_write", NOBODYS, down_write(&rwsem),
             up_write(&rwsem))
/* Linux's __rcu_read_lock() and __rcu_read_unlock() are functions: 16 with their calls. */
MEASURE_PAIR(measure_rcu_reader, "rcu_read_lock, rcu_read_unlock", THEIRS(6, 0, 16),
             rcu_read_lock(), rcu_read_unlock())

static void
measure_locks(void)
{
	measure_raw_spin();
	measure_queued();
	measure_spin();
	measure_spin_irq();
	measure_spin_bh();
	measure_read();
	measure_write();
	measure_seq_write();
	measure_seq_read();
	measure_bh();
	measure_mutex();
	measure_semaphore();
	measure_rwsem_read();
	measure_rwsem_write();
}

static void
measure_cond_resched(void)
{
	while (!finished()) {
		begin();
		cond_resched();
		note(end());
	}
	print_row("cond_resched, nothing asked", (struct others){ 0 }, 0);
}

/* A switch writes one, a wakeup that overtakes four, a creation two. */
static void
measure_trace(void)
{
	while (!finished()) {
		begin();
		trace(TRACE_task_comm, current->pid, 0);
		note(end());
	}
	print_row("a trace record", (struct others){ 0 }, 0);
}

/* It comes behind the instruction after the one that enables; with none pending: the window itself.
 */
static uint32_t
median_of_window(bool interrupted)
{
	static struct atomic idle_word;

	while (!finished()) {
		arch_irq_disable();
		if (interrupted) {
			arch_ipi_send(smp_processor_id(), IRQ_RESCHEDULE);
		}
		begin();
		arch_irq_enable();
		atomic_load(&idle_word);
		atomic_load(&idle_word);
		note(end());
	}
	sort_samples();
	return samples[ROUNDS / 2];
}

static void
measure_interrupt(void)
{
	uint32_t window = median_of_window(false);

	sample_count = 0;
	median_of_window(true);
	print_row("an interrupt, in and out", (struct others){ 0 }, window);
}

/* ---- what interrupts lead to ---- */

#define TICKS_PER_SECOND 10000 /* so that a thousand do not take long */
#define TIMER_NS         20000

/* A loop that looks at the clock all the time: where it misses a step, an interrupt was. */
static void
measure_tick(void)
{
	uint32_t hz = boot_args.hz;
	uint64_t last = arch_cycles();
	uint32_t step = UINT32_MAX;

	boot_args.hz = TICKS_PER_SECOND;
	while (!finished()) {
		uint64_t now = arch_cycles();
		uint32_t passed = (uint32_t)(now - last);

		last = now;
		if (passed <= step) {
			step = passed;
		} else if (passed > 3 * step) {
			note(passed + overhead - step);
			last = arch_cycles();
		}
	}
	boot_args.hz = hz;
	print_row("a tick that finds nothing to do", (struct others){ 350, 446, 2540 }, 0);
}

static struct timer expiry;
static struct task *expected;

static void
wake_expected(struct timer *timer)
{
	(void)timer;
	wake_up_state(expected, TASK_UNINTERRUPTIBLE);
}

static void
run_expected(void *unused)
{
	(void)unused;
	while (!finished()) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		timer_start(&expiry, arch_clock_ns() + TIMER_NS);
		schedule();
		note(end());
	}
}

/* From the last instruction that the busy task came to. */
static void
measure_expiry(void)
{
	timer_init(&expiry, wake_expected);
	expected = start("expected", run_expected, HIGH_PRIORITY);
	while (!finished()) {
		begin();
	}
	task_join(expected);
	print_row("a timer expires, until the woken task runs", (struct others){ 500, 470, 2523 },
	          0);
}

static enum irqreturn
note_handler(unsigned int irq, void *dev_id)
{
	(void)irq, (void)dev_id;
	note(end());
	return IRQ_HANDLED;
}

/* Begun before it is sent. */
static void
measure_self_ipi(void)
{
	request_irq(IRQ_SOFT0, note_handler, 0, "bench", NULL);
	while (!finished()) {
		preempt_disable();
		begin();
		arch_ipi_send(smp_processor_id(), IRQ_SOFT0);
		preempt_enable();
	}
	free_irq(IRQ_SOFT0, NULL);
	print_row("an interrupt to this cpu, until its handler", (struct others){ 150, 0, 184 }, 0);
}

static void
serve_nothing(void)
{
}

/* Raised and served, on the interrupt stack. */
static void
measure_softirq(void)
{
	open_softirq(NET_TX_SOFTIRQ, serve_nothing);
	while (!finished()) {
		local_bh_disable();
		begin();
		raise_softirq(NET_TX_SOFTIRQ);
		local_bh_enable();
		note(end());
	}
	print_row("raise_softirq, served by local_bh_enable", (struct others){ 0 }, 0);
}

static void
measure_all(void *unused)
{
	(void)unused;
	overhead = median_of_nothing();
	printk("  %-42s %9s %9s %9s %9s  %s\n", "", "ours", "limit", "LK", "Linux 6.1", "min..max");
	measure_yield();
	measure_wakeup();
	measure_creation();
	measure_switch_alone();
	measure_preempt_pair();
	measure_locks();
	measure_rcu_reader();
	measure_cond_resched();
	measure_trace();
	measure_interrupt();
	measure_softirq();
	measure_self_ipi();
	measure_tick();
	measure_expiry();
}

int
main(void)
{
	preempt_model_set(PREEMPT_FULL);
	task_join(start("measure", measure_all, MIDDLE_PRIORITY));
	return EXIT_STATUS_OK;
}
