// SPDX-License-Identifier: ISC
#include "guest/arch/x86_64/traps.h"

#include <stdbool.h>

#include "guest/arch/x86_64/apic.h"
#include "guest/arch/x86_64/machine_check.h"
#include "guest/arch/x86_64/nmi.h"
#include "guest/arch/x86_64/user.h"
#include "guest/arch/x86_64/vcpu.h"
#include "guest/atomic.h"
#include "guest/exception.h"
#include "guest/irq.h"
#include "guest/irq_stack.h"
#include "guest/page.h"
#include "guest/panic.h"
#include "guest/printk.h"
#include "guest/stack.h"
#include "guest/task.h"

extern const char iret_to_user[]; /* entry.S */

/* Bits of a page fault's error code. */
#define FAULT_PRESENT  0x01u
#define FAULT_WRITE    0x02u
#define FAULT_RESERVED 0x08u
#define FAULT_FETCH    0x10u

static const char *const exception_names[VECTOR_EXCEPTIONS] = {
	[0] = "division error",
	[1] = "debug exception",
	[2] = "NMI",
	[3] = "breakpoint",
	[4] = "overflow",
	[5] = "bound exceeded",
	[6] = "invalid opcode",
	[7] = "FPU not available",
	[8] = "double fault",
	[10] = "invalid TSS",
	[11] = "segment not present",
	[12] = "stack segment fault",
	[13] = "general protection fault",
	[14] = "page fault",
	[16] = "FPU error",
	[17] = "misaligned access",
	[18] = "machine check",
	[19] = "SIMD error",
	[20] = "virtualization exception",
	[21] = "control protection exception",
};

static struct atomic warned_of_vector;

/* Interrupts that nobody asked for: said once, acknowledged if the APIC waits for it. */
static __attribute__((noinline, cold)) void
handle_unexpected(unsigned int vector)
{
	uint32_t in_service = apic_read(APIC_IN_SERVICE + vector / 32);

	if (!atomic_xchg(&warned_of_vector, 1)) {
		printk("unexpected interrupt, vector %u: ignored, as others will be\n", vector);
	}
	if (in_service & 1u << vector % 32) {
		apic_eoi();
	}
}

/* The kind, plus one; 0: nobody has asked for this vector. */
static const uint8_t kind_of[256] = {
	[VECTOR_TIMER] = 1 + IRQ_TIMER, [VECTOR_RESCHEDULE] = 1 + IRQ_RESCHEDULE,
	[VECTOR_CALL] = 1 + IRQ_CALL,   [VECTOR_WORK] = 1 + IRQ_WORK,
	[VECTOR_EVENT] = 1 + IRQ_EVENT, [VECTOR_SOFT0] = 1 + IRQ_SOFT0,
	[VECTOR_SOFT1] = 1 + IRQ_SOFT1,
};

void
interrupt_handle(struct regs *regs)
{
	unsigned int kind = kind_of[(uint8_t)regs->vector];

	if (__builtin_expect(kind != 0, 1)) {
		apic_eoi();
		irq_handle(regs, (enum irq_kind)(kind - 1));
	} else if (regs->vector != VECTOR_SPURIOUS) {
		handle_unexpected(regs->vector);
	}
}

static bool
is_in_guard(const void *stack, uintptr_t addr)
{
	return stack != NULL && (uintptr_t)stack - addr - 1 < STACK_SIZE;
}

/* Returns if the address is in no stack's guard. */
static void
check_overflow(struct regs *regs, uintptr_t addr)
{
	const struct task *task = current;
	const void *irq_stack = this_cpu_read(hardirq_stack);

	if (task != NULL && is_in_guard(task->stack, addr)) {
		panic_regs(regs,
		           "kernel stack overflow of task %s, pid %u: access to %016lx, "
		           "%lu bytes below",
		           task->comm, task->pid, addr, (uintptr_t)task->stack - addr);
	}
	if (is_in_guard(irq_stack, addr)) {
		panic_regs(regs, "interrupt stack overflow: access to %016lx, %lu bytes below",
		           addr, (uintptr_t)irq_stack - addr);
	}
}

const char *
exception_name(unsigned int vector)
{
	return exception_names[vector];
}

static _Noreturn void
panic_page_fault(struct regs *regs, uintptr_t addr)
{
	const char *access = regs->error & FAULT_FETCH   ? "execution of"
	                     : regs->error & FAULT_WRITE ? "write to"
	                                                 : "read of";

	check_overflow(regs, addr);
	if (regs->error & FAULT_RESERVED) {
		panic_regs(regs, "page fault: corrupt page tables at %016lx", addr);
	}
	panic_regs(regs, "page fault: %s %016lx, which is %s", access, addr,
	           regs->error & FAULT_PRESENT ? "protected"
	           : addr < PAGE_SIZE          ? "a null pointer"
	                                       : "not mapped");
}

static _Noreturn void
panic_exception(struct regs *regs)
{
	const char *name = exception_names[regs->vector];

	panic_regs(regs, "%s (vector %u, error code %x)", name ? name : "reserved exception",
	           regs->vector, regs->error);
}

/* CR2 is read first: another fault would change it. */
void
exception_handle(struct regs *regs)
{
	uintptr_t addr = read_cr2();

	if (arch_regs_user(regs)) {
		user_exception(regs);
		return;
	}
	if (regs->rip == (uintptr_t)iret_to_user) {
		user_return_failed(regs);
	}
	if (exception_handle_kernel(regs)) {
		return;
	}
	if (regs->vector == VECTOR_PF) {
		panic_page_fault(regs, addr);
	}
	panic_exception(regs);
}

/* CR2 is the address whose page fault found no room on the stack. */
static _Noreturn void
handle_double_fault(struct regs *regs)
{
	check_overflow(regs, read_cr2());
	panic_exception(regs);
}

void
paranoid_handle(struct regs *regs)
{
	if (regs->vector == VECTOR_NMI) {
		nmi_entered(regs);
		return;
	}
	if (regs->vector == VECTOR_DF) {
		handle_double_fault(regs);
	}
	if (regs->vector == VECTOR_MC && machine_check_handle(regs)) {
		return;
	}
	if (regs->vector == VECTOR_DB && this_cpu_read(vcpu_entered) != NULL) {
		write_dr(6,
		         DR6_RESET); /* a guest's breakpoint that MOV SS has put off until here */
		return;
	}
	panic_exception(regs);
}
