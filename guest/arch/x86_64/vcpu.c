// SPDX-License-Identifier: ISC
/*
 * A vcpu's state on and off the cpu, its entries, and its handlers.
 *
 * The owner is a kernel thread: what a user task has in the machine is saved when it is switched
 * out, and loaded when it is back, so the FPU and the bases are free here. Only the address space
 * must be put back: mm.c counts on what it has loaded, and changes it at a switch alone.
 */
#include "guest/arch/x86_64/vcpu.h"

#include "guest/arch/x86_64/apic.h"
#include "guest/arch/x86_64/gdt.h"
#include "guest/arch/x86_64/insn.h"
#include "guest/arch/x86_64/traps.h"
#include "guest/arch/x86_64/user.h"
#include "guest/bug.h"
#include "guest/mm.h"
#include "guest/object.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/string.h"
#include "guest/vcpu.h"

#define RED_ZONE 128u /* bytes below the stack pointer that are in use: the ABI's */

extern const char vcpu_exit_landing[]; /* vcpu_entry.S */

DEFINE_PER_CPU(struct arch_vcpu *, vcpu_entered);
static DEFINE_PER_CPU(bool, vcpu_interrupt_raised); /* and not waited for yet; irqs off */

/* ---- a vcpu's life ---- */

bool
arch_vcpu_init(struct vcpu *vcpu)
{
	vcpu->arch.memory = object_alloc(sizeof(*vcpu->arch.memory));
	return vcpu->arch.memory != NULL;
}

void
arch_vcpu_free(struct vcpu *vcpu)
{
	object_free(vcpu->arch.memory, sizeof(*vcpu->arch.memory));
	vcpu->arch.memory = NULL;
}

void
arch_vcpu_reset(struct vcpu *vcpu)
{
	struct vcpu_memory *memory = vcpu->arch.memory;

	ASSERT(preempt_count() != 0 || !CONFIG_PREEMPT_COUNT);
	vcpu->arch = (struct arch_vcpu){
		.regs = {
			.rip = vcpu->vm->entry,
			.cs = SEL_USER_CS,
			.rflags = RFLAGS_IF | RFLAGS_FIXED,
			.rsp = VM_STACKS + (vcpu->id + 1) * (uint64_t)VM_STACK_SIZE - 8,
			.ss = SEL_USER_DS,
			.rdi = vcpu->arg,
		},
		.dr6 = DR6_RESET,
		.dr7 = DR7_RESET,
		.memory = memory,
	};
	memset(memory->fpu, 0, sizeof(memory->fpu));
	user_init_fpu(memory->fpu);
}

/* ---- on and off the cpu ---- */

static __attribute__((noinline, cold)) void
load_breakpoints(const struct arch_vcpu *own)
{
	write_dr(0, own->debug[0]);
	write_dr(1, own->debug[1]);
	write_dr(2, own->debug[2]);
	write_dr(3, own->debug[3]);
	write_dr(7, own->dr7);
}

void
arch_vcpu_load(struct vcpu *vcpu, unsigned int cpu)
{
	struct arch_vcpu *own = &vcpu->arch;

	(void)cpu;
	DEBUG_ASSERT(current->mm == NULL);
	__asm__ volatile("fxrstor64 %0" : : "m"(own->memory->fpu));
	own->host_cr3 = read_cr3();
	write_cr3(arch_virt_to_phys(vcpu->vm->mm->arch.pml4));
	wrmsr(MSR_FS_BASE, own->fs_base);
	wrmsr(MSR_KERNEL_GS, own->gs_base);
	if (own->dr7 & DR7_ENABLE) {
		load_breakpoints(own);
	}
}

/* Ring 3 may set the bases by itself. Nobody else's are in the machine: see above. */
void
arch_vcpu_put(struct vcpu *vcpu)
{
	struct arch_vcpu *own = &vcpu->arch;

	if (own->dr7 & DR7_ENABLE) {
		write_dr(7, DR7_RESET);
	}
	own->fs_base = rdmsr(MSR_FS_BASE);
	if (!bug(VCPU_GS_UNSAVED)) {
		own->gs_base = rdmsr(MSR_KERNEL_GS);
	}
	if (!bug(VCPU_MM_LEFT)) {
		write_cr3(own->host_cr3);
	}
	if (!bug(VCPU_FPU_UNSAVED)) {
		__asm__ volatile("fxsave64 %0" : "=m"(own->memory->fpu));
	}
}

void
arch_vcpu_flush(struct vcpu *vcpu)
{
	write_cr3(arch_virt_to_phys(vcpu->vm->mm->arch.pml4));
}

/* A user task that ran here since has had its own stack there. */
void
arch_vcpu_prepare_switch_to_guest(struct vcpu *vcpu)
{
	if (!bug(VCPU_STACK_STALE)) {
		raw_cpu_ptr(&tss)->rsp[0] = (uintptr_t)(&vcpu->arch.regs + 1);
	}
}

/* ---- handlers ---- */

/* As if called there, but that it ends by a hypercall. */
static __attribute__((noinline)) void
begin_handler(struct vcpu *vcpu)
{
	struct arch_vcpu *own = &vcpu->arch;
	struct vcpu_event *event = &vcpu->injected;

	ASSERT(own->handler != 0 && own->depth < PAYLOAD_NESTING_MAX);
	own->memory->frames[own->depth++] = (struct vcpu_frame){ own->regs, vcpu->interrupts_on };
	own->regs.rip = own->handler;
	own->regs.cs = SEL_USER_CS; /* 32-bit code has its own */
	own->regs.ss = SEL_USER_DS;
	own->regs.rflags = RFLAGS_IF | RFLAGS_FIXED;
	own->regs.rsp = ((own->regs.rsp - RED_ZONE) & ~15ull) - 8;
	own->regs.rdi = event->vector;
	own->regs.rsi = event->error;
	own->regs.rdx = event->addr;
	vcpu->interrupts_on = false;
	event->valid = false;
}

void
arch_vcpu_set_handler(struct vcpu *vcpu, uint64_t addr)
{
	vcpu->arch.handler = addr;
}

bool
arch_vcpu_has_handler(const struct vcpu *vcpu)
{
	return vcpu->arch.handler != 0;
}

bool
arch_vcpu_can_nest(const struct vcpu *vcpu)
{
	return vcpu->arch.depth < PAYLOAD_NESTING_MAX;
}

uint64_t
arch_vcpu_ip(const struct vcpu *vcpu)
{
	return vcpu->arch.regs.rip;
}

bool
arch_vcpu_handler_return(struct vcpu *vcpu)
{
	struct arch_vcpu *own = &vcpu->arch;

	if (own->depth == 0) {
		return false;
	}
	own->depth--;
	own->regs = own->memory->frames[own->depth].regs;
	vcpu->interrupts_on = own->memory->frames[own->depth].interrupts_on;
	return true;
}

uint64_t *
vcpu_register(struct regs *regs, unsigned int number)
{
	static const uint8_t place[16] = {
#define AT(name) (uint8_t) offsetof(struct regs, name)
		AT(rax), AT(rcx), AT(rdx), AT(rbx), AT(rsp), AT(rbp), AT(rsi), AT(rdi),
		AT(r8),  AT(r9),  AT(r10), AT(r11), AT(r12), AT(r13), AT(r14), AT(r15),
#undef AT
	};

	ASSERT(number < 16);
	return (uint64_t *)((char *)regs + place[number]);
}

#define SAVED_RIP    16u
#define SAVED_RFLAGS 17u

/* Of payload_abi.h's numbers; NULL: there is none. */
static uint64_t *
saved_register(struct vcpu *vcpu, unsigned int reg)
{
	struct regs *regs;

	if (vcpu->arch.depth == 0 || reg > SAVED_RFLAGS) {
		return NULL;
	}
	regs = &vcpu->arch.memory->frames[vcpu->arch.depth - 1].regs;
	return reg == SAVED_RIP      ? &regs->rip
	       : reg == SAVED_RFLAGS ? &regs->rflags
	                             : vcpu_register(regs, reg);
}

bool
arch_vcpu_saved(struct vcpu *vcpu, unsigned int reg, uint64_t *value)
{
	const uint64_t *saved = saved_register(vcpu, reg);

	if (saved != NULL) {
		*value = *saved;
	}
	return saved != NULL;
}

bool
arch_vcpu_set_saved(struct vcpu *vcpu, unsigned int reg, uint64_t value)
{
	uint64_t *saved = saved_register(vcpu, reg);

	if (saved != NULL) {
		*saved = reg == SAVED_RFLAGS ? vcpu_clean_rflags(value) : value;
	}
	return saved != NULL;
}

/* ---- entry and exit ---- */

/* The guest's other registers were in the machine, and lie below where they belong. */
void
vcpu_take_failed_return(struct arch_vcpu *vcpu, const struct regs *failed)
{
	memmove(&vcpu->regs, failed, offsetof(struct regs, rip));
	vcpu->regs.frame_ip = vcpu->regs.rip;
}

/* There are machines where SYSCALL is a fault at the kernel's entry (syscall_way.h). */
static __attribute__((noinline)) void
tell_other(struct regs *regs)
{
	struct vcpu_exit *exit = &this_cpu_ptr(&exit_record)->exit;
	uint32_t vector = regs->vector;

	if (user_is_syscall(regs)) {
		user_complete_syscall(regs);
		vector = VECTOR_SYSCALL;
	} else if (vector == VECTOR_PF) {
		exit->addr = read_cr2();
	} else if (vector == VECTOR_DB) {
		exit->debug = read_dr6();
		write_dr(6, DR6_RESET);
	}
	exit->vector = vector;
	exit->error = regs->error;
	exit->code = vector - VECTOR_EXCEPTIONS < 256 - VECTOR_EXCEPTIONS ? VCPU_EXIT_INTERRUPT
	             : vector == VECTOR_NMI || vector == VECTOR_MC        ? VCPU_EXIT_EARLY
	                                                                  : VCPU_EXIT_TRAP;
}

/* What an exit has not is left as it was. */
static inline void
tell_exit(struct regs *regs)
{
	if (__builtin_expect(regs->vector != VECTOR_SYSCALL, 0)) {
		tell_other(regs);
		return;
	}
	this_cpu_write(exit_record.exit.vector, VECTOR_SYSCALL);
	this_cpu_write(exit_record.exit.code, VCPU_EXIT_TRAP);
}

void
arch_vcpu_enter(struct vcpu *vcpu)
{
	DEBUG_ASSERT(this_cpu_ptr(&tss)->rsp[0] == (uintptr_t)(&vcpu->arch.regs + 1));
	if (__builtin_expect(vcpu->injected.valid, 0)) {
		begin_handler(vcpu);
	}
	tell_exit(vcpu_enter_guest(&vcpu->arch));
}

/* GS is the guest's again when the return from here has landed. */
void
vcpu_leave_guest(struct regs *regs)
{
	struct arch_vcpu *own = this_cpu_read(vcpu_entered);

	own->regs = *regs;
	regs->rip = (uintptr_t)vcpu_exit_landing;
	regs->cs = SEL_KERNEL_CS;
	regs->rflags = RFLAGS_FIXED;
	regs->rsp = own->host_rsp;
	regs->ss = 0;
}

/* ---- the host's interrupts ---- */

void
arch_vcpu_handle_interrupt(const struct vcpu *vcpu)
{
	struct regs regs = {
		.rbp = (uintptr_t)__builtin_frame_address(0),
		.frame_ip = (uintptr_t)arch_vcpu_handle_interrupt,
		.vector = vcpu->exit.vector,
		.rip = (uintptr_t)arch_vcpu_handle_interrupt,
		.cs = SEL_KERNEL_CS,
		.rflags = RFLAGS_FIXED,
		.rsp = (uintptr_t)__builtin_frame_address(0),
	};

	ASSERT(arch_irqs_disabled());
	interrupt_handle(&regs);
}

/* The APIC holds it now as it did before; what is of higher priority goes first, as it would. */
void
arch_vcpu_raise_interrupt(const struct vcpu *vcpu)
{
	ASSERT(arch_irqs_disabled());
	if (vcpu->exit.vector == VECTOR_SPURIOUS) {
		return;
	}
	apic_eoi();
	apic_send_to_self(vcpu->exit.vector);
	this_cpu_write(vcpu_interrupt_raised, true);
}

/* The STI's own shadow is an instruction long. */
void
arch_irq_window(void)
{
	DEBUG_ASSERT(arch_irqs_disabled());
	if (bug(WINDOW_TOO_SHORT)) {
		__asm__ volatile("sti; cli" ::: "memory");
	} else {
		__asm__ volatile("sti; nop" ::: "memory");
		if (this_cpu_read(vcpu_interrupt_raised)) {
			arch_irq_settle();
		}
		arch_irq_disable();
	}
	this_cpu_write(vcpu_interrupt_raised, false);
}
