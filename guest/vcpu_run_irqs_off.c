// SPDX-License-Identifier: ISC
/*
 * The loop with early handling before the host's interrupts: vcpu_run() and vcpu_enter_guest() of
 * arch/x86/kvm/x86.c. What changes rarely is read under SRCU, which is given up in the guest and
 * around whatever may sleep for long.
 */
#include "guest/bug.h"
#include "guest/cputime.h"
#include "guest/entry_virt.h"
#include "guest/errno.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/trace.h"
#include "guest/vcpu_check.h"
#include "guest/vcpu_device.h"
#include "guest/vcpu_halt.h"
#include "guest/vcpu_inject.h"
#include "guest/vcpu_request.h"
#include "guest/vcpu_run.h"
#include "guest/vcpu_trap.h"

/* Around the guest: to lockdep the section goes on, since nothing there could mind it. */
static inline void
lock_srcu_again(struct vcpu *vcpu)
{
	vcpu->srcu_index = srcu_read_lock_notrace(&vcpu->vm->srcu);
}

static inline void
leave_srcu(struct vcpu *vcpu)
{
	srcu_read_unlock_notrace(&vcpu->vm->srcu, vcpu->srcu_index);
}

/*
 * 6 to 8: interrupts are off before mode says IN: a kick's interrupt waits until the guest is
 * entered. The barrier behind both pairs with that of who sets a request, or an interrupt pending.
 */
static inline void
set_in_guest_mode(struct vcpu *vcpu)
{
	arch_irq_disable();
	atomic_store_release(&vcpu->mode, IN_GUEST_MODE);
	if (!bug(MODE_UNORDERED)) {
		leave_srcu(vcpu);
		smp_mb();
	}
}

/* 10 */
static inline bool
must_not_enter(struct vcpu *vcpu)
{
	bool is_exiting = atomic_load(&vcpu->mode) == EXITING_GUEST_MODE && !bug(EXITING_IGNORED);

	return is_exiting || vcpu_request_pending(vcpu) || vcpu_event_waits(vcpu) ||
	       xfer_to_guest_mode_work_pending();
}

/* 11 */
static void
abort_entry(struct vcpu *vcpu)
{
	vcpu->stats.aborts++;
	if (!bug(ABORT_LEAVES_MODE)) {
		atomic_store_release(&vcpu->mode, OUTSIDE_GUEST_MODE);
	}
	if (!bug(ABORT_LEAVES_IRQS_OFF)) {
		arch_irq_enable();
	}
	if (!bug(ABORT_LEAKS)) {
		preempt_enable();
	}
	lock_srcu_again(vcpu);
	vcpu_cancel_event(vcpu);
}

/* 18: not before the instruction behind STI is what is pending taken. */
static inline void
open_window(struct vcpu *vcpu)
{
	if (bug(GUEST_TIME_SHORT)) {
		guest_timing_exit_irqoff();
	}
	vcpu_check_window(vcpu);
	arch_irq_window();
}

/*
 * What takes nothing but the vcpu itself is done here, and the guest goes on: Linux's fast path.
 * Not where an error came with the exit: that is for the early handler.
 */
static inline bool
do_fast(struct vcpu *vcpu)
{
	if (vcpu->exit.code != VCPU_EXIT_TRAP || !arch_vcpu_is_hypercall(vcpu, HYPERCALL_time) ||
	    this_cpu_read(exit_record.early.cause) != EARLY_NONE) {
		return false;
	}
	arch_vcpu_complete(vcpu, &(struct vcpu_trap){ .kind = VCPU_TRAP_HYPERCALL },
	                   vm_time_ns(vcpu->vm));
	vcpu->exit.code = VCPU_EXIT_NONE; /* nothing is left to be handled */
	return true;
}

/* 14: mode stays IN, so each entry needs the last look anew. */
static inline void
run_guest(struct vcpu *vcpu)
{
	vcpu->stats.entries++;
	vcpu_enter(vcpu);
	while (do_fast(vcpu)) { /* bounded: any interrupt ends it */
		vcpu_prepare_event(vcpu);
		if (must_not_enter(vcpu) && !bug(FAST_PATH_BLIND)) {
			vcpu_cancel_event(vcpu);
			break;
		}
		vcpu->stats.reentries++;
		vcpu_enter(vcpu);
	}
}

/* 13 to 20, but its end */
static void
enter(struct vcpu *vcpu)
{
	guest_timing_enter_irqoff(vcpu);
	run_guest(vcpu);
	atomic_store_release(&vcpu->mode, OUTSIDE_GUEST_MODE); /* 16 */
	vcpu_check_exit(vcpu);
	vcpu_inject_exit(vcpu);
	handle_exit_irqoff(vcpu); /* 17 */
	open_window(vcpu);
	if (bug(GUEST_TIME_LONG)) {
		arch_irq_enable();
		arch_irq_disable();
	}
	guest_timing_exit_irqoff(); /* 19 */
	arch_irq_enable();
	trace(TRACE_vcpu_exit, vcpu->id, vcpu->exit.code | (uint64_t)vcpu->exit.vector << 8);
	if (bug(EXIT_PREEMPTIBLE)) {
		preempt_enable();
		preempt_disable();
	}
}

static int
enter_guest(struct vcpu *vcpu)
{
	bool must_not;

	if (__builtin_expect(vcpu_request_pending(vcpu), 0)) { /* 1 */
		int result = vcpu_serve_requests(vcpu);

		if (result <= 0 || vcpu->halted) {
			return result;
		}
	}
	vcpu->stats.loops++;
	vcpu_prepare_event(vcpu); /* 2 */
	preempt_disable();        /* 4 */
	vcpu_check_pinned(vcpu);
	arch_vcpu_prepare_switch_to_guest(vcpu); /* 5 */
	must_not = bug(CHECK_BEFORE_MODE) && vcpu_request_pending(vcpu);
	set_in_guest_mode(vcpu);
	vcpu_check_mode(vcpu);
	vcpu_prepare_event(vcpu); /* 9 */
	must_not = bug(CHECK_BEFORE_MODE) ? must_not : must_not_enter(vcpu);
	if (bug(MODE_UNORDERED)) {
		leave_srcu(vcpu);
	}
	if (must_not) {
		abort_entry(vcpu);
		return 1;
	}
	enter(vcpu);
	if (!bug(LATE_EARLY_EXIT)) {
		vcpu_check_consumed(vcpu);
	}
	if (bug(EXIT_HANDLED_PINNED)) {
		handle_exit(vcpu);
	}
	preempt_enable(); /* 20 */
	if (bug(EXIT_READ_LATE)) {
		vcpu->exit = raw_cpu_ptr(&exit_record)->exit;
	}
	lock_srcu_again(vcpu); /* 21 */
	if (bug(LATE_EARLY_EXIT)) {
		handle_exit_early(vcpu);
	}
	vcpu_check_handle(vcpu);
	return handle_exit(vcpu); /* 22 */
}

/* Long sleeps do not hold up who waits for readers. */
static int
block(struct vcpu *vcpu)
{
	vcpu_unlock_srcu(vcpu);
	vcpu_halt(vcpu);
	vcpu_lock_srcu(vcpu);
	return vcpu_serve_requests(vcpu);
}

static int
handle_work(struct vcpu *vcpu)
{
	int result;

	vcpu_unlock_srcu(vcpu);
	result = xfer_to_guest_mode_handle_work();
	vcpu_lock_srcu(vcpu);
	return result == 0 ? 1 : result;
}

static int
loop(struct vcpu *vcpu)
{
	int result = 1;

	while (result > 0) { /* forever: until something stops the vcpu */
		vcpu_check_top(vcpu);
		vcpu->at_instruction_boundary = false;
		if (vcpu->halted && vcpu_runnable(vcpu)) {
			vcpu->halted = false;
		}
		result = vcpu->halted ? block(vcpu) : enter_guest(vcpu);
		if (result > 0 && __xfer_to_guest_mode_work_pending()) {
			result = handle_work(vcpu);
		}
		vcpu_check_turn(vcpu);
	}
	return result;
}

int
vcpu_run_irqs_off(struct vcpu *vcpu)
{
	int result = -EINTR;

	vcpu_load(vcpu);
	vcpu_lock_srcu(vcpu);
	if (vcpu->wants_to_run) {
		result = loop(vcpu);
	}
	vcpu_unlock_srcu(vcpu);
	vcpu_put(vcpu);
	return result;
}
