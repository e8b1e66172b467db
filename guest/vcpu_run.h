// SPDX-License-Identifier: ISC
/*
 * The parts of the run loop that its two orders share. Each order is a file, which can be read
 * beside Linux's: vcpu_run_irqs_on.c follows arch/arm64/kvm/arm.c, vcpu_run_irqs_off.c follows
 * arch/x86/kvm/x86.c. Numbers in their comments are the steps of one table or the other.
 */
#pragma once

#include <stdbool.h>

#include "guest/bug.h"
#include "guest/context_tracking.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/smp.h"
#include "guest/srcu.h"
#include "guest/trace.h"
#include "guest/vcpu.h"
#include "guest/vcpu_check.h"
#include "guest/vcpu_request.h"

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
int __vcpu_serve_requests(struct vcpu *vcpu);

static inline int
vcpu_serve_requests(struct vcpu *vcpu)
{
	DEBUG_ASSERT(preempt_count() == 0);
	return __builtin_expect(vcpu_request_pending(vcpu), 0) ? __vcpu_serve_requests(vcpu) : 1;
}

/* ---- events: all by the owner ---- */

/* Does the guest take interrupts that are pending? Not where its handlers nest as deep as they may.
 */
static inline bool
vcpu_interrupt_waits(const struct vcpu *vcpu)
{
	return vcpu->interrupts_on && atomic_load(&vcpu->pending) != 0 &&
	       arch_vcpu_has_handler(vcpu) &&
	       (arch_vcpu_can_nest(vcpu) || bug(INTERRUPT_NESTS_TOO_DEEP));
}

/* Is there something to deliver that is not prepared? */
static inline bool
vcpu_event_waits(const struct vcpu *vcpu)
{
	return (vcpu->exception.valid || vcpu_interrupt_waits(vcpu)) && !vcpu->injected.valid;
}

void __vcpu_prepare_event(struct vcpu *vcpu);
void __vcpu_cancel_event(struct vcpu *vcpu);

/*
 * What the next entry is to deliver: an exception, or the most important interrupt that the guest
 * takes now. A second call before the entry finds it prepared, and changes nothing (J56).
 */
static inline void
vcpu_prepare_event(struct vcpu *vcpu)
{
	if (__builtin_expect(vcpu_event_waits(vcpu), 0) || bug(EVENT_OVERWRITTEN)) {
		__vcpu_prepare_event(vcpu);
	}
}

/* The entry was not made: what was prepared is pending again. */
static inline void
vcpu_cancel_event(struct vcpu *vcpu)
{
	if (vcpu->injected.valid && !bug(EVENT_NOT_CANCELLED)) {
		__vcpu_cancel_event(vcpu);
	}
}

/* ---- the entry ---- */

/* An early fault is there before this entry: as it should be, or not at all. */
void vcpu_enter_with_fault(struct vcpu *vcpu, struct exit_record *record);

/*
 * The entry itself, from the first thing that the guest's time pays for to the exit: on return
 * vcpu->exit is what this cpu's record says. No trace record between the two: RCU does not watch.
 * irqs off, count 1, mode IN or EXITING.
 */
static inline void
vcpu_enter(struct vcpu *vcpu)
{
	struct exit_record *record = raw_cpu_ptr(&exit_record);

	vcpu->serial++;
	barrier(); /* what an NMI raises from here on has this number */
	if (__builtin_expect(record->early.cause != EARLY_NONE, 0)) {
		vcpu_enter_with_fault(vcpu, record);
	}
	vcpu->last_entry_cpu = raw_smp_processor_id();
	vcpu_check_entry(vcpu);
	trace(TRACE_vcpu_entry, vcpu->id, vcpu->serial);
	record->is_awaited = true;
	guest_state_enter_irqoff();
	arch_vcpu_enter(vcpu);
	guest_state_exit_irqoff();
	vcpu->exit = record->exit;
	vcpu->stats.exits++;
}
