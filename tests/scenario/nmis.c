// SPDX-License-Identifier: ISC
/*
 * NMIs on the machine itself: their stacks, one within another, and code that they interrupt all
 * the time. Each check prints PASS or FAIL with its name; bounded by counts, never by time.
 */
#include "guest/nmi.h"

#include "guest/arch/x86_64/nmi.h"
#include "guest/completion.h"
#include "guest/irq_work.h"
#include "guest/main.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/task.h"

#define NESTED_NMIS 20u
#define STORM_PAIRS 48u
#define SUM_TURNS   50u

static uint32_t failures;

static void
report(bool passed, const char *name)
{
	printk("%s %s\n", passed ? "PASS" : "FAIL", name);
	failures += !passed;
}

/*
 * The return of an exception to the next instruction: the machine lets the next NMI in, whatever
 * the stack is.
 */
static void
return_from_exception(void)
{
	__asm__ volatile("movq %%rsp, %%rcx\n\t"
	                 "movl %%ss, %%eax\n\t"
	                 "pushq %%rax\n\t"
	                 "pushq %%rcx\n\t"
	                 "pushfq\n\t"
	                 "movl %%cs, %%eax\n\t"
	                 "pushq %%rax\n\t"
	                 "leaq 1f(%%rip), %%rax\n\t"
	                 "pushq %%rax\n\t"
	                 "iretq\n"
	                 "1:"
	                 :
	                 :
	                 : "rax", "rcx", "memory", "cc");
}

/* ---- the handler ---- */

static uint32_t runs;
static uint32_t nest_left; /* it sends this many to itself, one in each run */
static bool unblocks;
static bool returns_slowly;
static bool inside;
static bool wrong;
static struct atomic sent;
static struct atomic seen;
static struct atomic opened; /* how often it has let the next one in */

/* The handler is over, for all that is kept of it, but not its return; and there the next comes. */
static void
be_interrupted_in_return(void)
{
	return_from_exception();
	preempt_count_sub(NMI_OFFSET + HARDIRQ_OFFSET);
	this_cpu_write(nmi_state, NMI_NOT_RUNNING);
	arch_nmi_send(smp_processor_id());
	for (;;) { /* bounded: the NMI gives this up */
		arch_irq_settle();
	}
}

static void wake_sleeper(struct irq_work *work);

static struct irq_work wakeup = IRQ_WORK_INIT(wake_sleeper);
static bool wakes;

static bool
handle(struct regs *regs)
{
	(void)regs;
	wrong |= inside || !in_nmi() || preempt_count() < NMI_OFFSET + HARDIRQ_OFFSET;
	inside = true;
	runs++;
	atomic_store(&seen, atomic_load(&sent));
	if (unblocks) {
		return_from_exception();
		atomic_store(&opened, atomic_load(&opened) + 1);
	}
	if (nest_left != 0) {
		nest_left--;
		arch_nmi_send(smp_processor_id());
		arch_irq_settle();
	}
	inside = false;
	if (wakes) {
		wakes = false;
		irq_work_queue(&wakeup);
	}
	if (returns_slowly) {
		returns_slowly = false;
		be_interrupted_in_return();
	}
	return true;
}

static struct nmi_handler handler = { .fn = handle };

/* ---- what is interrupted ---- */

static uint64_t
sum_up(void)
{
	uint64_t a = 1;
	uint64_t b = 2;
	uint64_t c = 3;
	uint64_t d = 4;

	for (uint64_t i = 0; i < SUM_TURNS; i++) {
		a += b ^ i;
		b = (b << 7 | b >> 57) + c;
		c ^= d + a;
		d = d * 5 + i;
	}
	return a ^ b ^ c ^ d;
}

static void
send_to_self(void)
{
	atomic_fetch_add(&sent, 1);
	arch_nmi_send(smp_processor_id());
	arch_irq_settle();
}

/* Until the handler has looked at the last one. */
static bool
compute_until_seen(void)
{
	uint64_t sum = sum_up();
	bool right = true;

	do { /* bounded: no NMI is lost */
		right = right && sum_up() == sum;
		arch_irq_settle();
	} while (atomic_load(&seen) != atomic_load(&sent));
	return right && !wrong && preempt_count() == 0 &&
	       this_cpu_read(nmi_state) == NMI_NOT_RUNNING;
}

/* P45: an NMI for this cpu runs the handler once, and gives back what it interrupted. */
static void
check_one(void)
{
	uint32_t before = runs;
	bool right;

	send_to_self();
	right = compute_until_seen();
	report(right && runs == before + 1, "an NMI runs its handler once");
}

/* P45: blocked NMIs wait for the return; many are one. */
static void
check_blocked(void)
{
	uint32_t before = runs;
	bool right;

	nest_left = 1;
	send_to_self();
	right = compute_until_seen();
	report(right && runs == before + 2, "an NMI that comes in an NMI runs behind it");
}

/* P45: those that an exception's return lets into the handler are latched, one after the other. */
static void
check_nested(void)
{
	uint32_t before = runs;
	bool right;

	unblocks = true;
	nest_left = NESTED_NMIS;
	send_to_self();
	right = compute_until_seen();
	report(right && runs == before + 1 + NESTED_NMIS && nest_left == 0,
	       "an NMI that is let into an NMI runs behind it");
}

/* P45: one that comes between the end of the handler and the end of its return is not lost. */
static void
check_return(void)
{
	uint32_t before = runs;
	uint32_t given_up = this_cpu_read(nmi_returns_given_up);
	bool right;

	returns_slowly = true;
	send_to_self();
	right = compute_until_seen();
	report(right && runs == before + 2 && this_cpu_read(nmi_returns_given_up) == given_up + 1,
	       "an NMI that comes in another's return has it begin anew");
}

static struct atomic storm_is_over;

static void
wait_for_change(struct atomic *word, uint32_t from)
{
	while (atomic_load(word) == from) { /* bounded: no NMI is lost */
		arch_cpu_relax();
	}
}

/* Each second one comes later after the first, from within its handler to behind its return. */
static void
send_storm(void *arg)
{
	(void)arg;
	for (uint32_t pair = 0; pair < STORM_PAIRS; pair++) {
		uint32_t before = atomic_load(&opened);

		atomic_fetch_add(&sent, 1);
		arch_nmi_send(0);
		wait_for_change(&opened, before);
		for (uint32_t turn = 0; turn < 5 * pair; turn++) {
			arch_cpu_relax();
		}
		before = atomic_fetch_add(&sent, 1);
		arch_nmi_send(0);
		while (atomic_load(&seen) != before + 1) { /* bounded: no NMI is lost */
			arch_cpu_relax();
		}
	}
	atomic_store(&storm_is_over, 1);
}

/* P45: the same from another cpu, at every moment, entry and return of the handler included. */
static void
check_storm(void)
{
	uint32_t before = runs;
	struct task *sender;
	bool right = true;

	if (cpu_count == 1) {
		return;
	}
	sender = task_run(
		&(struct task_params){ .comm = "sender", .fn = send_storm, .cpus_allowed = 2 });
	while (!atomic_load(&storm_is_over)) { /* bounded: by the sender's turns */
		right = compute_until_seen() && right;
	}
	task_join(sender);
	report(right, "a storm of NMIs loses none");
	printk("%u NMIs sent, %u runs, %u returns given up\n", 2 * STORM_PAIRS, runs - before,
	       this_cpu_read(nmi_returns_given_up));
}

/* ---- what they ask for ---- */

static struct completion woken;
static struct atomic overtaken;

static void
wake_sleeper(struct irq_work *work)
{
	(void)work;
	complete(&woken);
}

static void
sleep_until_woken(void *arg)
{
	(void)arg;
	wait_for_completion(&woken);
	atomic_store(&overtaken, 1);
}

/* P45: a task that an NMI wakes overtakes the one that it interrupted. */
static void
check_wakeup(enum preempt_model model)
{
	struct task *sleeper;
	bool right = true;

	preempt_model_set(model);
	init_completion(&woken);
	atomic_store(&overtaken, 0);
	sleeper = task_run(&(struct task_params){ .comm = "sleeper",
	                                          .fn = sleep_until_woken,
	                                          .policy = SCHED_FIFO,
	                                          .rt_priority = 50,
	                                          .cpus_allowed = 1 });
	schedule(); /* it goes first, in any model */
	wakes = true;
	send_to_self();
	while (!atomic_load(&overtaken)) { /* bounded: it is overtaken */
		right = compute_until_seen() && right;
		cond_resched();
	}
	task_join(sleeper);
	irq_work_sync(&wakeup);
	report(right, model == PREEMPT_FULL ? "an NMI's wakeup preempts, under full"
	                                    : "an NMI's wakeup is met at cond_resched, under none");
}

static void
run_on_boot_cpu(void *arg)
{
	(void)arg;
	check_one();
	check_blocked();
	check_nested();
	check_return();
	check_storm();
	check_wakeup(PREEMPT_FULL);
	check_wakeup(PREEMPT_NONE);
}

int
main(void)
{
	register_nmi_handler(&handler);
	task_join(task_run(
		&(struct task_params){ .comm = "nmis", .fn = run_on_boot_cpu, .cpus_allowed = 1 }));
	printk("%u failures\n", failures);
	return failures != 0;
}
