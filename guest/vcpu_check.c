// SPDX-License-Identifier: ISC
#include "guest/vcpu_check.h"

#include "guest/bug.h"
#include "guest/context_tracking.h"
#include "guest/cputime.h"
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/smp.h"

/* Where the count does not tell of preemption, it is 0 at every point. */
#define PINNED PREEMPT_DISABLE_OFFSET

#define CHECK(vcpu, condition)                                                                  \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			panic("vcpu %u, entry %lu: %s: not so: %s", (vcpu)->id, (vcpu)->serial, \
			      __func__, #condition);                                            \
		}                                                                               \
	} while (0)

static bool
is_in_or_exiting(const struct vcpu *vcpu)
{
	uint32_t mode = atomic_load(&vcpu->mode);

	return mode == IN_GUEST_MODE || mode == EXITING_GUEST_MODE;
}

/* It is current's, and loaded on this cpu: pinned. */
static inline __attribute__((always_inline)) void
check_here(const struct vcpu *vcpu)
{
	CHECK(vcpu, this_cpu_read(running_vcpu) == vcpu);
	CHECK(vcpu, atomic_load(&vcpu->cpu) == raw_smp_processor_id());
	CHECK(vcpu, vcpu->notifier.task == current);
}

/* The same at each point from C on, and not put since. */
static inline __attribute__((always_inline)) void
check_stayed(const struct vcpu *vcpu)
{
	check_here(vcpu);
	CHECK(vcpu, vcpu->checked.cpu == raw_smp_processor_id());
	CHECK(vcpu, vcpu->checked.outs == vcpu->stats.outs);
}

/* Where nothing could have changed since such a point but by a switch. */
static inline __attribute__((always_inline)) void
check_not_switched(const struct vcpu *vcpu)
{
	CHECK(vcpu, this_cpu_read(running_vcpu) == vcpu);
	CHECK(vcpu, vcpu->checked.outs == vcpu->stats.outs);
}

void
vcpu_check_all_loaded(struct vcpu *vcpu)
{
	check_here(vcpu);
	CHECK(vcpu, preempt_count() == PINNED);
	CHECK(vcpu, atomic_load(&vcpu->mode) == OUTSIDE_GUEST_MODE);
	CHECK(vcpu, vcpu->stats.outs == vcpu->stats.ins);
	CHECK(vcpu, vcpu->stats.loads == vcpu->stats.puts + 1);
}

void
vcpu_check_all_top(struct vcpu *vcpu)
{
	CHECK(vcpu, preempt_count() == 0);
	CHECK(vcpu, !arch_irqs_disabled());
	CHECK(vcpu, atomic_load(&vcpu->mode) == OUTSIDE_GUEST_MODE);
	arch_irq_disable(); /* costs less than the checked counter does */
	check_here(vcpu);
	arch_irq_enable();
}

void
vcpu_check_all_pinned(struct vcpu *vcpu)
{
	check_here(vcpu);
	CHECK(vcpu, preempt_count() == PINNED);
	CHECK(vcpu, !arch_irqs_disabled());
	CHECK(vcpu, atomic_load(&vcpu->mode) == OUTSIDE_GUEST_MODE);
	vcpu->checked.cpu = raw_smp_processor_id();
	vcpu->checked.outs = vcpu->stats.outs;
}

void
vcpu_check_all_mode(struct vcpu *vcpu)
{
	check_not_switched(vcpu);
	CHECK(vcpu, preempt_count() == PINNED);
	CHECK(vcpu, arch_irqs_disabled());
	CHECK(vcpu, is_in_or_exiting(vcpu));
}

void
vcpu_check_all_entry(struct vcpu *vcpu)
{
	check_not_switched(vcpu);
	CHECK(vcpu, preempt_count() == PINNED);
	CHECK(vcpu, arch_irqs_disabled());
	CHECK(vcpu, is_in_or_exiting(vcpu));
	CHECK(vcpu, this_cpu_read(timed_vcpu) == vcpu);
}

void
vcpu_check_all_exit(struct vcpu *vcpu)
{
	check_stayed(vcpu);
	CHECK(vcpu, preempt_count() == PINNED);
	CHECK(vcpu, arch_irqs_disabled());
	CHECK(vcpu, rcu_is_watching());
	CHECK(vcpu, atomic_load(&vcpu->mode) == OUTSIDE_GUEST_MODE);
	CHECK(vcpu, vcpu->last_entry_cpu == raw_smp_processor_id());
}

void
vcpu_check_all_window(struct vcpu *vcpu)
{
	check_not_switched(vcpu);
	CHECK(vcpu, preempt_count() == PINNED);
	CHECK(vcpu, atomic_load(&vcpu->mode) == OUTSIDE_GUEST_MODE);
	CHECK(vcpu, this_cpu_read(timed_vcpu) == vcpu);
}

void
vcpu_check_all_early(struct vcpu *vcpu)
{
	bool irqs_off = vcpu->vm->early == VM_EARLY_IRQS_OFF;

	check_stayed(vcpu);
	CHECK(vcpu, preempt_count() == PINNED);
	CHECK(vcpu, arch_irqs_disabled() == irqs_off);
	CHECK(vcpu, (this_cpu_read(timed_vcpu) == vcpu) == irqs_off);
	CHECK(vcpu, rcu_is_watching());
	CHECK(vcpu, atomic_load(&vcpu->mode) == OUTSIDE_GUEST_MODE);
	CHECK(vcpu, vcpu->stats.early_calls + 1 == vcpu->stats.entries);
}

void
vcpu_check_all_consumed(struct vcpu *vcpu)
{
	check_not_switched(vcpu);
	CHECK(vcpu, preempt_count() == PINNED);
	CHECK(vcpu, !arch_irqs_disabled());
	CHECK(vcpu, this_cpu_read(timed_vcpu) == NULL);
	CHECK(vcpu, atomic_load(&vcpu->mode) == OUTSIDE_GUEST_MODE);
	CHECK(vcpu, this_cpu_read(exit_record.early.cause) == EARLY_NONE);
	CHECK(vcpu, vcpu->stats.early_calls == vcpu->stats.entries);
}

void
vcpu_check_all_handle(struct vcpu *vcpu)
{
	CHECK(vcpu, preempt_count() == 0);
	CHECK(vcpu, !arch_irqs_disabled());
	CHECK(vcpu, atomic_load(&vcpu->mode) == OUTSIDE_GUEST_MODE);
	CHECK(vcpu, vcpu->stats.outs >= vcpu->checked.outs);
	arch_irq_disable();
	check_here(vcpu);
	CHECK(vcpu, vcpu->stats.outs == vcpu->stats.ins);
	arch_irq_enable();
}

void
vcpu_check_all_turn(struct vcpu *vcpu)
{
	CHECK(vcpu, preempt_count() == 0);
	CHECK(vcpu, !arch_irqs_disabled());
	CHECK(vcpu, atomic_load(&vcpu->mode) == OUTSIDE_GUEST_MODE);
	CHECK(vcpu, vcpu->stats.exits == vcpu->stats.entries + vcpu->stats.reentries);
	CHECK(vcpu, vcpu->stats.loops == vcpu->stats.entries + vcpu->stats.aborts);
}

void
vcpu_check_all_put(struct vcpu *vcpu)
{
	CHECK(vcpu, this_cpu_read(running_vcpu) == NULL);
	CHECK(vcpu, vcpu->notifier.task == NULL);
	CHECK(vcpu, vcpu->stats.loads == vcpu->stats.puts);
	CHECK(vcpu, vcpu->stats.outs == vcpu->stats.ins);
	CHECK(vcpu, vcpu->vm->early == VM_EARLY_IRQS_OFF || atomic_load(&vcpu->cpu) == VCPU_NO_CPU);
}

/* Not check_here(): an early load is what one of these would meet. */
void
vcpu_check_all_out(struct vcpu *vcpu)
{
	CHECK(vcpu, arch_irqs_disabled());
	CHECK(vcpu, atomic_load(&vcpu->mode) == OUTSIDE_GUEST_MODE);
	check_here(vcpu);
	CHECK(vcpu, vcpu->stats.outs == vcpu->stats.ins);
	CHECK(vcpu, this_cpu_read(timed_vcpu) == NULL);
}

void
vcpu_check_all_in(struct vcpu *vcpu)
{
	CHECK(vcpu, !arch_irqs_disabled());
	CHECK(vcpu, preempt_count() == PINNED);
	CHECK(vcpu, this_cpu_read(running_vcpu) == NULL);
	CHECK(vcpu, atomic_load(&vcpu->mode) == OUTSIDE_GUEST_MODE);
	CHECK(vcpu, vcpu->stats.outs == vcpu->stats.ins + 1);
}

/* It runs before it is registered, and until after. */
void
vcpu_check_interrupt(void)
{
	struct vcpu *vcpu = this_cpu_read(running_vcpu);

	if (vcpu != NULL) {
		CHECK(vcpu, vcpu->notifier.task == current || vcpu->notifier.task == NULL);
	}
}

const char *
vcpu_stats_fault(const struct vcpu *vcpu)
{
	const struct vcpu_stats *stats = &vcpu->stats;

	if (stats->exits != stats->entries + stats->reentries) {
		return "exits are not entries";
	}
	if (stats->early_calls != stats->entries) {
		return "early calls are not entries";
	}
	if (stats->loops != stats->entries + stats->aborts) {
		return "loops are not entries and aborts";
	}
	if (stats->outs != stats->ins) {
		return "it was put and not loaded, or loaded and not put, by its switches";
	}
	if (stats->loads != stats->puts) {
		return "it is loaded still";
	}
	if (atomic_load(&stats->ipis) > atomic_load(&stats->exiting) + atomic_load(&stats->waits)) {
		return "more interrupts were sent than it was asked to exit";
	}
	return NULL;
}

void
vcpu_check_stats(const struct vcpu *vcpu)
{
	const char *fault = vcpu_stats_fault(vcpu);

	if (fault != NULL) {
		panic("vcpu %u, entry %lu: %s", vcpu->id, vcpu->serial, fault);
	}
}
