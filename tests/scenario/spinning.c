// SPDX-License-Identifier: ISC
/*
 * A program that tries the spinning locks from inside, on as many cpus as there are, with an
 * interrupt that reads what they write. Each check prints PASS or FAIL with its name; bounded by
 * counts, never by time.
 */
#include <stdbool.h>
#include <stdint.h>

#include "guest/bottom_half.h"
#include "guest/local_lock.h"
#include "guest/main.h"
#include "guest/preempt_model.h"
#include "guest/printk.h"
#include "guest/rwlock.h"
#include "guest/sched.h"
#include "guest/seqlock.h"
#include "guest/smp.h"
#include "guest/spinlock.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "shared/scenario_abi.h"

#define LOW_PRIORITY  20
#define HIGH_PRIORITY 30
#define ROUNDS        40 /* of each cpu */

static uint32_t failures;

static void
report(bool passed, const char *name)
{
	printk("%s %s (preempt=%s)\n", passed ? "PASS" : "FAIL", name,
	       preempt_model_names[preempt_model()]);
	failures += !passed;
}

static struct task *
start(const char *comm, void (*fn)(void *), void *arg, uint8_t priority, unsigned int cpu)
{
	return task_run(&(struct task_params){
		.comm = comm,
		.fn = fn,
		.arg = arg,
		.policy = SCHED_FIFO,
		.rt_priority = priority,
		.cpus_allowed = 1ull << cpu,
	});
}

/* ---- competition ---- */

static DEFINE_RAW_SPINLOCK(raw);
static DEFINE_SPINLOCK(spin);
static DEFINE_RWLOCK(rw);
static DEFINE_SEQLOCK(seq);
static DEFINE_PER_CPU(struct local_lock, local);
static DEFINE_PER_CPU(uint32_t, local_count);

static uint32_t count; /* guarded by the lock that is tried */
static struct atomic left;
static struct atomic right;
static struct atomic wrong;

static void
write_pair(void)
{
	count++;
	atomic_store(&left, count);
	atomic_store(&right, count);
}

static void
compare_pair(void)
{
	uint32_t seen = atomic_load(&left);

	if (atomic_load(&right) != seen) {
		atomic_fetch_add(&wrong, 1);
	}
}

static void
use_raw(unsigned int round)
{
	unsigned long flags;

	(void)round;
	flags = raw_spin_lock_irqsave(&raw);
	write_pair();
	raw_spin_unlock_irqrestore(&raw, flags);
}

static void
use_spin(unsigned int round)
{
	if (round % 2 == 0) {
		while (!spin_trylock_bh(&spin)) { /* bounded: the others */
			arch_cpu_relax();
		}
	} else {
		spin_lock_bh(&spin);
	}
	write_pair();
	spin_unlock_bh(&spin);
}

/* Writers keep interrupts out, readers do not. */
static void
use_rw(unsigned int round)
{
	read_lock(&rw);
	compare_pair();
	read_unlock(&rw);
	if (round % 2 == 0) {
		read_lock_bh(&rw);
		compare_pair();
		read_unlock_bh(&rw);
	}
	write_lock_irq(&rw);
	write_pair();
	write_unlock_irq(&rw);
}

static void
read_sequence(void)
{
	uint32_t sequence;
	uint32_t a;
	uint32_t b;

	do { /* bounded: the writers */
		sequence = read_seqbegin(&seq);
		a = atomic_load(&left);
		b = atomic_load(&right);
	} while (read_seqretry(&seq, sequence));
	if (a != b) {
		atomic_fetch_add(&wrong, 1);
	}
}

static void
use_seq(unsigned int round)
{
	(void)round;
	read_sequence();
	write_seqlock_irq(&seq);
	write_pair();
	write_sequnlock_irq(&seq);
}

static void
use_local(unsigned int round)
{
	(void)round;
	local_lock(&local);
	this_cpu_add(local_count, 1);
	local_unlock(&local);
	use_raw(round);
}

static void
compete(void *arg)
{
	void (*use)(unsigned int) = (void (*)(unsigned int))arg;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		use(round);
	}
}

/* ---- the interrupt ---- */

static struct timer timer;
static struct atomic interrupts;
static void (*tried)(unsigned int); /* what guards the pair just now */

static void
read_in_interrupt(struct timer *self)
{
	(void)self;
	read_lock(&rw);
	if (tried == use_rw) {
		compare_pair();
	}
	read_unlock(&rw);
	read_seqlock_excl(&seq);
	read_sequnlock_excl(&seq);
	if (tried == use_seq) {
		read_sequence();
	}
	atomic_fetch_add(&interrupts, 1);
}

/* One on cpu 0 in every ten rounds, wherever it falls: use() is called with interrupts on. */
static void
compete_interrupted(void *arg)
{
	void (*use)(unsigned int) = (void (*)(unsigned int))arg;
	uint32_t started = 0;

	tried = use;
	timer_init(&timer, read_in_interrupt);
	atomic_store(&interrupts, 0);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		if (round % 10 == 0) {
			timer_start(&timer, 0);
			started++;
		}
		use(round);
		while (round % 10 == 9 && atomic_load(&interrupts) != started) {
			arch_cpu_relax(); /* bounded: it has expired */
		}
	}
}

static void
check_competition(void (*use)(unsigned int), bool interrupted, const char *name)
{
	struct task *tasks[CPUS_MAX];

	count = 0;
	atomic_store(&wrong, 0);
	for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
		void (*fn)(void *) = interrupted && cpu == 0 ? compete_interrupted : compete;

		tasks[cpu] = start("compete", fn, (void *)use, LOW_PRIORITY, cpu);
	}
	for (unsigned int cpu = 0; cpu < cpu_count; cpu++) {
		task_join(tasks[cpu]);
	}
	report(count == ROUNDS * cpu_count && atomic_load(&wrong) == 0 &&
	               (!interrupted || atomic_load(&interrupts) == ROUNDS / 10),
	       name);
}

/* ---- where a switch happens ---- */

static struct atomic high_ran;

static void
run_high(void *unused)
{
	(void)unused;
	atomic_store_release(&high_ran, 1);
}

/* P9, P44: what became runnable while this is held runs at its release, under full and lazy.
 */
#define CHECK_RELEASE(name, take, release)                                        \
	do {                                                                      \
		unsigned long flags = 0;                                          \
		struct task *high;                                                \
		bool right_before;                                                \
                                                                                  \
		(void)flags;                                                      \
		atomic_store(&high_ran, 0);                                       \
		take;                                                             \
		high = start("high", run_high, NULL, HIGH_PRIORITY, 0);           \
		right_before = !atomic_load(&high_ran);                           \
		release;                                                          \
		report(right_before && !arch_irqs_disabled() && !in_atomic() &&   \
		               (atomic_load(&high_ran) == 1) ==                   \
		                       (preempt_model_preempts(preempt_model())), \
		       name " switches, under full and lazy");                    \
		task_join(high);                                                  \
	} while (0)

static void
check_releases(void)
{
	CHECK_RELEASE("local_bh_enable", local_bh_disable(), local_bh_enable());
	CHECK_RELEASE("spin_unlock", spin_lock(&spin), spin_unlock(&spin));
	CHECK_RELEASE("spin_unlock_bh", spin_lock_bh(&spin), spin_unlock_bh(&spin));
	CHECK_RELEASE("read_unlock_irqrestore", flags = read_lock_irqsave(&rw),
	              read_unlock_irqrestore(&rw, flags));
	CHECK_RELEASE("write_unlock_irq", write_lock_irq(&rw), write_unlock_irq(&rw));
	CHECK_RELEASE("write_sequnlock_bh", write_seqlock_bh(&seq), write_sequnlock_bh(&seq));
	CHECK_RELEASE("local_unlock_irqrestore", flags = local_lock_irqsave(&local),
	              local_unlock_irqrestore(&local, flags));
}

static void
check_all(void *unused)
{
	(void)unused;
	check_releases();
	check_competition(use_raw, false, "a raw spinlock, _irqsave");
	check_competition(use_spin, false, "a spinlock, _bh, half of them by trying");
	check_competition(use_local, false, "a local lock, beside a raw spinlock");
	check_competition(use_rw, true, "readers, writers, and an interrupt that reads");
	check_competition(use_seq, true, "a sequence, and an interrupt that reads");
}

int
main(void)
{
	for (unsigned int model = 0; model < PREEMPT_MODEL_COUNT; model++) {
		preempt_model_set((enum preempt_model)model);
		task_join(start("checks", check_all, NULL, LOW_PRIORITY, 0));
	}
	printk("%u failures\n", failures);
	return failures == 0 ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
