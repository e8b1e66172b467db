// SPDX-License-Identifier: ISC
/*
 * The parts of the run loop that its two orders share. Each order is a file, which can be read
 * beside Linux's: vcpu_run_irqs_on.c follows arch/arm64/kvm/arm.c, vcpu_run_irqs_off.c follows
 * arch/x86/kvm/x86.c. Numbers in their comments are the steps of one table or the other.
 */
#pragma once

#include <stdbool.h>

#include "guest/vcpu.h"

/* The loops: vcpu_run()'s results. vcpu->task is current, the mutex held; count 0, irqs on. */
int vcpu_run_irqs_on(struct vcpu *vcpu);
int vcpu_run_irqs_off(struct vcpu *vcpu);

/* x86's readers' section of what changes rarely; nothing in arm64's order. */
static inline void
vcpu_lock_srcu(struct vcpu *vcpu)
{
	if (vcpu->vm->early == VM_EARLY_IRQS_OFF) {
		vcpu->srcu_index = srcu_read_lock(&vcpu->vm->srcu);
	}
}

static inline void
vcpu_unlock_srcu(struct vcpu *vcpu)
{
	if (vcpu->vm->early == VM_EARLY_IRQS_OFF) {
		srcu_read_unlock(&vcpu->vm->srcu, vcpu->srcu_index);
	}
}

/*
 * Serves what is requested, in the order of enum vcpu_request. Returns > 0, or what vcpu_run() is
 * to return. Loaded; count 0, irqs on; may sleep.
 */
int vcpu_serve_requests(struct vcpu *vcpu);

/*
 * What the next entry is to deliver: an exception, or the most important interrupt that the guest
 * takes now. A second call before the entry finds it prepared, and changes nothing (J56). Owner.
 */
void vcpu_prepare_event(struct vcpu *vcpu);

/* The entry was not made: what was prepared is pending again. Owner. */
void vcpu_cancel_event(struct vcpu *vcpu);

/* Is there something to deliver that is not prepared? Owner. */
bool vcpu_event_waits(const struct vcpu *vcpu);

/*
 * The entry itself, from the first thing that the guest's time pays for to the exit: on return
 * vcpu->exit is what this cpu's record says. irqs off, count 1, mode IN or EXITING.
 */
void vcpu_enter(struct vcpu *vcpu);
