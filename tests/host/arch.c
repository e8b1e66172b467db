// SPDX-License-Identifier: ISC
/*
 * The seam's functions, and the kernel as the machine sees it.
 */
#include "guest/arch.h"

#include <stdio.h>
#include <string.h>

#include "guest/boot_info.h"
#include "guest/exception.h"
#include "guest/interrupt.h"
#include "guest/irq.h"
#include "guest/lockdep.h"
#include "guest/nmi.h"
#include "guest/page.h"
#include "guest/panic.h"
#include "guest/percpu.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"
#include "guest/stack.h"
#include "tests/host/arch_switch.h"
#include "tests/host/counter.h"
#include "tests/host/fiber.h"
#include "tests/host/kernel.h"
#include "tests/host/race.h"
#include "tests/host/run.h"

_Static_assert(STACK_SIZE == HOST_STACK_SIZE, "a slot is a guard and a stack");
_Static_assert((int)IRQ_KIND_COUNT == HOST_NMI - HOST_IRQ, "an actor for each kind");

uint64_t arch_boot_cycles;

void
arch_init(const struct boot_info *info)
{
	(void)info; /* the clock, the timers and the interrupt lines are there from the start */
}

uint64_t
arch_clock_ns(void)
{
	return machine_clock();
}

uint64_t
arch_cycles_to_ns(uint64_t cycles)
{
	return cycles;
}

void
arch_timer_set(uint64_t expires_ns)
{
	ASSERT(arch_irqs_disabled());
	machine_set_timer(expires_ns);
}

void
arch_ipi_send(unsigned int cpu, enum irq_kind kind)
{
	ASSERT(!CONFIG_PREEMPT_COUNT || arch_irqs_disabled() || preempt_count() != 0);
	machine_send(cpu, kind);
}

void
arch_nmi_send(unsigned int cpu)
{
	host_nmi_send(cpu);
}

void
arch_event_subscribe(void)
{
	machine_subscribe();
}

uint32_t
arch_event_take(void)
{
	return machine_take_events();
}

/* A pending interrupt may come at any point: there is nothing to wait for. */
void
arch_irq_settle(void)
{
	host_point_local();
}

/* ---- exceptions ---- */

bool
arch_exception_fixup(struct regs *regs)
{
	if (regs->mended == NULL) {
		return false;
	}
	*regs->mended = true;
	return true;
}

bool
arch_read_nofault(const uint64_t *from, uint64_t *value)
{
	bool faulted = false;

	if (!host_is_mapped(from)) {
		host_exception(&faulted);
		return false;
	}
	*value = *from;
	return true;
}

/* ---- stacks ---- */

static void
cpu_first(void)
{
	fiber_started();
	machine.idle();
	panic("an idle task's body returned");
}

static void
task_first(void)
{
	const struct task *task = host_this->switched_to;

	fiber_started();
	task_entry(host_this->switched_from, task->arch.fn, task->arch.arg);
}

bool
arch_cpu_start(unsigned int cpu, struct task *idle)
{
	struct host_cpu *target = host_cpu(cpu);

	target->sp = fiber_prepare((char *)idle->stack + STACK_SIZE, cpu_first);
	machine_note_stack(idle->stack, &target->sp);
	target->online = true;
	return true;
}

/* A stack that some cpu is on belongs to a task that has not left it. */
static void
check_stack_is_free(const char *stack)
{
	for (unsigned int n = 0; n < machine.cpu_count; n++) {
		const struct host_cpu *cpu = &machine.cpus[n];
		const char *sp = cpu == host_this ? __builtin_frame_address(0) : cpu->sp;

		if (cpu->online && sp >= stack && sp < stack + STACK_SIZE) {
			host_fail("cpu %u is on a stack that was freed", n);
		}
	}
}

void
arch_task_init(struct task *task, void (*fn)(void *), void *arg)
{
	check_stack_is_free(task->stack);
	task->arch.fn = fn;
	task->arch.arg = arg;
	task->arch.sp = fiber_prepare((char *)task->stack + STACK_SIZE, task_first);
	machine_note_stack(task->stack, &task->arch.sp);
	counter_init_task(&task->arch);
}

struct task *
arch_switch_to(struct task *prev, struct task *next)
{
	struct host_cpu *cpu = host_this;
	uint32_t spin_count = cpu->spin_count;

	ASSERT(arch_irqs_disabled());
	race_write(&prev->arch.sp, sizeof(prev->arch.sp));
	race_read(&next->arch.sp, sizeof(next->arch.sp));
	counter_switch(&prev->arch, &next->arch);
	host_this->switched_from = prev;
	host_this->switched_to = next;
	machine_resume(&prev->arch.sp, next->arch.sp);
	if (host_this != cpu || host_this->spin_count != spin_count) {
		machine_forget_reads(host_this);
	}
	return host_this->switched_from;
}

/* Every cpu starts on its idle task's stack, so no kernel code calls this here. */
void
arch_start_on_stack(void *stack_top, void (*fn)(void))
{
	(void)stack_top;
	(void)fn;
	panic("no code of this machine boots on a stack of its own");
}

/* Marked only: who is switched out here fails, so that nobody is to find his frames there. */
void
arch_call_on_stack(void *arg, void (*fn)(void *arg), void *stack_top)
{
	struct host_cpu *cpu = host_this;
	void *below = cpu->called_on;

	cpu->called_on = stack_top;
	fn(arg);
	if (host_this != cpu) {
		host_fail("a call on another stack returned on another cpu");
	}
	cpu->called_on = below;
}

/* The stacks are always there; their pages lie idle, so that allocating them fails as it should. */
void
arch_map_pages(void *va, const uint64_t *pages, unsigned int count)
{
	ASSERT((uintptr_t)va >= ARCH_STACK_AREA);
	ASSERT((uintptr_t)va + count * PAGE_SIZE <= ARCH_STACK_AREA + ARCH_STACK_AREA_SIZE);
	for (unsigned int i = 0; i < count; i++) {
		machine.page_is_mapped[pages[i] / PAGE_SIZE] = true;
	}
}

/* ---- console and end ---- */

void
arch_console_write(const char *text, size_t length)
{
	size_t room = sizeof(machine.console) - 1 - machine.console_length;
	size_t count = length < room ? length : room;

	race_read(text, length);
	race_write(&machine.console_length, sizeof(machine.console_length));
	memcpy(machine.console + machine.console_length, text, count);
	machine.console_length += count;
	machine.console[machine.console_length] = '\0';
}

int
arch_console_read(void)
{
	return -1;
}

void
arch_exit(int status)
{
	machine.result->status = status;
	machine_end(HOST_END_EXIT);
}

void
arch_stop_others(void)
{
	host_quiet = true;
	machine.panic_at = machine.console_length;
}

/* Where it was is what the replay tells. */
const struct regs *
arch_stopped_regs(unsigned int cpu)
{
	static const struct regs stopped[HOST_CPUS_MAX];

	return &stopped[cpu];
}

/* The reason is the first line of the last words. */
void
arch_panic_end(uintptr_t preempt_disable_ip)
{
	const char *text = machine.console + machine.panic_at;

	(void)preempt_disable_ip; /* the replay says more */
	snprintf(machine.result->reason, sizeof(machine.result->reason), "%.*s",
	         (int)strcspn(text, "\n"), text);
	machine_end(HOST_END_FAILED);
}

void
arch_backtrace(const struct regs *regs, void (*each)(uint64_t ip, void *cookie), void *cookie)
{
	(void)regs;
	(void)each;
	(void)cookie; /* the replay says more */
}

void
arch_task_backtrace(const struct task *task, void (*each)(uint64_t ip, void *cookie), void *cookie)
{
	(void)task;
	(void)each;
	(void)cookie; /* the replay says more */
}

void
arch_regs_print(const struct regs *regs)
{
	(void)regs; /* nothing but the flag */
}

/* ---- the kernel ---- */

static bool
call_test_handler(struct regs *regs)
{
	(void)regs;
	if (host_nmi_handler != NULL) {
		host_nmi_handler();
	}
	return host_nmi_handler != NULL;
}

static struct nmi_handler test_nmi = { .fn = call_test_handler };

void
kernel_prepare(unsigned int cpus)
{
	page_add_range(0, HOST_PAGES_SIZE, false);
	percpu_init(cpus);
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		host_cpu(cpu)->percpu = percpu_offset[cpu];
		counter_init_cpu(cpu);
	}
	sched_init(cpus);
	interrupt_init();
	arch_cpu_start(0, per_cpu(runqueue, 0).idle);
	smp_init(&(struct boot_info){ .cpu_count = cpus });
	register_nmi_handler(&test_nmi);
}

void
kernel_each_table(void (*each)(void *start, size_t size))
{
	lockdep_for_each_table(each);
}

void
kernel_interrupt(unsigned int kind, bool irqs_were_on)
{
	struct regs regs = { .irqs_on = irqs_were_on, .user = host_this->in_user };

	host_this->in_user = false;
	irq_handle(&regs, (enum irq_kind)kind);
}

void
kernel_exception(bool irqs_were_on, bool *mended)
{
	struct regs regs = { .irqs_on = irqs_were_on, .mended = mended };

	if (!exception_handle_kernel(&regs)) {
		panic("an exception that nothing mends");
	}
}

void
kernel_nmi(bool irqs_were_on)
{
	struct regs regs = { .irqs_on = irqs_were_on, .user = host_this->in_user };

	nmi_handle(&regs);
}
