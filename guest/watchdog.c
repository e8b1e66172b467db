// SPDX-License-Identifier: ISC
/*
 * All state is the cpu's own: of its tick, its NMI, and its thread.
 */
#include "guest/watchdog.h"

#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/cmdline.h"
#include "guest/format.h"
#include "guest/irq.h"
#include "guest/nmi.h"
#include "guest/panic.h"
#include "guest/percpu.h"
#include "guest/preempt.h"
#include "guest/preempt_model.h"
#include "guest/preempt_names.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/task.h"
#include "guest/timer.h"

#define WATCHDOG_PRIORITY 99

/* The thread is woken so often before its absence is reported. */
#define SAMPLES 5u

/* NMIs that follow each other faster than this tell nothing. */
#define TICKS_BETWEEN_NMIS 2u

static uint32_t lockup_ticks; /* 0: off */
static uint32_t resched_ticks;

struct watchdog {
	/* The tick's. */
	uint32_t ticks;
	uint32_t woken_at;
	bool reported;

	/* The thread's and the tick's. */
	struct task *thread; /* NULL: it has not run yet */
	uint32_t touched_at; /* what ticks was when it ran last */

	/* The NMI's. */
	uint32_t interrupts; /* timer interrupts, at the last NMI */
	uint64_t nmi_ns;     /* when that was; 0: none was */
};

static DEFINE_PER_CPU(struct watchdog, watchdog);
DEFINE_PER_CPU(uint32_t, resched_seen_ticks);

/* ---- hard lockups ---- */

static bool
look_for_hard_lockup(struct regs *regs)
{
	struct watchdog *own = this_cpu_ptr(&watchdog);
	uint32_t interrupts = this_cpu_read(timer_interrupts);
	uint64_t now = arch_clock_ns();
	bool too_soon = now - own->nmi_ns < TICKS_BETWEEN_NMIS * NSEC_PER_SEC / boot_args.hz;

	if (own->nmi_ns != 0 && too_soon && !bug(WATCHDOG_HASTY)) {
		return true;
	}
	if (own->nmi_ns != 0 && interrupts == own->interrupts && !bug(WATCHDOG_BLIND)) {
		panic_regs(regs, "hard lockup: no timer interrupt since the last NMI");
	}
	own->interrupts = interrupts;
	own->nmi_ns = now;
	return true;
}

static struct nmi_handler hard_lockup = { .fn = look_for_hard_lockup };

/* ---- soft lockups ---- */

void
touch_softlockup_watchdog(void)
{
	preempt_disable();
	this_cpu_ptr(&watchdog)->touched_at = this_cpu_ptr(&watchdog)->ticks;
	preempt_enable();
}

/* It only has to run: that is what its cpu's tick looks for. */
static void
watch(void *unused)
{
	(void)unused;
	this_cpu_ptr(&watchdog)->thread = current;
	for (;;) { /* forever */
		set_current_state(TASK_INTERRUPTIBLE);
		touch_softlockup_watchdog();
		schedule();
	}
}

static void
report_soft_lockup(uint32_t ticks)
{
	const struct regs *regs = this_cpu_read(irq_regs);
	char text[128];

	format_string(text, sizeof(text),
	              "soft lockup: %s, pid %u, has kept cpu %u for %u ticks, preempt=%s",
	              current->comm, current->pid, smp_processor_id(), ticks,
	              preempt_model_names[preempt_model()]);
	if (boot_args.softlockup_panic) {
		panic_regs(regs, "%s", text);
	}
	printk("%s, preempt_count %08x\n", text, preempt_count() - HARDIRQ_OFFSET);
	print_backtrace(regs);
}

static void
look_for_soft_lockup(struct watchdog *own)
{
	uint32_t gone = own->ticks - own->touched_at;

	if (gone < lockup_ticks) {
		own->reported = false;
	} else if (!own->reported && !bug(WATCHDOG_BLIND)) {
		own->reported = true;
		report_soft_lockup(gone);
	}
	if (own->ticks - own->woken_at >= lockup_ticks / SAMPLES && !bug(WATCHDOG_NOT_WOKEN)) {
		own->woken_at = own->ticks;
		wake_up_process(own->thread);
	}
}

/* ---- requests that wait ---- */

static void
report_latency(void)
{
	printk("cpu %u: %s, pid %u, was asked to give way %u ticks ago, preempt=%s, "
	       "preempt_count %08x\n",
	       smp_processor_id(), current->comm, current->pid, resched_ticks,
	       preempt_model_names[preempt_model()], preempt_count() - HARDIRQ_OFFSET);
	print_backtrace(this_cpu_read(irq_regs));
}

/* Whoever answers a request begins anew: the next one is another, even if each tick sees one. */
static void
look_for_latency(void)
{
	uint32_t seen = this_cpu_read(resched_seen_ticks);

	if (!need_resched()) {
		return;
	}
	this_cpu_write(resched_seen_ticks, seen + 1);
	if (seen == resched_ticks && !bug(WATCHDOG_BLIND)) {
		report_latency();
	}
}

void
watchdog_tick(void)
{
	struct watchdog *own = this_cpu_ptr(&watchdog);

	own->ticks++;
	if (own->thread != NULL) {
		look_for_soft_lockup(own);
	}
	if (resched_ticks != 0) {
		look_for_latency();
	}
}

/* ---- start ---- */

static void
start_threads(void)
{
	for_each_cpu (cpu) {
		char comm[TASK_COMM_SIZE];

		format_string(comm, sizeof(comm), "watchdog/%u", cpu);
		task_put(task_run(&(struct task_params){ .comm = comm,
		                                         .fn = watch,
		                                         .policy = SCHED_FIFO,
		                                         .rt_priority = WATCHDOG_PRIORITY,
		                                         .cpus_allowed = 1ull << cpu }));
	}
}

void
watchdog_init(void)
{
	lockup_ticks = boot_args.softlockup_ticks != 0
	                       ? boot_args.softlockup_ticks
	                       : 2 * boot_args.watchdog_thresh * boot_args.hz;
	resched_ticks = (boot_args.resched_latency_warn_ms * boot_args.hz + 999) / 1000;
	if (lockup_ticks != 0) {
		start_threads();
	}
	if (boot_args.nmi_watchdog) {
		register_nmi_handler(&hard_lockup);
	}
}
