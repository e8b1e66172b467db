// SPDX-License-Identifier: ISC
/*
 * The loop with early handling behind the host's interrupts: kvm_arch_vcpu_ioctl_run() of
 * arch/arm64/kvm/arm.c. What of its steps this machine does not have (PMU, nested, dirty ring) is
 * not here.
 */
#include "guest/bug.h"
#include "guest/cputime.h"
#include "guest/entry_virt.h"
#include "guest/errno.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/trace.h"
#include "guest/vcpu_check.h"
#include "guest/vcpu_inject.h"
#include "guest/vcpu_request.h"
#include "guest/vcpu_run.h"

/* 10: who sets a request looks at mode behind a barrier of its own; one of us sees the other. */
static inline void
set_in_guest_mode(struct vcpu *vcpu)
{
	if (bug(MODE_UNORDERED)) {
		atomic_store(&vcpu->mode, IN_GUEST_MODE);
	} else {
		atomic_store_mb(&vcpu->mode, IN_GUEST_MODE);
	}
}

/* 11: a kick that comes behind it is pending at the entry. */
static inline bool
must_not_enter(struct vcpu *vcpu)
{
	return vcpu_request_pending(vcpu) || vcpu_event_waits(vcpu) ||
	       xfer_to_guest_mode_work_pending();
}

/* 12 */
static void
abort_entry(struct vcpu *vcpu)
{
	vcpu->stats.aborts++;
	if (!bug(ABORT_LEAVES_MODE)) {
		atomic_store(&vcpu->mode, OUTSIDE_GUEST_MODE);
	}
	vcpu_cancel_event(vcpu);
	if (!bug(ABORT_LEAVES_IRQS_OFF)) {
		arch_irq_enable();
	}
	if (!bug(ABORT_LEAKS)) {
		preempt_enable();
	}
}

/* 17: what ended the guest is served within its time. */
static inline void
serve_interrupt(struct vcpu *vcpu)
{
	if (vcpu->exit.code != VCPU_EXIT_INTERRUPT) {
		return;
	}
	vcpu->at_instruction_boundary = true;
	arch_vcpu_raise_interrupt(vcpu);
	if (bug(GUEST_TIME_SHORT)) {
		guest_timing_exit_irqoff();
	}
	vcpu_check_window(vcpu);
	arch_irq_window();
}

/* 13 to 20 */
static void
enter(struct vcpu *vcpu)
{
	guest_timing_enter_irqoff(vcpu);
	vcpu->stats.entries++;
	vcpu_enter(vcpu);
	atomic_store(&vcpu->mode, OUTSIDE_GUEST_MODE); /* 15 */
	vcpu_check_exit(vcpu);
	vcpu_inject_exit(vcpu);
	serve_interrupt(vcpu);
	if (bug(GUEST_TIME_LONG)) {
		arch_irq_enable();
		arch_irq_disable();
	}
	guest_timing_exit_irqoff(); /* 18 */
	arch_irq_enable();          /* 19 */
	trace(TRACE_vcpu_exit, vcpu->id, vcpu->exit.code | (uint64_t)vcpu->exit.vector << 8);
	if (bug(EXIT_PREEMPTIBLE)) {
		preempt_enable();
		preempt_disable();
	}
}

/* 4 to 25; ready: nothing yet says that the loop is to end. */
static int
turn(struct vcpu *vcpu, int ready)
{
	bool must_not;

	vcpu->stats.loops++;
	preempt_disable(); /* 6 */
	vcpu_check_pinned(vcpu);
	arch_vcpu_prepare_switch_to_guest(vcpu);
	arch_irq_disable(); /* 8 */
	vcpu_prepare_event(vcpu);
	must_not = bug(CHECK_BEFORE_MODE) && must_not_enter(vcpu);
	set_in_guest_mode(vcpu);
	vcpu_check_mode(vcpu);
	if (ready <= 0 || (bug(CHECK_BEFORE_MODE) ? must_not : must_not_enter(vcpu))) {
		abort_entry(vcpu);
		return ready;
	}
	enter(vcpu);
	if (!bug(LATE_EARLY_EXIT)) {
		handle_exit_early(vcpu); /* 21 */
		vcpu_check_consumed(vcpu);
	}
	if (bug(EXIT_HANDLED_PINNED)) {
		handle_exit(vcpu);
	}
	preempt_enable(); /* 23 */
	if (bug(EXIT_READ_LATE)) {
		vcpu->exit = raw_cpu_ptr(&exit_record)->exit;
	}
	if (bug(LATE_EARLY_EXIT)) {
		handle_exit_early(vcpu);
	}
	vcpu_check_handle(vcpu);
	return handle_exit(vcpu); /* 25 */
}

static int
loop(struct vcpu *vcpu)
{
	int result = 1;

	while (result > 0) { /* forever: until something stops the vcpu */
		vcpu_check_top(vcpu);
		vcpu->at_instruction_boundary = false;
		result = xfer_to_guest_mode_handle_work(); /* 4 */
		if (result == 0) {
			result = vcpu_serve_requests(vcpu); /* 5 */
		}
		result = turn(vcpu, result);
		vcpu_check_turn(vcpu);
	}
	return result;
}

int
vcpu_run_irqs_on(struct vcpu *vcpu)
{
	int result = -EINTR;

	vcpu_load(vcpu); /* 1 */
	if (vcpu->wants_to_run) {
		result = loop(vcpu);
	}
	vcpu_put(vcpu); /* 26 */
	return result;
}
