// SPDX-License-Identifier: ISC
/*
 * Interrupts and exceptions tried from inside: in which context their handlers run, what they leave
 * behind, and where a request that they make is answered. Each check prints PASS or FAIL with its
 * name, and with the model where it depends on that.
 */
#include <stdbool.h>
#include <stdint.h>

#include "guest/arch.h"
#include "guest/bottom_half.h"
#include "guest/cmdline.h"
#include "guest/exception.h"
#include "guest/interrupt.h"
#include "guest/irq_stack.h"
#include "guest/main.h"
#include "guest/nmi.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/softirq.h"
#include "guest/stack.h"
#include "guest/task.h"
#include "guest/timer.h"
#include "shared/scenario_abi.h"

#define CONTROL_PRIORITY 10
#define HIGH_PRIORITY    30

#define IRQ_THREAD_PRIORITY 50
#define RAISES              20
#define SPURIOUS            100000

static uint32_t failures;

static void
report(bool passed, const char *name)
{
	printk("%s %s (preempt=%s)\n", passed ? "PASS" : "FAIL", name,
	       preempt_model_names[preempt_model()]);
	failures += !passed;
}

/* ---- contexts ---- */

struct predicates {
	uint32_t count;
	bool nmi;
	bool hardirq;
	bool serving_softirq;
	bool task;
	bool irq_stack;
	unsigned int level;
};

static struct predicates seen;
static struct atomic looks;

/* In the context that is looked at. */
static void
look(void)
{
	seen = (struct predicates){
		.count = preempt_count(),
		.nmi = in_nmi(),
		.hardirq = in_hardirq(),
		.serving_softirq = in_serving_softirq(),
		.task = in_task(),
		.irq_stack = irq_stack_in_use(),
		.level = interrupt_context_level(),
	};
	atomic_store_release(&looks, atomic_load(&looks) + 1);
}

static void (*looks_in_irq)(void);

static void
run_in_irq(struct timer *timer)
{
	(void)timer;
	looks_in_irq();
}

/* In an interrupt of this place, which may have bottom halves off. */
static void
interrupt_with(void (*fn)(void))
{
	uint32_t before = atomic_load(&looks);
	struct timer timer;

	looks_in_irq = fn;
	timer_init(&timer, run_in_irq);
	arch_irq_disable();
	timer_start(&timer, 0); /* it comes when irqs are on again, at this count */
	arch_irq_enable();
	while (atomic_load_acquire(&looks) == before) { /* bounded: the timer expires */
		arch_cpu_relax();
	}
	timer_cancel(&timer);
}

static void (*looks_in_softirq)(void);

static void
run_in_softirq(void)
{
	looks_in_softirq();
}

/* In a softirq that this place serves. */
static void
softirq_with(void (*fn)(void))
{
	looks_in_softirq = fn;
	local_bh_disable();
	raise_softirq(NET_RX_SOFTIRQ);
	local_bh_enable();
}

static void (*looks_in_nmi)(void); /* NULL: the NMI is not ours */

static bool
run_in_nmi(struct regs *regs)
{
	void (*fn)(void) = looks_in_nmi;

	(void)regs;
	if (fn == NULL) {
		return false;
	}
	looks_in_nmi = NULL;
	fn();
	return true;
}

static struct nmi_handler nmi_handler = { .fn = run_in_nmi };

/* In an NMI of this place. */
static void
nmi_with(void (*fn)(void))
{
	uint32_t before = atomic_load(&looks);

	looks_in_nmi = fn;
	barrier();
	arch_nmi_send(smp_processor_id());
	while (atomic_load_acquire(&looks) == before) { /* bounded: it comes */
		arch_cpu_relax();
	}
}

static void
look_in_task(void)
{
	arch_irq_disable();
	look();
	arch_irq_enable();
}

static void
look_with_bh_off(void)
{
	local_bh_disable();
	look_in_task();
	local_bh_enable();
}

static void
look_in_hardirq(void)
{
	interrupt_with(look);
}

static void
look_in_hardirq_with_bh_off(void)
{
	local_bh_disable();
	interrupt_with(look);
	local_bh_enable();
}

static void
look_with_bh_off_once_more(void)
{
	local_bh_disable();
	look();
	local_bh_enable();
}

static void
look_in_softirq(void)
{
	softirq_with(look);
}

static void
look_in_softirq_with_bh_off(void)
{
	softirq_with(look_with_bh_off_once_more);
}

static void
look_in_hardirq_of_softirq(void)
{
	softirq_with(look_in_hardirq);
}

static void
look_in_nmi(void)
{
	nmi_with(look);
}

static void
look_in_nmi_with_bh_off(void)
{
	local_bh_disable();
	nmi_with(look);
	local_bh_enable();
}

static void
look_in_nmi_of_softirq(void)
{
	softirq_with(look_in_nmi);
}

static void
look_in_nmi_of_hardirq(void)
{
	interrupt_with(look_in_nmi);
}

static void
look_in_nmi_of_hardirq_of_softirq(void)
{
	softirq_with(look_in_nmi_of_hardirq);
}

static void
probe_look(const struct regs *regs)
{
	(void)regs;
	look();
}

static void
look_in_exception(void)
{
	exception_probe = probe_look;
	arch_trap();
	exception_probe = NULL;
}

static void
look_in_exception_of_hardirq(void)
{
	interrupt_with(look_in_exception);
}

#define IN_NMI     (NMI_OFFSET + HARDIRQ_OFFSET)
#define IN_SOFTIRQ (SOFTIRQ_OFFSET + PREEMPT_OFFSET) /* as local_bh_enable() serves them */

/* A row a context; an exception has the predicates of what it interrupted. */
static const struct context {
	const char *name;
	void (*look)(void);
	struct predicates wanted;
} contexts[] = {
	{ "task", look_in_task, { .task = true } },
	{ "task, bottom halves off",
	  look_with_bh_off,
	  { .count = SOFTIRQ_DISABLE_OFFSET, .task = true } },
	{ "hardirq",
	  look_in_hardirq,
	  { .count = HARDIRQ_OFFSET, .hardirq = true, .irq_stack = true, .level = 2 } },
	{ "hardirq, bottom halves off",
	  look_in_hardirq_with_bh_off,
	  { .count = HARDIRQ_OFFSET + SOFTIRQ_DISABLE_OFFSET,
	    .hardirq = true,
	    .irq_stack = true,
	    .level = 2 } },
	{ "softirq",
	  look_in_softirq,
	  { .count = IN_SOFTIRQ, .serving_softirq = true, .irq_stack = true, .level = 1 } },
	{ "softirq, bottom halves off",
	  look_in_softirq_with_bh_off,
	  { .count = IN_SOFTIRQ + SOFTIRQ_DISABLE_OFFSET,
	    .serving_softirq = true,
	    .irq_stack = true,
	    .level = 1 } },
	{ "hardirq of a softirq",
	  look_in_hardirq_of_softirq,
	  { .count = HARDIRQ_OFFSET + IN_SOFTIRQ,
	    .hardirq = true,
	    .serving_softirq = true,
	    .irq_stack = true,
	    .level = 2 } },
	{ "NMI", look_in_nmi, { .count = IN_NMI, .nmi = true, .hardirq = true, .level = 3 } },
	{ "NMI, bottom halves off",
	  look_in_nmi_with_bh_off,
	  { .count = IN_NMI + SOFTIRQ_DISABLE_OFFSET, .nmi = true, .hardirq = true, .level = 3 } },
	{ "NMI of a softirq",
	  look_in_nmi_of_softirq,
	  { .count = IN_NMI + IN_SOFTIRQ,
	    .nmi = true,
	    .hardirq = true,
	    .serving_softirq = true,
	    .irq_stack = true,
	    .level = 3 } },
	{ "NMI of a hardirq",
	  look_in_nmi_of_hardirq,
	  { .count = IN_NMI + HARDIRQ_OFFSET,
	    .nmi = true,
	    .hardirq = true,
	    .irq_stack = true,
	    .level = 3 } },
	{ "NMI of a hardirq of a softirq",
	  look_in_nmi_of_hardirq_of_softirq,
	  { .count = IN_NMI + HARDIRQ_OFFSET + IN_SOFTIRQ,
	    .nmi = true,
	    .hardirq = true,
	    .serving_softirq = true,
	    .irq_stack = true,
	    .level = 3 } },
	{ "exception of a task", look_in_exception, { .task = true } },
	{ "exception of a hardirq",
	  look_in_exception_of_hardirq,
	  { .count = HARDIRQ_OFFSET, .hardirq = true, .irq_stack = true, .level = 2 } },
};

static bool
predicates_equal(const struct predicates *a, const struct predicates *b)
{
	return a->count == b->count && a->nmi == b->nmi && a->hardirq == b->hardirq &&
	       a->serving_softirq == b->serving_softirq && a->task == b->task &&
	       a->irq_stack == b->irq_stack && a->level == b->level;
}

/* P7: the predicates, in each context as it really is. */
static void
check_contexts(void)
{
	for (size_t i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++) {
		uint32_t before = atomic_load(&looks);

		contexts[i].look();
		report(atomic_load(&looks) == before + 1 &&
		               predicates_equal(&seen, &contexts[i].wanted) && preempt_count() == 0,
		       contexts[i].name);
	}
}

/* ---- exceptions ---- */

/* Addresses that are not mapped, and one that is none. */
static void
check_reads(void)
{
	const uint64_t *guard = (const uint64_t *)current->stack - 1;
	const uint64_t *no_address = (const uint64_t *)0x8000000000000000;
	uint64_t word = 7;
	uint64_t value = 1;
	bool right;

	right = arch_read_nofault(&word, &value) && value == 7;
	right = right && !arch_read_nofault(guard, &value);
	right = right && !arch_read_nofault(no_address, &value) && value == 7;
	right = right && preempt_count() == 0 && !arch_irqs_disabled();
	preempt_disable();
	arch_irq_disable();
	right = right && !arch_read_nofault(guard, &value);
	right = right && preempt_count() == 1 && arch_irqs_disabled();
	arch_irq_enable();
	preempt_enable();
	report(right, "a read that faults says so");
}

static struct atomic high_ran;
static struct task *high;

static void
run_high(void *unused)
{
	(void)unused;
	atomic_store_release(&high_ran, 1);
}

/* The request comes with irqs off: nothing but the return can answer it. */
static void
probe_start_high(const struct regs *regs)
{
	(void)regs;
	arch_irq_disable();
	high = task_run(&(struct task_params){
		.comm = "high",
		.fn = run_high,
		.policy = SCHED_FIFO,
		.rt_priority = HIGH_PRIORITY,
		.cpus_allowed = 1ull << smp_processor_id(),
	});
}

/* P20: a fault whose handler asks for a switch switches at its return, under full and lazy only. */
static void
check_exception_return(void (*raise)(void), const char *name)
{
	bool at_return;

	atomic_store(&high_ran, 0);
	exception_probe = probe_start_high;
	raise();
	at_return = atomic_load_acquire(&high_ran);
	exception_probe = NULL;
	task_join(high);
	report(at_return == preempt_model_preempts(preempt_model()), name);
}

/* The same with preemption off: not at the return, but where it is on again. */
static void
check_exception_return_in_atomic(void)
{
	bool at_return;

	atomic_store(&high_ran, 0);
	exception_probe = probe_start_high;
	preempt_disable();
	arch_trap();
	at_return = atomic_load_acquire(&high_ran);
	preempt_enable();
	exception_probe = NULL;
	report(!at_return &&
	               atomic_load_acquire(&high_ran) == preempt_model_preempts(preempt_model()),
	       "an exception's return in atomic does not switch");
	task_join(high);
}

static void
raise_fault(void)
{
	uint64_t value;

	arch_read_nofault((const uint64_t *)current->stack - 1, &value);
}

/* ---- lines ---- */

static struct atomic device; /* who raises the line adds to it, a handler takes all */
static struct atomic taken;
static struct atomic handler_runs;
static struct atomic thread_runs;
static bool is_right;

static void
raise_line(void)
{
	unsigned long flags = arch_irq_save();

	atomic_fetch_add(&device, 1);
	arch_ipi_send(smp_processor_id(), IRQ_SOFT0);
	arch_irq_restore(flags);
}

/* Where the machine delivers late, and where nothing but this task lets others run. */
static void
wait_for(struct atomic *count, uint32_t wanted)
{
	while (atomic_load_acquire(count) != wanted) { /* bounded: nothing is lost */
		arch_irq_settle();
		cond_resched();
		arch_cpu_relax();
	}
}

static enum irqreturn
take(unsigned int irq, void *dev_id)
{
	uint32_t found = atomic_xchg(&device, 0);

	(void)irq, (void)dev_id;
	is_right = is_right && in_hardirq() == !boot_args.threadirqs && arch_irqs_disabled();
	atomic_fetch_add(&handler_runs, 1);
	atomic_fetch_add(&taken, found);
	return found != 0 ? IRQ_HANDLED : IRQ_NONE;
}

static void
begin_line(void)
{
	is_right = true;
	atomic_store(&device, 0);
	atomic_store(&taken, 0);
	atomic_store(&handler_runs, 0);
	atomic_store(&thread_runs, 0);
}

/* P47: a line is handled, kept back while it is disabled, and has no handler when it is freed. */
static void
check_line(void)
{
	begin_line();
	is_right = request_irq(IRQ_SOFT0, take, 0, "line", &device) == 0;
	raise_line();
	wait_for(&taken, 1);
	disable_irq(IRQ_SOFT0);
	raise_line();
	raise_line();
	arch_irq_settle();
	is_right = is_right && atomic_load(&taken) == 1;
	enable_irq(IRQ_SOFT0);
	wait_for(&taken, 3);
	free_irq(IRQ_SOFT0, &device);
	report(is_right && atomic_load(&handler_runs) >= 2, "a line is handled, and kept back");
}

static enum irqreturn
wake_thread(unsigned int irq, void *dev_id)
{
	(void)irq, (void)dev_id;
	is_right = is_right && in_hardirq();
	atomic_fetch_add(&handler_runs, 1);
	return IRQ_WAKE_THREAD;
}

static enum irqreturn
take_in_thread(unsigned int irq, void *dev_id)
{
	(void)irq, (void)dev_id;
	is_right = is_right && in_task() && preempt_count() == 0 && !arch_irqs_disabled();
	is_right = is_right && current->prio == MAX_RT_PRIO - 1 - IRQ_THREAD_PRIORITY;
	atomic_fetch_add(&thread_runs, 1);
	atomic_fetch_add(&taken, atomic_xchg(&device, 0));
	return IRQ_HANDLED;
}

/* P47: the thread of a ONESHOT line answers every interrupt, and is gone when it is freed. */
static void
check_line_thread(void)
{
	begin_line();
	is_right = request_threaded_irq(IRQ_SOFT0, wake_thread, take_in_thread, IRQF_ONESHOT,
	                                "line", &device) == 0;
	for (uint32_t n = 1; n <= RAISES; n++) {
		raise_line();
		wait_for(&taken, n);
	}
	raise_line();
	arch_irq_settle();
	free_irq(IRQ_SOFT0, &device);
	report(is_right && atomic_load(&thread_runs) <= atomic_load(&handler_runs),
	       "a thread answers each interrupt");
}

static void
run_raising(void *unused)
{
	(void)unused;
	for (int n = 0; n < RAISES; n++) {
		raise_line();
		cond_resched();
	}
	arch_irq_settle();
}

/* P47: a line that all cpus raise at once loses nothing. */
static void
check_line_storm(void)
{
	struct task *raising[CPUS_MAX];

	begin_line();
	is_right = request_irq(IRQ_SOFT0, take, 0, "line", &device) == 0;
	for_each_cpu (cpu) {
		raising[cpu] = task_run(&(struct task_params){
			.comm = "raising",
			.fn = run_raising,
			.cpus_allowed = 1ull << cpu,
		});
	}
	for_each_cpu (cpu) {
		task_join(raising[cpu]);
	}
	wait_for(&taken, RAISES * cpu_count);
	free_irq(IRQ_SOFT0, &device);
	report(is_right && atomic_load(&device) == 0, "a line that all cpus raise loses nothing");
}

static enum irqreturn
take_nothing(unsigned int irq, void *dev_id)
{
	(void)irq, (void)dev_id;
	atomic_fetch_add(&handler_runs, 1);
	return IRQ_NONE;
}

/* P47: as many as Linux suffers. They come one by one. */
static void
check_nobody_cares(void)
{
	begin_line();
	is_right = request_irq(IRQ_SOFT0, take_nothing, 0, "line", &device) == 0;
	for (uint32_t n = 1; n <= SPURIOUS; n++) {
		raise_line();
		wait_for(&handler_runs, n);
	}
	raise_line();
	arch_irq_settle();
	report(is_right && atomic_load(&handler_runs) == SPURIOUS,
	       "a line of nobody's is disabled");
	free_irq(IRQ_SOFT0, &device);
}

/* ---- all of it ---- */

static void
check_all(void *unused)
{
	(void)unused;
	check_contexts();
	check_reads();
	check_exception_return(arch_trap, "an exception's return switches, under full and lazy");
	check_exception_return(raise_fault, "a page fault's return switches, under full and lazy");
	check_exception_return_in_atomic();
	check_line();
	check_line_thread();
	check_line_storm();
}

int
main(void)
{
	softirq_init();
	open_softirq(NET_RX_SOFTIRQ, run_in_softirq);
	register_nmi_handler(&nmi_handler);
	for (unsigned int model = 0; model < PREEMPT_MODEL_COUNT; model++) {
		preempt_model_set((enum preempt_model)model);
		task_join(task_run(&(struct task_params){
			.comm = "checks",
			.fn = check_all,
			.policy = SCHED_FIFO,
			.rt_priority = CONTROL_PRIORITY,
			.cpus_allowed = 1,
		}));
	}
	if (boot_args.program[0] != '\0') { /* many interrupts, for a machine that is fast */
		check_nobody_cares();
	}
	printk("%u failures\n", failures);
	return failures == 0 ? EXIT_STATUS_OK : EXIT_STATUS_FAILED;
}
