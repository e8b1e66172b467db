// SPDX-License-Identifier: ISC
/*
 * Guests of ring 3: the way in and out, and what a vcpu has beside struct arch_vcpu.
 *
 * A guest's exit leaves its registers in struct arch_vcpu, since TSS.RSP0 is their end, and goes
 * on in whoever entered it, as if vcpu_enter_guest() had returned (vcpu_entry.S).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "guest/arch.h"
#include "guest/percpu.h"
#include "shared/payload_abi.h"

struct vcpu;

/* What a handler interrupted. */
struct vcpu_frame {
	struct regs regs;
	bool interrupts_on;
};

struct vcpu_memory {
	uint8_t fpu[512] __attribute__((aligned(16))); /* FXSAVE's, while not loaded */
	struct vcpu_frame frames[PAYLOAD_NESTING_MAX];
};

/* The guest that this cpu runs, from the last instructions before it to the first behind. */
DECLARE_PER_CPU(struct arch_vcpu *, vcpu_entered);

/* From vcpu_entry.S: the guest's frame could not be loaded, and this is what the fault has saved.
 */
void vcpu_take_failed_return(struct arch_vcpu *vcpu, const struct regs *failed);

/*
 * Returns &vcpu->regs, behind an exit. irqs off, TSS.RSP0 set. Inline, so that the compiler saves
 * what it needs, as at a switch.
 */
static inline struct regs *
vcpu_enter_guest(struct arch_vcpu *vcpu)
{
	struct regs *regs;

	__asm__ volatile("call vcpu_enter_by_iret"
	                 : "=a"(regs), "+D"(vcpu)
	                 :
	                 : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13",
	                   "r14", "r15", "memory", "cc");
	return regs;
}

/*
 * NMI or machine check, regs of which are in a guest, on a stack of its own: its return will be
 * from vcpu_enter_guest().
 */
void vcpu_leave_guest(struct regs *regs);

/* Is this ring 3 a guest? irqs off, in the kernel's first steps behind it. */
static inline bool
vcpu_is_guest(const struct regs *regs)
{
	return arch_regs_user(regs) && this_cpu_read(vcpu_entered) != NULL;
}

/* Where register n of an instruction's encoding is: 0 rax, 4 rsp, 15 r15. */
uint64_t *vcpu_register(struct regs *regs, unsigned int number);

/* What a guest may have in its RFLAGS; its own interrupt flag is not there. */
static inline uint64_t
vcpu_clean_rflags(uint64_t rflags)
{
	return (rflags & RFLAGS_USER) | RFLAGS_IF | RFLAGS_FIXED;
}
