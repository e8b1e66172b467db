// SPDX-License-Identifier: ISC
#include "guest/vcpu_exit.h"

#include "guest/arch.h"
#include "guest/bug.h"
#include "guest/panic.h"
#include "guest/preempt.h"
#include "guest/smp.h"
#include "guest/trace.h"
#include "guest/vcpu.h"
#include "guest/vcpu_check.h"

DEFINE_PER_CPU(struct exit_record, exit_record);

void
early_fault_raise(enum early_cause cause)
{
	struct early_fault *fault = &this_cpu_ptr(&exit_record)->early;
	const struct vcpu *vcpu = this_cpu_read(running_vcpu);

	ASSERT(arch_irqs_disabled());
	ASSERT(vcpu != NULL);
	if (cause > fault->cause) {
		*fault = (struct early_fault){
			.cause = cause,
			.cpu = smp_processor_id(),
			.vcpu = vcpu->id,
			.serial = vcpu->serial,
		};
	}
}

/*
 * The vcpu's own error, which its payload's handler gets: a virtual NMI or machine check. Returns
 * whether it has one.
 */
static bool
inject_error(struct vcpu *vcpu, unsigned int vector)
{
	if (!arch_vcpu_has_handler(vcpu) || !arch_vcpu_can_nest(vcpu)) {
		return false;
	}
	vcpu->exception = (struct vcpu_event){
		.valid = true,
		.is_exception = true,
		.vector = (uint8_t)vector,
	};
	return true;
}

/* An NMI that nobody wants to hear of is nothing; what a machine check has broken stays so. */
static void
judge(struct vcpu *vcpu, const struct early_fault *fault)
{
	switch (fault->cause) {
	case EARLY_CORRECTED:
		break;
	case EARLY_NMI:
		inject_error(vcpu, PAYLOAD_VECTOR_NMI);
		break;
	case EARLY_RECOVERABLE:
		if (!inject_error(vcpu, PAYLOAD_VECTOR_MACHINE_CHECK)) {
			vcpu->stop = VCPU_STOP_ERROR;
			vcpu->stop_value = PAYLOAD_VECTOR_MACHINE_CHECK;
		}
		break;
	default:
		panic("uncontainable error on cpu %u, in vcpu %u", fault->cpu, fault->vcpu);
	}
}

/*
 * Whose it is can be told only here: behind the next switch another vcpu, or another cpu, stands in
 * the place of the one that had it.
 */
static void
check_whose(const struct vcpu *vcpu, const struct early_fault *fault)
{
	unsigned int cpu = raw_smp_processor_id(); /* whatever it is: that is what is to be told */

	if (fault->cpu != cpu || fault->vcpu != vcpu->id || fault->serial != vcpu->serial) {
		panic("early fault of vcpu %u, entry %lu, on cpu %u: charged to vcpu %u, entry "
		      "%lu, on cpu %u",
		      fault->vcpu, fault->serial, fault->cpu, vcpu->id, vcpu->serial, cpu);
	}
}

static __attribute__((noinline)) void
consume_fault(struct vcpu *vcpu)
{
	struct early_fault *record = &raw_cpu_ptr(&exit_record)->early;
	struct early_fault fault = *record;

	check_whose(vcpu, &fault);
	if (!bug(EARLY_KEPT)) {
		record->cause = EARLY_NONE;
	}
	vcpu->stats.early_faults++;
	trace(TRACE_vcpu_early, vcpu->id, fault.cause);
	if (vcpu->exit.code == VCPU_EXIT_TRAP && !bug(EARLY_EMULATES)) {
		arch_vcpu_replay(vcpu);
	}
	judge(vcpu, &fault);
}

static inline void
consume(struct vcpu *vcpu)
{
	vcpu->stats.early_calls++;
	if (!bug(AWAITED_TOO_LONG)) {
		this_cpu_write(exit_record.is_awaited, false); /* first: NMIs come at any time */
	}
	barrier();
	vcpu->early = this_cpu_read(exit_record.early.cause);
	if (bug(AWAITED_TOO_LONG)) {
		this_cpu_write(exit_record.is_awaited, false);
	}
	if (__builtin_expect(vcpu->early != EARLY_NONE, 0)) {
		consume_fault(vcpu);
	}
}

void
handle_exit_early(struct vcpu *vcpu)
{
	if (!bug(LATE_EARLY_EXIT)) {
		ASSERT(preempt_count() == PREEMPT_DISABLE_OFFSET);
		vcpu_check_early(vcpu);
	}
	consume(vcpu);
}

/* The interrupt last: it may take long, and what it wakes is to find the vcpu as it is. */
void
handle_exit_irqoff(struct vcpu *vcpu)
{
	if (!bug(LATE_EARLY_EXIT)) {
		DEBUG_ASSERT(arch_irqs_disabled());
		vcpu_check_early(vcpu);
		consume(vcpu);
	}
	if (vcpu->exit.code == VCPU_EXIT_INTERRUPT) {
		vcpu->at_instruction_boundary = true;
		arch_vcpu_handle_interrupt(vcpu);
	}
}
