// SPDX-License-Identifier: ISC
/*
 * Numbers of C for assembly: compiled to text only, from which the build takes the lines that begin
 * with an arrow into asm_offsets.h.
 */
#include "guest/arch/x86_64/gdt.h"
#include "guest/arch/x86_64/regs.h"
#include "guest/arch/x86_64/vcpu.h"
#include "guest/task.h"
#include "shared/payload_abi.h"

#define DEFINE(name, value) __asm__ volatile("\n->#define " #name " %c0" : : "i"(value))

void asm_offsets(void);

void
asm_offsets(void)
{
	DEFINE(REGS_SIZE, sizeof(struct regs));
	DEFINE(REGS_RIP, offsetof(struct regs, rip));
	DEFINE(REGS_ERROR, offsetof(struct regs, error));
	DEFINE(REGS_VECTOR, offsetof(struct regs, vector));
	DEFINE(REGS_RSP, offsetof(struct regs, rsp));
	DEFINE(REGS_CS, offsetof(struct regs, cs));
	DEFINE(RFLAGS_IF, RFLAGS_IF);
	DEFINE(RFLAGS_FIXED, RFLAGS_FIXED);
	DEFINE(TASK_RSP, offsetof(struct task, arch.rsp));
	DEFINE(VCPU_REGS, offsetof(struct arch_vcpu, regs));
	DEFINE(VCPU_HOST_RSP, offsetof(struct arch_vcpu, host_rsp));
	DEFINE(EXIT_SYSCALL, VECTOR_SYSCALL);
	DEFINE(GDT_SIZE, sizeof(struct gdt));
	DEFINE(TSS_RSP0, offsetof(struct tss, rsp[0]));
	DEFINE(BOOT_STACK_SIZE, STACK_SIZE);
	DEFINE(HYPERCALL_shutdown, HYPERCALL_shutdown);
	DEFINE(HYPERCALL_handler, HYPERCALL_handler);
	DEFINE(HYPERCALL_return, HYPERCALL_return);
	DEFINE(HYPERCALL_timer, HYPERCALL_timer);
	DEFINE(HYPERCALL_vcpus, HYPERCALL_vcpus);
}
