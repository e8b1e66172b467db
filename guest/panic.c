// SPDX-License-Identifier: ISC
/*
 * The end of a kernel that found itself broken: last words, those of the other cpus, then the
 * architecture stops the machine.
 */
#include "guest/panic.h"

#include <stdarg.h>
#include <stdint.h>

#include "guest/arch.h"
#include "guest/atomic.h"
#include "guest/format.h"
#include "guest/lockdep.h"
#include "guest/percpu.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/task.h"

static struct atomic panicked; /* cpu + 1 of the first to arrive */

/* Others stop here; the winner that fails again inside its own panic goes straight to the end. */
static void
claim(void)
{
	uint32_t expected = 0;
	uint32_t self;

	arch_irq_disable(); /* first: a preempted caller may be on another cpu afterwards */
	self = raw_smp_processor_id() + 1;
	if (atomic_try_cmpxchg(&panicked, &expected, self)) {
		return;
	}
	if (expected == self) {
		arch_panic_end(0);
	}
	for (;;) { /* forever: the winner ends the machine */
		arch_cpu_relax();
	}
}

static void
print_frame(uint64_t ip, void *cookie)
{
	(void)cookie;
	printk("  [<%016lx>]\n", ip);
}

void
print_backtrace(const struct regs *regs)
{
	arch_backtrace(regs, print_frame, NULL);
}

/* Nobody runs any more; what a cpu was about may be why this one is in trouble. */
static void
print_other(unsigned int cpu)
{
	const struct regs *regs = arch_stopped_regs(cpu);
	const struct task *task = per_cpu(current_task, cpu);

	if (regs == NULL) {
		printk("cpu %u does not answer; its task is %s, pid %u\n", cpu, task->comm,
		       task->pid);
	} else if (task_is_idle(task) && arch_regs_irqs_on(regs)) {
		printk("cpu %u: idle\n", cpu);
	} else {
		printk("cpu %u: task %s, pid %u, %s, interrupts %s\n", cpu, task->comm, task->pid,
		       arch_regs_user(regs) ? "in user code" : "in the kernel",
		       arch_regs_irqs_on(regs) ? "on" : "off");
		if (!arch_regs_user(regs)) {
			print_backtrace(regs);
		}
	}
}

static void
print_others(void)
{
	for_each_cpu (cpu) {
		if (cpu != raw_smp_processor_id()) {
			print_other(cpu);
		}
	}
}

static _Noreturn void
die(const struct regs *regs, const char *format, va_list args)
{
	uintptr_t disabled_at = preempt_disable_ip(); /* before this changes the count itself */
	char text[256];
	const struct task *task;

	claim();
	lockdep_stop();
	arch_stop_others();
	printk_panic();
	task = current;
	format_to(text, sizeof(text), format, args);
	printk("panic on cpu %u: %s\n", raw_smp_processor_id(), text);
	printk("task %s, pid %u, preempt_count %08x\n", task ? task->comm : "(none)",
	       task ? task->pid : 0, preempt_count());
	if (disabled_at != 0) {
		printk("preemption disabled at [<%016lx>]\n", disabled_at);
	}
	lockdep_print_last_words();
	if (regs != NULL) {
		arch_regs_print(regs);
	}
	printk("backtrace:\n");
	print_backtrace(regs);
	print_others();
	arch_panic_end(disabled_at);
}

void
panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	die(NULL, format, args);
}

void
panic_regs(const struct regs *regs, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	die(regs, format, args);
}

void
assert_failed(const char *condition, const char *file, int line)
{
	panic("%s:%d: assertion failed: %s", file, line, condition);
}
