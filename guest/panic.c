// SPDX-License-Identifier: ISC
/*
 * The end of a kernel that found itself broken: last words, then the architecture stops the
 * machine.
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
	arch_backtrace(regs, print_frame, NULL);
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
