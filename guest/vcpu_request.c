// SPDX-License-Identifier: ISC
#include "guest/vcpu_request.h"

#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/smp.h"
#include "guest/smp_call.h"
#include "guest/trace.h"
#include "guest/vcpu_halt.h"

/* ---- the bits ---- */

/* A full barrier: before it what the request is about, behind it the look at mode. */
void
vcpu_set_request(struct vcpu *vcpu, enum vcpu_request request)
{
	if (bug(REQUEST_UNORDERED)) {
		atomic_store(&vcpu->requests, atomic_load(&vcpu->requests) | 1u << request);
	} else {
		atomic_fetch_or(&vcpu->requests, 1u << request);
	}
}

/* Cleared before the work: a request that comes during it is another one. */
bool
vcpu_check_request(struct vcpu *vcpu, enum vcpu_request request)
{
	if (!vcpu_test_request(vcpu, request)) {
		return false;
	}
	atomic_fetch_and(&vcpu->requests, ~(1u << request));
	return true;
}

/* ---- the kick ---- */

/*
 * Has it leave its guest; returns the mode that it was in. Only who finds IN sends: the rest find
 * that somebody has.
 */
static uint32_t
exiting_guest_mode(struct vcpu *vcpu)
{
	uint32_t mode = IN_GUEST_MODE;

	if (bug(KICK_WITHOUT_MODE)) {
		return IN_GUEST_MODE;
	}
	if (atomic_try_cmpxchg(&vcpu->mode, &mode, EXITING_GUEST_MODE)) {
		atomic_fetch_add(&vcpu->stats.exiting, 1);
		return IN_GUEST_MODE;
	}
	return mode;
}

/*
 * mode is read before cpu, and cpu once (J38): the vcpu may be anywhere now, but where it was in
 * its guest then it has left it since. Preemption off.
 */
static void
send(struct vcpu *vcpu, unsigned int cpu)
{
	if (cpu < cpu_count && (cpu != smp_processor_id() || bug(KICK_SENT_TO_SELF))) {
		atomic_fetch_add(&vcpu->stats.ipis, 1);
		arch_ipi_send(cpu, IRQ_RESCHEDULE);
	}
}

bool
vcpu_wake_up(struct vcpu *vcpu)
{
	if (!wq_has_sleeper(&vcpu->wait) ||
	    __wake_up(&vcpu->wait, TASK_INTERRUPTIBLE, 1, NULL) == 0) {
		return false;
	}
	atomic_store(&vcpu->ready, 1);
	trace(TRACE_vcpu_wakeup, vcpu->id, 0);
	return true;
}

void
vcpu_kick(struct vcpu *vcpu)
{
	ASSERT(!in_nmi());
	atomic_fetch_add(&vcpu->stats.kicks, 1);
	if (vcpu_wake_up(vcpu)) {
		return;
	}
	preempt_disable();
	/* From its own cpu, where it can be in its guest only in between: it is not to go in again.
	 */
	if (vcpu == this_cpu_read(running_vcpu) && !bug(KICK_SENT_TO_SELF)) {
		if (atomic_load(&vcpu->mode) == IN_GUEST_MODE) {
			atomic_store(&vcpu->mode, EXITING_GUEST_MODE);
			atomic_fetch_add(&vcpu->stats.exiting, 1);
		}
	} else if (exiting_guest_mode(vcpu) == IN_GUEST_MODE) {
		send(vcpu, atomic_load(&vcpu->cpu));
	}
	preempt_enable();
}

/* ---- with an answer ---- */

struct call {
	struct call_single_data data;
	struct atomic done;
};

/* That it ran says it all: the interrupt has ended whatever the cpu was in. */
static void
acknowledge(struct call_single_data *data)
{
	atomic_store_release(&container_of(data, struct call, data)->done, 1);
}

/* Count not 0, irqs on: else two cpus that do so would wait for each other. */
static void
call_and_wait(struct vcpu *vcpu, unsigned int cpu)
{
	struct call call = { .data = CALL_SINGLE_DATA_INIT(acknowledge) };

	ASSERT(!arch_irqs_disabled());
	if (cpu >= cpu_count || cpu == smp_processor_id()) {
		return;
	}
	atomic_fetch_add(&vcpu->stats.waits, 1);
	atomic_fetch_add(&vcpu->stats.ipis, 1);
	smp_call_function_single_async(cpu, &call.data);
	while (!atomic_load_acquire(&call.done) && !bug(CALL_UNWAITED)) {
		arch_cpu_relax(); /* bounded: that cpu takes interrupts again */
	}
}

static void
send_for_request(struct vcpu *vcpu, unsigned int flags, unsigned int early_cpu)
{
	uint32_t mode = exiting_guest_mode(vcpu);

	if (flags & VCPU_REQ_WAIT) {
		if (mode != OUTSIDE_GUEST_MODE) {
			call_and_wait(vcpu, atomic_load(&vcpu->cpu));
		}
	} else if (mode == IN_GUEST_MODE) {
		send(vcpu, bug(KICK_CPU_FIRST) ? early_cpu : atomic_load(&vcpu->cpu));
	}
}

void
vcpu_make_request(struct vcpu *vcpu, enum vcpu_request request, unsigned int flags)
{
	unsigned int early_cpu = bug(KICK_CPU_FIRST) ? atomic_load(&vcpu->cpu) : 0;

	ASSERT(!in_nmi());
	ASSERT(!(flags & VCPU_REQ_WAIT) || !arch_irqs_disabled());
	if (!(flags & VCPU_REQ_NO_ACTION)) {
		vcpu_set_request(vcpu, request);
	}
	if (!(flags & VCPU_REQ_NO_WAKEUP) && vcpu_wake_up(vcpu)) {
		return;
	}
	preempt_disable();
	send_for_request(vcpu, flags, early_cpu);
	preempt_enable();
}

/* The mode before what the tables say: pairs with the barrier between what was taken away, and the
 * look at mode. */
void
walk_shadow_page_lockless_begin(struct vcpu *vcpu)
{
	ASSERT(preempt_count() == 0);
	arch_irq_disable();
	ASSERT(atomic_load(&vcpu->mode) == OUTSIDE_GUEST_MODE);
	if (bug(WALK_UNORDERED)) {
		atomic_store(&vcpu->mode, READING_SHADOW_PAGE_TABLES);
	} else {
		atomic_store_mb(&vcpu->mode, READING_SHADOW_PAGE_TABLES);
	}
}

void
walk_shadow_page_lockless_end(struct vcpu *vcpu)
{
	atomic_store_release(&vcpu->mode, OUTSIDE_GUEST_MODE);
	arch_irq_enable();
}

void
vm_make_all_requests(struct vm *vm, enum vcpu_request request, unsigned int flags)
{
	uint32_t count = atomic_load(&vm->vcpu_count);

	for (uint32_t id = 0; id < count; id++) {
		vcpu_make_request(vm_vcpu(vm, id), request, flags);
	}
}

/* ---- the guest's interrupts ---- */

/*
 * While it is resident an entry looks at pending behind its mode; else somebody has to wake it. The
 * barrier of the or is between what is pending and the looks at both: it pairs with the one behind
 * mode, and with the one behind the state of who blocks.
 */
void
vcpu_interrupt(struct vcpu *vcpu, unsigned int vector)
{
	ASSERT(vector - PAYLOAD_VECTOR_FIRST < PAYLOAD_VECTOR_COUNT);
	atomic_fetch_or(&vcpu->pending, 1u << (vector - PAYLOAD_VECTOR_FIRST));
	if (!atomic_load(&vcpu->resident)) {
		vcpu_kick(vcpu);
		return;
	}
	preempt_disable();
	if (vcpu != this_cpu_read(running_vcpu) && exiting_guest_mode(vcpu) == IN_GUEST_MODE) {
		send(vcpu, atomic_load(&vcpu->cpu));
	}
	preempt_enable();
}

void
vcpu_pause(struct vcpu *vcpu)
{
	atomic_store(&vcpu->paused, 1);
	vcpu_make_request(vcpu, VCPU_REQ_SLEEP, 0);
}

void
vcpu_resume(struct vcpu *vcpu)
{
	atomic_store(&vcpu->paused, 0);
	vcpu_wake_up(vcpu);
}
