// SPDX-License-Identifier: ISC
#include "guest/vcpu_run.h"

#include "guest/bug.h"
#include "guest/context_tracking.h"
#include "guest/cputime.h"
#include "guest/errno.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/smp.h"
#include "guest/trace.h"
#include "guest/vcpu_check.h"
#include "guest/vcpu_halt.h"
#include "guest/vcpu_request.h"
#include "guest/vcpu_steal.h"

/* ---- from outside ---- */

static void
set_task(struct vcpu *vcpu, struct task *task)
{
	unsigned long flags = raw_spin_lock_irqsave(&vcpu->task_lock);

	vcpu->task = task;
	raw_spin_unlock_irqrestore(&vcpu->task_lock, flags);
}

int
vcpu_run(struct vcpu *vcpu)
{
	int result;

	might_sleep();
	mutex_lock(&vcpu->mutex);
	set_task(vcpu, current);
	vcpu->stop = VCPU_STOP_NONE;
	vcpu->wants_to_run = !vcpu->immediate_exit;
	result = vcpu->vm->early == VM_EARLY_IRQS_ON ? vcpu_run_irqs_on(vcpu)
	                                             : vcpu_run_irqs_off(vcpu);
	vcpu->wants_to_run = false;
	vcpu_check_put(vcpu);
	vcpu_check_stats(vcpu);
	set_task(vcpu, NULL);
	mutex_unlock(&vcpu->mutex);
	return result;
}

/* ---- requests ---- */

/* Until it may go on, or a signal comes: then it is asked for again. */
static void
stay_out(struct vcpu *vcpu)
{
	int error;

	vcpu_unlock_srcu(vcpu);
	error = wait_event_interruptible_exclusive(
		vcpu->wait, !atomic_load(&vcpu->paused) || atomic_load(&vcpu->vm->dead));
	vcpu_lock_srcu(vcpu);
	if (atomic_load(&vcpu->vm->dead)) {
		vcpu_set_request(vcpu, VCPU_REQ_VM_DEAD); /* its killer may be on its way */
	}
	if (error != 0 || atomic_load(&vcpu->paused)) {
		vcpu_set_request(vcpu, VCPU_REQ_SLEEP);
	}
}

/* Pinned: on another cpu its load would have done it. */
static void
flush(struct vcpu *vcpu)
{
	preempt_disable();
	arch_vcpu_flush(vcpu);
	preempt_enable();
}

int
__vcpu_serve_requests(struct vcpu *vcpu)
{
	ASSERT(preempt_count() == 0);
	if (!bug(DEAD_SERVED_LAST) && vcpu_check_request(vcpu, VCPU_REQ_VM_DEAD)) {
		vcpu_set_request(vcpu, VCPU_REQ_VM_DEAD); /* for good */
		return -EIO;
	}
	if (vcpu_check_request(vcpu, VCPU_REQ_SLEEP)) {
		stay_out(vcpu);
	}
	if (vcpu_check_request(vcpu, VCPU_REQ_RESET)) {
		vcpu_reset(vcpu);
	}
	vcpu_check_request(vcpu, VCPU_REQ_IRQ_PENDING); /* the look at what is pending is next */
	if (vcpu_check_request(vcpu, VCPU_REQ_STEAL)) {
		vcpu_steal_record(vcpu);
	}
	if (vcpu_check_request(vcpu, VCPU_REQ_FLUSH_ALL)) {
		vcpu_check_request(vcpu, VCPU_REQ_FLUSH_CURRENT); /* it is a part */
		flush(vcpu);
	}
	if (vcpu_check_request(vcpu, VCPU_REQ_FLUSH_CURRENT)) {
		flush(vcpu);
	}
	if (vcpu_check_request(vcpu, VCPU_REQ_SUSPEND)) {
		vcpu_emulate_halt(vcpu);
	}
	vcpu_check_request(vcpu, VCPU_REQ_UNBLOCK); /* it did not block */
	if (bug(DEAD_SERVED_LAST) && vcpu_test_request(vcpu, VCPU_REQ_VM_DEAD)) {
		return -EIO;
	}
	return 1;
}

/* ---- events ---- */

static void
prepare_interrupt(struct vcpu *vcpu)
{
	unsigned int bit = (unsigned int)__builtin_ctz(atomic_load(&vcpu->pending));

	atomic_fetch_and(&vcpu->pending, ~(1u << bit));
	vcpu->injected = (struct vcpu_event){
		.valid = true,
		.vector = (uint8_t)(PAYLOAD_VECTOR_FIRST + bit),
	};
}

void
__vcpu_prepare_event(struct vcpu *vcpu)
{
	if (vcpu->exception.valid) {
		vcpu->injected = vcpu->exception;
		vcpu->exception.valid = false;
	} else if (atomic_load(&vcpu->pending) != 0) {
		prepare_interrupt(vcpu);
	}
}

void
__vcpu_cancel_event(struct vcpu *vcpu)
{
	if (vcpu->injected.is_exception) {
		vcpu->exception = vcpu->injected;
	} else if (!bug(EVENT_DROPPED)) {
		atomic_fetch_or(&vcpu->pending,
		                1u << (vcpu->injected.vector - PAYLOAD_VECTOR_FIRST));
	}
	vcpu->injected.valid = false;
}

/* ---- the entry ---- */

/*
 * Whoever was to consume it did not, or did on another cpu; but one that came behind the last look
 * before the fast path enters anew goes with this entry.
 */
void
vcpu_enter_with_fault(struct vcpu *vcpu, struct exit_record *record)
{
	struct early_fault *fault = &record->early;

	if (bug(LATE_EARLY_EXIT)) {
		return; /* the next to look is to be charged: the report says more then */
	}
	if (!record->is_awaited) {
		panic("early fault of vcpu %u, entry %lu, was left on cpu %u", fault->vcpu,
		      fault->serial, smp_processor_id());
	}
	fault->serial = vcpu->serial;
}
