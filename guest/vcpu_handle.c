// SPDX-License-Identifier: ISC
/*
 * The second half of an exit's handling: what the instruction that trapped asks for, carried out
 * once. Whatever happens to the task in here (a switch, another cpu, a signal) the exit is handled
 * to its end; only then does the loop look at signals and requests. Follows Linux's
 * arch/arm64/kvm/handle_exit.c, and in meaning the exit handlers of arch/x86/kvm.
 */
#include "guest/vcpu_handle.h"

#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/printk.h"
#include "guest/vcpu.h"
#include "guest/vcpu_device.h"
#include "guest/vcpu_exit.h"
#include "guest/vcpu_halt.h"
#include "guest/vcpu_hypercall.h"
#include "guest/vcpu_trap.h"
#include "guest/vm.h"

#define VECTOR_GENERAL_PROTECTION 13u
#define VECTOR_PAGE_FAULT         14u

/* ---- the guest's mistakes ---- */

const char *
vcpu_vector_name(unsigned int vector)
{
	static const char *const names[] = {
		[0] = "division error",
		[1] = "debug exception",
		[2] = "non-maskable interrupt",
		[3] = "breakpoint",
		[4] = "overflow",
		[5] = "bound range exceeded",
		[6] = "invalid opcode",
		[7] = "device not available",
		[8] = "double fault",
		[11] = "segment not present",
		[12] = "stack segment fault",
		[VECTOR_GENERAL_PROTECTION] = "general protection fault",
		[VECTOR_PAGE_FAULT] = "page fault",
		[16] = "x87 floating-point error",
		[17] = "alignment check",
		[18] = "machine check",
		[19] = "SIMD floating-point error",
	};

	return vector < sizeof(names) / sizeof(names[0]) && names[vector] != NULL ? names[vector]
	                                                                          : "exception";
}

static int
stop_with_fault(struct vcpu *vcpu, const struct vcpu_trap *trap, const char *why)
{
	vcpu_console_end(vcpu);
	if (!vcpu->vm->quiet) {
		printk("vcpu %u stops at %llx: %s, error %x, address %llx: %s\n", vcpu->id,
		       (unsigned long long)arch_vcpu_ip(vcpu), vcpu_vector_name(trap->vector),
		       trap->error, (unsigned long long)trap->addr, why);
	}
	vcpu->stop = VCPU_STOP_FAULT;
	vcpu->stop_value = trap->vector;
	return 0;
}

static int
handle_exception(struct vcpu *vcpu, const struct vcpu_trap *trap)
{
	if (!arch_vcpu_has_handler(vcpu)) {
		return stop_with_fault(vcpu, trap, "it has no handler");
	}
	if (!arch_vcpu_can_nest(vcpu)) {
		return stop_with_fault(vcpu, trap, "its handlers nest too deep");
	}
	ASSERT(!vcpu->exception.valid); /* the entry before this exit has delivered it */
	vcpu->exception = (struct vcpu_event){
		.valid = true,
		.is_exception = true,
		.vector = trap->vector,
		.error = trap->error,
		.addr = trap->addr,
	};
	return 1;
}

static int
general_protection(struct vcpu *vcpu)
{
	const struct vcpu_trap trap = {
		.kind = VCPU_TRAP_EXCEPTION,
		.vector = VECTOR_GENERAL_PROTECTION,
	};

	return handle_exception(vcpu, &trap);
}

/* ---- instructions ---- */

static int
done(struct vcpu *vcpu, const struct vcpu_trap *trap, uint64_t result)
{
	arch_vcpu_complete(vcpu, trap, result);
	return 1;
}

/* Nothing: what the instruction had trapped for is gone, or it was never carried out. */
static int
handle_again(struct vcpu *vcpu, const struct vcpu_trap *trap)
{
	(void)vcpu;
	(void)trap;
	return 1;
}

/* Complete first: the halted one is behind its instruction, whatever wakes it. */
static int
handle_hlt(struct vcpu *vcpu, const struct vcpu_trap *trap)
{
	arch_vcpu_complete(vcpu, trap, 0);
	return vcpu_emulate_halt(vcpu);
}

static int
handle_in(struct vcpu *vcpu, const struct vcpu_trap *trap)
{
	return done(vcpu, trap, vcpu_port_in(vcpu, trap->addr, trap->size));
}

static int
handle_out(struct vcpu *vcpu, const struct vcpu_trap *trap)
{
	vcpu_port_out(vcpu, trap->addr, trap->size, trap->value);
	return done(vcpu, trap, 0);
}

static int
handle_read(struct vcpu *vcpu, const struct vcpu_trap *trap)
{
	return done(vcpu, trap, vcpu_mmio_read(vcpu, trap->addr, trap->size));
}

static int
handle_write(struct vcpu *vcpu, const struct vcpu_trap *trap)
{
	vcpu_mmio_write(vcpu, trap->addr, trap->size, trap->value);
	return done(vcpu, trap, 0);
}

static int
handle_memory(struct vcpu *vcpu, const struct vcpu_trap *trap)
{
	struct vcpu_trap fault = *trap;

	ASSERT(vm_is_memory(trap->addr));
	if (vm_touch(vcpu->vm, trap->addr)) {
		return 1; /* the instruction runs again */
	}
	fault.vector = VECTOR_PAGE_FAULT;
	return stop_with_fault(vcpu, &fault, "there is no memory for the page");
}

static int
handle_rdmsr(struct vcpu *vcpu, const struct vcpu_trap *trap)
{
	uint64_t value;

	return vcpu_msr_read(vcpu, trap->addr, &value) ? done(vcpu, trap, value)
	                                               : general_protection(vcpu);
}

static int
handle_wrmsr(struct vcpu *vcpu, const struct vcpu_trap *trap)
{
	return vcpu_msr_write(vcpu, trap->addr, trap->value) ? done(vcpu, trap, 0)
	                                                     : general_protection(vcpu);
}

static int
handle_cli(struct vcpu *vcpu, const struct vcpu_trap *trap)
{
	vcpu->interrupts_on = false;
	return done(vcpu, trap, 0);
}

static int
handle_sti(struct vcpu *vcpu, const struct vcpu_trap *trap)
{
	vcpu->interrupts_on = true;
	return done(vcpu, trap, 0);
}

/* In the shadow of STI: what comes between the two ends the halt. */
static int
handle_sti_hlt(struct vcpu *vcpu, const struct vcpu_trap *trap)
{
	vcpu->interrupts_on = true;
	return handle_hlt(vcpu, trap);
}

static int
handle_trap(struct vcpu *vcpu)
{
	static int (*const handlers[])(struct vcpu *, const struct vcpu_trap *) = {
		[VCPU_TRAP_AGAIN] = handle_again,     [VCPU_TRAP_HLT] = handle_hlt,
		[VCPU_TRAP_IN] = handle_in,           [VCPU_TRAP_OUT] = handle_out,
		[VCPU_TRAP_READ] = handle_read,       [VCPU_TRAP_WRITE] = handle_write,
		[VCPU_TRAP_MEMORY] = handle_memory,   [VCPU_TRAP_HYPERCALL] = vcpu_hypercall,
		[VCPU_TRAP_RDMSR] = handle_rdmsr,     [VCPU_TRAP_WRMSR] = handle_wrmsr,
		[VCPU_TRAP_CLI] = handle_cli,         [VCPU_TRAP_STI] = handle_sti,
		[VCPU_TRAP_STI_HLT] = handle_sti_hlt, [VCPU_TRAP_EXCEPTION] = handle_exception,
	};
	struct vcpu_trap trap;

	arch_vcpu_decode(vcpu, &trap);
	ASSERT((size_t)trap.kind < sizeof(handlers) / sizeof(handlers[0]));
	return handlers[trap.kind](vcpu, &trap);
}

/* An instruction whose exit brought an early fault runs again, whole, when that is delivered. */
int
handle_exit(struct vcpu *vcpu)
{
	DEBUG_ASSERT(preempt_count() == 0);
	DEBUG_ASSERT(!arch_irqs_disabled());
	if (vcpu->stop == VCPU_STOP_ERROR) {
		return 0;
	}
	if (vcpu->early != EARLY_NONE && !bug(EARLY_EMULATES)) {
		return 1;
	}
	return vcpu->exit.code == VCPU_EXIT_TRAP ? handle_trap(vcpu) : 1;
}
