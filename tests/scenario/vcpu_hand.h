// SPDX-License-Identifier: ISC
/*
 * A vcpu that is entered by hand, without the run loop: whatever comes early is left in the record.
 */
#pragma once

#include "guest/arch.h"
#include "guest/arch/x86_64/vcpu.h"
#include "guest/context_tracking.h"
#include "guest/panic.h"
#include "guest/percpu.h"
#include "guest/vcpu.h"
#include "guest/vm.h"
#include "guest/vm_load.h"

/* Its code is these bytes. */
static inline struct vm *
hand_machine(const char *code, const char *end)
{
	struct vm_image image;

	if (vm_load("code", code, (size_t)(end - code), &image) != 0) {
		panic("no machine");
	}
	return vm_create(VM_EARLY_IRQS_OFF, image.mm, image.entry);
}

static inline struct vcpu *
hand_vcpu(struct vm *vm)
{
	struct vcpu *vcpu = vcpu_create(vm, 0);

	if (vcpu == NULL || !vm_touch(vm, vcpu->arch.regs.rsp)) {
		panic("no vcpu");
	}
	return vcpu;
}

/* It goes on so many bytes behind the begin of its code. */
static inline void
hand_go_to(struct vcpu *vcpu, ptrdiff_t offset)
{
	vcpu->arch.regs.rip = VM_FLAT_BASE + (uint64_t)offset;
	vcpu->arch.regs.rflags = RFLAGS_IF | RFLAGS_FIXED;
}

/* Once. irqs off, count 1, loaded. */
static inline void
hand_enter(struct vcpu *vcpu)
{
	arch_vcpu_prepare_switch_to_guest(vcpu);
	vcpu->serial++;
	this_cpu_write(exit_record.is_awaited, true);
	guest_state_enter_irqoff();
	arch_vcpu_enter(vcpu);
	guest_state_exit_irqoff();
	vcpu->exit = this_cpu_ptr(&exit_record)->exit;
}

static inline enum early_cause
hand_take_early(void)
{
	enum early_cause cause;

	this_cpu_write(exit_record.is_awaited, false);
	barrier();
	cause = this_cpu_ptr(&exit_record)->early.cause;
	this_cpu_ptr(&exit_record)->early.cause = EARLY_NONE;
	return cause;
}

/* All registers but rsp are this and their number. */
static inline void
hand_fill_registers(struct vcpu *vcpu, uint64_t more)
{
	for (unsigned int n = 0; n < 16; n++) {
		if (n != 4) {
			*vcpu_register(&vcpu->arch.regs, n) = 0x0101010101010101 * n + more;
		}
	}
}

static inline bool
hand_registers_are(struct vcpu *vcpu, uint64_t more)
{
	for (unsigned int n = 0; n < 16; n++) {
		if (n != 4 &&
		    *vcpu_register(&vcpu->arch.regs, n) != 0x0101010101010101 * n + more) {
			return false;
		}
	}
	return true;
}
