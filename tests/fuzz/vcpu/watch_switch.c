// SPDX-License-Identifier: ISC
/*
 * At the switches of a runner: is its vcpu where it must be, and what does its guest see of it?
 */
#include "guest/preempt.h"
#include "guest/sched.h"
#include "guest/vcpu.h"
#include "tests/explore/vcpus.h"
#include "tests/fuzz/vcpu/watch.h"
#include "tests/fuzz/vcpu/world.h"
#include "tests/host/run.h"

static struct vcpu *
own_vcpu(void)
{
	for (uint32_t id = 0; id < EXITS_VCPUS; id++) {
		if (world_tasks[id] == current) {
			return vm_vcpu(world_vm, id);
		}
	}
	return NULL;
}

/* What it was told before, it reads until its next entry, wherever it waits meanwhile. */
static void
check_guest_view(const struct vcpu *vcpu, bool is_preempted)
{
	const struct payload_steal *steal = vcpu->steal.cached;
	bool is_seen = steal != NULL && (steal->flags & PAYLOAD_STEAL_PREEMPTED);

	if (is_seen && is_preempted && vcpu->arch.trapped) {
		host_fail("vcpu %u is seen preempted in the midst of an instruction", vcpu->id);
	}
	if (!is_preempted && vcpu->steal.since_ns != 0) {
		host_fail("vcpu %u is seen preempted though it waits", vcpu->id);
	}
	if (is_preempted && steal != NULL && vcpu->at_instruction_boundary && !is_seen) {
		host_fail("vcpu %u is preempted, and not seen so", vcpu->id);
	}
}

void
watch_behind_out(void)
{
	unsigned long flags = host_step_begin();
	const struct vcpu *vcpu = own_vcpu();
	bool is_preempted = vcpus_look_behind_out(vcpu);

	if (vcpu->notifier.task != NULL) {
		check_guest_view(vcpu, is_preempted);
	}
	host_step_end(flags);
}

void
watch_behind_in(void)
{
	unsigned long flags = host_step_begin();
	const struct vcpu *vcpu = own_vcpu();

	vcpus_look_behind_in(vcpu);
	if (vcpu->notifier.task != NULL && vcpu->in_wfi && vcpu->resident.value != 0) {
		host_fail("vcpu %u waits for interrupts, and who raises one does not wake it",
		          vcpu->id);
	}
	host_step_end(flags);
}
