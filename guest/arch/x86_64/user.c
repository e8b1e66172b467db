// SPDX-License-Identifier: ISC
#include "guest/arch/x86_64/user.h"

#include "guest/arch/x86_64/gdt.h"
#include "guest/arch/x86_64/insn.h"
#include "guest/arch/x86_64/syscall_way.h"
#include "guest/arch/x86_64/traps.h"
#include "guest/bug.h"
#include "guest/entry_user.h"
#include "guest/exception.h"
#include "guest/mm.h"
#include "guest/page.h"
#include "guest/panic.h"
#include "guest/stack.h"
#include "guest/syscall.h"
#include "guest/user.h"

/* Of FXSAVE's image: what FNINIT and reset leave, so all exceptions masked. */
#define FPU_CONTROL      0x37fu
#define FPU_CONTROL_WORD 0 /* in 16-bit words */
#define FPU_MXCSR        0x1f80u
#define FPU_MXCSR_AT     6 /* in 32-bit words */

#define CPUID_FSGSBASE (1u << 0) /* leaf 7, EBX */

_Noreturn void user_enter_first(uintptr_t ip, uintptr_t stack, uint64_t arg, void *stack_top);

/* ---- registers ---- */

void
user_init_cpu(void)
{
	uint64_t bases =
		cpuid(0, 0).eax >= 7 && cpuid(7, 0).ebx & CPUID_FSGSBASE ? CR4_FSGSBASE : 0;

	write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT | bases);
	wrmsr(MSR_STAR, (uint64_t)SEL_USER32_CS << 48 | (uint64_t)SEL_KERNEL_CS << 32);
	wrmsr(MSR_LSTAR, (uintptr_t)syscall_entry);
	wrmsr(MSR_CSTAR, (uintptr_t)syscall32_entry);
	wrmsr(MSR_SFMASK,
	      RFLAGS_IF | RFLAGS_TF | RFLAGS_DF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_RF | RFLAGS_AC);
	wrmsr(MSR_KERNEL_GS, 0); /* the user's, while the kernel's is in use */
}

void
user_init_fpu(void *image)
{
	((uint16_t *)image)[FPU_CONTROL_WORD] = FPU_CONTROL;
	((uint32_t *)image)[FPU_MXCSR_AT] = FPU_MXCSR;
}

void
arch_user_init(struct task *task, void *state)
{
	user_init_fpu(state);
	task->arch.fpu = state;
	task->arch.fs_base = 0;
	task->arch.gs_base = 0;
}

void *
arch_user_end(struct task *task)
{
	void *state = task->arch.fpu;

	task->arch.fpu = NULL;
	return state;
}

void
arch_user_save(struct task *task)
{
	__asm__ volatile("fxsave64 (%0)" : : "r"(task->arch.fpu) : "memory");
	task->arch.fs_base = rdmsr(MSR_FS_BASE);
	task->arch.gs_base = rdmsr(MSR_KERNEL_GS);
}

/* Also where the next interrupt of its user code begins its stack. */
void
arch_user_restore(struct task *task)
{
	__asm__ volatile("fxrstor64 (%0)" : : "r"(task->arch.fpu) : "memory");
	wrmsr(MSR_FS_BASE, task->arch.fs_base);
	wrmsr(MSR_KERNEL_GS, task->arch.gs_base);
	this_cpu_ptr(&tss)->rsp[0] = (uintptr_t)task->stack + STACK_SIZE;
}

void
arch_user_enter(uintptr_t ip, uintptr_t stack, uint64_t arg)
{
	user_mode_begin();
	user_enter_first(ip, stack - sizeof(uint64_t), arg, (char *)current->stack + STACK_SIZE);
}

/* ---- system calls ---- */

/* The number stays in the place of an error code, until the end. */
bool
syscall_handle(struct regs *regs)
{
	syscall_enter_from_user_mode();
	regs->rax = (uint64_t)syscall_call(regs->rax, regs->rdi, regs->rsi, regs->rdx);
	syscall_exit_to_user_mode(regs->error);
	return regs->rip == regs->rcx && regs->rflags == regs->r11 && regs->rip < ARCH_USER_END &&
	       !(regs->rflags & (RFLAGS_TF | RFLAGS_RF));
}

/* User code chose these registers: it may have jumped here. */
void
user_complete_syscall(struct regs *regs)
{
	regs->rip = regs->rcx;
	regs->rflags = (regs->r11 & RFLAGS_USER) | RFLAGS_IF | RFLAGS_FIXED;
}

static void
call_by_fault(struct regs *regs)
{
	regs->error = (uint32_t)regs->rax;
	user_complete_syscall(regs);
	syscall_handle(regs);
}

bool
user_is_syscall(const struct regs *regs)
{
	return syscall_way == SYSCALL_FAULTS && regs->rip == (uintptr_t)syscall_entry &&
	       (regs->vector == VECTOR_PF || regs->vector == VECTOR_GP);
}

/* ---- exceptions ---- */

#define FAULT_PRESENT 0x01u
#define FAULT_WRITE   0x02u
#define FAULT_FETCH   0x10u

static _Noreturn void
kill_for_page_fault(const struct regs *regs, uintptr_t addr)
{
	const char *access = regs->error & FAULT_FETCH   ? "execution of"
	                     : regs->error & FAULT_WRITE ? "write to"
	                                                 : "read of";
	const char *what = regs->error & FAULT_PRESENT ? "protected"
	                   : addr < PAGE_SIZE          ? "a null pointer"
	                   : mm_is_stack_guard(addr)   ? "below its stack: overflow"
	                                               : "not mapped";

	user_kill(SIGSEGV, "page fault: %s %016lx, which is %s, at rip %016lx", access, addr, what,
	          regs->rip);
}

static unsigned int
signal_of(unsigned int vector)
{
	switch (vector) {
	case 0:
	case 16:
	case 19:
		return SIGFPE;
	case VECTOR_DB:
	case 3:
		return SIGTRAP;
	case 6:
		return SIGILL;
	case 12:
	case 17:
		return SIGBUS;
	default:
		return SIGSEGV;
	}
}

static _Noreturn void
kill(const struct regs *regs, uintptr_t addr)
{
	const char *name = exception_name(regs->vector);

	if (regs->vector == VECTOR_PF) {
		kill_for_page_fault(regs, addr);
	}
	user_kill(signal_of(regs->vector), "%s, error code %x, at rip %016lx",
	          name != NULL ? name : "reserved exception", regs->error, regs->rip);
}

void
user_exception(struct regs *regs)
{
	uintptr_t addr = read_cr2(); /* before another fault */

	if (user_is_syscall(regs)) {
		call_by_fault(regs);
		return;
	}
	if (syscall_way == SYSCALL_UNKNOWN) {
		syscall_way_exception(regs);
		return;
	}
	irqentry_enter_from_user_mode();
	arch_irq_enable();
	if (regs->vector != VECTOR_PF || (regs->error & FAULT_PRESENT) ||
	    !exception_mend_user(regs, addr)) {
		kill(regs, addr);
	}
	arch_irq_disable();
	irqentry_exit_to_user_mode();
}

void
user_return_failed(struct regs *regs)
{
	const uint64_t *frame = (const uint64_t *)regs->rsp; /* rip first */

	irqentry_enter_from_user_mode();
	arch_irq_enable();
	user_kill(SIGSEGV, "%s at the return to rip %016lx", exception_name(regs->vector),
	          frame[0]);
}
